//! Several issuers: requirements that tokens of each of them meet.

use super::Lint;
use super::lint::route;
use crate::inspect::path::of_keys;
use crate::inspect::tree::Tree;
use jwt_guard::config::keys::configuration;
use jwt_guard::config::{Config, Path};
use jwt_guard::policy::{Condition, Conditions, Rule};

/// Two issuers may both name a role "admin", and mean different people.
pub fn trust(config: &Config, tree: &Tree, lints: &mut Vec<Lint>) {
    if config.issuers.len() < 2 {
        return;
    }
    let routes = config.routes.rules().enumerate();
    let routes = routes.map(|(index, route)| (self::route(index), &route.requirement));
    let default = std::iter::once((of_keys(&[configuration::DEFAULT_POLICY]), &config.default_policy));
    for (path, requirement) in default.chain(routes) {
        if let Rule::Authenticated(conditions) = &requirement.rule
            && requires_names(conditions)
        {
            let problem = "asks for a role, group, scope or claim of any issuer: each issuer can \
                           give that name to any of its users; name the issuers to trust in requires_issuer"
                .to_owned();
            lints.push(Lint::new(&path, problem));
        }
    }
    any_token(config, tree, lints);
}

/// Tokens of each issuer meet `allow_authenticated`, those of an issuer that was added for one route too. One doubt for
/// all places; none for a `default_policy` that is not written, which is the same for every configuration.
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
        [one] => format!(" (and so does {one})"),
        [one, more @ ..] => format!(" (and so do {one} and {} more)", more.len()),
    };
    let problem = format!(
        "accepts a valid token of any of the issuers{others}: {}; name the intended ones in requires_issuer: [{}]",
        names.join(", "),
        names.join(", "),
    );
    lints.push(Lint::new(first, problem));
}

/// Whether some way to meet them is a name that any issuer may give.
fn requires_names(Conditions(conditions): &Conditions) -> bool {
    let narrowed = conditions
        .iter()
        .any(|condition| matches!(condition, Condition::NarrowedTo(jwt_guard::policy::Narrowing::Issuer(_))));
    !narrowed
        && conditions.iter().any(|condition| match condition {
            Condition::Role(_) | Condition::Group(_) | Condition::Scope(_) | Condition::Claim(_) => true,
            Condition::AnyOf(alternatives) => alternatives.iter().any(requires_names),
            Condition::NarrowedTo(_) => false,
        })
}
