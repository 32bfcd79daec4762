//! What operators see of an issuer that comes and goes.

use serde_json::json;

use super::{figure, is_unharmed, lines};
use crate::harness::{Answer, JWKS_PATH, Stack, plugin, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_at_the_start_is_told_apart_from_a_bad_token() {
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
    assert_eq!(stack.get_with("/", "garbage").await.status, 401, "what needs no key is still told");
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
async fn each_change_is_one_line_and_the_figures_follow() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_ttl_seconds": 1, "jwks_max_stale_seconds": 4 })))
        .workers(4)
        .start()
        .await;
    let good = stack.good_token();
    let figure = async |name| figure(&stack, "issuer_example", name).await;
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    wait_until("they are renewed", async || figure("refresh_ok").await >= 2).await;
    assert_eq!((figure("keys").await, figure("refresh_failed").await), (1, 0));

    for outage in 1..=2_usize {
        let failed = figure("refresh_failed").await;
        stack.issuer.answer(JWKS_PATH, Answer::status(500));
        wait_until("three refreshes failed", async || figure("refresh_failed").await >= failed + 3).await;
        assert_eq!(figure("stale").await, 1);
        assert!(figure("age_seconds").await >= 1);
        let told = "fetching keys failed: status 500; the filter keeps using the last good keys";
        assert_eq!(lines(&stack, told), outage, "one line an outage, whichever worker meets it");
        if outage == 2 {
            wait_until("they are too old", async || stack.get_with("/", &good).await.status == 503).await;
            stack.envoy.logged("fetching keys still fails, and the last good keys have expired").await;
            wait_until("none is left to judge with", async || figure("keys").await == 0).await;
        }
        let good_ones = figure("refresh_ok").await;
        stack.issuer.publish([&stack.key]);
        wait_until("they are fetched again", async || figure("refresh_ok").await >= good_ones + 2).await;
        assert_eq!(lines(&stack, "fetching keys succeeds again"), outage);
        wait_until("they are fresh", async || figure("stale").await == 0).await;
    }
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    assert_eq!(lines(&stack, "fetching keys still fails, and the last good keys have expired"), 1);
    assert_eq!(
        lines(&stack, "issuer issuer_example: fetched a key set; usable keys: 1"),
        1,
        "the same set is told once"
    );
    is_unharmed(&stack);
}
