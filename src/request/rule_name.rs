//! The part of the configuration that contains a requirement, as the operator would look for it.

use std::fmt::{Display, Formatter, Result};
use std::rc::Rc;

/// The part of the configuration that contains a requirement, as the operator would look for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleName {
    /// An entry of `routes` without a name.
    Route(usize),
    /// An entry of `guards`.
    Guard(usize),
    /// The `name` of a route or a guard.
    Named(Rc<str>),
    /// `default_policy`
    DefaultPolicy,
    /// An entry of `policies`, regardless of what refers to it.
    Policy(Rc<str>),
    /// The metadata of an Envoy route or virtual host.
    Metadata,
    /// The annotation of an HTTPRoute or a GRPCRoute of Envoy Gateway.
    RouteAnnotation,
    /// The annotation of a Gateway of Envoy Gateway.
    GatewayAnnotation,
    /// No requirement: `enabled` is false.
    Disabled,
    /// No requirement: `bypass_cors_preflight` applies.
    Preflight,
    /// No requirement: `report_only` let the request pass.
    ReportOnly,
}

impl Display for RuleName {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Route(index) => write!(f, "routes[{index}]"),
            Self::Guard(index) => write!(f, "guards[{index}]"),
            Self::DefaultPolicy => f.write_str("default_policy"),
            Self::Named(name) | Self::Policy(name) => f.write_str(name),
            Self::Metadata => f.write_str("route_metadata"),
            Self::RouteAnnotation => f.write_str("route_annotation"),
            Self::GatewayAnnotation => f.write_str("gateway_annotation"),
            Self::Disabled => f.write_str("disabled"),
            Self::Preflight => f.write_str("bypass_cors_preflight"),
            Self::ReportOnly => f.write_str("report_only"),
        }
    }
}
