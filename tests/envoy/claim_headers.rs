//! The identity headers at the upstream, and clients that try to forge them.

use serde_json::json;

use crate::harness::{Stack, plugin_with};

/// Without the early removal by Envoy, which would hide a missing removal by the filter.
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
    assert!(!seen.has("authorization"), "the token is removed unless forward_token is set");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_set_its_identity() {
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
        "Grpc-Metadata-X-User",
        "grpc-metadata-x_auth_sub",
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
async fn trailers_cannot_set_the_identity() {
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
async fn trailers_carry_no_token() {
    let stack = stack(json!({
        "forward_token": true,
        "routes": [
            { "path": "/public", "allow_anonymous": true },
            { "path": "/other", "allow_authenticated": true, "token_from": { "header": "x-token" } },
        ],
    }))
    .await;
    let good = stack.good_token();
    for path in ["/public", "/"] {
        let mut client = stack.connect().await;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nauthorization: Bearer {good}\r\n\r\n\
             2\r\nab\r\n0\r\nauthorization: Bearer EVIL\r\ncookie: session=EVIL\r\nx_token: EVIL\r\n\
             grpc-metadata-authorization: Bearer EVIL\r\nx-late: 1\r\n\r\n"
        );
        client.write(request.as_bytes()).await;
        assert_eq!(client.response().await.status, 200, "{path}");
        let seen = stack.upstream.last();
        assert_eq!(seen.trailers, [("x-late".to_owned(), b"1".to_vec())], "{path}");
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {good}").as_str()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_forwarded_if_configured() {
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
async fn encoded_claims_can_be_decoded() {
    let stack = stack(json!({
        "claim_headers": {
            "x-text": "text", "x-list": "list", "x-first": ["absent", "/deep/0", "text"], "x-payload": "$payload",
            "x-never": "$none", "x-number": "number", "x-truth": "truth", "x-object": "object", "x-roles": "$roles",
            "x-null": "null", "x-empty": "empty", "x-none": "none",
        },
    }))
    .await;
    let claims = r#"{
        "text": " 100% \"é\"\r\n, a ", "list": ["a,b", "c d", 1.0, true, {"x":1}], "deep": ["first"],
        "truth": false, "object": {"b": [1], "a": "ü"}, "roles": ["x y", "z,"],
        "null": null, "empty": "", "none": []
    }"#;
    let serde_json::Value::Object(claims) = serde_json::from_str(claims).unwrap() else { unreachable!() };
    // The number exactly as in the token: no JSON library rewrites it here.
    let payload = stack.token().claims(claims).claim("number", 0).claims_json();
    let payload = payload.replace("\"number\":0", "\"number\":12345678901234567890.50");
    let header = stack.token().header_json(&stack.key);
    let token = stack.key.sign(header, &payload).unwrap();
    let mut request = stack.request("GET", "/").bearer(&token);
    for name in ["x-never", "x_never", "x-null", "x-empty", "x-none"] {
        request = request.header(name, "forged");
    }
    assert_eq!(request.send().await.status, 200);
    let seen = stack.upstream.last();
    for (name, value) in [
        ("x-text", Some("%20100%25 \"%C3%A9\"%0D%0A, a%20")),
        ("x-list", Some("a%2Cb,c%20d,1.0,true,eyJ4IjoxfQ")),
        ("x-first", Some("first")),
        ("x-payload", token.split('.').nth(1)),
        ("x-number", Some("12345678901234567890.50")),
        ("x-truth", Some("false")),
        ("x-object", Some("eyJhIjoiw7wiLCJiIjpbMV19")),
        ("x-roles", Some("x%20y,z%2C")),
        ("x-never", None),
        ("x_never", None),
        ("x-null", None),
        ("x-empty", None),
        ("x-none", None),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
}

/// The client's copies of identity headers are removed in every mode in which a request passes.
#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_client_are_removed_in_every_mode() {
    let folds = [
        "x-tier",
        "X-Tier",
        "x_tier",
        "X.Tier",
        "x~tier",
        "x-auth-sub",
        "X_AUTH_SUB",
        "x.auth.roles",
        "x!auth-jti",
    ];
    let members = json!({
        "claim_headers": { "x-tier": "tier" },
        "bypass_cors_preflight": true,
        "routes": [
            { "path": "/anonymous", "allow_anonymous": true },
            { "path": "/missing", "allow_missing": true },
            { "path": "/lenient", "allow_missing_or_failed": true },
            { "path": "/shadow", "allow_anonymous": true, "shadow": { "deny": true } },
        ],
    });
    for mode in [json!({}), json!({ "enabled": false }), json!({ "report_only": true })] {
        let mut members = members.clone();
        members.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
        let stack = stack(members).await;
        let good = stack.good_token();
        let refuses = mode == json!({});
        for (method, path, token, passes) in [
            ("GET", "/anonymous", None, true),
            ("GET", "/anonymous", Some("garbage"), true),
            ("GET", "/missing", None, true),
            ("GET", "/missing", Some(good.as_str()), true),
            ("GET", "/lenient", Some("garbage"), true),
            ("GET", "/shadow", None, true),
            ("OPTIONS", "/", None, true),
            ("GET", "/", Some(&good), true),
            ("GET", "/", None, !refuses),
            ("GET", "/%zz", None, !refuses),
        ] {
            let mut request = stack.request(method, path);
            for name in folds {
                request = request.header(name, "root").header(name, "again");
            }
            if method == "OPTIONS" {
                request = request
                    .header("origin", "https://a.example")
                    .header("access-control-request-method", "PUT");
            }
            if let Some(token) = token {
                request = request.bearer(token);
            }
            let before = stack.upstream.count();
            request.send().await;
            assert_eq!(stack.upstream.count() - before, usize::from(passes), "{mode} {method} {path}");
            if passes {
                let seen = stack.upstream.last();
                let left: Vec<_> = folds.iter().filter(|name| seen.has(&name.to_ascii_lowercase())).collect();
                assert!(left.is_empty(), "{mode} {method} {path}: {left:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_too_long_denies_and_the_longest_passes() {
    let stack = stack(json!({ "max_claim_header_bytes": 100, "claim_headers": { "x-a": "a" } })).await;
    for (length, status) in [(100, 200), (101, 403)] {
        let token = stack.token().claim("a", "a".repeat(length)).sign(&stack.key).unwrap();
        assert_eq!(stack.get_with("/", &token).await.status, status, "{length}");
    }
    let escaped = stack.token().claim("a", "\u{e9}".repeat(17)).sign(&stack.key).unwrap();
    let refused = stack.get_with("/", &escaped).await;
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (403, "insufficient_scope"),
        "the limit applies to the encoded value"
    );
    stack.counted_denied("header_oversize", 2).await;
    assert_eq!(stack.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_header_cannot_remove_identity_headers() {
    let stack = stack(json!({ "routes": [{ "path": "/public", "allow_anonymous": true }] })).await;
    let good = stack.good_token();
    for connection in
        ["Upgrade, x-auth-sub", "x-auth-sub,upgrade", "upgrade, keep-alive, authorization", "upgrade"]
    {
        for (path, token) in [("/ws", Some(&good)), ("/public", None)] {
            let mut client = stack.connect().await;
            let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: h\r\nconnection: {connection}\r\nupgrade: websocket\r\n\
                 x-auth-roles: admin\r\n{bearer}\r\n"
            );
            client.write(request.as_bytes()).await;
            assert_eq!(client.response().await.status, 101, "{connection}");
            let seen = stack.upstream.last();
            assert_eq!(
                seen.header("connection").map(str::to_ascii_lowercase).as_deref(),
                Some("upgrade"),
                "{connection}"
            );
            assert_eq!(seen.header("x-auth-sub"), token.map(|_| "user-1"), "{connection}");
            assert!(!seen.has("x-auth-roles"), "{connection}");
        }
    }
}
