//! Keys without a kid, more keys than are tried, and routes on which a failed token counts as no token.

use jwt_guard_testkit::mint::{AUDIENCE, SigningKey};
use serde_json::{Value, json};

use super::{another, assert_no_crash, figure, lines};
use crate::harness::{Answer, JWKS_PATH, Stack, plugin, plugin_with, wait_until};

fn with_kid(key: &SigningKey, kid: Option<&str>) -> Value {
    let mut jwk = key.public_jwk();
    jwk.as_object_mut().unwrap().remove("kid");
    if let Some(kid) = kid {
        jwk["kid"] = json!(kid);
    }
    jwk
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fetch_for_a_kid_if_the_issuers_keys_have_none() {
    let key = another("first");
    let (name, warning) =
        ("issuer_example", "no key of the set has a kid, so every token with a kid is refused");
    for kid in [None, Some("")] {
        let set = json!({ "keys": [with_kid(&key, kid)] }).to_string();
        // Several refreshes, so that a warning per response would be detected.
        let plugin = plugin_with(json!({ "jwks_ttl_seconds": 1, "jwks_refresh_cooldown_seconds": 1 }));
        let stack = Stack::builder()
            .plugin(plugin)
            .keys([key.clone()])
            .issuer_path(JWKS_PATH, Answer::ok(set))
            .workers(2)
            .start()
            .await;
        wait_until("keys are there", async || figure(&stack, name, "keys").await == 1).await;
        let kidless = stack.token().without_header("kid").sign(&key).unwrap();
        assert_eq!(stack.get_with("/", &kidless).await.status, 200, "a token without a kid");
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 401);
        stack.counted_denied("unknown_kid", 1).await;
        stack.envoy.logged("none of the issuer's keys has a kid, so every token with a kid is denied").await;
        wait_until("they were renewed", async || figure(&stack, name, "refresh_ok").await >= 3).await;
        assert_eq!(lines(&stack, warning), 1, "kid {kid:?}: one warning per set");
        assert_no_crash(&stack);
    }

    let set = json!({ "keys": [with_kid(&key, None)] }).to_string();
    let stack = Stack::builder()
        .plugin(plugin())
        .keys([key.clone()])
        .issuer_path(JWKS_PATH, Answer::ok(set))
        .start()
        .await;
    for _ in 0..20 {
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 401);
    }
    stack.counted_denied("unknown_kid", 20).await;
    assert_eq!(stack.issuer.fetches(), 1, "no forced fetch");
}

/// If one key of the set has a kid, a fetch may bring another key with a kid.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_in_which_one_key_has_a_kid_causes_no_warning() {
    let (key, second) = (another("first"), another("second"));
    let set = json!({ "keys": [with_kid(&key, None), second.public_jwk()] }).to_string();
    let stack = Stack::builder()
        .plugin(plugin())
        .keys([key.clone()])
        .issuer_path(JWKS_PATH, Answer::ok(set))
        .start()
        .await;
    assert_eq!(stack.get_with("/", &stack.token().sign(&second).unwrap()).await.status, 200);
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 401);
    assert_eq!(stack.issuer.fetches(), 2, "one fetch is for the unknown kid");
    for warning in ["no key of the set has a kid", "none of the issuer's keys has a kid"] {
        assert!(!stack.envoy.log_contains(warning));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_that_more_keys_fit_than_are_tried() {
    let keys: Vec<SigningKey> = (0..7).map(|_| another("one")).collect();
    let stack = Stack::builder().plugin(plugin()).keys(keys.clone()).start().await;
    let kidless = |key: &SigningKey| stack.token().without_header("kid").sign(key).unwrap();
    assert_eq!(stack.get_with("/", &kidless(&keys[3])).await.status, 200, "the fourth is tried");
    let logged = "none of the first 4 keys that fit the token verifies its signature; 7 keys fit, and the filter tries 4";
    for (count, token) in [(1, kidless(&keys[6])), (2, stack.token().sign(&keys[5]).unwrap())] {
        assert_eq!(stack.get_with("/", &token).await.status, 401);
        stack.counted_denied("signature", count).await;
        wait_until("the message is logged", async || lines(&stack, logged) as u64 == count).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_token_that_passes_without_keys_is_counted() {
    let plugin = json!({
        "issuer": "https://issuer.example", "audience": AUDIENCE, "jwks_cluster": "issuer",
        "default_policy": { "allow_missing_or_failed": true },
    });
    let stack = Stack::builder().plugin(plugin).issuer_down().start().await;
    wait_until("the first fetch failed", async || {
        figure(&stack, "issuer_example", "refresh_failed").await >= 1
    })
    .await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    assert!(!stack.upstream.last().has("x-auth-sub"));
    stack.counted_would_deny("no_keys", 1).await;
    stack.counted_denied("no_keys", 0).await;
    stack.envoy.logged("allow_missing_or_failed lets the request pass without an identity").await;
    assert_eq!(stack.get("/").await.status, 200);
    assert_eq!(stack.get_with("/", "garbage").await.status, 200);
    // A missing or malformed token does not count as no_keys.
    stack.envoy.counted("wasmcustom.jwt_guard.allowed.anonymous", 3).await;
    stack.counted_would_deny("no_keys", 1).await;

    stack.issuer.up().await;
    wait_until("keys are there", async || figure(&stack, "issuer_example", "keys").await == 1).await;
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    assert!(stack.upstream.last().has("x-auth-sub"));
    stack.envoy.counted("wasmcustom.jwt_guard.allowed.verified", 1).await;
    stack.counted_would_deny("no_keys", 1).await;
    assert_no_crash(&stack);
}
