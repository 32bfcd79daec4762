//! How a name in a query or a cookie may be written.

use std::borrow::Cow;

/// Percent-decoded, `+` as a space. A broken escape stays: no token has a `%`, so that one is refused as a token.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escape = match (first, after) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|digits| (digits, after)),
            _ => None,
        };
        match escape {
            Some(((high, low), after)) => {
                decoded.push(high * 16 + low);
                rest = after;
            }
            None => decoded.push(if *first == b'+' { b' ' } else { *first }),
        }
    }
    Cow::Owned(decoded)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16)?.try_into().ok()
}

/// Without what some upstream takes for space around a cookie's name. Django and others read the header as Latin-1
/// and strip what Unicode calls space: a second `t`, with 0xA0 before it, would be the one that they take.
pub(super) fn stripped(mut bytes: &[u8]) -> &[u8] {
    while let [b'\t'..=b'\r' | 0x1C..=b' ' | 0x85 | 0xA0, rest @ ..]
    | [rest @ .., b'\t'..=b'\r' | 0x1C..=b' ' | 0x85 | 0xA0] = bytes
    {
        bytes = rest;
    }
    bytes
}
