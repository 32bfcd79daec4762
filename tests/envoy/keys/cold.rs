//! The first keys: one fetch for the process, and requests before it wait.

use std::time::Duration;

use serde_json::json;

use super::{assert_no_crash, waiting};
use crate::harness::{Answer, NameServer, Stack, plugin, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_cold_requests_on_four_workers_cause_one_fetch() {
    let stack = Stack::builder().plugin(plugin()).issuer_answers(Answer::held).workers(4).start().await;
    let refused = stack.token().audience("nobody").sign(&stack.key).unwrap();
    let good = stack.good_token();
    let requests: Vec<_> = (0..200)
        .map(|number| {
            let (token, status) = if number % 10 == 0 { (&refused, 401) } else { (&good, 200) };
            (tokio::spawn(stack.request("GET", "/").bearer(token).send()), status)
        })
        .collect();
    wait_until("all requests wait", async || waiting(&stack).await == 200).await;
    assert_eq!(stack.upstream.count(), 0);
    stack.issuer.release();
    for (request, status) in requests {
        assert_eq!(request.await.unwrap().status, status);
    }
    assert_eq!(stack.issuer.fetches(), 1);
    assert_eq!(waiting(&stack).await, 0);
    assert_no_crash(&stack);
}

/// With any behaviour of the issuer. (In report-only mode no request waits: see unknown_kids.)
#[tokio::test(flavor = "multi_thread")]
async fn no_request_waits_longer_than_the_timeout() {
    let plugin = plugin_with(json!({ "jwks_timeout_ms": 700 }));
    let stack = Stack::builder().plugin(plugin).issuer_answers(Answer::held).start().await;
    let good = stack.good_token();
    for _ in 0..3 {
        let started = tokio::time::Instant::now();
        let refused = stack.get_with("/", &good).await;
        let waited = started.elapsed();
        assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
        assert!(refused.text("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        // The margin allows for other load on the machine.
        assert!(waited < Duration::from_millis(1500), "the request waited {waited:?}");
    }
}

/// Envoy creates the plugin before the name server has answered. An early fetch would fail, and its backoff would delay
/// all requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_name_server_at_the_start_causes_no_503() {
    let names = NameServer::start(Duration::from_secs(3)).await;
    let stack = Stack::builder()
        .plugin(plugin())
        .workers(2)
        .envoy(|envoy| envoy.issuer_dns = Some(names.address()))
        .start()
        .await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    assert!(names.queries() > 0);
    assert_eq!(stack.issuer.fetches(), 1);
    assert_no_crash(&stack);
}
