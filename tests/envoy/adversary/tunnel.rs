//! Requests without a path: CONNECT, and `OPTIONS *`.

use serde_json::{Value, json};

use crate::harness::{Stack, plugin_with, wait_until};

/// A tunnel has no path, so it matches no route and the default policy applies: a route for `/**` does not allow it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_is_under_the_default_policy() {
    let connect_route = |name: &str, metadata: Value| {
        let hosts = json!({ "name": ":authority", "string_match": { "prefix": name } });
        let mut route = json!({
            "match": { "connect_matcher": {}, "headers": [hosts] }, "route": { "cluster": "upstream" },
        });
        if !metadata.is_null() {
            route["metadata"] = json!({ "filter_metadata": { "jwt_guard": metadata } });
        }
        route
    };
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "routes": [{ "path": "/**", "allow_anonymous": true }] })))
        .envoy(|envoy| {
            envoy.connection_manager = json!({
                "upgrade_configs": [{ "upgrade_type": "websocket" }, { "upgrade_type": "CONNECT" }],
            });
            envoy.routes = vec![
                connect_route("open", json!({ "allow_anonymous": true })),
                connect_route("closed", json!({ "deny": true })),
                connect_route("h.", Value::Null),
            ];
        })
        .start()
        .await;
    for (target, token, status) in [
        ("h.example:443", false, Some(401)),
        ("h.example:443", true, None),
        ("closed.example:443", true, Some(403)),
        ("open.example:443", false, None),
    ] {
        let before = stack.upstream.count();
        let bearer =
            if token { format!("authorization: Bearer {}\r\n", stack.good_token()) } else { String::new() };
        let mut connection = stack.connect().await;
        connection
            .write(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{bearer}\r\n").as_bytes())
            .await;
        match status {
            Some(status) => {
                assert_eq!(connection.response().await.status, status, "{target}");
                assert_eq!(stack.upstream.count(), before, "{target}");
            }
            None => {
                wait_until("the request reaches the upstream", async || stack.upstream.count() == before + 1)
                    .await;
                assert_eq!(stack.upstream.last().method, "CONNECT");
            }
        }
    }
    assert_eq!(stack.get("/x").await.status, 200);
}

/// Envoy itself answers `OPTIONS *` before any filter runs.
#[tokio::test(flavor = "multi_thread")]
async fn an_asterisk_is_refused_by_envoy_before_any_filter() {
    let open = plugin_with(json!({ "default_policy": { "allow_anonymous": true } }));
    let closed = plugin_with(json!({ "default_policy": { "deny": true } }));
    for plugin in [None, Some(open), Some(closed)] {
        let stack = Stack::builder()
            .envoy(|envoy| {
                envoy.plugin = plugin;
                envoy.early_header_mutation = false;
            })
            .start()
            .await;
        assert_eq!(stack.request("OPTIONS", "*").send().await.status, 404);
        assert_eq!(stack.envoy.access_logged(1).await, ["OPTIONS * 404 absolute_path_rejected"]);
        assert_eq!(stack.upstream.count(), 0);
        assert!(!stack.envoy.log_contains("reason=denied"));
    }
}
