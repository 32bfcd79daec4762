//! Headers that override the request's method.

use crate::headers::matches_folded_name;
use crate::http::{HeaderMap, METHOD_OVERRIDES};

/// The value of every method-override header.
pub(super) fn method_overrides(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let names = |name: &str| METHOD_OVERRIDES.iter().any(|cached| matches_folded_name(name, cached));
    headers.iter().filter(move |(name, _)| names(name)).map(|(_, value)| value)
}
