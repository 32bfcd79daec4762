//! Attacks over HTTP/2 with fields that no library would send.

use super::{assert_no_bypass, stack};
use crate::harness::Connection;

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
        "gRPC",
        &[
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "h"),
            (":path", "/admin/users"),
            ("content-type", "application/grpc+proto"),
            ("te", "trailers"),
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
async fn no_http_2_attack_bypasses_the_policy() {
    let stack = stack().await;
    for (label, fields) in FIELDS {
        let before = stack.upstream.count();
        let mut connection = Connection::open(stack.address()).await;
        connection.write(&frames(fields)).await;
        assert!(connection.h2_stream_ends(1).await, "{label}: the stream does not end");
        for seen in &stack.upstream.seen()[before..] {
            assert_no_bypass(seen, label);
            assert_ne!(seen.path, "/me", "{label}");
        }
    }
    // The frames are valid: a plain request passes.
    let before = stack.upstream.count();
    let mut connection = Connection::open(stack.address()).await;
    let plain = [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/x")];
    connection.write(&frames(&plain)).await;
    assert!(connection.h2_stream_ends(1).await);
    assert_eq!(stack.upstream.count(), before + 1);
}

/// The preface, empty settings and one request without a body, with literal fields (RFC 9113, RFC 7541).
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
