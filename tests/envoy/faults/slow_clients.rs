//! Clients that send one byte at a time.

use std::time::Duration;

use serde_json::json;

use super::{Load, assert_right, kinds, policy};
use crate::harness::{Connection, Stack};
use crate::outcome::assert_no_crash;

/// Sends one byte at a time, with pauses, so that each byte is a separate packet.
async fn drip(stack: &Stack, bytes: &[u8]) -> Connection {
    let mut client = stack.connect().await;
    for byte in bytes {
        client.write_or_closed(std::slice::from_ref(byte)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_is_decided_like_a_fast_one_and_delays_no_other() {
    let stack = Stack::with_plugin(policy(json!({}))).await;
    let load = Load::start(&kinds(&stack), 4);
    let good = stack.good_token();
    let slow = |method: &str, path: &str, token: Option<&str>| {
        let request = stack.request(method, path).header("x-auth-sub", "root");
        let request = if let Some(token) = token { request.bearer(token) } else { request };
        request.to_bytes()
    };
    // A slow head.
    let rows = [
        (slow("GET", "/slow", Some(&good)), 200),
        (slow("GET", "/slow", None), 401),
        (slow("GET", "/slow", Some(&good[..good.len() - 4])), 401),
        (slow("GET", "/admin/slow", Some(&good)), 403),
        (slow("GET", "/public/slow", None), 200),
    ];
    let all = rows.map(|(request, status)| {
        let stack = &stack;
        async move { assert_eq!(drip(stack, &request).await.response().await.status, status) }
    });
    let [a, b, c, d, e] = all;
    // A fast head and a slow body: the decision is made with the head.
    let body = async |token: &str, status: u16| {
        let head = format!(
            "POST /slow HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\ncontent-length: 200\r\n\r\n"
        );
        let mut client = stack.connect().await;
        client.write(head.as_bytes()).await;
        if status == 401 {
            assert_eq!(client.response().await.status, 401);
        }
        for _ in 0..200 {
            client.write_or_closed(b"x").await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if status == 200 {
            assert_eq!(client.response().await.status, 200);
        }
    };
    // Slow trailers, with an identity header among them.
    let trailers = async {
        let request = format!(
            "POST /slow HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {good}\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nab\r\n0\r\nx-auth-sub: root\r\nx-late: 1\r\n\r\n"
        );
        assert_eq!(drip(&stack, request.as_bytes()).await.response().await.status, 200);
    };
    // A client that never finishes its request and leaves.
    let leaver = async {
        let request = slow("GET", "/slow", Some(&good));
        drop(drip(&stack, &request[..request.len() - 2]).await);
    };
    tokio::join!(a, b, c, d, e, body(&good, 200), body("a.b.c", 401), trailers, leaver);
    let tally = load.stop().await;
    println!("{} requests meanwhile", tally.all());
    assert!(tally.all() > 200);
    assert_right(&stack, &tally);
    let seen = stack.upstream.seen();
    let slow: Vec<_> = seen.iter().filter(|seen| seen.path.ends_with("/slow")).collect();
    assert_eq!(slow.len(), 4);
    assert!(slow.iter().all(|seen| seen.method == "GET" || [2, 200].contains(&seen.body.len())));
    let late = slow.iter().find(|seen| seen.has("x-late")).unwrap();
    assert!(late.trailers.iter().all(|(name, _)| name != "x-auth-sub"));
    assert_no_crash(&stack);
}
