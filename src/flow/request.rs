//! A request as the host gives it.

use std::rc::Rc;

use crate::bearer::Headers;
use crate::policy::Requirement;

/// A request as the host gives it.
#[derive(Debug)]
pub struct Request<'a> {
    /// Names in lower case, values as bytes, pseudo headers among them.
    pub headers: &'a Headers,
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

/// The first value of a header.
pub(super) fn header<'h>(headers: &'h Headers, name: &str) -> Option<&'h [u8]> {
    values(headers, name).next()
}

/// Every value of a header.
pub(super) fn values<'h, 'n>(
    headers: &'h Headers,
    name: &'n str,
) -> impl Iterator<Item = &'h [u8]> + use<'h, 'n> {
    let named = headers.iter().filter(move |(header, _)| header == name);
    named.map(|(_, value)| value.as_slice())
}

/// The first value of a header, where it is text.
pub(super) fn text<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    header(headers, name).and_then(|value| std::str::from_utf8(value).ok())
}
