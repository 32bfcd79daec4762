//! Keys that are added, removed and changed.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{another, assert_no_crash, figure};
use crate::harness::{Stack, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_stops_with_the_next_refresh() {
    let stack =
        Stack::builder().plugin(plugin_with(json!({ "jwks_ttl_seconds": 2 }))).workers(2).start().await;
    let old = stack.good_token();
    assert_eq!(stack.get_with("/", &old).await.status, 200);
    let second = another("second");
    stack.issuer.publish([&second]);
    wait_until("the dropped key stops working", async || stack.get_with("/", &old).await.status == 401).await;
    assert_eq!(stack.get_with("/", &stack.token().sign(&second).unwrap()).await.status, 200);

    // A changed key with the same kid is not an unknown kid: the next refresh replaces the key.
    let changed = another("second");
    stack.issuer.publish([&changed]);
    let (old, new) = (stack.token().sign(&second).unwrap(), stack.token().sign(&changed).unwrap());
    wait_until("the changed key works", async || stack.get_with("/", &new).await.status == 200).await;
    wait_until("the previous key stops working", async || stack.get_with("/", &old).await.status == 401)
        .await;
}

/// Valid tokens of the old and the new key arrive on every worker during the rotation.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_load_denies_no_valid_token_after_the_cooldown() {
    let cooldown = Duration::from_secs(3);
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_refresh_cooldown_seconds": cooldown.as_secs() })))
        .workers(4)
        .start()
        .await;
    let old = stack.good_token();
    assert_eq!(stack.get_with("/", &old).await.status, 200);
    let load = |token: String, requests: usize| {
        let requests: Vec<_> =
            (0..requests).map(|_| tokio::spawn(stack.request("GET", "/").bearer(&token).send())).collect();
        async move {
            let mut statuses = vec![];
            for request in requests {
                statuses.push(request.await.unwrap().status);
            }
            statuses
        }
    };
    let second = another("second");
    stack.issuer.publish([&stack.key, &second]);
    let new = stack.token().sign(&second).unwrap();
    let (new, old_too) = tokio::join!(load(new, 60), load(old.clone(), 60));
    let forced = Instant::now();
    assert!(new.iter().chain(&old_too).all(|status| *status == 200), "{new:?} {old_too:?}");
    assert_eq!(stack.issuer.fetches(), 2, "one fetch is for the new kid");

    // Another rotation during the cooldown.
    let third = another("third");
    stack.issuer.publish([&second, &third]);
    let newest = stack.token().sign(&third).unwrap();
    let statuses = load(newest.clone(), 20).await;
    assert!(
        forced.elapsed() > cooldown || statuses.iter().all(|status| *status == 401),
        "not before the cooldown ends: {statuses:?}"
    );
    wait_until("the newest key works", async || stack.get_with("/", &newest).await.status == 200).await;
    assert!(forced.elapsed() < cooldown + Duration::from_secs(2), "after {:?}", forced.elapsed());
    assert_eq!(stack.issuer.fetches(), 3);
    wait_until("the oldest key is rejected", async || stack.get_with("/", &old).await.status == 401).await;
    assert_eq!(figure(&stack, "issuer_example", "keys").await, 2);
    assert_no_crash(&stack);
}
