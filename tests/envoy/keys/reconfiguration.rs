//! A new configuration with the same issuer.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{assert_no_crash, figure};
use crate::harness::{Answer, JWKS_PATH, Stack, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn fetched_keys_stay_and_a_pending_fetch_is_repeated() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "realm": "first", "jwks_timeout_ms": 60_000 })))
        .workers(2)
        .issuer_answers(Answer::held)
        .reconfigurable()
        .start()
        .await;
    let good = stack.good_token();
    let realm = async |realm: &str| {
        let challenge = stack.get("/").await;
        challenge.text("www-authenticate").is_some_and(|text| text.contains(realm))
    };
    wait_until("the first configuration fetches", async || stack.issuer.fetches() == 1).await;

    // The configuration is replaced during its fetch, which has a lease of 61 s.
    stack.issuer.publish([&stack.key]);
    let mut bootstrap = stack.bootstrap();
    bootstrap.plugin = Some(plugin_with(json!({ "realm": "second", "jwks_timeout_ms": 60_000 })));
    stack.envoy.reconfigure(&bootstrap);
    let began = Instant::now();
    wait_until("the second configuration is active", async || realm("second").await).await;
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    println!("keys {:?} after the change of configuration", began.elapsed());
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "the fetch waited for the lease: {:?}",
        began.elapsed()
    );
    assert_eq!(stack.issuer.fetches(), 2);

    // Once more with keys: the third configuration finds them, and applies its own TTL.
    bootstrap.plugin =
        Some(plugin_with(json!({ "realm": "third", "jwks_ttl_seconds": 1, "jwks_max_stale_seconds": 0 })));
    let fetches = stack.issuer.fetches();
    stack.issuer.answer(JWKS_PATH, Answer::status(500));
    stack.envoy.reconfigure(&bootstrap);
    wait_until("the third configuration is active", async || realm("third").await).await;
    wait_until("the shorter lifetime applies", async || stack.get_with("/", &good).await.status == 503).await;
    assert!(stack.issuer.fetches() > fetches);
    stack.issuer.publish([&stack.key]);
    wait_until("the keys are fetched again", async || stack.get_with("/", &good).await.status == 200).await;
    assert!(figure(&stack, "issuer_example", "refresh_failed").await >= 1);
    assert_no_crash(&stack);
}
