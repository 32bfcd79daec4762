//! Headers that name another method than the request's own.

use crate::bearer::Headers;
use crate::headers::folds_to;

/// Some frameworks take the method from one of these; in any spelling that folds to it, as WSGI and CGI do.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// The value of every such header.
pub(super) fn method_overrides(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    let names = |name: &str| METHOD_OVERRIDES.iter().any(|known| folds_to(name, known));
    headers.iter().filter(move |(name, _)| names(name)).map(|(_, value)| value.as_slice())
}
