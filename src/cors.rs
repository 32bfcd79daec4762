//! The CORS headers of denials (Fetch standard, CORS protocol).
//!
//! A browser shows a script the status and the challenge of a denial only if the response has these headers. Usually a
//! CORS filter before this one adds them. In Istio no CORS filter can run before an authentication plugin, so that this
//! filter adds them itself. The upstream answers requests that pass.

use crate::http::{HeaderMap, ResponseHeaders, Uri};

/// `cors_allow_origins`: the origins whose scripts may read denials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// The key is absent: denials have no CORS headers.
    None,
    /// `*`: every origin, without credentials.
    Any,
    /// These origins, with credentials.
    Listed(Vec<Origin>),
}

/// The serialization of an origin (RFC 6454 section 6.2), such as `https://app.example.com`. Browsers send it in this
/// form, so that it is compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is not an origin as browsers send it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// `null` stands for every sandboxed page and every local file.
    #[error(
        "null is the origin of every sandboxed page and every local file, so that any site could read the responses; \
         write the origin of your application"
    )]
    Null,
    /// A path, which no origin has. A single slash is one.
    #[error("an origin has no path and no trailing slash; write {0}")]
    Path(String),
    /// An upper-case letter.
    #[error("browsers send an origin in lower case; write {0}")]
    UpperCase(String),
    /// The default port of the scheme.
    #[error("browsers omit the default port of the scheme; write {0}")]
    DefaultPort(String),
    /// `*` for a part of the host.
    #[error("an origin cannot contain *; list every origin, or write * alone for all of them")]
    Wildcard,
    /// `*` in a list with origins.
    #[error(
        "* already allows every origin, but without credentials; write either * alone or a list of origins"
    )]
    AnyBesideOthers,
    /// Another mistake.
    #[error("expected an origin, such as https://app.example.com or http://localhost:3000")]
    Form,
}

/// The response headers that scripts may read besides those that every script may read.
const EXPOSED: &str = "www-authenticate, retry-after";

impl Origin {
    /// Parses the serialization of an origin.
    ///
    /// # Errors
    /// The text is not an origin as browsers send it.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.eq_ignore_ascii_case("null") {
            return Err(OriginError::Null);
        }
        if text.contains('*') {
            return Err(OriginError::Wildcard);
        }
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Form)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let origin = format!("{scheme}://{authority}");
        if !is_scheme(scheme) || !is_authority(authority) {
            return Err(OriginError::Form);
        }
        if origin.len() != text.len() {
            return Err(OriginError::Path(origin.to_ascii_lowercase()));
        }
        let lower = text.to_ascii_lowercase();
        if lower != text {
            return Err(OriginError::UpperCase(lower));
        }
        let default_port = match scheme {
            "http" | "ws" => ":80",
            "https" | "wss" => ":443",
            _ => "",
        };
        match text.strip_suffix(default_port) {
            Some(without) if !default_port.is_empty() => Err(OriginError::DefaultPort(without.to_owned())),
            _ => Ok(Self(origin)),
        }
    }
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_valid)
}

/// A host and possibly a port without leading zeros, which browsers remove.
fn is_authority(text: &str) -> bool {
    let port = text.rsplit(':').next().filter(|port| port.len() < text.len());
    let has_zeros = port.is_some_and(|port| port.starts_with('0'));
    !has_zeros && Uri::parse(&format!("https://{text}")).is_ok_and(|uri| uri.authority() == text)
}

impl AllowedOrigins {
    /// Parses the texts of the configuration.
    ///
    /// # Errors
    /// The position of the text that is not an origin, and the mistake.
    pub fn parse(texts: &[&str]) -> Result<Self, Vec<(usize, OriginError)>> {
        if texts == ["*"] {
            return Ok(Self::Any);
        }
        let (mut origins, mut mistakes) = (Vec::new(), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            let parsed = if *text == "*" { Err(OriginError::AnyBesideOthers) } else { Origin::parse(text) };
            match parsed {
                Ok(origin) => origins.push(origin),
                Err(mistake) => mistakes.push((index, mistake)),
            }
        }
        if mistakes.is_empty() { Ok(Self::Listed(origins)) } else { Err(mistakes) }
    }

    /// Adds the CORS headers to the headers of a denial.
    ///
    /// A response never contains the request's `Origin`, only the configured text that equals it. `Vary` is always
    /// there: a cache must not serve the response for one origin, or for none, to another one.
    pub fn add_to(&self, request: &HeaderMap, response: &mut ResponseHeaders) {
        let allowed = match self {
            Self::None => return,
            Self::Any => Some("*"),
            Self::Listed(origins) => listed(origins, request),
        };
        let mut add = |name: &'static str, value: &str| response.push((name.into(), value.to_owned().into()));
        add("vary", "origin");
        let Some(origin) = allowed else { return };
        add("access-control-allow-origin", origin);
        if origin != "*" {
            add("access-control-allow-credentials", "true");
        }
        add("access-control-expose-headers", EXPOSED);
    }
}

