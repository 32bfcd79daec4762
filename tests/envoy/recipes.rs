//! Tests `docs/recipes.md`: the recipes with other parts of Envoy's configuration, as the document shows them.

use jwt_guard_testkit::mint::ISSUER;
use serde_json::{Value, json};

use crate::documents;
use crate::harness::{Stack, StackBuilder};

/// The address range of the office in the recipes. It must not contain the tests' own address.
const OFFICE: &str = r#""address_prefix":"203.0.113.0","prefix_len":24"#;
const LOOPBACK: &str = r#""address_prefix":"127.0.0.0","prefix_len":8"#;

/// The filter's configuration in a recipe, for the test's issuer, and the blocks for other parts of Envoy.
fn recipe(title: &str) -> (StackBuilder, Vec<Value>) {
    let (_, blocks) = documents::section("recipes.md", title);
    let mut blocks = blocks.iter().map(|block| block.to_string().replace("https://auth.example.com", ISSUER));
    let mut plugin: Value = serde_json::from_str(&blocks.next().unwrap()).unwrap();
    plugin.as_object_mut().unwrap().remove("jwks_endpoint").expect("the test's issuer has the default path");
    let envoy = blocks.skip(1).map(|block| serde_json::from_str(&block).unwrap()).collect();
    (Stack::builder().plugin(plugin), envoy)
}

/// The block with the office at the test's own address.
fn in_the_office(block: &Value) -> Value {
    let text = block.to_string();
    assert!(text.contains(OFFICE), "{text}");
    serde_json::from_str(&text.replace(OFFICE, LOOPBACK)).unwrap()
}

