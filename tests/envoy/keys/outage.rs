//! Logs and metrics of an issuer with outages.

use serde_json::json;

use super::{assert_no_crash, figure, lines};
use crate::harness::{Answer, JWKS_PATH, Stack, plugin, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_at_the_start_gives_503_and_a_bad_token_401() {
    let stack = Stack::builder().plugin(plugin()).issuer_down().start().await;
    let good = stack.good_token();
    wait_until("the first fetch failed", async || {
        figure(&stack, "issuer_example", "refresh_failed").await >= 1
    })
    .await;
    let refused = stack.get_with("/", &good).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
    let seconds: u64 = refused.text("retry-after").unwrap().parse().unwrap();
    assert!((1..=12).contains(&seconds), "{seconds}");
    assert_eq!(refused.text("www-authenticate"), None);
    assert_eq!(stack.get_with("/", "garbage").await.status, 401, "a malformed token is denied without keys");
    assert_eq!(stack.get("/").await.status, 401);
    stack
        .envoy
        .logged("because it has no connection to the issuer; the filter has no keys for this issuer")
        .await;

    stack.issuer.up().await;
    wait_until("recovery is noticed without traffic", async || {
        figure(&stack, "issuer_example", "keys").await == 1
    })
    .await;
    assert_eq!(stack.get_with("/", &good).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_one_log_line_and_updates_the_metrics() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_ttl_seconds": 1, "jwks_max_stale_seconds": 4 })))
        .workers(4)
        .start()
        .await;
    let good = stack.good_token();
    let figure = async |name| figure(&stack, "issuer_example", name).await;
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    wait_until("the keys are refreshed", async || figure("refresh_ok").await >= 2).await;
    assert_eq!((figure("keys").await, figure("refresh_failed").await), (1, 0));

    for outage in 1..=2_usize {
        let failed = figure("refresh_failed").await;
        stack.issuer.answer(JWKS_PATH, Answer::status(500));
        wait_until("three refreshes failed", async || figure("refresh_failed").await >= failed + 3).await;
        assert_eq!(figure("stale").await, 1);
        assert!(figure("age_seconds").await >= 1);
        let logged = "fetching keys failed: status 500; the filter keeps using the last good keys";
        assert_eq!(lines(&stack, logged), outage, "one line per outage for all workers");
        if outage == 2 {
            wait_until("the keys are too old", async || stack.get_with("/", &good).await.status == 503).await;
            stack.envoy.logged("fetching keys still fails, and the last good keys have expired").await;
            wait_until("no usable key is left", async || figure("keys").await == 0).await;
        }
        let good_ones = figure("refresh_ok").await;
        stack.issuer.publish([&stack.key]);
        wait_until("the keys are fetched again", async || figure("refresh_ok").await >= good_ones + 2).await;
        assert_eq!(lines(&stack, "fetching keys succeeds again"), outage);
        wait_until("the keys are fresh", async || figure("stale").await == 0).await;
    }
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    assert_eq!(lines(&stack, "fetching keys still fails, and the last good keys have expired"), 1);
    assert_eq!(
        lines(&stack, "issuer issuer_example: fetched a key set; usable keys: 1"),
        1,
        "the same set is logged once"
    );
    assert_no_crash(&stack);
}
