//! Tokens in headers: `Authorization: Bearer`, and others with a prefix.

use super::MalformedCredential;
use crate::http::{HeaderMap, is_unreserved, trim_ows};
use std::borrow::Cow;

/// The token of one header.
///
/// Neither Authorization nor a header with a token is a list (RFC 9110 section 5.3), but two of them may arrive as
/// one value joined by a comma, or as several: both are malformed as soon as one holds a credential, whichever an
/// upstream would pick.
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

/// Whether a value of the header holds a credential with this prefix, a malformed one included.
pub(super) fn holds_credential(headers: &HeaderMap, name: &str, prefix: &[u8]) -> bool {
    headers.get_all(name).any(|value| mentions(trim_ows(value), prefix))
}

/// What follows the prefix: `None` if the value has another one, or none.
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
    let separator = rest.strip_suffix(token).unwrap_or_default();
    match separator {
        // `Bearer` alone, as the spaces after it are not part of the value.
        [] if rest.is_empty() => Err(MalformedCredential::NoToken),
        // `BearerX` is another scheme. None goes on with a byte beyond ASCII: a no-break space is a space to upstreams
        // that split the value as text, Latin-1 or UTF-8.
        [] if rest.first().is_some_and(u8::is_ascii_graphic) => Ok(None),
        [] => Err(MalformedCredential::Separator),
        // A lenient upstream may take a tab for a space: not another scheme, then.
        _ if separator.iter().any(|byte| *byte != b' ') => Err(MalformedCredential::Separator),
        _ => Ok(Some(token)),
    }
}

/// A value that does not begin with the prefix. No scheme begins with a byte beyond ASCII either: an upstream that
/// strips such spaces finds the prefix behind them.
fn after_invisible<'a>(value: &'a [u8], prefix: &[u8]) -> Result<Option<&'a [u8]>, MalformedCredential> {
    let visible = value.iter().position(u8::is_ascii_graphic).and_then(|at| value.get(at..));
    match visible {
        Some(visible) if visible.len() < value.len() && after_prefix(visible, prefix) != Ok(None) => {
            Err(MalformedCredential::Separator)
        }
        _ => Ok(None),
    }
}

/// Whether the prefix stands anywhere in the value as a word of its own, at its start or after something that ends a
/// word: joined values may be separated with or without spaces, and behind a quoted comma.
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

/// The prefix without the spaces at its end, and whether a word was before them.
fn scheme_of(prefix: &[u8]) -> (&[u8], bool) {
    let mut scheme = prefix;
    while let [before @ .., b' '] = scheme {
        scheme = before;
    }
    (scheme, !scheme.is_empty() && scheme.len() < prefix.len())
}
