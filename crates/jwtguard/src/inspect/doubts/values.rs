//! Values and claims that no token can have as they are written: patterns, paths with dots, texts with spaces in them.

use super::Doubt;
use crate::inspect::tree::{Tree, Value, below, joined};
use jwt_guard::config::Config;
use jwt_guard::policy::Source;

/// The doubts about a whole configuration: its requirements, and where it takes claims from.
pub fn of_configuration(tree: &Tree, config: &Config, doubts: &mut Vec<Doubt>) {
    of_requirements(tree, config, doubts);
    tree.walk(&mut |value, path, _| {
        let key = path.last_key().copied().unwrap_or_default();
        let path = &path.to_string();
        match key {
            "roles_from" | "groups_from" | "scopes_from" => {
                for (at, item) in one_or_many(value) {
                    let (at, claim) = match item.get("claim") {
                        Some(claim) => (below(&at, "claim"), claim),
                        None => (at, item),
                    };
                    let Some(text) = claim.text() else { continue };
                    nested(text, &below(path, &at), doubts);
                    if key != "scopes_from" && is_scopes(text) {
                        let problem = format!(
                            "{text} {} one string of scopes separated by spaces, and {key} does not split it; put it \
                             into scopes_from and write requires_scope",
                            is_text(text)
                        );
                        doubts.push((below(path, &at), problem));
                    }
                }
            }
            "audience_from" => {
                for (at, item) in one_or_many(value) {
                    nested(item.text().unwrap_or_default(), &below(path, &at), doubts);
                }
            }
            "claim_headers" => {
                for (name, claims) in value.members() {
                    for (at, claim) in one_or_many(claims) {
                        let at = below(&joined(path, name), &at);
                        nested(claim.text().unwrap_or_default(), &at, doubts);
                    }
                }
            }
            "refused_claims" => {
                for (name, values) in value.members() {
                    let at = joined(path, name);
                    nested(name, &at, doubts);
                    for (index, refused) in one_or_many(values) {
                        let Some(text) = refused.text() else { continue };
                        if let Some(problem) = pattern(text) {
                            doubts.push((below(&at, &index), format!("{problem}: nothing is refused for it")));
                        } else if is_scopes(name) && !text.contains(' ') {
                            let problem = format!(
                                "{name} {} one string of scopes separated by spaces: a token with {text} and another \
                                 scope is not refused",
                                is_text(name)
                            );
                            doubts.push((below(&at, &index), problem));
                        }
                    }
                }
            }
            "accepted_types" | "refused_kids" => {
                for (at, item) in one_or_many(value) {
                    if let Some(problem) = item.text().and_then(pattern) {
                        doubts.push((below(path, &at), format!("{problem}: no token has that {}", match key {
                            "accepted_types" => "typ",
                            _ => "kid",
                        })));
                    }
                }
            }
            _ => {}
        }
    });
}

/// The doubts about requirements, wherever they stand in the tree.
pub fn of_requirements(tree: &Tree, config: &Config, doubts: &mut Vec<Doubt>) {
    tree.walk(&mut |value, path, _| match path.last_key().copied().unwrap_or_default() {
        "requires_role" => names(
            value,
            &path.to_string(),
            "role",
            "roles_from",
            config,
            |issuer| &issuer.sources.roles,
            doubts,
        ),
        "requires_group" => {
            names(
                value,
                &path.to_string(),
                "group",
                "groups_from",
                config,
                |issuer| &issuer.sources.groups,
                doubts,
            );
        }
        "requires_scope" => {
            names(
                value,
                &path.to_string(),
                "scope",
                "scopes_from",
                config,
                |issuer| &issuer.sources.scopes,
                doubts,
            );
        }
        "requires_claim" => {
            for (at, condition) in one_or_many(value) {
                self::condition(condition, &below(&path.to_string(), &at), config, doubts);
            }
        }
        _ => {}
    });
}

/// Roles, groups or scopes that a requirement names.
fn names(
    value: &Tree,
    path: &str,
    what: &str,
    key: &str,
    config: &Config,
    sources: fn(&jwt_guard::config::Issuer) -> &Vec<Source>,
    doubts: &mut Vec<Doubt>,
) {
    let mut all = config.issuers.iter().flat_map(sources).peekable();
    if all.peek().is_none() {
        doubts.push((path.to_owned(), format!("can never be met: {key} is empty, so no token has a {what}")));
        return;
    }
    let prefixes: Option<Vec<&str>> = all.map(|source| source.prefix.as_deref()).collect();
    value.walk(&mut |name, at, _| {
        let Some(text) = name.text() else { return };
        let at = below(path, &at.to_string());
        if let Some(problem) = pattern(text) {
            let any = match text {
                "*" => format!(
                    "; for any valid token write allow_authenticated: true in place of requires_{what}"
                ),
                _ => format!("; name each {what}"),
            };
            doubts.push((at, format!("{problem}: no other {what} matches{any}")));
        } else if text.trim() != text {
            let problem =
                format!("\"{text}\" is compared with its spaces, which no {what} has: write {}", text.trim());
            doubts.push((at, problem));
        } else if text.contains(',') && !text.contains('=') {
            let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
            let problem = format!(
                "\"{text}\" is read as the name of one {what}; for several write a list: [{}]",
                parts.join(", ")
            );
            doubts.push((at, problem));
        } else if let Some(prefixes) = &prefixes
            && let Some(prefix) =
                prefixes.iter().find(|prefix| text.starts_with(**prefix) && text.len() > prefix.len())
            && prefixes.iter().all(|prefix| text.starts_with(prefix))
        {
            let rest = text.strip_prefix(prefix).unwrap_or(text);
            let problem = format!(
                "the prefix in {key} is removed from a token's values before the comparison: write {rest}"
            );
            doubts.push((at, problem));
        }
    });
}

