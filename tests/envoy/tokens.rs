//! A valid token passes; the same token with one change does not.

use std::collections::BTreeMap;
use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, SigningKey, compact};
use serde_json::json;

use crate::harness::{ConfigAs, Stack, plugin, plugin_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_passes_and_no_token_is_challenged() {
    for form in [ConfigAs::Struct, ConfigAs::Text] {
        let stack = Stack::builder().plugin(plugin()).config_as(form).start().await;
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
        assert_eq!(stack.upstream.count(), 1);
        assert_eq!(stack.issuer.fetches(), 1);

        let refused = stack.get("/").await;
        assert_eq!(refused.status, 401);
        assert_eq!(
            refused.json(),
            json!({ "error": "missing_token", "detail": "Missing or invalid Authorization header" })
        );
        assert_eq!(refused.text("www-authenticate"), Some("Bearer realm=\"orders-api\""));
        assert_eq!(refused.text("content-type"), Some("application/json"));
        assert_eq!(refused.text("cache-control"), Some("no-store"));
        assert_eq!(stack.upstream.count(), 1, "the denied request did not reach the upstream");
        stack.envoy.counted("wasmcustom.jwt_guard.allowed.verified", 1).await;
        stack.counted_denied("missing_token", 1).await;
        stack.envoy.logged("jwt_guard: denied: reason=missing_token").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_change_makes_a_token_invalid() {
    let stack = Stack::with_plugin(plugin()).await;
    let other = SigningKey::generate(Algorithm::Rs256).unwrap().with_kid("first");
    let minute = Duration::from_secs(60);
    let good = stack.good_token();
    let now = crate::harness::now().as_millis() / 1000;
    let signed = |token: jwt_guard_testkit::mint::Token| token.sign(&stack.key).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let tampered = {
        let claims = stack.token().claim("role", "admin").claims_json();
        let forged = compact(b"{}", claims.as_bytes(), b"");
        format!("{}.{}.{}", parts[0], forged.split('.').nth(1).unwrap(), parts[2])
    };
    let rows = [
        ("another issuer", "unknown_issuer", signed(stack.token().issuer("https://evil.example"))),
        ("no issuer", "unknown_issuer", signed(stack.token().without("iss"))),
        ("another audience", "audience", signed(stack.token().audience("billing"))),
        ("no audience", "audience", signed(stack.token().without("aud"))),
        ("expired", "expired", signed(stack.token().expired_for(2 * minute))),
        ("no expiry", "expired", signed(stack.token().without("exp"))),
        ("not yet valid", "not_yet_valid", signed(stack.token().claim("nbf", now + 3600))),
        ("issued in the future", "not_yet_valid", signed(stack.token().claim("iat", now + 3600))),
        ("an expiry that is not a number", "claim_type", signed(stack.token().claim("exp", "soon"))),
        ("another key of the same name", "signature", stack.token().sign(&other).unwrap()),
        ("a changed claim", "signature", tampered),
        ("a refresh token", "refused_claim", signed(stack.token().claim("type", "refresh"))),
        ("a critical extension", "crit", signed(stack.token().header("crit", json!(["exp"])))),
        ("an algorithm that is not accepted", "algorithm", signed(stack.token().header("alg", "RS512"))),
        ("no algorithm", "algorithm", signed(stack.token().header("alg", "none"))),
        ("another type", "type", signed(stack.token().header("typ", "dpop+jwt"))),
        ("no signature", "malformed", format!("{}.{}.", parts[0], parts[1])),
        ("garbage", "malformed", "garbage".to_owned()),
        ("a long one", "too_long", format!("{good}{}", "A".repeat(16_384))),
    ];
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (label, reason, token) in rows {
        *counted.entry(reason).or_default() += 1;
        let refused = stack.get_with("/", &token).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_token"), "{label}");
        let challenge = refused.text("www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Bearer realm=\"orders-api\", error=\"invalid_token\""),
            "{label}: {challenge}"
        );
        let detail = match label {
            "expired" => "Token has expired",
            "no expiry" => "Token has no expiration time (exp)",
            "another audience" => "Token is for another audience",
            "no audience" => "Token has no audience (aud)",
            _ => "Token is invalid",
        };
        assert_eq!(refused.json()["detail"], json!(detail), "{label}");
    }
    for (reason, count) in counted {
        stack.counted_denied(reason, count).await;
    }
    assert_eq!(stack.upstream.count(), 1, "no denied request reached the upstream");
    assert_eq!(stack.issuer.fetches(), 1, "no denied request caused a fetch");
    assert!(!stack.envoy.log_contains(parts[2]) && !stack.envoy.log_contains(parts[1]), "no token is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_other_than_one_bearer_token_are_denied() {
    let stack = Stack::with_plugin(plugin()).await;
    let good = stack.good_token();
    let passes = [format!("bearer {good}"), format!("BEARER {good}"), format!("Bearer   {good}")];
    for value in passes {
        assert_eq!(
            stack.request("GET", "/").header("authorization", &value).send().await.status,
            200,
            "{value:.10}"
        );
    }
    let rows = [
        ("another scheme", 401, "missing_token", "Basic dXNlcjpwYXNz".to_owned()),
        ("no scheme", 401, "missing_token", good.clone()),
        ("empty", 401, "missing_token", String::new()),
        ("no token", 400, "invalid_request", "Bearer".to_owned()),
        ("two tokens", 400, "invalid_request", format!("Bearer {good},Bearer {good}")),
        ("a token after another scheme", 400, "invalid_request", format!("Basic x, Bearer {good}")),
    ];
    for (label, status, error, value) in rows {
        let refused = stack.request("GET", "/").header("authorization", &value).send().await;
        assert_eq!((refused.status, refused.error().as_str()), (status, error), "{label}");
    }
    let twice = stack.request("GET", "/").bearer(&good).bearer(&good).send().await;
    assert_eq!((twice.status, twice.error().as_str()), (400, "invalid_request"), "two headers");
    assert_eq!(stack.upstream.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_skew_and_expiration_are_configurable() {
    let stack =
        Stack::with_plugin(plugin_with(json!({ "clock_skew_seconds": 0, "require_expiration": false })))
            .await;
    let expired = stack.token().expired_for(Duration::from_secs(5)).sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/", &expired).await.status, 401);
    let for_ever = stack.token().without("exp").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/", &for_ever).await.status, 200);

    let lenient = Stack::with_plugin(plugin_with(json!({ "clock_skew_seconds": 600 }))).await;
    let expired = lenient.token().expired_for(Duration::from_secs(300)).sign(&lenient.key).unwrap();
    assert_eq!(lenient.get_with("/", &expired).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_keys_need_no_issuer() {
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    let mut plugin = plugin_with(json!({ "jwks_inline": { "keys": [key.public_jwk()] } }));
    plugin.as_object_mut().unwrap().remove("jwks_cluster");
    let stack = Stack::builder().plugin(plugin).issuer_down().start().await;
    let token = stack.token().sign(&key).unwrap();
    assert_eq!(stack.get_with("/", &token).await.status, 200);
    assert_eq!(
        stack.get_with("/", &stack.good_token()).await.status,
        401,
        "the inline keys do not include the issuer's key"
    );
    assert_eq!(stack.issuer.fetches(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_filter_checks_and_fetches_nothing() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "enabled": false })))
        .envoy(|envoy| envoy.early_header_mutation = false)
        .start()
        .await;
    let passed = stack.request("GET", "/").bearer("garbage").header("X-Auth-Sub", "root").send().await;
    assert_eq!(passed.status, 200);
    assert!(!stack.upstream.last().has("x-auth-sub"), "identity headers from the client are removed anyway");
    assert_eq!(stack.upstream.last().header("authorization"), Some("Bearer garbage"));
    assert_eq!(stack.issuer.fetches(), 0);
}
