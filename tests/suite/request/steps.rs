//! Every kind of rule with every kind of credential.

use super::fixture::{ask, config, expired, forwarded, get, good, key, refused, token, told};
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
    // Path; then nothing, a good token, an admin's, an expired one, none of a token's shape, two tokens.
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
        let told: Vec<_> = brought.iter().map(|request| told(&request.judged(&config))).collect();
        assert_eq!(told, expected, "{path}");
    }
}

#[test]
fn a_token_is_taken_out_where_it_was_read_and_only_there() {
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
        let forward = forwarded(request.judged(&config));
        let found = request.upstream(&forward).iter().any(|(name, _)| name == "authorization");
        assert_eq!(found, kept, "{path}");
    }
}

#[test]
fn a_reading_without_a_route_brings_the_global_places() {
    // `/page;x` is `/page` to a servlet container and no route's path as sent.
    let config = config(json!({
        "routes": [{
            "path": "/page", "allow_authenticated": true, "forward_token": true, "token_from": { "cookie": "session" },
        }],
    }));
    let request = get("/page;x").header("cookie", format!("session={}", good())).bearer("unverified");
    assert_eq!(told(&request.judged(&config)), "400 bad_request", "the second token is seen");
    let request = get("/page;x").header("cookie", format!("session={}", good()));
    assert_eq!(told(&request.judged(&config)), "400 bad_request", "no cookie to the reading as sent");
}

#[test]
fn a_token_stands_where_every_reading_looks_for_it() {
    // A page that takes a cookie, and an interface beside it that has no defence against a browser's forged requests.
    let page =
        |token_from| json!({ "path": "/page/**", "allow_authenticated": true, "token_from": token_from });
    let cookie_only = config(json!({ "routes": [page(json!({ "cookie": "session" }))] }));
    let header_too =
        config(json!({ "routes": [page(json!([{ "cookie": "session" }, { "header": "authorization" }]))] }));
    let with_cookie =
        |path: &str| super::fixture::ask("POST", path).header("cookie", format!("session={}", good()));
    assert_eq!(told(&with_cookie("/page/transfer").judged(&cookie_only)), "user-1");
    assert_eq!(told(&with_cookie("/api/transfer").judged(&cookie_only)), "401 missing_token");
    for path in ["/page/..%2fapi/transfer", "/page/..;/api/transfer", "//page/api/transfer", "/page/../api"] {
        assert_eq!(told(&with_cookie(path).judged(&cookie_only)), "400 bad_request", "{path}");
        let with_header = get(path).bearer(&good());
        assert_eq!(told(&with_header.judged(&cookie_only)), "400 bad_request", "{path}");
        assert_eq!(told(&with_cookie(path).judged(&header_too)), "400 bad_request", "{path}");
        assert_eq!(told(&with_header.judged(&header_too)), "user-1", "{path}");
    }
}

#[test]
fn a_token_is_forwarded_only_where_every_reading_says_so() {
    let config = config(json!({
        "routes": [{ "path": "/page", "allow_authenticated": true, "forward_token": true }],
    }));
    for (path, kept) in [("/page", true), ("/page;x", false)] {
        let request = get(path).bearer(&good());
        let upstream = request.upstream(&forwarded(request.judged(&config)));
        assert_eq!(upstream.iter().any(|(name, _)| name == "authorization"), kept, "{path}");
    }
}

#[test]
fn an_audience_counts_for_its_own_issuer() {
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
    assert_eq!(told(&token("https://own.example").judged(&of_both("orders"))), "user-1");
    let denied = token("https://partner.example").judged(&of_both("orders"));
    assert_eq!(told(&denied), "403 audience_not_allowed", "whatever a partner writes into its tokens");
}

#[test]
fn a_disabled_filter_strips_and_asks_nothing() {
    let config = config(json!({ "enabled": false, "default_policy": { "deny": true } }));
    for path in ["/", "/%00", "/a%zz"] {
        let request = get(path).bearer("garbage").header("x_auth_sub", "root");
        let forward = forwarded(request.judged(&config));
        assert_eq!(forward.rules, [RuleName::Disabled]);
        let upstream = request.upstream(&forward);
        assert!(upstream.iter().any(|(name, _)| name == "authorization"));
        assert!(!upstream.iter().any(|(name, _)| name == "x_auth_sub"));
    }
}

#[test]
fn requests_without_a_path_are_under_the_default_policy() {
    let config = config(json!({ "routes": [{ "path": "/**", "allow_anonymous": true }] }));
    let connect = ask("CONNECT", "/").without(":path");
    assert_eq!(told(&connect.judged(&config)), "401 missing_token");
    assert_eq!(told(&connect.bearer(&good()).judged(&config)), "user-1");
    assert_eq!(told(&ask("OPTIONS", "*").judged(&config)), "401 missing_token");
    for path in ["", "a", "https://api.example/", "**", "?"] {
        assert_eq!(told(&get(path).judged(&config)), "400 ambiguous_path", "{path:?}");
    }
    assert_eq!(
        told(&get("/").without(":method").judged(&config)),
        "400 ambiguous_path",
        "no method, no reading"
    );
}

