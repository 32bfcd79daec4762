//! What the upstream is told, and what a client cannot tell it.

use serde_json::json;

use crate::harness::{Stack, plugin_with};

/// Without Envoy's own removal, which would hide ours.
async fn stack(members: serde_json::Value) -> Stack {
    Stack::builder()
        .plugin(plugin_with(members))
        .envoy(|envoy| envoy.early_header_mutation = false)
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_arrives_in_the_default_headers() {
    let stack = stack(json!({})).await;
    let token = stack
        .token()
        .claim("email", "a@example.com")
        .claim("role", "admin")
        .claim("roles", json!(["x,y", "ü z"]));
    let token = token
        .claim("groups", json!(["g1", "g2"]))
        .claim("scope", "read write")
        .claim("org_id", 42)
        .claim("jti", "j");
    assert_eq!(stack.get_with("/", &token.sign(&stack.key).unwrap()).await.status, 200);
    let seen = stack.upstream.last();
    let rows = [
        ("x-auth-sub", "user-1"),
        ("x-auth-email", "a@example.com"),
        ("x-auth-roles", "admin,x%2Cy,%C3%BC%20z"),
        ("x-auth-groups", "g1,g2"),
        ("x-auth-scopes", "read,write"),
        ("x-auth-org-id", "42"),
        ("x-auth-jti", "j"),
        ("x-auth-issuer", "https://issuer.example"),
    ];
    for (name, value) in rows {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert!(!seen.has("authorization"), "the token is taken out unless forward_token says otherwise");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_say_who_it_is() {
    let stack = stack(json!({
        "routes": [{ "path": "/public", "allow_anonymous": true }, { "path": "/maybe", "allow_missing": true }],
        "claim_headers": { "x-user": "sub", "x-tier": "tier" },
    }))
    .await;
    let forged = [
        "x-user",
        "X_User",
        "x.user",
        "x-tier",
        "x-auth-sub",
        "x_auth_roles",
        "X-Auth_Groups",
        "x-original-url",
        "x-rewrite-url",
    ];
    let good = stack.good_token();
    for (path, token) in
        [("/public", None), ("/public", Some("garbage")), ("/maybe", None), ("/", Some(good.as_str()))]
    {
        let mut request = stack.request("GET", path);
        for name in forged {
            request = request.header(name, "root").header(name, "again");
        }
        if let Some(token) = token {
            request = request.bearer(token);
        }
        assert_eq!(request.send().await.status, 200, "{path}");
        let seen = stack.upstream.last();
        for name in forged {
            let values = seen.all(&name.to_ascii_lowercase());
            let expected: &[&[u8]] = if name == "x-user" && path == "/" { &[b"user-1"] } else { &[] };
            assert_eq!(values, expected, "{name} on {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_cannot_say_it_either() {
    let stack = stack(json!({ "routes": [{ "path": "/public", "allow_anonymous": true }] })).await;
    let mut client = stack.connect().await;
    client
        .write(
            b"POST /public HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\
              x-auth-sub: root\r\nx_auth_roles: admin\r\nx-late: 1\r\n\r\n",
        )
        .await;
    assert_eq!(client.response().await.status, 200);
    let seen = stack.upstream.last();
    assert!(
        seen.has("x-late") && !seen.has("x-auth-sub") && !seen.has("x_auth_roles"),
        "{:?}",
        seen.trailers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_forwarded_where_the_operator_says_so() {
    let stack = stack(json!({
        "forward_token": true,
        "routes": [{ "path": "/kept", "forward_token": false, "allow_authenticated": true }],
    }))
    .await;
    let good = stack.good_token();
    stack.get_with("/", &good).await;
    assert_eq!(stack.upstream.last().header("authorization"), Some(format!("Bearer {good}").as_str()));
    stack.get_with("/kept", &good).await;
    assert!(!stack.upstream.last().has("authorization"));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_headers_come_from_where_the_operator_says() {
    let stack = stack(json!({
        "roles_from": ["/realm_access/roles", { "claim": "permissions", "prefix": "orders:" }],
        "groups_from": "https://example.com/groups",
        "claim_headers": { "x-user": ["preferred_username", "sub"], "x-roles": "$roles", "x-team": "/team/name" },
        "routes": [
            { "path": "/a", "requires_role": "read" },
            { "path": "/b", "requires_role": "keycloak" },
            { "path": "/c", "requires_group": "g" },
            { "path": "/d", "requires_role": "plain" },
        ],
    }))
    .await;
    let token = stack.token().claim("realm_access", json!({ "roles": ["keycloak"] })).claim("role", "plain");
    let token = token
        .claim("permissions", json!(["orders:read", "billing:write"]))
        .claim("team", json!({ "name": "T" }));
    let token = token.claim("https://example.com/groups", json!(["g"])).sign(&stack.key).unwrap();
    for (path, status) in [("/a", 200), ("/b", 200), ("/c", 200), ("/d", 403)] {
        assert_eq!(stack.get_with(path, &token).await.status, status, "{path}");
    }
    let seen = stack.upstream.last();
    assert_eq!(seen.header("x-user"), Some("user-1"), "the first that exists");
    assert_eq!(seen.header("x-roles"), Some("keycloak,read"));
    assert_eq!(seen.header("x-team"), Some("T"));
    assert!(!seen.has("x-auth-sub"), "the map replaces the default one");
}
