//! `cors_allow_origins`: the CORS headers of denials, alone and together with Envoy's CORS filter.

use serde_json::{Value, json};

use crate::harness::{Request, Response, Stack, plugin_with, typed};

const APP: &str = "https://app.example.com";
const ADMIN: &str = "https://admin.example.com:8443";
const EVIL: &str = "https://app.example.com.evil.example";
const EXPOSED: &str = "www-authenticate, retry-after";

fn plugin(origins: Value) -> Value {
    plugin_with(json!({
        "cors_allow_origins": origins,
        "routes": [
            { "path": "/open", "allow_anonymous": true },
            { "path": "/admin", "requires_role": "admin" },
            { "path": "/denied", "deny": true },
        ],
    }))
}

fn cors_headers(answer: &Response) -> Vec<String> {
    let is_cors = |name: &str| name.starts_with("access-control-") || name == "vary";
    let headers = answer.headers.iter().filter(|(name, _)| is_cors(name));
    headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_ref()))).collect()
}

fn with_origins(request: Request, origins: &[&str]) -> Request {
    origins.iter().fold(request, |request, origin| request.header("origin", origin))
}

fn for_origin(origin: &str) -> Vec<String> {
    vec![
        "vary: origin".to_owned(),
        format!("access-control-allow-origin: {origin}"),
        "access-control-allow-credentials: true".to_owned(),
        format!("access-control-expose-headers: {EXPOSED}"),
    ]
}

fn for_any() -> Vec<String> {
    vec![
        "vary: origin".to_owned(),
        "access-control-allow-origin: *".to_owned(),
        format!("access-control-expose-headers: {EXPOSED}"),
    ]
}

