//! Key sets that are large, partly unusable, or in another order in each response: they are logged once and briefly.

use serde_json::{Value, json};

use super::{another, assert_no_crash, figure, lines};
use crate::harness::{Answer, JWKS_PATH, Stack, plugin_with, wait_until};

const NAME: &str = "issuer_example";

#[tokio::test(flavor = "multi_thread")]
async fn of_250_unusable_keys_the_first_are_logged_and_the_others_are_counted() {
    let key = another("first");
    let mut keys: Vec<Value> = (0..250)
        .map(|number| json!({ "kty": "oct", "kid": format!("shared-{number}"), "k": "AA" }))
        .collect();
    keys.push(key.public_jwk());
    let set = |keys: &[Value]| Answer::ok(json!({ "keys": keys }).to_string());
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "jwks_ttl_seconds": 1, "jwks_refresh_cooldown_seconds": 1, "token_cache_entries": 16,
        })))
        .keys([key])
        .issuer_path(JWKS_PATH, set(&keys))
        .workers(2)
        .start()
        .await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    assert_eq!(lines(&stack, " is not used: "), 16);
    assert_eq!(lines(&stack, "issuer issuer_example: 234 more keys of the set are not used"), 1);

    // The same keys, in another order in each response.
    let hits = async || stack.envoy.stat("wasmcustom.jwt_guard.token_cache.hit").await;
    let misses = async || stack.envoy.stat("wasmcustom.jwt_guard.token_cache.miss").await;
    for _ in 0..3 {
        keys.rotate_left(100);
        stack.issuer.answer(JWKS_PATH, set(&keys));
        let before = figure(&stack, NAME, "refresh_ok").await;
        wait_until("the keys are refreshed", async || figure(&stack, NAME, "refresh_ok").await >= before + 2)
            .await;
    }
    assert_eq!(lines(&stack, " is not used: "), 16, "no warning is logged again");
    assert_eq!(lines(&stack, "more keys of the set are not used"), 1);
    assert_eq!(
        lines(&stack, "issuer issuer_example: fetched a key set; usable keys: 1"),
        1,
        "no change is logged"
    );
    // Each worker verifies the token at most once: the cache stays valid with the same keys.
    for _ in 0..10 {
        assert_eq!(stack.get_with("/", &good).await.status, 200);
    }
    wait_until("the requests are counted", async || misses().await + hits().await == 11).await;
    assert!(misses().await <= 2, "{} misses", misses().await);

    // Another key is a change.
    let second = another("second");
    keys.push(second.public_jwk());
    stack.issuer.answer(JWKS_PATH, set(&keys));
    wait_until("the second is known", async || figure(&stack, NAME, "keys").await == 2).await;
    assert_eq!(lines(&stack, "issuer issuer_example: fetched a key set; usable keys: 2"), 1);
    assert_eq!(stack.get_with("/", &stack.token().sign(&second).unwrap()).await.status, 200);
    assert_no_crash(&stack);
}
