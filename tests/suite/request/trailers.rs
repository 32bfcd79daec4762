//! The trailers that are removed, with any decision.

use super::fixture::config;
use jwt_guard::http::HeaderMap;
use jwt_guard::request::credential_headers;
use serde_json::{Value, json};

fn left(members: Value, names: &[&str]) -> Vec<String> {
    let config = config(members);
    let trailers: HeaderMap = names.iter().map(|name| (*name, "x")).collect();
    let edits =
        config.claim_headers.strip_trailers(&trailers, |name| credential_headers(&config).may_be(name));
    edits.apply(&trailers).into_iter().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn no_trailer_carries_a_token_or_an_identity() {
    let names = [
        "authorization",
        "Authorization",
        "cookie",
        "x-token",
        "x_token",
        "x-route-token",
        "X.Route-Token",
        "grpc-metadata-authorization",
        "Grpc-Metadata-X-Token",
        "x-auth-sub",
        "grpc-metadata-x-auth-sub",
    ];
    let innocent = ["x-late", "x-tokens", "grpc-status", "grpc-metadata-x-late", "content-md5"];
    let members = json!({
        "token_from": [{ "header": "x-token" }, { "query": "late" }],
        "routes": [
            { "path": "/a", "allow_anonymous": true },
            { "path": "/b", "allow_authenticated": true, "token_from": { "header": "X-Route-Token", "prefix": "T " } },
        ],
    });
    assert_eq!(left(members, &[&names[..], &innocent].concat()), innocent);
}

#[test]
fn without_a_header_source_well_known_token_headers_are_removed() {
    let places = json!({ "token_from": { "query": "access_token" } });
    assert_eq!(
        left(places, &["authorization", "cookie", "access_token", "x-token"]),
        ["access_token", "x-token"]
    );
}

#[test]
fn without_requirements_only_claim_headers_are_removed() {
    for mode in [json!({ "enabled": false }), json!({ "report_only": true })] {
        assert_eq!(left(mode, &["authorization", "cookie", "x_auth_sub"]), ["authorization", "cookie"]);
    }
}

#[test]
fn with_dpop_no_trailer_carries_a_proof() {
    let names = ["dpop", "DPoP", "grpc-metadata-dpop", "d-pop"];
    assert_eq!(left(json!({ "dpop": { "origin": "https://a.example" } }), &names), ["d-pop"]);
    assert_eq!(left(json!({}), &["dpop"]), ["dpop"]);
}
