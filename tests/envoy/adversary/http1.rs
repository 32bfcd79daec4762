//! Attacks over HTTP/1.1 with bytes that no library would send.

use super::{assert_no_bypass, stack};
use crate::harness::Connection;

/// HTTP/1.1 attacks: a label and the bytes; `{user}` is replaced by a valid token without the role.
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
    ("a word for a port", "GET /x HTTP/1.1\r\nhost: admin.example:x\r\n\r\n"),
    ("two ports", "GET /x HTTP/1.1\r\nhost: admin.example:80:81\r\n\r\n"),
    ("a sign in the port", "GET /x HTTP/1.1\r\nhost: admin.example:+80\r\n\r\n"),
    ("two dots at the end", "GET /x HTTP/1.1\r\nhost: admin.example..\r\n\r\n"),
    ("an encoded letter", "GET /x HTTP/1.1\r\nhost: %61dmin.example\r\n\r\n"),
    ("an encoded dot", "GET /x HTTP/1.1\r\nhost: admin%2eexample\r\n\r\n"),
    ("an encoded NUL", "GET /x HTTP/1.1\r\nhost: admin.example%00.api.example\r\n\r\n"),
    ("an ideographic dot", "GET /x HTTP/1.1\r\nhost: admin\u{3002}example\r\n\r\n"),
    ("a query in the host", "GET /x HTTP/1.1\r\nhost: admin.example?.api.example\r\n\r\n"),
    ("a fragment in the host", "GET /x HTTP/1.1\r\nhost: admin.example#.api.example\r\n\r\n"),
    ("a backslash in the host", "GET /x HTTP/1.1\r\nhost: admin.example\\.api.example\r\n\r\n"),
    ("a name behind an address", "GET /x HTTP/1.1\r\nhost: [::1]admin.example\r\n\r\n"),
    ("a name in brackets", "GET /x HTTP/1.1\r\nhost: [admin.example]\r\n\r\n"),
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
    ("an absolute target, HTTP/1.0", "GET http://admin.example/x HTTP/1.0\r\n\r\n"),
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
    ("HEAD", "HEAD /admin/users HTTP/1.1\r\nhost: h\r\n\r\n"),
    (
        "a body to come",
        "POST /admin/users HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\na",
    ),
    (
        "internal headers of Envoy",
        "GET /admin/users HTTP/1.1\r\nhost: h\r\nx-envoy-internal: true\r\nx-envoy-original-path: /x\r\n\
         x-envoy-retry-on: 4xx\r\nx-envoy-max-retries: 3\r\nx-envoy-retriable-status-codes: 401,403\r\n\
         x-envoy-decorator-operation: /x\r\nx-forwarded-for: 127.0.0.1\r\n\r\n",
    ),
    (
        "gRPC over HTTP/1.1",
        "POST /admin/users HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n",
    ),
    // The method.
    ("lower case", "delete /items/7 HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("an override", "GET /items/7 HTTP/1.1\r\nhost: h\r\nx-http-method-override: DELETE\r\n\r\n"),
    (
        "two overrides",
        "GET /items/7 HTTP/1.1\r\nhost: h\r\nx-http-method-override: GET\r\nx-http-method-override: DELETE\r\n\r\n",
    ),
    (
        "an invalid preflight",
        "OPTIONS /items/7 HTTP/1.1\r\nhost: h\r\norigin: https://a.example\r\naccess-control-request-method: GET\r\n\
         x-http-method-override: DELETE\r\n\r\n",
    ),
    (
        "a preflight with two origins",
        "OPTIONS /admin/users HTTP/1.1\r\nhost: h\r\norigin: https://a.example\r\norigin: https://b.example\r\n\
         access-control-request-method: GET\r\n\r\n",
    ),
    // The end of a request.
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
        "nominated by TE",
        "GET /x HTTP/1.1\r\nhost: h\r\nte: trailers, x-auth-sub\r\nconnection: te\r\nx-auth-sub: root\r\n\r\n",
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
        "a forged role header",
        "GET /admin/users HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {user}\r\nx-auth-roles: admin\r\n\r\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_http_1_attack_bypasses_the_policy() {
    let stack = stack().await;
    let user = stack.good_token();
    for (label, bytes) in RAW {
        let before = stack.upstream.count();
        let mut connection = Connection::open(stack.address()).await;
        connection.write(bytes.replace("{user}", &user).as_bytes()).await;
        // Find the end of Envoy's responses: Envoy closes the connection, or answers a last harmless request.
        if !bytes.contains("connection: close") {
            connection.write_or_closed(b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
        }
        assert!(connection.closes().await, "{label}: the connection does not end");
        let seen = stack.upstream.seen();
        for seen in &seen[before..] {
            assert_no_bypass(seen, label);
            let two_tokens = matches!(*label, "two tokens" | "a token and a cookie" | "two cookies");
            assert!(!two_tokens || seen.path == "/last", "{label}: {seen:?}");
        }
    }
    let seen = stack.upstream.seen();
    let harmless = |path: &str| seen.iter().filter(|seen| seen.path == path).count();
    assert!(
        harmless("/last") > 10 && harmless("/x") > 5 && harmless("/me") > 1,
        "some attacks reach the upstream as harmless requests"
    );
    // The same stack allows a request with the role, so the denials were due to the attacks.
    let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/admin/users", &admin).await.status, 200);
    assert_eq!(stack.request("DELETE", "/items/7").bearer(&admin).send().await.status, 200);
    assert_eq!(stack.request("GET", "/x").host("admin.example").bearer(&admin).send().await.status, 200);
}
