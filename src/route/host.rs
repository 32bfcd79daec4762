//! The hosts of routes and requests.

use std::fmt;

use super::template::is_parameter_name;
use crate::http::{Authority, HostName};

pub(super) use crate::http::comparable_host as normalize_host;

/// The maximum length of a DNS name (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// The host of a route: `api.example.com`; `{tenant}.example.com` for every name with one more label; or
/// `*.example.com` for every name below it, at any depth. The last two do not match `example.com` itself. Case, a
/// port and one trailing dot are ignored, as in the request's host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    name: String,
    kind: HostKind,
    /// The name in `{tenant}`, for [`HostKind::Label`].
    parameter: Option<Box<str>>,
}

/// How a pattern's name is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum HostKind {
    /// The whole host.
    Exact,
    /// The text after the first dot.
    Label,
    /// The text after the first dot or a later one.
    Suffix,
}

/// Why a text is not a host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// No text, or only a port or a dot.
    #[error("expected a host such as `api.example.com` or `*.example.com`, got none")]
    Empty,
    /// Only `*`.
    #[error("`*` alone matches every host: remove `hosts` instead")]
    Any,
    /// `*` in another position than the complete first label.
    #[error("`*` must be the complete first label, as in `*.example.com`")]
    Wildcard,
    /// Braces in another position than the complete first label, or with an invalid name in them.
    #[error(
        "a parameter must be the complete first label, with a name of letters, digits, `_` and `-`, as in \
         `{{tenant}}.example.com`"
    )]
    Parameter,
    /// A scheme, a path, a user name or another character that is invalid in a host.
    #[error(
        "{0:?} is not allowed in a host: expected a name such as `api.example.com` or `*.example.com`, \
         without scheme or path, in its ASCII form"
    )]
    Character(char),
    /// Brackets that contain no IPv6 address, or text other than a port after the brackets.
    #[error(
        "expected an IPv6 address in the brackets and at most a port after them, as in `[::1]` or `[::1]:8080`"
    )]
    Brackets,
    /// Two consecutive dots, or a leading dot.
    #[error("a host cannot start with a dot or contain two consecutive dots: remove one")]
    EmptyLabel,
    /// More than 253 bytes.
    #[error("expected at most {MAX_NAME} bytes")]
    TooLong,
}

impl HostPattern {
    /// Parses a host, or `*.` and a suffix.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        if text == "*" {
            return Err(HostPatternError::Any);
        }
        let (kind, parameter, name) = match (text.strip_prefix("*."), text.strip_prefix('{')) {
            (Some(suffix), _) => (HostKind::Suffix, None, suffix),
            (None, Some(rest)) => {
                let (parameter, suffix) = rest.split_once("}.").ok_or(HostPatternError::Parameter)?;
                (HostKind::Label, Some(parameter), suffix)
            }
            (None, None) => (HostKind::Exact, None, text),
        };
        if name.contains(['{', '}']) || parameter.is_some_and(|name| !is_parameter_name(name)) {
            return Err(HostPatternError::Parameter);
        }
        if name.contains('*') {
            return Err(HostPatternError::Wildcard);
        }
        let bracketed = name.starts_with('[');
        let spelled = |character: char| {
            character.is_ascii_alphanumeric()
                || matches!(character, '.' | '-' | '_' | ':')
                || bracketed && matches!(character, '[' | ']')
        };
        if let Some(character) = name.chars().find(|character| !spelled(*character)) {
            return Err(HostPatternError::Character(character));
        }
        let name = String::from_utf8_lossy(&normalize_host(name.as_bytes())).into_owned();
        if name.is_empty() {
            return Err(HostPatternError::Empty);
        }
        if name.split('.').any(str::is_empty) {
            return Err(HostPatternError::EmptyLabel);
        }
        // Without the port, only an IPv6 literal may contain a colon.
        if name.contains(':') && !bracketed {
            return Err(HostPatternError::Character(':'));
        }
        // No request has such a host, so a route with a mistake such as `[::1]80` would never apply.
        if bracketed
            && (kind != HostKind::Exact || !name.ends_with(']') || !is_unambiguous_host(name.as_bytes()))
        {
            return Err(HostPatternError::Brackets);
        }
        if name.len() > MAX_NAME {
            return Err(HostPatternError::TooLong);
        }
        Ok(Self { name, kind, parameter: parameter.map(Into::into) })
    }

    /// The name in lower case, without `*.`, port and trailing dot.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn kind(&self) -> HostKind {
        self.kind
    }

    /// The name of the parameter that stands for the first label, as in `{tenant}.example.com`.
    pub fn parameter(&self) -> Option<&str> {
        self.parameter.as_deref()
    }
}

