//! Checks methods: methods that no client sends, and methods for which a weaker rule applies.

use super::Lint;
use super::probe::{METHODS, Probe, named, route_for};
use super::strictness::requires_less;
use crate::inspect::describe;
use jwt_guard::config::Config;
use jwt_guard::config::keys::{Name, requirement as requirement_key, route as key};
use jwt_guard::policy::{Condition, Conditions, IssuerOrAudience, Requirement, Rule};

/// The methods of RFC 9110 and RFC 5789.
const COMMON: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Other methods that are registered with IANA or widely used, and so are not misspellings.
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

/// Warns about each method of the route that no client sends. Returns whether there is one.
pub fn names(probe: &Probe<'_>, lints: &mut Vec<Lint>) -> bool {
    let before = lints.len();
    for (index, method) in probe.methods.iter().enumerate() {
        if let Some(problem) = misspelling(method) {
            let path = probe.route().key(key::METHODS.as_str()).index(index);
            lints.push(Lint::new(&path, problem));
        }
    }
    lints.len() > before
}

fn misspelling(method: &str) -> Option<String> {
    let upper = method.to_ascii_uppercase();
    if method == "*" || ["ANY", "ALL"].contains(&upper.as_str()) {
        return Some(format!(
            "\"{method}\" is read as the name of a method, which no client sends; remove methods to match every method"
        ));
    }
    if COMMON.contains(&method) || OTHERS.contains(&method) {
        return None;
    }
    if OTHERS.contains(&upper.as_str()) {
        return Some(format!("methods are case-sensitive, and clients send {upper}; write {upper}"));
    }
    // `GET|POST`, `!GET`, `GET*`: valid characters that no actual method contains.
    let listed: Vec<&str> =
        upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| COMMON.contains(part)).collect();
    if !listed.is_empty() {
        return Some(format!(
            "\"{method}\" is read as the name of one method, which no client sends; write a list of methods: [{}]",
            listed.join(", ")
        ));
    }
    let near: Vec<&str> = COMMON.into_iter().filter(|common| is_misspelling(&upper, common)).collect();
    match near.as_slice() {
        [] => None,
        near => Some(format!(
            "\"{method}\" is not a method that clients send; did you mean {}?",
            near.join(" or ")
        )),
    }
}