/// One entry of `requires_claim`.
fn condition(condition: &Tree, path: &str, config: &Config, doubts: &mut Vec<Doubt>) {
    let Some(claim) = condition.text_of("claim") else { return };
    nested(claim, &below(path, "claim"), doubts);
    let name = top_level(claim);
    for key in ["any", "all"] {
        let Some(values) = condition.get(key) else { continue };
        let path = below(path, key);
        let items = one_or_many(values);
        let mut told = false;
        for (at, item) in &items {
            let at = below(&path, at);
            let Some(text) = item.text() else { continue };
            if let Some(problem) = pattern(text) {
                let remedy = match text {
                    "*" => "for any value write present: true",
                    _ => {
                        "write the complete values, or let the issuer put the common part into a claim of its own"
                    }
                };
                doubts.push((at, format!("{problem}: no other value matches; {remedy}")));
                told = true;
            } else if is_scopes(claim) && !text.contains(' ') {
                let problem = format!(
                    "{claim} {} one string of scopes separated by spaces: it equals {text} only in a token with \
                     that scope alone; write requires_scope: {text}",
                    is_text(claim)
                );
                doubts.push((at, problem));
                told = true;
            }
        }
        if !told {
            registered(name, key, values, &items, &path, config, doubts);
        }
    }
}

/// Claims of which the filter itself knows what a valid token has there.
fn registered(
    name: &str,
    key: &str,
    values: &Tree,
    items: &[(String, &Tree)],
    path: &str,
    config: &Config,
    doubts: &mut Vec<Doubt>,
) {
    if ["iss", "sub", "jti"].contains(&name) {
        if key == "all" && items.len() > 1 {
            let problem =
                format!("can never be met: {name} is one string and cannot equal several values; write any");
            doubts.push((path.to_owned(), problem));
            return;
        }
        for (at, item) in items {
            if !matches!(item.value, Value::Text(_) | Value::Digits(_)) {
                let problem = format!(
                    "can never be equal: {name} is a string in every valid token; write the value in quotes"
                );
                doubts.push((below(path, at), problem));
            }
        }
    }
    if ["exp", "nbf", "iat"].contains(&name) {
        for (at, _) in items.iter().filter(|(_, item)| item.text().is_some()) {
            let problem = format!(
                "can never be equal: {name} is a number in every valid token, and the filter checks it without a \
                 condition; leave the condition out"
            );
            doubts.push((below(path, at), problem));
        }
    }
    if name == "iss" {
        let known: Vec<&str> =
            config.issuers.iter().map(|issuer| issuer.rules.issuer_name_value.as_str()).collect();
        for (at, item) in items {
            if let Some(text) = item.text().filter(|text| !known.contains(text)) {
                let problem = format!(
                    "can never be equal: tokens of {text} are refused, because the configured issuers are {}; add it to \
                     issuers, or write requires_issuer with one of them",
                    known.join(", ")
                );
                doubts.push((below(path, at), problem));
            }
        }
    }
    let from_aud = config
        .issuers
        .iter()
        .all(|issuer| issuer.rules.audience_from.iter().all(|pointer| top_level(pointer.as_str()) == "aud"));
    if name == "aud" && from_aud {
        let known = &config.vocabulary.audiences;
        let is_known = |item: &Tree| item.text().is_some_and(|text| known.iter().any(|known| known == text));
        // `all` with one that is configured asks for a token that is for both.
        if key == "all" && items.iter().any(|(_, item)| is_known(item)) {
            return;
        }
        for (at, item) in items.iter().filter(|(_, item)| !is_known(item)) {
            let text = item.text().map_or_else(|| values.to_json(), str::to_owned);
            let problem = format!(
                "a token for {text} is refused unless it is for one of {} as well; add it to audience, and write \
                 requires_audience here",
                known.join(", ")
            );
            doubts.push((below(path, at), problem));
        }
    }
}