/// Whether a request's host is a single name or address with an optional port, so that no upstream can extract
/// another host from it. An empty host is accepted as no host. Examples of other hosts: `user@admin.example` is
/// `admin.example` to an upstream that parses it as a URL, `%61dmin.example` to one that decodes it,
/// `admin.example:x` to one that cuts at the colon, and `a,b` the first or the second of two hosts (RFC 9112
/// section 3.2, RFC 9113 section 8.3.1). No route lists any of them.
///
/// This check is stricter than [`Authority`] about commas and empty labels, which some upstreams drop. It does
/// not restrict the port, which routes ignore: clients may leave it empty or write any number of digits (RFC
/// 3986 section 3.2.3).
pub(super) fn is_unambiguous_host(host: &[u8]) -> bool {
    match Authority::parse(host).map(|authority| authority.host()) {
        None => false,
        Some(HostName::Ipv6 { .. }) => true,
        Some(HostName::Name(name)) => {
            let labels = name.strip_suffix(b".").unwrap_or(name);
            let has_empty_label =
                !labels.is_empty() && labels.split(|byte| *byte == b'.').any(<[u8]>::is_empty);
            !name.contains(&b',') && !has_empty_label
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.parameter) {
            (HostKind::Suffix, _) => f.write_str("*.")?,
            (HostKind::Label, Some(parameter)) => write!(f, "{{{parameter}}}.")?,
            (HostKind::Label, None) | (HostKind::Exact, _) => {}
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read() {
        for (text, shown) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM.", "api.example.com"),
            ("api.example.com:8443", "api.example.com"),
            ("api.example.com.:8443", "api.example.com"),
            ("*.Example.com:443", "*.example.com"),
            ("localhost", "localhost"),
            ("10.0.0.1:80", "10.0.0.1"),
            ("[::1]:8080", "[::1]"),
            ("[FE80::1]", "[fe80::1]"),
            ("my_service", "my_service"),
            ("{tenant}.API.example.com:443", "{tenant}.api.example.com"),
            ("{Tenant-1_a}.example", "{Tenant-1_a}.example"),
        ] {
            assert_eq!(
                HostPattern::parse(text).map(|pattern| pattern.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_host_is_one_or_none() {
        for host in [
            "",
            "a",
            "a.",
            "a.b:80",
            "a.b.:80",
            "a:",
            "A_b-c~d",
            "10.0.0.1:1",
            "[::1]",
            "[::1]:80",
            "[FE80::1%25eth0]:",
            "a!$&'()*+;=",
        ] {
            assert!(is_unambiguous_host(host.as_bytes()), "{host}");
        }
        for host in [
            "u@a",
            "a,b",
            "a, b",
            "a b",
            "a:x",
            "a:80x",
            "a:80:80",
            "a:+80",
            "::1",
            "a..",
            "a..b",
            ".a",
            "a/",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "%61",
            "a%2e",
            "caf\u{e9}",
            "a\u{3002}b",
            "[::1",
            "[::1]a",
            "[::1]:x",
            "[]",
            "[a]b@c",
            "[a]",
            "[a.b]",
            "[v1.a]",
            "a[::1]",
            "[u@a]",
            "a\t",
            "a\0",
        ] {
            assert!(!is_unambiguous_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, error) in [
            ("", HostPatternError::Empty),
            (".", HostPatternError::Empty),
            (":80", HostPatternError::Empty),
            ("*.", HostPatternError::Empty),
            ("*", HostPatternError::Any),
            ("a*.example.com", HostPatternError::Wildcard),
            ("api.*.com", HostPatternError::Wildcard),
            ("*.*.com", HostPatternError::Wildcard),
            ("https://example.com", HostPatternError::Character('/')),
            ("example.com/a", HostPatternError::Character('/')),
            ("user@example.com", HostPatternError::Character('@')),
            ("example.com:port", HostPatternError::Character(':')),
            ("::1", HostPatternError::Character(':')),
            ("bücher.example", HostPatternError::Character('ü')),
            (".example.com", HostPatternError::EmptyLabel),
            ("a..b", HostPatternError::EmptyLabel),
            ("a..", HostPatternError::EmptyLabel),
            ("[::1]80", HostPatternError::Brackets),
            ("[::1", HostPatternError::Brackets),
            ("[::1]:80.", HostPatternError::Brackets),
            ("[a.b]", HostPatternError::Brackets),
            ("[]", HostPatternError::Brackets),
            ("*.[::1]", HostPatternError::Brackets),
            ("{tenant}", HostPatternError::Parameter),
            ("{}.example.com", HostPatternError::Parameter),
            ("{a b}.example.com", HostPatternError::Parameter),
            ("{tenant}-api.example.com", HostPatternError::Parameter),
            ("{a}.{b}.example.com", HostPatternError::Parameter),
            ("api.{tenant}.example.com", HostPatternError::Parameter),
            ("{tenant}.", HostPatternError::Empty),
            ("{tenant}.*.example.com", HostPatternError::Wildcard),
            ("{tenant}.[::1]", HostPatternError::Brackets),
        ] {
            assert_eq!(HostPattern::parse(text), Err(error), "{text}");
        }
        assert!(HostPattern::parse(&"a.".repeat(127)).is_ok());
        assert_eq!(HostPattern::parse(&"a.".repeat(128)), Err(HostPatternError::TooLong));
    }
}
