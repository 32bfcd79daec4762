//! Describes requirements, issuers and token sources as text.

use jwt_guard::config::requirement::DefinedNames;
use jwt_guard::config::{Config, EnvoyGatewayAnnotations, SecondToken};
use jwt_guard::cors::AllowedOrigins;
use jwt_guard::jose::json::Number;
use jwt_guard::jose::tenants::Tenants;
use jwt_guard::policy::{
    AnyAll, ClaimCondition, ClaimTest, Condition, Conditions, IssuerOrAudience, NonEmpty, NumberRange,
    Requirement, Rule, StepUp,
};
use jwt_guard::token_source::TokenSource;

/// Returns the text on one line, cut after `longest` characters. Control characters and bidirectional overrides are
/// escaped: a token could use them to manipulate the terminal.
pub fn one_line(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == longest {
            shown.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

/// Describes in one line who passes.
pub fn requirement(requirement: &Requirement, names: &DefinedNames) -> String {
    let who = match &requirement.rule {
        Rule::Anonymous => "everybody, with or without a token".to_owned(),
        Rule::Deny => "nobody".to_owned(),
        Rule::AllowMissingOrFailed => "everybody; a valid token sets the identity".to_owned(),
        Rule::AllowMissing(restrictions) if restrictions.is_empty() => {
            "no token, or a valid token".to_owned()
        }
        Rule::AllowMissing(restrictions) => {
            let narrowed: Vec<_> =
                restrictions.iter().map(|restriction| self::restriction(restriction, names)).collect();
            format!("no token, or a valid token with {}", narrowed.join(" and "))
        }
        Rule::Authenticated(Conditions(list)) if list.is_empty() => "any valid token".to_owned(),
        Rule::Authenticated(list) => format!("a valid token with {}", conditions(list, names)),
    };
    let tokens = requirement.tokens.iter().map(|(index, inner)| {
        let name = names.second_tokens.get(index.0).map_or("?", String::as_str);
        format!(", and as second token {name}: {}", self::requirement(inner, names))
    });
    let who = std::iter::once(who).chain(tokens).collect::<String>();
    match &requirement.shadow {
        Some(shadow) => format!("{who} (shadow: {})", self::requirement(shadow, names)),
        None => who,
    }
}

fn conditions(conditions: &Conditions, names: &DefinedNames) -> String {
    if conditions.0.is_empty() {
        return "no condition".to_owned();
    }
    let words: Vec<_> = conditions.0.iter().map(|condition| self::condition(condition, names)).collect();
    words.join(" and ")
}

/// Describes a condition.
pub fn condition(condition: &Condition, names: &DefinedNames) -> String {
    match condition {
        Condition::IssuerOrAudience(restriction) => self::restriction(restriction, names),
        Condition::Role(roles) => format!("role {}", any_all(roles, Clone::clone)),
        Condition::Group(groups) => format!("group {}", any_all(groups, Clone::clone)),
        Condition::Scope(scopes) => format!("scope {}", any_all(scopes, Clone::clone)),
        Condition::Claim(claim) => self::claim(claim),
        Condition::StepUp(step_up) => self::step_up(step_up),
        Condition::AnyOf(alternatives) => {
            let words: Vec<_> =
                alternatives.iter().map(|alternative| self::conditions(alternative, names)).collect();
            format!("one of ({})", words.join(") or ("))
        }
    }
}

fn restriction(restriction: &IssuerOrAudience, names: &DefinedNames) -> String {
    match restriction {
        IssuerOrAudience::Issuer(issuers) => {
            let name = |index: usize| names.issuers.get(index).map_or("?", String::as_str);
            let issuers: Vec<_> = issuers.iter().map(|issuer| name(issuer.0)).collect();
            format!("issuer {}", issuers.join(" or "))
        }
        IssuerOrAudience::Audience(audiences) => {
            format!("audience {}", joined(audiences, " or ", Clone::clone))
        }
    }
}

fn claim(claim: &ClaimCondition) -> String {
    let pointer = claim.pointer.as_str();
    match &claim.test {
        ClaimTest::Present => format!("claim {pointer}"),
        ClaimTest::Values(values) => format!("claim {pointer} {}", any_all(values, ToString::to_string)),
        ClaimTest::NoneOf(values) => {
            format!("claim {pointer} none of {}", joined(values, ", ", ToString::to_string))
        }
        ClaimTest::StartsWith(texts) => {
            format!("claim {pointer} starts with {}", joined(texts, " or ", |text| format!("{text:?}")))
        }
        ClaimTest::EndsWith(texts) => {
            format!("claim {pointer} ends with {}", joined(texts, " or ", |text| format!("{text:?}")))
        }
        ClaimTest::Equals(value) => format!("claim {pointer} equal to {value}"),
        ClaimTest::Within(NumberRange { at_least, at_most }) => {
            let bound = |words: &str, number: &Option<Number>| {
                number.as_ref().map(|number| format!("{words} {}", number.text()))
            };
            let bounds: Vec<_> =
                [bound("at least", at_least), bound("at most", at_most)].into_iter().flatten().collect();
            format!("claim {pointer} {}", bounds.join(" and "))
        }
    }
}

fn step_up(step_up: &StepUp) -> String {
    let acr = (!step_up.acr.is_empty()).then(|| format!("acr {}", step_up.acr.join(" or ")));
    let max_age = step_up.max_age.map(|seconds| format!("auth_time at most {seconds} s ago"));
    let words: Vec<_> = acr.into_iter().chain(max_age).collect();
    format!("step-up: {}", words.join(" and "))
}

fn any_all<T>(values: &AnyAll<T>, show: impl Fn(&T) -> String) -> String {
    match values {
        AnyAll::Any(values) => joined(values, " or ", show),
        AnyAll::All(values) => joined(values, " and ", show),
    }
}

fn joined<T>(values: &NonEmpty<T>, between: &str, show: impl Fn(&T) -> String) -> String {
    values.iter().map(show).collect::<Vec<_>>().join(between)
}

/// Describes in one line an issuer, its tokens and its keys.
pub fn issuer(issuer: &jwt_guard::config::Issuer) -> String {
    use jwt_guard::config::KeyOrigin;
    use jwt_guard::keys::{Location, Source};
    let rules = &issuer.rules;
    let algorithms: Vec<_> = rules.accepted_algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let keys = match &issuer.keys {
        KeyOrigin::Inline(keys) => format!("{} inline", keys.len()),
        KeyOrigin::Fetched { source: Source { cluster, location }, .. } => match location {
            Location::Endpoint(url) => format!("{url} through cluster {cluster}"),
            Location::Discovery { cluster: discovery, .. } => {
                format!("discovery document through cluster {discovery}, keys through cluster {cluster}")
            }
        },
    };
    let list = match &issuer.revocation_list {
        None => String::new(),
        Some(list) => {
            let Source { cluster, location } = &list.source;
            let url = match location {
                Location::Endpoint(url) | Location::Discovery { issuer: url, .. } => url,
            };
            let open = if list.fail_open { ", passes without it" } else { "" };
            format!("; revocation list: {url} through cluster {cluster}{open}")
        }
    };
    let refused = match rules.refused_kids.as_slice() {
        [] => String::new(),
        kids => format!("; refused kids: {}", kids.join(", ")),
    };
    format!(
        "{}: iss {}{}, audience {}, {}; keys: {keys}{list}{refused}{}",
        issuer.name,
        rules.iss,
        rules.tenants.as_ref().map(|form| tenants(form.tenants())).unwrap_or_default(),
        rules.audiences.join(" or "),
        algorithms.join(" "),
        limits(issuer),
    )
}

/// The number of tenants that `tenants` shows by name.
const SHOWN_TENANTS: usize = 5;

fn tenants(tenants: &Tenants) -> String {
    match tenants {
        Tenants::Any => " of any tenant".to_owned(),
        Tenants::Listed(list) => {
            let shown: Vec<&str> = list.iter().take(SHOWN_TENANTS).map(String::as_str).collect();
            let more = match list.len().saturating_sub(SHOWN_TENANTS) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(" of tenant {}{more}", shown.join(" or "))
        }
    }
}

/// Describes the sources and the paths to which the tokens of an issuer are limited.
fn limits(issuer: &jwt_guard::config::Issuer) -> String {
    let sources =
        issuer.token_from.as_deref().map(|own| format!("; only from {}", token_sources(own).join(" or ")));
    let paths = issuer.paths.as_ref().map(|paths| paths.templates().collect::<Vec<_>>().join(" or "));
    let paths = paths.map(|paths| format!("; only on {paths}"));
    let second = (!issuer.first_token).then(|| "; only for second tokens".to_owned());
    let wildcards = issuer.sources.scope_wildcards.then(|| "; a scope a:* covers a:b".to_owned());
    [second, sources, paths, wildcards].into_iter().flatten().collect()
}

/// Describes in one line a second token.
pub fn second_token(token: &SecondToken, names: &DefinedNames) -> String {
    let issuers: Vec<_> =
        token.issuers.iter().filter_map(|issuer| names.issuers.get(issuer.0)).map(String::as_str).collect();
    let forwarded = if token.forward_token { "; the upstream receives it where it is required" } else { "" };
    format!(
        "{}: from {}, issuer {}{forwarded}",
        token.name,
        token_sources(&token.token_from).join(" or "),
        issuers.join(" or ")
    )
}

/// Describes a token source.
pub fn token_source(place: &TokenSource) -> String {
    match place {
        TokenSource::Authorization => "authorization: Bearer".to_owned(),
        TokenSource::Dpop => "authorization: DPoP".to_owned(),
        TokenSource::Header { name, prefix } if prefix.is_empty() => format!("header {name}"),
        TokenSource::Header { name, prefix } => format!("header {name} after {prefix:?}"),
        TokenSource::Cookie { name } => format!("cookie {name}"),
        TokenSource::Query { name } => format!("query parameter {name}"),
    }
}

/// Describes each token source of `token_from`.
pub fn token_sources(places: &[TokenSource]) -> Vec<String> {
    places.iter().map(token_source).collect()
}

/// Describes each global setting that changes what the policy does.
pub fn modes(config: &Config) -> Vec<&'static str> {
    [
        (!config.enabled, "enabled is false: the filter checks nothing"),
        (config.report_only, "report_only: the filter denies nothing"),
        (config.bypass_cors_preflight, "a CORS preflight without a token passes"),
        (
            config.envoy_gateway_annotations == EnvoyGatewayAnnotations::Override,
            "envoy_gateway_annotations is override: an annotation of an HTTPRoute or a Gateway replaces these routes",
        ),
        (
            matches!(config.cors_allow_origins, AllowedOrigins::Listed(_)),
            "scripts of the origins in cors_allow_origins can read denials",
        ),
        (config.cors_allow_origins == AllowedOrigins::Any, "scripts of every origin can read denials"),
        (config.forward_token, "forward_token: the upstream receives the token"),
        (
            config.issuers.iter().any(jwt_guard::config::Issuer::has_default_endpoint),
            "keys are fetched from /api/v1/auth/jwks below the issuer, which is the default of jwks_endpoint",
        ),
    ]
    .into_iter()
    .filter_map(|(on, text)| on.then_some(text))
    .collect()
}

/// Quotes a text if necessary, so that it can be pasted into `{…}` or `[…]` of YAML.
pub fn flow_text(text: &str) -> String {
    let needs_quotes = text.starts_with(['*', '&', '!', '@', '`', '%', '|', '>', '-', '?', '"', '\''])
        || text.contains(['{', '}', '[', ']', ',', '#', ':', ' ']);
    if needs_quotes { format!("\"{text}\"") } else { text.to_owned() }
}
