//! The fault table: for each fault of an issuer, the responses to clients and the number of fetches.
//!
//! All faults run at once, each as an issuer of one configuration: issuers do not affect each other.

use std::time::Duration;

use jwt_guard_testkit::mint::SigningKey;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{another, assert_no_crash, figure, issuer, seconds, token_of};
use crate::harness::{Answer, Authority, Issuer, Stack, StackBuilder, TIMEOUT, cluster, look_up, wait_until};

/// Faulty responses instead of keys.
fn answers(key: &SigningKey) -> Vec<(&'static str, Answer)> {
    let keys = jwt_guard_testkit::mint::key_set([key]).to_string();
    let mut private = key.public_jwk();
    private["d"] = json!("AQAB");
    let mut for_encryption = key.public_jwk();
    for_encryption["use"] = json!("enc");
    let unusable = json!({ "keys": [private, for_encryption, { "kty": "oct", "k": "AQAB" }, {}] });
    let huge = format!("{}{}", " ".repeat(10 << 20), keys);
    vec![
        ("time_out", Answer::ok(keys.clone()).after(Duration::from_secs(3600))),
        ("slow_body", Answer::ok(keys.clone()).dripping()),
        ("status_500", Answer::status(500)),
        ("status_503", Answer::ok(keys.clone()).with_status(503)),
        ("redirect", Answer::ok(keys.clone()).with_status(302).header("location", "/good")),
        ("html", Answer::ok("<html><body>Sign in</body></html>").header("x-kind", "text/html")),
        ("truncated", Answer::ok(keys[..keys.len() / 2].to_owned())),
        ("empty_set", Answer::ok("{\"keys\":[]}")),
        ("unusable_keys", Answer::ok(unusable.to_string())),
        ("ten_mib", Answer::ok(huge)),
        ("unasked_304", Answer::status(304)),
    ]
}

fn stack_of(names: &[&str], members: impl Fn(&str) -> Value) -> StackBuilder {
    let issuers: Vec<_> = names.iter().map(|name| issuer(name, members(name))).collect();
    Stack::builder().plugin(json!({ "issuers": issuers })).workers(2)
}

async fn status(stack: &Stack, name: &str) -> (u16, Option<u64>) {
    let answer = stack.get_with("/", &token_of(stack, name)).await;
    (answer.status, answer.text("retry-after").map(|value| value.parse().unwrap()))
}

/// The log lines about failed fetches.
fn log_of(stack: &Stack, name: &str) -> Vec<String> {
    let words = format!("issuer {name}: fetching keys failed");
    stack.envoy.log().lines().filter(|line| line.contains(&words)).map(str::to_owned).collect()
}

/// Waits until the metric of all issuers fulfils the condition.
async fn all(stack: &Stack, names: &[&str], figure: &str, holds: fn(u64) -> bool) {
    wait_until(&format!("the metric {figure} of all issuers has the expected value"), async || {
        let stats = stack.envoy.stats().await;
        let of = |name| stats.get(&format!("wasmcustom.jwt_guard.jwks.{name}.{figure}")).copied();
        names.iter().all(|name| of(name).is_some_and(holds))
    })
    .await;
}

/// The maximum number of attempts in that time, with pauses of 1, 2, 4, 8 and then 10 s, less 20 %.
fn attempts_within(time: Duration) -> u64 {
    let mut left = time.as_secs_f64();
    let mut pauses = [1.0, 2.0, 4.0, 8.0].into_iter().chain(std::iter::repeat(10.0)).map(|pause| pause * 0.8);
    1 + std::iter::from_fn(|| {
        left -= pauses.next()?;
        (left >= 0.0).then_some(())
    })
    .count() as u64
}

