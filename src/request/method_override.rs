//! Headers that name another method than the request's own.

use crate::headers::matches_folded_name;
use crate::http::{HeaderMap, METHOD_OVERRIDES};

/// The value of every such header.
pub(super) fn method_overrides(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let names = |name: &str| METHOD_OVERRIDES.iter().any(|cached| matches_folded_name(name, cached));
    headers.iter().filter(move |(name, _)| names(name)).map(|(_, value)| value)
}
