//! Parked requests: the maximum number, more than the maximum, and clients that leave.

use serde_json::json;

use super::{assert_no_crash, made_up, waiting};
use crate::harness::{Answer, Stack, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_wait_for_first_keys_and_the_others_get_retry_after() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "jwks_timeout_ms": 60_000,
            "routes": [{ "path": "/lenient", "allow_missing_or_failed": true }],
        })))
        .issuer_answers(Answer::held)
        .start()
        .await;
    // Half of the tokens are valid, half have made-up kids: those wait for an unknown kid when the first keys arrive.
    let mut connections = vec![];
    for number in 0..1000 {
        let token = if number % 2 == 0 { stack.good_token() } else { made_up(&stack, &number.to_string()) };
        let mut connection = stack.connect().await;
        connection.write(&stack.request("GET", "/").bearer(&token).to_bytes()).await;
        connections.push(connection);
    }
    wait_until("a thousand requests wait", async || waiting(&stack).await == 1000).await;
    for _ in 0..3 {
        let refused = stack.get_with("/", &stack.good_token()).await;
        assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
        assert_eq!(refused.text("retry-after"), Some("1"));
    }
    stack.counted_denied("waiting_full", 3).await;
    let lenient = stack.get_with("/lenient", &stack.good_token()).await;
    assert_eq!(lenient.status, 200, "the request passes without an identity, as the route allows");
    assert_eq!(stack.get("/").await.status, 401, "a request without a token does not wait");

    // Only the first response was held; the refresh for the unknown kids is answered at once.
    stack.issuer.publish([&stack.key]);
    stack.issuer.release();
    for (number, connection) in connections.iter_mut().enumerate() {
        let status = connection.response().await.status;
        assert_eq!(status, if number % 2 == 0 { 200 } else { 401 }, "request {number}");
    }
    assert_eq!(waiting(&stack).await, 0);
    assert_eq!(stack.issuer.fetches(), 2);
    assert_eq!(stack.upstream.count(), 501);
    assert_no_crash(&stack);
}
