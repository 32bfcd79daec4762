//! A request as the host passes it to the filter.

use std::rc::Rc;

use crate::http::HeaderMap;
use crate::policy::Requirement;

/// A request as the host passes it to the filter.
#[derive(Debug)]
pub struct Request<'a> {
    /// The header fields, including pseudo headers.
    pub headers: &'a HeaderMap,
    /// The requirement in the metadata of the route that Envoy selected.
    pub metadata: Metadata,
    /// The annotations of Envoy Gateway's objects that the route was made from.
    pub annotations: Annotations,
}

/// The requirements in the annotations of Envoy Gateway's objects. Both must be met.
#[derive(Debug, Clone, Default)]
pub struct Annotations {
    /// The annotation of the HTTPRoute or the GRPCRoute.
    pub route: Metadata,
    /// The annotation of the Gateway.
    pub gateway: Metadata,
}

/// A requirement in the metadata of the route that Envoy selected.
#[derive(Debug, Clone, Default)]
pub enum Metadata {
    /// There is no requirement, or the configuration ignores it.
    #[default]
    Absent,
    /// The requirement. An own requirement of the filter is that of the route or, if it has none, of its virtual host.
    Requirement(Rc<Requirement>),
    /// The metadata cannot be parsed. No weaker policy replaces it: the request is denied.
    Bad(Rc<str>),
}

/// The first value of a header, if it is valid UTF-8.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value).ok())
}
