//! A thousand streams at once over a few HTTP/2 connections.

use hyper::HeaderMap;
use serde_json::json;

use super::{policy, waiting};
use crate::harness::{Answer, H2Response, Stack, StackBuilder, wait_until};
use crate::outcome::assert_no_crash;

const STREAMS: usize = 1000;

fn builder() -> StackBuilder {
    let many = json!({ "max_concurrent_streams": 1000 });
    Stack::builder().plugin(policy(json!({ "jwks_timeout_ms": 60_000 }))).envoy(|envoy| {
        envoy.connection_manager = json!({ "http2_protocol_options": many });
    })
}

/// The pending responses of all streams, each with its own token, path and body.
struct Streams {
    streams: Vec<tokio::task::JoinHandle<(usize, u16, H2Response)>>,
}

impl Streams {
    async fn start(stack: &Stack) -> Self {
        let sign = |token: jwt_guard_testkit::mint::Token| token.sign(&stack.key).unwrap();
        let foreign = sign(stack.token().audience("nobody"));
        let rows: Vec<(String, u16, &str)> = vec![
            (sign(stack.token().subject("user-1")), 200, "/orders"),
            (sign(stack.token().subject("user-2")), 200, "/orders"),
            (sign(stack.token().subject("user-3").claim("roles", json!(["admin"]))), 200, "/admin"),
            (sign(stack.token().subject("user-4")), 403, "/admin"),
            (foreign, 401, "/orders"),
        ];
        let mut clients = vec![];
        for _ in 0..4 {
            clients.push(stack.h2().await);
        }
        let streams = (0..STREAMS).map(|number| {
            let mut client = clients[number % clients.len()].clone();
            let (token, status, path) = rows[number % rows.len()].clone();
            tokio::spawn(async move {
                let bearer = format!("Bearer {token}");
                let path = format!("{path}/{number}");
                let body = body(number);
                let headers: [(&str, &[u8]); 2] =
                    [("authorization", bearer.as_bytes()), ("x-auth-sub", b"root")];
                (number, status, client.send("POST", &path, &headers, &body, HeaderMap::new()).await)
            })
        });
        Self { streams: streams.collect() }
    }

    /// Asserts that each stream got its own response, and each allowed stream reached the upstream with its own body
    /// and identity.
    async fn assert_right(self, stack: &Stack) {
        for stream in self.streams {
            let (number, status, answer) = stream.await.unwrap();
            assert_eq!(answer.status, status, "stream {number}: {:?}", answer.body);
            if status == 200 {
                let echo: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                assert!(echo["path"].as_str().unwrap().ends_with(&format!("/{number}")), "{echo}");
                assert_eq!(echo["body_length"], body(number).len());
            }
        }
        let seen = stack.upstream.seen();
        assert_eq!(seen.len(), STREAMS * 3 / 5);
        for seen in seen {
            let number: usize = seen.path.rsplit('/').next().unwrap().parse().unwrap();
            assert_eq!(seen.header("x-auth-sub"), Some(format!("user-{}", number % 5 + 1).as_str()));
            assert_eq!(seen.body, body(number), "stream {number}");
        }
    }
}

/// A body whose length and content depend on the number of the stream.
fn body(number: usize) -> Vec<u8> {
    format!("{number},").repeat(number % 300 + 1).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_get_their_own_responses() {
    let stack = builder().workers(2).start().await;
    wait_until("the keys are fetched", async || {
        stack.envoy.stat("wasmcustom.jwt_guard.jwks.issuer_example.keys").await == 1
    })
    .await;
    Streams::start(&stack).await.assert_right(&stack).await;
    assert_eq!(waiting(&stack).await, 0);
    assert_eq!(stack.issuer.fetches(), 1);
    assert_no_crash(&stack);
}

/// All streams are parked with their bodies in two workers; then the keys arrive.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parked_streams_get_their_own_responses() {
    let stack = builder().workers(2).issuer_answers(Answer::held).start().await;
    let streams = Streams::start(&stack).await;
    wait_until("all wait", async || waiting(&stack).await == STREAMS as u64).await;
    assert_eq!(stack.upstream.count(), 0);
    stack.issuer.release();
    streams.assert_right(&stack).await;
    assert_eq!(waiting(&stack).await, 0);
    assert_eq!(stack.issuer.fetches(), 1);
    assert_eq!(stack.envoy.stat("wasmcustom.jwt_guard.denied.waiting_full").await, 0);
    assert_no_crash(&stack);
}
