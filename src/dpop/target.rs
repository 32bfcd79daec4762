//! The URI of a proof (`htu`), compared with the request after the normalization of RFC 3986 section 6.2.2 and 6.2.3.

use crate::http::{
    HeaderMap, Scheme, Uri, UriError, comparable_host, hex_digit, host_and_port, is_unreserved, resolved_dots,
};

/// The scheme, host and port of a URI, normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    is_secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Parses an origin, such as `https://api.example.com`. A single `/` after it is allowed. A final dot of the host is
    /// removed, because no client writes it.
    ///
    /// # Errors
    /// The text is not a URL. `Ok(None)`: the URL has a path or a query.
    pub fn parse(text: &str) -> Result<Option<Self>, UriError> {
        let uri = Uri::parse(text)?;
        let mut origin = Self::of(&uri);
        if origin.host.ends_with('.') {
            origin.host.pop();
        }
        Ok(matches!(uri.path_and_query(), "" | "/").then_some(origin))
    }

    /// Whether the scheme is https.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn of(uri: &Uri<'_>) -> Self {
        let (host, port) = host_and_port(uri.authority(), uri.scheme());
        Self { is_secure: uri.scheme() == Scheme::Https, host: host.to_ascii_lowercase(), port }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// Whether `htu` is the URI of the request at one of the origins, without query and fragment.
///
/// The scheme and the authority of the request do not decide, because the client chooses them. They only narrow: if the
/// host of the request is that of an origin, the proof must be for an origin with this host.
pub(super) fn is_target(htu: &str, headers: &HeaderMap, origins: &[Origin]) -> bool {
    let without_fragment = htu.split('#').next().unwrap_or_default();
    let Ok(uri) = Uri::parse(without_fragment) else { return false };
    let origin = Origin::of(&uri);
    let requested = headers.get(":authority").map(comparable_host);
    let is_requested = |origin: &Origin| requested.as_deref() == Some(origin.host.as_bytes());
    let is_known = origins.contains(&origin) && (is_requested(&origin) || !origins.iter().any(is_requested));
    let path = headers.get(":path").and_then(|path| std::str::from_utf8(path).ok());
    let path = path.and_then(normalized_path);
    is_known && path.is_some() && path == normalized_path(uri.path_and_query())
}

/// The path without query and fragment: percent-escapes in upper case and only where they are needed, without dot
/// segments, and `/` if it is empty. `None` if an escape is not valid.
fn normalized_path(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut normalized = String::with_capacity(path.len() + 1);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let byte = hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?;
                if !is_unreserved(byte) {
                    push_escaped(byte, &mut normalized);
                    continue;
                }
                byte
            }
            byte => byte,
        };
        match byte {
            // A client must escape these characters, and some do not (RFC 3986 section 3.3).
            b'"'
            | b'<'
            | b'>'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'|'
            | b'}'
            | b'['
            | b']'
            | 0..=b' '
            | 0x7F.. => {
                push_escaped(byte, &mut normalized);
            }
            byte => normalized.push(char::from(byte)),
        }
    }
    if normalized.is_empty() {
        normalized.push('/');
    }
    Some(resolved_dots(&normalized).unwrap_or(normalized))
}

