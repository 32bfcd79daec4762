//! Checks configurations with several issuers: requirements that tokens of every issuer can meet.

use super::Lint;
use super::lint::route;
use crate::inspect::path::of_keys;
use crate::inspect::tree::Tree;
use jwt_guard::config::keys::configuration;
use jwt_guard::config::{Config, Path};
use jwt_guard::policy::{Condition, Conditions, Rule};

/// Warns about requirements without an issuer: two issuers may use the same role name for different users.
pub fn trust(config: &Config, tree: &Tree, lints: &mut Vec<Lint>) {
    if config.issuers.iter().filter(|issuer| issuer.first_token).count() < 2 {
        return;
    }
    let routes = config.routes.rules().enumerate();
    let routes = routes.map(|(index, route)| (self::route(index), &route.requirement));
    let default = std::iter::once((of_keys(&[configuration::DEFAULT_POLICY]), &config.default_policy));
    for (path, requirement) in default.chain(routes) {
        if let Rule::Authenticated(conditions) = &requirement.rule
            && requires_names(conditions)
        {
            let problem = "requires a role, group, scope or claim from any issuer: each issuer can \
                           assign this name to any of its users; write the trusted issuers in requires_issuer"
                .to_owned();
            lints.push(Lint::new(&path, problem));
        }
    }
    any_token(config, tree, lints);
}

/// Warns about `allow_authenticated`: a token of any issuer meets it, also of an issuer that was added for one route. There is
/// one warning for all routes, and none for a `default_policy` that is not written.
fn any_token(config: &Config, tree: &Tree, lints: &mut Vec<Lint>) {
    let is_any =
        |rule: &Rule| matches!(rule, Rule::Authenticated(Conditions(conditions)) if conditions.is_empty());
    let key = configuration::DEFAULT_POLICY;
    let written = tree.get(key.as_str()).map(|_| (of_keys(&[key]), &config.default_policy.rule));
    let routes = config.routes.rules().enumerate();
    let routes = routes.map(|(index, route)| (self::route(index), &route.requirement.rule));
    let places: Vec<Path<&str>> =
        written.into_iter().chain(routes).filter(|(_, rule)| is_any(rule)).map(|(path, _)| path).collect();
    let Some((first, others)) = places.split_first() else { return };
    let names: Vec<&str> = config.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
    let others = match others {
        [] => String::new(),
        [one] => format!(" (so does {one})"),
        [one, more @ ..] => format!(" (so do {one} and {} more)", more.len()),
    };
    let problem = format!(
        "accepts a valid token of any issuer{others}: {}; write the intended issuers in requires_issuer: [{}]",
        names.join(", "),
        names.join(", "),
    );
    lints.push(Lint::new(first, problem));
}

/// Whether a token of any issuer can meet the conditions with a role, group, scope or claim.
fn requires_names(Conditions(conditions): &Conditions) -> bool {
    let narrowed = conditions.iter().any(|condition| {
        matches!(condition, Condition::IssuerOrAudience(jwt_guard::policy::IssuerOrAudience::Issuer(_)))
    });
    !narrowed
        && conditions.iter().any(|condition| match condition {
            Condition::Role(_) | Condition::Group(_) | Condition::Scope(_) | Condition::Claim(_) => true,
            Condition::StepUp(_) => false,
            Condition::AnyOf(alternatives) => alternatives.iter().any(requires_names),
            Condition::IssuerOrAudience(_) => false,
        })
}
