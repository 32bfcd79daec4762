//! Revocation lists: which tokens are refused, and what happens without a usable list.

use jwt_guard::keys::parked::Awaited;
use jwt_guard::request::{KeyLookup, Wait};
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::Token;
use serde_json::{Value, json};

use super::fixture::{
    Keys, NOW, Outcome, config, denied, describe, expired, forwarded, get, good, key, other_key, token,
};
use super::lists::{List, list};

/// Members of an issuer with a list, and further members.
fn with_list(members: Value) -> jwt_guard::config::Config {
    let mut all = json!({ "revocation_list_endpoint": "/revocations" });
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    all.as_object_mut().unwrap().extend(members);
    config(all)
}

/// The published key, and this list.
fn keys(document: Value) -> Keys {
    let current = Some(list(&document));
    Keys { list: List { current, ..List::none(KeyLookup::Pending) }, ..Keys::available() }
}

fn keys_without_list(lookup: KeyLookup<jwt_guard::revocation::RevocationList>, failed: bool) -> Keys {
    Keys { list: List { failed, ..List::none(lookup) }, ..Keys::available() }
}

fn unavailable() -> Keys {
    let retry_after = std::time::Duration::from_millis(6500);
    keys_without_list(KeyLookup::Unavailable { retry_after }, true)
}

fn token_a() -> Token {
    token().claim("jti", "a").claim("sid", "s1")
}

#[test]
fn a_token_that_the_list_names_is_refused_with_and_without_a_cache() {
    let request = get("/").bearer(&token_a().sign(key()).unwrap());
    let rows = [
        (json!([]), "user-1"),
        (json!(["b"]), "user-1"),
        (json!(["a"]), "401 revoked"),
        (json!({ "items": [{ "jti": "a" }] }), "401 revoked"),
        (json!({ "items": [{ "sub": "user-1" }] }), "401 revoked"),
        (json!({ "items": [{ "sub": "user-2" }] }), "user-1"),
        (json!({ "items": [{ "sid": "s1" }] }), "401 revoked"),
        (
            json!({ "items": [{ "sub": "user-1", "issued_before": NOW.as_millis() / 1000 + 60 }] }),
            "401 revoked",
        ),
        (json!({ "items": [{ "sub": "user-1", "issued_before": 1_000_000_000 }] }), "user-1"),
        (json!({ "items": [{ "issued_before": NOW.as_millis() / 1000 + 60 }] }), "401 revoked"),
    ];
    for (document, expected) in rows {
        // `step` asserts that the decision is the same with a cache.
        let step = request.step(&with_list(json!({})), &keys(document.clone()), Wait::Allowed);
        assert_eq!(describe(&step), expected, "{document}");
    }
    let step = request.step(&config(json!({})), &keys(json!(["a"])), Wait::Allowed);
    assert_eq!(describe(&step), "user-1", "an issuer without a list");
}

#[test]
fn a_cached_token_is_refused_as_soon_as_the_list_names_it() {
    let (config, cache) = (with_list(json!({})), TokenCache::new(8));
    let request = get("/").bearer(&token_a().sign(key()).unwrap());
    for (document, expected) in [
        (json!([]), "user-1"),
        (json!(["a"]), "401 revoked"),
        (json!(["b"]), "user-1"),
        (json!(["a"]), "401 revoked"),
    ] {
        let step = request.decide(&config, &keys(document), &cache, NOW, Wait::Allowed);
        assert_eq!(describe(&step), expected);
    }
}