/// What is wrong with a text that looks like a pattern; the filter compares whole texts.
pub fn pattern(text: &str) -> Option<String> {
    let is_regex = text.len() > 2
        && text.starts_with('^')
        && text.ends_with('$')
        // A Windows account, `CORP\\dan`, has a backslash before a letter too.
        || [".*", ".+", "\\d+", "\\w+", "[a-z", "[A-Z", "[0-9"].iter().any(|mark| text.contains(mark));
    let is_filled_in = [("${", "}"), ("{{", "}}")]
        .iter()
        .any(|(open, close)| text.split_once(open).is_some_and(|(_, rest)| rest.contains(close)));
    if is_regex {
        Some(format!("\"{text}\" is compared literally, not as a regular expression"))
    } else if text.contains('*') {
        Some(format!("\"{text}\" is compared literally, and * is not a wildcard"))
    } else if is_filled_in {
        Some(format!("\"{text}\" is compared literally, and the filter fills in no placeholder"))
    } else {
        None
    }
}

/// Tells of a claim's name that is meant as a path.
fn nested(claim: &str, path: &str, doubts: &mut Vec<Doubt>) {
    if let Some(pointer) = meant(claim) {
        let problem = format!(
            "\"{claim}\" is read as the name of a top-level claim; for a claim inside another one write \
             the JSON Pointer {pointer} (and /{} for a claim of exactly that name)",
            claim.replace('~', "~0").replace('/', "~1")
        );
        doubts.push((path.to_owned(), problem));
    }
}

/// Ends of host names, of which the names of claims are made as well: `kubernetes.io`, `com.example.role`.
const DOMAINS: [&str; 22] = [
    "com", "org", "net", "io", "dev", "app", "cloud", "local", "internal", "example", "test", "edu", "gov",
    "eu", "de", "uk", "us", "co", "ai", "me", "int", "info",
];

/// The pointer that a name with dots, slashes or brackets stands for, as other projects write paths.
fn meant(claim: &str) -> Option<String> {
    let path =
        claim.strip_prefix("$.").or_else(|| claim.strip_prefix("request.auth.claims")).unwrap_or(claim);
    let is_path = path.len() < claim.len();
    if claim.starts_with(['/', '$']) && !is_path || claim.contains(':') || claim.contains(char::is_whitespace)
    {
        return None;
    }
    let is_bracketed = path.contains('[') && path.ends_with(']');
    if is_bracketed || is_path {
        let steps = path
            .split(['[', ']', '.'])
            .map(|step| step.trim_matches(['"', '\'']))
            .filter(|step| !step.is_empty());
        let pointer: String =
            steps.map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect();
        return (!pointer.is_empty()).then_some(pointer);
    }
    if let Some((first, _)) = path.split_once('/') {
        return (!first.is_empty() && !first.contains('.')).then(|| format!("/{path}"));
    }
    let labels: Vec<&str> = path.split('.').collect();
    let is_domain = |label: &&str| DOMAINS.contains(label);
    let (first, last) = (labels.first()?, labels.last()?);
    if labels.len() < 2 || labels.iter().any(|label| label.is_empty()) || is_domain(first) || is_domain(last)
    {
        return None;
    }
    // `kubernetes.io.namespace` is a claim named after a host, and a member of it.
    let host = labels.iter().rposition(|label| DOMAINS.contains(label)).map_or(1, |at| at + 1);
    let (host, rest) = labels.split_at_checked(host)?;
    Some(format!("/{}/{}", host.join("."), rest.join("/")))
}

/// Whether a claim is the space-separated list of RFC 6749.
fn is_scopes(claim: &str) -> bool {
    ["scope", "scp"].contains(&top_level(claim))
}

/// The name of a top-level claim, whether it is written as one or as a pointer.
/// `scp` is one string in Microsoft's tokens and an array in Okta's.
fn is_text(claim: &str) -> &'static str {
    if top_level(claim) == "scp" { "may be" } else { "is" }
}

fn top_level(claim: &str) -> &str {
    claim.strip_prefix('/').filter(|rest| !rest.contains('/')).unwrap_or(claim)
}

/// The items with their paths, or the value itself as the only one.
fn one_or_many(value: &Tree) -> Vec<(String, &Tree)> {
    match &value.value {
        Value::List(items) => {
            items.iter().enumerate().map(|(index, item)| (format!("[{index}]"), item)).collect()
        }
        _ => vec![(String::new(), value)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names() {
        for (claim, expected) in [
            ("realm_access.roles", Some("/realm_access/roles")),
            ("resource_access.my-api.roles", Some("/resource_access/my-api/roles")),
            ("realm_access/roles", Some("/realm_access/roles")),
            ("$.realm_access.roles", Some("/realm_access/roles")),
            ("realm_access[roles]", Some("/realm_access/roles")),
            ("request.auth.claims[realm_access][roles]", Some("/realm_access/roles")),
            ("kubernetes.io.namespace", Some("/kubernetes.io/namespace")),
            ("/realm_access/roles", None),
            ("/realm_access.roles", None),
            ("kubernetes.io", None),
            ("com.example.role", None),
            ("https://example.com/roles", None),
            ("example.com/roles", None),
            ("cognito:groups", None),
            ("urn:a.b:c", None),
            ("roles", None),
            ("$roles", None),
        ] {
            assert_eq!(meant(claim).as_deref(), expected, "{claim}");
        }
    }
}
