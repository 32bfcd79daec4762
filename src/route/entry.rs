//! A configured route.

use super::{HostPattern, Method, Template};

/// A configured route.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    /// The paths that the route covers.
    pub template: Template,
    /// The methods that the route covers; empty for all methods that no other route with this template and host
    /// lists.
    pub methods: Vec<Method>,
    /// The hosts that the route covers; empty for all hosts that no other route covers for this path and
    /// method.
    pub hosts: Vec<HostPattern>,
    /// The rule for the route.
    pub rule: T,
}
