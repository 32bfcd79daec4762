//! Detection of CORS preflight requests (Fetch standard, CORS-preflight request).

use super::method_override::method_overrides;
use super::other_spellings::other_spellings;
use super::second_tokens::are_present;
use crate::config::Config;
use crate::http::{HeaderMap, is_token};
use crate::token_source::{self, ExtractedToken, TokenSource};

/// Whether the request is a CORS preflight without a token, which the CORS filter or the upstream answers. Any
/// sign of another meaning makes it an ordinary request: a method override, so that `OPTIONS` cannot bypass the
/// rules of `DELETE`; a second value of either header; and anything that some upstreams take for a token.
pub(super) fn is_preflight(config: &Config, headers: &HeaderMap, token_sources: &[TokenSource]) -> bool {
    config.bypass_cors_preflight
        && headers.get(":method") == Some(b"OPTIONS")
        && only(headers, "origin").is_some_and(is_one_origin)
        && only(headers, "access-control-request-method").is_some_and(is_token)
        && method_overrides(headers).next().is_none()
        && matches!(token_source::extract(token_sources, headers), ExtractedToken::Missing)
        && token_source::strip(token_sources, headers, false).is_empty()
        && other_spellings(headers, token_sources).next().is_none()
        && !are_present(config, headers)
}

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name);
    values.next().filter(|value| values.next().is_none() && !value.is_empty())
}

/// Browsers do not send a list of origins (RFC 6454 section 7.1), and a comma shows that headers were joined.
fn is_one_origin(value: &[u8]) -> bool {
    !value.iter().any(|byte| *byte == b',' || byte.is_ascii_whitespace())
}
