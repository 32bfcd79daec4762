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

/// The one spelling of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_spelling() {
        let rows: &[(&str, &[u8], Option<&[u8]>)] = &[
            ("nothing", b"", Some(b"")),
            ("one byte", b"_w", Some(b"\xFF")),
            ("both special characters", b"-_8", Some(b"\xFB\xFF")),
            ("padding", b"_w==", None),
            ("a trailing bit", b"_x", None),
            ("two trailing bits of sixteen", b"-_9", None),
            ("the other alphabet", b"+/8", None),
            ("a length that no bytes have", b"AAAAA", None),
            ("a space", b"AA AA", None),
            ("a tab at the end", b"AAAA\t", None),
            ("a line break", b"AAAA\nAAAA", None),
            ("NUL", b"AAA\0", None),
            ("not ASCII", "AAAÄ".as_bytes(), None),
        ];
        for (label, text, bytes) in rows {
            assert_eq!(decode(text).as_deref(), *bytes, "{label}");
        }
    }
}
