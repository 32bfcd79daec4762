//! Revocation lists: the time until a token is refused, faults of the issuer, and the cost of a large list.

mod faults;
mod large;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{Answer, Connection, Stack, StackBuilder, plugin_with, wait_until};
use crate::keys::{assert_no_crash, lines, waiting};

const LIST: &str = "/revocations";

/// A list in the form `{"items": [{"jti": "..."}]}`.
fn list(jtis: &[&str]) -> Answer {
    let items: Vec<Value> = jtis.iter().map(|jti| json!({ "jti": jti })).collect();
    Answer::ok(json!({ "items": items }).to_string())
}

/// A stack with a list at [`LIST`], and further members of the configuration.
fn stack_with(members: Value, answer: Answer) -> StackBuilder {
    let mut plugin = plugin_with(json!({ "revocation_list_endpoint": LIST }));
    plugin.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Stack::builder().plugin(plugin).issuer_path(LIST, answer)
}

fn token(stack: &Stack, jti: &str) -> String {
    stack.token().claim("jti", jti).sign(&stack.key).unwrap()
}

/// A metric of the list of the only issuer.
async fn figure(stack: &Stack, name: &str) -> u64 {
    stack.envoy.stat(&format!("wasmcustom.jwt_guard.revocation_list.issuer_example.{name}")).await
}

/// The status of a request on a connection that stays open, and with it the worker.
async fn status_on(stack: &Stack, connection: &mut Connection, token: &str) -> u16 {
    connection.write(&stack.request("GET", "/").bearer(token).to_bytes()).await;
    connection.response().await.status
}

