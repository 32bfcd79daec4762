//! Every kind of requirement with every kind of credential.

use super::fixture::{config, denied, describe, expired, forwarded, get, good, key, new_request, token};
use jwt_guard::request::RuleName;
use serde_json::json;

#[test]
fn rules_and_credentials() {
    let config = config(json!({
        "default_policy": { "deny": true },
        "token_from": [{ "header": "authorization" }, { "query": "access_token" }],
        "routes": [
            { "path": "/anonymous", "allow_anonymous": true },
            { "path": "/token", "allow_authenticated": true },
            { "path": "/missing", "allow_missing": true },
            { "path": "/narrow", "allow_missing": true, "requires_audience": "orders-api" },
            { "path": "/lenient", "allow_missing_or_failed": true },
            { "path": "/role", "requires_role": "admin" },
            { "path": "/shadow", "allow_anonymous": true, "shadow": { "requires_role": "admin" } },
        ],
    }));
    let (good, expired) = (good(), expired());
    let admin = token().claim("role", "admin").sign(key()).unwrap();
    // Path; then no token, a valid token, an admin's token, an expired token, a malformed token, two tokens.
    let rows = [
        ("/anonymous", ["anonymous", "anonymous", "anonymous", "anonymous", "anonymous", "anonymous"]),
        (
            "/token",
            ["401 missing_token", "user-1", "user-1", "401 expired", "401 malformed", "400 bad_request"],
        ),
        ("/missing", ["anonymous", "user-1", "user-1", "401 expired", "401 malformed", "400 bad_request"]),
        ("/narrow", ["anonymous", "user-1", "user-1", "401 expired", "401 malformed", "400 bad_request"]),
        ("/lenient", ["anonymous", "user-1", "user-1", "anonymous", "anonymous", "400 bad_request"]),
        (
            "/role",
            ["401 missing_token", "403 role", "user-1", "401 expired", "401 malformed", "400 bad_request"],
        ),
        ("/elsewhere", ["403 denied"; 6]),
        (
            "/shadow",
            [
                "anonymous, would deny missing_token",
                "anonymous, would deny role",
                "anonymous",
                "anonymous, would deny expired",
                "anonymous, would deny malformed",
                "anonymous, would deny bad_request",
            ],
        ),
    ];
    for (path, expected) in rows {
        let brought = [
            get(path),
            get(path).bearer(&good),
            get(path).bearer(&admin),
            get(path).bearer(&expired),
            get(path).bearer("garbage"),
            get(&format!("{path}?access_token={admin}")).bearer(&good),
        ];
        let outcomes: Vec<_> =
            brought.iter().map(|request| describe(&request.decide_with_keys(&config))).collect();
        assert_eq!(outcomes, expected, "{path}");
    }
}

#[test]
fn a_token_is_removed_only_from_its_source() {
    let config = config(json!({
        "routes": [
            { "path": "/anonymous", "allow_anonymous": true },
            { "path": "/shadow", "allow_anonymous": true, "shadow": { "requires_role": "admin" } },
            { "path": "/lenient", "allow_missing_or_failed": true },
            { "path": "/kept", "allow_authenticated": true, "forward_token": true },
        ],
    }));
    for (path, token, kept) in [
        ("/anonymous", good(), true),
        ("/shadow", good(), true),
        ("/lenient", expired(), false),
        ("/kept", good(), true),
        ("/", good(), false),
    ] {
        let request = get(path).bearer(&token);
        let forward = forwarded(request.decide_with_keys(&config));
        let found = request.upstream(&forward).iter().any(|(name, _)| name == "authorization");
        assert_eq!(found, kept, "{path}");
    }
}

#[test]
fn a_variant_without_a_route_uses_the_global_token_sources() {
    // A servlet container reads `/page;x` as `/page`; the path as sent matches no route.
    let config = config(json!({
        "routes": [{
            "path": "/page", "allow_authenticated": true, "forward_token": true, "token_from": { "cookie": "session" },
        }],
    }));
    let request = get("/page;x").header("cookie", format!("session={}", good())).bearer("unverified");
    assert_eq!(describe(&request.decide_with_keys(&config)), "400 bad_request", "the second token is found");
    let request = get("/page;x").header("cookie", format!("session={}", good()));
    assert_eq!(
        describe(&request.decide_with_keys(&config)),
        "400 bad_request",
        "the path as sent reads no cookie"
    );
}

