//! What a front-end hands to the core: the filters of one listener in order, or a policy.

use super::notes::Place;
use super::policy::Policy;
use crate::inspect::tree::Tree;

/// What a front-end makes of its objects.
#[derive(Debug)]
pub enum Source {
    /// Filters, which the core converts.
    Chain(Chain),
    /// A policy, for objects that do not stand for filters of Envoy.
    Policy(Policy),
}

/// The filters that validate tokens and authorize requests, of one listener.
///
/// The values of the configurations have the line and the identity of the value in the file that they come from. Notes and
/// comments name that place. [`super::made`] makes such values.
#[derive(Debug, Clone)]
pub struct Chain {
    /// What the filters belong to, for the heading of the policy: `connection manager http`, `workload istio=ingress`.
    pub title: String,
    /// Where they stand.
    pub place: Place,
    /// The filters in the order in which a request passes them. At most one of them is a `jwt_authn`.
    pub filters: Vec<Filter>,
    /// The virtual hosts with configurations of these filters for single routes. Empty if the filters hold everywhere.
    pub virtual_hosts: Vec<Tree>,
}

/// A filter.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Its type.
    pub kind: FilterKind,
    /// Its name in `http_filters`, which configurations for single routes refer to.
    pub name: String,
    /// Whether it runs where no configuration for a route says so.
    pub state: FilterState,
    /// Its configuration: the fields of the message, with or without `@type`.
    pub config: Tree,
}

/// The type of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterKind {
    /// `envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`
    JwtAuthn,
    /// `envoy.extensions.filters.http.rbac.v3.RBAC`
    Rbac,
}

/// Whether a filter runs where no configuration for a route says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterState {
    /// It runs.
    Enabled,
    /// It runs only where a configuration for a route enables it.
    Disabled,
}
