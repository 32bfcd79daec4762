//! The output for operators: access logs, log lines, counters.

use serde_json::{Value, json};

use crate::harness::{Stack, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn access_logs_show_the_identity_if_configured() {
    let format = ["reason", "sub", "issuer", "policy"]
        .map(|name| format!("%FILTER_STATE(wasm.jwt_guard.{name}:PLAIN)%"))
        .join(" ");
    for wanted in [true, false] {
        let stack = Stack::builder()
            .plugin(plugin_with(json!({
                "identity_in_filter_state": wanted,
                "policies": { "anybody": { "allow_authenticated": true } },
                "routes": [
                    { "path": "/public", "allow_anonymous": true },
                    { "path": "/admin", "requires_role": "admin" },
                    { "path": "/staff/**", "policy": "anybody" },
                    { "path": "/metadata", "deny": true },
                    { "path": "/watched", "allow_authenticated": true, "shadow": { "requires_role": "admin" } },
                ],
            })))
            .envoy(|envoy| {
                envoy.access_log = format!("{format}\n");
                let says = |policy: Value| json!({ "filter_metadata": { "jwt_guard": policy } });
                let route = |path: &str, policy: Value| {
                    json!({ "match": { "path": path }, "route": { "cluster": "upstream" }, "metadata": says(policy) })
                };
                envoy.routes = vec![
                    route("/metadata", json!({ "allow_authenticated": true })),
                    route("/named", json!({ "policy": "anybody" })),
                ];
            })
            .start()
            .await;
        let token = |subject: &str| stack.token().subject(subject).sign(&stack.key).unwrap();
        stack.get_with("/", &token("user-1")).await;
        stack.get_with("/%61dmin", &token("user-1")).await;
        stack.get_with("/", &token("a\n- root issuer_example \u{e9}")).await;
        stack.get_with("/public", "garbage").await;
        stack.get_with("/watched", &token("user-2")).await;
        stack.get_with("/staff", &token("user-1")).await;
        stack.get_with("/staff/..%2fx", &token("user-1")).await;
        stack.get_with("/metadata", &token("user-1")).await;
        stack.get_with("/named", &token("user-1")).await;
        stack.get("/").await;
        let expected = if wanted {
            [
                "- user-1 issuer_example default_policy",
                "role - - -",
                "- a%0A- root issuer_example %C3%A9 issuer_example default_policy",
                "- - - -",
                "role user-2 issuer_example routes[4]",
                "- user-1 issuer_example anybody",
                "- user-1 issuer_example anybody+default_policy",
                "- user-1 issuer_example route_metadata",
                "- user-1 issuer_example anybody",
                "missing_token - - -",
            ]
        } else {
            [
                "- - - -",
                "role - - -",
                "- - - -",
                "- - - -",
                "role - - -",
                "- - - -",
                "- - - -",
                "- - - -",
                "- - - -",
                "missing_token - - -",
            ]
        };
        assert_eq!(stack.envoy.access_logged(expected.len()).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_contains_the_denial_record_and_no_secret() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "routes": [{ "path": "/admin/**", "requires_role": "admin" }],
    })))
    .await;
    let token = stack.token().header("kid", "k\n[critical] forged").sign(&stack.key).unwrap();
    let id = "5c9b4cf3-0000-4000-8000-000000000001";
    stack.request("GET", "/").header("x-request-id", id).bearer(&token).send().await;
    let good = stack.good_token();
    stack.request("GET", "/x/..%2Fadmin/y").header("x-request-id", "a \"b\" c").bearer(&good).send().await;
    let facts = format!(
        "issuer=issuer_example kid=\"k\\n[critical] forged\" rule=default_policy method=\"GET\" path=\"/\" request_id={id}"
    );
    stack.envoy.logged(&facts).await;
    let log = stack.envoy.log();
    let line = log.lines().find(|line| line.contains(&facts)).unwrap();
    let detail = "wasm log jwt_guard jwt_guard jwt_guard: denied: reason=unknown_kid detail=\"the issuer has no key \
                  with the token's kid; the keys were fetched ";
    assert!(line.contains(detail), "{line}");
    stack
        .envoy
        .logged("reason=role detail=\"a required role is missing\" rule=routes[0] reading=\"GET /")
        .await;
    let log = stack.envoy.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("jwt_guard: denied: ")).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in lines {
        assert!(line.contains("[info][wasm]"), "{line}");
    }
    assert!(!log.contains("a \"b\" c"), "an invalid request id is omitted");
    for part in good.split('.').chain(token.split('.')) {
        assert!(!log.contains(part), "no part of a token");
    }
    stack.envoy.logged("jwt_guard: version 0.1.0 configured: digest ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_denials_is_counted_and_not_logged() {
    let stack = Stack::with_plugin(plugin_with(json!({}))).await;
    let mut connection = stack.connect().await;
    let sent = 300;
    let started = tokio::time::Instant::now();
    for _ in 0..sent {
        connection.write(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
        assert_eq!(connection.response().await.status, 401);
    }
    let seconds = started.elapsed().as_secs() + 2;
    let lines = |log: &str| u64::try_from(log.matches("jwt_guard: denied: ").count()).unwrap();
    let unsaid = |log: &str| -> u64 {
        let counts = log
            .split("jwt_guard: ")
            .filter_map(|text| text.split_once(" more lines about denied requests were not logged"));
        counts.map(|(count, _)| count.parse::<u64>().unwrap()).sum()
    };
    // The number of suppressed lines is logged by a timer, without another denial.
    wait_until("every denial is logged or counted", async || {
        let log = stack.envoy.log();
        lines(&log) + unsaid(&log) == sent
    })
    .await;
    let written = lines(&stack.envoy.log());
    assert!((10..=10 * seconds).contains(&written), "{written} lines in {seconds} s");
    stack.counted_denied("missing_token", sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_keep_their_names() {
    let stack = Stack::with_plugin(plugin_with(json!({}))).await;
    stack.get_with("/", &stack.good_token()).await;
    stack.get("/").await;
    stack.counted_denied("missing_token", 1).await;
    let answer = stack.envoy.ask_admin("GET", "/stats/prometheus").await;
    let text = String::from_utf8(answer.body).unwrap();
    for (name, value) in [
        ("jwt_guard_allowed_verified", 1),
        ("jwt_guard_allowed_anonymous", 0),
        ("jwt_guard_denied_missing_token", 1),
        ("jwt_guard_would_deny_role", 0),
        ("jwt_guard_waiting", 0),
        ("jwt_guard_jwks_issuer_example_refresh_ok", 1),
        ("jwt_guard_jwks_issuer_example_refresh_failed", 0),
        ("jwt_guard_jwks_issuer_example_keys", 1),
        ("jwt_guard_jwks_issuer_example_stale", 0),
    ] {
        assert!(text.lines().any(|line| line == format!("{name}{{}} {value}")), "{name} {value}:\n{text}");
    }
    let stats = stack.envoy.stats().await;
    assert!(stats.contains_key("wasmcustom.jwt_guard.jwks.issuer_example.age_seconds"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_cached_unless_the_cache_is_off() {
    // If the cache is off, its counters stay 0.
    for (entries, hits, misses) in [(1, 2, 1), (0, 0, 0)] {
        let stack = Stack::with_plugin(plugin_with(json!({ "token_cache_entries": entries }))).await;
        let token = stack.good_token();
        for _ in 0..3 {
            assert_eq!(stack.get_with("/", &token).await.status, 200);
        }
        stack.envoy.counted("wasmcustom.jwt_guard.allowed.verified", 3).await;
        for (name, count) in [("hit", hits), ("miss", misses)] {
            stack.envoy.counted(&format!("wasmcustom.jwt_guard.token_cache.{name}"), count).await;
        }
    }
}
