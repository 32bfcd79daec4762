//! Other filters before and after jwt-guard: what each of them sees and changes. `jwtguard check` warns about the wrong
//! order; `docs/host-facts.md` and `docs/istio.md` refer to these facts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use jwt_guard_testkit::mint::{Algorithm, Proof, shared_key};
use serde_json::{Value, json};

use crate::harness::{Bootstrap, Stack, StackBuilder, Upstream, cluster, now, plugin_with, typed};

fn filter(kind: &str, config: Value) -> Value {
    json!({ "name": "other", "typed_config": typed(&format!("envoy.extensions.filters.http.{kind}"), config) })
}

/// Where the other filter is in the list.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

fn put(envoy: &mut Bootstrap, side: Side, filter: Value) {
    match side {
        Side::Before => envoy.filters_before.push(filter),
        Side::After => envoy.filters_after.push(filter),
    }
}

/// An external authorizer that gets the header in two spellings.
fn authorizer() -> Value {
    let patterns = json!([{ "exact": "x-auth-sub" }, { "exact": "x_auth_sub" }]);
    let service = json!({
        "server_uri": { "uri": "http://authz", "cluster": "authz", "timeout": "5s" },
        "authorization_request": { "allowed_headers": { "patterns": patterns } },
    });
    filter("ext_authz.v3.ExtAuthz", json!({ "http_service": service, "transport_api_version": "V3" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_authorizer_before_the_filter_sees_the_claim_headers_of_the_client() {
    for (side, early, sub, spelling) in [
        (Side::Before, false, Some("root"), Some("root")),
        // The early removal knows only the exact name.
        (Side::Before, true, None, Some("root")),
        (Side::After, false, Some("user-1"), None),
        (Side::After, true, Some("user-1"), None),
    ] {
        let authz = Upstream::start().await;
        let stack = Stack::builder()
            .plugin(plugin_with(json!({})))
            .envoy(|envoy| {
                envoy.early_header_mutation = early;
                envoy.clusters = vec![cluster("authz", authz.address(), false)];
                put(envoy, side, authorizer());
            })
            .start()
            .await;
        let forged = stack.request("GET", "/").header("x-auth-sub", "root").header("x_auth_sub", "root");
        assert_eq!(forged.bearer(&stack.good_token()).send().await.status, 200);
        let seen = authz.last();
        let found = (seen.header("x-auth-sub"), seen.header("x_auth_sub"));
        assert_eq!(found, (sub, spelling), "early removal: {early}");
        assert_eq!(stack.upstream.last().header("x-auth-sub"), Some("user-1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_web_client_reads_a_denial_only_if_grpc_web_runs_first() {
    for (side, grpc) in [(Side::Before, Some("16")), (Side::After, None)] {
        let stack = Stack::builder()
            .plugin(plugin_with(json!({})))
            .envoy(|envoy| {
                envoy.upstream_http2 = true;
                put(envoy, side, filter("grpc_web.v3.GrpcWeb", json!({})));
            })
            .start()
            .await;
        let mut client = stack.h2().await;
        let web: &[(&str, &[u8])] = &[("content-type", b"application/grpc-web+proto")];
        let denied = client.send("POST", "/orders.Orders/Get", web, b"", HeaderMap::new()).await;
        let code = denied.headers.get("grpc-status").map(|code| code.to_str().unwrap());
        assert_eq!((denied.status, code), (401, grpc));
        assert!(stack.upstream.seen().is_empty());
        // With a token, the call reaches the upstream as gRPC in either order.
        let authorization = format!("Bearer {}", stack.good_token());
        let headers: &[(&str, &[u8])] = &[web[0], ("authorization", authorization.as_bytes())];
        let answer =
            client.send("POST", "/orders.Orders/Get", headers, b"\0\0\0\0\0", HeaderMap::new()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(stack.upstream.last().header("content-type"), Some("application/grpc"));
    }
}

/// A field of a protobuf message with a length.
fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    prost::encoding::encode_varint(u64::from(number << 3 | 2), &mut bytes);
    prost::encoding::encode_varint(value.len() as u64, &mut bytes);
    bytes.extend_from_slice(value);
    bytes
}

/// The descriptor of `shop.Orders/Delete`, which `GET /v1/orders` calls. (Descriptor numbers are those of
/// `google/protobuf/descriptor.proto`; 72295728 is the option `google.api.http`, and 2 is its `get`.)
fn descriptor() -> String {
    let message = field(4, &field(1, b"Empty"));
    let http = field(4, &field(72_295_728, &field(2, b"/v1/orders")));
    let method = [field(1, b"Delete"), field(2, b".shop.Empty"), field(3, b".shop.Empty"), http].concat();
    let service = field(6, &[field(1, b"Orders"), field(2, &method)].concat());
    let file = [field(1, b"shop.proto"), field(2, b"shop"), message, service, field(12, b"proto3")].concat();
    STANDARD.encode(field(1, &file))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcoder_after_the_filter_changes_the_path_that_was_checked() {
    let transcoder = filter(
        "grpc_json_transcoder.v3.GrpcJsonTranscoder",
        json!({ "proto_descriptor_bin": descriptor(), "services": ["shop.Orders"] }),
    );
    let plugin = plugin_with(json!({
        "routes": [
            { "path": "/v1/orders", "allow_authenticated": true },
            { "path": "/shop.Orders/Delete", "requires_role": "admin" },
        ],
    }));
    for (side, user, anonymous) in [(Side::Before, 403, 401), (Side::After, 200, 401)] {
        let stack = Stack::builder()
            .plugin(plugin.clone())
            .envoy(|envoy| {
                envoy.upstream_http2 = true;
                put(envoy, side, transcoder.clone());
            })
            .start()
            .await;
        let answer = stack.get_with("/v1/orders", &stack.good_token()).await;
        assert_eq!(answer.status, user, "{}", String::from_utf8_lossy(&answer.body));
        let paths: Vec<_> = stack.upstream.seen().into_iter().map(|seen| seen.path).collect();
        let expected: &[&str] = if user == 200 { &["/shop.Orders/Delete"] } else { &[] };
        assert_eq!(
            paths, expected,
            "a transcoder after the filter goes past the rule for the path of the upstream"
        );
        // A denial is an HTTP status for a client that sends JSON in either order.
        assert_eq!(stack.get("/v1/orders").await.status, anonymous);
    }
}

/// Two filters of jwt-guard in one list.
fn two(first: Value, second: Value) -> StackBuilder {
    Stack::builder().plugin(plugin_with(first)).envoy(|envoy| {
        envoy.early_header_mutation = false;
        envoy.second_plugin = Some(("second".to_owned(), plugin_with(second)));
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_filters_needs_the_token_of_the_first() {
    for (first, status) in [(json!({}), 401), (json!({ "forward_token": true }), 200)] {
        let stack = two(first, json!({})).start().await;
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_filters_removes_the_claim_headers_of_the_first() {
    let of = |name: &str| json!({ name: "sub" });
    for (first, second, expected) in [
        // The default names are removed, whatever the map of the second filter.
        (json!({ "x-auth-sub": "sub" }), of("x-second"), [None, Some("user-1"), None]),
        (of("x-first"), of("x-second"), [None, Some("user-1"), Some("user-1")]),
        (of("x-first"), of("x_first"), [None, None, None]),
    ] {
        let stack =
            two(json!({ "forward_token": true, "claim_headers": first }), json!({ "claim_headers": second }))
                .start()
                .await;
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
        let seen = stack.upstream.last();
        assert_eq!(["x-auth-sub", "x-second", "x-first"].map(|name| seen.header(name)), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_filters_refuses_the_proof_that_the_first_noted() {
    let dpop = json!({ "forward_token": true, "dpop": { "origin": "https://api.example" } });
    let client = shared_key(Algorithm::Es256, "client");
    for (second, expected) in [(dpop.clone(), (401, Some("invalid_dpop_proof"))), (Value::Null, (200, None))]
    {
        let stack = match second {
            Value::Null => Stack::builder().plugin(plugin_with(dpop.clone())),
            second => two(dpop.clone(), second),
        };
        let stack = stack.start().await;
        let token =
            stack.token().claim("cnf", json!({ "jkt": client.thumbprint() })).sign(&stack.key).unwrap();
        let proof = Proof::new("GET", "https://api.example/", &token, client, now()).unwrap();
        let request = stack
            .request("GET", "/")
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", proof.sign(client).unwrap());
        let answer = request.send().await;
        let error = (answer.status != 200).then(|| answer.error());
        assert_eq!((answer.status, error.as_deref()), expected);
    }
}
