//! Every path variant must meet its requirement, and the log shows the variant that did not.

use super::fixture::{config, denied, describe, forwarded, get, good, new_request};
use jwt_guard::config::Config;
use jwt_guard::request::RuleName;
use serde_json::json;

fn guarded() -> Config {
    config(json!({
        "default_policy": { "allow_anonymous": true },
        "routes": [
            { "path": "/admin/**", "requires_role": "admin" },
            { "path": "/items/{id}", "methods": ["GET", "OPTIONS"], "allow_anonymous": true },
            { "path": "/items/{id}", "methods": "DELETE", "requires_role": "admin" },
        ],
    }))
}

#[test]
fn the_rule_and_its_path_variant_are_reported() {
    let config = guarded();
    for (request, rule, reading) in [
        (get("/admin/x"), RuleName::Route(0), None),
        (get("/public/%2e%2e/admin/x"), RuleName::Route(0), Some("GET /public/../admin/x")),
        (get("/ADMIN/x"), RuleName::Route(0), Some("GET /admin/x")),
        (get("/admin%3Ftoken=secret"), RuleName::Route(0), Some("GET /admin")),
        (new_request("DELETE", "/items/7"), RuleName::Route(2), None),
        (
            get("/items/7").header("x-http-method-override", "DELETE"),
            RuleName::Route(2),
            Some("DELETE /items/7"),
        ),
    ] {
        let refused = denied(request.decide_with_keys(&config));
        assert_eq!((refused.denial.status, refused.record.rule), (401, Some(rule)), "{reading:?}");
        match reading {
            // If several variants match one rule, the reported one is unspecified.
            Some(reading) if reading.contains("..") => assert!(refused.record.variant.is_some()),
            reading => assert_eq!(refused.record.variant.as_deref(), reading),
        }
    }
    let line = denied(get("/Admin/%0ax").decide_with_keys(&config)).record.to_string();
    let expected = "reason=ambiguous_path detail=\"the path has a control character\" method=\"GET\" path=\"/Admin/%0ax\"";
    assert_eq!(line, expected);
    let line = denied(get("/%61dmin/\"x").decide_with_keys(&config)).record.to_string();
    let end = " rule=routes[0] reading=\"GET /admin/\\\"x\" reading_classes=percent_decoding method=\"GET\" \
               path=\"/%61dmin/\\\"x\"";
    assert!(line.ends_with(end), "{line}");
    assert!(
        !denied(get("/admin%3Ftoken=secret").decide_with_keys(&config)).record.to_string().contains("secret")
    );
}

#[test]
fn no_spelling_of_a_protected_path_bypasses_its_route() {
    let config = config(json!({
        "routes": [
            { "path": "/api/secret", "requires_role": "admin" },
            { "path": "/admin/**", "requires_role": "admin" },
            { "path": "/café/**", "requires_role": "admin" },
            { "path": "/ÜBER/**", "requires_role": "admin" },
            { "path": "/files/secret.txt", "requires_role": "admin" },
        ],
    }));
    for path in ["/api/other", "/administrator", "/cafe/x", "/files/public.txt", "/über", "/a(b)/c:d$"] {
        let expected = if path == "/über" { "403 role" } else { "user-1" };
        assert_eq!(describe(&get(path).bearer(&good()).decide_with_keys(&config)), expected, "{path}");
    }
    for (path, expected) in [
        ("/api/secret", "403 role"),
        ("/api/secret;/x", "403 role"),
        ("/api/secret;a/b", "403 role"),
        ("/api/secret%3b/x", "403 role"),
        ("/(S(abc))/admin/users.aspx", "403 role"),
        ("/adm/(S(abc))in/users.aspx", "403 role"),
        ("/admin::$INDEX_ALLOCATION/x", "403 role"),
        ("/admin:$I30:$INDEX_ALLOCATION/x", "403 role"),
        ("/files/secret.txt::$DATA", "403 role"),
        ("/files/secret.txt%3a%3a%24DATA", "403 role"),
        ("/%25u0061dmin/x", "400 ambiguous_path"),
        ("/public/..%c2%a5admin/x", "403 role"),
        ("/public/..%e2%82%a9admin/x", "403 role"),
        ("/caf%C3%89/x", "403 role"),
        ("/%c3%bcber/x", "403 role"),
        ("/index.php/admin/x", "403 role"),
    ] {
        assert_eq!(describe(&get(path).bearer(&good()).decide_with_keys(&config)), expected, "{path}");
    }
}

#[test]
fn overrides_of_the_method_are_read_in_every_spelling() {
    let config = guarded();
    assert_eq!(describe(&get("/items/7").decide_with_keys(&config)), "anonymous");
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x_http_method_override",
        "x_http-method",
        "x.method.override",
    ] {
        for value in ["DELETE", "delete", " DELETE ", "GET, DELETE"] {
            let request = get("/items/7").header(name, value);
            assert_eq!(describe(&request.decide_with_keys(&config)), "401 missing_token", "{name}: {value}");
        }
        assert_eq!(
            describe(&get("/items/7").header(name, "GET").decide_with_keys(&config)),
            "anonymous",
            "{name}"
        );
    }
}

#[test]
fn an_ambiguous_host_is_denied() {
    let config = config(json!({
        "default_policy": { "allow_anonymous": true },
        "routes": [{ "path": "/**", "hosts": "admin.example", "requires_role": "admin" }],
    }));
    assert_eq!(describe(&get("/").decide_with_keys(&config)), "anonymous");
    for host in
        ["admin.example", "ADMIN.example.", "admin.example:8080", "admin.example.:8080", "admin.example:"]
    {
        assert_eq!(describe(&get("/").host(host).decide_with_keys(&config)), "401 missing_token", "{host}");
    }
    for host in
        ["x@admin.example", "admin.example@x", "x:y@admin.example:80", "x,admin.example", "admin.example, x"]
    {
        assert_eq!(describe(&get("/").host(host).decide_with_keys(&config)), "400 ambiguous_path", "{host}");
    }
}

#[test]
fn an_allowed_request_reports_every_rule() {
    let config = config(json!({ "routes": [{ "path": "/a", "allow_authenticated": true }] }));
    let forward = forwarded(get("/%61").bearer(&good()).decide_with_keys(&config));
    assert_eq!(forward.rules, [RuleName::DefaultPolicy, RuleName::Route(0)]);
}
