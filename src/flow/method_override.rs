//! Headers that override the request's method.

use crate::headers::folds_to;
use crate::http::{HeaderMap, METHOD_OVERRIDES};

/// The value of every method-override header.
pub(super) fn method_overrides(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let names = |name: &str| METHOD_OVERRIDES.iter().any(|known| folds_to(name, known));
    headers.iter().filter(move |(name, _)| names(name)).map(|(_, value)| value)
}
