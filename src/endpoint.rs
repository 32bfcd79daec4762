//! Where a document is fetched: an http or https URL, split into what a request needs (RFC 3986, RFC 9110 section 4.2).

/// A URL that a callout can ask for. The cluster decides where the connection goes; this gives `:scheme`,
/// `:authority` and `:path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: String,
    path: String,
}

/// The schemes that keys may be fetched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointError {
    /// Neither `http://` nor `https://`.
    Scheme,
    /// No host, or a host with characters that a host does not have.
    Host,
    /// A user name or password: it would end up in logs.
    UserInfo,
    /// A fragment, which is never sent.
    Fragment,
    /// A space, a control character, or something outside ASCII.
    Character,
}

impl std::fmt::Display for EndpointError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scheme => "expected a URL that starts with https:// or http://",
            Self::Host => "expected a URL with a host, such as https://issuer.example.com/keys",
            Self::UserInfo => "expected a URL without a user name or password",
            Self::Fragment => "expected a URL without a fragment",
            Self::Character => "expected a URL of visible ASCII characters; percent-encode the others",
        })
    }
}

impl Endpoint {
    /// Reads an absolute URL.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointError::Character);
        }
        let (scheme, rest) = split_scheme(url).ok_or(EndpointError::Scheme)?;
        if rest.contains('#') {
            return Err(EndpointError::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        if !is_authority(authority) {
            return Err(EndpointError::Host);
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { scheme, authority: authority.to_ascii_lowercase(), path })
    }

    /// Another path on the same host.
    #[must_use]
    pub fn with_path(&self, path: String) -> Self {
        Self { path, ..self.clone() }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and, where given, port, lower-cased.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and, where given, query; starts with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Where a redirect leads, as far as it may be told: neither path nor query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The origin that was asked.
    Same,
    /// Another origin, `https://login.example`.
    Other(String),
    /// No http or https URL, or one with a user name.
    Unreadable,
}

/// So many characters of an authority are told; a host name has at most 253.
const MAX_TOLD: usize = 260;

/// The target of a `Location` (RFC 9110 section 10.2.2).
pub fn target(location: &str) -> Target {
    let origin = |scheme: &str, rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        match Endpoint::parse(&format!("{scheme}://{authority}")) {
            Ok(endpoint) if authority.len() <= MAX_TOLD => {
                Target::Other(format!("{}://{}", endpoint.scheme.as_str(), endpoint.authority))
            }
            _ => Target::Unreadable,
        }
    };
    // RFC 3986 section 4.2: a reference begins with a scheme, with an authority, or with neither.
    let before_path = location.split(['/', '?', '#']).next().unwrap_or_default();
    match (location.split_once("://"), location.strip_prefix("//")) {
        (Some((scheme, rest)), _) if before_path.ends_with(':') => origin(scheme, rest),
        (_, Some(_)) => Target::Unreadable,
        _ if before_path.contains(':') || location.is_empty() => Target::Unreadable,
        _ => Target::Same,
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Same => f.write_str("another path of the same origin"),
            Self::Other(origin) => f.write_str(origin),
            Self::Unreadable => f.write_str("no http or https URL"),
        }
    }
}

impl Scheme {
    /// As `:scheme` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority, self.path)
    }
}

fn split_scheme(url: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some((Scheme::Http, rest)),
        "https" => Some((Scheme::Https, rest)),
        _ => None,
    }
}

/// A host name, an IPv4 address or a bracketed IPv6 address, with an optional port.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port))
                if host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.') =>
            {
                (host, port)
            }
            _ => return false,
        },
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let bracketed = authority.starts_with('[');
    let host_is_valid = !host.is_empty()
        && (bracketed || host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)));
    let port_is_valid =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    host_is_valid && port_is_valid
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
        let other = |origin: &str| Target::Other(origin.to_owned());
        let rows = [
            ("https://login.example/a?session=s3cr3t#x", other("https://login.example")),
            ("HTTPS://Login.Example:8443", other("https://login.example:8443")),
            ("http://[::1]:80/", other("http://[::1]:80")),
            ("https://login.example?session=s3cr3t", other("https://login.example")),
            ("/other/keys", Target::Same),
            ("keys?next=https://login.example", Target::Same),
            ("?a=b:c", Target::Same),
            ("", Target::Unreadable),
            ("//login.example/keys", Target::Unreadable),
            ("ftp://login.example/", Target::Unreadable),
            ("javascript:alert(1)", Target::Unreadable),
            ("https://user:s3cr3t@login.example/", Target::Unreadable),
            ("https://a\u{202e}b/", Target::Unreadable),
            ("https://a\n[critical] b", Target::Unreadable),
        ];
        for (location, told) in rows {
            assert_eq!(target(location), told, "{location}");
        }
        assert_eq!(
            target(&format!("https://{}/", "a".repeat(MAX_TOLD))),
            other(&format!("https://{}", "a".repeat(MAX_TOLD)))
        );
        assert_eq!(target(&format!("https://{}/", "a".repeat(MAX_TOLD + 1))), Target::Unreadable);
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        let rows = [
            ("a.example/keys", EndpointError::Scheme),
            ("ftp://a.example", EndpointError::Scheme),
            ("https://", EndpointError::Host),
            ("https:///keys", EndpointError::Host),
            ("https://a:b/", EndpointError::Host),
            ("https://a:99999/", EndpointError::Host),
            ("https://[::1/", EndpointError::Host),
            ("https://a,b/", EndpointError::Host),
            ("https://u:p@a/", EndpointError::UserInfo),
            ("https://a/#f", EndpointError::Fragment),
            ("https://a/\r\nx: y", EndpointError::Character),
            ("https://a/é", EndpointError::Character),
        ];
        for (url, error) in rows {
            assert_eq!(Endpoint::parse(url), Err(error), "{url}");
        }
    }
}