/// Each worker has the token in its cache. Sixteen connections reach each of three workers, but for one in 200 runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_cached_token_is_refused_in_every_worker_within_the_interval_and_a_second() {
    const TTL: u64 = 3;
    let members = json!({ "revocation_list_ttl_seconds": TTL });
    let stack = stack_with(members, list(&[])).workers(3).start().await;
    let (revoked, other) = (token(&stack, "stolen"), token(&stack, "kept"));
    let mut connections = vec![];
    for _ in 0..16 {
        connections.push(stack.connect().await);
    }
    for connection in &mut connections {
        for token in [&revoked, &revoked, &other] {
            assert_eq!(status_on(&stack, connection, token).await, 200);
        }
    }
    // The issuer may name the token just after a fetch, which is the longest wait.
    let fetched = stack.issuer.count(LIST);
    wait_until("the next fetch", async || stack.issuer.count(LIST) > fetched).await;
    stack.issuer.answer(LIST, list(&["stolen"]));
    let named = Instant::now();
    for (number, connection) in connections.iter_mut().enumerate() {
        while status_on(&stack, connection, &revoked).await != 401 {
            assert!(
                named.elapsed() < Duration::from_secs(TTL + 1),
                "connection {number} still accepts the token"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    println!("a list every {TTL} s: refused by every worker after {:?}", named.elapsed());
    for connection in &mut connections {
        assert_eq!(status_on(&stack, connection, &other).await, 200);
    }
    wait_until("the denials are counted", async || stack.denied("revoked").await >= 16).await;
    assert_eq!(lines(&stack, "fetched a revocation list; items: 1"), 1, "one worker fetches for all");
    assert!(!stack.envoy.log_contains("stolen"), "the log has no jti");

    // A token that is no longer listed is accepted again, and a list without items is a warning.
    stack.issuer.answer(LIST, list(&[]));
    wait_until("the token is accepted again", async || stack.get_with("/", &revoked).await.status == 200)
        .await;
    assert_eq!(lines(&stack, "fetched a revocation list without items, and the list before had 1"), 1);
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_refreshed_with_its_etag_and_needs_no_request() {
    let answer = list(&["a"]).etag("\"v1\"");
    let stack = stack_with(json!({ "revocation_list_ttl_seconds": 1 }), answer).workers(2).start().await;
    wait_until("three fetches", async || stack.issuer.count(LIST) >= 3).await;
    let requests = stack.issuer.requests();
    let validators: Vec<_> = requests
        .iter()
        .filter(|request| request.path == LIST)
        .map(|request| request.headers.get("if-none-match").map(|etag| etag.to_str().unwrap().to_owned()))
        .collect();
    assert_eq!(validators[..2], [None, Some("\"v1\"".to_owned())]);
    assert!(requests.iter().all(|request| request.headers.get("authorization").is_none()));
    assert_eq!(stack.get_with("/", &token(&stack, "a")).await.status, 401);
    assert_eq!(stack.get_with("/", &token(&stack, "b")).await.status, 200);
    assert_eq!((figure(&stack, "items").await, figure(&stack, "refresh_failed").await), (1, 0));
    assert!(figure(&stack, "age_seconds").await <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_for_the_first_list() {
    let stack = stack_with(json!({}), list(&["a"]).held()).start().await;
    let mut connections = [stack.connect().await, stack.connect().await];
    for (connection, jti) in connections.iter_mut().zip(["a", "b"]) {
        connection.write(&stack.request("GET", "/").bearer(&token(&stack, jti)).to_bytes()).await;
    }
    wait_until("both requests wait", async || waiting(&stack).await == 2).await;
    assert_eq!(stack.get("/").await.status, 401, "a request without a token does not wait");
    assert_eq!(stack.get_with("/", "garbage").await.status, 401, "a malformed token does not wait");
    wait_until("the fetch arrived", async || stack.issuer.count(LIST) == 1).await;
    stack.issuer.release();
    assert_eq!(connections[0].response().await.status, 401);
    assert_eq!(connections[1].response().await.status, 200);
    assert_eq!((waiting(&stack).await, stack.upstream.count()), (0, 1));
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_fetched_with_the_token_in_the_environment() {
    let secret = "s3cret-token";
    // Envoy has the variable, and a VM gets it only if its configuration names it.
    let with = |variables: Value| {
        let members = json!({ "revocation_list_token_env": "LIST_TOKEN" });
        stack_with(members, list(&["a"])).envoy(move |envoy| {
            envoy.environment = vec![("LIST_TOKEN".to_owned(), secret.to_owned())];
            envoy.vm_options = json!({ "environment_variables": variables });
        })
    };
    for variables in
        [json!({ "key_values": { "LIST_TOKEN": secret } }), json!({ "host_env_keys": ["LIST_TOKEN"] })]
    {
        let stack = with(variables).start().await;
        assert_eq!(stack.get_with("/", &token(&stack, "a")).await.status, 401);
        let requests = stack.issuer.requests();
        let fetch = requests.iter().find(|request| request.path == LIST).unwrap();
        assert_eq!(fetch.headers["authorization"], format!("Bearer {secret}"));
        let keys = requests.iter().find(|request| request.path != LIST).unwrap();
        assert_eq!(keys.headers.get("authorization"), None, "the keys are fetched without it");
        assert!(!stack.envoy.log_contains(secret));
    }
    for variables in [json!({}), json!({ "key_values": { "LIST_TOKEN": "" } })] {
        let refused = with(variables).start_rejected().await;
        let words = "revocation_list_token_env: the environment variable LIST_TOKEN";
        assert!(refused.log.contains(words) && !refused.log.contains(secret), "{}", refused.tail());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_fail_open_passes_and_counts() {
    let members = json!({ "revocation_list_fail_open": true, "revocation_list_ttl_seconds": 1 });
    let stack = stack_with(members, Answer::status(500)).workers(2).start().await;
    wait_until("the first fetch failed", async || figure(&stack, "refresh_failed").await >= 1).await;
    let sent = Instant::now();
    for _ in 0..4 {
        assert_eq!(stack.get_with("/", &token(&stack, "a")).await.status, 200);
    }
    assert!(sent.elapsed() < Duration::from_secs(2), "no request waits: {:?}", sent.elapsed());
    stack.counted_would_deny("no_revocation_list", 4).await;
    stack.envoy.counted("wasmcustom.jwt_guard.revocation_list.issuer_example.fail_open", 4).await;
    stack.envoy.logged("because of revocation_list_fail_open revoked tokens pass").await;
    assert!(lines(&stack, "would deny: reason=no_revocation_list") > 0);
    stack.issuer.answer(LIST, list(&["a"]));
    wait_until("the list arrives", async || stack.get_with("/", &token(&stack, "a")).await.status == 401)
        .await;
}
