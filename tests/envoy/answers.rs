//! The exact responses to clients.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Request, Stack, plugin_with};

const RESOURCE: &str = "resource_metadata=\"https://api.example/.well-known/oauth-protected-resource";

fn configuration() -> Value {
    plugin_with(json!({
        "realm": "Orders \"A\\B\"",
        "max_claim_header_bytes": 64,
        "bypass_cors_preflight": true,
        "resource_metadata": [
            { "resource": "https://api.example", "resource_name": "all" },
            { "resource": "https://api.example/orders", "authorization_servers": ["https://issuer.example"] },
            { "resource": "https://other.example:8443/v1/" },
        ],
        "routes": [
            { "path": "/role", "requires_role": "chief-of-secrets" },
            { "path": "/group", "requires_group": "inner-circle" },
            { "path": "/scope", "requires_scope": "orders:read" },
            { "path": "/scopes", "requires_scope": { "all": ["a", "b"] } },
            { "path": "/any-scope", "requires_scope": { "any": ["c", "d"] } },
            { "path": "/both", "requires_role": "x", "requires_scope": "orders:read" },
            { "path": "/claim", "requires_claim": { "claim": "secret-claim", "any": ["secret-value"] } },
            { "path": "/deny", "deny": true },
            { "path": "/orders/**", "allow_authenticated": true },
            { "path": "/public/**", "allow_anonymous": true },
        ],
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table() {
    let stack = Stack::with_plugin(configuration()).await;
    let good = stack.good_token();
    let bearer = |token: &str| format!("Bearer {token}");
    let expired = bearer(&stack.token().expired_for(Duration::from_secs(600)).sign(&stack.key).unwrap());
    let oversize = bearer(&stack.token().claim("email", "e".repeat(65)).sign(&stack.key).unwrap());
    let huge = bearer(&"a".repeat(20_000));
    let good = bearer(&good);
    let missing = ("missing_token", "Missing or invalid Authorization header");
    let invalid = ("invalid_token", "Token is invalid");
    let malformed = ("invalid_request", "Malformed or repeated credentials");
    let forbidden = ("insufficient_scope", "Access to this resource is not permitted");
    let invalid_challenge = r#", error="invalid_token", error_description="Token is invalid""#;
    let rows: &[(&str, Option<&str>, u16, (&str, &str), Option<&str>)] = &[
        ("/", None, 401, missing, Some("")),
        ("/", Some("Basic dTpw"), 401, missing, Some("")),
        ("/", Some(""), 401, missing, Some("")),
        ("/scope", None, 401, missing, Some(r#", scope="orders:read""#)),
        ("/scopes", Some("Basic dTpw"), 401, missing, Some(r#", scope="a b""#)),
        ("/any-scope", None, 401, missing, Some(r#", scope="c""#)),
        ("/role", None, 401, missing, Some("")),
        ("/", Some("Bearer"), 400, malformed, Some(r#", error="invalid_request""#)),
        ("/", Some("Bearer a,Bearer b"), 400, malformed, Some(r#", error="invalid_request""#)),
        ("/scope", Some("Bearer a,Bearer b"), 400, malformed, Some(r#", error="invalid_request""#)),
        ("/", Some("Bearer garbage"), 401, invalid, Some(invalid_challenge)),
        ("/scope", Some("Bearer garbage"), 401, invalid, Some(invalid_challenge)),
        ("/", Some(&huge), 401, invalid, Some(invalid_challenge)),
        (
            "/",
            Some(&expired),
            401,
            ("invalid_token", "Token has expired"),
            Some(r#", error="invalid_token", error_description="Token has expired""#),
        ),
        ("/role", Some(&good), 403, forbidden, Some(r#", error="insufficient_scope""#)),
        ("/group", Some(&good), 403, forbidden, Some(r#", error="insufficient_scope""#)),
        ("/claim", Some(&good), 403, forbidden, Some(r#", error="insufficient_scope""#)),
        ("/deny", None, 403, forbidden, Some(r#", error="insufficient_scope""#)),
        ("/scope", Some(&good), 403, forbidden, Some(r#", error="insufficient_scope", scope="orders:read""#)),
        ("/scopes", Some(&good), 403, forbidden, Some(r#", error="insufficient_scope", scope="a b""#)),
        ("/any-scope", Some(&good), 403, forbidden, Some(r#", error="insufficient_scope", scope="c""#)),
        ("/both", Some(&good), 403, forbidden, Some(r#", error="insufficient_scope", scope="orders:read""#)),
        (
            "/",
            Some(&oversize),
            403,
            ("insufficient_scope", "A claim of the token is too long to be forwarded"),
            Some(r#", error="insufficient_scope""#),
        ),
        ("/%zz", Some(&good), 400, ("bad_path", "Malformed or ambiguous path"), None),
    ];
    for (path, authorization, status, (error, detail), challenge) in rows {
        // The metadata documents belong to other hosts.
        let mut request = Request::new(stack.address(), "GET", path).host("h.example");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let answer = request.send().await;
        let label = format!("{path} {:.20}", authorization.unwrap_or("nothing"));
        assert_eq!(answer.status, *status, "{label}");
        assert_eq!(
            answer.body,
            format!(r#"{{"error":"{error}","detail":"{detail}"}}"#).as_bytes(),
            "{label}"
        );
        let challenge = challenge.map(|rest| format!(r#"Bearer realm="Orders \"A\\B\""{rest}"#));
        assert_eq!(answer.text("www-authenticate"), challenge.as_deref(), "{label}");
        assert_eq!(answer.text("content-type"), Some("application/json"), "{label}");
        assert_eq!(answer.text("cache-control"), Some("no-store"), "{label}");
        assert_eq!(answer.text("retry-after"), None, "{label}");
        let whole = format!("{answer:?}").to_lowercase();
        for secret in ["chief-of-secrets", "inner-circle", "secret-claim", "secret-value", "first", "rs256"] {
            assert!(!whole.contains(secret), "{label}: the response contains {secret}");
        }
    }
    assert_eq!(stack.upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_gets_the_response_of_get_without_its_body() {
    let stack = Stack::with_plugin(configuration()).await;
    let mut connection = stack.connect().await;
    for path in ["/", "/role", "/.well-known/oauth-protected-resource/orders"] {
        let get = stack.get(path).await;
        connection.write(format!("HEAD {path} HTTP/1.1\r\nhost: api.example\r\n\r\n").as_bytes()).await;
        let head = connection.response_to("HEAD").await;
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "content-length", "www-authenticate", "cache-control"] {
            assert_eq!(head.text(name), get.text(name), "{path}: {name}");
        }
        assert_eq!(head.text("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
    }
    // A body would come before this response.
    connection.write(b"GET /public HTTP/1.1\r\nhost: api.example\r\n\r\n").await;
    assert_eq!(connection.response().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_clients_get_only_codes_and_details() {
    let stack =
        Stack::builder().plugin(configuration()).envoy(|envoy| envoy.upstream_http2 = true).start().await;
    let mut client = stack.h2().await;
    let good = format!("Bearer {}", stack.good_token());
    let expired =
        format!("Bearer {}", stack.token().expired_for(Duration::from_secs(600)).sign(&stack.key).unwrap());
    for (path, authorization, code, message) in [
        ("/orders/Get", None, "16", "Missing or invalid Authorization header"),
        ("/orders/Get", Some("Bearer x,Bearer y"), "13", "Malformed or repeated credentials"),
        ("/orders/Get", Some(expired.as_str()), "16", "Token has expired"),
        ("/role", Some(good.as_str()), "7", "Access to this resource is not permitted"),
        ("/a/%zz", Some(good.as_str()), "13", "Malformed or ambiguous path"),
    ] {
        let headers: Vec<(&str, &[u8])> =
            authorization.iter().map(|value| ("authorization", value.as_bytes())).collect();
        let answer = client.grpc(path, &headers, b"message").await;
        assert_eq!((answer.status, &answer.headers["grpc-status"]), (200, &code.parse().unwrap()), "{path}");
        let message_text = answer.headers["grpc-message"].to_str().unwrap().replace("%20", " ");
        assert_eq!(message_text, message, "{path}");
        assert!(answer.body.is_empty(), "{path}");
    }
    let web: &[(&str, &[u8])] = &[("content-type", b"application/grpc-web")];
    let answer = client.send("POST", "/orders/Get", web, b"", hyper::HeaderMap::new()).await;
    assert_eq!(answer.status, 401, "Envoy does not treat gRPC-Web as gRPC");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["error"], "missing_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_real_preflight_passes() {
    let stack = Stack::builder()
        .plugin(configuration())
        .envoy(|envoy| envoy.early_header_mutation = false)
        .start()
        .await;
    let preflight =
        |method: &str| stack.request(method, "/role").header("access-control-request-method", "PUT");
    let origin = ("origin", "https://app.example");
    let answer = preflight("OPTIONS").header(origin.0, origin.1).header("x-auth-sub", "root").send().await;
    assert_eq!(answer.status, 200);
    let seen = stack.upstream.last();
    assert_eq!((seen.method.as_str(), seen.header("origin")), ("OPTIONS", Some("https://app.example")));
    assert!(!seen.has("x-auth-sub"));
    stack.envoy.counted("wasmcustom.jwt_guard.allowed.anonymous", 1).await;

    let options = || stack.request("OPTIONS", "/role");
    let rows = [
        ("no origin", preflight("OPTIONS")),
        ("no requested method", options().header(origin.0, origin.1)),
        (
            "two origins",
            preflight("OPTIONS").header(origin.0, origin.1).header("origin", "https://b.example"),
        ),
        ("an empty origin", preflight("OPTIONS").header("origin", "")),
        (
            "two methods",
            preflight("OPTIONS").header(origin.0, origin.1).header("access-control-request-method", "GET"),
        ),
        (
            "an invalid method name",
            options().header(origin.0, origin.1).header("access-control-request-method", "GET x"),
        ),
        ("another method", preflight("POST").header(origin.0, origin.1)),
        ("lower case", preflight("options").header(origin.0, origin.1)),
        (
            "an override",
            preflight("OPTIONS").header(origin.0, origin.1).header("x-http-method-override", "PUT"),
        ),
        ("another spelling", preflight("OPTIONS").header(origin.0, origin.1).header("x_http_method", "PUT")),
    ];
    for (label, request) in rows {
        let answer = request.send().await;
        assert!([400, 401].contains(&answer.status), "{label}: {}", answer.status);
    }
    let with_token = preflight("OPTIONS").header(origin.0, origin.1).bearer(&stack.good_token()).send().await;
    assert_eq!(with_token.status, 403, "a token is verified");
    assert_eq!(stack.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_resources_describe_themselves() {
    let stack = Stack::with_plugin(configuration()).await;
    let at = "/.well-known/oauth-protected-resource";
    let documents = [
        ("api.example", "", json!({ "resource": "https://api.example", "resource_name": "all" })),
        ("API.example:8080", "", json!({ "resource": "https://api.example", "resource_name": "all" })),
        (
            "api.example",
            "/orders",
            json!({ "resource": "https://api.example/orders", "authorization_servers": ["https://issuer.example"] }),
        ),
        ("other.example", "/v1/", json!({ "resource": "https://other.example:8443/v1/" })),
    ];
    for (host, path, document) in documents {
        let answer = stack.request("GET", &format!("{at}{path}")).host(host).send().await;
        assert_eq!((answer.status, answer.json()), (200, document), "{host}{path}");
        assert_eq!(answer.text("content-type"), Some("application/json"));
        assert_eq!(answer.text("access-control-allow-origin"), Some("*"));
    }
    for (method, host, path) in [
        ("POST", "api.example", at.to_owned()),
        ("GET", "h.example", at.to_owned()),
        ("GET", "api.example", format!("{at}/other")),
        ("GET", "api.example", format!("{at}/orders/7")),
        ("GET", "api.example", format!("{at}/%6frders")),
        ("GET", "other.example", at.to_owned()),
    ] {
        let answer = stack.request(method, &path).host(host).send().await;
        assert_eq!(answer.status, 401, "{method} {host}{path}");
    }
    for (host, path, suffix) in [
        ("api.example", "/", Some("\"")),
        ("api.example", "/ordersx", Some("\"")),
        ("api.example", "/orders", Some("/orders\"")),
        ("api.example:8080", "/orders/7?x=1", Some("/orders\"")),
        ("other.example", "/v2", None),
        ("h.example", "/", None),
    ] {
        let answer = stack.request("GET", path).host(host).send().await;
        let challenge = answer.text("www-authenticate").unwrap();
        match suffix {
            Some(suffix) => {
                assert!(challenge.ends_with(&format!(", {RESOURCE}{suffix}")), "{host}{path}: {challenge}")
            }
            None => assert!(!challenge.contains("resource_metadata"), "{host}{path}: {challenge}"),
        }
    }
    assert_eq!(stack.upstream.count(), 0);
}
