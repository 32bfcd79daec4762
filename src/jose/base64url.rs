//! Base64url as JOSE uses it: no padding, no other characters, and zeros in the unused bits (RFC 7515 section 2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The bytes that `text` encodes, or `None` if the text is not the canonical encoding of any bytes.
///
/// With a lenient decoder, one token would have many spellings (padding, line breaks, set trailing bits). A list of
/// revoked tokens, or a cache, would take each spelling for a different token.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Why a text is not base64url. The first two are common mistakes of encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Base64Fault {
    /// The text ends with `=`.
    #[error("padded base64url; remove each = at the end")]
    Padded,
    /// The text contains `+` or `/`, from the standard alphabet of RFC 4648.
    #[error("standard base64; write base64url, with - and _ instead of + and /, and without = at the end")]
    StandardAlphabet,
    /// The text has another character, an impossible length, or set trailing bits.
    #[error("not base64url")]
    Other,
}

impl Base64Fault {
    /// The fault of a text that [`decode`] refuses.
    pub fn of(text: &str) -> Self {
        if text.contains(['+', '/']) {
            Self::StandardAlphabet
        } else if text.ends_with('=') {
            Self::Padded
        } else {
            Self::Other
        }
    }
}

/// The canonical encoding of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_spelling() {
        for (text, bytes) in [("", b"".as_slice()), ("_w", b"\xFF"), ("-_8", b"\xFB\xFF")] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes), "{text}");
            assert_eq!(encode(bytes), text);
        }
        let rows: &[(&str, &[u8])] = &[
            ("padding", b"_w=="),
            ("a trailing bit", b"_x"),
            ("two trailing bits of sixteen", b"-_9"),
            ("the standard alphabet", b"+/8"),
            ("an impossible length", b"AAAAA"),
            ("a space", b"AA AA"),
            ("a tab at the end", b"AAAA\t"),
            ("a line break", b"AAAA\nAAAA"),
            ("NUL", b"AAA\0"),
            ("not ASCII", "AAAÄ".as_bytes()),
        ];
        for (label, text) in rows {
            assert_eq!(decode(text), None, "{label}");
        }
    }
}
