//! The issuer's own document that says where its keys are (OpenID Connect Discovery 1.0 section 4, RFC 8414).

use super::answer::{FetchError, HttpAnswer, MAX_BYTES, status};
use crate::endpoint::{Endpoint, Scheme};
use crate::jose::json::Json;

/// Why a discovery document is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoveryError {
    /// Not a JSON object.
    NotADocument,
    /// Its `issuer` is another one: it would speak for somebody else (RFC 8414 section 3.3).
    OtherIssuer,
    /// No `jwks_uri`, or one that is no URL.
    NoKeysUri,
    /// An http `jwks_uri` of an https issuer: whoever is between could hand out keys of its own.
    PlainKeysUri,
    /// A `jwks_uri` on another host, while no `discovery_cluster` tells the two apart.
    OtherHost,
}

impl std::fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotADocument => "the discovery document is not a JSON object",
            Self::OtherIssuer => "the discovery document is another issuer's",
            Self::NoKeysUri => "the discovery document has no jwks_uri that is a URL",
            Self::PlainKeysUri => "the discovery document of an https issuer has an http jwks_uri",
            Self::OtherHost => {
                "jwks_uri is on another host: set discovery_cluster, and let jwks_cluster reach that host"
            }
        })
    }
}

/// Where the document may be, in the order of asking: a 404 leads to the next.
pub fn documents(issuer: &Endpoint) -> Vec<Endpoint> {
    let path = issuer.path().strip_suffix('/').unwrap_or(issuer.path());
    vec![
        issuer.with_path(format!("{path}/.well-known/openid-configuration")),
        issuer.with_path(format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

/// Where the keys are, according to the answer to a request for the document.
pub fn judge(
    answer: HttpAnswer<'_>,
    iss: &str,
    issuer: &Endpoint,
    other_host: bool,
) -> Result<Endpoint, FetchError> {
    match status(answer) {
        None => return Err(FetchError::NoAnswer),
        Some(200) if answer.length > MAX_BYTES => return Err(FetchError::TooLarge { bytes: answer.length }),
        Some(200) => {}
        Some(other) => return Err(FetchError::Status(other)),
    }
    keys_uri(answer.body, iss, issuer, other_host).map_err(FetchError::Discovery)
}

fn keys_uri(body: &[u8], iss: &str, issuer: &Endpoint, other_host: bool) -> Result<Endpoint, DiscoveryError> {
    let document = Json::parse(body).map_err(|_| DiscoveryError::NotADocument)?;
    if !matches!(document, Json::Object(_)) {
        return Err(DiscoveryError::NotADocument);
    }
    if document.member("issuer").and_then(Json::as_str) != Some(iss) {
        return Err(DiscoveryError::OtherIssuer);
    }
    let uri = document.member("jwks_uri").and_then(Json::as_str).ok_or(DiscoveryError::NoKeysUri)?;
    let uri = Endpoint::parse(uri).map_err(|_| DiscoveryError::NoKeysUri)?;
    if issuer.scheme() == Scheme::Https && uri.scheme() == Scheme::Http {
        return Err(DiscoveryError::PlainKeysUri);
    }
    if !other_host && host_and_port(&uri) != host_and_port(issuer) {
        return Err(DiscoveryError::OtherHost);
    }
    Ok(uri)
}

/// `https://a:443` is `https://a` (RFC 9110 section 4.2.3).
fn host_and_port(url: &Endpoint) -> (&str, &str) {
    let default = match url.scheme() {
        Scheme::Http => "80",
        Scheme::Https => "443",
    };
    match url.authority().rsplit_once(':') {
        // A colon within brackets belongs to an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, if port.is_empty() { default } else { port }),
        _ => (url.authority(), default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(url: &str) -> Endpoint {
        Endpoint::parse(url).unwrap()
    }

    #[test]
    fn the_document_is_asked_for_where_it_may_be() {
        let urls = |url| documents(&issuer(url)).iter().map(ToString::to_string).collect::<Vec<_>>();
        let bare = [
            "https://a/.well-known/openid-configuration",
            "https://a/.well-known/oauth-authorization-server",
        ];
        assert_eq!(urls("https://a"), bare);
        assert_eq!(urls("https://a/"), bare);
        assert_eq!(
            urls("https://a/realms/x"),
            [
                "https://a/realms/x/.well-known/openid-configuration",
                "https://a/.well-known/oauth-authorization-server/realms/x"
            ]
        );
    }

    #[test]
    fn only_the_issuers_own_document_is_followed() {
        let document =
            |iss: &str, uri: &str| format!(r#"{{"issuer":"{iss}","jwks_uri":"{uri}"}}"#).into_bytes();
        let judge = |body: &[u8], other_host| keys_uri(body, "https://a", &issuer("https://a"), other_host);
        let good = judge(&document("https://a", "https://a/keys"), false);
        assert_eq!(good.map(|uri| uri.to_string()), Ok("https://a/keys".to_owned()));
        let rows: &[(&str, Vec<u8>, DiscoveryError)] = &[
            ("not JSON", b"<html>".to_vec(), DiscoveryError::NotADocument),
            ("not an object", b"[]".to_vec(), DiscoveryError::NotADocument),
            ("another issuer", document("https://a/", "https://a/keys"), DiscoveryError::OtherIssuer),
            ("no issuer", br#"{"jwks_uri":"https://a/keys"}"#.to_vec(), DiscoveryError::OtherIssuer),
            ("no keys", br#"{"issuer":"https://a"}"#.to_vec(), DiscoveryError::NoKeysUri),
            ("keys nowhere", document("https://a", "/keys"), DiscoveryError::NoKeysUri),
            ("keys in the open", document("https://a", "http://a/keys"), DiscoveryError::PlainKeysUri),
            ("keys elsewhere", document("https://a", "https://b/keys"), DiscoveryError::OtherHost),
            ("keys on another port", document("https://a", "https://a:8443/keys"), DiscoveryError::OtherHost),
        ];
        for (label, body, error) in rows {
            assert_eq!(judge(body, false), Err(*error), "{label}");
        }
        assert!(
            judge(&document("https://a", "https://a:443/keys"), false).is_ok(),
            "the port that https has"
        );
        let ipv6 =
            |uri| keys_uri(&document("http://[::1]", uri), "http://[::1]", &issuer("http://[::1]"), false);
        assert!(ipv6("http://[::1]:80/keys").is_ok());
        assert_eq!(ipv6("http://[::1]:81/keys"), Err(DiscoveryError::OtherHost));
        assert!(
            judge(&document("https://a", "https://b/keys"), true).is_ok(),
            "a cluster of its own is given"
        );
    }
}
