//! A soak test: tokens of every kind, a flood of made-up kids, rotations, outages of the issuer of several kinds, and a
//! new configuration every few seconds.
//!
//! By default it runs for ten seconds with moderate load; `JWT_GUARD_SOAK_SECONDS=1800` gives a long run at full speed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, SigningKey};
use serde_json::json;
use tokio::time::Instant;

use crate::harness::{Answer, Connection, JWKS_PATH, Request, Stack, plugin_with, wait_until};
use crate::keys::{another, assert_no_crash, figure, made_up, waiting};

/// How long a connection is used: Envoy closes connections of a replaced configuration at the end of its drain time.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(1);

/// The results of one kind of requests.
#[derive(Default)]
struct Tally {
    label: &'static str,
    /// For each response, the second of the run and the latency in microseconds.
    answers: Vec<(u32, u32)>,
    wrong: Vec<u16>,
    /// The number of requests without a response because the proxy closed the connection.
    cut: usize,
}

struct Kind {
    label: &'static str,
    status: u16,
    pause: Duration,
    next: Box<dyn FnMut() -> Request + Send>,
}

/// Sends requests of this kind until `done` is set.
async fn send(mut kind: Kind, started: Instant, done: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally { label: kind.label, ..Tally::default() };
    let address = (kind.next)().address();
    let open = async || (Connection::open(address).await, Instant::now());
    let (mut connection, mut opened) = open().await;
    while !done.load(Ordering::Relaxed) {
        let request = (kind.next)().to_bytes();
        let sent = Instant::now();
        connection.write_or_closed(&request).await;
        if !connection.is_answered().await {
            tally.cut += 1;
            (connection, opened) = open().await;
            continue;
        }
        let response = connection.response().await;
        let second = u32::try_from(started.elapsed().as_secs()).unwrap();
        tally.answers.push((second, u32::try_from(sent.elapsed().as_micros()).unwrap()));
        if response.status != kind.status {
            tally.wrong.push(response.status);
        }
        if response.text("connection") == Some("close") || opened.elapsed() > CONNECTION_LIFETIME {
            (connection, opened) = open().await;
        }
        if !kind.pause.is_zero() {
            tokio::time::sleep(kind.pause).await;
        }
    }
    tally
}

/// The resident memory of Envoy in KiB, if the system reports it.
fn resident(stack: &Stack) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stack.envoy.pid())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// The 50th, 95th and 99th percentiles of the latencies in these seconds, and the number of responses.
fn percentiles(tallies: &[Tally], from: u32, to: u32) -> ([u32; 3], usize) {
    let answers = tallies.iter().flat_map(|tally| &tally.answers);
    let mut times: Vec<u32> =
        answers.filter(|(second, _)| (from..to).contains(second)).map(|(_, time)| *time).collect();
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    ([at(50), at(95), at(99)], times.len())
}

/// The token with another signature. The first character of the signature changes, because the last character has
/// unused bits.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    format!("{signed}.{}{rest}", if first == "A" { "B" } else { "A" })
}

