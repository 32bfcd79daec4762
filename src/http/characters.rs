//! Character classes of HTTP and of URIs.

/// Whether the byte is a `tchar` (RFC 9110 section 5.6.2).
pub fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Whether the bytes are a `token` (RFC 9110 section 5.6.2): a method, a field name, a cookie's name.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_tchar)
}

/// Strips surrounding spaces and tabs (RFC 9110 section 5.6.3, OWS).
pub fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether the byte is `unreserved` (RFC 3986 section 2.3).
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether the byte is one of `sub-delims` (RFC 3986 section 2.2).
pub(super) fn is_sub_delim(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&'..=b',' | b';' | b'=')
}

/// The value of a hexadecimal digit (RFC 3986 section 2.1, `HEXDIG` in either case).
pub fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(class: impl Fn(u8) -> bool) -> String {
        (0..=u8::MAX).filter(|byte| class(*byte)).map(char::from).collect()
    }

    #[test]
    fn classes_are_those_of_the_grammars() {
        let others = |class: fn(u8) -> bool| all(|byte| class(byte) && !byte.is_ascii_alphanumeric());
        assert_eq!(others(is_tchar), "!#$%&'*+-.^_`|~");
        assert_eq!(others(is_unreserved), "-._~");
        assert_eq!(others(is_sub_delim), "!$&'()*+,;=");
        assert!(
            (0..=127_u8).filter(u8::is_ascii_alphanumeric).all(|byte| is_tchar(byte) && is_unreserved(byte))
        );
        assert_eq!(all(is_sub_delim).len(), 11);
        assert!(is_token(b"GET") && !is_token(b"") && !is_token(b"G T"));
    }

    #[test]
    fn hexadecimal_digits_have_their_value() {
        assert_eq!(all(|byte| hex_digit(byte).is_some()), "0123456789ABCDEFabcdef");
        for byte in 0..=u8::MAX {
            assert_eq!(hex_digit(byte).map(u32::from), char::from(byte).to_digit(16), "{byte}");
        }
    }
}
