//! Requirements in annotations of Envoy Gateway's objects: modes, and requests that try to influence the choice of the
//! route.

use super::fixture::{config, denied, describe, forwarded, get, good, key, metadata, new_request, token};
use jwt_guard::request::{Metadata, RuleName};
use serde_json::json;

#[test]
fn the_mode_decides_how_annotations_and_routes_combine() {
    let admin = token().claim("role", "admin").sign(key()).unwrap();
    let closed = json!({ "requires_role": "admin" });
    let open = json!({ "allow_anonymous": true });
    // Mode, routes, annotation; then without a token, with a token, with an admin's token.
    for (mode, routes, annotation, expected) in [
        ("narrow", &closed, &open, ["401 missing_token", "403 role", "user-1"]),
        ("narrow", &open, &closed, ["401 missing_token", "403 role", "user-1"]),
        ("narrow", &open, &open, ["anonymous"; 3]),
        ("override", &closed, &open, ["anonymous"; 3]),
        ("override", &open, &closed, ["401 missing_token", "403 role", "user-1"]),
    ] {
        let config = config(json!({ "envoy_gateway_annotations": mode, "default_policy": routes }));
        for on_route in [true, false] {
            let request = || match on_route {
                true => get("/").annotation(metadata(&config, annotation.clone())),
                false => get("/").gateway_annotation(metadata(&config, annotation.clone())),
            };
            let outcomes = [
                describe(&request().decide_with_keys(&config)),
                describe(&request().bearer(&good()).decide_with_keys(&config)),
                describe(&request().bearer(&admin).decide_with_keys(&config)),
            ];
            assert_eq!(outcomes, expected, "{mode} {routes} {annotation}");
        }
    }
}

#[test]
fn the_annotations_of_the_route_and_of_its_gateway_must_both_be_met() {
    let staff = token().claim("groups", "staff").sign(key()).unwrap();
    let both = token().claim("role", "admin").claim("groups", "staff").sign(key()).unwrap();
    for mode in ["narrow", "override"] {
        let config = config(json!({ "envoy_gateway_annotations": mode }));
        let request = || {
            get("/")
                .annotation(metadata(&config, json!({ "requires_role": "admin" })))
                .gateway_annotation(metadata(&config, json!({ "requires_group": "staff" })))
        };
        assert_eq!(describe(&request().bearer(&good()).decide_with_keys(&config)), "403 role", "{mode}");
        assert_eq!(describe(&request().bearer(&staff).decide_with_keys(&config)), "403 role", "{mode}");
        assert_eq!(describe(&request().bearer(&both).decide_with_keys(&config)), "user-1", "{mode}");
        let open = request().annotation(metadata(&config, json!({ "allow_anonymous": true })));
        assert_eq!(describe(&open.decide_with_keys(&config)), "401 missing_token", "{mode}");
        let open = open.bearer(&staff);
        assert_eq!(describe(&open.decide_with_keys(&config)), "user-1", "{mode}");
    }
}

#[test]
fn an_annotation_never_replaces_route_metadata_or_a_guard() {
    let says = json!({ "allow_anonymous": true });
    for (route_metadata, annotations) in
        [("override", "override"), ("narrow", "override"), ("override", "narrow"), ("narrow", "narrow")]
    {
        let config = config(json!({
            "route_metadata": route_metadata, "envoy_gateway_annotations": annotations,
            "guards": [{ "path": "/guarded/**", "requires_group": "staff" }],
            "default_policy": { "allow_anonymous": true },
        }));
        let open = |path| get(path).annotation(metadata(&config, says.clone()));
        let request = open("/").metadata(metadata(&config, json!({ "requires_role": "admin" })));
        assert_eq!(describe(&request.decide_with_keys(&config)), "401 missing_token");
        assert_eq!(describe(&request.bearer(&good()).decide_with_keys(&config)), "403 role");
        assert_eq!(describe(&open("/").decide_with_keys(&config)), "anonymous");
        assert_eq!(describe(&open("/guarded/x").bearer(&good()).decide_with_keys(&config)), "403 group");
    }
}

#[test]
fn logs_name_the_annotation() {
    let config = config(json!({ "policies": { "admins": { "requires_role": "admin" } } }));
    let rule = |request: super::fixture::TestRequest| {
        denied(request.bearer(&good()).decide_with_keys(&config)).record.rule.map(|rule| rule.to_string())
    };
    for says in [json!({ "requires_role": "admin" }), json!({ "policy": "admins" })] {
        let on_route = get("/").annotation(metadata(&config, says.clone()));
        assert_eq!(rule(on_route).as_deref(), Some("route_annotation"));
        let on_gateway = get("/").gateway_annotation(metadata(&config, says));
        assert_eq!(rule(on_gateway).as_deref(), Some("gateway_annotation"));
    }
    let request = get("/").annotation(metadata(&config, json!({ "allow_authenticated": true })));
    let forward = forwarded(request.bearer(&good()).decide_with_keys(&config));
    assert_eq!(forward.rules, [RuleName::DefaultPolicy, RuleName::RouteAnnotation]);
}

