//! Requirements in the metadata of Envoy's routes: precedence, modes, and requests that try to influence the choice of
//! Envoy's route.

use super::fixture::{config, denied, describe, forwarded, get, good, key, metadata, new_request, token};
use jwt_guard::request::{Metadata, RuleName};
use serde_json::json;

#[test]
fn the_mode_decides_how_metadata_and_routes_combine() {
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
        assert_eq!(describe(&request(None).decide_with_keys(&config)), without, "{mode}");
        assert_eq!(describe(&request(Some(&good())).decide_with_keys(&config)), with_good, "{mode}");
        assert_eq!(describe(&request(Some(&admin)).decide_with_keys(&config)), with_admin, "{mode}");
    }
}

#[test]
fn every_requirement_is_possible_in_metadata() {
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
        assert_eq!(describe(&get("/").metadata(says.clone()).decide_with_keys(&config)), without);
        assert_eq!(
            describe(&get("/").metadata(says.clone()).bearer(&good()).decide_with_keys(&config)),
            with_good
        );
        assert_eq!(describe(&get("/").metadata(says).bearer(&admin).decide_with_keys(&config)), with_admin);
    }
    let refusal =
        denied(get("/").metadata(metadata(&config, json!({ "deny": true }))).decide_with_keys(&config));
    assert_eq!(refusal.record.rule, Some(RuleName::Metadata));
}

#[test]
fn invalid_metadata_denies() {
    let config = config(json!({ "default_policy": { "allow_anonymous": true } }));
    let refused = denied(get("/").metadata(Metadata::Bad("why".into())).decide_with_keys(&config));
    assert_eq!(
        (refused.denial.status, refused.record.to_string().as_str()),
        (503, "reason=bad_metadata detail=\"why\" method=\"GET\" path=\"/\"")
    );
}

#[test]
fn a_client_cannot_influence_the_choice_of_envoys_route() {
    let config = config(json!({ "claim_headers": { "x-user": "sub" } }));
    let says = || metadata(&config, json!({ "allow_anonymous": true }));
    for name in
        ["x-user", "X_User", "x.user", "x-auth-sub", "x_auth_roles", "x-original-url", "x_rewrite_url"]
    {
        let request = get("/").header(name, "");
        assert_eq!(
            describe(&request.bearer(&good()).decide_with_keys(&config)),
            "user-1",
            "{name} is only removed if no metadata decides"
        );
        assert_eq!(
            describe(&get("/").header(name, "").metadata(says()).decide_with_keys(&config)),
            "400 bad_request",
            "{name}"
        );
    }
    for (method, overrides) in [("delete", None), ("GET", Some("DELETE")), ("POST", Some("get"))] {
        let request = new_request(method, "/").metadata(says());
        let request = match overrides {
            Some(value) => request.header("x_http_method", value),
            None => request,
        };
        assert_eq!(
            describe(&request.decide_with_keys(&config)),
            "400 ambiguous_path",
            "{method} {overrides:?}"
        );
    }
    let same = get("/").header("x-http-method-override", "GET").metadata(says());
    assert_eq!(describe(&same.decide_with_keys(&config)), "anonymous");
    for path in ["/%61", "//", "/a/../b", "/a;b", "/a\\b", "/A", "/a#b", "/a./b", "/a%2fb"] {
        assert_eq!(describe(&get(path).bearer(&good()).decide_with_keys(&config)), "user-1", "{path}");
        assert_eq!(
            describe(&get(path).metadata(says()).decide_with_keys(&config)),
            "400 ambiguous_path",
            "{path}"
        );
    }
    for path in ["/", "/a", "/a/", "/a?b=//%2e", "/v1.2/index.html"] {
        assert_eq!(describe(&get(path).metadata(says()).decide_with_keys(&config)), "anonymous", "{path}");
    }
    let connect = new_request("CONNECT", "/").without(":path").metadata(says());
    assert_eq!(describe(&connect.decide_with_keys(&config)), "anonymous");
    assert_eq!(
        describe(&new_request("OPTIONS", "*").metadata(says()).decide_with_keys(&config)),
        "anonymous"
    );
}

#[test]
fn token_sources_are_those_of_the_matching_route() {
    let config = config(json!({
        "routes": [{ "path": "/page", "deny": true, "token_from": { "cookie": "session" }, "forward_token": true }],
    }));
    let says = metadata(&config, json!({ "allow_authenticated": true }));
    let request = get("/page").header("cookie", format!("session={}", good())).metadata(says);
    let forward = forwarded(request.decide_with_keys(&config));
    assert_eq!(forward.rules, [RuleName::Metadata]);
    assert!(request.upstream(&forward).iter().any(|(name, _)| name == "cookie"));
}
