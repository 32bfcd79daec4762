//! `bypass_cors_preflight`: a CORS preflight passes, and no similar request does.

use super::fixture::{TestRequest, config, describe, good, new_request};
use serde_json::json;

fn preflight() -> TestRequest {
    new_request("OPTIONS", "/items/7")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "DELETE")
}

#[test]
fn only_a_preflight_passes() {
    let config = config(json!({
        "bypass_cors_preflight": true,
        "token_from": [{ "header": "authorization" }, { "query": "access_token" }],
    }));
    assert_eq!(describe(&preflight().decide_with_keys(&config)), "anonymous");
    assert_eq!(
        describe(&preflight().bearer(&good()).decide_with_keys(&config)),
        "user-1",
        "a token is verified"
    );
    let method = "access-control-request-method";
    let rows = [
        ("another method", preflight().without(":method").header(":method", "GET")),
        ("the method in lower case", preflight().without(":method").header(":method", "options")),
        ("no origin", preflight().without("origin")),
        ("an empty origin", preflight().without("origin").header("origin", "")),
        ("two origins", preflight().header("origin", "https://app.example")),
        (
            "two origins, joined",
            preflight().without("origin").header("origin", "https://a.example,https://b.example"),
        ),
        (
            "a list of origins",
            preflight().without("origin").header("origin", "https://a.example https://b.example"),
        ),
        ("no requested method", preflight().without(method)),
        ("an empty requested method", preflight().without(method).header(method, "")),
        ("two", preflight().header(method, "GET")),
        ("two, joined", preflight().without(method).header(method, "GET,DELETE")),
        ("an invalid method name", preflight().without(method).header(method, "GET /")),
        ("a method override", preflight().header("x-http-method-override", "DELETE")),
        ("an override in another spelling", preflight().header("x_method_override", "DELETE")),
        ("an override to itself", preflight().header("x-http-method", "OPTIONS")),
    ];
    for (label, request) in rows {
        assert_eq!(describe(&request.decide_with_keys(&config)), "401 missing_token", "{label}");
    }
    assert_eq!(describe(&preflight().bearer("garbage").decide_with_keys(&config)), "401 malformed");
    assert_eq!(
        describe(&preflight().header("authorization", "Bearer").decide_with_keys(&config)),
        "400 bad_request"
    );
    let token_in_query = preflight().without(":path").header(":path", "/items/7?access_token=x");
    assert_eq!(describe(&token_in_query.decide_with_keys(&config)), "401 malformed");
    let bad_path = preflight().without(":path").header(":path", "/items/%zz");
    assert_eq!(describe(&bad_path.decide_with_keys(&config)), "400 ambiguous_path");
}

#[test]
fn it_is_off_by_default() {
    assert_eq!(describe(&preflight().decide_with_keys(&config(json!({})))), "401 missing_token");
}

#[test]
fn a_request_with_a_possible_token_is_not_a_preflight() {
    let config = config(json!({
        "bypass_cors_preflight": true,
        "token_from": [
            { "header": "authorization" }, { "header": "x-token" }, { "query": "access_token" }, { "cookie": "session" },
        ],
    }));
    let at = |path: &str| preflight().without(":path").header(":path", path);
    for (label, request, expected) in [
        ("other headers", preflight().header("x-tokens", "x"), "anonymous"),
        ("another scheme", preflight().header("authorization", "Basic x"), "anonymous"),
        ("another cookie", preflight().header("cookie", "a=\"x, y\""), "anonymous"),
        ("an array in the query", at("/items/7?ids[]=1"), "anonymous"),
        ("another spelling", preflight().header("x_token", "x"), "401 missing_token"),
        ("through grpc-gateway", preflight().header("grpc-metadata-x-token", "x"), "401 missing_token"),
        ("a scheme in quotes", preflight().header("authorization", "\"Bearer x"), "401 missing_token"),
        ("a cookie in other case", preflight().header("cookie", "Session=x"), "401 missing_token"),
        ("a parameter in other case", at("/items/7?Access_Token=x"), "401 missing_token"),
        ("a no-break space", preflight().header("authorization", b"Bearer\xa0x"), "400 bad_request"),
        ("a cookie in a cookie", preflight().header("cookie", "a=1 session=x"), "400 bad_request"),
    ] {
        assert_eq!(describe(&request.decide_with_keys(&config)), expected, "{label}");
    }
}
