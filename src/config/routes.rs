//! `routes` and `skip_readings`.

use std::rc::Rc;

use super::error::ConfigError;
use super::keys::configuration::ROUTES;
use super::keys::route as key;
use super::path::Path;
use super::problem::Problem;
use super::reader::{ConfigNode, Errors, preview};
use super::requirement::{self, DefinedNames, EmptyRequirement};
use super::route_pattern::{RoutePattern, compares_parameters, name};
use super::token_from::token_sources;
use crate::jose::json::Json;
use crate::policy::Requirement;
use crate::route::{Entry, SkippedVariants, Table, VariantClass};
use crate::token_source::TokenSource;

/// The largest number of routes in one configuration.
pub(super) const MAX_ROUTES: usize = 100_000;

/// One entry of `routes`, without its paths, methods and hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// `name`
    pub name: Option<Rc<str>>,
    /// The requirement.
    pub requirement: Requirement,
    /// `token_from` of the route, if it has one.
    pub token_from: Option<Vec<TokenSource>>,
    /// `forward_token` of the route, if it has one.
    pub forward_token: Option<bool>,
}

pub(super) fn routes(
    node: Option<ConfigNode<'_>>,
    names: &DefinedNames,
    taken: &mut Vec<Rc<str>>,
    errors: &mut Errors,
) -> Option<Table<Rc<Route>>> {
    let nodes = match &node {
        Some(node) => node.list("a list of routes", errors)?,
        None => Vec::new(),
    };
    let too_many = |count| Problem::TooManyRoutes { what: ROUTES.as_str(), count, most: MAX_ROUTES };
    if nodes.len() > MAX_ROUTES {
        node?.refuse(too_many(nodes.len()), errors);
        return None;
    }
    let before = errors.len();
    let mut entries = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        entries.extend(route(index, node, names, taken, errors).into_iter().flatten());
    }
    if entries.len() > MAX_ROUTES {
        node?.refuse(too_many(entries.len()), errors);
    }
    if errors.len() > before {
        return None;
    }
    let built = Table::build(entries);
    built
        .map_err(|conflicts| {
            for conflict in conflicts {
                errors.push(ConfigError {
                    path: Path::root().key(ROUTES.as_str()).index(conflict.second).to_owned(),
                    problem: Problem::Conflict(Box::new(conflict)),
                });
            }
        })
        .ok()
}

fn route(
    index: usize,
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    taken: &mut Vec<Rc<str>>,
    errors: &mut Errors,
) -> Option<Vec<Entry<Rc<Route>>>> {
    let mut object = node.object("a route, such as {path: /api/admin/**, requires_role: [admin]}", errors)?;
    let pattern = RoutePattern::take(&mut object, errors);
    let name = name(&mut object, taken, errors);
    let token_from =
        object.take(key::TOKEN_FROM).and_then(|node| token_sources(&node, names.reads_dpop, errors));
    let forward_token = object.take(key::FORWARD_TOKEN).and_then(|node| node.flag(errors));
    let requirement = requirement::read(&mut object, names, EmptyRequirement::Refused, errors);
    if let (Some(pattern), Some(requirement)) = (&pattern, &requirement) {
        pattern.check(requirement, &object, errors);
    }
    object.deny_unknown(errors);
    let (pattern, requirement) = (pattern?, requirement?);
    let compares = compares_parameters(&requirement);
    let rule = Route { name, requirement, token_from, forward_token };
    Some(pattern.entries(index, compares, Rc::new(rule)).collect())
}

/// The classes of path variants in `skip_readings`. An empty list skips no class.
pub(super) fn skip_readings(node: Option<ConfigNode<'_>>, errors: &mut Errors) -> SkippedVariants {
    let mut skipped = SkippedVariants::default();
    let Some(node) = node else { return skipped };
    if matches!(node.value(), Json::Array(items) if items.is_empty()) {
        return skipped;
    }
    let Some(names) = node.string_list("the name of a class of path variants, such as letter_case", errors)
    else {
        return skipped;
    };
    for (name, node) in names.into_iter().zip(node.one_or_many()) {
        match VariantClass::SKIPPABLE.into_iter().find(|class| class.name() == name) {
            Some(class) => skipped = skipped.with(class),
            None => {
                let problem = match VariantClass::ALWAYS.into_iter().find(|class| class.name() == name) {
                    Some(class) => Problem::NotSkippable { class },
                    None => Problem::UnknownVariantClass { got: preview(node.value()) },
                };
                node.refuse(problem, errors);
            }
        }
    }
    skipped
}