fn kinds(stack: &Stack, curve: &SigningKey, lasting: Duration, pause: Duration) -> Vec<Kind> {
    let token = || stack.token().lifetime(lasting + Duration::from_secs(900));
    let good: Vec<_> =
        (0..20).map(|number| token().subject(&format!("user-{number}")).sign(&stack.key).unwrap()).collect();
    let admin = token().claim("roles", json!(["admin"])).sign(&stack.key).unwrap();
    let expired = stack.token().expired_for(Duration::from_secs(600)).sign(&stack.key).unwrap();
    let forged = forged(&good[0]);
    let strangers: Vec<_> = (0..200).map(|number| made_up(stack, &format!("made-up-{number}"))).collect();
    let get = |path: &str| stack.request("GET", path).header("x-auth-sub", "root");
    let same = |label, status, request: Request| Kind {
        label,
        status,
        pause,
        next: Box::new(move || request.clone()),
    };
    let in_turn = |label, status, tokens: Vec<String>| {
        let (request, mut number) = (get("/orders"), 0);
        let next = move || {
            number += 1;
            request.clone().bearer(&tokens[number % tokens.len()])
        };
        Kind { label, status, pause, next: Box::new(next) }
    };
    let mut kinds = vec![
        in_turn("seen", 200, good.clone()),
        in_turn("seen, again", 200, good.clone()),
        same("admin", 200, get("/admin/a").bearer(&admin)),
        same("anonymous", 200, get("/public/a")),
        same("no token", 401, get("/orders")),
        same("no role", 403, get("/admin/a").bearer(&good[0])),
        same("expired", 401, get("/orders").bearer(&expired)),
        same("forged", 401, get("/orders").bearer(&forged)),
        in_turn("made-up kid", 401, strangers),
    ];
    let (request, curve, base, mut number) = (get("/orders"), curve.clone(), token(), 0_u64);
    let never_seen = move || {
        number += 1;
        request.clone().bearer(&base.clone().claim("jti", number.to_string()).sign(&curve).unwrap())
    };
    kinds.push(Kind { label: "never seen", status: 200, pause, next: Box::new(never_seen) });
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once_gives_no_wrong_response() {
    let asked: Option<u64> = std::env::var("JWT_GUARD_SOAK_SECONDS").ok().map(|value| value.parse().unwrap());
    let seconds = asked.unwrap_or(10);
    // Full speed only if requested: other tests run at the same time.
    let pause = if asked.is_some() { Duration::ZERO } else { Duration::from_millis(20) };
    let members = |realm: &str| {
        plugin_with(json!({
            "jwks_ttl_seconds": 1, "jwks_refresh_cooldown_seconds": 1, "jwks_timeout_ms": 1000,
            "accepted_algorithms": ["RS256", "ES256"], "realm": realm,
            "routes": [
                { "path": "/public/**", "allow_anonymous": true },
                { "path": "/admin/**", "requires_role": "admin" },
            ],
        }))
    };
    let curve = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("curve");
    let stack = Stack::builder()
        .plugin(members("at first"))
        .workers(2)
        .reconfigurable()
        .keys([another("first"), curve.clone()])
        .envoy(|envoy| {
            envoy.drain_seconds = 3;
            envoy.connection_manager = json!({ "access_log": [] });
            let answer = json!({ "status": 200, "body": { "inline_string": "ok" } });
            envoy.routes = vec![json!({ "match": { "prefix": "/" }, "direct_response": answer })];
        })
        .start()
        .await;
    assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 200);

    let (started, done) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let lasting = Duration::from_secs(seconds);
    let senders: Vec<_> = kinds(&stack, &curve, lasting, pause)
        .into_iter()
        .map(|kind| tokio::spawn(send(kind, started, done.clone())))
        .collect();

    let (mut rss, mut rotations, mut outages, mut updates) = (vec![], 0, 0, 0);
    let keys: Vec<_> = (0..4).map(|number| another(&format!("second-{number}"))).collect();
    let mut bootstrap = stack.bootstrap();
    while started.elapsed() < lasting {
        // A rotation that keeps the other keys, a new configuration, then an outage of one of several kinds.
        let second = &keys[rotations % keys.len()];
        let published = [&stack.key, &curve, second];
        stack.issuer.publish(published);
        let token = stack.token().sign(second).unwrap();
        wait_until("the new key works", async || stack.get_with("/orders", &token).await.status == 200).await;
        rotations += 1;
        let updated = stack.envoy.stat("listener_manager.lds.update_success").await;
        bootstrap.plugin = Some(members(&format!("round {updates}")));
        stack.envoy.reconfigure(&bootstrap);
        wait_until("the configuration is accepted", async || {
            stack.envoy.stat("listener_manager.lds.update_success").await > updated
        })
        .await;
        updates += 1;
        let failed = figure(&stack, "issuer_example", "refresh_failed").await;
        match outages % 6 {
            0 => stack.issuer.down().await,
            1 => stack.issuer.answer(JWKS_PATH, Answer::status(500)),
            2 => stack.issuer.answer(JWKS_PATH, Answer::keys(published).after(Duration::from_secs(3))),
            3 => stack.issuer.answer(JWKS_PATH, Answer::ok("<html>")),
            4 => stack.issuer.answer(JWKS_PATH, Answer::keys(published).dripping()),
            _ => stack.issuer.answer(JWKS_PATH, Answer::ok("{\"keys\":[]}")),
        }
        wait_until("the outage is noticed", async || {
            figure(&stack, "issuer_example", "refresh_failed").await > failed
        })
        .await;
        stack.issuer.up().await;
        stack.issuer.publish(published);
        outages += 1;
        rss.extend(resident(&stack));
    }
    done.store(true, Ordering::Relaxed);
    let mut tallies = vec![];
    for sender in senders {
        tallies.push(sender.await.unwrap());
    }
    let lasted = started.elapsed();
    for tally in &tallies {
        println!(
            "{:>8} {}, {} wrong, {} cut",
            tally.answers.len(),
            tally.label,
            tally.wrong.len(),
            tally.cut
        );
    }
    println!(
        "soak of {:.0} s: {rotations} rotations, {outages} outages, {updates} configurations, {} fetches; resident KiB {:?} at first, {:?} at last",
        lasted.as_secs_f64(),
        stack.issuer.fetches(),
        rss.first(),
        rss.last(),
    );
    let tenth = u32::try_from(seconds).unwrap() / 10;
    let (early, late) =
        (percentiles(&tallies, tenth, tenth * 2), percentiles(&tallies, tenth * 9, tenth * 10));
    println!(
        "latency in µs at 50, 95 and 99 %, and responses: {early:?} in the second tenth, {late:?} in the last"
    );
    for tally in &tallies {
        assert!(tally.wrong.is_empty(), "{}: {:?}", tally.label, tally.wrong.first());
        assert!(!tally.answers.is_empty() && tally.cut == 0, "{}: {} cut", tally.label, tally.cut);
    }
    // At most one refresh every 0.8 s and one forced refresh per second.
    assert!(
        (stack.issuer.fetches() as f64) < lasted.as_secs_f64() * (1.0 / 0.8 + 1.0) + 5.0,
        "{}",
        stack.issuer.fetches()
    );
    wait_until("no request waits", async || waiting(&stack).await == 0).await;
    if asked.is_some_and(|seconds| seconds >= 300) {
        // The tolerance allows for other load on the machine.
        assert!(late.0[0] < early.0[0] * 3 / 2 + 500, "from {early:?} to {late:?}");
    }
    // V8 and the allocator take memory at the start, which is not growth: compare the last tenth with the third.
    if rss.len() >= 30 {
        let at = |from: usize, to: usize| rss[from..to].iter().sum::<u64>() / (to - from) as u64;
        let (early, late) = (at(rss.len() / 5, rss.len() * 3 / 10), at(rss.len() * 9 / 10, rss.len()));
        println!("resident KiB: {early} in the third tenth, {late} in the last");
        assert!(late < early + early / 10 + 4096, "from {early} to {late} KiB");
    }
    assert_no_crash(&stack);
}
