//! Step-up authentication (RFC 9470): the challenge, the freshness of the login, cached tokens.

use serde_json::{Value, json};

use crate::harness::{Stack, now, plugin_with, wait_until};
use crate::outcome::{self, expose_reasons};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_needs_a_fresh_login_of_level_4() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "realm": "bank",
            "routes": [
                {
                    "path": "/payments", "requires_scope": "pay",
                    "requires_step_up": { "acr": ["Level4", "phrh"], "max_age_seconds": 300 },
                },
                {
                    "path": "/limits",
                    "any_of": [{ "requires_role": "clerk" }, { "requires_step_up": { "acr": "Level4" } }],
                },
            ],
            "guards": [{ "path": "/admin/**", "requires_step_up": { "max_age_seconds": 60 } }],
        })))
        .envoy(expose_reasons)
        .start()
        .await;
    let seconds = now().as_millis() / 1000;
    let sign = |claims: Value| {
        let Value::Object(claims) = claims else { panic!("{claims}") };
        stack.token().claims(claims).sign(&stack.key).unwrap()
    };
    let login =
        |acr: &str, auth_time: u64| sign(json!({ "acr": acr, "auth_time": auth_time, "scope": "pay" }));
    for (path, token, expected) in [
        ("/payments", login("Level4", seconds - 10), "passed"),
        ("/payments", login("phrh", seconds - 10), "passed"),
        ("/payments", login("Level4", seconds + 30), "passed"),
        ("/payments", login("Level3", seconds - 10), "step_up"),
        ("/payments", login("Level4", seconds - 310), "step_up"),
        ("/payments", login("Level4", seconds + 90), "step_up"),
        ("/payments", sign(json!({ "acr": "Level4", "scope": "pay" })), "step_up"),
        ("/payments", sign(json!({ "acr": "Level4", "auth_time": "now", "scope": "pay" })), "step_up"),
        ("/payments", sign(json!({ "acr": ["Level4"], "auth_time": seconds, "scope": "pay" })), "step_up"),
        ("/payments", sign(json!({})), "403 scope"),
        ("/limits", sign(json!({ "acr": "Level4" })), "passed"),
        ("/limits", sign(json!({ "role": "clerk" })), "passed"),
        ("/limits", sign(json!({ "role": "guest" })), "step_up"),
        ("/admin/x", sign(json!({ "auth_time": seconds })), "passed"),
        ("/admin/x", sign(json!({ "auth_time": seconds - 90 })), "step_up"),
        ("/x", sign(json!({})), "passed"),
    ] {
        assert_eq!(outcome::of(&stack.get_with(path, &token).await), expected, "{path}");
    }
    assert_eq!(outcome::of(&stack.get("/payments").await), "missing_token");

    let refused = stack.get_with("/payments", &login("Level3", seconds)).await;
    assert_eq!((refused.status, refused.error().as_str()), (401, "insufficient_user_authentication"));
    assert_eq!(
        refused.text("www-authenticate"),
        Some(
            "Bearer realm=\"bank\", error=\"insufficient_user_authentication\", error_description=\"Another \
             authentication of the user is required\", acr_values=\"Level4 phrh\", max_age=\"300\", scope=\"pay\""
        )
    );
    let refused = stack.get_with("/admin/x", &sign(json!({}))).await;
    let challenge = refused.text("www-authenticate").unwrap();
    assert!(challenge.ends_with(", max_age=\"60\"") && !challenge.contains("acr_values"), "{challenge}");
    stack
        .envoy
        .logged("reason=step_up detail=\"another authentication is required; acr one of Level4 phrh")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_token_grows_too_old() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "routes": [{ "path": "/payments", "requires_step_up": { "max_age_seconds": 2 } }],
            "token_cache_entries": 16,
        })))
        .envoy(expose_reasons)
        .start()
        .await;
    let seconds = now().as_millis() / 1000;
    let token = stack.token().claim("auth_time", seconds).sign(&stack.key).unwrap();
    assert_eq!(outcome::of(&stack.get_with("/payments", &token).await), "passed");
    wait_until("the login is too old", async || {
        outcome::of(&stack.get_with("/payments", &token).await) == "step_up"
    })
    .await;
    assert_eq!(
        outcome::of(&stack.get_with("/other", &token).await),
        "passed",
        "the token itself is still valid"
    );
    assert_eq!(stack.issuer.fetches(), 1);
    wait_until("a cache hit is counted", async || {
        stack.envoy.stat("wasmcustom.jwt_guard.token_cache.hit").await > 0
    })
    .await;
}
