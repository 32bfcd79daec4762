//! Spellings of a protected path next to an anonymous route: none reaches the upstream without the role, with any path
//! normalization in Envoy.

use serde_json::{Value, json};

use crate::harness::{Request, Stack, plugin_with};

/// Paths that some server, framework or file system treats as `/admin/users` or as a path below `/admin`.
const SPELLINGS: &[&str] = &[
    "/admin/users",
    "/admin/users/",
    "/admin/users//",
    "//admin/users",
    "///admin///users",
    "/admin//users",
    "/./admin/users",
    "/admin/./users",
    "/admin/users/.",
    "/admin/users/..",
    "/admin/x/../users",
    "/public/../admin/users",
    "/public/x/../../admin/users",
    "/public/./../admin/users",
    "/public//../admin/users",
    "/public/../../../admin/users",
    "/public/..//admin/users",
    "/public/%2e%2e/admin/users",
    "/public/%2E%2E/admin/users",
    "/public/.%2e/admin/users",
    "/public/%2e./admin/users",
    "/public/..%2fadmin/users",
    "/public/..%2Fadmin%2Fusers",
    "/public%2f..%2fadmin/users",
    "/public/%2e%2e%2fadmin%2fusers",
    "/public/%252e%252e/admin/users",
    "/public/%252e%252e%252fadmin%252fusers",
    "/public/%25252e%25252e/admin/users",
    "/%2e/admin/users",
    "/%61dmin/users",
    "/%61%64%6d%69%6e/users",
    "/adm%69n/users",
    "/%2561dmin/users",
    "/%252561dmin/users",
    "/admin%2fusers",
    "/admin%2Fusers",
    "/admin%252fusers",
    "/%2fadmin/users",
    "/%2Fadmin%2Fusers",
    "/.//admin/users",
    "/admin;x/users",
    "/admin;/users",
    "/admin;jsessionid=1/users;jsessionid=2",
    "/;x/admin/users",
    "/;/admin/users",
    "/public/..;/admin/users",
    "/public/..;x=y/admin/users",
    "/public/.;/../admin/users",
    "/public;/../admin/users",
    "/public/..%3b/admin/users",
    "/admin%3bx/users",
    "/admin\\users",
    "\\admin\\users",
    "/\\admin/users",
    "/public\\..\\admin\\users",
    "/public/..\\admin/users",
    "/public/..%5cadmin/users",
    "/public%5c..%5cadmin%5cusers",
    "/admin%5cusers",
    "/admin%255cusers",
    "/ADMIN/users",
    "/Admin/Users",
    "/aDMIN/users",
    "/%41DMIN/users",
    "/%41dmin%2fUsers",
    "/admin./users",
    "/admin../users",
    "/admin%20/users",
    "/admin%2e/users",
    "/admin/users%20",
    "/admin/users.",
    "/admin/users%2e",
    "/admin/users%2f",
    "/admin?/users",
    "/admin?x=/public",
    "/admin%3fx",
    "/admin%3F/../public",
    "/admin#x",
    "/admin%23x",
    "/admin%23/../public",
    "/public/%2e%2e;/admin/users",
    "/public/%2e%2e%5cadmin/users",
    "/public/%5c../%61dmin/users",
    "/public/..%252f%2561dmin/users",
    "/public/%c0%ae%c0%ae/admin/users",
    "/public/..%c0%afadmin/users",
    "/public/%e0%80%ae./admin/users",
    "/%00admin/users",
    "/admin%00/users",
    "/admin%00",
    "/admin/users%00.html",
    "/admin%09/users",
    "/admin%0a",
    "/admin%0d%0a/users",
    "/admin%7f/users",
    "/admin%/users",
    "/admin%zz/users",
    "/%u0061dmin/users",
    "/public/%uff0e%uff0e/admin/users",
    "admin/users",
    "http://api.example/admin/users",
    "HTTP://API.EXAMPLE/admin/users",
    "http://api.example//admin/users",
    "http://api.example/public/../admin/users",
    "http://api.example:80/%61dmin/users",
    "https://api.example/admin/users",
    "http://public.example/admin/users",
    "http:///admin/users",
    "http:/admin/users",
    "//api.example/admin/users",
    "/http://api.example/../../../admin/users",
];

