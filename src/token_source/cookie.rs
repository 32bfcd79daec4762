//! Tokens in cookies (RFC 6265 section 4.2).
//!
//! This module separates cookies only at `;`. Some parsers also split at spaces or commas, and some restart
//! within a cookie that they cannot parse. To such a parser, a second token may be hidden in the value of an
//! unrelated cookie.

use super::MalformedCredential;
use super::spelling::{param_names_match, stripped};
use crate::http::{HeaderMap, is_tchar, is_token, trim_ows};

/// The value of one cookie, without surrounding quotes.
///
/// An empty cookie counts as a missing token, not a malformed one: applications clear the cookie to log out,
/// and the browser's user could not fix the error. The same cookie twice is malformed even if one of them is
/// empty, because upstreams differ in which one they read.
pub(super) fn token<'a>(
    headers: &'a HeaderMap,
    name: &[u8],
) -> Result<Option<&'a [u8]>, MalformedCredential> {
    let mut found = None;
    for pair in headers.get_all("cookie").flat_map(|line| line.split(|byte| *byte == b';')) {
        match cookie_match(pair, name) {
            CookieMatch::Exact if found.is_some() => return Err(MalformedCredential::TwoTokens),
            CookieMatch::Exact => found = Some(value(pair)),
            CookieMatch::Embedded => return Err(MalformedCredential::NestedCookie),
            CookieMatch::Alias | CookieMatch::Other => {}
        }
    }
    Ok(found.filter(|value| !value.is_empty()))
}

/// The cookie headers without the named cookies; `None` if no header has any of them. A header with no other
/// cookie is removed completely.
///
/// A cookie that only some upstreams take for a named one is removed even with `forward_token`, because its
/// value is unverified.
pub(super) fn without(headers: &HeaderMap, names: &[&[u8]], forward_token: bool) -> Option<Vec<Vec<u8>>> {
    let goes = |pair: &[u8]| {
        let mut resembles = false;
        for name in names {
            match cookie_match(pair, name) {
                CookieMatch::Exact => return !forward_token,
                CookieMatch::Embedded | CookieMatch::Alias => resembles = true,
                CookieMatch::Other => {}
            }
        }
        resembles
    };
    let changes = |line: &[u8]| line.split(|byte| *byte == b';').any(goes);
    if names.is_empty() || !headers.get_all("cookie").any(changes) {
        return None;
    }
    let mut lines = Vec::new();
    for line in headers.get_all("cookie") {
        if !changes(line) {
            lines.push(line.to_vec());
            continue;
        }
        let kept: Vec<&[u8]> = line.split(|byte| *byte == b';').filter(|pair| !goes(pair)).collect();
        if kept.iter().any(|pair| !trim_ows(pair).is_empty()) {
            let joined = kept.join(&b';');
            // Drop the space that followed the removed separator: the first cookie has no space before it.
            let spaces = joined.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            lines.push(joined.get(spaces..).unwrap_or_default().to_vec());
        }
    }
    Some(lines)
}

/// How the text between two `;` relates to the wanted cookie.
enum CookieMatch {
    /// It is the wanted cookie.
    Exact,
    /// It is a cookie that some upstreams take for the wanted one: PHP reads `a.b` as `a_b`, ASP.NET ignores
    /// case.
    Alias,
    /// It is another cookie that contains the wanted one after a space, a comma or a quote.
    Embedded,
    /// It is another cookie.
    Other,
}

fn cookie_match(pair: &[u8], name: &[u8]) -> CookieMatch {
    let pair = stripped(pair);
    let (spelled, value) =
        match pair.iter().position(|byte| *byte == b'=').and_then(|at| pair.split_at_checked(at)) {
            Some((spelled, value)) => (spelled, value.get(1..).unwrap_or_default()),
            None => (pair, &[][..]),
        };
    if stripped(spelled) == name {
        return CookieMatch::Exact;
    }
    let mut cookie_match =
        if param_names_match(spelled, name) { CookieMatch::Alias } else { CookieMatch::Other };
    // A valid pair (RFC 6265 section 4.1.1) has only one interpretation. In an invalid pair, a parser may give
    // up at any point and restart after it, so every name before a `=` may be a cookie's name.
    if is_plain(spelled, value) {
        return cookie_match;
    }
    for at in pair.iter().enumerate().filter_map(|(at, byte)| (*byte == b'=').then_some(at)) {
        let before = stripped(pair.get(..at).unwrap_or_default());
        let start = before.iter().rposition(|byte| !is_tchar(*byte)).map_or(0, |at| at + 1);
        let (before, word) = before.split_at_checked(start).unwrap_or_default();
        if before.is_empty() || !param_names_match(word, name) {
            continue;
        }
        // A cookie may start here. Elsewhere, as in `koa:t=` or `a=/?t=`, the text may be harmless: it is
        // removed, but the request is not denied.
        let begins = before.iter().rfind(|byte| is_tchar(**byte) || !is_cookie_octet(**byte));
        if begins.is_none_or(|byte| !is_cookie_octet(*byte)) {
            return CookieMatch::Embedded;
        }
        cookie_match = CookieMatch::Alias;
    }
    cookie_match
}

fn is_plain(name: &[u8], value: &[u8]) -> bool {
    is_token(name) && value.iter().all(|byte| is_cookie_octet(*byte))
}

/// RFC 6265 section 4.1.1, `cookie-octet`.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

fn value(pair: &[u8]) -> &[u8] {
    let at = pair.iter().position(|byte| *byte == b'=').map_or(pair.len(), |at| at + 1);
    match trim_ows(pair.get(at..).unwrap_or_default()) {
        [b'"', value @ .., b'"'] => value,
        value => value,
    }
}
