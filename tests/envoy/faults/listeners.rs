//! Another configuration under load, by a file that is moved into place.

use serde_json::json;

use super::{Kind, Load, assert_right, kinds, lines, policy};
use crate::harness::{Stack, wait_until};
use crate::outcome::assert_no_crash;

const UPDATED: &str = "listener_manager.lds.update_success";
const REJECTED: &str = "listener_manager.lds.update_rejected";

/// Lets any token in by the first policy, and asks for a role by the second.
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
    // Either, while it changes; which of them before and after is asked below.
    mixed.push(turning(&stack, &[200, 403]));
    assert_eq!(stack.get_with("/turns", &stack.good_token()).await.status, 200);
    let load = Load::start(&mixed, 8);
    load.wait_for_more(&stack, 50).await;

    // A key that does not exist, in what would let everything in.
    let mut bootstrap = stack.bootstrap();
    let open = json!({ "routes": [{ "path": "/**", "allow_anonymous": true }], "default_polcy": {} });
    bootstrap.plugin = Some(policy(open));
    stack.envoy.reconfigure(&bootstrap);
    wait_until("it is rejected", async || stack.envoy.stat(REJECTED).await == 1).await;
    stack.envoy.logged("jwt_guard configuration: default_polcy: unknown key").await;
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
    wait_until("it is taken", async || stack.envoy.stat(UPDATED).await > updated).await;
    let token = stack.good_token();
    wait_until("it takes over", async || stack.get_with("/turns", &token).await.status == 403).await;
    wait_until("the old one is drained", async || {
        stack.envoy.stat("listener_manager.total_filter_chains_draining").await == 0
    })
    .await;
    let tally = load.stop().await;
    println!("{tally:?}");
    assert!(tally.count("turns", 200) > 0 && tally.count("turns", 403) > 0, "{tally:?}");
    let seen = stack.upstream.seen();
    assert_right(&stack, &tally);
    assert!(seen.len() > 150);

    // From here on, none is judged by the old one.
    let load = Load::start(&[turning(&stack, &[403])], 4);
    while stack.denied("role").await < 40 {
        tokio::task::yield_now().await;
    }
    let tally = load.stop().await;
    assert!(tally.wrong.is_empty(), "{:?}", tally.wrong);
    assert_eq!(stack.upstream.count(), seen.len());
    assert_eq!(stack.issuer.fetches(), 1, "the keys were there");
    assert_eq!(lines(&stack, "default_polcy"), 1, "one VM tries it, and no other");
}

/// Six in a row, faster than the old ones are gone.
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
        wait_until("it is taken", async || stack.envoy.stat(UPDATED).await > updated).await;
        load.wait_for_more(&stack, 20).await;
    }
    wait_until("the old ones are gone", async || {
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
