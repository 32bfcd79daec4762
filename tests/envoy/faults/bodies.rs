//! Bodies of denied or parked requests, and clients that leave.

use hyper::HeaderMap;
use serde_json::json;

use super::{policy, waiting};
use crate::harness::{Answer, Stack, wait_until};
use crate::outcome::assert_no_crash;

const LARGE: usize = 10 << 20;

/// The response is sent before the body arrives, and the connection is closed cleanly or stays usable.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_request_is_answered_before_its_body_arrives() {
    // How long Envoy waits for the client to close the connection.
    let close_timeout = json!({ "delayed_close_timeout": "0.2s" });
    let builder = Stack::builder().plugin(policy(json!({})));
    let stack = builder.envoy(|envoy| envoy.connection_manager = close_timeout).start().await;
    for (path, status) in [("/orders", 401), ("/closed", 403), ("/a%zz", 400)] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: {LARGE}\r\n\r\n");
        let mut client = stack.connect().await;
        client.write(head.as_bytes()).await;
        client.write(b"the first of it").await;
        let refused = client.response().await;
        assert_eq!(refused.status, status, "{path}");
        // Envoy does not read ten MiB of an unneeded body: it announces the close and closes.
        assert_eq!(refused.text("connection"), Some("close"), "{path}");
        assert!(client.closes().await, "{path}: left open");

        // All at once, like a client that does not read before it has sent everything.
        let mut client = stack.connect().await;
        client.write_or_closed(head.as_bytes()).await;
        client.write_or_closed(&vec![b'x'; LARGE]).await;
        assert!(client.closes().await, "{path}: left open");
    }
    // A small request is denied before Envoy has read its body. Envoy closes the connection or keeps it, as announced.
    let mut client = stack.connect().await;
    let bearer = stack.good_token();
    for _ in 0..3 {
        client.write(&stack.request("POST", "/orders").body("small").to_bytes()).await;
        let refused = client.response().await;
        assert_eq!(refused.status, 401);
        if refused.text("connection") == Some("close") {
            assert!(client.closes().await);
            client = stack.connect().await;
        }
        client.write(&stack.request("POST", "/orders").bearer(&bearer).body("small").to_bytes()).await;
        assert_eq!(client.response().await.status, 200);
    }
    assert_eq!(stack.upstream.count(), 3);
    assert!(stack.upstream.seen().iter().all(|seen| seen.body == b"small"));

    // Over HTTP/2, the body of one stream does not affect other streams.
    let client = stack.h2().await;
    let large = vec![b'x'; LARGE];
    let bearer = format!("Bearer {bearer}");
    let refused =
        async |_| client.clone().send("POST", "/orders", &[], &large, HeaderMap::new()).await.status;
    let passed = async || {
        let good: &[(&str, &[u8])] = &[("authorization", bearer.as_bytes())];
        client.clone().send("POST", "/orders", good, &large, HeaderMap::new()).await
    };
    let (first, answer, second) = tokio::join!(refused(1), passed(), refused(2));
    assert_eq!((first, answer.status, second), (401, 200, 401));
    assert_eq!(stack.upstream.count(), 4);
    assert_eq!(stack.upstream.last().body.len(), LARGE);
    assert_no_crash(&stack);
}

/// A request is parked with a larger body than Envoy buffers. Envoy stops reading, and the complete body is forwarded
/// with the request. If Envoy calls the filter for each piece of the body, Envoy answers with 413. A request is never
/// forwarded without its body.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_parked_with_its_request_or_is_too_large() {
    for (option, status) in [(json!({}), 200), (json!({ "allow_on_headers_stop_iteration": true }), 413)] {
        let stack = Stack::builder()
            .plugin(policy(json!({ "jwks_timeout_ms": 60_000 })))
            .issuer_answers(Answer::held)
            .envoy(|envoy| envoy.plugin_options = option)
            .start()
            .await;
        let bearer = stack.good_token();
        let sized = |length: usize| stack.request("POST", "/orders").bearer(&bearer).body(vec![b'x'; length]);
        let mut fits = stack.connect().await;
        fits.write(&sized(100 << 10).to_bytes()).await;
        wait_until("it waits", async || waiting(&stack).await == 1).await;
        let request = sized(LARGE).to_bytes();
        let mut client = stack.connect().await;
        let large = tokio::spawn(async move {
            client.write_or_closed(&request).await;
            match client.is_answered().await {
                true => client.response().await.status,
                // Envoy closed while the client was still sending: the response may be lost with a reset.
                false => 413,
            }
        });
        if status == 413 {
            wait_until("it is too large", async || {
                stack.envoy.stat("http.http.downstream_rq_too_large").await == 1
            })
            .await;
            assert_eq!(waiting(&stack).await, 1);
        } else {
            wait_until("both wait", async || waiting(&stack).await == 2).await;
        }
        assert_eq!(stack.upstream.count(), 0);
        stack.issuer.release();
        assert_eq!(fits.response().await.status, 200);
        assert_eq!(large.await.unwrap(), status);
        let mut lengths: Vec<_> = stack.upstream.seen().iter().map(|seen| seen.body.len()).collect();
        lengths.sort_unstable();
        assert_eq!(lengths, if status == 200 { vec![100 << 10, LARGE] } else { vec![100 << 10] });
        assert_eq!(waiting(&stack).await, 0);
        assert_no_crash(&stack);
    }
}

/// Clients leave by a stream reset or by closing the connection, before, during and after the body, and as an upgrade.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_parked_leaves_nothing_behind() {
    let stack = Stack::builder().plugin(policy(json!({}))).issuer_answers(Answer::held).start().await;
    let bearer = stack.good_token();
    let shared = stack.h2().await;
    let stays = shared.get_later("/orders", &bearer);
    let mut leaving = vec![];
    for _ in 0..100 {
        leaving.push(shared.get_later("/orders", &bearer));
    }
    let mut connections = vec![];
    for rest in ["content-length: 0\r\n\r\n", "content-length: 5\r\n\r\nab", "content-length: 2\r\n\r\nab"] {
        let mut client = stack.connect().await;
        let head = format!("POST /orders HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {bearer}\r\n{rest}");
        client.write(head.as_bytes()).await;
        connections.push(client);
    }
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\nauthorization: Bearer {bearer}\r\n\r\n"
    );
    let mut left = stack.connect().await;
    left.write(handshake.as_bytes()).await;
    connections.push(left);
    let mut upgraded = stack.connect().await;
    upgraded.write(handshake.as_bytes()).await;
    wait_until("they wait", async || waiting(&stack).await == 106).await;
    for request in leaving {
        request.abort();
    }
    drop(connections);
    wait_until("two stay", async || waiting(&stack).await == 2).await;
    stack.issuer.release();
    assert_eq!(stays.await.unwrap(), 200);
    assert_eq!(upgraded.response().await.status, 101);
    upgraded.write(b"ping").await;
    assert_eq!(upgraded.bytes(4).await, b"ping");
    assert_eq!(waiting(&stack).await, 0);
    assert_eq!(stack.upstream.count(), 2, "only the remaining requests were forwarded");
    assert_no_crash(&stack);
}
