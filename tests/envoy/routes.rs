//! Requirements of routes and of the default policy: anonymous, any user, a role, a group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Stack, expect_rejected_start, plugin_with};

async fn stack() -> Stack {
    Stack::with_plugin(plugin_with(json!({
        "routes": [
            { "path": "/public/**", "allow_anonymous": true },
            { "path": "/me", "allow_authenticated": true },
            { "path": "/admin/**", "requires_role": ["admin", "root"] },
            { "path": "/staff", "requires_group": "staff" },
            { "path": "/both", "requires_role": "admin", "requires_group": "staff" },
            { "path": "/items/{id}", "methods": ["GET"], "allow_anonymous": true },
            { "path": "/items/{id}", "methods": "DELETE", "requires_role": "admin" },
        ],
    })))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_groups_are_checked_per_route() {
    let stack = stack().await;
    let token = |role: serde_json::Value, groups: serde_json::Value| {
        stack.token().claim("role", role).claim("groups", groups).sign(&stack.key).unwrap()
    };
    let nobody = stack.good_token();
    let admin = token(json!("admin"), json!([]));
    let root_of_many = token(json!(["user", "root"]), json!([]));
    let other_case = token(json!("Admin"), json!([]));
    let number = token(json!(1), json!({ "staff": true }));
    let staff = token(json!("user"), json!(["staff", "x"]));
    let both = token(json!("admin"), json!("staff"));
    let rows = [
        ("/me", &nobody, None),
        ("/elsewhere", &nobody, None),
        ("/admin", &nobody, Some("role")),
        ("/admin", &admin, None),
        ("/admin/", &admin, None),
        ("/admin/x/y", &root_of_many, None),
        ("/admin/x", &other_case, Some("role")),
        ("/admin/x", &number, Some("role")),
        ("/admin/x", &staff, Some("role")),
        ("/administrator", &nobody, None),
        ("/staff", &staff, None),
        ("/staff", &number, Some("group")),
        ("/staff", &admin, Some("group")),
        ("/both", &both, None),
        ("/both", &admin, Some("group")),
        ("/both", &staff, Some("role")),
    ];
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (path, token, refused) in rows {
        let answer = stack.get_with(path, token).await;
        let Some(reason) = refused else {
            assert_eq!(answer.status, 200, "{path}");
            continue;
        };
        assert_eq!((answer.status, answer.error().as_str()), (403, "insufficient_scope"), "{path}");
        assert_eq!(
            answer.text("www-authenticate"),
            Some("Bearer realm=\"orders-api\", error=\"insufficient_scope\""),
            "{path}: the challenge does not disclose the names of roles and groups"
        );
        assert!(!String::from_utf8_lossy(&answer.body).contains("admin"));
        *counted.entry(reason).or_default() += 1;
    }
    for (reason, count) in counted {
        stack.counted_denied(reason, count).await;
    }
    assert_eq!(stack.get("/admin").await.status, 401, "without a token the status is 401, not 403");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_route_never_reads_the_token() {
    let stack = stack().await;
    for path in ["/public", "/public/", "/public/a/b"] {
        assert_eq!(stack.get(path).await.status, 200, "{path}");
        let with_garbage = stack.get_with(path, "garbage").await;
        assert_eq!(with_garbage.status, 200, "{path}");
        assert_eq!(stack.upstream.last().header("authorization"), Some("Bearer garbage"), "untouched");
    }
    let with_good = stack.get_with("/public", &stack.good_token()).await;
    assert_eq!(with_good.status, 200);
    assert!(!stack.upstream.last().has("x-auth-sub"), "the request has no identity");
    assert_eq!(stack.get("/publicity").await.status, 401, "a longer name is another path");
    stack.envoy.counted("wasmcustom.jwt_guard.allowed.anonymous", 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_without_a_rule_use_the_default() {
    let stack = stack().await;
    assert_eq!(stack.get("/items/7").await.status, 200);
    assert_eq!(stack.request("HEAD", "/items/7").send().await.status, 200, "HEAD follows GET");
    assert_eq!(stack.request("DELETE", "/items/7").send().await.status, 401);
    assert_eq!(stack.request("DELETE", "/items/7").bearer(&stack.good_token()).send().await.status, 403);
    assert_eq!(stack.request("PUT", "/items/7").send().await.status, 401, "the default requires a token");
    assert_eq!(stack.request("PUT", "/items/7").bearer(&stack.good_token()).send().await.status, 200);
    let overridden = stack.request("GET", "/items/7").header("x-http-method-override", "DELETE").send().await;
    assert_eq!(
        overridden.status, 401,
        "a request that an upstream may treat as DELETE must meet the requirement of DELETE"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_can_be_any_requirement() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "default_policy": { "allow_anonymous": true },
        "routes": [{ "path": "/private", "requires_role": "admin" }],
    })))
    .await;
    assert_eq!(stack.get("/").await.status, 200);
    assert_eq!(stack.get("/private").await.status, 401);
    assert_eq!(stack.get("/%70rivate").await.status, 401, "every path variant must meet its requirement");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_come_first_then_templates_then_methods() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "default_policy": { "deny": true },
        "routes": [
            { "path": "/**", "hosts": "admin.example", "requires_role": "admin" },
            { "path": "/**", "hosts": "*.tenant.example", "requires_group": "tenant" },
            { "path": "/**", "hosts": ["*.eu.tenant.example", "EU.example."], "allow_authenticated": true },
            { "path": "/open/**", "allow_anonymous": true },
            { "path": "/orders/{id}", "requires_role": "reader" },
            { "path": "/orders/export", "requires_role": "exporter" },
            { "path": "/orders/**", "requires_role": "orders" },
            { "path": "/orders/{id}/lines/*", "methods": ["GET", "DELETE"], "requires_role": "lines" },
            { "path": "/orders/{id}/lines/*", "methods": "HEAD", "requires_role": "head" },
        ],
    })))
    .await;
    let by_host = [
        ("admin.example", "/open/x", "role"),
        ("ADMIN.Example", "/open/x", "role"),
        ("admin.example:8443", "/open/x", "role"),
        ("admin.example.", "/open/x", "role"),
        ("admin.example.:80", "/open/x", "role"),
        ("a.tenant.example", "/open/x", "group"),
        ("a.b.Tenant.example:1", "/open/x", "group"),
        ("tenant.example", "/open/x", "-"),
        ("xtenant.example", "/open/x", "-"),
        ("a.eu.tenant.example", "/", "-"),
        ("eu.example", "/", "-"),
        ("eu.tenant.example", "/", "group"),
        ("x.admin.example", "/", "denied"),
        ("[::1]:80", "/open/x", "-"),
        ("api.example", "/", "denied"),
    ];
    let by_path = [
        ("GET", "/orders/7", "reader"),
        ("GET", "/orders/7/", "reader"),
        ("GET", "/orders/export", "exporter"),
        ("GET", "/orders", "orders"),
        ("GET", "/orders/", "orders"),
        ("GET", "/orders/7/lines", "orders"),
        ("GET", "/orders/7/lines/1/x", "orders"),
        ("GET", "/orders/7/lines/1", "lines"),
        ("DELETE", "/orders/7/lines/1", "lines"),
        ("HEAD", "/orders/7/lines/1", "head"),
        ("HEAD", "/orders/7", "reader"),
        ("PUT", "/orders/7/lines/1", "orders"),
    ];
    let token = stack.good_token();
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (host, path, reason) in by_host {
        let answer = stack.request("GET", path).host(host).bearer(&token).send().await;
        assert_eq!(answer.status, if reason == "-" { 200 } else { 403 }, "{host}{path}");
        if reason != "-" {
            *counted.entry(reason).or_default() += 1;
        }
    }
    for (method, path, role) in by_path {
        let others =
            ["reader", "exporter", "orders", "lines", "head"].into_iter().filter(|other| *other != role);
        let others: Vec<&str> = others.collect();
        let right = stack.token().claim("roles", json!([role])).sign(&stack.key).unwrap();
        let wrong = stack.token().claim("roles", json!(others)).sign(&stack.key).unwrap();
        let status = async |token: &str| stack.request(method, path).bearer(token).send().await.status;
        assert_eq!((status(&right).await, status(&wrong).await), (200, 403), "{method} {path}");
    }
    // The log names the route by its index in the configuration.
    stack.envoy.logged("rule=routes[0]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_can_have_their_own_token_sources() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "routes": [
            { "path": "/cookie", "allow_authenticated": true, "token_from": { "cookie": "session" } },
            { "path": "/header", "allow_authenticated": true, "token_from": { "header": "X-Token", "prefix": "Token " } },
            { "path": "/query", "allow_authenticated": true, "token_from": { "query": "access_token" } },
            {
                "path": "/any", "allow_authenticated": true, "forward_token": true,
                "token_from": [{ "header": "authorization" }, { "cookie": "session" }, { "query": "access_token" }],
            },
        ],
    })))
    .await;
    let good = stack.good_token();
    let cookie = format!("a=1; session={good}; b=2");
    let header = format!("Token {good}");
    let in_query = |path: &str| format!("{path}?a=1&access_token={good}&b=2");
    let rows = [
        ("/cookie", vec![("cookie", cookie.as_str())], 200),
        ("/cookie", vec![("authorization", header.as_str())], 401),
        ("/header", vec![("x-token", header.as_str())], 200),
        ("/header", vec![("x-token", good.as_str())], 401),
        ("/header", vec![("cookie", cookie.as_str())], 401),
        ("/any", vec![("cookie", cookie.as_str())], 200),
        ("/any", vec![], 401),
    ];
    for (path, headers, status) in rows {
        let request = stack.request("GET", path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        assert_eq!(request.send().await.status, status, "{path} {headers:.30?}");
    }
    for (path, detail) in [
        ("/header", "Missing or invalid x-token header"),
        ("/cookie", "Missing token: this path does not read it from a header"),
        ("/elsewhere", "Missing or invalid Authorization header"),
    ] {
        assert_eq!(stack.get(path).await.json()["detail"], detail, "{path}");
    }
    stack.request("GET", "/cookie").header("cookie", &cookie).send().await;
    assert_eq!(
        stack.upstream.last().header("cookie"),
        Some("a=1; b=2"),
        "only the cookie with the token is removed"
    );
    stack.request("GET", "/header").header("x-token", &header).send().await;
    assert!(!stack.upstream.last().has("x-token"));
    assert_eq!(stack.get(&in_query("/query")).await.status, 200);
    assert_eq!(stack.upstream.last().path, "/query?a=1&b=2");
    assert_eq!(stack.get(&in_query("/cookie")).await.status, 401);
    assert_eq!(stack.get(&in_query("/any")).await.status, 200);
    assert_eq!(
        stack.upstream.last().path,
        "/any?a=1&b=2",
        "a query token is removed, also with forward_token"
    );
    stack.get_with("/any", &good).await;
    assert_eq!(stack.upstream.last().header("authorization"), Some(format!("Bearer {good}").as_str()));
    stack.request("GET", "/any").header("cookie", &cookie).send().await;
    assert_eq!(stack.upstream.last().header("cookie"), Some(cookie.as_str()));
    assert_eq!(stack.request("GET", &in_query("/any")).bearer(&good).send().await.status, 200, "the same");
    let other = stack.token().claim("sub", "user-2").sign(&stack.key).unwrap();
    let two = stack.request("GET", &in_query("/any")).bearer(&other).send().await;
    assert_eq!((two.status, two.error().as_str()), (400, "invalid_request"), "two token sources");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_names_both_routes() {
    let routes = |first: serde_json::Value, second: serde_json::Value| {
        let mut routes = vec![json!({ "path": "/other", "deny": true }), first, second];
        routes.iter_mut().skip(1).for_each(|route| route["allow_authenticated"] = json!(true));
        plugin_with(json!({ "routes": routes }))
    };
    for (first, second) in [
        (json!({ "path": "/a/{id}" }), json!({ "path": "/a/*" })),
        (json!({ "path": "/a", "methods": ["GET", "PUT"] }), json!({ "path": "/a/", "methods": "PUT" })),
        (
            json!({ "path": "/a", "hosts": "h.example" }),
            json!({ "path": "/a", "hosts": ["x.example", "H.example:80"] }),
        ),
        (json!({ "path": "/Admin/**" }), json!({ "path": "/admin/**" })),
    ] {
        expect_rejected_start(routes(first, second), &["invalid configuration: routes[2]", "routes[1]"])
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_routes_are_read_quickly_and_found() {
    let route = |index: usize| {
        json!({
            // Every second template has a part of a segment.
            "path": format!(
                "/service-{}/area-{}/{{id}}/leaf-{index}{}", index % 100, index % 1000, ["", "*"][index % 2]
            ),
            "requires_role": format!("role-{index}"),
        })
    };
    let routes: Vec<_> = (0..10_000).map(route).collect();
    #[expect(clippy::disallowed_methods, reason = "the start-up time needs a real clock")]
    let starting = Instant::now();
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "routes": routes, "default_policy": { "deny": true } })))
        .start()
        .await;
    let started = starting.elapsed();
    // The filter parses its configuration three times (a canary, the main thread, one worker), and Envoy parses it too.
    let configured = configuration_time(&stack.envoy.log());
    println!("started in {started:?}, configured once in {configured:?}");
    assert!(configured < Duration::from_secs(1), "{configured:?}");
    for index in [0, 1, 4_999, 9_999] {
        let path = format!("/service-{}/area-{}/x/leaf-{index}", index % 100, index % 1000);
        let token = |role: String| stack.token().claim("role", role).sign(&stack.key).unwrap();
        assert_eq!(stack.get_with(&path, &token(format!("role-{index}"))).await.status, 200, "{path}");
        assert_eq!(stack.get_with(&path, &token(format!("role-{}", index + 1))).await.status, 403, "{path}");
    }
    assert_eq!(stack.get("/service-0/area-1/x/leaf-1").await.status, 403, "no route");
}

/// The time of one configuration: that between the first and the last log line about one, by their number.
fn configuration_time(log: &str) -> Duration {
    let times: Vec<f64> =
        log.lines().filter(|line| line.contains(" configured: digest ")).map(second_of_the_day).collect();
    assert!(times.len() >= 2, "{times:?}");
    let all = (times[times.len() - 1] - times[0]).rem_euclid(86_400.0);
    Duration::from_secs_f64(all / (times.len() - 1) as f64)
}

/// `[2026-01-01 12:34:56.789][…`
fn second_of_the_day(line: &str) -> f64 {
    let time = line.split([' ', ']']).nth(1).unwrap();
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]
}