/// Similar paths that must pass: if every path were denied, the test would prove nothing.
const NEIGHBOURS: &[&str] = &[
    "/public",
    "/public/a/b",
    "/public/search?q=/admin/users",
    "/public/search?q=../admin#",
    "/public/100%25",
    "/public/a%20b",
    "/administrator",
    "/admins/users",
    "/public/admin",
    "/x/admin/users",
];

fn configuration() -> Value {
    plugin_with(json!({
        "default_policy": { "allow_anonymous": true },
        "routes": [
            { "path": "/public/**", "allow_anonymous": true },
            { "path": "/admin/**", "requires_role": "admin" },
            { "path": "/items/{id}", "methods": "GET", "allow_anonymous": true },
            { "path": "/items/{id}", "requires_role": "admin" },
        ],
    }))
}

async fn assert_no_spelling_bypasses(connection_manager: Value) {
    let stack = Stack::builder()
        .plugin(configuration())
        .envoy(|envoy| envoy.connection_manager = connection_manager)
        .start()
        .await;
    let without_the_role = stack.good_token();
    for path in SPELLINGS {
        for (token, statuses) in [(None, [400, 401]), (Some(&without_the_role), [400, 403])] {
            let mut request = Request::new(stack.address(), "GET", path);
            if let Some(token) = token {
                request = request.bearer(token);
            }
            let answer = request.send().await;
            let neighbour = answer.status == 200 && is_rewritten(&stack, path);
            assert!(statuses.contains(&answer.status) || neighbour, "{path}: {}", answer.status);
        }
    }
    for path in NEIGHBOURS {
        // Envoy itself rejects `#`.
        let expected = if path.contains('#') { 400 } else { 200 };
        assert_eq!(stack.get(path).await.status, expected, "{path}");
    }
    let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/admin/users", &admin).await.status, 200);
    assert_eq!(
        stack.get_with("/admin%2Fusers", &admin).await.status,
        200,
        "with the role every spelling passes"
    );

    let mut h2 = stack.h2().await;
    for path in SPELLINGS.iter().filter(|path| path.starts_with('/') && path.parse::<hyper::Uri>().is_ok()) {
        let status = h2.send("GET", path, &[], b"", hyper::HeaderMap::new()).await.status;
        let neighbour = status == 200 && is_rewritten(&stack, path);
        assert!([400, 401].contains(&status) || neighbour, "over HTTP/2, {path}: {status}");
    }
}

/// Whether Envoy rewrote the path to the plain path of the anonymous route, so that every upstream sees that path.
fn is_rewritten(stack: &Stack, path: &str) -> bool {
    let seen = stack.upstream.last().path;
    seen != path && ["/public", "/public/admin/users", "/api.example/admin/users"].contains(&seen.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_bypasses_as_sent() {
    assert_no_spelling_bypasses(json!({
        "normalize_path": false,
        "merge_slashes": false,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_bypasses_normalized() {
    assert_no_spelling_bypasses(json!({
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn method_and_path_are_not_read_from_headers() {
    let stack = Stack::builder().plugin(configuration()).start().await;
    assert_eq!(stack.get("/items/7").await.status, 200);
    let overrides =
        ["x-http-method-override", "X-HTTP-Method", "x-method-override", "x_http_method_override"];
    for name in overrides {
        for value in ["DELETE", "delete", "GET,DELETE", " PUT "] {
            let answer = stack.request("GET", "/items/7").header(name, value).send().await;
            assert_eq!(answer.status, 401, "{name}: {value}");
        }
        let twice = stack.request("GET", "/items/7").header(name, "GET").header(name, "DELETE").send().await;
        assert_eq!(twice.status, 401, "{name} twice");
        let bad = stack.request("GET", "/items/7").header(name, "DELETE /x").send().await;
        assert_eq!((bad.status, bad.error().as_str()), (400, "bad_path"), "{name}");
        assert_eq!(stack.request("GET", "/items/7").header(name, "GET").send().await.status, 200, "{name}");
    }
    for name in ["x-original-url", "X-Rewrite-URL", "x_original_url", "x.rewrite.url"] {
        let before = stack.upstream.count();
        assert_eq!(stack.request("GET", "/public").header(name, "/admin/users").send().await.status, 200);
        assert_eq!(stack.upstream.count(), before + 1);
        assert!(!stack.upstream.last().has(&name.to_ascii_lowercase()), "{name}");
    }
}
