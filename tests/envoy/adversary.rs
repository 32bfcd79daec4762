//! Attempts to reach what needs a role without it, or to be somebody else: bytes that a library would not send.
//!
//! Each attack is judged by what arrives upstream, not by the answer: Envoy refuses some of them before the filter
//! does, and may stop doing so.

use serde_json::{Value, json};

use crate::harness::{Connection, Seen, Stack, plugin_with, wait_until};

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
                "http2_protocol_options": { "allow_connect": true },
                // Most attacks end their connection.
                "delayed_close_timeout": "0.05s",
                "upgrade_configs": [{ "upgrade_type": "websocket" }, { "upgrade_type": "CONNECT" }],
            });
            envoy.routes =
                vec![json!({ "match": { "connect_matcher": {} }, "route": { "cluster": "upstream" } })];
        })
        .start()
        .await
}

/// Nothing of what needs the role, and nobody's claim of an identity but the filter's own.
fn assert_harmless(seen: &Seen, label: &str) {
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
            "{label}: a second spelling of the token's place: {seen:?}"
        );
    }
}

/// HTTP/1.1 attacks: a label and the bytes; `{user}` stands for a good token without the role.
const RAW: &[(&str, &str)] = &[
    // The host.
    ("a user in the host", "GET /x HTTP/1.1\r\nhost: x@admin.example\r\n\r\n"),
    ("a user and password", "GET /x HTTP/1.1\r\nhost: x:y@admin.example:80\r\n\r\n"),
    ("two hosts joined", "GET /x HTTP/1.1\r\nhost: api.example, admin.example\r\n\r\n"),
    ("two hosts", "GET /x HTTP/1.1\r\nhost: api.example\r\nhost: admin.example\r\n\r\n"),
    ("two hosts, the other way", "GET /x HTTP/1.1\r\nhost: admin.example\r\nhost: api.example\r\n\r\n"),
    ("a folded host", "GET /x HTTP/1.1\r\nhost: api.example\r\n admin.example\r\n\r\n"),
    ("a host with a path", "GET /x HTTP/1.1\r\nhost: admin.example/\r\n\r\n"),
    ("an empty port", "GET /x HTTP/1.1\r\nhost: admin.example:\r\n\r\n"),
    ("a port too large", "GET /x HTTP/1.1\r\nhost: admin.example:99999999\r\n\r\n"),
    ("a dot and a port, upper case", "GET /x HTTP/1.1\r\nhost: ADMIN.EXAMPLE.:80\r\n\r\n"),
    ("spaces around", "GET /x HTTP/1.1\r\nhost: \t admin.example \t\r\n\r\n"),
    ("an absolute target", "GET http://admin.example/x HTTP/1.1\r\nhost: api.example\r\n\r\n"),
    (
        "an absolute target with a user",
        "GET http://api.example@admin.example/x HTTP/1.1\r\nhost: api.example\r\n\r\n",
    ),
    (
        "a backslash before the user",
        "GET http://api.example\\@admin.example/x HTTP/1.1\r\nhost: api.example\r\n\r\n",
    ),
    ("another scheme", "GET ftp://admin.example/x HTTP/1.1\r\nhost: api.example\r\n\r\n"),
    ("no host, HTTP/1.0", "GET /admin/users HTTP/1.0\r\n\r\n"),
    // The target.
    (
        "an absolute target's path",
        "GET http://api.example/%61dmin/users HTTP/1.1\r\nhost: api.example\r\n\r\n",
    ),
    ("an authority as target", "GET admin.example:80 HTTP/1.1\r\nhost: api.example\r\n\r\n"),
    ("a space in the target", "GET /x /admin/users HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("a tab before the target", "GET\t/admin/users HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("a fragment", "GET /x#/../admin/users HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("an asterisk with a path", "OPTIONS */admin/users HTTP/1.1\r\nhost: h\r\n\r\n"),
    // The method.
    ("lower case", "delete /items/7 HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("an override", "GET /items/7 HTTP/1.1\r\nhost: h\r\nx-http-method-override: DELETE\r\n\r\n"),
    (
        "two overrides",
        "GET /items/7 HTTP/1.1\r\nhost: h\r\nx-http-method-override: GET\r\nx-http-method-override: DELETE\r\n\r\n",
    ),
    (
        "a preflight that is none",
        "OPTIONS /items/7 HTTP/1.1\r\nhost: h\r\norigin: https://a.example\r\naccess-control-request-method: GET\r\n\
         x-http-method-override: DELETE\r\n\r\n",
    ),
    (
        "a preflight with two origins",
        "OPTIONS /admin/users HTTP/1.1\r\nhost: h\r\norigin: https://a.example\r\norigin: https://b.example\r\n\
         access-control-request-method: GET\r\n\r\n",
    ),
    // Where one request ends.
    (
        "two lengths",
        "POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\ncontent-length: 43\r\n\r\nGET /admin/users HTTP/1.1\r\nhost: h\r\n\r\n",
    ),
    (
        "length and chunks",
        "POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n\
         GET /admin/users HTTP/1.1\r\nhost: h\r\n\r\n",
    ),
    (
        "chunks with a space before the colon",
        "POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n\
         GET /admin/users HTTP/1.1\r\nhost: h\r\n\r\n",
    ),
    (
        "an unknown coding",
        "POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n\
         GET /admin/users HTTP/1.1\r\nhost: h\r\n\r\n",
    ),
    (
        "a pipelined request",
        "GET /x HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {user}\r\n\r\nGET /admin/users HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    ),
    (
        "a body that is a request",
        "GET /x HTTP/1.1\r\nhost: h\r\ncontent-length: 43\r\n\r\nGET /admin/users HTTP/1.1\r\nhost: h\r\na: b\r\n\r\n",
    ),
    ("bare line feeds", "GET /x HTTP/1.1\nhost: h\n\nGET /admin/users HTTP/1.1\nhost: h\n\n"),
    // The identity.
    ("a space before the colon", "GET /x HTTP/1.1\r\nhost: h\r\nx-auth-sub : root\r\n\r\n"),
    ("a folded header", "GET /x HTTP/1.1\r\nhost: h\r\nx-a: b\r\n x-auth-sub: root\r\n\r\n"),
    (
        "spellings",
        "GET /x HTTP/1.1\r\nhost: h\r\nX_AUTH_SUB: root\r\nx.auth.roles: admin\r\nx-auth~groups: a\r\n\r\n",
    ),
    ("an empty one", "GET /x HTTP/1.1\r\nhost: h\r\nx-auth-sub:\r\nx-auth-roles: \r\n\r\n"),
    (
        "nominated away",
        "GET /me HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {user}\r\nconnection: keep-alive, x-auth-sub\r\n\
         x_auth_sub: root\r\n\r\n",
    ),
    (
        "in trailers",
        "POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntrailer: x-auth-sub\r\n\r\n0\r\n\
         X-Auth-Sub: root\r\nx_auth_roles: admin\r\n\r\n",
    ),
    (
        "an upgrade to the protected path",
        "GET /admin/users HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ),
    (
        "an upgrade of the protocol",
        "GET /x HTTP/1.1\r\nhost: h\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n",
    ),
    // The token.
    (
        "two tokens",
        "GET /me HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {user}\r\nauthorization: Bearer forged\r\n\r\n",
    ),
    (
        "a token and a cookie",
        "GET /me HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {user}\r\ncookie: session=forged\r\n\r\n",
    ),
    (
        "two cookies",
        "GET /me HTTP/1.1\r\nhost: h\r\ncookie: session={user}\r\ncookie: session=forged\r\n\r\n",
    ),
    (
        "a second spelling of the token's header",
        "GET /me HTTP/1.1\r\nhost: h\r\nx-token: Token {user}\r\nx_token: Token forged\r\n\r\n",
    ),
    (
        "a role that is none",
        "GET /admin/users HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {user}\r\nx-auth-roles: admin\r\n\r\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn over_http_1_nothing_gets_where_it_should_not() {
    let stack = stack().await;
    let user = stack.good_token();
    for (label, bytes) in RAW {
        let before = stack.upstream.count();
        let mut connection = Connection::open(stack.address()).await;
        connection.write(bytes.replace("{user}", &user).as_bytes()).await;
        // The end of what Envoy answers: it closes, or answers a last and harmless request.
        if !bytes.contains("connection: close") {
            connection.write_or_closed(b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
        }
        assert!(connection.closes().await, "{label}: no end");
        let seen = stack.upstream.seen();
        for seen in &seen[before..] {
            assert_harmless(seen, label);
            let two_tokens = matches!(*label, "two tokens" | "a token and a cookie" | "two cookies");
            assert!(!two_tokens || seen.path == "/last", "{label}: {seen:?}");
        }
    }
    let seen = stack.upstream.seen();
    let harmless = |path: &str| seen.iter().filter(|seen| seen.path == path).count();
    assert!(
        harmless("/last") > 10 && harmless("/x") > 5 && harmless("/me") > 1,
        "attacks do get as far as they may"
    );
    // The same stack does let the role through: what was refused was refused for a reason.
    let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/admin/users", &admin).await.status, 200);
    assert_eq!(stack.request("DELETE", "/items/7").bearer(&admin).send().await.status, 200);
    assert_eq!(stack.request("GET", "/x").host("admin.example").bearer(&admin).send().await.status, 200);
}

type Fields<'a> = &'a [(&'a str, &'a str)];

/// HTTP/2 attacks: a label and the fields in their order.
const FIELDS: &[(&str, Fields<'static>)] = &[
    (
        "two paths",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            (":path", "/admin/users"),
        ],
    ),
    (
        "two paths, the other way",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/admin/users"),
            (":path", "/x"),
        ],
    ),
    (
        "two authorities",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":authority", "admin.example"),
            (":path", "/x"),
        ],
    ),
    (
        "two methods",
        &[
            (":method", "GET"),
            (":method", "DELETE"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/items/7"),
        ],
    ),
    (
        "a host beside the authority",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("host", "admin.example"),
        ],
    ),
    (
        "a host instead of the authority",
        &[(":method", "GET"), (":scheme", "http"), (":path", "/x"), ("host", "admin.example")],
    ),
    (
        "a user in the authority",
        &[(":method", "GET"), (":scheme", "http"), (":authority", "x@admin.example"), (":path", "/x")],
    ),
    (
        "a path after a header",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            ("a", "b"),
            (":path", "/admin/users"),
        ],
    ),
    (
        "a path without a slash",
        &[(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "admin/users")],
    ),
    (
        "an empty path",
        &[(":method", "GET"), (":scheme", "http"), (":authority", "admin.example"), (":path", "")],
    ),
    (
        "an absolute path",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "http://admin.example/admin/users"),
        ],
    ),
    (
        "an asterisk",
        &[(":method", "GET"), (":scheme", "http"), (":authority", "admin.example"), (":path", "*")],
    ),
    (
        "a space in the path",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x HTTP/1.1\r\nhost: admin.example"),
        ],
    ),
    (
        "a line break in the path",
        &[(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/x\r\n/admin")],
    ),
    (
        "a request in the method",
        &[
            (":method", "GET /admin/users HTTP/1.1\r\na:"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
        ],
    ),
    (
        "a request in the scheme",
        &[
            (":method", "GET"),
            (":scheme", "http://admin.example/admin?"),
            (":authority", "h"),
            (":path", "/x"),
        ],
    ),
    (
        "a line break in a value",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("a", "b\r\nx-auth-sub: root"),
        ],
    ),
    (
        "a line break in a name",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("a\r\nx-auth-sub", "root"),
        ],
    ),
    (
        "a colon in a name",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("x-auth-sub:", "root"),
        ],
    ),
    (
        "upper case in a name",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("X-Auth-Sub", "root"),
        ],
    ),
    (
        "spellings",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("x_auth_sub", "root"),
            ("x.auth-roles", "a"),
        ],
    ),
    (
        "an unknown pseudo header",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            (":x-auth-sub", "root"),
        ],
    ),
    (
        "a connection header",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("connection", "x-auth-sub"),
        ],
    ),
    (
        "chunks",
        &[
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x"),
            ("transfer-encoding", "chunked"),
        ],
    ),
    (
        "an extended connect",
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/admin/users"),
        ],
    ),
    (
        "an extended connect, spelt",
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/x/..%2fadmin"),
        ],
    ),
    (
        "an override",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/items/7"),
            ("x-http-method-override", "DELETE"),
        ],
    ),
    (
        "cookies in crumbs",
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/me"),
            ("cookie", "session=a"),
            ("cookie", "session=b"),
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_nothing_gets_where_it_should_not() {
    let stack = stack().await;
    for (label, fields) in FIELDS {
        let before = stack.upstream.count();
        let mut connection = Connection::open(stack.address()).await;
        connection.write(&frames(fields)).await;
        assert!(connection.h2_stream_ends(1).await, "{label}: no end");
        for seen in &stack.upstream.seen()[before..] {
            assert_harmless(seen, label);
            assert_ne!(seen.path, "/me", "{label}");
        }
    }
    // The frames are sound: a plain request passes.
    let before = stack.upstream.count();
    let mut connection = Connection::open(stack.address()).await;
    let plain = [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/x")];
    connection.write(&frames(&plain)).await;
    assert!(connection.h2_stream_ends(1).await);
    assert_eq!(stack.upstream.count(), before + 1);
}

/// The preface, empty settings and one request without a body, its fields literal (RFC 9113, RFC 7541).
fn frames(fields: Fields<'_>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let length = u32::try_from(block.len()).unwrap().to_be_bytes();
    bytes.extend(&length[1..]);
    // HEADERS with END_STREAM and END_HEADERS, stream 1.
    bytes.extend([1, 5, 0, 0, 0, 1]);
    bytes.extend(block);
    bytes
}

/// A tunnel has no path that a route could name, so the default policy stands: a route for `/**` is no permission.
#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_is_under_the_default_policy() {
    let connect_route = |name: &str, metadata: Value| {
        let hosts = json!({ "name": ":authority", "string_match": { "prefix": name } });
        let mut route = json!({
            "match": { "connect_matcher": {}, "headers": [hosts] }, "route": { "cluster": "upstream" },
        });
        if !metadata.is_null() {
            route["metadata"] = json!({ "filter_metadata": { "jwt_guard": metadata } });
        }
        route
    };
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "routes": [{ "path": "/**", "allow_anonymous": true }] })))
        .envoy(|envoy| {
            envoy.connection_manager = json!({
                "upgrade_configs": [{ "upgrade_type": "websocket" }, { "upgrade_type": "CONNECT" }],
            });
            envoy.routes = vec![
                connect_route("open", json!({ "allow_anonymous": true })),
                connect_route("closed", json!({ "deny": true })),
                connect_route("h.", Value::Null),
            ];
        })
        .start()
        .await;
    for (target, token, status) in [
        ("h.example:443", false, Some(401)),
        ("h.example:443", true, None),
        ("closed.example:443", true, Some(403)),
        ("open.example:443", false, None),
    ] {
        let before = stack.upstream.count();
        let bearer =
            if token { format!("authorization: Bearer {}\r\n", stack.good_token()) } else { String::new() };
        let mut connection = stack.connect().await;
        connection
            .write(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{bearer}\r\n").as_bytes())
            .await;
        match status {
            Some(status) => {
                assert_eq!(connection.response().await.status, status, "{target}");
                assert_eq!(stack.upstream.count(), before, "{target}");
            }
            None => {
                wait_until("it is upstream", async || stack.upstream.count() == before + 1).await;
                assert_eq!(stack.upstream.last().method, "CONNECT");
            }
        }
    }
    assert_eq!(stack.get("/x").await.status, 200);
}