fn list(block: &Value) -> Vec<Value> {
    block.as_array().expect("a list of filters").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn local_replies_redirect_browsers_and_change_the_body_for_others() {
    let (stack, envoy) = recipe("Own error bodies and login redirects");
    let [manager] = envoy.as_slice() else { panic!("one block: {envoy:#?}") };
    let stack = stack
        .envoy(|envoy| {
            envoy.connection_manager = manager.clone();
            let answer = json!({ "status": 401, "body": { "inline_string": "not ours" } });
            envoy.routes = vec![json!({ "match": { "path": "/login/other" }, "direct_response": answer })];
            envoy.upstream_http2 = true;
        })
        .start()
        .await;
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let user = stack.good_token();
    for (label, method, path, accept, token, status) in [
        ("a browser opens a page", "GET", "/orders", browser, None, 302),
        ("a browser with an invalid session", "GET", "/orders", browser, Some("x.y.z"), 302),
        ("a script in a browser", "GET", "/orders", "*/*", None, 401),
        ("a browser sends a form", "POST", "/orders", browser, None, 401),
        ("a user without the role", "GET", "/api/admin/users", browser, Some(user.as_str()), 403),
        ("an API client", "GET", "/orders", "application/json", Some("x.y.z"), 401),
        ("an ambiguous path", "GET", "/%zz", browser, None, 400),
    ] {
        let mut request = stack.request(method, path).header("accept", accept);
        if let Some(token) = token {
            request = request.header("cookie", format!("session={token}"));
        }
        let answer = request.send().await;
        assert_eq!(answer.status, status, "{label}");
        let challenge = answer.text("www-authenticate").unwrap_or_default();
        assert_eq!(
            challenge.starts_with("Bearer realm=\"orders-api\""),
            status != 400,
            "{label}: {challenge}"
        );
        assert_eq!(answer.text("cache-control"), Some("no-store"), "{label}");
        if status == 302 {
            assert_eq!(answer.text("location"), Some("https://app.example.com/login/start"), "{label}");
            assert_eq!(answer.body, b"", "{label}");
        } else {
            assert_eq!(answer.text("location"), None, "{label}");
            assert_eq!(answer.text("content-type"), Some("application/problem+json"), "{label}");
            let body = answer.json();
            assert_eq!((&body["type"], &body["status"]), (&json!("about:blank"), &json!(status)), "{label}");
            assert_eq!(body["instance"].as_str().unwrap().len(), 36, "{label}: {body}");
        }
    }
    // The answers of others stay as they are.
    let answer = stack.request("GET", "/login/other").header("accept", browser).send().await;
    assert_eq!((answer.status, answer.body), (401, b"not ours".to_vec()));
    let with_session = stack.request("GET", "/orders").header("accept", browser);
    assert_eq!(with_session.header("cookie", format!("session={user}")).send().await.status, 200);
    let answer = stack.h2().await.grpc("/orders/Get", &[], b"message").await;
    assert_eq!(answer.headers["grpc-status"], "16");
    let message = answer.headers["grpc-message"].to_str().unwrap().replace("%20", " ");
    assert_eq!(message, "Missing or invalid Authorization header");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_replies_can_read_the_reason_and_no_other_fact() {
    let equals = |value: &str| {
        let kind = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter";
        let expression = format!("filter_state['wasm.jwt_guard.reason'] == {value}");
        json!({ "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": { "@type": kind, "expression": expression },
        } })
    };
    let fact = |name: &str| format!("%FILTER_STATE(wasm.jwt_guard.{name}:PLAIN)%");
    let format = json!({ "json_format": {
        "reason": fact("reason"), "sub": fact("sub"), "issuer": fact("issuer"), "policy": fact("policy"),
        "details": "%RESPONSE_CODE_DETAILS%",
    } });
    let header = |value: &str| json!([{ "header": { "key": "x-mapper", "value": value } }]);
    let mappers = json!([
        { "filter": equals("'missing_token'"), "headers_to_add": header("text") },
        { "filter": equals("b'missing_token'"), "headers_to_add": header("bytes"), "body_format_override": format },
    ]);
    let plugin = crate::harness::plugin_with(json!({ "identity_in_filter_state": true }));
    let stack = Stack::builder().plugin(plugin);
    let stack = stack.envoy(|envoy| {
        envoy.connection_manager = json!({ "local_reply_config": { "mappers": mappers } });
    });
    let stack = stack.start().await;
    let answer = stack.get("/").await;
    assert_eq!(answer.text("x-mapper"), Some("bytes"), "a string never equals the reason");
    let facts = json!({
        "reason": "missing_token", "sub": null, "issuer": null, "policy": null, "details": "",
    });
    assert_eq!(answer.json(), facts);
    assert_eq!(stack.get_with("/", "x.y.z").await.text("x-mapper"), None, "another reason");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_subject_has_a_budget_of_its_own() {
    let (stack, envoy) = recipe("Rate limits and RBAC on claim headers");
    let [filters] = envoy.as_slice() else { panic!("one block: {envoy:#?}") };
    let stack = stack
        .envoy(|envoy| {
            envoy.filters_after = list(filters);
            envoy.early_header_mutation = false;
        })
        .start()
        .await;
    let token = |subject: &str| stack.token().subject(subject).sign(&stack.key).unwrap();
    let (alice, bob) = (token("alice"), token("bob"));
    let as_bob = |token: &str| {
        let request = stack.request("GET", "/orders").bearer(token);
        request.header("x-auth-sub", "bob").header("x_auth_sub", "bob").header("x-auth-issuer", "other")
    };
    for _ in 0..5 {
        assert_eq!(stack.request("GET", "/orders").header("x-auth-sub", "bob").send().await.status, 401);
    }
    for (label, status) in [("first", 200), ("second", 200), ("third", 200), ("fourth", 429), ("fifth", 429)]
    {
        assert_eq!(as_bob(&alice).send().await.status, status, "the {label} request of alice");
    }
    for (label, status) in [("first", 200), ("second", 200), ("third", 200), ("fourth", 429)] {
        assert_eq!(stack.get_with("/orders", &bob).await.status, status, "the {label} request of bob");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rbac_finds_a_role_in_a_list() {
    for in_office in [false, true] {
        let (stack, envoy) = recipe("Rate limits and RBAC on claim headers");
        let [filters] = envoy.as_slice() else { panic!("one block: {envoy:#?}") };
        let filters = if in_office { in_the_office(filters) } else { filters.clone() };
        let stack = stack
            .envoy(|envoy| {
                envoy.filters_after = list(&filters);
                envoy.early_header_mutation = false;
            })
            .start()
            .await;
        let outside = if in_office { 200 } else { 403 };
        for (subject, roles, forged, status) in [
            ("a", vec!["admin"], "user", outside),
            ("b", vec!["user", "admin", "reader"], "user", outside),
            ("c", vec!["reader", "admin"], "user", outside),
            ("d", vec!["superadmin", "admins"], "user", 200),
            ("e", vec!["user"], "admin", 200),
            ("f", vec!["a,admin"], "user", 200),
            ("g", vec![], "admin", 200),
        ] {
            let token =
                stack.token().subject(subject).claim("roles", roles.clone()).sign(&stack.key).unwrap();
            let request = stack.request("GET", "/orders").bearer(&token).header("x-auth-roles", forged);
            assert_eq!(request.send().await.status, status, "{roles:?}, in the office: {in_office}");
        }
    }
}

/// The recipe's filter, and the local replies with a challenge.
async fn office_or_token(change: fn(&Value) -> Value, manager: Value) -> Stack {
    let (stack, envoy) = recipe("IP address or token");
    let [filter, replies] = envoy.as_slice() else { panic!("two blocks: {envoy:#?}") };
    let mut replies = replies.clone();
    replies.as_object_mut().unwrap().extend(manager.as_object().unwrap().clone());
    let change = |envoy: &mut crate::harness::Bootstrap| {
        envoy.filters_after = list(&change(filter));
        envoy.connection_manager = replies;
        envoy.early_header_mutation = false;
    };
    stack.envoy(change).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_or_a_token_is_enough() {
    for (in_office, change) in [(false, Value::clone as fn(&Value) -> Value), (true, in_the_office)] {
        let stack = office_or_token(change, json!({})).await;
        let good = stack.good_token();
        let other = stack.token().audience("billing").sign(&stack.key).unwrap();
        let without = if in_office { 200 } else { 401 };
        for (label, path, token, status) in [
            ("no token", "/orders", None, without),
            ("a token", "/orders", Some(&good), 200),
            ("a token for another API", "/orders", Some(&other), 401),
            ("no token, on another path", "/invoices", None, 401),
            ("a token, on another path", "/invoices", Some(&good), 200),
        ] {
            let request = stack.request("GET", path).header("x_auth_issuer", ISSUER);
            let mut request =
                request.header("x-auth-issuer", ISSUER).header("x-forwarded-for", "203.0.113.7");
            if let Some(token) = token {
                request = request.bearer(token);
            }
            let answer = request.send().await;
            assert_eq!(answer.status, status, "{label}, in the office: {in_office}");
            let challenge = answer.text("www-authenticate").unwrap_or_default();
            assert_eq!(challenge.starts_with("Bearer realm=\"orders-api\""), status == 401, "{label}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_choose_its_remote_ip_without_use_remote_address() {
    fn by_remote_ip(filter: &Value) -> Value {
        serde_json::from_str(&filter.to_string().replace("direct_remote_ip", "remote_ip")).unwrap()
    }
    for (use_remote_address, status) in [(false, 200), (true, 401)] {
        let manager = json!({ "use_remote_address": use_remote_address });
        let stack = office_or_token(by_remote_ip, manager).await;
        assert_eq!(stack.get("/orders").await.status, 401);
        let forged = stack.request("GET", "/orders").header("x-forwarded-for", "203.0.113.7").send().await;
        assert_eq!(forged.status, status, "use_remote_address: {use_remote_address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mcp_client_finds_its_way_to_a_token() {
    let (stack, envoy) = recipe("MCP servers");
    let [browsers] = envoy.as_slice() else { panic!("one block: {envoy:#?}") };
    let stack = stack
        .envoy(|envoy| {
            envoy.filters_before = list(&browsers["http_filters"]);
            let policies = &browsers["typed_per_filter_config"];
            envoy.virtual_host_options = json!({ "typed_per_filter_config": policies });
        })
        .start()
        .await;
    let origin = "https://inspector.example.com";
    let request = |method: &str, path: &str| stack.request(method, path).host("mcp.example.com");
    let call = || request("POST", "/mcp").header("origin", origin).body(r#"{"jsonrpc":"2.0"}"#);

    // The browser's preflight of the call, and the call without a token.
    let preflight = request("OPTIONS", "/mcp").header("origin", origin);
    let preflight = preflight.header("access-control-request-method", "POST").send().await;
    assert_eq!((preflight.status, preflight.text("access-control-allow-origin")), (200, Some(origin)));
    assert!(preflight.text("access-control-allow-headers").unwrap().contains("mcp-protocol-version"));
    let answer = call().send().await;
    assert_eq!((answer.status, answer.text("access-control-allow-origin")), (401, Some(origin)));
    assert!(answer.text("access-control-expose-headers").unwrap().contains("www-authenticate"));
    let challenge = answer.text("www-authenticate").unwrap();
    assert!(challenge.contains(r#"scope="orders.read""#), "{challenge}");

    // The document that the challenge names.
    let url = challenge.split_once("resource_metadata=\"").expect(challenge).1.split('"').next().unwrap();
    assert_eq!(url, "https://mcp.example.com/.well-known/oauth-protected-resource/mcp");
    let path = url.strip_prefix("https://mcp.example.com").unwrap();
    let preflight = request("OPTIONS", path).header("origin", origin);
    let preflight = preflight.header("access-control-request-method", "GET").send().await;
    assert_eq!((preflight.status, preflight.text("access-control-allow-origin")), (200, Some(origin)));
    let document = request("GET", path).header("origin", origin).header("mcp-protocol-version", "2025-11-25");
    let document = document.send().await;
    assert_eq!(document.status, 200);
    let allowed: Vec<_> =
        document.headers.iter().filter(|(name, _)| name == "access-control-allow-origin").collect();
    assert_eq!(allowed.len(), 1, "{allowed:?}");
    let document = document.json();

    // A token of the server that the document names, for the resource that it names.
    let issuer = document["authorization_servers"][0].as_str().unwrap();
    let token = stack.token().issuer(issuer).audience(document["resource"].clone());
    let scoped = token.clone().claim("scope", document["scopes_supported"][0].clone());
    let answer = call().bearer(&scoped.sign(&stack.key).unwrap()).send().await;
    assert_eq!((answer.status, answer.text("access-control-allow-origin")), (200, Some(origin)));
    let seen = stack.upstream.last();
    assert_eq!((seen.header("x-auth-scopes"), seen.has("authorization")), (Some("orders.read"), false));

    // A token with too little, and one for another server.
    let answer = call().bearer(&token.sign(&stack.key).unwrap()).send().await;
    let challenge = answer.text("www-authenticate").unwrap();
    assert_eq!(answer.status, 403);
    assert!(challenge.contains(r#"error="insufficient_scope", scope="orders.read""#), "{challenge}");
    let other = scoped.audience("https://other.example.com/mcp").sign(&stack.key).unwrap();
    assert_eq!(call().bearer(&other).send().await.status, 401);
    // Another origin gets no CORS headers.
    let preflight = request("OPTIONS", "/mcp").header("origin", "https://evil.example");
    let preflight = preflight.header("access-control-request-method", "POST").send().await;
    assert_eq!(preflight.text("access-control-allow-origin"), None);
    assert_ne!(preflight.status, 200);
    assert_eq!(stack.upstream.count(), 1);
}
