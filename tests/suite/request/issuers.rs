//! What an issuer adds for its own tokens: claim headers, token sources and paths.

use std::rc::Rc;

use jwt_guard::config::Config;
use jwt_guard::denial::Reason;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::request::{KeyLookup, Wait};
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::{AUDIENCE, ISSUER, Token, key_set};
use serde_json::{Value, json};

use super::fixture::{
    Keys, NOW, TestRequest, denied, describe, forwarded, get, good, key, new_request, other_key, token,
};

const PARTNER: &str = "https://partner.example";

/// Two issuers with one key set: the usual one, and the partner with these members.
fn config(partner: Value, global: Value) -> Config {
    let issuer = |iss: &str, name: &str, members: Value| {
        let mut issuer = json!({
            "issuer": iss, "name": name, "audience": AUDIENCE, "jwks_cluster": "issuer", "accepted_algorithms": "ES256",
        });
        issuer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        issuer
    };
    let mut plugin =
        json!({ "issuers": [issuer(ISSUER, "own", json!({})), issuer(PARTNER, "partner", partner)] });
    plugin.as_object_mut().unwrap().extend(global.as_object().unwrap().clone());
    Config::parse(plugin.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn partner() -> String {
    token().issuer(PARTNER).sign(key()).unwrap()
}

/// The partner's token with a signature of a key that no issuer publishes.
fn forged() -> String {
    token().issuer(PARTNER).header("kid", "first").sign(other_key()).unwrap()
}

fn step(config: &Config, request: &TestRequest) -> String {
    describe(&request.decide_with_keys(config))
}

#[test]
fn each_issuer_sets_its_own_claim_headers() {
    let config = config(
        json!({ "claim_headers": { "x-user": "sub", "x-kind": { "value": "partner" } } }),
        json!({ "claim_headers": { "x-user": "email" }, "default_policy": { "allow_missing": true } }),
    );
    let own = token().claim("email", "ada@example.com").sign(key()).unwrap();
    let rows = [
        (Some(own), [Some("ada@example.com"), None]),
        (Some(partner()), [Some("user-1"), Some("partner")]),
        (None, [None, None]),
    ];
    for (token, expected) in rows {
        let request = get("/").header("x-user", "root").header("x_user", "root").header("x-kind", "root");
        let request = token.iter().fold(request, |request, token| request.bearer(token));
        let sent = request.upstream(&forwarded(request.decide_with_keys(&config)));
        let value = |name: &str| {
            let values: Vec<&str> =
                sent.iter().filter(|(sent, _)| sent == name).map(|(_, value)| value.as_str()).collect();
            assert!(values.len() < 2, "{sent:?}");
            values.first().copied()
        };
        assert_eq!(["x-user", "x-kind"].map(value), expected, "{token:?}");
        assert_eq!(value("x_user"), None);
    }
}

#[test]
fn tokens_of_an_issuer_count_only_in_its_sources() {
    let cookie = json!([{ "cookie": "partner" }]);
    let both = json!([{ "header": "authorization" }, { "cookie": "partner" }]);
    let routes = json!([
        { "path": "/failed", "allow_missing_or_failed": true },
        { "path": "/open", "allow_anonymous": true },
        { "path": "/header", "token_from": [{ "header": "authorization" }], "allow_authenticated": true },
    ]);
    let config = config(json!({ "token_from": cookie }), json!({ "token_from": both, "routes": routes }));
    let in_cookie = |path: &str, token: &str| get(path).header("cookie", format!("a=b; partner={token}"));
    let rows = [
        ("the partner's in its cookie", "user-1", in_cookie("/", &partner())),
        ("the partner's in the header", "400 bad_request", get("/").bearer(&partner())),
        ("the partner's in both", "user-1", in_cookie("/", &partner()).bearer(&partner())),
        ("the other issuer's in the header", "user-1", get("/").bearer(&good())),
        ("the other issuer's in the cookie", "user-1", in_cookie("/", &good())),
        ("two tokens", "400 bad_request", in_cookie("/", &partner()).bearer(&good())),
        // A forged token is refused as forged, wherever it is.
        ("a forged one in the header", "401 signature", get("/").bearer(&forged())),
        ("a forged one in the cookie", "401 signature", in_cookie("/", &forged())),
        // The issuer's list does not widen that of the route.
        ("the route does not read the cookie", "401 missing_token", in_cookie("/header", &partner())),
        (
            "the route and the issuer have no source in common",
            "400 bad_request",
            get("/header").bearer(&partner()),
        ),
        (
            "the issuer's source is not read on that route",
            "400 bad_request",
            in_cookie("/header", &partner()).bearer(&partner()),
        ),
        ("the other issuer's on that route", "user-1", get("/header").bearer(&good())),
        // As with other faults of the credential, routes that ignore an invalid token deny the request too.
        ("a route for failed tokens", "400 bad_request", get("/failed").bearer(&partner())),
        ("a route for failed tokens, a forged one", "anonymous", get("/failed").bearer(&forged())),
        ("an anonymous route reads no token", "anonymous", get("/open").bearer(&partner())),
    ];
    for (label, expected, request) in rows {
        assert_eq!(step(&config, &request), expected, "{label}");
    }
    let record = denied(get("/").bearer(&partner()).decide_with_keys(&config)).record;
    assert_eq!(record.detail, "the token is in a source that token_from of its issuer does not list");
}

fn limited(templates: Value, global: Value) -> Config {
    config(json!({ "paths": templates }), global)
}

#[test]
fn tokens_of_an_issuer_count_only_on_its_paths() {
    let routes = json!([
        { "path": "/open", "allow_anonymous": true },
        { "path": "/maybe", "allow_missing": true },
        { "path": "/failed", "allow_missing_or_failed": true },
        { "path": "/partner/failed", "allow_missing_or_failed": true },
        { "path": "/either", "any_of": [{ "requires_issuer": "partner" }, { "requires_role": "admin" }] },
    ]);
    let config = limited(json!(["/partner/**", "/shared/{id}"]), json!({ "routes": routes }));
    let rows = [
        ("/partner", "user-1"),
        ("/partner/", "user-1"),
        ("/partner/orders/42", "user-1"),
        ("/partner/Orders?x=/../..", "user-1"),
        ("/partner/caf%C3%A9", "user-1"),
        ("/shared/7", "user-1"),
        ("/partner/a/../b", "user-1"),
        ("/partner/failed", "user-1"),
        ("/", "403 issuer_not_allowed"),
        ("/partners", "403 issuer_not_allowed"),
        ("/shared", "403 issuer_not_allowed"),
        ("/shared/7/8", "403 issuer_not_allowed"),
        ("/Partner/orders", "403 issuer_not_allowed"),
        ("/partner/..", "403 issuer_not_allowed"),
        ("/partner/../admin", "403 issuer_not_allowed"),
        ("/partner/%2e%2e/admin", "403 issuer_not_allowed"),
        ("/partner/%252e%252e/admin", "403 issuer_not_allowed"),
        ("/partner/..%2fadmin", "403 issuer_not_allowed"),
        ("/partner/..;/admin", "403 issuer_not_allowed"),
        ("/partner/..\\admin", "403 issuer_not_allowed"),
        ("/partner/../..//admin", "403 issuer_not_allowed"),
        // An upstream that keeps the empty segment reads another path.
        ("//partner/orders", "403 issuer_not_allowed"),
        ("/partner//orders", "user-1"),
        ("/admin/../partner/orders", "403 issuer_not_allowed"),
        ("/maybe", "403 issuer_not_allowed"),
        ("/either", "403 issuer_not_allowed"),
        ("/open", "anonymous"),
        ("/failed", "anonymous"),
    ];
    for (path, expected) in rows {
        // The variants of these paths decide; the paths themselves are not ambiguous.
        assert_eq!(step(&config, &get(path).bearer(&partner())), expected, "{path}");
        let own = describe(&get(path).bearer(&good()).decide_with_keys(&config));
        assert!(own == "user-1" || path == "/open" || path == "/either", "{path}: {own}");
    }
    // A forged token is refused as forged on every path.
    for path in ["/partner/a", "/admin"] {
        assert_eq!(step(&config, &get(path).bearer(&forged())), "401 signature", "{path}");
    }
    for method in ["GET", "DELETE", "HEAD", "FOO"] {
        let request = |path| new_request(method, path).bearer(&partner());
        assert_eq!(step(&config, &request("/partner/a")), "user-1", "{method}");
        assert_eq!(step(&config, &request("/a")), "403 issuer_not_allowed", "{method}");
    }
    let denial = denied(get("/").bearer(&partner()).decide_with_keys(&config));
    assert_eq!(denial.record.reason, Reason::IssuerNotAllowed);
    let line = denial.record.to_string();
    assert!(
        line.contains("detail=\"the path, or another reading of the path, is not among the paths"),
        "{line}"
    );
    assert!(line.contains(" issuer=partner "), "{line}");
    let asterisk = new_request("OPTIONS", "*").bearer(&partner());
    assert_eq!(step(&config, &asterisk), "403 issuer_not_allowed");
    let connect = new_request("CONNECT", "/").without(":path").bearer(&partner());
    assert_eq!(step(&config, &connect), "403 issuer_not_allowed");
}

#[test]
fn skipped_readings_do_not_take_a_path_from_an_issuer() {
    let path = "/partner/a%2f..%2f..%2fadmin";
    let request = get(path).bearer(&partner());
    let decided =
        |skipped: Value| step(&limited(json!("/partner/**"), json!({ "skip_readings": skipped })), &request);
    assert_eq!(decided(json!([])), "403 issuer_not_allowed");
    assert_eq!(decided(json!(["encoded_slash"])), "user-1");
}

const FORM: &str = "https://login.example.com/{tid}/v2.0";

fn tenants() -> Config {
    let members = json!({
        "issuer": FORM, "tenants": ["alpha", "beta"], "jwks_endpoint": "https://login.example.com/common/keys",
    });
    config(members, json!({ "routes": [{ "path": "/partner", "requires_issuer": "partner" }] }))
}

fn of_tenant(tenant: &str) -> Token {
    token().issuer(&FORM.replace("{tid}", tenant)).claim("tid", tenant)
}

#[test]
fn each_listed_tenant_has_its_own_iss() {
    let config = tenants();
    let sign = |token: Token| token.sign(key()).unwrap();
    let rows = [
        ("a listed tenant", "user-1", sign(of_tenant("alpha"))),
        ("another listed tenant", "user-1", sign(of_tenant("beta"))),
        ("the other issuer", "403 issuer_not_allowed", good()),
        ("a tenant that is not listed", "401 unknown_issuer", sign(of_tenant("gamma"))),
        ("another letter case", "401 unknown_issuer", sign(of_tenant("Alpha"))),
        ("two segments", "401 unknown_issuer", sign(of_tenant("alpha/v2.0/beta"))),
        ("an escape", "401 unknown_issuer", sign(of_tenant("%61lpha"))),
        ("the placeholder itself", "401 unknown_issuer", sign(of_tenant("{tid}"))),
        ("no tenant", "401 unknown_issuer", sign(of_tenant(""))),
        (
            "the claim names another tenant",
            "401 unknown_issuer",
            sign(of_tenant("alpha").claim("tid", "beta")),
        ),
        ("the claim is missing", "401 unknown_issuer", sign(of_tenant("alpha").without("tid"))),
        (
            "the claim is a list",
            "401 unknown_issuer",
            sign(of_tenant("alpha").claim("tid", json!(["alpha"]))),
        ),
        (
            "another key",
            "401 signature",
            of_tenant("alpha").header("kid", "first").sign(other_key()).unwrap(),
        ),
    ];
    for (label, expected, token) in rows {
        assert_eq!(step(&config, &get("/partner").bearer(&token)), expected, "{label}");
    }
    let mismatch = get("/").bearer(&sign(of_tenant("alpha").claim("tid", "beta")));
    let record = denied(mismatch.decide_with_keys(&config)).record;
    assert_eq!(record.detail, "the token's claim tid is missing or is not the tenant in the token's iss");
    // The upstream learns the real iss.
    let request = get("/").bearer(&sign(of_tenant("beta")));
    let sent = request.upstream(&forwarded(request.decide_with_keys(&config)));
    let issuer = sent.iter().find(|(name, _)| name == "x-auth-issuer").map(|(_, value)| value.as_str());
    assert_eq!(issuer, Some("https://login.example.com/beta/v2.0"));
}

#[test]
fn no_keys_are_fetched_for_a_tenant_that_is_not_listed() {
    let config = tenants();
    let fetches = |token: Token| {
        let keys = Keys::none(KeyLookup::Pending);
        let request = get("/").bearer(&token.sign(key()).unwrap());
        request.decide(&config, &keys, &TokenCache::new(0), NOW, Wait::Allowed);
        keys.lookups.take().len()
    };
    assert_eq!(fetches(of_tenant("alpha")), 1);
    assert_eq!(fetches(of_tenant("gamma")), 0);
    assert_eq!(fetches(of_tenant("alpha").claim("tid", "beta")), 0);
}

/// The published key with this member `issuer`.
fn bound_to(issuer: Value) -> Keys {
    let mut set = key_set([key()]);
    if !issuer.is_null() {
        set["keys"][0]["issuer"] = issuer;
    }
    let set = KeySet::parse(set.to_string().as_bytes()).unwrap().keys;
    Keys { current: Some(Rc::new(set)), ..Keys::available() }
}

#[test]
fn a_key_signs_only_for_the_tenant_that_it_names() {
    let config = tenants();
    let alpha = get("/").bearer(&of_tenant("alpha").sign(key()).unwrap());
    for (issuer, expected) in [
        (Value::Null, "user-1"),
        (json!("https://login.example.com/{tenantid}/v2.0"), "user-1"),
        (json!(FORM), "user-1"),
        (json!("https://login.example.com/alpha/v2.0"), "user-1"),
        (json!("https://login.example.com/beta/v2.0"), "401 bad_key"),
        (json!("https://sts.example.com/{tenantid}/"), "401 bad_key"),
        (json!(""), "401 bad_key"),
        (json!(7), "401 bad_key"),
        (json!(["https://login.example.com/alpha/v2.0"]), "401 bad_key"),
    ] {
        let keys = bound_to(issuer.clone());
        assert_eq!(describe(&alpha.step(&config, &keys, Wait::Allowed)), expected, "{issuer}");
        // An issuer without tenants ignores the member.
        let own = get("/").bearer(&good());
        assert_eq!(describe(&own.step(&config, &keys, Wait::Allowed)), "user-1", "{issuer}");
    }
    let keys = bound_to(json!("https://login.example.com/beta/v2.0"));
    let record = denied(alpha.step(&config, &keys, Wait::Allowed)).record;
    assert_eq!(record.detail, "each key that fits the token has a member issuer that is not the token's iss");
    // Without a kid, too.
    let nameless = get("/").bearer(&of_tenant("alpha").without_header("kid").sign(key()).unwrap());
    assert_eq!(describe(&nameless.step(&config, &keys, Wait::Allowed)), "401 bad_key");
}