/// Whether the texts differ in one letter that is deleted, inserted, replaced or swapped with the next one. A replaced first
/// letter of a short name does not count: SET is not a misspelt GET.
fn is_misspelling(text: &str, meant: &str) -> bool {
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

/// Warns about methods that a route does not list, if a weaker rule applies to them.
pub fn weaker(config: &Config, probes: &[Probe<'_>], served: &[&Probe<'_>], lints: &mut Vec<Lint>) {
    for probe in served.iter().filter(|probe| !probe.methods.is_empty()) {
        let (Some(host), Some(path)) = (probe.hosts.first(), probe.samples.first()) else { continue };
        let mut weaker: Vec<(Option<usize>, Vec<&str>)> = Vec::new();
        for method in METHODS {
            let Some(applying) = route_for(config, host, method, path) else { continue };
            let rule = applying.and_then(|index| config.routes.entries().get(index));
            // A route with the same path was written for these methods on purpose.
            let deliberate = applying
                .and_then(|index| probes.get(index))
                .is_some_and(|other| other.template == probe.template);
            let requirement = rule.map_or(&config.default_policy, |entry| &entry.rule.requirement);
            if !deliberate && requires_less(requirement, &probe.rule.requirement) {
                match weaker.iter_mut().find(|(index, _)| *index == applying) {
                    Some((_, methods)) => methods.push(method),
                    None => weaker.push((applying, vec![method])),
                }
            }
        }
        for (applying, methods) in weaker {
            let requirement = match applying.and_then(|index| config.routes.entries().get(index)) {
                Some(entry) => &entry.rule.requirement,
                None => &config.default_policy,
            };
            let falls_to = named(applying.and_then(|index| probes.get(index)));
            let path = probe.template;
            let meant = match keys_for(requirement, config) {
                Some(keys) => format!("a route {{path: {}, {keys}}}", describe::flow_text(path.as_str())),
                None => format!("a route of the same path, {path}, and that requirement"),
            };
            let problem = format!(
                "{falls_to} applies to {} {path} and requires less than this route requires for {}: {}; if that is \
                 intended, add {meant}; otherwise add the methods here, or remove methods",
                methods.join(", "),
                probe.methods.join(", "),
                describe::requirement(requirement, &config.names),
            );
            lints.push(Lint::new(&probe.route().key(key::METHODS.as_str()), problem));
        }
    }
}

/// The keys with which a route expresses the requirement, if it has no condition on roles, groups, scopes or claims.
fn keys_for(requirement: &Requirement, config: &Config) -> Option<String> {
    if !requirement.tokens.is_empty() {
        return None;
    }
    Some(match &requirement.rule {
        Rule::Anonymous => "allow_anonymous: true".to_owned(),
        Rule::AllowMissingOrFailed => "allow_missing_or_failed: true".to_owned(),
        Rule::AllowMissing(restrictions) => {
            let keys = restrictions.iter().map(|restriction| restriction_key(restriction, config));
            std::iter::once("allow_missing: true".to_owned()).chain(keys).collect::<Vec<_>>().join(", ")
        }
        // With several issuers, a route with `allow_authenticated` gets a warning that recommends requires_issuer.
        Rule::Authenticated(Conditions(conditions))
            if conditions.is_empty() && first_issuers(config).len() > 1 =>
        {
            key_with_list(requirement_key::REQUIRES_ISSUER, &first_issuers(config))
        }
        Rule::Authenticated(Conditions(conditions)) if conditions.is_empty() => {
            "allow_authenticated: true".to_owned()
        }
        Rule::Authenticated(Conditions(conditions)) => {
            let keys = conditions.iter().map(|condition| match condition {
                Condition::IssuerOrAudience(restriction) => Some(restriction_key(restriction, config)),
                _ => None,
            });
            keys.collect::<Option<Vec<_>>>()?.join(", ")
        }
        Rule::Deny => return None,
    })
}

/// The names of the issuers whose tokens are accepted as first tokens.
fn first_issuers(config: &Config) -> Vec<String> {
    let issuers = config.issuers.iter().filter(|issuer| issuer.first_token);
    issuers.map(|issuer| issuer.name.clone()).collect()
}

fn restriction_key(restriction: &IssuerOrAudience, config: &Config) -> String {
    match restriction {
        IssuerOrAudience::Issuer(issuers) => {
            let names: Vec<String> =
                issuers.iter().filter_map(|issuer| config.names.issuers.get(issuer.0).cloned()).collect();
            key_with_list(requirement_key::REQUIRES_ISSUER, &names)
        }
        IssuerOrAudience::Audience(audiences) => {
            let audiences: Vec<String> = audiences.iter().map(ToString::to_string).collect();
            key_with_list(requirement_key::REQUIRES_AUDIENCE, &audiences)
        }
    }
}

fn key_with_list(key: Name, values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| describe::flow_text(value)).collect();
    format!("{}: [{}]", key.as_str(), values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_valid_methods() {
        for method in
            COMMON.iter().chain(&OTHERS).chain(&["PURGEALL", "RPC_IN_DATA", "DEBUG", "SOURCE", "X-CUSTOM"])
        {
            assert_eq!(misspelling(method), None, "{method}");
        }
        for (method, meant) in [
            ("*", "remove methods to match every method"),
            ("ANY", "remove methods to match every method"),
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
                misspelling(method).is_some_and(|problem| problem.contains(meant)),
                "{method}: {:?}",
                misspelling(method)
            );
        }
    }
}
