//! A flapping issuer, rotations and a kid flood at once, for as long as one has time.
//!
//! Ten seconds by default; `JWT_GUARD_SOAK_SECONDS=600` for the long run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jwt_guard::mint::SigningKey;
use serde_json::json;
use tokio::time::Instant;

use super::{another, figure, is_unharmed, made_up, waiting};
use crate::harness::{Answer, Connection, JWKS_PATH, Stack, plugin_with, wait_until};

/// Counts over the whole run.
#[derive(Default)]
struct Tally {
    good: AtomicUsize,
    made_up: AtomicUsize,
    expired: AtomicUsize,
    wrong: AtomicUsize,
}

/// Sends that request over one connection until told to stop, with a pause between two.
async fn send(
    stack: Request,
    status: u16,
    done: Arc<AtomicBool>,
    tally: Arc<Tally>,
    count: fn(&Tally) -> &AtomicUsize,
) {
    let mut connection = Connection::open(stack.address).await;
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        connection.write(&stack.requests[number % stack.requests.len()]).await;
        let answered = connection.response().await.status;
        if answered != status {
            println!("a wrong answer: {answered} instead of {status}");
            tally.wrong.fetch_add(1, Ordering::Relaxed);
        }
        count(&tally).fetch_add(1, Ordering::Relaxed);
        number += 1;
        tokio::time::sleep(stack.pause).await;
    }
}

struct Request {
    address: std::net::SocketAddr,
    requests: Vec<Vec<u8>>,
    pause: Duration,
}

/// Resident memory of Envoy in KiB, where the system tells.
fn resident(stack: &Stack) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stack.envoy.pid())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_issuer_rotations_and_a_flood_make_no_wrong_answer() {
    let seconds = std::env::var("JWT_GUARD_SOAK_SECONDS").ok().map_or(10, |value| value.parse().unwrap());
    let plugin = plugin_with(json!({
        "jwks_ttl_seconds": 1, "jwks_refresh_cooldown_seconds": 1, "jwks_timeout_ms": 1000,
    }));
    let stack = Stack::builder().plugin(plugin).workers(4).start().await;
    // The token of the run's whole length needs a life as long.
    let good = stack.token().lifetime(Duration::from_secs(seconds + 900)).sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    let expired = stack.token().expired_for(Duration::from_secs(600)).sign(&stack.key).unwrap();

    let (done, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
    let request = |tokens: &[String], pause| Request {
        address: stack.address(),
        requests: tokens.iter().map(|token| stack.request("GET", "/").bearer(token).to_bytes()).collect(),
        pause: Duration::from_millis(pause),
    };
    let mut senders = vec![];
    for sender in 0..4 {
        let made_up: Vec<_> = (0..50).map(|number| made_up(&stack, &format!("{sender}-{number}"))).collect();
        let (done, tally) = (|| done.clone(), || tally.clone());
        senders.push(tokio::spawn(send(
            request(std::slice::from_ref(&good), 10),
            200,
            done(),
            tally(),
            |tally| &tally.good,
        )));
        senders.push(tokio::spawn(send(request(&made_up, 5), 401, done(), tally(), |tally| &tally.made_up)));
        senders.push(tokio::spawn(send(
            request(std::slice::from_ref(&expired), 50),
            401,
            done(),
            tally(),
            |tally| &tally.expired,
        )));
    }

    let (started, mut rss, mut rotations, mut outages) = (Instant::now(), vec![], 0, 0);
    let mut second: SigningKey = another("second-0");
    let keys: Vec<_> = (0..4).map(|number| another(&format!("second-{number}"))).collect();
    while started.elapsed() < Duration::from_secs(seconds) {
        // A rotation beside the first key, which stays; then an outage of one of several kinds.
        second = keys[rotations % keys.len()].clone();
        stack.issuer.publish([&stack.key, &second]);
        let token = stack.token().sign(&second).unwrap();
        wait_until("the new key works", async || stack.get_with("/", &token).await.status == 200).await;
        rotations += 1;
        let both = Answer::keys([&stack.key, &second]);
        match outages % 6 {
            0 => stack.issuer.down().await,
            1 => stack.issuer.answer(JWKS_PATH, Answer::status(500)),
            2 => stack.issuer.answer(JWKS_PATH, both.after(Duration::from_secs(3))),
            3 => stack.issuer.answer(JWKS_PATH, Answer::ok("<html>")),
            4 => stack.issuer.answer(JWKS_PATH, both.dripping()),
            _ => stack.issuer.answer(JWKS_PATH, Answer::ok("{\"keys\":[]}")),
        }
        let failed = figure(&stack, "issuer_example", "refresh_failed").await;
        wait_until("the outage is noticed", async || {
            figure(&stack, "issuer_example", "refresh_failed").await > failed
        })
        .await;
        stack.issuer.up().await;
        outages += 1;
        rss.extend(resident(&stack));
    }
    stack.issuer.publish([&stack.key, &second]);
    done.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let lasted = started.elapsed().as_secs_f64();
    println!(
        "soak of {lasted:.0} s: {} good, {} made-up and {} expired tokens, {} wrong answers; {rotations} rotations, {outages} outages, {} fetches; resident KiB {:?} at first, {:?} at last",
        count(&tally.good),
        count(&tally.made_up),
        count(&tally.expired),
        count(&tally.wrong),
        stack.issuer.fetches(),
        rss.first(),
        rss.last(),
    );
    assert_eq!(count(&tally.wrong), 0);
    // Renewals every 0.8 s and one forced refresh a second at the most.
    assert!((stack.issuer.fetches() as f64) < lasted * (1.0 / 0.8 + 1.0) + 5.0, "{}", stack.issuer.fetches());
    wait_until("nobody waits", async || waiting(&stack).await == 0).await;
    // What V8 and the allocator take at first is not growth: compared is the last tenth with the third.
    if rss.len() >= 30 {
        let at = |from: usize, to: usize| rss[from..to].iter().sum::<u64>() / (to - from) as u64;
        let (early, late) = (at(rss.len() / 5, rss.len() * 3 / 10), at(rss.len() * 9 / 10, rss.len()));
        println!("resident KiB: {early} in the third tenth, {late} in the last");
        assert!(late < early + early / 10 + 4096, "from {early} to {late} KiB");
    }
    is_unharmed(&stack);
}
