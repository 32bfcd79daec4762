//! Tokens in headers: `Authorization: Bearer`, and other headers with a prefix.

use super::MalformedCredential;
use crate::http::{HeaderMap, is_unreserved, trim_ows};
use std::borrow::Cow;

/// The token of one header.
///
/// `Authorization` and headers with a token are not lists (RFC 9110 section 5.3), but two of them may arrive
/// joined by a comma or as several fields. Both forms are malformed if one value holds a credential, because
/// upstreams differ in which value they read.
pub(super) fn token<'a>(
    headers: &'a HeaderMap,
    name: &str,
    prefix: &[u8],
) -> Result<Option<Cow<'a, [u8]>>, MalformedCredential> {
    let lines = headers.get_all(name).count();
    let mut token = None;
    for value in headers.get_all(name).map(trim_ows) {
        if lines > 1 && mentions(value, prefix) {
            return Err(MalformedCredential::TwoTokens);
        }
        if value.contains(&b',') && mentions(value, prefix) {
            return Err(MalformedCredential::CommaJoined);
        }
        token = after_prefix(value, prefix)?;
    }
    Ok(token.map(Cow::Borrowed))
}

/// Whether a value of the header holds a credential with this prefix, valid or malformed.
pub(super) fn holds_credential(headers: &HeaderMap, name: &str, prefix: &[u8]) -> bool {
    headers.get_all(name).any(|value| mentions(trim_ows(value), prefix))
}

/// The text after the prefix. `None` if the value has another prefix or none.
fn after_prefix<'a>(value: &'a [u8], prefix: &[u8]) -> Result<Option<&'a [u8]>, MalformedCredential> {
    let (scheme, spaced) = scheme_of(prefix);
    let rest = match value.split_at_checked(scheme.len()) {
        Some((start, rest)) if !value.is_empty() && start.eq_ignore_ascii_case(scheme) => rest,
        _ => return after_invisible(value, prefix),
    };
    if !spaced {
        return if rest.is_empty() { Err(MalformedCredential::NoToken) } else { Ok(Some(rest)) };
    }
    let token = rest.trim_ascii_start();
    let separator = rest.get(..rest.len() - token.len()).unwrap_or_default();
    match separator {
        // Only `Bearer`: the spaces after it are not part of the value.
        [] if rest.is_empty() => Err(MalformedCredential::NoToken),
        // `BearerX` is another scheme. A byte beyond ASCII does not continue a scheme: upstreams that split the
        // value as Latin-1 or UTF-8 text take a no-break space for a space.
        [] if rest.first().is_some_and(u8::is_ascii_graphic) => Ok(None),
        [] => Err(MalformedCredential::Separator),
        // A lenient upstream may accept a tab as the space, so this is not another scheme.
        _ if separator.iter().any(|byte| *byte != b' ') => Err(MalformedCredential::Separator),
        _ => Ok(Some(token)),
    }
}

/// Handles a value that does not start with the prefix. An upstream may strip leading bytes beyond ASCII as
/// spaces and find the prefix after them; no valid scheme starts with such a byte.
fn after_invisible<'a>(value: &'a [u8], prefix: &[u8]) -> Result<Option<&'a [u8]>, MalformedCredential> {
    let visible = value.iter().position(u8::is_ascii_graphic).and_then(|at| value.get(at..));
    match visible {
        Some(visible) if visible.len() < value.len() && after_prefix(visible, prefix) != Ok(None) => {
            Err(MalformedCredential::Separator)
        }
        _ => Ok(None),
    }
}

/// Whether the prefix occurs anywhere in the value as a separate word, that is, at the start or after a
/// character that ends a word. Joined values may be separated with or without spaces, and may follow a quoted
/// comma.
fn mentions(value: &[u8], prefix: &[u8]) -> bool {
    let (scheme, spaced) = scheme_of(prefix);
    if scheme.is_empty() {
        return !value.is_empty();
    }
    let in_word = |byte: &u8| is_unreserved(*byte) || matches!(byte, b'+' | b'/');
    value.windows(scheme.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|before| value.get(before));
        let after = value.get(at + scheme.len());
        window.eq_ignore_ascii_case(scheme)
            && !before.is_some_and(in_word)
            && (!spaced || after.is_none_or(|byte| *byte == b',' || !byte.is_ascii_graphic()))
    })
}

/// The prefix without its trailing spaces, and whether a scheme preceded such spaces.
fn scheme_of(prefix: &[u8]) -> (&[u8], bool) {
    let mut scheme = prefix;
    while let [before @ .., b' '] = scheme {
        scheme = before;
    }
    (scheme, !scheme.is_empty() && scheme.len() < prefix.len())
}
