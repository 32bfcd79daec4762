//! Paths in the spelling of ordinary clients, including gRPC, need only their own route; classes of path variants can
//! be skipped.

use serde_json::{Value, json};

use crate::harness::{Request, Stack, plugin_with};

fn routes() -> Value {
    json!([
        { "path": "/grpc.health.v1.Health/Check", "methods": "POST", "allow_anonymous": true },
        { "path": "/shop.Orders/Get", "requires_role": "clerk" },
        { "path": "/api/forgotPassword", "allow_anonymous": true },
        { "path": "/café/**", "allow_anonymous": true },
        { "path": "/my docs/**", "allow_anonymous": true },
        { "path": "/orders/{id}", "requires_role": "admin" },
        { "path": "/orders/myOrders", "allow_authenticated": true },
        { "path": "/ws/liveFeed", "allow_authenticated": true, "token_from": { "query": "access_token" } },
        { "path": "/legacyApp/**", "allow_authenticated": true, "forward_token": true },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_pass_in_the_spelling_that_clients_send() {
    let stack = Stack::with_plugin(plugin_with(json!({ "routes": routes() }))).await;
    let good = stack.good_token();
    for path in [
        "/api/forgotPassword",
        "/api/forgotPassword?next=%2FA",
        "/caf%C3%A9/menu",
        "/caf%c3%a9",
        "/my%20docs/a",
        "/my%20docs/A%20b",
    ] {
        assert_eq!(stack.get(path).await.status, 200, "{path}");
    }
    assert_eq!(stack.get_with("/orders/myOrders", &good).await.status, 200);
    assert_eq!(stack.get(&format!("/ws/liveFeed?access_token={good}")).await.status, 200);
    assert_eq!(stack.upstream.last().path, "/ws/liveFeed", "the token is removed from the query");
    assert_eq!(stack.get_with("/legacyApp/x", &good).await.status, 200);
    assert!(stack.upstream.last().has("authorization"), "the route forwards its token");
    assert_eq!(stack.issuer.fetches(), 1);

    for (path, status) in [
        ("/api/forgotpassword", 401),
        ("/API/forgotPassword", 401),
        ("/CAF%C3%89/menu", 401),
        ("/caf%C3%A9%2F..%2Forders", 401),
        ("/my%2520docs/a", 401),
    ] {
        assert_eq!(stack.get(path).await.status, status, "{path}");
    }
    for path in ["/orders/MYORDERS", "/orders/myorders", "/orders/7"] {
        assert_eq!(stack.get_with(path, &good).await.status, 403, "{path}");
    }
    stack.envoy.logged("reason=role detail=\"a required role is missing\" rule=routes[5]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_methods_pass_in_their_own_spelling() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "routes": routes() })))
        .envoy(|envoy| envoy.upstream_http2 = true)
        .start()
        .await;
    let mut client = stack.h2().await;
    let answer = client.grpc("/grpc.health.v1.Health/Check", &[], b"").await;
    assert_eq!(answer.trailers["grpc-status"], "0");
    let clerk = stack.token().claim("role", "clerk").sign(&stack.key).unwrap();
    let bearer = format!("Bearer {clerk}");
    let answer = client.grpc("/shop.Orders/Get", &[("authorization", bearer.as_bytes())], b"").await;
    assert_eq!(answer.trailers["grpc-status"], "0");
    // UNAUTHENTICATED, as a status without a message.
    for path in ["/shop.Orders/Get", "/grpc.health.v1.health/Check", "/grpc.health.v1.Health/Watch"] {
        assert_eq!(client.grpc(path, &[], b"").await.headers["grpc-status"], "16", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_class_passes_and_the_log_names_the_class_of_a_denial() {
    let configuration = |skipped: Value| {
        plugin_with(json!({
            "skip_readings": skipped,
            "default_policy": { "allow_anonymous": true },
            "routes": [{ "path": "/projects/{id}/secret", "requires_role": "admin" }],
        }))
    };
    let stack = Stack::with_plugin(configuration(json!([]))).await;
    assert_eq!(stack.get("/projects/group%2Fname/Secrets").await.status, 200);
    assert_eq!(stack.get("/projects%2F7/secret").await.status, 401);
    stack
        .envoy
        .logged("rule=routes[0] reading=\"GET /projects/7/secret\" reading_classes=encoded_slash")
        .await;
    assert_eq!(stack.get("/x/..%2Fprojects/7/Secret").await.status, 401);
    stack.envoy.logged("reading_classes=encoded_slash,dot_segments,letter_case").await;

    let stack = Stack::with_plugin(configuration(json!(["encoded_slash"]))).await;
    assert_eq!(stack.get("/projects%2F7/secret").await.status, 200);
    assert_eq!(stack.upstream.last().path, "/projects%2F7/secret");
    for path in
        ["/projects/7/secret", "/projects/7/SECRET", "/projects%252F7/secret", "/projects/7/secret%2F"]
    {
        let expected = if path.ends_with("%2F") { 200 } else { 401 };
        assert_eq!(stack.get(path).await.status, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn route_metadata_works_for_grpc_if_letter_case_is_skipped() {
    let route = |prefix: &str, says: Value| {
        json!({
            "match": { "prefix": prefix }, "route": { "cluster": "upstream" },
            "metadata": { "filter_metadata": { "jwt_guard": says } },
        })
    };
    for (skipped, status) in [(json!([]), 400), (json!(["letter_case"]), 200)] {
        let stack = Stack::builder()
            .plugin(plugin_with(json!({ "skip_readings": skipped })))
            .envoy(|envoy| {
                envoy.routes = vec![
                    route("/shop.Orders/", json!({ "allow_anonymous": true })),
                    route("/", json!({ "requires_role": "admin" })),
                ];
            })
            .start()
            .await;
        let post = |path: &str| Request::new(stack.address(), "POST", path).send();
        assert_eq!(post("/shop.Orders/Get").await.status, status);
        if status == 400 {
            stack
                .envoy
                .logged("the path has another variant by letter_case, and route metadata decides")
                .await;
        }
        assert_eq!(post("/shop.Orders/../admin").await.status, 400);
        assert_eq!(post("/shop.Orders/%2e%2e/admin").await.status, 400);
    }
}
