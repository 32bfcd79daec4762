//! Host and port in URIs and requests (RFC 3986 section 3.2).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::characters::{is_sub_delim, is_unreserved};

/// An authority without user information. Both parts are validated: the host contains only a host, and the port
/// only digits.
///
/// This is not `http::uri::Authority` (http 1.5), which accepts `a:99999`, `a:x`, `[:::]`, `[a]`, `[::1]x` and
/// `user@a`, and reads the port `+80` as 80: every check here would still be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    host: HostName<'a>,
    port: Option<&'a [u8]>,
}

/// The host of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostName<'a> {
    /// A name or an IPv4 address of `unreserved` and `sub-delims` characters; may be empty. Percent-encoding is
    /// invalid: no DNS name needs it, and software differs in whether it decodes a host.
    Name(&'a [u8]),
    /// An IPv6 address with an optional zone after `%` (RFC 6874).
    Ipv6 {
        /// The address.
        address: Ipv6Addr,
        /// The text after the `%`, not decoded.
        zone: Option<&'a [u8]>,
    },
}

impl<'a> Authority<'a> {
    /// Parses `host` or `host:port`. `None` if either is malformed or user information precedes them.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let (host, port) = split_port(text);
        let host = match host {
            [b'[', literal @ .., b']'] => ipv6(literal)?,
            name if name.iter().all(|byte| is_unreserved(*byte) || is_sub_delim(*byte)) => {
                HostName::Name(name)
            }
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// The authority's host.
    pub fn host(&self) -> HostName<'a> {
        self.host
    }

    /// The digits after the colon, if there is one. RFC 3986 allows any number of digits, including none.
    pub fn port(&self) -> Option<&'a [u8]> {
        self.port
    }
}

fn ipv6(literal: &[u8]) -> Option<HostName<'_>> {
    let mut parts = literal.splitn(2, |byte| *byte == b'%');
    let address = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let zone = parts.next();
    let is_valid = zone.is_none_or(|zone| zone.iter().copied().all(is_unreserved));
    is_valid.then_some(HostName::Ipv6 { address, zone })
}

/// Splits an authority into the host and the digits after the final colon. An IPv6 address must be in brackets
/// (RFC 3986 section 3.2.2); one without brackets is not split. Nothing else is validated.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let digits = authority.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    match authority.split_at_checked(authority.len() - digits) {
        Some(([host @ .., b':'], port)) if host.ends_with(b"]") || !host.contains(&b':') => {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

/// The host of an authority in normalized form for comparison: no port, no trailing dot, lower case.
pub fn comparable_host(authority: &[u8]) -> Cow<'_, [u8]> {
    let (host, _) = split_port(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_told_apart() {
        let rows: &[(&str, &str, Option<&str>)] = &[
            ("", "", None),
            ("a.example", "a.example", None),
            ("A_b-c~d.", "A_b-c~d.", None),
            ("a!$&'()*+,;=", "a!$&'()*+,;=", None),
            ("10.0.0.1:80", "10.0.0.1", Some("80")),
            ("a:", "a", Some("")),
            (":1", "", Some("1")),
            ("a:0000099999", "a", Some("0000099999")),
        ];
        for (text, host, port) in rows {
            let authority = Authority::parse(text.as_bytes()).unwrap();
            assert_eq!(authority.host(), HostName::Name(host.as_bytes()), "{text}");
            assert_eq!(authority.port(), port.map(str::as_bytes), "{text}");
        }
        let rows = [
            ("[::1]", "::1", None, None),
            ("[FE80::1]:80", "fe80::1", None, Some("80")),
            ("[::ffff:192.0.2.1]", "::ffff:192.0.2.1", None, None),
            ("[fe80::1%25eth0]:", "fe80::1", Some("25eth0"), Some("")),
        ];
        for (text, address, zone, port) in rows {
            let authority = Authority::parse(text.as_bytes()).unwrap();
            let (address, zone) = (address.parse().unwrap(), zone.map(str::as_bytes));
            assert_eq!(authority.host(), HostName::Ipv6 { address, zone }, "{text}");
            assert_eq!(authority.port(), port.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for text in [
            "u@a",
            "a b",
            "a:x",
            "a:80x",
            "a:80:80",
            "a:+80",
            "a:-1",
            "::1",
            "a/",
            "a\\b",
            "a?b",
            "a#b",
            "%61",
            "a|b",
            "caf\u{e9}",
            "[::1",
            "[::1]a",
            "[::1]:x",
            "[::1]:+80",
            "[]",
            "[a]",
            "[:::]",
            "[::1%25a b]",
            "[v1.a]",
            "[1.2.3.4]",
            "a[::1]",
            "[::1]]",
            "[[::1]]",
            "a\t",
            "a\0",
            "a\"b",
        ] {
            assert_eq!(Authority::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Authority::parse(b"a\xff"), None);
    }

    #[test]
    fn a_request_host_is_compared_without_port_dot_and_case() {
        for (host, expected) in [
            (&b"Example.COM"[..], &b"example.com"[..]),
            (b"example.com:443", b"example.com"),
            (b"example.com:", b"example.com"),
            (b"example.com.:443", b"example.com"),
            (b"example.com..", b"example.com."),
            (b"example.com:x", b"example.com:x"),
            (b"[::1]:80", b"[::1]"),
            (b"::1", b"::1"),
            (b"", b""),
            (b":", b""),
            (b"\xff:1", b"\xff"),
        ] {
            assert_eq!(comparable_host(host).as_ref(), expected, "{host:?}");
        }
    }
}
