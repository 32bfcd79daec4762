//! Templates with a part of a segment: `/swagger-ui*`, `/service/*health`, `/swagger-ui**`.

use serde_json::json;

use crate::harness::{Stack, expect_rejected_start, plugin_with};
use crate::outcome::{self, expose_reasons};

async fn stack() -> Stack {
    Stack::builder()
        .plugin(plugin_with(json!({ "routes": [
            { "path": ["/swagger-ui**", "/service/*health", "/files/report-*.pdf", "/off*"], "allow_anonymous": true },
            { "path": "/swagger-ui-admin/**", "requires_role": "admin" },
            { "path": "/service/admin-*", "requires_role": "admin" },
            { "path": "/admin**", "requires_role": "admin" },
            { "path": "/Docs*", "name": "docs", "allow_anonymous": true },
        ] })))
        .envoy(expose_reasons)
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_segment_opens_and_no_more() {
    let stack = stack().await;
    let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
    for path in [
        // Every variant is below /swagger-ui**: a segment that ends in dots is no step up.
        "/swagger-ui..;/admin",
        "/swagger-ui",
        "/swagger-ui/",
        "/swagger-ui.html",
        "/swagger-ui/index.html",
        "/swagger-ui-standalone/a/b?c=d",
        "/service/health",
        "/service/live-health",
        "/service/health/",
        "/files/report-.pdf",
        "/files/report-2026%20Q3.pdf",
        "/files/report-caf%C3%A9.pdf",
        "/off",
        "/off50%25",
        "/Docs",
        "/Docs-v2",
    ] {
        assert_eq!(outcome::of(&stack.get(path).await), "passed", "{path}");
    }
    for (path, expected) in [
        // The neighbours.
        ("/swagger-u", "missing_token"),
        ("/swagger", "missing_token"),
        ("/service/healthz", "missing_token"),
        ("/service/health/x", "missing_token"),
        ("/service/a/health", "missing_token"),
        ("/files/report-a/b.pdf", "missing_token"),
        ("/files/report.pdf", "missing_token"),
        ("/docs-v2", "missing_token"),
        ("/Docs/x", "missing_token"),
        // A longer fixed text and a literal come first.
        ("/swagger-ui-admin", "missing_token"),
        ("/swagger-ui-admin/x", "missing_token"),
        ("/service/admin-health", "missing_token"),
        ("/administrator/x", "missing_token"),
        // Attacks.
        ("/swagger-ui/../admin", "missing_token"),
        ("/swagger-ui%2f..%2fadmin", "missing_token"),
        ("/swagger-ui/..;/admin", "missing_token"),
        ("/swagger-ui\\..\\admin", "missing_token"),
        ("/swagger-ui;/../admin", "missing_token"),
        ("/swagger-ui-%61dmin", "missing_token"),
        ("/swagger-ui-%2561dmin/x", "missing_token"),
        ("/swagger-ui-ADMIN", "missing_token"),
        ("/swagger-ui-admin.", "missing_token"),
        ("/swagger-ui-%EF%BD%81dmin", "missing_token"),
        ("/service/x%2fhealth", "missing_token"),
        ("/service/%61dmin-health", "missing_token"),
        ("/files/report-..%2f..%2fadmin%2fx.pdf", "missing_token"),
        ("/off%2fadmin", "missing_token"),
        ("/off%00", "400 ambiguous_path"),
    ] {
        assert_eq!(outcome::of(&stack.get(path).await), expected, "{path}");
    }
    let user = stack.good_token();
    for (path, expected) in [
        ("/swagger-ui-admin/x", "403 role"),
        ("/service/admin-health", "403 role"),
        ("/administrator/x", "403 role"),
        ("/admin", "403 role"),
        ("/service/healthz", "passed"),
    ] {
        assert_eq!(outcome::of(&stack.get_with(path, &user).await), expected, "{path}");
        assert_eq!(outcome::of(&stack.get_with(path, &admin).await), "passed", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_of_other_software_are_answered_with_what_to_write() {
    for (path, words) in [
        (
            "*/x",
            "\"*/x\" does not start with `/`, and no template matches the end of any path: write `/*/x` for one",
        ),
        ("**/x", "\"**/x\" does not start with `/`, and no template matches the end of any path"),
        ("/**/x", "`**` must be the last segment: write `*` or `{name}` for one segment in the middle"),
        ("/a/{id}.json", "the segment \"{id}.json\" is only partly a parameter: write `{name}`"),
        ("/a/*b*", "the segment \"*b*\" has several `*`: write one `*` for a part of a segment"),
    ] {
        let plugin = plugin_with(json!({ "routes": [{ "path": path, "deny": true }] }));
        expect_rejected_start(plugin, &["routes[0].path: ", words]).await;
    }
    let routes: Vec<_> = (0..65).map(|at| json!({ "path": format!("/x{at}*"), "deny": true })).collect();
    let words =
        "routes[64]: routes[64] (`/x64*`): more than 64 templates have a segment with a part such as `x*`";
    expect_rejected_start(plugin_with(json!({ "routes": routes })), &[words]).await;
    expect_rejected_start(plugin_with(json!({ "guards": routes })), &["guards[64]: more than 64 templates"])
        .await;
}
