//! Tokens in the query of `:path` (RFC 6750 section 2.3).
//!
//! Parameters are parsed as `application/x-www-form-urlencoded` (WHATWG URL): separated by `&`, names and
//! values percent-decoded, `+` for a space. Some upstreams also separate at `;`. A token is malformed if
//! separation at `;` would truncate it or create another one. The query is everything after the first `?`,
//! including a `#` and the text after it: some upstreams do not stop at `#` and would see a token behind it.

use super::MalformedCredential;
use super::spelling::{decoded, param_names_match};
use crate::http::HeaderMap;
use std::borrow::Cow;

/// The token in one parameter.
pub(super) fn token<'a>(
    headers: &'a HeaderMap,
    name: &[u8],
) -> Result<Option<Cow<'a, [u8]>>, MalformedCredential> {
    let mut token = None;
    for query in headers.get_all(":path").filter_map(|path| split_at(path, b'?').1) {
        for parameter in query.split(|byte| *byte == b'&') {
            if !parameter.split(|byte| *byte == b';').any(|piece| is_named(piece, name)) {
                continue;
            }
            if parameter.contains(&b';') {
                return Err(MalformedCredential::Semicolon);
            }
            if token.is_some() {
                return Err(MalformedCredential::TwoTokens);
            }
            token = Some(split_at(parameter, b'=').1.unwrap_or_default());
        }
    }
    match token {
        Some([]) => Err(MalformedCredential::NoToken),
        token => Ok(token.map(decoded)),
    }
}

/// Every `:path` without the named parameters; `None` if no path has any of them. Empty parameters are removed
/// too, so that no `?` or `&` is left dangling. Parameters that only some upstreams take for a named one are
/// removed as well, because their values are unverified.
pub(super) fn without(headers: &HeaderMap, names: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let named = |piece: &[u8]| names.iter().any(|name| may_be_named(piece, name));
    let changes = |path: &[u8]| {
        split_at(path, b'?').1.is_some_and(|query| pieces(query).any(|(_, piece)| named(piece)))
    };
    if names.is_empty() || !headers.get_all(":path").any(changes) {
        return None;
    }
    Some(headers.get_all(":path").map(|path| path_without(path, names)).collect())
}

fn path_without(path: &[u8], names: &[&[u8]]) -> Vec<u8> {
    let (before, Some(query)) = split_at(path, b'?') else {
        return path.to_vec();
    };
    let named = |piece: &[u8]| names.iter().any(|name| may_be_named(piece, name));
    if !pieces(query).any(|(_, piece)| named(piece)) {
        return path.to_vec();
    }
    let mut kept = before.to_vec();
    let mut first = true;
    for (separator, piece) in pieces(query).filter(|(_, piece)| !piece.is_empty() && !named(piece)) {
        kept.push(if first { b'?' } else { separator });
        kept.extend_from_slice(piece);
        first = false;
    }
    kept
}

/// The texts between `&` and `;`, each with the separator before it.
fn pieces(query: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut separator = b'&';
    query.split_inclusive(|byte| matches!(byte, b'&' | b';')).map(move |piece| match piece {
        [piece @ .., next @ (b'&' | b';')] => (std::mem::replace(&mut separator, *next), piece),
        piece => (separator, piece),
    })
}

/// Whether the parameter has this name. Names are compared decoded: to the upstream, `access%5Ftoken` is
/// `access_token`.
fn is_named(parameter: &[u8], name: &[u8]) -> bool {
    let (spelled, _) = split_at(parameter, b'=');
    spelled == name || *decoded(spelled) == *name
}

/// Whether some upstreams take the parameter for one with this name.
fn may_be_named(parameter: &[u8], name: &[u8]) -> bool {
    is_named(parameter, name) || param_names_match(split_at(parameter, b'=').0, name)
}

/// The bytes before the first `byte`, and the bytes after it if it occurs.
fn split_at(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|other| *other == byte).and_then(|at| bytes.split_at_checked(at)) {
        Some((before, after)) => (before, after.get(1..)),
        None => (bytes, None),
    }
}