#[test]
fn a_token_must_be_in_a_source_of_every_variant() {
    // A page that accepts a cookie, and an API without protection against cross-site request forgery.
    let page =
        |token_from| json!({ "path": "/page/**", "allow_authenticated": true, "token_from": token_from });
    let cookie_only = config(json!({ "routes": [page(json!({ "cookie": "session" }))] }));
    let header_too =
        config(json!({ "routes": [page(json!([{ "cookie": "session" }, { "header": "authorization" }]))] }));
    let with_cookie = |path: &str| {
        super::fixture::new_request("POST", path).header("cookie", format!("session={}", good()))
    };
    assert_eq!(describe(&with_cookie("/page/transfer").decide_with_keys(&cookie_only)), "user-1");
    assert_eq!(describe(&with_cookie("/api/transfer").decide_with_keys(&cookie_only)), "401 missing_token");
    for path in ["/page/..%2fapi/transfer", "/page/..;/api/transfer", "//page/api/transfer", "/page/../api"] {
        assert_eq!(describe(&with_cookie(path).decide_with_keys(&cookie_only)), "400 bad_request", "{path}");
        let with_header = get(path).bearer(&good());
        assert_eq!(describe(&with_header.decide_with_keys(&cookie_only)), "400 bad_request", "{path}");
        assert_eq!(describe(&with_cookie(path).decide_with_keys(&header_too)), "400 bad_request", "{path}");
        assert_eq!(describe(&with_header.decide_with_keys(&header_too)), "user-1", "{path}");
    }
}

#[test]
fn a_token_is_forwarded_only_if_every_variant_forwards_it() {
    let config = config(json!({
        "routes": [{ "path": "/page", "allow_authenticated": true, "forward_token": true }],
    }));
    for (path, kept) in [("/page", true), ("/page;x", false)] {
        let request = get(path).bearer(&good());
        let upstream = request.upstream(&forwarded(request.decide_with_keys(&config)));
        assert_eq!(upstream.iter().any(|(name, _)| name == "authorization"), kept, "{path}");
    }
}

#[test]
fn an_audience_is_valid_only_for_its_issuer() {
    let issuer = |name: &str, iss: &str, audience: &str| {
        json!({ "name": name, "issuer": iss, "audience": audience, "jwks_cluster": "issuer",
                "accepted_algorithms": "ES256" })
    };
    let of_both = |partners: &str| {
        let plugin = json!({
            "issuers": [issuer("own", "https://own.example", "billing"),
                        issuer("partner", "https://partner.example", partners)],
            "default_policy": { "requires_audience": "billing" },
        });
        jwt_guard::config::Config::parse(plugin.to_string().as_bytes()).unwrap()
    };
    let token = |iss: &str| {
        let token = super::fixture::token().issuer(iss).audience(vec!["orders", "billing"]);
        get("/").bearer(&token.sign(super::fixture::key()).unwrap())
    };
    assert_eq!(describe(&token("https://own.example").decide_with_keys(&of_both("orders"))), "user-1");
    let denied = token("https://partner.example").decide_with_keys(&of_both("orders"));
    assert_eq!(
        describe(&denied),
        "403 audience_not_allowed",
        "an issuer cannot use the audience of another issuer"
    );
}

#[test]
fn a_disabled_filter_only_removes_headers() {
    let config = config(json!({ "enabled": false, "default_policy": { "deny": true } }));
    for path in ["/", "/%00", "/a%zz"] {
        let request = get(path).bearer("garbage").header("x_auth_sub", "root");
        let forward = forwarded(request.decide_with_keys(&config));
        assert_eq!(forward.rules, [RuleName::Disabled]);
        let upstream = request.upstream(&forward);
        assert!(upstream.iter().any(|(name, _)| name == "authorization"));
        assert!(!upstream.iter().any(|(name, _)| name == "x_auth_sub"));
    }
}

#[test]
fn requests_without_a_path_are_under_the_default_policy() {
    let config = config(json!({ "routes": [{ "path": "/**", "allow_anonymous": true }] }));
    let connect = new_request("CONNECT", "/").without(":path");
    assert_eq!(describe(&connect.decide_with_keys(&config)), "401 missing_token");
    assert_eq!(describe(&connect.bearer(&good()).decide_with_keys(&config)), "user-1");
    assert_eq!(describe(&new_request("OPTIONS", "*").decide_with_keys(&config)), "401 missing_token");
    for path in ["", "a", "https://api.example/", "**", "?"] {
        assert_eq!(describe(&get(path).decide_with_keys(&config)), "400 ambiguous_path", "{path:?}");
    }
    assert_eq!(
        describe(&get("/").without(":method").decide_with_keys(&config)),
        "400 ambiguous_path",
        "no method, no path variant"
    );
}

