//! Checks values and claims that no token can contain as written: patterns, paths with dots, texts with spaces.

use super::Lint;
use super::claim_name::{is_scopes, is_text, nested, top_level};
use crate::inspect::describe;
use crate::inspect::path::below;
use crate::inspect::tree::{Tree, TreeValue};
use jwt_guard::config::keys::{
    claim_condition, configuration, issuer, requirement, shared, source as source_key,
};
use jwt_guard::config::{Config, Issuer, Path};
use jwt_guard::policy::ClaimSource;

const ROLES_FROM: &str = shared::ROLES_FROM.name.as_str();
const GROUPS_FROM: &str = shared::GROUPS_FROM.name.as_str();
const SCOPES_FROM: &str = shared::SCOPES_FROM.name.as_str();
const AUDIENCE_FROM: &str = issuer::AUDIENCE_FROM.as_str();
const CLAIM_HEADERS: &str = configuration::CLAIM_HEADERS.as_str();
const REFUSED_CLAIMS: &str = issuer::REFUSED_CLAIMS.as_str();
const ACCEPTED_TYPES: &str = issuer::ACCEPTED_TYPES.as_str();
const REFUSED_KIDS: &str = issuer::REFUSED_KIDS.as_str();
const REQUIRES_ROLE: &str = requirement::REQUIRES_ROLE.as_str();
const REQUIRES_GROUP: &str = requirement::REQUIRES_GROUP.as_str();
const REQUIRES_SCOPE: &str = requirement::REQUIRES_SCOPE.as_str();
const REQUIRES_CLAIM: &str = requirement::REQUIRES_CLAIM.as_str();
const ANY: &str = claim_condition::ANY.as_str();
const ALL: &str = claim_condition::ALL.as_str();
const NONE: &str = claim_condition::NONE.as_str();
const PREFIX: &str = claim_condition::PREFIX.as_str();
const SUFFIX: &str = claim_condition::SUFFIX.as_str();

/// Checks a whole configuration: its requirements, and the claims that it reads.
pub fn of_configuration(tree: &Tree, config: &Config, lints: &mut Vec<Lint>) {
    of_requirements(tree, config, lints);
    tree.walk(&mut |value, path, _| match path.last_key().copied().unwrap_or_default() {
        key @ (ROLES_FROM | GROUPS_FROM | SCOPES_FROM) => {
            for (at, item) in one_or_many(path, value) {
                source(key, &at, item, lints);
            }
        }
        AUDIENCE_FROM => {
            for (at, item) in one_or_many(path, value) {
                nested(item.text().unwrap_or_default(), &at, lints);
            }
        }
        CLAIM_HEADERS => {
            for (name, claims) in value.members() {
                for (at, claim) in one_or_many(&path.key(name), claims) {
                    nested(claim.text().unwrap_or_default(), &at, lints);
                }
            }
        }
        REFUSED_CLAIMS => {
            for (name, values) in value.members() {
                refused(name, &path.key(name), values, lints);
            }
        }
        key @ (ACCEPTED_TYPES | REFUSED_KIDS) => {
            let what = if key == ACCEPTED_TYPES { "typ" } else { "kid" };
            for (at, item) in one_or_many(path, value) {
                if let Some(problem) = item.text().and_then(pattern) {
                    lints.push(Lint::new(
                        &at,
                        format!("{problem}: no token has this {what}; write the complete value"),
                    ));
                }
            }
        }
        _ => {}
    });
}

/// Checks an entry of `roles_from`, `groups_from` or `scopes_from`.
fn source(key: &str, at: &Path<&str>, item: &Tree, lints: &mut Vec<Lint>) {
    let (at, claim) = match item.get(source_key::CLAIM.as_str()) {
        Some(claim) => (at.key(source_key::CLAIM.as_str()), claim),
        None => (at.clone(), item),
    };
    let Some(text) = claim.text() else { return };
    nested(text, &at, lints);
    if key != SCOPES_FROM && is_scopes(text) && item.get(source_key::SPLIT.as_str()).is_none() {
        let problem = format!(
            "{text} {} one string of scopes separated by spaces, which {key} does not split; move it to \
             scopes_from and write requires_scope, or write {{claim: {text}, split: \" \"}}",
            is_text(text)
        );
        lints.push(Lint::new(&at, problem));
    }
}

