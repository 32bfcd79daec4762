//! Tokens in cookies (RFC 6265 section 4.2).

use super::spelling::stripped;
use super::{Headers, MalformedCredential, trimmed, values};

/// The value of one cookie, without the quotes that it may stand in.
///
/// An empty cookie is how applications log out, so it is a missing token and not a malformed one: the browser that
/// sends it can do nothing about it. Twice the same cookie is malformed even if one is empty, since upstreams differ
/// in which they take.
pub(super) fn token<'a>(headers: &'a Headers, name: &[u8]) -> Result<Option<&'a [u8]>, MalformedCredential> {
    let mut found = values(headers, "cookie")
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter(|pair| is_named(pair, name))
        .map(value);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(MalformedCredential::TwoTokens),
        (Some([]), None) | (None, None) => Ok(None),
        (token, None) => Ok(token),
    }
}

/// The cookie headers without these cookies, if one has any. A header that has no other goes as a whole.
pub(super) fn without(headers: &Headers, names: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let named = |pair: &[u8]| names.iter().any(|name| is_named(pair, name));
    let has_named = |line: &[u8]| line.split(|byte| *byte == b';').any(named);
    if names.is_empty() || !values(headers, "cookie").any(has_named) {
        return None;
    }
    let mut lines = Vec::new();
    for line in values(headers, "cookie") {
        if !has_named(line) {
            lines.push(line.to_vec());
            continue;
        }
        let kept: Vec<&[u8]> = line.split(|byte| *byte == b';').filter(|pair| !named(pair)).collect();
        if kept.iter().any(|pair| !trimmed(pair).is_empty()) {
            let joined = kept.join(&b';');
            // The space after the separator that went: the first cookie has none before it.
            let spaces = joined.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            lines.push(joined.get(spaces..).unwrap_or_default().to_vec());
        }
    }
    Some(lines)
}

fn is_named(pair: &[u8], name: &[u8]) -> bool {
    let spelled = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    stripped(spelled) == name
}

fn value(pair: &[u8]) -> &[u8] {
    let at = pair.iter().position(|byte| *byte == b'=').map_or(pair.len(), |at| at + 1);
    match trimmed(pair.get(at..).unwrap_or_default()) {
        [b'"', value @ .., b'"'] => value,
        value => value,
    }
}
