//! A path in the spelling of ordinary clients needs only its own route; another spelling must meet the requirements of
//! all its path variants.

use super::fixture::{
    TestRequest, config, denied, describe, forwarded, get, good, key, metadata, new_request, token,
};
use jwt_guard::request::Metadata;
use serde_json::json;

fn admin() -> String {
    token().claim("role", "admin").sign(key()).unwrap()
}

#[test]
fn an_anonymous_route_passes_in_its_own_spelling() {
    let config = config(json!({
        "routes": [
            { "path": "/grpc.health.v1.Health/Check", "methods": "POST", "allow_anonymous": true },
            { "path": "/api/forgotPassword", "allow_anonymous": true },
            { "path": "/café/**", "allow_anonymous": true },
            { "path": "/my docs/**", "allow_anonymous": true },
            { "path": "/{lang}/Hilfe|FAQ", "allow_anonymous": true },
            { "path": "/ÜBER/{id}/Maße", "allow_anonymous": true },
            { "path": "/orders/{id}", "requires_role": "admin" },
            { "path": "/orders/myOrders", "allow_authenticated": true },
        ],
    }));
    let good = good();
    for (request, expected) in [
        (new_request("POST", "/grpc.health.v1.Health/Check"), "anonymous"),
        (get("/api/forgotPassword"), "anonymous"),
        (get("/api/forgotPassword?next=/a%2Fb"), "anonymous"),
        (get("/api/forgotPassword/"), "anonymous"),
        (get("/caf%C3%A9"), "anonymous"),
        (get("/caf%c3%a9/x/Y"), "anonymous"),
        (get("/café/x"), "anonymous"),
        (get("/my%20docs/a%20b"), "anonymous"),
        (get("/de/Hilfe%7CFAQ"), "anonymous"),
        (get("/%C3%9CBER/7/Ma%C3%9Fe"), "anonymous"),
        (get("/orders/myOrders").bearer(&good), "user-1"),
        (get("/orders/7").bearer(&admin()), "user-1"),
        // Similar paths, which stay denied.
        (new_request("GET", "/grpc.health.v1.Health/Check"), "401 missing_token"),
        (new_request("POST", "/grpc.health.v1.health/check"), "401 missing_token"),
        (get("/api/forgotpassword"), "401 missing_token"),
        (get("/API/forgotPassword"), "401 missing_token"),
        (get("/CAF%C3%89/x"), "401 missing_token"),
        (get("/caf%C3%A9%2F..%2Forders"), "401 missing_token"),
        (get("/caf%25C3%25A9/x"), "401 missing_token"),
        (get("/my%2520docs/x"), "401 missing_token"),
        (get("/%6Dy%20docs/x"), "401 missing_token"),
        (get("/orders/myOrders"), "401 missing_token"),
        (get("/orders/MYORDERS").bearer(&good), "403 role"),
        (get("/orders/myorders").bearer(&good), "403 role"),
        (get("/orders/7").bearer(&good), "403 role"),
    ] {
        assert_eq!(describe(&request.decide_with_keys(&config)), expected, "{:?}", request.path());
    }
}