#[test]
fn a_client_learns_no_more_than_that_the_token_is_invalid() {
    let request = get("/").bearer(&token_a().sign(key()).unwrap());
    let refused = denied(request.step(&with_list(json!({})), &keys(json!(["a"])), Wait::Allowed));
    let body = String::from_utf8(refused.denial.body).unwrap();
    assert_eq!(body, r#"{"error":"invalid_token","detail":"Token is invalid"}"#);
    let challenge = refused.denial.headers.iter().find(|(name, _)| name == "www-authenticate").unwrap();
    assert!(challenge.1.contains(r#"error="invalid_token""#), "{challenge:?}");
    let line = refused.record.to_string();
    assert!(
        line.contains("the issuer's revocation list names the token") && line.contains("kid=\"first\""),
        "{line}"
    );
    assert!(!line.contains("\"a\"") && !line.contains("user-1"), "{line}");
}

#[test]
fn the_list_is_judged_after_the_signature_and_before_the_requirement() {
    let config = with_list(json!({ "default_policy": { "requires_role": "admin" } }));
    let keys = keys(json!({ "items": [{ "sub": "user-1" }] }));
    for (label, token, expected) in [
        ("revoked, without the role", good(), "401 revoked"),
        ("a forged token", token().sign(other_key()).unwrap(), "401 unknown_kid"),
        ("an expired token", expired(), "401 expired"),
        ("another subject", token().subject("user-2").sign(key()).unwrap(), "403 role"),
    ] {
        assert_eq!(
            describe(&get("/").bearer(&token).step(&config, &keys, Wait::NotAllowed)),
            expected,
            "{label}"
        );
    }
}

#[test]
fn a_revoked_token_counts_as_a_failed_one() {
    let requirements = [
        (json!({ "allow_missing": true }), "401 revoked"),
        (json!({ "allow_missing_or_failed": true }), "anonymous"),
        (json!({ "allow_anonymous": true }), "anonymous"),
        (
            json!({ "allow_anonymous": true, "shadow": { "allow_authenticated": true } }),
            "anonymous, would deny revoked",
        ),
    ];
    for (requirement, expected) in requirements {
        let config = with_list(json!({ "default_policy": requirement }));
        let step = get("/").bearer(&good()).step(
            &config,
            &keys(json!({ "items": [{ "sub": "user-1" }] })),
            Wait::Allowed,
        );
        assert_eq!(describe(&step), expected, "{requirement}");
    }
    let config = with_list(json!({ "report_only": true }));
    let step = get("/").bearer(&good()).step(
        &config,
        &keys(json!({ "items": [{ "sub": "user-1" }] })),
        Wait::Allowed,
    );
    assert_eq!(describe(&step), "anonymous, would deny revoked");
}

#[test]
fn requests_wait_for_the_first_list_only_if_it_decides_and_may_arrive() {
    let newer = || KeyLookup::Updated(list(&json!([])));
    let names = || KeyLookup::Updated(list(&json!({ "items": [{ "sub": "user-1" }] })));
    let rows: [(Value, [&str; 6]); 4] = [
        // Pending and waiting allowed, timed out, queue full; unavailable; fetched by another worker.
        (
            json!({}),
            [
                "wait for the first list",
                "503 no_revocation_list",
                "503 waiting_full",
                "503 no_revocation_list",
                "user-1",
                "401 revoked",
            ],
        ),
        (json!({ "default_policy": { "allow_anonymous": true } }), ["anonymous"; 6]),
        (
            json!({ "default_policy": { "allow_missing_or_failed": true } }),
            [
                "wait for the first list",
                "anonymous, would deny no_revocation_list",
                "anonymous, would deny waiting_full",
                "anonymous, would deny no_revocation_list",
                "user-1",
                "anonymous",
            ],
        ),
        (
            json!({ "report_only": true }),
            [
                "anonymous, would deny no_revocation_list",
                "anonymous, would deny no_revocation_list",
                "anonymous, would deny no_revocation_list",
                "anonymous, would deny no_revocation_list",
                "user-1",
                "anonymous, would deny revoked",
            ],
        ),
    ];
    for (members, expected) in rows {
        let config = with_list(members.clone());
        let outcomes = [
            (keys_without_list(KeyLookup::Pending, false), Wait::Allowed),
            (keys_without_list(KeyLookup::Pending, false), Wait::NotAllowed),
            (keys_without_list(KeyLookup::Pending, false), Wait::QueueFull),
            (unavailable(), Wait::Allowed),
            (keys_without_list(newer(), false), Wait::Allowed),
            (keys_without_list(names(), false), Wait::Allowed),
        ]
        .map(|(keys, wait)| describe(&get("/").bearer(&good()).step(&config, &keys, wait)));
        assert_eq!(outcomes, expected, "{members}");
    }
    let config = with_list(json!({}));
    let without_token = get("/").step(&config, &keys_without_list(KeyLookup::Pending, false), Wait::Allowed);
    assert_eq!(describe(&without_token), "401 missing_token");
    let step =
        get("/").bearer(&good()).step(&config, &keys_without_list(KeyLookup::Pending, false), Wait::Allowed);
    assert!(matches!(step, Outcome::Await(Awaited { document, .. }) if document.issuer.0 == 0));
}

#[test]
fn a_denial_without_a_list_says_when_to_retry() {
    let refused = denied(get("/").bearer(&good()).step(&with_list(json!({})), &unavailable(), Wait::Allowed));
    let header =
        |name| refused.denial.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
    assert_eq!((header("retry-after"), header("www-authenticate")), (Some("7"), None));
    assert!(refused.record.to_string().contains("there is no usable revocation list of the token's issuer"));
}

#[test]
fn a_forged_token_does_not_wait_for_the_list() {
    let keys = keys_without_list(KeyLookup::Pending, false);
    let forged = key().clone().with_kid("second");
    for token in [expired(), token().sign(&forged).unwrap(), "garbage".to_owned()] {
        let step = get("/").bearer(&token).step(&with_list(json!({})), &keys, Wait::NotAllowed);
        assert!(describe(&step).starts_with("401 "), "{}", describe(&step));
    }
}

#[test]
fn fail_open_passes_without_a_list_and_reports_it() {
    let config = with_list(json!({ "revocation_list_fail_open": true }));
    let request = get("/").bearer(&token_a().sign(key()).unwrap());
    let passes = "user-1, would deny no_revocation_list";
    for (label, keys, wait, expected) in [
        ("no list", unavailable(), Wait::Allowed, passes),
        (
            "the first fetch",
            keys_without_list(KeyLookup::Pending, false),
            Wait::Allowed,
            "wait for the first list",
        ),
        (
            "the first fetch took too long",
            keys_without_list(KeyLookup::Pending, false),
            Wait::NotAllowed,
            passes,
        ),
        ("too many wait", keys_without_list(KeyLookup::Pending, false), Wait::QueueFull, passes),
        ("a fetch after a failure", keys_without_list(KeyLookup::Pending, true), Wait::Allowed, passes),
        ("a list", keys(json!([])), Wait::Allowed, "user-1"),
        ("a list that names the token", keys(json!(["a"])), Wait::Allowed, "401 revoked"),
    ] {
        assert_eq!(describe(&request.step(&config, &keys, wait)), expected, "{label}");
    }
    let forward = forwarded(request.step(&config, &unavailable(), Wait::Allowed));
    let line = forward.would_deny[0].to_string();
    assert!(line.contains("revocation_list_fail_open lets the request pass"), "{line}");
    let open = with_list(json!({
        "revocation_list_fail_open": true, "default_policy": { "requires_role": "admin" },
    }));
    assert_eq!(describe(&request.step(&open, &unavailable(), Wait::Allowed)), "403 role");
    let open = with_list(json!({
        "revocation_list_fail_open": true, "default_policy": { "allow_anonymous": true },
    }));
    assert_eq!(describe(&request.step(&open, &unavailable(), Wait::Allowed)), "anonymous");
}

#[test]
fn require_jti_refuses_a_token_that_no_item_can_name() {
    let with_jti = get("/").bearer(&token_a().sign(key()).unwrap());
    let without = get("/").bearer(&token().without("jti").sign(key()).unwrap());
    for (members, expected) in [(json!({}), "user-1"), (json!({ "require_jti": true }), "401 claim_type")] {
        assert_eq!(describe(&without.decide_with_keys(&config(members.clone()))), expected);
        assert_eq!(describe(&with_jti.decide_with_keys(&config(members))), "user-1");
    }
    let refused = denied(without.decide_with_keys(&config(json!({ "require_jti": true }))));
    assert!(refused.record.to_string().contains("the token has no jti, and require_jti is true"));
}

/// Two issuers share no list: the fixture gives one list to all, so only the first has one here.
#[test]
fn the_list_of_one_issuer_does_not_concern_another() {
    let second = "https://second.example";
    let issuer = |iss: &str, name: &str| {
        json!({ "issuer": iss, "name": name, "audience": jwt_guard_testkit::mint::AUDIENCE, "jwks_cluster": "c",
                "accepted_algorithms": "ES256" })
    };
    let mut first = issuer(jwt_guard_testkit::mint::ISSUER, "first");
    first["revocation_list_endpoint"] = json!("/revocations");
    let config = json!({ "issuers": [first, issuer(second, "second")] });
    let config = jwt_guard::config::Config::parse(config.to_string().as_bytes()).unwrap();
    let keys = keys(json!({ "items": [{ "sub": "user-1" }] }));
    let of_second = token().issuer(second).sign(key()).unwrap();
    assert_eq!(describe(&get("/").bearer(&of_second).step(&config, &keys, Wait::Allowed)), "user-1");
    assert_eq!(describe(&get("/").bearer(&good()).step(&config, &keys, Wait::Allowed)), "401 revoked");
}
