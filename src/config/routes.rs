//! `routes` and `skip_readings`.

use super::error::ConfigError;
use super::keys::configuration::ROUTES;
use super::keys::route as key;
use super::parsed::{parsed, parsed_list};
use super::path::Path;
use super::problem::Problem;
use super::reader::{ConfigNode, Errors, preview};
use super::requirement::{self, DefinedNames, EmptyRequirement};
use super::token_from::token_sources;
use crate::jose::json::Json;
use crate::policy::Requirement;
use crate::route::{Entry, HostPattern, Method, SkippedVariants, Table, Template, VariantClass};
use crate::token_source::TokenSource;

/// The largest number of routes in one configuration.
pub(super) const MAX_ROUTES: usize = 100_000;

/// The value of `path`, for errors.
const TEMPLATE: &str = "a path template, such as /api/orders/{id}";

/// One entry of `routes`, without its path, methods and hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
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
    errors: &mut Errors,
) -> Option<Table<Route>> {
    let nodes = match &node {
        Some(node) => node.list("a list of routes", errors)?,
        None => Vec::new(),
    };
    if nodes.len() > MAX_ROUTES {
        node?.refuse(Problem::TooManyRoutes { count: nodes.len(), most: MAX_ROUTES }, errors);
        return None;
    }
    let before = errors.len();
    let entries: Vec<Entry<Route>> = nodes.iter().filter_map(|node| route(node, names, errors)).collect();
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

fn route(node: &ConfigNode<'_>, names: &DefinedNames, errors: &mut Errors) -> Option<Entry<Route>> {
    let mut object = node.object("a route, such as {path: /api/admin/**, requires_role: [admin]}", errors)?;
    let template = match object.take(key::PATH) {
        Some(node) => parsed(&node, TEMPLATE, errors, Template::parse, Problem::Template),
        None => {
            object.refuse(key::PATH, Problem::Required { what: TEMPLATE }, errors);
            None
        }
    };
    let methods = parsed_list(
        object.take(key::METHODS),
        "a method, such as GET",
        errors,
        Method::parse,
        Problem::Method,
    );
    let hosts = parsed_list(
        object.take(key::HOSTS),
        "a host, such as api.example.com or *.example.com",
        errors,
        HostPattern::parse,
        Problem::Host,
    );
    let token_from = object.take(key::TOKEN_FROM).and_then(|node| token_sources(&node, errors));
    let forward_token = object.take(key::FORWARD_TOKEN).and_then(|node| node.flag(errors));
    let requirement = requirement::read(&mut object, names, EmptyRequirement::Refused, errors);
    object.deny_unknown(errors);
    let rule = Route { requirement: requirement?, token_from, forward_token };
    Some(Entry { template: template?, methods: methods?, hosts: hosts?, rule })
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
