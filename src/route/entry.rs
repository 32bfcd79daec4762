//! One route as the operator wrote it.

use super::{HostPattern, Method, Template};

/// One route as the operator wrote it.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    /// The paths that it covers.
    pub template: Template,
    /// The methods that it covers; empty for all that no other route with this template and host lists.
    pub methods: Vec<Method>,
    /// The hosts that it covers; empty for all that no other route covers for this path and method.
    pub hosts: Vec<HostPattern>,
    /// What applies there.
    pub rule: T,
}
