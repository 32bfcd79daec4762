//! A new configuration under load, by replacing the listeners file.

use serde_json::json;

use super::{Kind, Load, assert_right, kinds, lines, policy};
use crate::harness::{Stack, wait_until};
use crate::outcome::assert_no_crash;

const UPDATED: &str = "listener_manager.lds.update_success";
const REJECTED: &str = "listener_manager.lds.update_rejected";

/// A request that needs any token by the first policy, and a role by the second policy.
fn turning(stack: &Stack, statuses: &[u16]) -> Kind {
    let request = stack.request("GET", "/turns").bearer(&stack.good_token());
    Kind { label: "turns", request, statuses: statuses.to_vec(), error: "" }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_configuration_takes_over_and_an_invalid_one_changes_nothing() {
    let stack = Stack::builder()
        .plugin(policy(json!({})))
        .workers(2)
        .reconfigurable()
        .envoy(|envoy| envoy.drain_seconds = 3)
        .start()
        .await;
    let mut mixed = kinds(&stack);
    // Both statuses are possible during the change; the statuses before and after are checked below.
    mixed.push(turning(&stack, &[200, 403]));
    assert_eq!(stack.get_with("/turns", &stack.good_token()).await.status, 200);
    let load = Load::start(&mixed, 8);
    load.wait_for_more(&stack, 50).await;

    // An unknown key, in a configuration that would allow every request.
    let mut bootstrap = stack.bootstrap();
    let open = json!({ "routes": [{ "path": "/**", "allow_anonymous": true }], "default_polcy": {} });
    bootstrap.plugin = Some(policy(open));
    stack.envoy.reconfigure(&bootstrap);
    wait_until("the configuration is rejected", async || stack.envoy.stat(REJECTED).await == 1).await;
    stack.envoy.logged("invalid configuration: default_polcy: unknown key").await;
    load.wait_for_more(&stack, 100).await;
    assert_eq!(stack.get("/orders").await.status, 401);
    assert_eq!(stack.get_with("/turns", &stack.good_token()).await.status, 200);

    let updated = stack.envoy.stat(UPDATED).await;
    let stricter = json!({ "routes": [
        { "path": "/public/**", "allow_anonymous": true },
        { "path": "/admin/**", "requires_role": "admin" },
        { "path": "/closed", "deny": true },
        { "path": "/turns", "requires_role": "admin" },
    ] });
    bootstrap.plugin = Some(policy(stricter));
    stack.envoy.reconfigure(&bootstrap);
    wait_until("the configuration is accepted", async || stack.envoy.stat(UPDATED).await > updated).await;
    let token = stack.good_token();
    wait_until("the new configuration is active", async || {
        stack.get_with("/turns", &token).await.status == 403
    })
    .await;
    wait_until("the old configuration is drained", async || {
        stack.envoy.stat("listener_manager.total_filter_chains_draining").await == 0
    })
    .await;
    let tally = load.stop().await;
    println!("{tally:?}");
    assert!(tally.count("turns", 200) > 0 && tally.count("turns", 403) > 0, "{tally:?}");
    let seen = stack.upstream.seen();
    assert_right(&stack, &tally);
    assert!(seen.len() > 150);

    // From here on, the old configuration decides no request.
    let load = Load::start(&[turning(&stack, &[403])], 4);
    while stack.denied("role").await < 40 {
        tokio::task::yield_now().await;
    }
    let tally = load.stop().await;
    assert!(tally.wrong.is_empty(), "{:?}", tally.wrong);
    assert_eq!(stack.upstream.count(), seen.len());
    assert_eq!(stack.issuer.fetches(), 1, "the keys were there");
    assert_eq!(lines(&stack, "default_polcy"), 1, "only one VM tries the invalid configuration");
}

/// Six updates in a row, before the old configurations are drained.
#[tokio::test(flavor = "multi_thread")]
async fn many_updates_in_a_row_leave_nothing_behind() {
    let stack = Stack::builder()
        .plugin(policy(json!({})))
        .workers(2)
        .reconfigurable()
        .envoy(|envoy| envoy.drain_seconds = 3)
        .start()
        .await;
    let load = Load::start(&kinds(&stack), 4);
    load.wait_for_more(&stack, 20).await;
    let mut bootstrap = stack.bootstrap();
    for round in 0..6 {
        let updated = stack.envoy.stat(UPDATED).await;
        bootstrap.plugin = Some(policy(json!({ "realm": format!("round-{round}") })));
        stack.envoy.reconfigure(&bootstrap);
        wait_until("the configuration is accepted", async || stack.envoy.stat(UPDATED).await > updated).await;
        load.wait_for_more(&stack, 20).await;
    }
    wait_until("the old configurations are gone", async || {
        stack.envoy.stat("listener_manager.total_filter_chains_draining").await == 0
    })
    .await;
    let tally = load.stop().await;
    assert_right(&stack, &tally);
    assert_eq!(stack.issuer.fetches(), 1);
    assert_no_crash(&stack);
    let challenge = stack.get("/orders").await;
    assert!(challenge.text("www-authenticate").unwrap().contains("round-5"));
}
