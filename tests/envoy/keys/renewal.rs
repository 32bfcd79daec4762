//! Keys are refreshed before they expire, without delaying requests.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{assert_no_crash, figure};
use crate::harness::{Answer, JWKS_PATH, Stack, plugin_with, wait_until};

/// The issuer takes 1.5 s for a response, so that a waiting request would be detected.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_waits_for_renewals_under_steady_load() {
    let slow = |answer: Answer| answer.after(Duration::from_millis(1500));
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_ttl_seconds": 1 })))
        .workers(2)
        .issuer_answers(slow)
        .start()
        .await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/", &good).await.status, 200, "the first request waits for keys");
    let (started, mut slowest, mut requests) = (Instant::now(), Duration::ZERO, 0);
    while stack.issuer.fetches() < 4 {
        let sent = Instant::now();
        assert_eq!(stack.get_with("/", &good).await.status, 200);
        slowest = slowest.max(sent.elapsed());
        requests += 1;
        assert!(started.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("steady load: {requests} requests in {:?}, the slowest took {slowest:?}", started.elapsed());
    assert!(slowest < Duration::from_millis(1200), "the slowest request took {slowest:?}");
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_may_shorten_the_lifetime_and_answer_304() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_ttl_seconds": 300, "jwks_refresh_cooldown_seconds": 1 })))
        .issuer_answers(|answer| answer.header("cache-control", "public, max-age=2").etag("\"v1\""))
        .workers(2)
        .start()
        .await;
    let good = stack.good_token();
    wait_until("three fetches", async || stack.issuer.fetches() >= 3).await;
    let requests = stack.issuer.requests();
    assert_eq!(requests[0].headers.get("if-none-match"), None);
    for later in &requests[1..] {
        assert_eq!(later.headers["if-none-match"], "\"v1\"");
    }
    let times = stack.issuer.times(JWKS_PATH);
    for gap in times.windows(2).map(|pair| pair[1] - pair[0]) {
        // 80 to 90 % of 2 s, and a timer tick.
        assert!((Duration::from_millis(1550)..Duration::from_millis(3500)).contains(&gap), "{gap:?}");
    }
    assert_eq!(stack.get_with("/", &good).await.status, 200, "a 304 keeps the keys");
    assert_eq!(figure(&stack, "issuer_example", "refresh_failed").await, 0);

    let changed = super::another("changed");
    stack.issuer.answer(JWKS_PATH, Answer::keys([&changed]).etag("\"v2\""));
    let token = stack.token().sign(&changed).unwrap();
    wait_until("the changed set works", async || stack.get_with("/", &token).await.status == 200).await;
    wait_until("the old key is rejected", async || stack.get_with("/", &good).await.status == 401).await;
}
