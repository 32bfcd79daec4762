//! A configuration with an error stops the start of Envoy, and Envoy's log says how to fix it.

use jwtguard::inspect::check::check;
use jwtguard::inspect::{Severity, documents};
use serde_json::json;

use crate::harness::{ConfigAs, Stack, expect_rejected_start, plugin_with};

#[tokio::test(flavor = "multi_thread")]
async fn errors_stop_the_start_with_their_path_and_remedy() {
    let rows = [
        (json!({ "audience": "a", "jwks_cluster": "issuer" }), "issuer: this key is required"),
        (
            json!({ "issuer": "https://i", "audience": " ", "jwks_cluster": "issuer" }),
            "audience: expected an audience",
        ),
        (plugin_with(json!({ "isuer": "x" })), "isuer: unknown key; expected one of accepted_algorithms"),
        (
            plugin_with(json!({ "jwks_ttl_seconds": 300.5 })),
            "jwks_ttl_seconds: expected a whole number of seconds",
        ),
        (
            plugin_with(json!({ "accepted_algorithms": ["none"] })),
            "accepted_algorithms: none is never accepted",
        ),
        (
            plugin_with(
                json!({ "routes": [{ "path": "/a", "deny": true }, { "path": "/b", "requires_role": "" }] }),
            ),
            "routes[1].requires_role: expected a role name, got \"\"",
        ),
        (plugin_with(json!({ "routes": [{ "path": "/a" }] })), "routes[0]: no condition is set"),
        (plugin_with(json!({ "token_cache_size": 5 })), "token_cache_size: unknown key"),
    ];
    for (plugin, words) in rows {
        expect_rejected_start(plugin, &[&format!("invalid configuration: {words}")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_json_stops_the_start() {
    let rows = [
        ("{\"issuer\": ", "neither a protobuf Struct nor valid JSON"),
        ("", "the filter has no configuration"),
        ("{\"issuer\":\"a\",\"issuer\":\"b\"}", "an object has the same member twice"),
    ];
    for (text, words) in rows {
        let form = ConfigAs::Verbatim(text.to_owned());
        let refused = Stack::builder().plugin(json!({})).config_as(form).start_rejected().await;
        assert!(refused.log.contains(words), "{text:?}:\n{}", refused.tail());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_logs_the_configuration() {
    let stack = Stack::with_plugin(plugin_with(json!({ "jwks_ttl_seconds": 300.0 }))).await;
    let words = format!("jwt_guard: version {} configured: digest ", env!("CARGO_PKG_VERSION"));
    stack.envoy.logged(&words).await;
    stack.envoy.logged("issuers issuer_example, signatures verified by the host for RS256 RS384 RS512 ES256 ES384 ES512, in the wasm module for the other algorithms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tool_reads_the_dump_of_a_running_envoy() {
    for reconfigurable in [false, true] {
        let mut builder = Stack::builder()
            .plugin(plugin_with(json!({ "routes": [{ "path": "/admin/**", "requires_role": "admin" }] })))
            .envoy(|envoy| {
                envoy.routes = vec![json!({
                    "match": { "prefix": "/reports" },
                    "route": { "cluster": "upstream" },
                    "metadata": { "filter_metadata": { "jwt_guard": { "requires_group": ["audit"] } } },
                })];
            });
        if reconfigurable {
            builder = builder.reconfigurable();
        }
        let stack = builder.start().await;
        let dump = stack.envoy.ask_admin("GET", "/config_dump").await;
        let documents = documents("dump", &String::from_utf8(dump.body).unwrap()).unwrap();
        let report = check(&documents);
        assert_eq!(
            report.configurations, 1,
            "one configuration, although static listeners occur in two parts of a dump"
        );
        assert_eq!(report.count(Severity::Error), 0, "{:#?}", report.findings);
        let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(findings.iter().all(|finding| !finding.contains("no cluster")), "{findings:#?}");
        let table = report.tables[0].to_string();
        for row in ["/admin/**", "/reports*", "a valid token with group audit", "through cluster issuer"] {
            assert!(table.contains(row), "{row}: {table}");
        }
    }
}