#[test]
fn documents_are_everybodys() {
    let config = config(json!({
        "default_policy": { "deny": true },
        "resource_metadata": { "resource": "https://api.example/orders" },
    }));
    let at = "/.well-known/oauth-protected-resource/orders";
    assert_eq!(told(&get(at).judged(&config)), "document");
    assert_eq!(told(&ask("HEAD", at).judged(&config)), "document");
    assert_eq!(told(&ask("POST", at).judged(&config)), "403 denied");
    assert_eq!(told(&get(at).host("other.example").judged(&config)), "403 denied");
}

#[test]
fn an_oversize_claim_refuses() {
    let config = config(json!({ "max_claim_header_bytes": 64 }));
    let long = token().claim("email", "a".repeat(65)).sign(key()).unwrap();
    let refused = refused(get("/").bearer(&long).judged(&config));
    assert_eq!((refused.denial.status, refused.record.reason.as_str()), (403, "header_oversize"));
    assert_eq!(refused.record.rule, Some(RuleName::DefaultPolicy));
}

#[test]
fn facts_are_fit_for_one_line() {
    let config = config(json!({}));
    let evil = token().header("kid", "a\n[critical] b").sign(key()).unwrap();
    let line =
        refused(get("/").bearer(&evil).header("x-request-id", "id-1").judged(&config)).record.to_string();
    assert_eq!(
        line,
        "reason=unknown_kid detail=\"the issuer has no key with the token's kid\" issuer=issuer_example \
         kid=\"a\\n[critical] b\" rule=default_policy request_id=id-1"
    );
    for id in ["", "a b", "a\nb", "\u{e9}", &"x".repeat(65)] {
        let record = refused(get("/").header("x-request-id", id).judged(&config)).record;
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
        let upstream = request.upstream(&forwarded(request.judged(&config)));
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
                let upstream = request.upstream(&forwarded(request.judged(&config)));
                let has = |name: &str| upstream.iter().any(|(known, _)| known == name);
                assert!(!has(forged) && has("grpc-metadata-x-tokens"), "{forged}");
                assert_eq!(has("authorization"), forward_token && request.has("authorization"), "{forged}");
            }
        }
    }
}

#[test]
fn another_spelling_that_is_a_place_itself_is_read_and_forwarded() {
    let bearer = |name| json!({ "header": name, "prefix": "Bearer " });
    let other = |prefix| json!({ "header": "grpc-metadata-authorization", "prefix": prefix });
    let value = format!("Bearer {}", good());
    for (second, name, kept) in [
        (bearer("grpc-metadata-authorization"), "grpc-metadata-authorization", true),
        (bearer("x_token"), "x_token", true),
        // Read for another scheme, and this one nobody has verified.
        (other("Token "), "grpc-metadata-authorization", false),
    ] {
        let config = config(json!({
            "token_from": [{ "header": "authorization" }, bearer("x-token"), second],
            "forward_token": true,
            "default_policy": { "allow_missing": true },
        }));
        let request = get("/").header(name, &value);
        let step = request.judged(&config);
        assert_eq!(told(&step), if kept { "user-1" } else { "anonymous" }, "{name}");
        let upstream = request.upstream(&forwarded(step));
        assert_eq!(upstream.contains(&(name.to_owned(), value.clone())), kept, "{name}");
    }
}

#[test]
fn grpc_gateway_names_nobody() {
    let config = config(json!({ "routes": [{ "path": "/public", "allow_anonymous": true }] }));
    for request in [get("/public"), get("/").bearer(&good())] {
        let request = request.header("grpc-metadata-x-auth-sub", "root").header("grpc-metadata-x-keep", "k");
        let upstream = request.upstream(&forwarded(request.judged(&config)));
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
            let refusal = refused(get("/own").judged(&config));
            assert_eq!((refusal.denial.status, &*refusal.denial.detail), (401, detail), "{token_from}");
            let shown = format!("{:?} {}", refusal.denial.headers, refusal.denial.body.escape_ascii());
            assert!(!shown.contains("secret"), "{shown}");
        }
    }
}

#[test]
fn the_same_token_in_two_places_is_judged_once() {
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
    let upstream = request.upstream(&forwarded(request.judged(&config)));
    assert!(!upstream.iter().any(|(name, _)| name == "cookie" || name == "authorization"), "{upstream:?}");
    assert_eq!(told(&both("/", &admin).judged(&config)), "400 bad_request");
    assert_eq!(told(&both("/", "garbage").judged(&config)), "400 bad_request");

    // Where two readings look in different places, the token must stand where both look.
    let cookie = |path: &str| get(path).header("cookie", format!("session={good}"));
    assert_eq!(told(&cookie("/page/x").judged(&config)), "user-1");
    assert_eq!(told(&cookie("/page/..%2fapi/x").judged(&config)), "400 bad_request");
    assert_eq!(told(&both("/page/..%2fapi/x", &good).judged(&config)), "400 bad_request");
    // The default looks in both, and the cookie is one of them.
    assert_eq!(told(&cookie("/x/..%2fpage/y").judged(&config)), "user-1");
    assert_eq!(told(&both("/x/..%2fpage/y", &good).judged(&config)), "user-1");
    assert_eq!(told(&both("/x/..%2fpage/y", &admin).judged(&config)), "400 bad_request");
}