/// Checks a claim of `refused_claims`.
fn refused(claim: &str, path: &Path<&str>, values: &Tree, lints: &mut Vec<Lint>) {
    nested(claim, path, lints);
    for (at, value) in one_or_many(path, values) {
        let Some(text) = value.text() else { continue };
        if let Some(problem) = pattern(text) {
            lints.push(Lint::new(&at, format!("{problem}: it refuses no token; write the complete value")));
        } else if is_scopes(claim) && !text.contains(' ') {
            let problem = format!(
                "{claim} {} one string of scopes separated by spaces: a token with {text} and another scope is not \
                 refused",
                is_text(claim)
            );
            lints.push(Lint::new(&at, problem));
        }
    }
}

/// A kind of name in a requirement: role, group or scope.
struct Named {
    what: &'static str,
    /// The key that names the claims which contain these names.
    key: &'static str,
    sources: fn(&Issuer) -> &Vec<ClaimSource>,
}

/// Checks every requirement in the tree.
pub fn of_requirements(tree: &Tree, config: &Config, lints: &mut Vec<Lint>) {
    tree.walk(&mut |value, path, _| {
        let named = match path.last_key().copied().unwrap_or_default() {
            REQUIRES_ROLE => Named { what: "role", key: ROLES_FROM, sources: |issuer| &issuer.sources.roles },
            REQUIRES_GROUP => {
                Named { what: "group", key: GROUPS_FROM, sources: |issuer| &issuer.sources.groups }
            }
            REQUIRES_SCOPE => {
                Named { what: "scope", key: SCOPES_FROM, sources: |issuer| &issuer.sources.scopes }
            }
            REQUIRES_CLAIM => {
                for (at, condition) in one_or_many(path, value) {
                    self::condition(condition, &at, config, lints);
                }
                return;
            }
            _ => return,
        };
        names(value, path, &named, config, lints);
    });
}

/// Checks the roles, groups or scopes of a requirement.
fn names(value: &Tree, path: &Path<&str>, named: &Named, config: &Config, lints: &mut Vec<Lint>) {
    let Named { what, key, sources } = *named;
    let mut all = config.issuers.iter().flat_map(sources).peekable();
    if all.peek().is_none() {
        let problem = format!(
            "can never be met: {key} is empty, so no token has a {what}; write the claim that contains it in {key}"
        );
        lints.push(Lint::new(path, problem));
        return;
    }
    let prefixes: Option<Vec<&str>> = all.map(|source| source.prefix.as_deref()).collect();
    value.walk(&mut |name, at, _| {
        let Some(text) = name.text() else { return };
        let at = &below(path, at);
        if let Some(problem) = pattern(text) {
            let any = match text {
                "*" => format!(
                    "; for any valid token write allow_authenticated: true instead of requires_{what}"
                ),
                _ => format!("; write each {what}"),
            };
            lints.push(Lint::new(at, format!("{problem}: no other {what} matches{any}")));
        } else if text.trim() != text {
            let problem = format!(
                "\"{text}\" is compared with its outer spaces, which no {what} has: write {}",
                text.trim()
            );
            lints.push(Lint::new(at, problem));
        } else if text.contains(',') && !text.contains('=') {
            let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
            let problem = format!(
                "\"{text}\" is read as the name of one {what}; for several write a list: [{}]",
                parts.join(", ")
            );
            lints.push(Lint::new(at, problem));
        } else if let Some(prefixes) = &prefixes
            && let Some(prefix) =
                prefixes.iter().find(|prefix| text.starts_with(**prefix) && text.len() > prefix.len())
            && prefixes.iter().all(|prefix| text.starts_with(prefix))
        {
            let rest = text.strip_prefix(prefix).unwrap_or(text);
            let problem = format!(
                "the prefix in {key} is removed from a token's values before the comparison: write {rest}"
            );
            lints.push(Lint::new(at, problem));
        }
    });
}

