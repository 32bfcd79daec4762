//! The URL that a document is fetched from: an http or https URL, split into the parts of a request.

use crate::http::{self, Scheme, Uri, UriError};

/// A URL that a callout can request. The cluster determines the server; the URL supplies `:scheme`,
/// `:authority` and `:path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: String,
    path: String,
}

impl Endpoint {
    /// Parses an absolute URL.
    pub fn parse(url: &str) -> Result<Self, UriError> {
        let uri = Uri::parse(url)?;
        let path = match uri.path_and_query() {
            path if path.starts_with('/') => path.to_owned(),
            query => format!("/{query}"),
        };
        Ok(Self { scheme: uri.scheme(), authority: uri.authority().to_ascii_lowercase(), path })
    }

    /// Another path on the same host.
    #[must_use]
    pub fn with_path(&self, path: String) -> Self {
        Self { path, ..self.clone() }
    }

    /// The URL's scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host and, if given, the port, in lower case.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host and the port. The port defaults to the scheme's: `https://a:443` equals `https://a`.
    pub fn host_and_port(&self) -> (&str, u16) {
        http::host_and_port(&self.authority, self.scheme)
    }

    /// The path and, if given, the query; starts with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// The target of a redirect, as far as it may be logged: the origin, without path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectTarget {
    /// The origin that was requested.
    Same,
    /// Another origin, `https://login.example`.
    Other(String),
    /// Not an http or https URL, or a URL with a user name.
    Unreadable,
}

/// The longest authority that is logged, in characters. A host name has at most 253.
const MAX_TOLD: usize = 260;

/// Parses the value of `Location` (RFC 9110 section 10.2.2).
pub fn target(location: &str) -> RedirectTarget {
    let origin = |scheme: &str, rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        match Endpoint::parse(&format!("{scheme}://{authority}")) {
            Ok(endpoint) if authority.len() <= MAX_TOLD => {
                RedirectTarget::Other(format!("{}://{}", endpoint.scheme.as_str(), endpoint.authority))
            }
            _ => RedirectTarget::Unreadable,
        }
    };
    // RFC 3986 section 4.2: a reference begins with a scheme, with an authority, or with neither.
    let before_path = location.split(['/', '?', '#']).next().unwrap_or_default();
    match (location.split_once("://"), location.strip_prefix("//")) {
        (Some((scheme, rest)), _) if before_path.ends_with(':') => origin(scheme, rest),
        (_, Some(_)) => RedirectTarget::Unreadable,
        _ if before_path.contains(':') || location.is_empty() => RedirectTarget::Unreadable,
        _ => RedirectTarget::Same,
    }
}

impl std::fmt::Display for RedirectTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Same => f.write_str("another path of the same origin"),
            Self::Other(origin) => f.write_str(origin),
            Self::Unreadable => f.write_str("no http or https URL"),
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_into_what_a_request_needs() {
        let rows = [
            ("https://a.example/keys?x=1", "https", "a.example", "/keys?x=1"),
            ("HTTP://A.Example:8080", "http", "a.example:8080", "/"),
            ("https://[::1]:8443/k", "https", "[::1]:8443", "/k"),
            ("https://h?q", "https", "h", "/?q"),
        ];
        for (url, scheme, authority, path) in rows {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(
                (endpoint.scheme().as_str(), endpoint.authority(), endpoint.path()),
                (scheme, authority, path)
            );
        }
    }

    #[test]
    fn a_redirect_is_told_by_its_origin() {
        let other = |origin: &str| RedirectTarget::Other(origin.to_owned());
        let rows = [
            ("https://login.example/a?session=s3cr3t#x", other("https://login.example")),
            ("HTTPS://Login.Example:8443", other("https://login.example:8443")),
            ("http://[::1]:80/", other("http://[::1]:80")),
            ("https://login.example?session=s3cr3t", other("https://login.example")),
            ("/other/keys", RedirectTarget::Same),
            ("keys?next=https://login.example", RedirectTarget::Same),
            ("?a=b:c", RedirectTarget::Same),
            ("", RedirectTarget::Unreadable),
            ("//login.example/keys", RedirectTarget::Unreadable),
            ("ftp://login.example/", RedirectTarget::Unreadable),
            ("javascript:alert(1)", RedirectTarget::Unreadable),
            ("https://user:s3cr3t@login.example/", RedirectTarget::Unreadable),
            ("https://a\u{202e}b/", RedirectTarget::Unreadable),
            ("https://a\n[critical] b", RedirectTarget::Unreadable),
        ];
        for (location, message) in rows {
            assert_eq!(target(location), message, "{location}");
        }
        assert_eq!(
            target(&format!("https://{}/", "a".repeat(MAX_TOLD))),
            other(&format!("https://{}", "a".repeat(MAX_TOLD)))
        );
        assert_eq!(target(&format!("https://{}/", "a".repeat(MAX_TOLD + 1))), RedirectTarget::Unreadable);
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        let rows = [
            ("a.example/keys", UriError::Scheme),
            ("ftp://a.example", UriError::Scheme),
            ("https://", UriError::Host),
            ("https:///keys", UriError::Host),
            ("https://a:b/", UriError::Host),
            ("https://a:99999/", UriError::Host),
            ("https://a:+80/", UriError::Host),
            ("https://[::1]:+80/", UriError::Host),
            ("https://[::1/", UriError::Host),
            ("https://[:::]/", UriError::Host),
            ("https://a,b/", UriError::Host),
            ("https://u:p@a/", UriError::UserInfo),
            ("https://a/#f", UriError::Fragment),
            ("https://a/\r\nx: y", UriError::Character),
            ("https://a/é", UriError::Character),
        ];
        for (url, error) in rows {
            assert_eq!(Endpoint::parse(url), Err(error), "{url}");
        }
    }
}
