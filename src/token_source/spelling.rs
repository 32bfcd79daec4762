//! The spellings of a parameter's or cookie's name.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Whether some upstreams take `spelled`, percent-encoded or not, for `name`.
///
/// - PHP cuts at a zero byte and drops spaces before the name. It replaces a space, `.` and an unclosed `[`
///   with `_`, and reads `t[]` and `t[x]` as arrays named `t`.
/// - Rack before version 3 also drops brackets before the name. The parser of Express reads `[t]` as `t`.
/// - ASP.NET ignores case.
pub(super) fn param_names_match(spelled: &[u8], name: &[u8]) -> bool {
    let bracket = |byte: &u8| matches!(byte, b'[' | b']');
    let decoded = decoded(spelled);
    let whole = decoded.split(|byte| *byte == 0).next().unwrap_or_default();
    let start = whole.iter().position(|byte| !bracket(byte) && !stripped(&[*byte]).is_empty());
    let whole = start.and_then(|start| whole.get(start..)).unwrap_or_default();
    let array = whole.split(bracket).next().unwrap_or_default();
    [whole, stripped(whole), array].iter().any(|spelled| equal_when_folded(spelled, name))
}

fn equal_when_folded(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| fold(*one) == fold(*other))
}

fn fold(byte: u8) -> u8 {
    match byte {
        b' ' | b'.' | b'[' => b'_',
        byte => byte.to_ascii_lowercase(),
    }
}

/// The bytes percent-decoded, with `+` as a space. An invalid escape stays as it is: no token contains a `%`,
/// so a token with one fails validation.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'+') {
        return percent_decode(bytes).into();
    }
    let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

/// Removes the bytes around a cookie's name that some upstreams strip as spaces. Django and others decode the
/// header as Latin-1 and strip Unicode whitespace: they would read a second cookie `t` with 0xA0 before its
/// name.
pub(super) fn stripped(mut bytes: &[u8]) -> &[u8] {
    while let [b'\t'..=b'\r' | 0x1C..=b' ' | 0x85 | 0xA0, rest @ ..]
    | [rest @ .., b'\t'..=b'\r' | 0x1C..=b' ' | 0x85 | 0xA0] = bytes
    {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_fold_together() {
        for (spelled, expected) in [
            (&b"access_token"[..], true),
            (b"Access_TOKEN", true),
            (b"access.token", true),
            (b"access+token", true),
            (b"access token", true),
            (b"access%20token", true),
            (b"access[token", true),
            (b"access%5btoken", true),
            (b"%61ccess_token", true),
            (b"+access_token", true),
            (b"%20 access_token", true),
            (b"access_token+", true),
            (b"\xa0access_token", true),
            (b"access_token%00", true),
            (b"access_token%00x", true),
            (b"access_token[]", true),
            (b"access_token[a]", true),
            (b"access_token[a][b]", true),
            (b"access_token]", true),
            (b"[access_token]", true),
            (b"[[access_token", true),
            (b"access-token", false),
            (b"accesstoken", false),
            (b"access_tokens", false),
            (b"my_access_token", false),
            (b"x[access_token]", false),
            (b"access%2520token", false),
            (b"%00access_token", false),
            (b"access_token%zz", false),
            (b"[]", false),
            (b"", false),
        ] {
            assert_eq!(param_names_match(spelled, b"access_token"), expected, "{}", spelled.escape_ascii());
        }
        assert!(param_names_match(b"a_b", b"a.b"), "an upstream that reads both the same way");
    }
}
