//! Large inputs that are allowed: headers, queries, nested requirements, retries.

use serde_json::{Value, json};

use crate::harness::{Answer, CLAIM_HEADERS, REASONS_LOG, Stack, plugin_with};
use crate::outcome::assert_no_crash;

fn role_or_within(depth: usize) -> Value {
    (0..depth).fold(
        json!({ "requires_role": "admin" }),
        |inner, _| json!({ "any_of": [inner, { "requires_role": "nobody" }] }),
    )
}

/// Requirements may be nested up to the depth limit of JSON. A deeper requirement is an error in the configuration, and
/// in route metadata it denies the request.
#[tokio::test(flavor = "multi_thread")]
async fn requirements_within_requirements() {
    let deep = 10;
    let stack = Stack::builder()
        .plugin(plugin_with(
            json!({ "routes": [{ "path": "/deep", "any_of": role_or_within(deep)["any_of"] }] }),
        ))
        .envoy(|envoy| {
            let route = |prefix: &str, depth| {
                json!({
                    "match": { "prefix": prefix }, "route": { "cluster": "upstream" },
                    "metadata": { "filter_metadata": { "jwt_guard": role_or_within(depth) } },
                })
            };
            envoy.routes = vec![route("/carried", deep), route("/abyss", 16)];
            envoy.access_log = REASONS_LOG.to_owned();
        })
        .start()
        .await;
    let user = stack.good_token();
    let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
    for (path, statuses) in [("/deep", [401, 403, 200]), ("/carried", [401, 403, 200]), ("/abyss", [503; 3])]
    {
        let anonymous = stack.get(path).await.status;
        let got =
            [anonymous, stack.get_with(path, &user).await.status, stack.get_with(path, &admin).await.status];
        assert_eq!(got, statuses, "{path}");
    }
    stack.counted_denied("bad_metadata", 3).await;
    assert_no_crash(&stack);
}

/// Envoy's default limit is a hundred headers; with a higher limit the filter checks all headers.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_headers() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({})))
        .envoy(|envoy| {
            envoy.early_header_mutation = false;
            envoy.connection_manager = json!({
                "max_request_headers_kb": 96,
                "common_http_protocol_options": { "max_headers_count": 2000 },
            });
        })
        .start()
        .await;
    let token = stack.good_token();
    for (filler, copies) in [(10, 1), (900, 1), (0, 100)] {
        let mut request = stack.request("GET", "/");
        for index in 0..filler {
            request = request.header(format!("x-filler-{index}"), "v");
        }
        for _ in 0..copies {
            for name in CLAIM_HEADERS {
                request = request.header(name, "root").header(name.replace('-', "_"), "root");
            }
        }
        let count = stack.upstream.count();
        assert_eq!(request.bearer(&token).send().await.status, 200, "{filler}, {copies}");
        assert_eq!(stack.upstream.count(), count + 1);
        let seen = stack.upstream.last();
        assert_eq!(seen.header("x-auth-sub"), Some("user-1"), "{filler}, {copies}");
        let forged = seen.headers.iter().filter(|(_, value)| value == b"root");
        assert_eq!(forged.count(), 0, "{filler}, {copies}: {:?}", seen.headers);
        assert_eq!(seen.headers.iter().filter(|(name, _)| name.starts_with("x-filler-")).count(), filler);
    }
    assert_no_crash(&stack);
}

/// The filter searches a query of any length for the token's parameter, and removes only that parameter.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_sixty_kibibytes() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "token_from": [{ "header": "authorization" }, { "query": "access_token" }],
            "routes": [{ "path": "/admin/**", "requires_role": "admin" }],
        })))
        .envoy(|envoy| envoy.connection_manager = json!({ "max_request_headers_kb": 96 }))
        .start()
        .await;
    let token = stack.good_token();
    let filler = vec!["a=b%2F../;x"; 60 * 1024 / 12].join("&");
    let get = |path: String| stack.request("GET", &path).send();
    assert_eq!(get(format!("/me?{filler}")).await.status, 401);
    assert_eq!(get(format!("/me?{filler}&access_token={token}")).await.status, 200);
    assert_eq!(stack.upstream.last().path, format!("/me?{filler}"));
    assert_eq!(get(format!("/me?access_token={token}&{filler}&access_token={token}")).await.status, 400);
    assert_eq!(get(format!("/admin/x?{filler}&access_token={token}")).await.status, 403);
    assert_no_crash(&stack);
}

/// Envoy's retries send the request as the filter forwarded it: the same identity, no copies, no token.
#[tokio::test(flavor = "multi_thread")]
async fn a_retried_request_is_forwarded_unchanged() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({})))
        .issuer_path("/flaky", Answer::status(503))
        .envoy(|envoy| {
            envoy.early_header_mutation = false;
            envoy.routes = vec![json!({
                "match": { "prefix": "/flaky" },
                "route": { "cluster": "issuer", "retry_policy": { "retry_on": "5xx", "num_retries": 2 } },
            })];
        })
        .start()
        .await;
    let request = stack.request("GET", "/flaky").header("x-auth-sub", "root").header("x_auth_sub", "root");
    assert_eq!(request.clone().send().await.status, 401);
    assert_eq!(stack.issuer.count("/flaky"), 0);
    assert_eq!(request.bearer(&stack.good_token()).send().await.status, 503);
    let tries: Vec<_> =
        stack.issuer.requests().into_iter().filter(|request| request.path == "/flaky").collect();
    assert_eq!(tries.len(), 3);
    for request in tries {
        let of = |name: &str| request.headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(of("x-auth-sub"), ["user-1"]);
        assert!(of("x_auth_sub").is_empty() && of("authorization").is_empty(), "{:?}", request.headers);
    }
    stack.envoy.counted("wasmcustom.jwt_guard.allowed.verified", 1).await;
}
