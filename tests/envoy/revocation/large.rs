//! A list with the largest number of items: the longest time that a request takes while lists arrive, and the memory of
//! a worker.

use std::time::Duration;

use jwt_guard_testkit::wasm_memory::wasm_memories;
use serde_json::json;
use tokio::time::Instant;

use super::{LIST, figure, list, stack_with, status_on, token};
use crate::harness::{Answer, Stack, wait_until};
use crate::keys::assert_no_crash;

const ITEMS: usize = 50_000;
/// How much more memory a worker may have with the largest list.
const MORE_KIB: u64 = 4 << 10;
/// The longest request while lists arrive. The limit covers other load on the machine.
const LONGEST: Duration = Duration::from_millis(150);

/// 50,000 random identifiers in a document of almost 2 MiB. Each round has others.
fn largest(round: usize) -> Answer {
    let items: Vec<String> = (0..ITEMS).map(|item| format!("{round:04}-{item:030}")).collect();
    let body = json!(items).to_string();
    assert!((1_900_000..=2 << 20).contains(&body.len()), "{}", body.len());
    Answer::ok(body)
}

/// The memory of each VM in KiB.
fn memories(stack: &Stack) -> Vec<u64> {
    let mut memories = wasm_memories(stack.envoy.pid());
    memories.sort_unstable();
    memories
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_items_stall_no_request_and_take_little_memory() {
    let members = json!({ "revocation_list_ttl_seconds": 1 });
    let stack = stack_with(members, list(&["a"])).workers(2).start().await;
    let good = token(&stack, "good");
    let mut connection = stack.connect().await;
    for _ in 0..200 {
        assert_eq!(status_on(&stack, &mut connection, &good).await, 200);
    }
    let before = memories(&stack);
    let mut idle = Duration::ZERO;
    for _ in 0..200 {
        let sent = Instant::now();
        assert_eq!(status_on(&stack, &mut connection, &good).await, 200);
        idle = idle.max(sent.elapsed());
    }
    let mut connections = vec![];
    for _ in 0..8 {
        connections.push(stack.connect().await);
    }
    let (mut slowest, mut requests) = (Duration::ZERO, 0);
    for round in 1..=6 {
        let changes = super::lines(&stack, "fetched a revocation list; items: 50000");
        stack.issuer.answer(LIST, largest(round));
        let started = Instant::now();
        while super::lines(&stack, "fetched a revocation list; items: 50000") == changes
            || started.elapsed() < Duration::from_millis(1500)
        {
            for connection in &mut connections {
                let sent = Instant::now();
                assert_eq!(status_on(&stack, connection, &good).await, 200);
                slowest = slowest.max(sent.elapsed());
                requests += 1;
            }
            assert!(started.elapsed() < Duration::from_secs(60));
        }
    }
    let after = memories(&stack);
    println!("{requests} requests, the slowest took {slowest:?}; without lists {idle:?}");
    println!("memory of the VMs in KiB: {before:?} before, {after:?} after");
    assert!(slowest < LONGEST, "{slowest:?}");
    for (before, after) in before.iter().zip(&after) {
        assert!(after.saturating_sub(*before) <= MORE_KIB, "{before} KiB before, {after} KiB after");
    }
    wait_until("every VM has the list", async || figure(&stack, "items").await == 50_000).await;
    let revoked = token(&stack, &format!("0006-{:030}", 49_999));
    assert_eq!(stack.get_with("/", &revoked).await.status, 401);
    assert_no_crash(&stack);
}
