//! The issuer's discovery document, which contains the URL of its keys (OpenID Connect Discovery 1.0 section 4,
//! RFC 8414).

use super::answer::{HttpAnswer, not_json, refusal, status};
use super::fetch_error::{DiscoveryError, FetchError, MAX_BYTES};
use crate::endpoint::Endpoint;
use crate::http::Scheme;
use crate::jose::json::{Json, JsonError, without_byte_order_mark};

/// The number of characters of a value that an error keeps for the log.
const MAX_VALUE: usize = 1024;

/// The URLs of the document, in the order of the requests. If the status is 404, the next URL is requested.
pub fn documents(issuer: &Endpoint) -> Vec<Endpoint> {
    let path = issuer.path().strip_suffix('/').unwrap_or(issuer.path());
    vec![
        issuer.with_path(format!("{path}/.well-known/openid-configuration")),
        issuer.with_path(format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

/// The URL of the keys, from the answer to a request for the document.
pub fn parse_discovery_response(
    answer: &HttpAnswer<'_>,
    iss: &str,
    issuer: &Endpoint,
    other_host: bool,
) -> Result<Endpoint, FetchError> {
    match status(answer) {
        None => return Err(FetchError::NoAnswer),
        Some(200) if answer.length > MAX_BYTES => {
            return Err(FetchError::TooLarge { bytes: answer.length, limit: MAX_BYTES });
        }
        Some(200) => {}
        Some(other) => return Err(refusal(other, answer)),
    }
    keys_uri(&answer.body, iss, issuer, other_host).map_err(|error| match error {
        DiscoveryError::Json(JsonError::Syntax) => not_json(answer),
        error => FetchError::Discovery(error),
    })
}

fn keys_uri(body: &[u8], iss: &str, issuer: &Endpoint, other_host: bool) -> Result<Endpoint, DiscoveryError> {
    let document = Json::parse(without_byte_order_mark(body)).map_err(DiscoveryError::Json)?;
    if !matches!(document, Json::Object(_)) {
        return Err(DiscoveryError::NotADocument);
    }
    let text = |name| document.member(name).and_then(Json::as_str);
    let cut = |text: &str| text.chars().take(MAX_VALUE).collect::<String>();
    let found = text("issuer");
    if found != Some(iss) {
        return Err(DiscoveryError::OtherIssuer { found: found.map(cut), expected: cut(iss) });
    }
    let uri = text("jwks_uri").ok_or(DiscoveryError::NoKeysUri { found: None })?;
    let uri = Endpoint::parse(uri).map_err(|_| DiscoveryError::NoKeysUri { found: Some(cut(uri)) })?;
    if issuer.scheme() == Scheme::Https && uri.scheme() == Scheme::Http {
        return Err(DiscoveryError::PlainKeysUri);
    }
    if !other_host && uri.host_and_port() != issuer.host_and_port() {
        return Err(DiscoveryError::OtherHost { found: cut(uri.authority()) });
    }
    Ok(uri)
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
        let parse_discovery_response =
            |body: &[u8], other_host| keys_uri(body, "https://a", &issuer("https://a"), other_host);
        let good = parse_discovery_response(&document("https://a", "https://a/keys"), false);
        assert_eq!(good.map(|uri| uri.to_string()), Ok("https://a/keys".to_owned()));
        let other_issuer = |found: Option<&str>| DiscoveryError::OtherIssuer {
            found: found.map(str::to_owned),
            expected: "https://a".to_owned(),
        };
        let other_host = |found: &str| DiscoveryError::OtherHost { found: found.to_owned() };
        let no_uri = |found: Option<&str>| DiscoveryError::NoKeysUri { found: found.map(str::to_owned) };
        let rows: &[(&str, Vec<u8>, DiscoveryError)] = &[
            ("not JSON", b"<html>".to_vec(), DiscoveryError::Json(JsonError::Syntax)),
            (
                "a name twice",
                br#"{"issuer":"a","issuer":"b"}"#.to_vec(),
                DiscoveryError::Json(JsonError::DuplicateName),
            ),
            ("not an object", b"[]".to_vec(), DiscoveryError::NotADocument),
            ("another issuer", document("https://a/", "https://a/keys"), other_issuer(Some("https://a/"))),
            ("no issuer", br#"{"jwks_uri":"https://a/keys"}"#.to_vec(), other_issuer(None)),
            ("no keys", br#"{"issuer":"https://a"}"#.to_vec(), no_uri(None)),
            ("jwks_uri is not a URL", document("https://a", "/keys"), no_uri(Some("/keys"))),
            ("jwks_uri with http", document("https://a", "http://a/keys"), DiscoveryError::PlainKeysUri),
            ("jwks_uri on another host", document("https://a", "https://b/keys"), other_host("b")),
            ("jwks_uri on another port", document("https://a", "https://a:8443/keys"), other_host("a:8443")),
            (
                "a port with a sign",
                document("https://a", "https://a:+443/keys"),
                no_uri(Some("https://a:+443/keys")),
            ),
        ];
        for (label, body, error) in rows {
            assert_eq!(parse_discovery_response(body, false), Err(error.clone()), "{label}");
        }
        for port in ["443", "0443"] {
            let uri = format!("https://a:{port}/keys");
            assert!(
                parse_discovery_response(&document("https://a", &uri), false).is_ok(),
                "{uri}: the default port of https"
            );
        }
        let ipv6 =
            |uri| keys_uri(&document("http://[::1]", uri), "http://[::1]", &issuer("http://[::1]"), false);
        assert!(ipv6("http://[::1]:80/keys").is_ok());
        assert_eq!(ipv6("http://[::1]:81/keys"), Err(other_host("[::1]:81")));
        assert!(
            parse_discovery_response(&document("https://a", "https://b/keys"), true).is_ok(),
            "discovery_cluster is set"
        );
    }

    #[test]
    fn both_issuers_are_shown_and_stay_on_their_line() {
        let message = |document: &str| {
            let error = keys_uri(document.as_bytes(), "https://a", &issuer("https://a"), false).unwrap_err();
            error.to_string()
        };
        let slash = message(r#"{"issuer":"https://a/"}"#);
        assert!(
            slash.ends_with(
                r#"its issuer is "https://a/"; the configured issuer is "https://a", and the two must be equal"#
            ),
            "{slash}"
        );
        let placeholder = message(r#"{"issuer":"https://a/{tenantid}/v2.0"}"#);
        assert!(placeholder.contains(r#""https://a/{tenantid}/v2.0""#), "{placeholder}");
        assert!(message("{}").contains("it has no issuer that is a string"));
        let long = "\\n[critical] \\u202e".repeat(10_000);
        for hostile in [
            message(&format!(r#"{{"issuer":"{long}"}}"#)),
            message(&format!(r#"{{"issuer":"https://a","jwks_uri":"{long}"}}"#)),
            message(&format!(r#"{{"issuer":"https://a","jwks_uri":"https://{}/"}}"#, "b".repeat(100_000))),
        ] {
            assert!(hostile.len() < 3000, "{} bytes", hostile.len());
            assert!(hostile.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{hostile}");
        }
    }

    #[test]
    fn one_byte_order_mark_is_skipped() {
        let document = "\u{feff}{\"issuer\":\"https://a\",\"jwks_uri\":\"https://a/keys\"}";
        assert!(keys_uri(document.as_bytes(), "https://a", &issuer("https://a"), false).is_ok());
    }
}
