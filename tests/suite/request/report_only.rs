//! `report_only`: requests are decided and logged, and forwarded unchanged except for claim headers.

use super::fixture::{Keys, config, describe, expired, forwarded, get, good, key, metadata, token};
use jwt_guard::request::{KeyLookup, Metadata, RuleName, Wait};
use serde_json::json;

#[test]
fn nothing_is_denied_and_possible_denials_are_reported() {
    let config = config(json!({
        "report_only": true,
        "default_policy": { "requires_role": "admin" },
        "routes": [{ "path": "/denied", "deny": true }],
        "max_claim_header_bytes": 64,
    }));
    let admin = |token: jwt_guard_testkit::mint::Token| token.claim("role", "admin").sign(key()).unwrap();
    for (request, expected) in [
        (get("/"), "anonymous, would deny missing_token"),
        (get("/").bearer(&good()), "anonymous, would deny role"),
        (get("/").bearer(&expired()), "anonymous, would deny expired"),
        (get("/").bearer("garbage"), "anonymous, would deny malformed"),
        (get("/").header("authorization", "Bearer"), "anonymous, would deny bad_request"),
        (get("/denied"), "anonymous, would deny denied"),
        (get("/%zz"), "anonymous, would deny ambiguous_path"),
        (get("/").metadata(Metadata::Bad("why".into())), "anonymous, would deny bad_metadata"),
        // A claim header from the client, with a metadata requirement.
        (
            get("/").metadata(metadata(&config, json!({ "allow_anonymous": true }))),
            "anonymous, would deny bad_request",
        ),
        (
            get("/").bearer(&admin(token().claim("email", "a".repeat(65)))),
            "anonymous, would deny header_oversize",
        ),
        (get("/").bearer(&admin(token())), "user-1"),
    ] {
        let request = request.header("x_auth_sub", "root").header("x-keep", "k");
        let step = request.decide_with_keys(&config);
        assert_eq!(describe(&step), expected);
        let forward = forwarded(step);
        let upstream = request.upstream(&forward);
        let has = |name: &str| upstream.iter().any(|(known, _)| known == name);
        assert!(!has("x_auth_sub") && has("x-keep"), "{expected}");
        assert_eq!(forward.rules == [RuleName::ReportOnly], forward.identity.is_none(), "{expected}");
        let kept = upstream.iter().find(|(name, _)| name == "authorization");
        assert_eq!(kept.is_some(), request.has("authorization"), "{expected}: the token is untouched");
    }
}

#[test]
fn no_request_waits() {
    let config = config(json!({ "report_only": true }));
    let keys = Keys::none(KeyLookup::Pending);
    let step = get("/").bearer(&good()).step(&config, &keys, Wait::Allowed);
    assert_eq!(describe(&step), "anonymous, would deny no_keys");
}
