//! `guards`: requirements that add to those of routes, the default policy and route metadata.

use std::rc::Rc;

use super::keys::configuration::GUARDS;
use super::keys::{Name, requirement as requirement_key, route as key};
use super::problem::Problem;
use super::reader::{ConfigNode, Errors};
use super::requirement::{self, DefinedNames, EmptyRequirement};
use super::route_pattern::{RoutePattern, compares_parameters, name};
use super::routes::MAX_ROUTES;
use crate::policy::{Requirement, Rule};
use crate::route::{Entry, Guards, SkippedVariants};

/// One entry of `guards`, without its paths, methods and hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// `name`
    pub name: Option<Rc<str>>,
    /// The requirement.
    pub requirement: Requirement,
}

/// The keys of routes and requirements that a guard cannot have.
const EXCLUDED: [Name; 5] = [
    key::TOKEN_FROM,
    key::FORWARD_TOKEN,
    requirement_key::ALLOW_ANONYMOUS.name,
    requirement_key::ALLOW_MISSING.name,
    requirement_key::ALLOW_MISSING_OR_FAILED.name,
];

/// Whether a guard can have this rule, which a named policy may contain.
fn can_add(rule: &Rule) -> bool {
    matches!(rule, Rule::Deny | Rule::Authenticated(_))
}

pub(super) fn guards(
    node: Option<ConfigNode<'_>>,
    names: &DefinedNames,
    skipped: SkippedVariants,
    taken: &mut Vec<Rc<str>>,
    errors: &mut Errors,
) -> Option<Guards<Rc<Guard>>> {
    let nodes = match &node {
        Some(node) => node.list("a list of guards", errors)?,
        None => Vec::new(),
    };
    let before = errors.len();
    let mut entries = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        entries.extend(guard(index, node, names, taken, errors).into_iter().flatten());
    }
    if entries.len() > MAX_ROUTES {
        node?.refuse(
            Problem::TooManyRoutes { what: GUARDS.as_str(), count: entries.len(), most: MAX_ROUTES },
            errors,
        );
    }
    if errors.len() > before {
        return None;
    }
    let routes: Vec<usize> = entries.iter().map(|entry| entry.route).collect();
    let built = Guards::build(entries, skipped);
    built
        .map_err(|(index, error)| {
            if let Some(node) = routes.get(index).and_then(|route| nodes.get(*route)) {
                node.refuse(Problem::TooManyPartials(error), errors);
            }
        })
        .ok()
}

fn guard(
    index: usize,
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    taken: &mut Vec<Rc<str>>,
    errors: &mut Errors,
) -> Option<Vec<Entry<Rc<Guard>>>> {
    let mut object =
        node.object("a guard, such as {path: /**, methods: [DELETE], requires_role: admin}", errors)?;
    let pattern = RoutePattern::take(&mut object, errors);
    let name = name(&mut object, taken, errors);
    let before = errors.len();
    for key in EXCLUDED {
        object.exclude(key, Problem::NotInGuard, errors);
    }
    let empty = match errors.len() > before {
        true => EmptyRequirement::AnyValidToken,
        false => EmptyRequirement::RefusedForGuard,
    };
    let requirement = requirement::read(&mut object, names, empty, errors);
    if matches!(&requirement, Some(requirement) if !can_add(&requirement.rule)) {
        object.refuse(requirement_key::POLICY, Problem::NotInGuard, errors);
    }
    if let (Some(pattern), Some(requirement)) = (&pattern, &requirement) {
        pattern.check(requirement, &object, errors);
    }
    object.deny_unknown(errors);
    let (pattern, requirement) = (pattern?, requirement?);
    let compares = compares_parameters(&requirement);
    Some(pattern.entries(index, compares, Rc::new(Guard { name, requirement })).collect())
}
