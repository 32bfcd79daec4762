//! Checks second tokens: tokens that no requirement asks for, and requirements that no token can meet or any token meets.

use super::Lint;
use super::lint::route;
use crate::inspect::path::of_keys;
use jwt_guard::config::keys::{configuration, listed_issuer, requirement as key};
use jwt_guard::config::{Config, Path, SecondToken};
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::policy::{Condition, Conditions, IssuerOrAudience, Requirement, Rule};
use jwt_guard::token_role::SecondTokenIndex;

/// Checks the second tokens of the configuration. `metadata` is true if route metadata may ask for them.
pub fn second_tokens(config: &Config, metadata: bool, lints: &mut Vec<Lint>) {
    let requirements = requirements(config);
    for (index, token) in config.second_tokens.iter().enumerate() {
        let asked = |requirement: &Requirement| {
            requirement.tokens.iter().any(|(asked, _)| *asked == SecondTokenIndex(index))
        };
        let named = config.names.policies.values();
        let is_asked_for = requirements.iter().map(|(_, requirement)| *requirement).chain(named).any(asked);
        if !metadata && !is_asked_for {
            let path = of_keys(&[configuration::SECOND_TOKENS]).key(&token.name);
            let problem = "is asked for by no requirement, so the filter removes it from every request; write \
                           requires_token in a route or guard, or remove it";
            lints.push(Lint::new(&path, problem));
        }
    }
    of_issuers(config, lints);
    let is_first =
        |issuer: IssuerIndex| config.issuers.get(issuer.0).is_some_and(|issuer| issuer.first_token);
    for (path, requirement) in &requirements {
        if !config.second_tokens.is_empty() && excludes_all(requirement, is_first) {
            let problem = "names only issuers whose tokens are accepted as second tokens, so no first token meets it; move \
                           it into requires_token, or write first_token: true in the issuer";
            lints.push(Lint::new(&path.key(key::REQUIRES_ISSUER.as_str()), problem));
        }
        for (index, inner) in &requirement.tokens {
            let Some(token) = config.second_tokens.get(index.0) else { continue };
            let path = path.key(key::REQUIRES_TOKEN.as_str()).key(&token.name);
            of_token(&path, inner, token, is_first, lints);
        }
    }
}

/// Warns about keys of an issuer that concern first tokens, if its tokens are not accepted as first tokens.
fn of_issuers(config: &Config, lints: &mut Vec<Lint>) {
    for (index, issuer) in config.issuers.iter().enumerate().filter(|(_, issuer)| !issuer.first_token) {
        let has_map = config.claim_headers.of_issuer(IssuerIndex(index)).is_some();
        let keys = [
            (has_map, listed_issuer::CLAIM_HEADERS, "write claim_headers in the second token"),
            (
                issuer.token_from.is_some(),
                listed_issuer::TOKEN_FROM,
                "remove it: the second token has its own token_from",
            ),
        ];
        for (_, key, remedy) in keys.into_iter().filter(|(is_set, _, _)| *is_set) {
            let path = of_keys(&[configuration::ISSUERS]).index(index).key(key.as_str());
            let problem = format!(
                "concerns only first tokens, and the tokens of this issuer are accepted only as second tokens; {remedy}"
            );
            lints.push(Lint::new(&path, problem));
        }
    }
}

/// Checks a requirement for a second token.
fn of_token(
    path: &Path<&str>,
    requirement: &Requirement,
    token: &SecondToken,
    is_first: impl Fn(IssuerIndex) -> bool,
    lints: &mut Vec<Lint>,
) {
    if excludes_all(requirement, |issuer| token.issuers.contains(&issuer)) {
        let problem = format!(
            "names no issuer of the second token {}, so no token meets it; write one of its issuers",
            token.name
        );
        lints.push(Lint::new(&path.key(key::REQUIRES_ISSUER.as_str()), problem));
    }
    let is_any = match &requirement.rule {
        Rule::Authenticated(Conditions(conditions)) => conditions.is_empty(),
        Rule::AllowMissing(restrictions) => restrictions.is_empty(),
        Rule::Anonymous | Rule::Deny | Rule::AllowMissingOrFailed => false,
    };
    if is_any && token.issuers.iter().any(|issuer| is_first(*issuer)) {
        let problem = "accepts any token of an issuer that also vouches for first tokens: the token of any user passes as \
                       this second token; write a condition that only the second token meets, such as requires_audience";
        lints.push(Lint::new(path, problem));
    }
}

/// The requirements of the configuration with their paths.
fn requirements(config: &Config) -> Vec<(Path<&str>, &Requirement)> {
    let default = std::iter::once((of_keys(&[configuration::DEFAULT_POLICY]), &config.default_policy));
    let routes = config.routes.rules().enumerate();
    let routes = routes.map(|(index, rule)| (route(index), &rule.requirement));
    // A guard has an entry for each of its paths.
    let guards = config.guards.entries().iter();
    let guards =
        guards.map(|entry| (of_keys(&[configuration::GUARDS]).index(entry.route), &entry.rule.requirement));
    let mut all: Vec<(Path<&str>, &Requirement)> = Vec::new();
    for (path, requirement) in default.chain(routes).chain(guards) {
        if !all.iter().any(|(known, _)| *known == path) {
            all.push((path, requirement));
        }
    }
    all
}

/// Whether the requirement names issuers, and none of them is accepted.
fn excludes_all(requirement: &Requirement, is_accepted: impl Fn(IssuerIndex) -> bool) -> bool {
    let excludes = |restriction: &IssuerOrAudience| match restriction {
        IssuerOrAudience::Issuer(issuers) => !issuers.iter().any(|issuer| is_accepted(*issuer)),
        IssuerOrAudience::Audience(_) => false,
    };
    match &requirement.rule {
        Rule::Authenticated(Conditions(conditions)) => conditions.iter().any(|condition| match condition {
            Condition::IssuerOrAudience(restriction) => excludes(restriction),
            _ => false,
        }),
        Rule::AllowMissing(restrictions) => restrictions.iter().any(excludes),
        Rule::Anonymous | Rule::Deny | Rule::AllowMissingOrFailed => false,
    }
}