#[test]
fn an_invalid_annotation_denies() {
    for mode in ["narrow", "override"] {
        let config = config(json!({
            "envoy_gateway_annotations": mode, "default_policy": { "allow_anonymous": true },
        }));
        assert_eq!(describe(&get("/").decide_with_keys(&config)), "anonymous");
        let bad = || Metadata::Bad("why".into());
        for request in [get("/").annotation(bad()), get("/").gateway_annotation(bad())] {
            let refused = denied(request.decide_with_keys(&config));
            assert_eq!(refused.denial.status, 503);
            assert!(refused.record.to_string().starts_with("reason=bad_metadata detail=\"why\""));
        }
    }
}

#[test]
fn a_client_cannot_influence_the_choice_of_the_annotated_route() {
    for (mode, spelled_otherwise) in [("narrow", "user-1"), ("override", "400 ambiguous_path")] {
        let config =
            config(json!({ "envoy_gateway_annotations": mode, "claim_headers": { "x-user": "sub" } }));
        let says = || metadata(&config, json!({ "allow_authenticated": true }));
        let outcomes = |request: fn() -> super::fixture::TestRequest| {
            let request = || request().bearer(&good());
            let without = describe(&request().decide_with_keys(&config));
            let on_route = describe(&request().annotation(says()).decide_with_keys(&config));
            let on_gateway = describe(&request().gateway_annotation(says()).decide_with_keys(&config));
            assert_eq!(without, "user-1");
            assert_eq!(on_route, on_gateway);
            on_route
        };
        assert_eq!(outcomes(|| get("/").header("x-user", "")), "400 bad_request", "{mode}");
        assert_eq!(outcomes(|| get("/").header("X_Auth_Roles", "")), "400 bad_request", "{mode}");
        assert_eq!(outcomes(|| get("/").header("x-original-url", "")), "400 bad_request", "{mode}");
        assert_eq!(outcomes(|| new_request("delete", "/")), "400 ambiguous_path", "{mode}");
        let overridden: fn() -> _ = || get("/").header("x-http-method-override", "DELETE");
        assert_eq!(outcomes(overridden), "400 ambiguous_path", "{mode}");
        for request in [
            || get("/%61"),
            || get("//"),
            || get("/a/../b"),
            || get("/a;b"),
            || get("/a\\b"),
            || get("/a./b"),
            || get("/a%2fb"),
            || get("/A%2Fb"),
            || get("/caf%C3%A9/%61"),
            || get("/caf%c3%a9"),
            || get("/caf\u{e9}"),
            || get("/my%20docs "),
        ] as [fn() -> super::fixture::TestRequest; 12]
        {
            assert_eq!(outcomes(request), "400 ambiguous_path", "{mode} {}", request().path());
        }
        for request in [
            || get("/A"),
            || get("/grpc.health.v1.Health/Check"),
            || get("/caf%C3%A9/Men%C3%BC"),
            || get("/my%20docs/x"),
        ] as [fn() -> super::fixture::TestRequest; 4]
        {
            assert_eq!(outcomes(request), spelled_otherwise, "{mode} {}", request().path());
        }
        for request in
            [|| get("/"), || get("/a"), || get("/a/"), || get("/a?b=//%2e"), || get("/v1.2/index.html")]
                as [fn() -> super::fixture::TestRequest; 5]
        {
            assert_eq!(outcomes(request), "user-1", "{mode} {}", request().path());
        }
    }
}

/// Beside `routes`, an annotation is one of several requirements. Each other reading of the path must still meet the
/// requirement of its own route.
#[test]
fn routes_keep_every_reading_beside_an_annotation() {
    let config = config(json!({
        "routes": [{ "path": "/public/**", "allow_anonymous": true }, { "path": "/admin", "requires_role": "admin" }],
    }));
    let says = metadata(&config, json!({ "allow_anonymous": true }));
    let request = |path| get(path).bearer(&good()).annotation(says.clone());
    assert_eq!(describe(&request("/ADMIN").decide_with_keys(&config)), "403 role");
    assert_eq!(describe(&request("/public/x").decide_with_keys(&config)), "anonymous");
}
