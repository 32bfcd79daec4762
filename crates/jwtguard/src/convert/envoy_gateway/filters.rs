//! The filters of policies: everywhere, or for single routes.

use super::authorization::deny_all;
use super::policies::Demands;
use crate::convert::chain::{Filter, FilterKind, FilterState};
use crate::convert::made::{list, map, object, text as text_at};
use crate::inspect::tree::Tree;

const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// The RBAC filters: requests that jwt-guard cannot judge, the rules with action Deny, the rules with action Allow.
const RBAC: [&str; 3] =
    ["envoy.filters.http.rbac-other", "envoy.filters.http.rbac-deny", "envoy.filters.http.rbac-allow"];

/// The filters of one policy for every request.
pub fn everywhere(demands: &Demands<'_>) -> Vec<Filter> {
    let mut filters = Vec::new();
    if let Some(jwt) = &demands.authentication {
        let place = jwt.tree;
        let matched = object(place, vec![("prefix", text_at(place, "/"))]);
        let rule = object(place, vec![("match", matched), ("requires", jwt.requirement())]);
        let members = vec![("providers", providers(place, &[demands])), ("rules", list(place, vec![rule]))];
        filters.push(filter(FilterKind::JwtAuthn, JWT_AUTHN, object(place, members)));
    }
    for (name, rules) in RBAC.iter().zip(of_rbac(demands)) {
        filters.extend(rules.map(|rules| {
            let config = object(&rules, vec![("rules", rules.clone())]);
            filter(FilterKind::Rbac, name, config)
        }));
    }
    filters
}

/// The filters for single routes: nothing holds where a route has no configuration.
pub fn for_routes(place: &Tree, policies: &[&Demands<'_>]) -> Vec<Filter> {
    let mut requirements = Vec::new();
    for (index, demands) in policies.iter().enumerate() {
        requirements
            .extend(demands.authentication.as_ref().map(|jwt| (requirement_name(index), jwt.requirement())));
    }
    let mut filters = Vec::new();
    if !requirements.is_empty() {
        let members =
            vec![("providers", providers(place, policies)), ("requirement_map", map(place, requirements))];
        filters.push(filter(FilterKind::JwtAuthn, JWT_AUTHN, object(place, members)));
    }
    filters.extend(RBAC.iter().map(|name| filter(FilterKind::Rbac, name, object(place, Vec::new()))));
    filters
}

/// The configuration of the filters for a route of the policy with this index.
pub fn of_route(place: &Tree, index: usize, demands: &Demands<'_>) -> Tree {
    let mut configs = Vec::new();
    if demands.authentication.is_some() {
        let members = vec![
            ("@type", type_url(place, "jwt_authn.v3.PerRouteConfig")),
            ("requirement_name", text_at(place, requirement_name(index))),
        ];
        configs.push((JWT_AUTHN.to_owned(), object(place, members)));
    }
    for (name, rules) in RBAC.iter().zip(of_rbac(demands)) {
        configs.extend(rules.map(|rules| ((*name).to_owned(), rbac_per_route(place, rules))));
    }
    map(place, configs)
}

/// The configuration of the filters for requests that no route of the files matches: Envoy answers 404.
pub fn of_no_route(place: &Tree) -> Tree {
    let rules = rbac_per_route(place, deny_all(place, "no-route"));
    map(place, RBAC.iter().take(1).map(|name| ((*name).to_owned(), rules.clone())).collect())
}

fn of_rbac(demands: &Demands<'_>) -> [Option<Tree>; 3] {
    let other = demands.other_check.map(|(name, tree)| deny_all(tree, name));
    let rules = demands.rules.as_ref();
    [other, rules.and_then(|rules| rules.deny.clone()), rules.and_then(|rules| rules.allow.clone())]
}

fn rbac_per_route(place: &Tree, rules: Tree) -> Tree {
    let rbac = object(place, vec![("rules", rules)]);
    object(place, vec![("@type", type_url(place, "rbac.v3.RBACPerRoute")), ("rbac", rbac)])
}

fn type_url(place: &Tree, name: &str) -> Tree {
    text_at(place, format!("type.googleapis.com/envoy.extensions.filters.http.{name}"))
}

fn requirement_name(index: usize) -> String {
    format!("policy-{index}")
}

fn providers(place: &Tree, policies: &[&Demands<'_>]) -> Tree {
    let all =
        policies.iter().filter_map(|demands| demands.authentication.as_ref()).flat_map(|jwt| &jwt.providers);
    map(place, all.filter_map(|provider| Some((provider.key.clone(), provider.config.clone()?))).collect())
}

fn filter(kind: FilterKind, name: &str, config: Tree) -> Filter {
    Filter { kind, name: name.to_owned(), state: FilterState::Enabled, config }
}
