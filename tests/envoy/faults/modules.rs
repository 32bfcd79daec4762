//! Replacing the running module by another build.

use serde_json::json;

use super::variant::{Change, Variant};
use super::{Load, assert_right, kinds, policy};
use crate::harness::{Stack, wait_until};

const UPDATED: &str = "listener_manager.lds.update_success";
const REJECTED: &str = "listener_manager.lds.update_rejected";

#[tokio::test(flavor = "multi_thread")]
async fn another_build_takes_over_with_the_keys_and_a_broken_one_does_not() {
    let stack = Stack::builder()
        .plugin(policy(json!({})))
        .workers(2)
        .reconfigurable()
        // Longer than three VMs need to compile another build: their workers serve no requests during that time.
        .envoy(|envoy| envoy.drain_seconds = 6)
        .start()
        .await;
    let load = Load::start(&kinds(&stack), 6);
    load.wait_for_more(&stack, 50).await;
    assert_eq!(stack.issuer.fetches(), 1);

    let whole = std::fs::read(crate::harness::Envoy::module()).unwrap();
    let no_module = Variant::with_bytes(b"<html>404</html>");
    let half = Variant::with_bytes(&whole[..whole.len() / 2]);
    let nothing = Variant::with_bytes(b"");
    let mut bootstrap = stack.bootstrap();
    for (rejected, broken) in (1..).zip([&no_module, &half, &nothing]) {
        bootstrap.module = Some(broken.path().to_owned());
        stack.envoy.reconfigure(&bootstrap);
        wait_until("the broken module is rejected", async || stack.envoy.stat(REJECTED).await == rejected)
            .await;
        load.wait_for_more(&stack, 30).await;
    }

    let another = Variant::of(Change::Marked);
    let updated = stack.envoy.stat(UPDATED).await;
    bootstrap.module = Some(another.path().to_owned());
    bootstrap.plugin = Some(policy(json!({ "realm": "another" })));
    stack.envoy.reconfigure(&bootstrap);
    wait_until("the new build is accepted", async || stack.envoy.stat(UPDATED).await > updated).await;
    wait_until("the new build is active", async || {
        stack.get("/orders").await.text("www-authenticate").unwrap().contains("another")
    })
    .await;
    load.wait_for_more(&stack, 100).await;
    wait_until("the old build is drained", async || {
        stack.envoy.stat("listener_manager.total_filter_chains_draining").await == 0
    })
    .await;
    load.wait_for_more(&stack, 50).await;
    let tally = load.stop().await;
    println!("{} requests, {} fetches", tally.all(), stack.issuer.fetches());
    assert_right(&stack, &tally);
    assert_eq!(stack.issuer.fetches(), 1, "the new build found the keys of the old one");
    assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 200);
    assert!(!stack.envoy.log_contains("panicked"));
}
