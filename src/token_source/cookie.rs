//! Tokens in cookies (RFC 6265 section 4.2).
//!
//! We separate cookies at `;` alone. Others also do at spaces or commas, and some begin anew within a cookie that
//! they cannot read: a second token could stand in the value of an innocent cookie.

use super::MalformedCredential;
use super::spelling::{param_names_match, stripped};
use crate::http::{HeaderMap, is_tchar, is_token, trim_ows};

/// The value of one cookie, without the quotes that it may stand in.
///
/// An empty cookie is how applications log out, so it is a missing token and not a malformed one: the browser that
/// sends it can do nothing about it. Twice the same cookie is malformed even if one is empty, since upstreams differ
/// in which they take.
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

/// The cookie headers without these cookies, if one has any. A header that has no other goes as a whole.
///
/// What some upstream takes for one of them, and nobody has verified, goes even where the token is forwarded.
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
            // The space after the separator that went: the first cookie has none before it.
            let spaces = joined.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            lines.push(joined.get(spaces..).unwrap_or_default().to_vec());
        }
    }
    Some(lines)
}

/// What stands between two `;`, to somebody who looks for a cookie.
enum CookieMatch {
    /// The cookie.
    Exact,
    /// A cookie that some upstream takes for it: PHP reads `a.b` as `a_b`, ASP.NET ignores case.
    Alias,
    /// Another cookie, and behind a space, a comma or a quote the one that is looked for.
    Embedded,
    /// Another cookie.
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
    // A pair by RFC 6265 section 4.1.1 has one reading. Any other, a parser may give up somewhere and start anew behind
    // it: every name before a `=` is one then.
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
        // Where a cookie may begin. Elsewhere, as in `koa:t=` or `a=/?t=`, it may be innocent, and is not refused.
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
