//! Methods that no client sends, and methods that a route leaves to a rule which asks for less.

use super::Lint;
use super::lint::route;
use super::probe::{METHODS, Probe, named, route_for};
use super::strictness::requires_less;
use crate::inspect::describe;
use jwt_guard::config::Config;
use jwt_guard::config::keys::route as key;
use jwt_guard::policy::{Conditions, Requirement, Rule};

/// RFC 9110 and RFC 5789.
const COMMON: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Others that are registered with IANA or in wide use: none of them is a slip for a common one.
const OTHERS: [&str; 40] = [
    "ACL",
    "BAN",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LIST",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "NOTIFY",
    "ORDERPATCH",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SET",
    "SUBSCRIBE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "VIEW",
];

/// Every method of the route that no client sends.
pub fn names(probe: &Probe<'_>, lints: &mut Vec<Lint>) -> bool {
    let before = lints.len();
    for (index, method) in probe.methods.iter().enumerate() {
        if let Some(problem) = slip(method) {
            let path = route(probe.index).key(key::METHODS.as_str()).index(index);
            lints.push(Lint::new(&path, problem));
        }
    }
    lints.len() > before
}

fn slip(method: &str) -> Option<String> {
    let upper = method.to_ascii_uppercase();
    if method == "*" || ["ANY", "ALL"].contains(&upper.as_str()) {
        return Some(format!(
            "\"{method}\" is read as the name of a method, and no client sends it; leave methods out for every method"
        ));
    }
    if COMMON.contains(&method) || OTHERS.contains(&method) {
        return None;
    }
    if OTHERS.contains(&upper.as_str()) {
        return Some(format!("methods are case-sensitive, and clients send {upper}: write {upper}"));
    }
    // `GET|POST`, `!GET`, `GET*`: characters that a method may have, and that none has.
    let listed: Vec<&str> =
        upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| COMMON.contains(part)).collect();
    if !listed.is_empty() {
        return Some(format!(
            "\"{method}\" is read as the name of one method, and no client sends it; write a list of methods: [{}]",
            listed.join(", ")
        ));
    }
    let near: Vec<&str> = COMMON.into_iter().filter(|common| is_slip(&upper, common)).collect();
    match near.as_slice() {
        [] => None,
        near => Some(format!(
            "\"{method}\" is not a method that clients send; did you mean {}?",
            near.join(" or ")
        )),
    }
}

/// Whether one letter is left out, put in, changed or swapped with its neighbour. The first letter of a short name is
/// no slip: SET is another method than GET.
fn is_slip(text: &str, meant: &str) -> bool {
    let (text, meant): (Vec<char>, Vec<char>) = (text.chars().collect(), meant.chars().collect());
    let start = text.iter().zip(&meant).take_while(|(a, b)| a == b).count();
    let (a, b) = (text.get(start..).unwrap_or_default(), meant.get(start..).unwrap_or_default());
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let a = a.get(..a.len() - end).unwrap_or_default();
    let b = b.get(..b.len() - end).unwrap_or_default();
    match (a, b) {
        ([_], []) | ([], [_]) => true,
        ([_], [_]) => start > 0 || meant.len() > 4,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// Methods that a route does not list and that fall to a rule which asks for less.
pub fn weaker(config: &Config, probes: &[Probe<'_>], served: &[&Probe<'_>], lints: &mut Vec<Lint>) {
    for probe in served.iter().filter(|probe| !probe.methods.is_empty()) {
        let (Some(host), Some(path)) = (probe.hosts.first(), probe.samples.first()) else { continue };
        let mut weaker: Vec<(Option<usize>, Vec<&str>)> = Vec::new();
        for method in METHODS {
            let Some(governed) = route_for(config, host, method, path) else { continue };
            let rule = governed.and_then(|index| config.routes.entries().get(index));
            // A route of the same path was written for those methods; what falls through was perhaps forgotten.
            let deliberate = governed
                .and_then(|index| probes.get(index))
                .is_some_and(|other| other.template == probe.template);
            let requirement = rule.map_or(&config.default_policy, |entry| &entry.rule.requirement);
            if !deliberate && requires_less(requirement, &probe.rule.requirement) {
                match weaker.iter_mut().find(|(index, _)| *index == governed) {
                    Some((_, methods)) => methods.push(method),
                    None => weaker.push((governed, vec![method])),
                }
            }
        }
        for (governed, methods) in weaker {
            let requirement = match governed.and_then(|index| config.routes.entries().get(index)) {
                Some(entry) => &entry.rule.requirement,
                None => &config.default_policy,
            };
            let falls_to = named(governed.and_then(|index| probes.get(index)));
            let path = probe.template;
            let meant = match said(requirement) {
                Some(key) => format!("a route {{path: {}, {key}}}", describe::flow_text(path.as_str())),
                None => format!("a route of the same path, {path}, and that requirement"),
            };
            let problem = format!(
                "{} {path} falls under {falls_to}, which requires less than this route requires for {}: {}; if that is \
                 intended, add {meant}; if not, add the methods here, or leave methods out",
                methods.join(", "),
                probe.methods.join(", "),
                describe::requirement(requirement, &config.vocabulary),
            );
            lints.push(Lint::new(&route(probe.index).key(key::METHODS.as_str()), problem));
        }
    }
}

/// How a route says that.
fn said(requirement: &Requirement) -> Option<&'static str> {
    Some(match &requirement.rule {
        Rule::Anonymous => "allow_anonymous: true",
        Rule::MissingOrFailed => "allow_missing_or_failed: true",
        Rule::Missing(narrowings) if narrowings.is_empty() => "allow_missing: true",
        Rule::Authenticated(Conditions(conditions)) if conditions.is_empty() => "allow_authenticated: true",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_methods() {
        for method in
            COMMON.iter().chain(&OTHERS).chain(&["PURGEALL", "RPC_IN_DATA", "DEBUG", "SOURCE", "X-CUSTOM"])
        {
            assert_eq!(slip(method), None, "{method}");
        }
        for (method, meant) in [
            ("*", "leave methods out"),
            ("ANY", "leave methods out"),
            ("GETT", "did you mean GET?"),
            ("GTE", "did you mean GET?"),
            ("PSOT", "did you mean POST?"),
            ("POTS", "did you mean POST?"),
            ("DELET", "did you mean DELETE?"),
            ("UPTIONS", "did you mean OPTIONS?"),
            ("GET|POST", "[GET, POST]"),
            ("!GET", "[GET]"),
            ("propfind", "write PROPFIND"),
        ] {
            assert!(
                slip(method).is_some_and(|problem| problem.contains(meant)),
                "{method}: {:?}",
                slip(method)
            );
        }
    }
}
