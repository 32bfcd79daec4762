//! Headers that override the request's method.

use crate::headers::matches_folded_name;
use crate::http::{HeaderMap, METHOD_OVERRIDES};

/// The value of every method-override header.
pub(super) fn method_overrides(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let ascii = headers.has_ascii_names();
    let may_be = move |name: &str, folded: &str| !ascii || name.len() == folded.len();
    let is_override = move |name: &str| {
        METHOD_OVERRIDES.iter().any(|folded| may_be(name, folded) && matches_folded_name(name, folded))
    };
    headers.iter().filter(move |(name, _)| is_override(name)).map(|(_, value)| value)
}