fn push_escaped(byte: u8, text: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    text.push('%');
    for digit in [byte >> 4, byte & 15] {
        text.extend(DIGITS.get(usize::from(digit)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(htu: &str, authority: &str, path: &str) -> bool {
        let origins = ["https://api.example.com", "https://Other.example.com:8443/", "http://[::1]:80"]
            .map(|origin| Origin::parse(origin).unwrap().unwrap());
        let headers = [(":authority", authority), (":path", path)].into_iter().collect();
        is_target(htu, &headers, &origins)
    }

    #[test]
    fn the_uri_of_the_request_is_met_in_each_of_its_spellings() {
        for (htu, path) in [
            ("https://api.example.com/orders/7", "/orders/7"),
            ("https://api.example.com/orders/7", "/orders/7?page=2"),
            ("https://api.example.com/orders/7?page=1#x", "/orders/7"),
            ("HTTPS://API.Example.com:443/orders/7", "/orders/7"),
            ("https://api.example.com/a/../orders/./7", "/orders/7"),
            ("https://api.example.com/%6Frders/7", "/orders/7"),
            ("https://api.example.com/caf%c3%a9", "/caf%C3%A9"),
            ("https://api.example.com/a%2fb", "/a%2Fb"),
            ("https://api.example.com/{id}", "/%7Bid%7D"),
            ("https://api.example.com", "/"),
            ("https://api.example.com?x", "/?x"),
            ("http://[::1]/x", "/x"),
            ("https://api.example.com:0443/x", "/x"),
            ("https://api.example.com/a/%2e%2E/b", "/b"),
            ("https://api.example.com/b", "/a/%2e./b"),
            ("https://api.example.com/../b", "/b"),
            ("https://api.example.com/a//b", "/a//b"),
            ("https://api.example.com/a\\b", "/a%5Cb"),
        ] {
            assert!(target(htu, "internal", path), "{htu} {path}");
        }
        assert!(target("https://api.example.com/x", "API.example.com:8080", "/x"));
        assert!(target("https://other.example.com:8443/x", "other.example.com", "/x"));
    }

    #[test]
    fn another_uri_is_refused() {
        for (htu, path) in [
            ("https://api.example.com/orders/8", "/orders/7"),
            ("https://api.example.com/Orders/7", "/orders/7"),
            ("https://api.example.com/orders/7/", "/orders/7"),
            ("https://api.example.com//orders/7", "/orders/7"),
            ("https://api.example.com\\orders/7", "/orders/7"),
            ("https://api.example.com/orders\\7", "/orders/7"),
            ("https://api.example.com/orders%5C7", "/orders/7"),
            ("https://api.example.com/orders;x/7", "/orders/7"),
            ("https://api.example.com/x/..;/orders/7", "/orders/7"),
            ("https://api.example.com/orders/7%00", "/orders/7"),
            ("https://api.example.com/orders/7%3Fa", "/orders/7"),
            ("https://api.example.com/%252e%252e/orders/7", "/orders/7"),
            ("https://api.example.com:443:443/orders/7", "/orders/7"),
            ("https://api.example.com:/orders/7", "/orders/7"),
            ("https://api%2eexample.com/orders/7", "/orders/7"),
            ("https:api.example.com/orders/7", "/orders/7"),
            (" https://api.example.com/orders/7", "/orders/7"),
            ("https://api.example.com/orders/7 ", "/orders/7"),
            ("https://api.example.com/a%2Fb", "/a/b"),
            ("https://api.example.com/a%252Fb", "/a%2Fb"),
            ("https://api.example.com:8443/orders/7", "/orders/7"),
            ("http://api.example.com/orders/7", "/orders/7"),
            ("https://api.example.com./orders/7", "/orders/7"),
            ("https://other.example.com/orders/7", "/orders/7"),
            ("https://evil.example/orders/7", "/orders/7"),
            ("https://api.example.com@evil.example/orders/7", "/orders/7"),
            ("https://u@api.example.com/orders/7", "/orders/7"),
            ("https://api.example.com\\@evil.example/orders/7", "/orders/7"),
            ("https://\u{430}pi.example.com/orders/7", "/orders/7"),
            ("https://api.example.com/caf\u{e9}", "/caf%C3%A9"),
            ("https://api.example.com/%zz", "/%zz"),
            ("/orders/7", "/orders/7"),
            ("", "/"),
            ("https://api.example.com/", "*"),
        ] {
            assert!(!target(htu, "internal", path), "{htu} {path}");
        }
        assert!(
            !target("https://api.example.com/x", "other.example.com:8443", "/x"),
            "the request is for another of the origins"
        );
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(Origin::parse("https://a.example").is_ok_and(|origin| origin.is_some()));
        assert_eq!(Origin::parse("https://a.example."), Origin::parse("https://A.example"));
        for text in ["https://a.example/x", "https://a.example?x", "https://a.example//"] {
            assert_eq!(Origin::parse(text), Ok(None), "{text}");
        }
        for text in
            ["a.example", "https://", "ftp://a.example", "https://u@a.example", "https://a.example/#x"]
        {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