/// Each row is an attack on a wildcard or a similar route. It succeeds if the path variant is missing.
#[test]
fn another_spelling_of_a_protected_path_stays_denied() {
    let parameter = json!([
        { "path": "/x/{id}", "allow_anonymous": true },
        { "path": "/x/admin", "requires_role": "admin" },
    ]);
    let rest = json!([
        { "path": "/m/**", "allow_anonymous": true },
        { "path": "/m/admin/**", "requires_role": "admin" },
    ]);
    let mixed = json!([
        { "path": "/**", "allow_anonymous": true },
        { "path": "/api/{id}", "requires_role": "admin" },
        { "path": "/api/Pub", "allow_anonymous": true },
    ]);
    let mixed_above = json!([
        { "path": "/**", "allow_anonymous": true },
        { "path": "/aPi/{id}", "requires_role": "admin" },
        { "path": "/aPi/Pub", "allow_anonymous": true },
    ]);
    for (routes, open, paths) in [
        (
            &parameter,
            "/x/7",
            &[
                "/x/%2561dmin",
                "/x/adm%C4%B1n",
                "/x/%EF%BD%81dmin",
                "/x/admin%20",
                "/x/ADMIN",
                "/x/adm%C4%B0n",
            ][..],
        ),
        (&rest, "/m/a/b", &["/m/%252e%252e%252fm%252fadmin", "/m/%2561dmin/x", "/M/../m/Admin/x"]),
        // For an upstream that converts to lower case and compares exactly, `/api/pub` matches `{id}`.
        (&mixed, "/api/Pub", &["/API/pub", "/api/pub", "/API/Pub", "/Api/PUB"]),
        // An upstream may ignore case in the name of the application, and compare the rest exactly.
        (&mixed_above, "/aPi/Pub", &["/API/pub", "/api/pub", "/aPi/pub"]),
    ] {
        let config = config(json!({ "routes": routes }));
        assert_eq!(describe(&get(open).decide_with_keys(&config)), "anonymous", "{open}");
        for path in paths {
            assert_eq!(describe(&get(path).decide_with_keys(&config)), "401 missing_token", "{path}");
            assert_eq!(describe(&get(path).bearer(&good()).decide_with_keys(&config)), "403 role", "{path}");
            assert_eq!(describe(&get(path).bearer(&admin()).decide_with_keys(&config)), "user-1", "{path}");
        }
    }
}

#[test]
fn a_route_in_its_own_spelling_has_its_own_token_from_and_forward_token() {
    let config = config(json!({
        "routes": [
            { "path": "/ws/liveFeed", "allow_authenticated": true, "token_from": { "query": "access_token" } },
            { "path": "/legacyApp/**", "allow_authenticated": true, "forward_token": true },
        ],
    }));
    let feed = |path: &str| get(&format!("{path}?access_token={}", good()));
    assert_eq!(describe(&feed("/ws/liveFeed").decide_with_keys(&config)), "user-1");
    // The route of the other spelling reads no token from the query.
    assert_eq!(describe(&feed("/ws/livefeed").decide_with_keys(&config)), "400 bad_request");
    for (path, forwarded_token) in [("/legacyApp/x", true), ("/legacyApp", true), ("/legacyapp/x", false)] {
        let request = get(path).bearer(&good());
        let upstream = request.upstream(&forwarded(request.decide_with_keys(&config)));
        let has_token = upstream.iter().any(|(name, _)| name == "authorization");
        assert_eq!(has_token, forwarded_token, "{path}");
    }
}

/// For each class: a path that passes if the class is skipped, and is denied otherwise.
#[test]
fn a_skipped_class_allows_only_its_own_variants() {
    let with = |skipped: serde_json::Value| {
        config(json!({
            "skip_readings": skipped,
            "default_policy": { "allow_anonymous": true },
            "routes": [
                { "path": "/admin/**", "requires_role": "admin" },
                { "path": "/items/{id}", "methods": "GET", "allow_anonymous": true },
                { "path": "/items/{id}", "methods": "DELETE", "requires_role": "admin" },
            ],
        }))
    };
    let rows: [(&str, TestRequest); 12] = [
        ("letter_case", get("/Admin/x")),
        ("letter_case", get("/adm%C4%B1n/x")),
        ("encoded_slash", get("/admin%2Fx")),
        ("encoded_slash", get("/x%2f../admin/x")),
        ("path_parameters", get("/admin;v=1/x")),
        ("backslash", get("/x\\..\\..\\admin")),
        ("trailing_dot_or_space", get("/admin./x")),
        ("compatibility_characters", get("/%EF%BD%81dmin/x")),
        ("method_override", get("/items/7").header("x-http-method-override", "DELETE")),
        ("php_path_info", get("/index.php/admin/x")),
        ("ntfs_streams", get("/admin::$DATA")),
        ("aspnet_tickets", get("/(S(x))/admin/x")),
    ];
    for (class, request) in &rows {
        let refusal = denied(request.decide_with_keys(&with(json!([]))));
        assert_eq!(refusal.denial.status, 401, "{class}");
        let classes: Vec<_> = refusal.record.variant_classes.iter().map(|class| class.name()).collect();
        assert!(classes.contains(class), "{class}: {classes:?}");
        for (other, _) in &rows {
            let expected = if class == other { "anonymous" } else { "401 missing_token" };
            assert_eq!(
                describe(&request.decide_with_keys(&with(json!(other)))),
                expected,
                "{class} with {other} skipped"
            );
        }
    }
    let all: Vec<_> =
        rows.iter().map(|(class, _)| *class).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    for path in [
        "/admin/x",
        "/%61dmin/x",
        "/%2561dmin",
        "//admin",
        "/x/../admin",
        "/x/%2e%2e/admin",
        "/admin/",
        "/x%252f..%252fadmin",
        "/x%25%32%66..%252f/admin",
        "/%20admin",
        "/admin%3Fx",
        "/admin#x",
        "//host/admin",
    ] {
        assert_eq!(describe(&get(path).decide_with_keys(&with(json!(all)))), "401 missing_token", "{path}");
    }
}

