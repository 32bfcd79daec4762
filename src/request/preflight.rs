//! Whether a request is a browser's question before it sends (Fetch standard, CORS-preflight request).

use super::method_override::method_overrides;
use super::other_spellings::other_spellings;
use crate::config::Config;
use crate::http::{HeaderMap, is_token};
use crate::token_source::{self, ExtractedToken, TokenSource};

/// Without a token, and answered by the CORS filter or the upstream. Whatever else it could be for an upstream makes it
/// no preflight: an override of the method, so that `OPTIONS` is not the way around the rules of `DELETE`, a second
/// value of either header, and what only some upstream takes for a token.
pub(super) fn is_preflight(config: &Config, headers: &HeaderMap, token_sources: &[TokenSource]) -> bool {
    config.bypass_cors_preflight
        && headers.get(":method") == Some(b"OPTIONS")
        && only(headers, "origin").is_some_and(is_one_origin)
        && only(headers, "access-control-request-method").is_some_and(is_token)
        && method_overrides(headers).next().is_none()
        && matches!(token_source::extract(token_sources, headers), ExtractedToken::Missing)
        && token_source::strip(token_sources, headers, false).is_empty()
        && other_spellings(headers, token_sources).next().is_none()
}

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name);
    values.next().filter(|value| values.next().is_none() && !value.is_empty())
}

/// A list of origins (RFC 6454 section 7.1) is no browser's, and headers that were joined have a comma.
fn is_one_origin(value: &[u8]) -> bool {
    !value.iter().any(|byte| *byte == b',' || byte.is_ascii_whitespace())
}
