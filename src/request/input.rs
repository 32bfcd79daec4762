//! A request as the host gives it.

use std::rc::Rc;

use crate::http::HeaderMap;
use crate::policy::Requirement;

/// A request as the host gives it.
#[derive(Debug)]
pub struct Request<'a> {
    /// Pseudo headers among them.
    pub headers: &'a HeaderMap,
    /// From the route that Envoy chose.
    pub metadata: Metadata,
}

/// The requirement that Envoy's own choice of a route brought.
#[derive(Debug, Clone, Default)]
pub enum Metadata {
    /// There is none, or it is not to be read.
    #[default]
    Absent,
    /// On the route or, failing that, on its virtual host.
    Requirement(Rc<Requirement>),
    /// It does not parse. Never falls back to something weaker.
    Bad(Rc<str>),
}

/// The first value of a header, where it is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value).ok())
}