/// Faults from the start: there are no keys, and clients get `retry-after`.
#[tokio::test(flavor = "multi_thread")]
async fn without_keys_each_fault_gives_503_and_is_retried_with_backoff() {
    let key = another("first");
    let answers = answers(&key);
    let elsewhere =
        ["refused", "no_such_name", "wrong_authority", "plain_for_tls", "no_such_cluster", "good"];
    let names: Vec<_> = answers.iter().map(|(name, _)| *name).chain(elsewhere).collect();
    let (right, wrong) = (Authority::new(), Authority::new());
    let untrusted = Issuer::reserve_tls(right.acceptor("issuer.example"));
    untrusted.up().await;
    let refusing = Issuer::reserve();
    let mut builder = stack_of(&names, |name| {
        let own = ["refused", "no_such_name", "wrong_authority", "plain_for_tls", "no_such_cluster"];
        let cluster = if own.contains(&name) { name } else { "issuer" };
        json!({ "jwks_timeout_ms": 500, "jwks_cluster": cluster })
    })
    .keys([key.clone()])
    .issuer_path("/good", Answer::keys([&key]))
    .envoy(|envoy| {
        let mut unresolvable = cluster("no_such_name", refusing.address(), false);
        look_up(&mut unresolvable, "issuer.invalid");
        let mut wrong_authority = cluster("wrong_authority", untrusted.address(), false);
        wrong_authority["transport_socket"] = wrong.transport_socket("issuer.example");
        envoy.clusters = vec![cluster("refused", refusing.address(), false), unresolvable, wrong_authority];
        let over_tls = json!({ "transport_socket": right.transport_socket("issuer.example") });
        envoy.issuer_copies = vec![("plain_for_tls".into(), over_tls)];
    });
    for (name, answer) in &answers {
        builder = builder.issuer_path(&format!("/{name}"), answer.clone());
    }
    let began = Instant::now();
    let stack = builder.start().await;
    wait_until("the issuer without a fault works", async || status(&stack, "good").await.0 == 200).await;
    for name in &names[..names.len() - 1] {
        wait_until(&format!("{name} failed"), async || figure(&stack, name, "refresh_failed").await >= 1)
            .await;
        let sent = Instant::now();
        let (status, retry_after) = status(&stack, name).await;
        assert_eq!(status, 503, "{name}");
        assert!((1..=12).contains(&retry_after.unwrap()), "{name}: {retry_after:?}");
        assert!(sent.elapsed() < Duration::from_secs(2), "{name}: {:?}", sent.elapsed());
        assert_eq!(figure(&stack, name, "keys").await, 0, "{name}");
    }
    wait_until("four attempts", async || stack.issuer.count("/status_500") >= 4).await;
    let times = stack.issuer.times("/status_500");
    let gaps: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    println!("back-off: {gaps:.2?}");
    for (gap, nominal) in gaps.iter().zip([1.0, 2.0, 4.0]) {
        // The margin covers jitter, a timer tick and other load on the machine.
        assert!((nominal * 0.79..nominal * 1.2 + 1.0).contains(gap), "{gaps:?}");
    }
    println!("without keys, after {}:", seconds(began.elapsed()));
    println!("| fault | response to clients | attempts | fetches received by the issuer |");
    for name in &names {
        let (status, retry_after) = status(&stack, name).await;
        let failed = figure(&stack, name, "refresh_failed").await;
        let seen = match *name {
            "refused" => refusing.count("/refused"),
            "wrong_authority" => untrusted.count("/wrong_authority"),
            name => stack.issuer.count(&format!("/{name}")),
        };
        let after = retry_after.map_or(String::new(), |seconds| format!(", Retry-After {seconds}"));
        println!("| {name} | {status}{after} | {failed} | {seen} |");
        // If a fetch cannot be sent, each of the three VMs finds out separately: the main thread's and two workers'.
        let vms = if name.starts_with("no_such") { 3 } else { 1 };
        let allowed = vms * attempts_within(began.elapsed());
        assert!(failed <= allowed && seen as u64 <= allowed, "{name}: {failed} {seen}");
    }
    assert_eq!(untrusted.count("/wrong_authority"), 0, "no request is sent to an untrusted server");
    for (name, words) in [
        ("no_such_cluster", "check that the cluster is defined and that the name of its host resolves"),
        ("no_such_name", "check that the cluster is defined and that the name of its host resolves"),
        ("refused", "because it has no connection to the issuer"),
        ("time_out", "because the issuer did not answer in time"),
        ("slow_body", "no answer: the connection failed, or jwks_timeout_ms passed"),
        ("html", "not valid JSON"),
        ("unusable_keys", "the key set has no usable key"),
        ("ten_mib", "the limit is 1048576"),
    ] {
        let logged = log_of(&stack, name);
        assert!(logged.len() == 1 && logged[0].contains(words), "{name}: {logged:?}");
    }

    refusing.answer("/refused", Answer::keys([&stack.key]));
    refusing.up().await;
    wait_until("recovery is noticed without traffic", async || figure(&stack, "refused", "keys").await == 1)
        .await;
    assert_eq!(status(&stack, "refused").await.0, 200);
    assert_no_crash(&stack);
}

