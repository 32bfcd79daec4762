//! Absolute http and https URIs (RFC 9110 section 4.2) in configurations and redirects.

use super::authority::{Authority, HostName, split_port};
use super::characters::{hex_digit, is_sub_delim, is_unreserved};

/// An absolute http or https URI without user information or fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    scheme: Scheme,
    authority: &'a str,
    path_and_query: &'a str,
}

/// The schemes of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

/// Why a text is not such a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Neither `http://` nor `https://`.
    #[error("expected a URL that starts with https:// or http://")]
    Scheme,
    /// No host, or a host or port with invalid characters.
    #[error("expected a URL with a host, such as https://issuer.example.com/keys")]
    Host,
    /// A user name or password, which would end up in logs.
    #[error("expected a URL without a user name or password")]
    UserInfo,
    /// A fragment, which is never sent to a server.
    #[error("expected a URL without a fragment")]
    Fragment,
    /// A space, a control character, or a non-ASCII character.
    #[error("expected a URL of visible ASCII characters; percent-encode the others")]
    Character,
}

impl<'a> Uri<'a> {
    /// Parses an absolute URI. The path and query are kept as written, provided they are visible ASCII: only
    /// the server knows their meaning. [`is_path`] is stricter.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UriError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UriError::Scheme)?;
        let scheme = Scheme::parse(scheme).ok_or(UriError::Scheme)?;
        if rest.contains('#') {
            return Err(UriError::Fragment);
        }
        let (authority, path_and_query) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UriError::UserInfo);
        }
        if !names_a_server(authority) {
            return Err(UriError::Host);
        }
        Ok(Self { scheme, authority, path_and_query })
    }

    /// The URI's scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host and, if given, the port, as written.
    pub fn authority(&self) -> &'a str {
        self.authority
    }

    /// The path and query as written; empty, or starting with `/` or `?`.
    pub fn path_and_query(&self) -> &'a str {
        self.path_and_query
    }
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
    }

    /// The text for `:scheme`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Whether the authority names a server to connect to: a host that is not empty, and a valid TCP port if there
/// is one. RFC 3986 allows `sub-delims` in a name, but DNS names have none, and `https://a,b/` is a mistake. An
/// IPv6 zone is invalid, because it has a meaning only on its own machine.
fn names_a_server(authority: &str) -> bool {
    let Some(authority) = Authority::parse(authority.as_bytes()) else { return false };
    let has_host = match authority.host() {
        HostName::Name(name) => {
            name.iter().any(|byte| *byte != b'.') && name.iter().copied().all(is_unreserved)
        }
        HostName::Ipv6 { zone, .. } => zone.is_none(),
    };
    has_host && authority.port().is_none_or(|port| port_number(port).is_some())
}

/// The host of a valid authority, with brackets for an IPv6 address, and the port, which defaults to the
/// scheme's (RFC 9110 section 4.2.3).
pub fn host_and_port(authority: &str, scheme: Scheme) -> (&str, u16) {
    let (host, port) = split_port(authority.as_bytes());
    let host = authority.get(..host.len()).unwrap_or(authority);
    (host, port.and_then(port_number).unwrap_or_else(|| scheme.default_port()))
}

/// The digits as a TCP port.
fn port_number(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether the text is a `path-abempty` (RFC 3986 section 3.3) without dot segments, which clients resolve
/// before they send a request.
pub fn is_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => [bytes.next(), bytes.next()].iter().all(|digit| digit.and_then(hex_digit).is_some()),
            other => is_unreserved(other) || is_sub_delim(other) || matches!(other, b'/' | b':' | b'@'),
        };
        if !is_valid {
            return false;
        }
    }
    let starts_well = path.is_empty() || path.starts_with('/');
    starts_well && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// Resolves dot segments (RFC 3986 section 5.2.4); `..` at the root has no effect. `None` if
/// the path has none.
pub fn resolved_dots(path: &str) -> Option<String> {
    if !path.contains("/.") {
        return None;
    }
    let segments = path.strip_prefix('/')?.split('/');
    if !segments.clone().any(|segment| matches!(segment, "." | "..")) {
        return None;
    }
    let mut resolved: Vec<&str> = Vec::new();
    let mut ends_in_dots = false;
    for segment in segments {
        ends_in_dots = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                resolved.pop();
            }
            segment => resolved.push(segment),
        }
    }
    if ends_in_dots {
        resolved.push("");
    }
    Some(format!("/{}", resolved.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_taken_apart() {
        let rows = [
            ("https://a.example/keys?x=1", "https", "a.example", ("a.example", 443), "/keys?x=1"),
            ("HTTP://A.Example:8080", "http", "A.Example:8080", ("A.Example", 8080), ""),
            ("http://a_b~c.", "http", "a_b~c.", ("a_b~c.", 80), ""),
            ("https://[::1]:8443/k", "https", "[::1]:8443", ("[::1]", 8443), "/k"),
            ("https://[::1]/{k}", "https", "[::1]", ("[::1]", 443), "/{k}"),
            ("https://h?q", "https", "h", ("h", 443), "?q"),
            ("https://h:0/", "https", "h:0", ("h", 0), "/"),
            ("https://h:065535/", "https", "h:065535", ("h", 65535), "/"),
        ];
        for (text, scheme, authority, server, path_and_query) in rows {
            let uri = Uri::parse(text).unwrap();
            assert_eq!((uri.scheme().as_str(), uri.authority()), (scheme, authority), "{text}");
            assert_eq!(
                (host_and_port(uri.authority(), uri.scheme()), uri.path_and_query()),
                (server, path_and_query),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        let rows = [
            ("a.example/keys", UriError::Scheme),
            ("ftp://a.example", UriError::Scheme),
            ("https://", UriError::Host),
            ("https:///keys", UriError::Host),
            ("https://./", UriError::Host),
            ("https://a:b/", UriError::Host),
            ("https://a:/", UriError::Host),
            ("https://a:+80/", UriError::Host),
            ("https://a:65536/", UriError::Host),
            ("https://[::1]:+80/", UriError::Host),
            ("https://[::1/", UriError::Host),
            ("https://[:::]/", UriError::Host),
            ("https://[fe80::1%25eth0]/", UriError::Host),
            ("https://a,b/", UriError::Host),
            ("https://%61/", UriError::Host),
            ("https://u:p@a/", UriError::UserInfo),
            ("https://a/#f", UriError::Fragment),
            ("https://a/\r\nx: y", UriError::Character),
            ("https://a/é", UriError::Character),
        ];
        for (text, error) in rows {
            assert_eq!(Uri::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn paths_are_those_that_a_request_can_have() {
        for path in ["", "/", "/a//b/", "/x%20y/~a:@!$&'()*+,;=", "/...", "/.a"] {
            assert!(is_path(path), "{path}");
        }
        for path in ["a", "/a b", "/%2", "/%2g", "/a\"b", "/a\\b", "/a/../b", "/.", "/a?b", "/é", "/{a}"] {
            assert!(!is_path(path), "{path}");
        }
    }
}
