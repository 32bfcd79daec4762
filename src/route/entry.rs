//! A configured route.

use super::{HostPattern, Method, Template};

/// A configured route. A route with a list of paths is one entry for each path.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    /// The route that the entry belongs to, by its index in the configuration.
    pub route: usize,
    /// The index of the path in the route's list of paths.
    pub path: usize,
    /// The paths that the route covers.
    pub template: Template,
    /// The methods that the route covers; empty for all methods that no other route with this template and host
    /// lists.
    pub methods: Vec<Method>,
    /// The hosts that the route covers; empty for all hosts that no other route covers for this path and
    /// method.
    pub hosts: Vec<HostPattern>,
    /// Whether the rule compares parameters of the template with claims. Then each path variant with other values
    /// of the parameters is a match of its own.
    pub compares_parameters: bool,
    /// The rule for the route.
    pub rule: T,
}