/// Faults after a successful fetch: the last good keys are used until they are too stale, then 503; then the issuer
/// recovers.
#[tokio::test(flavor = "multi_thread")]
async fn last_good_keys_are_used_until_they_are_too_stale() {
    let key = another("first");
    let faults = answers(&key);
    let names: Vec<_> = faults.iter().map(|(name, _)| *name).chain(["refused"]).collect();
    let refusing = Issuer::reserve();
    refusing.up().await;
    refusing.answer("/refused", Answer::keys([&key]));
    let stale = Duration::from_secs(8);
    let mut builder = stack_of(&names, |name| {
        json!({
            "jwks_timeout_ms": 500, "jwks_ttl_seconds": 1, "jwks_max_stale_seconds": stale.as_secs(),
            "jwks_cluster": if name == "refused" { "refused" } else { "issuer" },
        })
    })
    .keys([key.clone()])
    .envoy(|envoy| envoy.clusters = vec![cluster("refused", refusing.address(), false)]);
    for name in &names {
        builder = builder.issuer_path(&format!("/{name}"), Answer::keys([&key]));
    }
    let stack = builder.start().await;
    all(&stack, &names, "keys", |keys| keys == 1).await;
    let seen = |name: &str| match name {
        "refused" => refusing.count("/refused"),
        name => stack.issuer.count(&format!("/{name}")),
    };

    let before: Vec<_> = names.iter().map(|name| seen(name)).collect();
    for (name, answer) in faults {
        stack.issuer.answer(&format!("/{name}"), answer);
    }
    refusing.down().await;
    let began = Instant::now();
    all(&stack, &names, "refresh_failed", |failed| failed >= 2).await;
    for name in &names {
        assert_eq!(status(&stack, name).await.0, 200, "{name} after {:?}", began.elapsed());
        assert_eq!(figure(&stack, name, "keys").await, 1, "{name}");
    }
    println!("after good keys: 200 for all after {}", seconds(began.elapsed()));
    // Each issuer separately; the first keys may have been fetched one TTL before the fault.
    let mut table = vec![];
    for (name, before) in names.iter().zip(before) {
        wait_until(&format!("{name} is too stale"), async || status(&stack, name).await.0 == 503).await;
        let after = began.elapsed();
        assert!(after > stale - Duration::from_secs(1), "{name}: 503 after {after:?}");
        assert!((1..=2).contains(&status(&stack, name).await.1.unwrap()), "{name}");
        let fetches = seen(name) - before;
        // With a TTL of 1 s, the pauses are 0.8 to 1 s, and a few refreshes may have happened before the fault.
        assert!(fetches as f64 <= began.elapsed().as_secs_f64() / 0.75 + 2.0, "{name}: {fetches}");
        table.push(format!("| {name} | 200, then 503 | {} | {fetches} |", seconds(after)));
    }
    println!("| fault | response to clients | first 503 after | fetches until then |\n{}", table.join("\n"));

    for name in &names {
        stack.issuer.answer(&format!("/{name}"), Answer::keys([&key]));
    }
    refusing.up().await;
    // Without traffic.
    all(&stack, &names, "stale", |stale| stale == 0).await;
    for name in &names {
        assert_eq!(status(&stack, name).await.0, 200, "{name}");
    }
    assert!(began.elapsed() < TIMEOUT * 4);
    assert_no_crash(&stack);
}
