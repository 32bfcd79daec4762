//! The fault table: for each fault of an issuer's list, the responses to clients without a list and with a last good
//! one.

use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, shared_key};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::list;
use crate::harness::{Answer, Issuer, Stack, cluster, wait_until};
use crate::keys::{assert_no_crash, issuer, lines};

/// The answers of a faulty issuer, and what the log says about each.
fn answers() -> Vec<(&'static str, Answer, &'static str)> {
    let good = json!({ "items": [{ "jti": "revoked" }] }).to_string();
    let many = json!({ "items": vec![json!({ "jti": "revoked" }); 50_001] }).to_string();
    let three_mib = format!("{good}{}", " ".repeat(3 << 20));
    vec![
        (
            "slow",
            Answer::ok(good.clone()).after(Duration::from_secs(3600)),
            "sent by the issuer, or by Envoy because the issuer did not answer in time",
        ),
        ("dripping", Answer::ok(good.clone()).dripping(), "no answer"),
        ("status_500", Answer::status(500), "status 500"),
        ("unauthorized", Answer::status(401), "status 401"),
        ("redirect", Answer::status(302).header("location", "/good"), "the filter does not follow redirects"),
        ("page", Answer::ok("<html>Sign in</html>").content_type("text/html"), "not valid JSON"),
        ("truncated", Answer::ok(good[..good.len() / 2].to_owned()), "the body ends too early"),
        ("three_mib", Answer::ok(three_mib), "the body has 3145"),
        ("too_many", Answer::ok(many), "the list has more than 50000 items"),
        ("key_set", Answer::ok(r#"{"keys":[]}"#), "the document is not a revocation list"),
        (
            "names_nothing",
            Answer::ok(r#"{"items":[{"jti":"revoked"},{"kid":"x"}]}"#),
            "items[1] names no token",
        ),
        (
            "wrong_type",
            Answer::ok(r#"{"items":[{"jti":5}]}"#),
            "the member jti of items[0] has the wrong type",
        ),
        ("unasked_304", Answer::status(304), "status 304, although the request had no If-None-Match"),
    ]
}

fn path(name: &str) -> String {
    format!("/list_{name}")
}

fn issuer_with_list(name: &str, list_cluster: &str) -> Value {
    issuer(
        name,
        json!({
            "jwks_endpoint": format!("https://{name}.example/keys"),
            "jwks_timeout_ms": 500,
            "revocation_list_endpoint": path(name),
            "revocation_list_cluster": list_cluster,
            "revocation_list_ttl_seconds": 1,
        }),
    )
}

async fn status(stack: &Stack, name: &str, jti: &str) -> (u16, Option<u64>) {
    let token = stack.token().issuer(&format!("https://{name}.example")).claim("jti", jti);
    let answer = stack.get_with("/", &token.sign(&stack.key).unwrap()).await;
    (answer.status, answer.text("retry-after").map(|value| value.parse().unwrap()))
}

async fn figure(stack: &Stack, name: &str, figure: &str) -> u64 {
    stack.envoy.stat(&format!("wasmcustom.jwt_guard.revocation_list.{name}.{figure}")).await
}

/// The lines about the first failure of a list.
fn logged(stack: &Stack, name: &str) -> Vec<String> {
    let words = format!("issuer {name}: fetching the revocation list failed");
    stack.envoy.log().lines().filter(|line| line.contains(&words)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_each_fault_denies_and_with_a_last_good_one_it_stays_in_use() {
    let answers = answers();
    let refusing = Issuer::reserve();
    let names: Vec<&str> = answers.iter().map(|(name, ..)| *name).chain(["down"]).collect();
    let issuers: Vec<Value> = names
        .iter()
        .map(|name| issuer_with_list(name, if *name == "down" { "refused" } else { "issuer" }))
        .collect();
    let mut builder = Stack::builder()
        .plugin(json!({ "issuers": issuers }))
        .workers(2)
        .envoy(|envoy| envoy.clusters = vec![cluster("refused", refusing.address(), false)]);
    for (name, answer, _) in &answers {
        builder = builder.issuer_path(&path(name), answer.clone());
    }
    let keys = Answer::keys([shared_key(Algorithm::Rs256, "first")]);
    let stack = builder.issuer_path("/keys", keys).start().await;

    println!("| fault | without a list | with a last good list |");
    for name in &names {
        wait_until(&format!("{name} failed"), async || figure(&stack, name, "refresh_failed").await >= 1)
            .await;
        let sent = Instant::now();
        let (code, retry_after) = status(&stack, name, "other").await;
        assert_eq!(code, 503, "{name}");
        assert!((1..=12).contains(&retry_after.unwrap()), "{name}: {retry_after:?}");
        assert!(sent.elapsed() < Duration::from_secs(2), "{name}: {:?}", sent.elapsed());
        assert_eq!(figure(&stack, name, "items").await, 0, "{name}");
    }
    for (name, _, words) in &answers {
        let logged = logged(&stack, name);
        assert!(logged.len() == 1 && logged[0].contains(words), "{name}: {logged:?}");
        assert!(logged[0].contains("requests with its tokens get 503"), "{logged:?}");
    }

    // Each list arrives, and then the fault again.
    for (name, ..) in &answers {
        stack.issuer.answer(&path(name), list(&["revoked"]));
    }
    refusing.answer(&path("down"), list(&["revoked"]));
    refusing.up().await;
    for name in &names {
        wait_until(&format!("{name} has a list"), async || status(&stack, name, "other").await.0 == 200)
            .await;
        assert_eq!(status(&stack, name, "revoked").await.0, 401, "{name}");
    }
    let mut failed = vec![];
    for name in &names {
        failed.push(figure(&stack, name, "refresh_failed").await);
    }
    for (name, answer, _) in &answers {
        stack.issuer.answer(&path(name), answer.clone());
    }
    refusing.down().await;
    for (name, failed) in names.iter().zip(failed) {
        wait_until(&format!("{name} failed again"), async || {
            figure(&stack, name, "refresh_failed").await > failed
        })
        .await;
        let last_good = (status(&stack, name, "other").await.0, status(&stack, name, "revoked").await.0);
        assert_eq!(last_good, (200, 401), "{name}");
        println!("| {name} | 503 with Retry-After | other {}, revoked {} |", last_good.0, last_good.1);
        assert_eq!(lines(&stack, &format!("issuer {name}: fetching the revocation list succeeds again")), 0);
    }
    wait_until("a list is stale", async || figure(&stack, "status_500", "stale").await == 1).await;
    assert!(figure(&stack, "status_500", "age_seconds").await >= 1);
    assert_no_crash(&stack);
}

/// After `revocation_list_max_stale_seconds`, the last good list is not used.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_too_old_denies_until_a_new_one_arrives() {
    let members = json!({ "revocation_list_ttl_seconds": 1, "revocation_list_max_stale_seconds": 2 });
    let stack = super::stack_with(members, list(&["revoked"])).workers(2).start().await;
    let good = super::token(&stack, "other");
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    stack.issuer.answer(super::LIST, Answer::status(500));
    let failing = Instant::now();
    wait_until("the list is too old", async || stack.get_with("/", &good).await.status == 503).await;
    println!("a list of 1 s and 2 s stale: denied after {:?}", failing.elapsed());
    assert!(failing.elapsed() > Duration::from_secs(1));
    stack.envoy.logged("fetching the revocation list still fails, and the last good list has expired").await;
    wait_until("the denial is counted", async || stack.denied("no_revocation_list").await >= 1).await;
    stack.issuer.answer(super::LIST, list(&["revoked"]));
    wait_until("a new list", async || stack.get_with("/", &good).await.status == 200).await;
    stack.envoy.logged("fetching the revocation list succeeds again").await;
    assert_no_crash(&stack);
}
