//! Base64url as JOSE writes it: no padding, no other characters, unused bits zero (RFC 7515 section 2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The bytes that `text` stands for, or `None` where it is not the one spelling of any bytes.
///
/// A lenient reader would let one token be spelled in many ways (padding, line breaks, set trailing bits), and
/// each spelling would pass a list of revoked tokens or a cache as another token.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Why a text is not base64url, as encoders get it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Base64Fault {
    /// `=` at its end.
    #[error("padded; base64url in a JWK has no = at its end")]
    Padded,
    /// `+` or `/`: the other alphabet of RFC 4648, padded or not.
    #[error("standard base64; base64url has - and _ instead of + and /")]
    StandardAlphabet,
    /// Another character, a length that no bytes have, or trailing bits.
    #[error("not base64url")]
    Other,
}

impl Base64Fault {
    /// Of a text that [`decode`] does not read.
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

/// The one spelling of `bytes`.
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
            ("the other alphabet", b"+/8"),
            ("a length that no bytes have", b"AAAAA"),
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