/// Checks an entry of `requires_claim`.
fn condition(condition: &Tree, path: &Path<&str>, config: &Config, lints: &mut Vec<Lint>) {
    const CLAIM: &str = claim_condition::CLAIM.as_str();
    let Some(claim) = condition.text_of(CLAIM) else { return };
    nested(claim, &path.key(CLAIM), lints);
    let name = top_level(claim);
    affixes(condition, path, lints);
    for key in [NONE, PREFIX, SUFFIX] {
        let Some(values) = condition.get(key).filter(|_| is_scopes(claim)) else { continue };
        for (at, item) in one_or_many(&path.key(key), values) {
            if item.text().is_some_and(|text| !text.contains(' ')) {
                let problem = format!(
                    "{claim} {} one string of scopes separated by spaces, and {key} compares the whole string, not \
                     each scope; write requires_scope for scopes",
                    is_text(claim)
                );
                lints.push(Lint::new(&at, problem));
            }
        }
    }
    if let Some(values) = condition.get(NONE).filter(|_| !is_scopes(claim)) {
        for (at, item) in one_or_many(&path.key(NONE), values) {
            if let Some(problem) = item.text().and_then(pattern) {
                lints.push(Lint::new(
                    &at,
                    format!("{problem}: it excludes no value; write the complete value"),
                ));
            }
        }
    }
    for key in [ANY, ALL] {
        let Some(values) = condition.get(key) else { continue };
        let path = path.key(key);
        let items = one_or_many(&path, values);
        let mut has_lint = false;
        for (at, item) in &items {
            let Some(text) = item.text() else { continue };
            if let Some(problem) = pattern(text) {
                let remedy = match wildcard(text) {
                    Some((_, "")) => "for any value write present: true".to_owned(),
                    Some((affix, part)) if key == ANY => {
                        format!("write {affix}: {} instead of {key}", describe::flow_text(part))
                    }
                    _ => "write the complete values, or one entry with prefix or suffix for each part"
                        .to_owned(),
                };
                lints.push(Lint::new(at, format!("{problem}: no other value matches; {remedy}")));
                has_lint = true;
            } else if is_scopes(claim) && !text.contains(' ') {
                let problem = format!(
                    "{claim} {} one string of scopes separated by spaces: it equals {text} only in a token with \
                     no other scope; write requires_scope: {text}",
                    is_text(claim)
                );
                lints.push(Lint::new(at, problem));
                has_lint = true;
            }
        }
        if !has_lint {
            registered(name, key, values, &items, &path, config, lints);
        }
    }
}

/// Checks `prefix` and `suffix`: a text whose inner end is a letter or digit also matches longer names.
fn affixes(condition: &Tree, path: &Path<&str>, lints: &mut Vec<Lint>) {
    for (key, longer, example) in [(PREFIX, "continues", "-evil"), (SUFFIX, "begins", "evil")] {
        let Some(texts) = condition.get(key) else { continue };
        for (at, item) in one_or_many(&path.key(key), texts) {
            let Some(text) = item.text() else { continue };
            let inner_end = if key == PREFIX { text.chars().next_back() } else { text.chars().next() };
            let problem = if let Some(problem) = pattern(text) {
                format!(
                    "{problem}; write only the text itself, because {key} compares only this part of the claim"
                )
            } else if inner_end.is_some_and(char::is_alphanumeric) {
                let other =
                    if key == PREFIX { format!("{text}{example}") } else { format!("{example}{text}") };
                let with_separator = if key == PREFIX { format!("{text}/") } else { format!("@{text}") };
                format!(
                    "also matches a name that {longer} differently, such as {other}; write the separator as well, \
                     such as {with_separator}"
                )
            } else {
                continue;
            };
            lints.push(Lint::new(&at, problem));
        }
    }
}

