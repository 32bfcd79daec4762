//! Tests of the harness: requests, counters and rejected starts. Most of them run without the filter, so that a failure
//! points to the harness.

use std::time::Duration;

use hyper::HeaderMap;
use jwt_guard_testkit::mint::SUBJECT;
use serde_json::json;

use crate::harness::{
    Answer, ConfigAs, JWKS_PATH, Stack, expect_rejected_start, plugin, plugin_with, wait_until,
};

#[tokio::test(flavor = "multi_thread")]
async fn requests_arrive_as_sent() {
    let stack = Stack::builder().start().await;

    let answer = stack.request("POST", "/a?b=c").header("x-test", [b'v', 0xff]).body("four").send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text("content-type"), Some("application/json"));
    assert_eq!((&answer.json()["path"], &answer.json()["body_length"]), (&json!("/a?b=c"), &json!(4)));

    let seen = stack.upstream.last();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/a?b=c"));
    assert_eq!(seen.all("x-test"), [&[b'v', 0xff]]);
    assert_eq!(seen.header("host"), Some("api.example"));
    assert_eq!(seen.body, b"four");

    assert_eq!(stack.request("HEAD", "/").send().await.body, b"");
    assert_eq!(stack.upstream.count(), 2);
    assert_eq!(stack.envoy.stat("http.http.downstream_rq_2xx").await, 2);
    wait_until("both requests are in the access log", async || stack.envoy.access_log().len() == 2).await;
    assert_eq!(stack.envoy.access_log()[0], "POST /a?b=c 200 via_upstream");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_raw_bytes_and_several_answers() {
    let stack = Stack::builder().start().await;
    let mut connection = stack.connect().await;
    let chunked =
        b"POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-late: 1\r\n\r\n";
    connection.write(chunked).await;
    assert_eq!(connection.response().await.status, 200);
    let seen = stack.upstream.last();
    assert_eq!(seen.body, b"ab");
    assert_eq!(seen.trailers, [("x-late".to_owned(), b"1".to_vec())]);
    assert!(seen.has("x-late"));

    connection.write(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(connection.response().await.status, 400);
    assert!(connection.closes().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_connection_echoes() {
    let stack = Stack::builder().start().await;
    let mut connection = stack.connect().await;
    connection
        .write(b"GET /ws HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        .await;
    assert_eq!(connection.response().await.status, 101);
    connection.write(&[0x81, 0x00, 0xff]).await;
    assert_eq!(connection.bytes(3).await, [0x81, 0x00, 0xff]);
    assert_eq!(stack.upstream.last().header("upgrade"), Some("websocket"));
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_trailers_pass_over_http_2() {
    let stack = Stack::builder().envoy(|envoy| envoy.upstream_http2 = true).start().await;
    let mut client = stack.h2().await;

    let answer = client.grpc("/shop.Orders/Get", &[("x-test", b"\xc3\xa9")], b"message").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.trailers["grpc-status"], "0");
    assert_eq!(&answer.body[5..], b"message");
    assert_eq!(stack.upstream.last().all("x-test"), [b"\xc3\xa9"]);
    assert_eq!(stack.upstream.last().version, hyper::Version::HTTP_2);

    let trailers = HeaderMap::from_iter([("x-late".parse().unwrap(), "1".parse().unwrap())]);
    client.send("POST", "/", &[], b"ab", trailers).await;
    assert_eq!(stack.upstream.last().trailers, [("x-late".to_owned(), b"1".to_vec())]);
}

/// A second route leads to the issuer, so that requests reach the issuer through Envoy.
#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_gives_the_configured_responses() {
    let stack = Stack::builder()
        .issuer_down()
        .envoy(|envoy| {
            envoy.routes.push(json!({ "match": { "path": JWKS_PATH }, "route": { "cluster": "issuer" } }));
        })
        .start()
        .await;
    let ask = || stack.get(JWKS_PATH);

    assert_eq!(ask().await.status, 503);
    assert_eq!(stack.issuer.fetches(), 0);

    stack.issuer.up().await;
    assert_eq!(ask().await.json()["keys"][0]["kid"], "first");

    stack.issuer.answer(JWKS_PATH, Answer::status(418).header("x-why", "test"));
    let teapot = ask().await;
    assert_eq!((teapot.status, teapot.text("x-why")), (418, Some("test")));

    stack.issuer.answer(JWKS_PATH, Answer::ok("late").after(Duration::from_millis(1)).held());
    let waiting = tokio::spawn(stack.request("GET", JWKS_PATH).send());
    wait_until("the held request is there", async || stack.issuer.fetches() == 3).await;
    assert!(!waiting.is_finished());
    stack.issuer.release();
    assert_eq!(waiting.await.unwrap().body, b"late");

    stack.issuer.down().await;
    assert_eq!(ask().await.status, 503);
    stack.issuer.up().await;
    stack.issuer.publish([]);
    assert_eq!(ask().await.json(), json!({ "keys": [] }));
    assert_eq!(stack.issuer.requests()[0].path, JWKS_PATH);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_start_gives_the_reason() {
    let broken = json!({ "match": { "path": "/x" }, "route": { "cluster": "nowhere" } });
    let refused = Stack::builder().envoy(|envoy| envoy.routes.push(broken)).start_rejected().await;
    assert!(refused.log.contains("unknown cluster 'nowhere'"), "{}", refused.tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_serve() {
    let stack = Stack::builder().workers(2).start().await;
    assert_eq!(stack.get("/").await.status, 200);
    assert_eq!(stack.envoy.stat("server.concurrency").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_module_serves_in_both_forms_of_its_configuration() {
    for form in [ConfigAs::Struct, ConfigAs::Text] {
        let stack = Stack::builder().plugin(plugin()).config_as(form).start().await;
        let refused = stack.get("/").await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "missing_token"));
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
        assert_eq!(stack.upstream.last().header("x-auth-sub"), Some(SUBJECT));
        assert_eq!(stack.upstream.count(), 1);
        assert_eq!(stack.issuer.fetches(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_module_rejects_an_invalid_configuration() {
    expect_rejected_start(plugin_with(json!({ "isuer": "typo" })), &["isuer"]).await;
}

/// CONTRIBUTING.md shows this test: change both.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_passes_and_the_upstream_receives_the_identity() {
    let routes = json!([{ "path": "/admin/**", "requires_role": "admin" }]);
    let stack = Stack::with_plugin(plugin_with(json!({ "routes": routes }))).await;

    assert_eq!(stack.get_with("/admin/users", &stack.good_token()).await.status, 403);

    let admin = stack.token().claim("roles", vec!["admin"]).sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/admin/users", &admin).await.status, 200);
    assert_eq!(stack.upstream.last().header("x-auth-roles"), Some("admin"));
}
