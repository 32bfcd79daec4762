//! Unknown kids: one refresh per cooldown, for any number of made-up kids.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{another, assert_no_crash, made_up, seconds, waiting};
use crate::harness::{Answer, JWKS_PATH, Stack, plugin, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_kid_is_fetched_once_without_a_restart() {
    let stack = Stack::with_plugin(plugin()).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    let second = another("second");
    stack.issuer.publish([&stack.key, &second]);
    let token = stack.token().sign(&second).unwrap();
    assert_eq!(stack.get_with("/", &token).await.status, 200, "the request waits for the refresh");
    assert_eq!(stack.issuer.fetches(), 2);
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200, "the first key still works");
    for number in 0..20 {
        assert_eq!(stack.get_with("/", &made_up(&stack, &number.to_string())).await.status, 401);
    }
    assert_eq!(stack.issuer.fetches(), 2, "no further fetch during the cooldown");
    wait_until("the denials are counted", async || stack.denied("unknown_kid").await >= 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_requests_wait_for_an_unknown_kid_and_the_others_are_denied_at_once() {
    let stack = Stack::with_plugin(plugin_with(json!({ "jwks_timeout_ms": 20_000 }))).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    stack.issuer.answer(JWKS_PATH, Answer::keys([&stack.key]).held());
    let waiters: Vec<_> = (0..64)
        .map(|number| {
            let token = made_up(&stack, &number.to_string());
            tokio::spawn(stack.request("GET", "/").bearer(&token).send())
        })
        .collect();
    wait_until("the queue is full", async || waiting(&stack).await == 64).await;
    for _ in 0..5 {
        let token = made_up(&stack, "x");
        let answer = tokio::time::timeout(Duration::from_secs(5), stack.get_with("/", &token));
        let answer = answer.await.expect("the request does not wait");
        assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_token"));
    }
    assert_eq!(
        stack.get_with("/", &stack.good_token()).await.status,
        200,
        "requests with valid tokens do not wait"
    );
    assert_eq!(waiting(&stack).await, 64);
    stack.issuer.release();
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().status, 401);
    }
    assert_eq!(stack.issuer.fetches(), 2);
    assert_no_crash(&stack);
}

/// Report-only mode waits neither for first keys nor for a new kid, but still fetches the new kid.
#[tokio::test(flavor = "multi_thread")]
async fn report_only_does_not_wait_and_still_fetches_a_new_kid() {
    let plugin = plugin_with(json!({ "report_only": true, "jwks_timeout_ms": 60_000 }));
    let stack = Stack::builder().plugin(plugin).issuer_answers(Answer::held).start().await;
    let verified = async || stack.envoy.stat("wasmcustom.jwt_guard.allowed.verified").await;
    let good = stack.good_token();
    let answer = tokio::time::timeout(Duration::from_secs(5), stack.get_with("/", &good)).await;
    assert_eq!(answer.expect("the request does not wait").status, 200);
    stack.counted_would_deny("no_keys", 1).await;
    wait_until("the keys are requested", async || stack.issuer.fetches() == 1).await;
    stack.issuer.release();
    wait_until("the first keys arrived", async || {
        assert_eq!(stack.get_with("/", &good).await.status, 200);
        verified().await > 0
    })
    .await;
    let second = another("second");
    stack.issuer.publish([&second]);
    let token = stack.token().sign(&second).unwrap();
    let before = verified().await;
    wait_until("the new kid is known", async || {
        assert_eq!(stack.get_with("/", &token).await.status, 200);
        verified().await > before
    })
    .await;
    assert_eq!(stack.issuer.fetches(), 2);
}

/// About 2,000 requests per second, each with another kid, over loopback for four seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_kids_causes_one_fetch_per_cooldown_and_delays_no_valid_token() {
    const SENDERS: usize = 16;
    let cooldown = Duration::from_secs(2);
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_refresh_cooldown_seconds": cooldown.as_secs() })))
        .issuer_answers(|answer| answer.after(Duration::from_millis(100)))
        .workers(4)
        .start()
        .await;
    let good = stack.good_token();
    let probe = async |count: usize| {
        let mut connection = stack.connect().await;
        let request = stack.request("GET", "/").bearer(&good).to_bytes();
        let mut times = vec![];
        for _ in 0..count {
            let sent = Instant::now();
            connection.write(&request).await;
            assert_eq!(connection.response().await.status, 200, "a valid token was denied");
            times.push(sent.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        times.sort();
        (times[times.len() / 2], times[times.len() * 95 / 100])
    };
    let quiet = probe(50).await;
    let before = stack.issuer.fetches();

    let (sent, started) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            // The requests are prepared in advance, so that the measured load is Envoy's.
            let requests: Vec<_> = (0..100)
                .map(|number| {
                    let token = made_up(&stack, &format!("{sender}-{number}"));
                    stack.request("GET", "/").bearer(&token).to_bytes()
                })
                .collect();
            let (address, sent) = (stack.address(), sent.clone());
            tokio::spawn(async move {
                let mut connection = crate::harness::Connection::open(address).await;
                for round in 0_u32.. {
                    if started.elapsed() > Duration::from_secs(4) {
                        return;
                    }
                    connection.write(&requests[round as usize % requests.len()]).await;
                    assert_eq!(connection.response().await.status, 401);
                    sent.fetch_add(1, Ordering::Relaxed);
                    // 16 senders, 8 ms apart: 2,000 a second.
                    tokio::time::sleep_until(started + Duration::from_millis(8) * round).await;
                }
            })
        })
        .collect();
    let flooded = probe(150).await;
    for sender in senders {
        sender.await.unwrap();
    }
    let (lasted, fetches) = (started.elapsed(), stack.issuer.fetches() - before);
    let rate = sent.load(Ordering::Relaxed) as f64 / lasted.as_secs_f64();
    println!(
        "flood: {rate:.0}/s for {}, {fetches} fetches; latency of valid tokens (median, p95): {quiet:?} before, {flooded:?} during",
        seconds(lasted)
    );
    let allowed = 1 + (lasted.as_millis() / cooldown.as_millis()) as usize;
    assert!((1..=allowed).contains(&fetches), "{fetches} fetches in {lasted:?}");
    // A valid token that waits for a refresh would take at least 100 ms; the limit allows for other load on the
    // machine.
    assert!(flooded.0 < Duration::from_millis(100), "{flooded:?}");
    assert_no_crash(&stack);
}