/// The configured origin that the request's only `Origin` equals.
fn listed<'o>(origins: &'o [Origin], request: &HeaderMap) -> Option<&'o str> {
    let mut sent = request.get_all("origin");
    let origin = sent.next()?;
    let found = origins.iter().find(|known| known.0.as_bytes() == origin)?;
    sent.next().is_none().then_some(&found.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for text in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://app.example.com:8443",
            "https://[::1]:8443",
            "http://127.0.0.1",
            "https://xn--caf-dma.example",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
            "http://a:443",
            "https://a:80",
        ] {
            assert_eq!(Origin::parse(text), Ok(Origin(text.to_owned())), "{text}");
        }
        let lower = || OriginError::UpperCase("https://app.example.com".to_owned());
        let path = || OriginError::Path("https://app.example.com".to_owned());
        for (text, mistake) in [
            ("null", OriginError::Null),
            ("NULL", OriginError::Null),
            ("https://*.example.com", OriginError::Wildcard),
            ("https://app.example.com/", path()),
            ("https://app.example.com/login", path()),
            ("https://APP.example.com/", path()),
            ("https://app.example.com?x", path()),
            ("https://app.example.com#x", path()),
            ("https://App.example.com", lower()),
            ("HTTPS://app.example.com", lower()),
            ("https://a.example:443", OriginError::DefaultPort("https://a.example".to_owned())),
            ("http://a.example:80", OriginError::DefaultPort("http://a.example".to_owned())),
            ("app.example.com", OriginError::Form),
            ("https://", OriginError::Form),
            ("https:///x", OriginError::Form),
            ("://a", OriginError::Form),
            ("1s://a", OriginError::Form),
            ("https://user@a.example", OriginError::Form),
            ("https://a.example:", OriginError::Form),
            ("https://a.example:08443", OriginError::Form),
            ("https://a.example:99999", OriginError::Form),
            ("https://a.example,https://b.example", OriginError::Form),
            ("https://a.example https://b.example", OriginError::Form),
            ("https://caf\u{e9}.example", OriginError::Form),
            ("https://a.example\r\nx-injected: 1", OriginError::Form),
        ] {
            assert_eq!(Origin::parse(text), Err(mistake), "{text:?}");
        }
    }

    fn added(origins: &AllowedOrigins, sent: &[&str]) -> Vec<String> {
        let request: HeaderMap = sent.iter().map(|origin| ("origin", *origin)).collect();
        let mut response = Vec::new();
        origins.add_to(&request, &mut response);
        response.into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn only_the_listed_origin_gets_headers() {
        let app = "https://app.example.com";
        let listed = AllowedOrigins::parse(&["https://other.example", app]).unwrap();
        let expose = "access-control-expose-headers: www-authenticate, retry-after";
        let with = [
            "vary: origin",
            "access-control-allow-origin: https://app.example.com",
            "access-control-allow-credentials: true",
            expose,
        ];
        assert_eq!(added(&listed, &[app]), with);
        for sent in [
            vec![],
            vec![""],
            vec!["null"],
            vec!["*"],
            vec![app, app],
            vec![app, "https://evil.example"],
            vec!["https://app.example.com,https://app.example.com"],
            vec!["https://APP.example.com"],
            vec!["https://app.example.com/"],
            vec!["https://app.example.com:443"],
            vec!["http://app.example.com"],
            vec!["https://app.example.com.evil.example"],
            vec!["https://evil-app.example.com"],
            vec![" https://app.example.com"],
        ] {
            assert_eq!(added(&listed, &sent), ["vary: origin"], "{sent:?}");
        }
        for sent in [vec![], vec!["null"], vec![app], vec![app, app]] {
            let any = ["vary: origin", "access-control-allow-origin: *", expose];
            assert_eq!(added(&AllowedOrigins::parse(&["*"]).unwrap(), &sent), any, "{sent:?}");
            assert_eq!(added(&AllowedOrigins::None, &sent), [""; 0], "{sent:?}");
        }
    }

    #[test]
    fn any_origin_stands_alone() {
        let mistakes = AllowedOrigins::parse(&["https://a.example", "*", "null"]).unwrap_err();
        assert_eq!(mistakes, [(1, OriginError::AnyBesideOthers), (2, OriginError::Null)]);
    }
}
