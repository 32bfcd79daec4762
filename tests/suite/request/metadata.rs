//! What Envoy's own route says of itself: precedence, modes, and what it must not be talked into.

use super::fixture::{ask, config, forwarded, get, good, key, metadata, refused, token, told};
use jwt_guard::request::{Metadata, RuleName};
use serde_json::json;

#[test]
fn metadata_and_routes_go_together_as_the_mode_says() {
    let admin = token().claim("role", "admin").sign(key()).unwrap();
    for (mode, without, with_good, with_admin) in [
        ("override", "401 missing_token", "user-1", "user-1"),
        ("narrow", "401 missing_token", "403 role", "user-1"),
    ] {
        let config =
            config(json!({ "route_metadata": mode, "default_policy": { "requires_role": "admin" } }));
        let says = metadata(&config, json!({ "allow_authenticated": true }));
        let request = |token: Option<&str>| {
            let request = get("/").metadata(says.clone());
            match token {
                Some(token) => request.bearer(token),
                None => request,
            }
        };
        assert_eq!(told(&request(None).judged(&config)), without, "{mode}");
        assert_eq!(told(&request(Some(&good())).judged(&config)), with_good, "{mode}");
        assert_eq!(told(&request(Some(&admin)).judged(&config)), with_admin, "{mode}");
    }
}

#[test]
fn every_rule_may_stand_there() {
    let config = config(json!({
        "default_policy": { "deny": true },
        "policies": { "admins": { "requires_role": "admin", "shadow": { "requires_group": "staff" } } },
    }));
    let admin = token().claim("role", "admin").sign(key()).unwrap();
    for (says, without, with_good, with_admin) in [
        (json!({ "allow_anonymous": true }), "anonymous", "anonymous", "anonymous"),
        (json!({ "deny": true }), "403 denied", "403 denied", "403 denied"),
        (json!({ "allow_missing": true }), "anonymous", "user-1", "user-1"),
        (json!({ "requires_role": "admin" }), "401 missing_token", "403 role", "user-1"),
        (json!({ "policy": "admins" }), "401 missing_token", "403 role", "user-1, would deny group"),
    ] {
        let says = metadata(&config, says);
        assert_eq!(told(&get("/").metadata(says.clone()).judged(&config)), without);
        assert_eq!(told(&get("/").metadata(says.clone()).bearer(&good()).judged(&config)), with_good);
        assert_eq!(told(&get("/").metadata(says).bearer(&admin).judged(&config)), with_admin);
    }
    let refusal = refused(get("/").metadata(metadata(&config, json!({ "deny": true }))).judged(&config));
    assert_eq!(refusal.record.rule, Some(RuleName::Metadata));
}

#[test]
fn what_does_not_parse_refuses() {
    let config = config(json!({ "default_policy": { "allow_anonymous": true } }));
    let refused = refused(get("/").metadata(Metadata::Bad("why".into())).judged(&config));
    assert_eq!(
        (refused.denial.status, refused.record.to_string().as_str()),
        (503, "reason=bad_metadata detail=\"why\"")
    );
}

#[test]
fn a_client_cannot_make_envoy_choose_again() {
    let config = config(json!({ "claim_headers": { "x-user": "sub" } }));
    let says = || metadata(&config, json!({ "allow_anonymous": true }));
    for name in
        ["x-user", "X_User", "x.user", "x-auth-sub", "x_auth_roles", "x-original-url", "x_rewrite_url"]
    {
        let request = get("/").header(name, "");
        assert_eq!(
            told(&request.bearer(&good()).judged(&config)),
            "user-1",
            "{name} is only removed elsewhere"
        );
        assert_eq!(
            told(&get("/").header(name, "").metadata(says()).judged(&config)),
            "400 bad_request",
            "{name}"
        );
    }
    for (method, overrides) in [("delete", None), ("GET", Some("DELETE")), ("POST", Some("get"))] {
        let request = ask(method, "/").metadata(says());
        let request = match overrides {
            Some(value) => request.header("x_http_method", value),
            None => request,
        };
        assert_eq!(told(&request.judged(&config)), "400 ambiguous_path", "{method} {overrides:?}");
    }
    let same = get("/").header("x-http-method-override", "GET").metadata(says());
    assert_eq!(told(&same.judged(&config)), "anonymous");
    for path in ["/%61", "//", "/a/../b", "/a;b", "/a\\b", "/A", "/a#b", "/a./b", "/a%2fb"] {
        assert_eq!(told(&get(path).bearer(&good()).judged(&config)), "user-1", "{path}");
        assert_eq!(told(&get(path).metadata(says()).judged(&config)), "400 ambiguous_path", "{path}");
    }
    for path in ["/", "/a", "/a/", "/a?b=//%2e", "/v1.2/index.html"] {
        assert_eq!(told(&get(path).metadata(says()).judged(&config)), "anonymous", "{path}");
    }
    let connect = ask("CONNECT", "/").without(":path").metadata(says());
    assert_eq!(told(&connect.judged(&config)), "anonymous");
    assert_eq!(told(&ask("OPTIONS", "*").metadata(says()).judged(&config)), "anonymous");
}

#[test]
fn places_are_those_of_the_routes() {
    let config = config(json!({
        "routes": [{ "path": "/page", "deny": true, "token_from": { "cookie": "session" }, "forward_token": true }],
    }));
    let says = metadata(&config, json!({ "allow_authenticated": true }));
    let request = get("/page").header("cookie", format!("session={}", good())).metadata(says);
    let forward = forwarded(request.judged(&config));
    assert_eq!(forward.rules, [RuleName::Metadata]);
    assert!(request.upstream(&forward).iter().any(|(name, _)| name == "cookie"));
}
