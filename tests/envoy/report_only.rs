//! `report_only`: every request is decided, counted and logged; none is denied, delayed or stripped of its token.

use serde_json::json;

use crate::harness::{Answer, REASONS_LOG, Stack, plugin_with, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn report_only_logs_denials_without_denying() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "report_only": true,
            "token_from": [{ "header": "authorization" }, { "cookie": "session" }, { "query": "access_token" }],
            "routes": [
                { "path": "/admin", "requires_role": "admin" },
                { "path": "/deny", "deny": true },
                { "path": "/public", "allow_anonymous": true },
            ],
        })))
        .envoy(|envoy| {
            envoy.early_header_mutation = false;
            envoy.access_log = REASONS_LOG.to_owned();
            let metadata = json!({ "filter_metadata": { "jwt_guard": { "requires_rolle": "x" } } });
            envoy.routes = vec![
                json!({ "match": { "path": "/typo" }, "route": { "cluster": "upstream" }, "metadata": metadata }),
            ];
        })
        .start()
        .await;
    // In this mode requests do not wait for keys, so the test does.
    wait_until("the keys are there", async || {
        stack.envoy.stat("wasmcustom.jwt_guard.jwks.issuer_example.keys").await == 1
    })
    .await;
    let good = stack.good_token();
    let expired = stack.token().expired_for(std::time::Duration::from_secs(600)).sign(&stack.key).unwrap();
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let rows = [
        ("/", None, "missing_token"),
        ("/", bearer(&good), "-"),
        ("/", bearer(&expired), "expired"),
        ("/", bearer("garbage"), "malformed"),
        ("/", Some("Bearer".to_owned()), "bad_request"),
        ("/admin", bearer(&good), "role"),
        ("/deny", None, "denied"),
        ("/public", bearer("garbage"), "-"),
        ("/a%zz", bearer(&good), "ambiguous_path"),
        ("/typo", bearer(&good), "bad_metadata"),
    ];
    let mut expected = Vec::new();
    for (path, authorization, reason) in &rows {
        let mut request =
            stack.request("GET", path).header("x_auth_sub", "root").header("x-auth-roles", "admin");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        assert_eq!(request.send().await.status, 200, "{path} {reason}");
        let seen = stack.upstream.last();
        assert_eq!(seen.path, *path);
        assert_eq!(seen.header("authorization"), authorization.as_deref(), "{path} {reason}: untouched");
        assert!(!seen.has("x_auth_sub") && !seen.has("x-auth-roles"), "{path} {reason}");
        let identified = *path == "/" && *reason == "-";
        assert_eq!(seen.has("x-auth-sub"), identified, "{path} {reason}");
        expected.push(format!("GET {path} 200 {reason}"));
    }
    assert_eq!(stack.envoy.access_logged(rows.len()).await, expected);
    for reason in rows.iter().map(|row| row.2).filter(|reason| *reason != "-") {
        stack.counted_would_deny(reason, 1).await;
        stack.counted_denied(reason, 0).await;
        stack.envoy.logged(&format!("jwt_guard: would deny: reason={reason}")).await;
    }
    let path = format!("/?access_token={good}");
    stack.request("GET", &path).header("cookie", "session=x").send().await;
    let seen = stack.upstream.last();
    assert_eq!((seen.path.as_str(), seen.header("cookie")), (path.as_str(), Some("session=x")));
    stack.envoy.logged("jwt_guard: report_only: true: the filter denies no request").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_waits_for_keys() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "report_only": true })))
        .issuer_answers(Answer::held)
        .start()
        .await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    stack.counted_would_deny("no_keys", 1).await;
    assert_eq!(stack.envoy.stat("wasmcustom.jwt_guard.waiting").await, 0);
    stack.issuer.release();
}
