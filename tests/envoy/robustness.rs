//! No request crashes a VM, and no request passes while it waits for keys.

use serde_json::json;

use crate::harness::{Answer, Stack, plugin, plugin_with, wait_until};

/// Asserts that no VM has crashed: a crash would cause a log message and a 503.
async fn assert_no_crash(stack: &Stack) {
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    assert_eq!(stack.get("/").await.status, 401);
    for words in ["panicked", "wasm failed", "Wasm VM failed", "runtime error", "[critical]"] {
        assert!(!stack.envoy.log_contains(words), "the log contains {words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf_8_cause_no_crash() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "routes": [{ "path": "/public/**", "allow_anonymous": true }],
    })))
    .await;
    let bad: &[u8] = b"\xff\xfe\x80";
    for name in [
        "x-test",
        "authorization",
        "cookie",
        "x-request-id",
        "x-forwarded-for",
        "origin",
        "content-type",
        "user-agent",
    ] {
        let answer = stack.request("GET", "/public/a").header(name, bad).send().await;
        assert_eq!(answer.status, 200, "{name}");
        let answer = stack.request("GET", "/private").header(name, bad).send().await;
        assert_eq!(answer.status, 401, "{name}");
    }
    let token = [b"Bearer ", bad].concat();
    assert_eq!(stack.request("GET", "/private").header("authorization", token).send().await.status, 401);
    let path = [b"/public/", bad].concat();
    let refused = stack.request("GET", "/public/a").send().await.status;
    assert_eq!(refused, 200);
    let answer = crate::harness::Request::new(stack.address(), "GET", path).send().await;
    assert_eq!(answer.status, 400, "a path that is not UTF-8 has no path variant");
    let mut raw = stack.connect().await;
    raw.write(b"GET /public/a HTTP/1.1\r\nhost: h\r\nx-\xff: 1\r\n\r\n").await;
    assert!(matches!(raw.response().await.status, 200 | 400));
    assert_no_crash(&stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_request_is_dropped_when_its_client_leaves() {
    let stack = Stack::builder().plugin(plugin()).issuer_answers(Answer::held).start().await;
    let good = stack.good_token();
    let head =
        format!("POST / HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {good}\r\ncontent-length: 5\r\n\r\nab");
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = stack.connect().await;
        client.write(head.as_bytes()).await;
        clients.push(client);
    }
    let waiting = async || stack.envoy.stat("wasmcustom.jwt_guard.waiting").await;
    wait_until("ten requests wait", async || waiting().await == 10).await;
    clients.truncate(5);
    wait_until("five clients have left", async || waiting().await == 5).await;
    stack.issuer.release();
    for client in &mut clients {
        client.write(b"cde").await;
        assert_eq!(client.response().await.status, 200);
    }
    assert_eq!(stack.upstream.count(), 5);
    assert!(stack.upstream.seen().iter().all(|seen| seen.body == b"abcde"), "the bodies arrive complete");
    assert_eq!(waiting().await, 0);
    assert_no_crash(&stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_reaches_the_upstream_while_the_request_waits() {
    for option in [json!({}), json!({ "allow_on_headers_stop_iteration": true })] {
        let stack = Stack::builder()
            .plugin(plugin())
            .issuer_answers(Answer::held)
            .envoy(|envoy| {
                envoy.plugin_options = option.clone();
                envoy.early_header_mutation = false;
            })
            .start()
            .await;
        let post = |token: &str| {
            format!(
                "POST / HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n\
                 5\r\nabcde\r\n0\r\nx-auth-sub: root\r\nx-late: 1\r\n\r\n"
            )
        };
        let mut good = stack.connect().await;
        good.write(post(&stack.good_token()).as_bytes()).await;
        let mut bad = stack.connect().await;
        let foreign = stack.token().audience("nobody").sign(&stack.key).unwrap();
        bad.write(post(&foreign).as_bytes()).await;
        wait_until("both requests wait", async || {
            stack.envoy.stat("wasmcustom.jwt_guard.waiting").await == 2
        })
        .await;
        assert_eq!(stack.upstream.count(), 0, "{option}");
        stack.issuer.release();
        assert_eq!(good.response().await.status, 200, "{option}");
        assert_eq!(bad.response().await.status, 401, "{option}");
        assert_eq!(stack.upstream.count(), 1, "{option}");
        let seen = stack.upstream.last();
        assert_eq!(seen.body, b"abcde", "{option}");
        assert_eq!(seen.all("x-auth-sub"), [b"user-1"], "{option}: the trailer did not change the identity");
        assert!(seen.has("x-late"), "{option}");
        assert_no_crash(&stack).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_are_decided_like_other_requests() {
    let stack = Stack::with_plugin(plugin()).await;
    let handshake = |extra: &str| {
        format!(
            "GET /ws HTTP/1.1\r\nhost: h\r\nconnection: upgrade, x-auth-sub\r\nupgrade: websocket\r\n{extra}\r\n"
        )
    };
    let mut refused = stack.connect().await;
    refused.write(handshake("").as_bytes()).await;
    assert_eq!(refused.response().await.status, 401);
    let mut passes = stack.connect().await;
    passes.write(handshake(&format!("authorization: Bearer {}\r\n", stack.good_token())).as_bytes()).await;
    assert_eq!(passes.response().await.status, 101);
    passes.write(b"ping").await;
    assert_eq!(passes.bytes(4).await, b"ping");
    let seen = stack.upstream.last();
    assert_eq!(seen.header("x-auth-sub"), Some("user-1"));
    assert_eq!(seen.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_clients_get_grpc_statuses() {
    let stack = Stack::builder()
        .plugin(plugin_with(
            json!({ "routes": [{ "path": "/shop.Orders/Delete", "requires_role": "admin" }] }),
        ))
        .envoy(|envoy| envoy.upstream_http2 = true)
        .start()
        .await;
    let mut client = stack.h2().await;
    let bearer = format!("Bearer {}", stack.good_token());
    let good: &[(&str, &[u8])] = &[("authorization", bearer.as_bytes())];
    let passed = client.grpc("/shop.Orders/Get", good, b"message").await;
    assert_eq!((passed.status, passed.trailers["grpc-status"].to_str().unwrap()), (200, "0"));
    let rows: [(&str, &[(&str, &[u8])], &str, &str); 3] = [
        ("/shop.Orders/Get", &[], "16", "Missing or invalid Authorization header"),
        ("/shop.Orders/Get", &[("authorization", b"Bearer x")], "16", "Token is invalid"),
        ("/shop.Orders/Delete", good, "7", "Access to this resource is not permitted"),
    ];
    for (path, headers, code, message) in rows {
        let refused = client.grpc(path, headers, b"message").await;
        assert_eq!(refused.status, 200, "{path}");
        assert_eq!(refused.headers["grpc-status"], code, "{path}");
        let message_text = refused.headers["grpc-message"].to_str().unwrap().replace("%20", " ");
        assert_eq!(message_text, message, "{path}");
    }
    assert_eq!(stack.upstream.count(), 1);
}
