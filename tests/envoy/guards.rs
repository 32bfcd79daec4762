//! Guards add to the requirement of the route, the default policy or route metadata. Routes have lists of paths and
//! names.

use serde_json::{Value, json};

use crate::harness::{Request, Stack, expect_rejected_start, plugin_with};
use crate::outcome::{self, expose_reasons};

fn policy() -> Value {
    plugin_with(json!({
        "identity_in_filter_state": true,
        "policies": { "staff_only": { "requires_group": "staff" } },
        "routes": [
            { "path": "/api/**", "allow_authenticated": true },
            { "path": ["/public/**", "/health", "/Docs/{page}"], "name": "open_paths", "allow_anonymous": true },
            { "path": "/orders/{id}", "name": "orders_read", "requires_scope": "orders" },
        ],
        "guards": [
            { "path": "/**", "methods": ["DELETE"], "name": "admins_delete", "requires_role": "admin" },
            { "path": ["/internal/**", "/public/internal/**"], "policy": "staff_only" },
            { "path": "/**", "hosts": ["closed.example"], "deny": true },
        ],
    }))
}

async fn stack() -> Stack {
    Stack::builder().plugin(policy()).envoy(expose_reasons).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_adds_to_whatever_decides() {
    let stack = stack().await;
    let sign = |claims: Value| {
        let Value::Object(claims) = claims else { panic!("{claims}") };
        stack.token().claims(claims).sign(&stack.key).unwrap()
    };
    let user = sign(json!({}));
    let admin = sign(json!({ "role": "admin" }));
    let staff = sign(json!({ "groups": ["staff"] }));
    let all = sign(json!({ "role": "admin", "groups": ["staff"], "scope": "orders" }));
    for (method, path, token, expected) in [
        // The guard does not match: the route alone decides.
        ("GET", "/public/x", None, "passed"),
        ("GET", "/health", None, "passed"),
        ("GET", "/Docs/intro", None, "passed"),
        ("GET", "/api/x", Some(&user), "passed"),
        ("GET", "/orders/7", Some(&all), "passed"),
        // DELETE, whatever the route requires.
        ("DELETE", "/api/x", Some(&admin), "passed"),
        ("DELETE", "/api/x", Some(&user), "403 role"),
        ("DELETE", "/public/x", Some(&admin), "passed"),
        ("DELETE", "/public/x", Some(&user), "403 role"),
        ("DELETE", "/public/x", None, "missing_token"),
        ("DELETE", "/elsewhere", Some(&admin), "passed"),
        ("DELETE", "/elsewhere", Some(&user), "403 role"),
        ("DELETE", "/orders/7", Some(&all), "passed"),
        ("DELETE", "/orders/7", Some(&admin), "403 scope"),
        // Both paths of a guard, and two guards for one request.
        ("GET", "/internal/x", Some(&staff), "passed"),
        ("GET", "/internal/x", Some(&admin), "403 group"),
        ("GET", "/public/internal", Some(&staff), "passed"),
        ("GET", "/public/internal/x", None, "missing_token"),
        ("DELETE", "/internal/x", Some(&all), "passed"),
        ("DELETE", "/internal/x", Some(&admin), "403 group"),
        ("DELETE", "/internal/x", Some(&staff), "403 role"),
        // Attacks: other variants of the path and of the method.
        ("GET", "/public/%2e%2e/internal/x", Some(&user), "403 group"),
        ("GET", "/public/..;/internal/x", Some(&user), "403 group"),
        ("GET", "/INTERNAL/x", Some(&user), "403 group"),
        ("GET", "/api%2f..%2finternal", Some(&user), "403 group"),
        ("GET", "//internal/x", Some(&user), "403 group"),
        ("GET", "/public/x/../internal", Some(&user), "403 group"),
    ] {
        let request = stack.request(method, path);
        let request = match token {
            Some(token) => request.bearer(token),
            None => request,
        };
        assert_eq!(outcome::of(&request.send().await), expected, "{method} {path}");
    }
    let overridden = stack.request("GET", "/api/x").bearer(&user).header("x-http-method-override", "DELETE");
    assert_eq!(outcome::of(&overridden.send().await), "403 role");
    for host in ["closed.example", "CLOSED.example.:443"] {
        let request = stack.request("GET", "/public/x").bearer(&all);
        let hosted = Request::new(request.address(), "GET", "/public/x").host(host).bearer(&all);
        assert_eq!(outcome::of(&hosted.send().await), "403 denied", "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_names_its_guard_the_method_and_the_path() {
    let stack = stack().await;
    let user = stack.good_token();
    for (method, path, line) in [
        ("DELETE", "/api/x?token=s3cr3t", "rule=admins_delete method=\"DELETE\" path=\"/api/x\""),
        (
            "GET",
            "/INTERNAL/x",
            "rule=guards[1] reading=\"GET /internal/x\" reading_classes=letter_case method=\"GET\" path=\"/INTERNAL/x\"",
        ),
        ("GET", "/api/%2e%2e/internal%3Ftoken=s3cr3t", "method=\"GET\" path=\"/api/%2e%2e/internal\""),
    ] {
        assert_eq!(stack.request(method, path).bearer(&user).send().await.status, 403, "{path}");
        stack.envoy.logged(line).await;
    }
    assert!(!stack.envoy.log().contains("s3cr3t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_adds_to_route_metadata() {
    let open = json!({ "filter_metadata": { "jwt_guard": { "allow_anonymous": true } } });
    let stack = Stack::builder()
        .plugin(policy())
        .envoy(|envoy| {
            expose_reasons(envoy);
            envoy.routes = vec![
                json!({ "match": { "prefix": "/" }, "route": { "cluster": "upstream" }, "metadata": open }),
            ];
        })
        .start()
        .await;
    let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
    for (method, path, token, expected) in [
        ("GET", "/orders/7", None, "passed"),
        ("DELETE", "/orders/7", None, "missing_token"),
        ("DELETE", "/orders/7", Some(stack.good_token()), "403 role"),
        ("DELETE", "/orders/7", Some(admin.clone()), "passed"),
        ("GET", "/internal/x", Some(admin), "403 group"),
    ] {
        let request = stack.request(method, path);
        let request = match &token {
            Some(token) => request.bearer(token),
            None => request,
        };
        assert_eq!(outcome::of(&request.send().await), expected, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_stand_in_the_access_log() {
    let stack = Stack::builder()
        .plugin(policy())
        .envoy(|envoy| {
            envoy.access_log = "%REQ(:path)% %FILTER_STATE(wasm.jwt_guard.policy:PLAIN)%\n".to_owned();
        })
        .start()
        .await;
    let scoped = stack.token().claim("scope", "orders").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/orders/7", &scoped).await.status, 200);
    assert_eq!(stack.get_with("/api/x", &stack.good_token()).await.status, 200);
    assert_eq!(stack.envoy.access_logged(2).await, ["/orders/7 orders_read", "/api/x routes[0]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_answered_with_what_to_write() {
    let guard = |members: Value| plugin_with(json!({ "guards": [members] }));
    let route = |members: Value| plugin_with(json!({ "routes": [members] }));
    for (plugin, words) in [
        (
            guard(json!({ "path": "/a", "allow_anonymous": true })),
            "guards[0].allow_anonymous: a guard adds a requirement and cannot let requests pass or choose where tokens \
             are read; write this key in a route",
        ),
        (
            guard(json!({ "path": "/a", "requires_role": "a", "token_from": { "query": "t" } })),
            "guards[0].token_from: a guard adds a requirement",
        ),
        (guard(json!({ "path": "/a" })), "guards[0]: "),
        (
            plugin_with(json!({
                "policies": { "open": { "allow_missing": true } }, "guards": [{ "path": "/a", "policy": "open" }],
            })),
            "guards[0].policy: a guard adds a requirement",
        ),
        (
            route(json!({ "path": ["/a/{id}", "/a/{name}"], "deny": true })),
            "routes[0]: the paths `/a/{id}` and `/a/{name}` of routes[0] cover the same path, method and host",
        ),
        (
            route(json!({ "path": "/a", "name": "default_policy", "deny": true })),
            "routes[0].name: default_policy stands for another rule in logs; write another name",
        ),
        (
            plugin_with(json!({
                "routes": [{ "path": "/a", "name": "x", "deny": true }],
                "guards": [{ "path": "/a", "name": "x", "deny": true }],
            })),
            "guards[0].name: another route, guard or policy has the name x; write another name",
        ),
    ] {
        expect_rejected_start(plugin, &[words]).await;
    }
}

/// A preflight has no token, so `bypass_cors_preflight` decides before guards. Every other OPTIONS meets them.
#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_that_is_let_pass_needs_no_guard() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "bypass_cors_preflight": true,
            "routes": [{ "path": "/**", "allow_anonymous": true }],
            "guards": [{ "path": "/internal/**", "deny": true }],
        })))
        .envoy(expose_reasons)
        .start()
        .await;
    let options = || stack.request("OPTIONS", "/internal/x");
    let preflight =
        || options().header("origin", "https://a.example").header("access-control-request-method", "GET");
    assert_eq!(outcome::of(&preflight().send().await), "passed");
    assert_eq!(outcome::of(&options().send().await), "403 denied");
    assert_eq!(outcome::of(&preflight().header("x-http-method-override", "GET").send().await), "403 denied");
    assert_eq!(outcome::of(&stack.get("/internal/x").await), "403 denied");
    assert_eq!(outcome::of(&stack.get("/x").await), "passed");
}
