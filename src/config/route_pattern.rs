//! What a route or a guard matches, and its name: `path`, `methods`, `hosts` and `name`.

use std::rc::Rc;

use super::comparison_error::ComparisonError;
use super::keys::route as key;
use super::parsed::{parsed, parsed_list};
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors, preview};
use crate::policy::{RequestValue, Requirement};
use crate::route::{Entry, HostPattern, Method, Template, is_parameter_name};

/// The value of `path`, for errors.
const TEMPLATE: &str = "a path template, such as /api/orders/{id}";

/// Names that logs and the access log use for other rules.
const RESERVED_NAMES: [&str; 7] = [
    "default_policy",
    "route_metadata",
    "route_annotation",
    "gateway_annotation",
    "disabled",
    "bypass_cors_preflight",
    "report_only",
];

/// The requests that a route or a guard matches.
#[derive(Debug)]
pub(super) struct RoutePattern {
    templates: Vec<Template>,
    methods: Vec<Method>,
    hosts: Vec<HostPattern>,
}

impl RoutePattern {
    /// Takes the keys of the pattern from a route or a guard.
    pub fn take(object: &mut ConfigObject<'_>, errors: &mut Errors) -> Option<Self> {
        let templates = match object.take(key::PATH) {
            Some(node) => templates(&node, errors),
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
        Some(Self { templates: templates?, methods: methods?, hosts: hosts? })
    }

    /// Refuses a requirement that compares a parameter which a path or a host of the pattern does not have.
    pub fn check(&self, requirement: &Requirement, object: &ConfigObject<'_>, errors: &mut Errors) {
        for value in requirement.request_values() {
            let error = match value {
                RequestValue::Path(name) => {
                    let lacks = |template: &&Template| !template.parameters().any(|own| own == name);
                    self.templates.iter().find(lacks).map(|template| ComparisonError::NoPathParameter {
                        name: name.clone(),
                        template: template.as_str().to_owned(),
                    })
                }
                RequestValue::Host(name) => {
                    let lacks = |host: &&HostPattern| host.parameter() != Some(name);
                    let lacking = self.hosts.iter().find(lacks).map(ToString::to_string);
                    let lacking = if self.hosts.is_empty() { Some(String::new()) } else { lacking };
                    lacking.map(|host| ComparisonError::NoHostParameter { name: name.clone(), host })
                }
                RequestValue::Header(_) => None,
            };
            if let Some(error) = error {
                object.refuse_whole(Problem::Comparison(error), errors);
            }
        }
    }

    /// The entries for the index: one for each path.
    pub fn entries<T>(
        self,
        route: usize,
        compares_parameters: bool,
        rule: Rc<T>,
    ) -> impl Iterator<Item = Entry<Rc<T>>> {
        let Self { templates, methods, hosts } = self;
        templates.into_iter().enumerate().map(move |(path, template)| Entry {
            route,
            path,
            template,
            methods: methods.clone(),
            hosts: hosts.clone(),
            compares_parameters,
            rule: Rc::clone(&rule),
        })
    }
}

/// Whether the requirement compares a parameter of the path with a claim.
pub(super) fn compares_parameters(requirement: &Requirement) -> bool {
    requirement.request_values().iter().any(|value| matches!(value, RequestValue::Path(_)))
}

pub(super) fn templates(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Vec<Template>> {
    node.string_list(TEMPLATE, errors)?;
    let items = node.one_or_many();
    items.iter().map(|item| parsed(item, TEMPLATE, errors, Template::parse, Problem::Template)).collect()
}

/// `name`: letters, digits, `_` and `-`. `taken` are the names of the earlier routes, guards and policies.
pub(super) fn name(
    object: &mut ConfigObject<'_>,
    taken: &mut Vec<Rc<str>>,
    errors: &mut Errors,
) -> Option<Rc<str>> {
    let node = object.take(key::NAME)?;
    let name = node.text("a name, such as orders_write", errors)?;
    let problem = if !is_parameter_name(name) {
        Some(Problem::Expected { what: "letters, digits, _ and - only", got: preview(node.value()) })
    } else if RESERVED_NAMES.contains(&name) {
        Some(Problem::ReservedName { name: name.to_owned() })
    } else if taken.iter().any(|taken| **taken == *name) {
        Some(Problem::RepeatedName { name: name.to_owned() })
    } else {
        None
    };
    if let Some(problem) = problem {
        node.refuse(problem, errors);
    }
    let name: Rc<str> = name.into();
    taken.push(Rc::clone(&name));
    Some(name)
}
