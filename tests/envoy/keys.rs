//! Keys: fetched once, renewed, rotated, and missed.

use std::time::Duration;

use jwt_guard::mint::{Algorithm, SigningKey};
use serde_json::json;

use crate::harness::{Answer, JWKS_PATH, Stack, plugin, plugin_with, wait_until};

fn another(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::RS256).unwrap().with_kid(kid)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_before_the_first_fetch_waits_for_it() {
    let stack = Stack::builder().plugin(plugin()).issuer_answers(Answer::held).start().await;
    wait_until("the keys are asked for", async || stack.issuer.fetches() == 1).await;
    let waiting = tokio::spawn(stack.request("GET", "/").bearer(&stack.good_token()).send());
    wait_until("the request waits", async || stack.envoy.stat("wasmcustom.jwt_guard.waiting").await == 1)
        .await;
    assert!(!waiting.is_finished());
    assert_eq!(stack.upstream.count(), 0);
    stack.issuer.release();
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!(stack.issuer.fetches(), 1);
    wait_until("nobody waits", async || stack.envoy.stat("wasmcustom.jwt_guard.waiting").await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_at_the_start_is_told_apart_from_a_bad_token() {
    let stack = Stack::builder().plugin(plugin()).issuer_down().start().await;
    let good = stack.good_token();
    wait_until("the first fetch failed", async || {
        stack.envoy.stat("wasmcustom.jwt_guard.jwks.issuer_example.refresh_failed").await >= 1
    })
    .await;
    let refused = stack.get_with("/", &good).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
    let seconds: u64 = refused.text("retry-after").unwrap().parse().unwrap();
    assert!((1..=12).contains(&seconds), "{seconds}");
    assert_eq!(refused.text("www-authenticate"), None);
    assert_eq!(stack.get_with("/", "garbage").await.status, 401, "what needs no key is still told");
    assert_eq!(stack.get("/").await.status, 401);
    stack.envoy.logged("keys could not be fetched: status 503; there are none to judge tokens with").await;

    stack.issuer.up().await;
    wait_until("recovery is noticed without traffic", async || {
        stack.envoy.stat("wasmcustom.jwt_guard.jwks.issuer_example.keys").await == 1
    })
    .await;
    assert_eq!(stack.get_with("/", &good).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_kid_is_fetched_once_without_a_restart() {
    let stack = Stack::with_plugin(plugin()).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    let second = another("second");
    stack.issuer.publish([&stack.key, &second]);
    let token = stack.token().sign(&second).unwrap();
    assert_eq!(stack.get_with("/", &token).await.status, 200, "the request waits for the refresh");
    assert_eq!(stack.issuer.fetches(), 2);
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200, "the first key still stands");

    let unknown = stack.token().sign(&another("third")).unwrap();
    for _ in 0..20 {
        assert_eq!(stack.get_with("/", &unknown).await.status, 401);
    }
    assert_eq!(stack.issuer.fetches(), 2, "and then none within the cooldown");
    assert!(stack.envoy.stat("wasmcustom.jwt_guard.denied.unknown_kid").await >= 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_renewed_within_their_time_and_a_dropped_one_stops() {
    let stack = Stack::with_plugin(plugin_with(json!({ "jwks_ttl_seconds": 2 }))).await;
    let old = stack.good_token();
    assert_eq!(stack.get_with("/", &old).await.status, 200);
    let second = another("second");
    stack.issuer.publish([&second]);
    wait_until("the dropped key stops working", async || stack.get_with("/", &old).await.status == 401).await;
    assert_eq!(stack.get_with("/", &stack.token().sign(&second).unwrap()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_of_the_same_kid_is_taken_over_at_the_ttl() {
    let stack = Stack::with_plugin(plugin_with(json!({ "jwks_ttl_seconds": 2 }))).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    let changed = another("first");
    stack.issuer.publish([&changed]);
    let token = stack.token().sign(&changed).unwrap();
    wait_until("the changed key works", async || stack.get_with("/", &token).await.status == 200).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_answer_does_not_replace_good_keys() {
    let stack = Stack::with_plugin(plugin_with(json!({ "jwks_ttl_seconds": 1 }))).await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    for answer in
        [Answer::status(500), Answer::ok("<html>"), Answer::ok("{\"keys\":[]}"), Answer::status(302)]
    {
        let failed = "wasmcustom.jwt_guard.jwks.issuer_example.refresh_failed";
        let before = stack.envoy.stat(failed).await;
        stack.issuer.answer(JWKS_PATH, answer);
        wait_until("a refresh failed", async || stack.envoy.stat(failed).await > before).await;
        assert_eq!(stack.get_with("/", &good).await.status, 200, "the last good keys serve");
    }
    wait_until("the keys are told to be stale", async || {
        stack.envoy.stat("wasmcustom.jwt_guard.jwks.issuer_example.stale").await == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cold_requests_on_several_workers_cause_one_fetch() {
    let stack = Stack::builder()
        .plugin(plugin())
        .issuer_answers(|answer| answer.after(Duration::from_millis(500)))
        .workers(4)
        .start()
        .await;
    let requests: Vec<_> = (0..200)
        .map(|_| tokio::spawn(stack.request("GET", "/").bearer(&stack.good_token()).send()))
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
    assert_eq!(stack.issuer.fetches(), 1);
}
