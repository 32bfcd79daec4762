//! Attacks that try to bypass a required role or to forge an identity, with bytes that a library would not send.
//!
//! Each test checks the request at the upstream instead of the response: Envoy rejects some attacks before the filter,
//! and may stop doing so.

mod bounds;
mod cost;
mod http1;
mod http2;
mod metadata;
mod paths;
mod redirect;
mod tunnel;

use serde_json::{Value, json};

use crate::harness::{Seen, Stack, plugin_with};

fn configuration() -> Value {
    plugin_with(json!({
        "default_policy": { "allow_anonymous": true },
        "bypass_cors_preflight": true,
        "forward_token": true,
        "token_from": [{ "header": "authorization" }, { "header": "x-token", "prefix": "Token " }, { "cookie": "session" }],
        "routes": [
            { "path": "/admin/**", "requires_role": "admin" },
            { "path": "/**", "hosts": "admin.example", "requires_role": "admin" },
            { "path": "/items/{id}", "methods": "GET", "allow_anonymous": true },
            { "path": "/items/{id}", "requires_role": "admin" },
            { "path": "/me", "allow_authenticated": true },
        ],
    }))
}

async fn stack() -> Stack {
    Stack::builder()
        .plugin(configuration())
        .envoy(|envoy| {
            envoy.early_header_mutation = false;
            envoy.connection_manager = json!({
                "http_protocol_options": {
                    "enable_trailers": true, "accept_http_10": true, "default_host_for_http_10": "h",
                },
                "http2_protocol_options": { "allow_connect": true },
                // Envoy closes the connection after most attacks.
                "delayed_close_timeout": "0.05s",
                "upgrade_configs": [{ "upgrade_type": "websocket" }, { "upgrade_type": "CONNECT" }],
            });
            envoy.routes =
                vec![json!({ "match": { "connect_matcher": {} }, "route": { "cluster": "upstream" } })];
        })
        .start()
        .await
}

/// Asserts that the request needs no role and contains no identity except that from the filter.
fn assert_no_bypass(seen: &Seen, label: &str) {
    let target = format!("{} {}", seen.path, seen.header("host").unwrap_or_default()).to_ascii_lowercase();
    let admin = target.contains("admin") || target.contains("%61dmin");
    assert!(!admin, "{label}: {seen:?}");
    assert!(!matches!(seen.method.as_str(), "DELETE" | "PUT"), "{label}: {seen:?}");
    let overridden =
        seen.has("x-http-method-override") && !seen.all("x-http-method-override").contains(&&b"GET"[..]);
    assert!(!overridden, "{label}: {seen:?}");
    for (name, value) in seen.headers.iter().chain(&seen.trailers) {
        let folded: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let honest = folded == "x-auth-sub" && value == b"user-1" || folded == "x-auth-issuer";
        assert!(!folded.starts_with("x-auth-") || honest, "{label}: {seen:?}");
        assert!(
            folded != "x-token" || name == "x-token",
            "{label}: a second spelling of the token's header: {seen:?}"
        );
    }
}
