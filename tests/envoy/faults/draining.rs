//! Shutdown: active requests are finished, and no parked request is forwarded without a decision.

use serde_json::json;

use super::{Load, assert_right, kinds, policy, waiting};
use crate::harness::{Answer, Connection, Stack, wait_until};
use crate::outcome::assert_no_crash;

async fn parked(stack: &Stack) -> Vec<(Connection, u16)> {
    let good = stack.good_token();
    let foreign = stack.token().audience("nobody").sign(&stack.key).unwrap();
    let mut parked = vec![];
    for number in 0..20 {
        let (token, status) = if number % 2 == 0 { (&good, 200) } else { (&foreign, 401) };
        let mut client = stack.connect().await;
        client.write(&stack.request("POST", "/orders").bearer(token).body("body").to_bytes()).await;
        parked.push((client, status));
    }
    wait_until("they wait", async || waiting(stack).await == 20).await;
    parked
}

/// Draining listeners reject no accepted request; parked requests are decided when the keys arrive.
#[tokio::test(flavor = "multi_thread")]
async fn draining_listeners_answer_all_accepted_requests() {
    let stack = Stack::builder()
        .plugin(policy(json!({ "jwks_timeout_ms": 30_000 })))
        .issuer_answers(Answer::held)
        .workers(2)
        .envoy(|envoy| envoy.drain_seconds = 3)
        .start()
        .await;
    let parked = parked(&stack).await;
    let drained = stack.envoy.ask_admin("POST", "/drain_listeners?graceful").await;
    assert_eq!(drained.status, 200);
    // The listener still serves while it drains.
    assert_eq!(stack.get("/public/a").await.status, 200);
    assert_eq!(stack.get("/orders").await.status, 401);
    assert_eq!(stack.upstream.count(), 1);
    stack.issuer.release();
    for (mut client, status) in parked {
        assert_eq!(client.response().await.status, status);
    }
    // Then the listeners close.
    wait_until("new connections are refused", async || {
        tokio::net::TcpStream::connect(stack.address()).await.is_err()
    })
    .await;
    assert_eq!(stack.upstream.count(), 11);
    assert_eq!(stack.issuer.fetches(), 1);
    assert_eq!(waiting(&stack).await, 0);
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_answered_correctly_until_the_listeners_are_closed() {
    let stack = Stack::builder()
        .plugin(policy(json!({})))
        .workers(2)
        .envoy(|envoy| envoy.drain_seconds = 2)
        .start()
        .await;
    let load = Load::start(&kinds(&stack), 6);
    load.wait_for_more(&stack, 50).await;
    stack.envoy.ask_admin("POST", "/drain_listeners?graceful&skip_exit").await;
    load.wait_for_more(&stack, 50).await;
    let tally = load.stop().await;
    println!("{:?}", tally.answers);
    assert_right(&stack, &tally);
    assert_no_crash(&stack);
}

/// A shutdown by signal and by the admin interface, with parked requests and a pending fetch: the process exits at once
/// and without a crash, and parked requests do not reach the upstream.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_the_process_at_once() {
    for by_signal in [true, false] {
        let mut stack = Stack::builder()
            .plugin(policy(json!({ "jwks_timeout_ms": 30_000 })))
            .issuer_answers(Answer::held)
            .workers(2)
            .start()
            .await;
        let parked = parked(&stack).await;
        match by_signal {
            true => stack.envoy.signal("TERM"),
            false => drop(stack.envoy.ask_admin("POST", "/quitquitquit").await),
        }
        let status = stack.envoy.ended().await;
        assert!(status.success(), "{status}");
        for (mut client, _) in parked {
            // Closed without a response, or answered with 503.
            assert!(!client.is_answered().await || client.response().await.status == 503);
        }
        assert_eq!(stack.upstream.count(), 0);
        assert!(stack.envoy.log_contains("exiting"), "Envoy exited regularly");
        assert_no_crash(&stack);
    }
}