#[test]
fn metadata_documents_need_no_token() {
    let config = config(json!({
        "default_policy": { "deny": true },
        "resource_metadata": { "resource": "https://api.example/orders" },
    }));
    let at = "/.well-known/oauth-protected-resource/orders";
    assert_eq!(describe(&get(at).decide_with_keys(&config)), "document");
    assert_eq!(describe(&new_request("HEAD", at).decide_with_keys(&config)), "document");
    assert_eq!(describe(&new_request("POST", at).decide_with_keys(&config)), "403 denied");
    assert_eq!(describe(&get(at).host("other.example").decide_with_keys(&config)), "403 denied");
}

#[test]
fn an_oversize_claim_denies() {
    let config = config(json!({ "max_claim_header_bytes": 64 }));
    let long = token().claim("email", "a".repeat(65)).sign(key()).unwrap();
    let refused = denied(get("/").bearer(&long).decide_with_keys(&config));
    assert_eq!((refused.denial.status, refused.record.reason.as_str()), (403, "header_oversize"));
    assert_eq!(refused.record.rule, Some(RuleName::DefaultPolicy));
}

#[test]
fn denial_records_fit_on_one_line() {
    let config = config(json!({}));
    let evil = token().header("kid", "a\n[critical] b").sign(key()).unwrap();
    let line = denied(get("/").bearer(&evil).header("x-request-id", "id-1").decide_with_keys(&config))
        .record
        .to_string();
    assert_eq!(
        line,
        "reason=unknown_kid detail=\"the issuer has no key with the token's kid\" issuer=issuer_example \
         kid=\"a\\n[critical] b\" rule=default_policy method=\"GET\" path=\"/\" request_id=id-1"
    );
    for id in ["", "a b", "a\nb", "\u{e9}", &"x".repeat(65)] {
        let record = denied(get("/").header("x-request-id", id).decide_with_keys(&config)).record;
        assert!(!record.to_string().contains("request_id"), "{id:?}");
    }
}

#[test]
fn another_spelling_of_a_tokens_header_is_no_second_token() {
    for forward_token in [true, false] {
        let config = config(json!({
            "token_from": { "header": "x-token", "prefix": "Token " }, "forward_token": forward_token,
        }));
        let request = get("/")
            .header("x-token", format!("Token {}", good()))
            .header("x_token", "Token forged")
            .header("x.token", "Token forged")
            .header("x-tokens", "kept");
        let upstream = request.upstream(&forwarded(request.decide_with_keys(&config)));
        let has = |name: &str| upstream.iter().any(|(known, _)| known == name);
        assert!(!has("x_token") && !has("x.token") && has("x-tokens"));
        assert_eq!(has("x-token"), forward_token);
    }
}

#[test]
fn metadata_of_grpc_gateway_is_no_second_token() {
    let places = json!([{ "header": "authorization" }, { "header": "x-token" }, { "cookie": "session" }]);
    for forward_token in [true, false] {
        let config = config(json!({
            "token_from": places, "forward_token": forward_token, "default_policy": { "allow_missing": true },
        }));
        for forged in [
            "grpc-metadata-authorization",
            "grpc_metadata_authorization",
            "grpc-metadata-x-token",
            "grpc-metadata-x_token",
            "grpc-metadata-cookie",
        ] {
            for request in [get("/"), get("/").bearer(&good())] {
                let request =
                    request.header(forged, "Bearer forged").header("grpc-metadata-x-tokens", "kept");
                let upstream = request.upstream(&forwarded(request.decide_with_keys(&config)));
                let has = |name: &str| upstream.iter().any(|(known, _)| known == name);
                assert!(!has(forged) && has("grpc-metadata-x-tokens"), "{forged}");
                assert_eq!(has("authorization"), forward_token && request.has("authorization"), "{forged}");
            }
        }
    }
}

#[test]
fn another_spelling_that_is_itself_a_token_source_is_read_and_forwarded() {
    let bearer = |name| json!({ "header": name, "prefix": "Bearer " });
    let other = |prefix| json!({ "header": "grpc-metadata-authorization", "prefix": prefix });
    let value = format!("Bearer {}", good());
    for (second, name, kept) in [
        (bearer("grpc-metadata-authorization"), "grpc-metadata-authorization", true),
        (bearer("x_token"), "x_token", true),
        // A token source with another scheme: the value with this scheme is unverified.
        (other("Token "), "grpc-metadata-authorization", false),
    ] {
        let config = config(json!({
            "token_from": [{ "header": "authorization" }, bearer("x-token"), second],
            "forward_token": true,
            "default_policy": { "allow_missing": true },
        }));
        let request = get("/").header(name, &value);
        let step = request.decide_with_keys(&config);
        assert_eq!(describe(&step), if kept { "user-1" } else { "anonymous" }, "{name}");
        let upstream = request.upstream(&forwarded(step));
        assert_eq!(upstream.contains(&(name.to_owned(), value.clone())), kept, "{name}");
    }
}