#[test]
fn a_method_override_prevents_the_preflight_bypass() {
    let config = config(json!({ "skip_readings": "method_override", "bypass_cors_preflight": true }));
    let preflight = || {
        new_request("OPTIONS", "/")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "DELETE")
    };
    assert_eq!(describe(&preflight().decide_with_keys(&config)), "anonymous");
    let overridden = preflight().header("x-http-method-override", "DELETE");
    assert_eq!(describe(&overridden.decide_with_keys(&config)), "401 missing_token");
}

#[test]
fn skipped_classes_apply_when_metadata_decides() {
    let says = |config: &_| -> Metadata { metadata(config, json!({ "allow_anonymous": true })) };
    for (class, path) in [
        ("letter_case", "/grpc.health.v1.Health/Check"),
        ("encoded_slash", "/projects/group%2Fproject"),
        ("path_parameters", "/map/color;shade=2"),
        ("backslash", "/a\\b"),
        ("trailing_dot_or_space", "/a."),
        ("php_path_info", "/index.php/x"),
        ("ntfs_streams", "/a::$data"),
        ("aspnet_tickets", "/(s(x))/a"),
    ] {
        let default = config(json!({}));
        let refusal = denied(get(path).metadata(says(&default)).decide_with_keys(&default));
        let detail = format!("the path has another variant by {class}, and route metadata decides");
        assert_eq!((refusal.denial.status, refusal.record.detail.as_str()), (400, detail.as_str()), "{path}");
        let skipping = config(json!({ "skip_readings": class }));
        assert_eq!(
            describe(&get(path).metadata(says(&skipping)).decide_with_keys(&skipping)),
            "anonymous",
            "{path}"
        );
        for other in ["/a/../b", "//a", "/%61", "/caf%c3%a9", "/café", "/a%20b", "/a%7Cb", "/a|b", "/a%252Fb"]
        {
            let step = get(other).metadata(says(&skipping)).decide_with_keys(&skipping);
            assert_eq!(describe(&step), "400 ambiguous_path", "{other} with {class} skipped");
        }
    }
    // For Envoy `/a%2fb` and `/a%2Fb` are different paths, for the upstream they are the same path.
    let skipping = config(json!({ "skip_readings": ["encoded_slash", "letter_case"] }));
    let refusal =
        denied(get("/projects/group%2fproject").metadata(says(&skipping)).decide_with_keys(&skipping));
    assert_eq!(
        refusal.record.detail,
        "the path has another variant by percent_decoding, and route metadata decides"
    );
    let routes = config(json!({
        "skip_readings": "encoded_slash",
        "routes": [{ "path": "/projects/{id}", "allow_anonymous": true }],
    }));
    assert_eq!(describe(&get("/projects/group%2fproject").decide_with_keys(&routes)), "anonymous");
    let skipping = config(json!({ "skip_readings": "method_override" }));
    let overridden = get("/a").header("x-http-method-override", "DELETE").metadata(says(&skipping));
    assert_eq!(describe(&overridden.decide_with_keys(&skipping)), "anonymous");
}