fn only_vary() -> Vec<String> {
    vec!["vary: origin".to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_denial_has_the_headers_for_its_origin() {
    let listed = Stack::builder().plugin(plugin(json!([APP, ADMIN]))).issuer_down().start().await;
    let any = Stack::builder().plugin(plugin(json!("*"))).issuer_down().start().await;
    let none = Stack::builder().plugin(plugin(Value::Null)).issuer_down().start().await;
    let rows: [(&[&str], Vec<String>); 9] = [
        (&[APP], for_origin(APP)),
        (&[ADMIN], for_origin(ADMIN)),
        (&[EVIL], only_vary()),
        (&[], only_vary()),
        (&[""], only_vary()),
        (&["null"], only_vary()),
        (&[APP, EVIL], only_vary()),
        (&[APP, APP], only_vary()),
        (&["https://APP.example.com"], only_vary()),
    ];
    for (origins, expected) in rows {
        for (path, token, status) in [
            ("/admin", None, 401),
            ("/admin", Some("a.b"), 401),
            ("/%61dmin%00", None, 400),
            ("/denied", None, 403),
            ("/admin", Some("valid, but the issuer is down"), 503),
        ] {
            for (stack, expected) in [(&listed, expected.clone()), (&any, for_any()), (&none, vec![])] {
                let request = with_origins(stack.request("GET", path), origins);
                let answer = match token {
                    Some("a.b") => request.bearer("a.b").send().await,
                    Some(_) => request.bearer(&stack.good_token()).send().await,
                    None => request.send().await,
                };
                assert_eq!(answer.status, status, "{path}");
                assert_eq!(cors_headers(&answer), expected, "{origins:?} {path} {status}");
                assert_eq!(answer.text("cache-control"), Some("no-store"));
                assert_eq!(answer.text("retry-after").is_some(), status == 503);
                assert_eq!(answer.text("www-authenticate").is_some(), matches!(status, 401 | 403));
            }
        }
    }
}

/// The upstream or a CORS filter answers requests that pass.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_passes_gets_no_headers() {
    for (report_only, expected) in [(false, 401), (true, 200)] {
        let mut plugin = plugin(json!([APP]));
        plugin["report_only"] = report_only.into();
        let stack = Stack::with_plugin(plugin).await;
        let open = stack.request("GET", "/open").header("origin", APP).send().await;
        assert_eq!((open.status, cors_headers(&open)), (200, vec![]));
        let request = stack.request("GET", "/x").header("origin", APP).bearer(&stack.good_token());
        let answer = request.send().await;
        assert_eq!((answer.status, cors_headers(&answer)), (200, vec![]));
        let answer = stack.request("GET", "/x").header("origin", APP).send().await;
        assert_eq!(answer.status, expected);
        assert_eq!(cors_headers(&answer).is_empty(), report_only);
    }
}

/// A value of `Origin` that equals no configured text adds nothing to the response.
#[tokio::test(flavor = "multi_thread")]
async fn an_origin_is_never_reflected() {
    for origins in [json!([APP]), json!("*")] {
        let stack = Stack::with_plugin(plugin(origins.clone())).await;
        for sent in [
            EVIL,
            "https://evil.example",
            "https://app.example.com, https://evil.example",
            "https://app.example.com https://evil.example",
            "https://app.example.com%0d%0ax-injected: 1",
            "https://app.example.com\tx",
            "https://*.example.com",
            "*",
            "null",
        ] {
            let answer = stack.request("GET", "/admin").header("origin", sent).send().await;
            let expected = if origins == "*" { for_any() } else { only_vary() };
            assert_eq!((answer.status, cors_headers(&answer)), (401, expected), "{sent}");
            assert!(!answer.headers.iter().any(|(name, _)| name == "x-injected"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_denials_have_the_headers() {
    let stack = Stack::with_plugin(plugin(json!([APP]))).await;
    for (content_type, status) in
        [("application/grpc", 200), ("application/grpc-web+proto", 401), ("application/json", 401)]
    {
        let request = stack.request("POST", "/orders.v1/Get").header("content-type", content_type);
        let answer = request.header("origin", APP).send().await;
        assert_eq!(answer.status, status, "{content_type}");
        assert_eq!(answer.text("grpc-status").is_some(), status == 200, "{content_type}");
        assert_eq!(cors_headers(&answer), for_origin(APP), "{content_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_passes_and_a_denied_one_has_the_headers() {
    let mut plugin = plugin(json!([APP]));
    plugin["bypass_cors_preflight"] = true.into();
    let stack = Stack::with_plugin(plugin).await;
    let preflight = || {
        let request = stack.request("OPTIONS", "/admin").header("origin", APP);
        request.header("access-control-request-method", "GET")
    };
    let answer = preflight().send().await;
    assert_eq!((answer.status, cors_headers(&answer)), (200, vec![]), "the upstream answers it");
    let answer = preflight().header("access-control-request-method", "POST").send().await;
    assert_eq!((answer.status, cors_headers(&answer)), (401, for_origin(APP)));
}

fn cors_filter() -> Value {
    let kind = "envoy.extensions.filters.http.cors.v3.Cors";
    json!({ "name": "envoy.filters.http.cors", "typed_config": typed(kind, json!({})) })
}

fn cors_policy(origin: &str, members: Value) -> Value {
    let mut policy = json!({ "allow_origin_string_match": [{ "exact": origin }] });
    policy.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let kind = "envoy.extensions.filters.http.cors.v3.CorsPolicy";
    json!({ "typed_per_filter_config": { "envoy.filters.http.cors": typed(kind, policy) } })
}

/// Envoy's CORS filter before this one replaces the headers for the origins that it allows.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_cors_filter_no_header_is_there_twice() {
    let own = json!({ "allow_credentials": true, "expose_headers": "www-authenticate" });
    for (position, origin, members, expected) in [
        ("before", APP, json!({}), for_origin(APP)),
        ("before", ADMIN, json!({}), for_origin(APP)),
        ("before", APP, own, {
            let mut expected = for_origin(APP);
            expected[3] = "access-control-expose-headers: www-authenticate".to_owned();
            expected
        }),
        ("after", APP, json!({ "allow_credentials": true }), for_origin(APP)),
        ("after", ADMIN, json!({}), for_origin(APP)),
    ] {
        let stack = Stack::builder()
            .plugin(plugin(json!([APP])))
            .envoy(|envoy| {
                match position {
                    "before" => envoy.filters_before = vec![cors_filter()],
                    _ => envoy.filters_after = vec![cors_filter()],
                }
                envoy.virtual_host_options = cors_policy(origin, members.clone());
            })
            .start()
            .await;
        let answer = stack.request("GET", "/admin").header("origin", APP).send().await;
        let (mut found, mut expected) = (cors_headers(&answer), expected);
        found.sort();
        expected.sort();
        assert_eq!((answer.status, found), (401, expected), "{position} {origin} {members}");
        let open = stack.request("GET", "/open").header("origin", origin).send().await;
        let allowed: Vec<_> = open.all("access-control-allow-origin").collect();
        assert_eq!((open.status, allowed), (200, vec![origin]), "{position}: the CORS filter answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_no_browser_sends_is_rejected() {
    for (origins, words) in [
        (json!(["https://app.example.com/"]), "cors_allow_origins[0]: an origin has no path"),
        (json!([APP, "null"]), "cors_allow_origins[1]: null is the origin of every sandboxed page"),
        (json!([APP, "*"]), "cors_allow_origins[1]: * already allows every origin"),
        (json!([]), "got an empty list"),
    ] {
        let refused = Stack::builder().plugin(plugin(origins.clone())).start_rejected().await;
        assert!(refused.log.contains(words), "{origins}: {words}\n{}", refused.tail());
    }
}