#[test]
fn grpc_gateway_headers_carry_no_identity() {
    let config = config(json!({ "routes": [{ "path": "/public", "allow_anonymous": true }] }));
    for request in [get("/public"), get("/").bearer(&good())] {
        let request = request.header("grpc-metadata-x-auth-sub", "root").header("grpc-metadata-x-keep", "k");
        let upstream = request.upstream(&forwarded(request.decide_with_keys(&config)));
        let has = |name: &str| upstream.iter().any(|(known, _)| known == name);
        assert!(!has("grpc-metadata-x-auth-sub") && has("grpc-metadata-x-keep"));
    }
}

#[test]
fn a_missing_token_is_answered_with_the_header_that_it_is_read_from() {
    let usual = "Missing or invalid Authorization header";
    let not_a_header = "Missing token: this path does not read it from a header";
    for (token_from, detail) in [
        (json!(null), usual),
        (json!([{ "cookie": "session" }, { "header": "authorization" }]), usual),
        (json!([{ "header": "authorization", "prefix": "Token " }]), usual),
        (json!([{ "header": "x-token", "prefix": "Token " }]), "Missing or invalid x-token header"),
        (json!([{ "cookie": "session" }, { "header": "X-Raw" }]), "Missing or invalid x-raw header"),
        (json!([{ "query": "secret_parameter" }]), not_a_header),
        (json!([{ "cookie": "secret_cookie" }, { "query": "secret_parameter" }]), not_a_header),
    ] {
        let route = json!({ "path": "/own", "allow_authenticated": true, "token_from": token_from });
        for config in [config(json!({ "token_from": token_from })), config(json!({ "routes": [route] }))] {
            let refusal = denied(get("/own").decide_with_keys(&config));
            assert_eq!((refusal.denial.status, &*refusal.denial.detail), (401, detail), "{token_from}");
            let shown = format!("{:?} {}", refusal.denial.headers, refusal.denial.body.escape_ascii());
            assert!(!shown.contains("secret"), "{shown}");
        }
    }
}

#[test]
fn the_same_token_in_two_sources_is_one_token() {
    let config = config(json!({
        "token_from": [{ "header": "authorization" }, { "cookie": "session" }],
        "routes": [
            { "path": "/api/**", "allow_authenticated": true, "token_from": { "header": "authorization" } },
            { "path": "/page/**", "allow_authenticated": true, "token_from": { "cookie": "session" } },
        ],
    }));
    let (good, admin) = (good(), token().claim("role", "admin").sign(key()).unwrap());
    let both =
        |path: &str, cookie: &str| get(path).bearer(&good).header("cookie", format!("session={cookie}"));
    let request = both("/", &good);
    let upstream = request.upstream(&forwarded(request.decide_with_keys(&config)));
    assert!(!upstream.iter().any(|(name, _)| name == "cookie" || name == "authorization"), "{upstream:?}");
    assert_eq!(describe(&both("/", &admin).decide_with_keys(&config)), "400 bad_request");
    assert_eq!(describe(&both("/", "garbage").decide_with_keys(&config)), "400 bad_request");

    // If two path variants have different token sources, the token must be in a source of both.
    let cookie = |path: &str| get(path).header("cookie", format!("session={good}"));
    assert_eq!(describe(&cookie("/page/x").decide_with_keys(&config)), "user-1");
    assert_eq!(describe(&cookie("/page/..%2fapi/x").decide_with_keys(&config)), "400 bad_request");
    assert_eq!(describe(&both("/page/..%2fapi/x", &good).decide_with_keys(&config)), "400 bad_request");
    // The default reads both sources, and the cookie is one of them.
    assert_eq!(describe(&cookie("/x/..%2fpage/y").decide_with_keys(&config)), "user-1");
    assert_eq!(describe(&both("/x/..%2fpage/y", &good).decide_with_keys(&config)), "user-1");
    assert_eq!(describe(&both("/x/..%2fpage/y", &admin).decide_with_keys(&config)), "400 bad_request");
}