/// Checks conditions on registered claims, whose possible values are known.
fn registered(
    name: &str,
    key: &str,
    values: &Tree,
    items: &[(Path<&str>, &Tree)],
    path: &Path<&str>,
    config: &Config,
    lints: &mut Vec<Lint>,
) {
    if ["iss", "sub", "jti"].contains(&name) {
        if key == ALL && items.len() > 1 {
            let problem =
                format!("can never be met: {name} is one string and cannot equal several values; write any");
            lints.push(Lint::new(path, problem));
            return;
        }
        for (at, item) in items {
            if !matches!(item.value, TreeValue::Text(_) | TreeValue::NumericText(_)) {
                let problem = format!(
                    "can never be equal: {name} is a string in every valid token; write the value in quotes"
                );
                lints.push(Lint::new(at, problem));
            }
        }
    }
    if ["exp", "nbf", "iat"].contains(&name) {
        for (at, _) in items.iter().filter(|(_, item)| item.text().is_some()) {
            let problem = format!(
                "can never be equal: {name} is a number in every valid token, and the filter always checks it; remove this \
                 condition"
            );
            lints.push(Lint::new(at, problem));
        }
    }
    if name == "iss" {
        let known: Vec<&str> = config.issuers.iter().map(|issuer| issuer.rules.iss.as_str()).collect();
        for (at, item) in items {
            if let Some(text) = item.text().filter(|text| config.issuer_of(text).is_none()) {
                let problem = format!(
                    "can never be equal: tokens of {text} are refused, because the configured issuers are {}; add {text} to \
                     issuers, or write requires_issuer with a configured issuer",
                    known.join(", ")
                );
                lints.push(Lint::new(at, problem));
            }
        }
    }
    let from_aud = config
        .issuers
        .iter()
        .all(|issuer| issuer.rules.audience_from.iter().all(|pointer| top_level(pointer.as_str()) == "aud"));
    if name == "aud" && from_aud {
        let known = &config.names.audiences;
        let is_known = |item: &Tree| item.text().is_some_and(|text| known.iter().any(|known| known == text));
        // `all` with a configured audience requires a token for both audiences.
        if key == ALL && items.iter().any(|(_, item)| is_known(item)) {
            return;
        }
        for (at, item) in items.iter().filter(|(_, item)| !is_known(item)) {
            let text = item.text().map_or_else(|| values.to_json(), str::to_owned);
            let problem = format!(
                "a token for {text} is refused unless it also has one of the audiences {}; add {text} to audience, and write \
                 requires_audience here",
                known.join(", ")
            );
            lints.push(Lint::new(at, problem));
        }
    }
}

/// The affix key and the text of a wildcard at one end, such as `a*`: `*` alone has an empty text.
fn wildcard(text: &str) -> Option<(&'static str, &str)> {
    let (affix, part) = match (text.strip_suffix('*'), text.strip_prefix('*')) {
        (Some(part), _) => (PREFIX, part),
        (None, Some(part)) => (SUFFIX, part),
        (None, None) => return None,
    };
    let is_plain = |part: &str| !part.contains(['*', '^', '$', '\\']) && !part.ends_with('.');
    is_plain(part).then_some((affix, part))
}

/// Describes a text that looks like a pattern. The filter compares complete texts.
pub fn pattern(text: &str) -> Option<String> {
    let is_regex = text.len() > 2
        && text.starts_with('^')
        && text.ends_with('$')
        // Not every backslash: a Windows account such as `CORP\\dan` has one before a letter.
        || [".*", ".+", "\\d+", "\\w+", "[a-z", "[A-Z", "[0-9"].iter().any(|mark| text.contains(mark));
    let is_filled_in = [("${", "}"), ("{{", "}}")]
        .iter()
        .any(|(open, close)| text.split_once(open).is_some_and(|(_, rest)| rest.contains(close)));
    if is_regex {
        Some(format!("\"{text}\" is compared literally, not as a regular expression"))
    } else if text.contains('*') {
        Some(format!("\"{text}\" is compared literally, and * is not a wildcard"))
    } else if is_filled_in {
        Some(format!("\"{text}\" is compared literally, and the filter does not replace placeholders"))
    } else {
        None
    }
}

/// Returns the items of a list with their paths, or a single value as the only item.
fn one_or_many<'p>(path: &Path<&'p str>, value: &'p Tree) -> Vec<(Path<&'p str>, &'p Tree)> {
    match &value.value {
        TreeValue::List(items) => {
            items.iter().enumerate().map(|(index, item)| (path.index(index), item)).collect()
        }
        _ => vec![(path.clone(), value)],
    }
}
