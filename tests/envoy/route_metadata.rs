//! Requirements in the metadata of Envoy's routes, and clients that try to influence the choice of Envoy's route.

use serde_json::{Value, json};

use crate::harness::{Envoy, REASONS_LOG, Stack, StackBuilder, plugin_with};

/// A route of Envoy with the requirement in its metadata.
fn route(matches: Value, says: Value) -> Value {
    let mut route = json!({ "match": matches, "route": { "cluster": "upstream" } });
    if !says.is_null() {
        route["metadata"] =
            json!({ "filter_metadata": { "jwt_guard": says, "other": { "requires_role": 1 } } });
    }
    route
}

fn builder(members: Value, routes: Vec<Value>) -> StackBuilder {
    Stack::builder().plugin(plugin_with(members)).envoy(|envoy| {
        envoy.routes = routes;
        // Without the early removal by Envoy, which would hide a missing removal by the filter.
        envoy.early_header_mutation = false;
        envoy.access_log = REASONS_LOG.to_owned();
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_route_can_have_a_requirement() {
    let canary = json!({ "name": "x-canary", "string_match": { "exact": "yes" } });
    let weighted = json!({
        "match": { "prefix": "/weighted" },
        "route": { "weighted_clusters": { "clusters": [
            { "name": "upstream", "weight": 50, "metadata_match": {} }, { "name": "upstream", "weight": 50 },
        ] } },
        "metadata": { "filter_metadata": { "jwt_guard": { "requires_role": "admin" } } },
    });
    let typed = json!({
        "match": { "prefix": "/typed" }, "route": { "cluster": "upstream" },
        "metadata": { "typed_filter_metadata": { "jwt_guard": {
            "@type": "type.googleapis.com/google.protobuf.Struct", "value": { "deny": true },
        } } },
    });
    let stack = builder(
        json!({
            "default_policy": { "allow_anonymous": true },
            "policies": { "admins": { "requires_role": "admin" } },
            "routes": [{ "path": "/regex/7", "deny": true }],
        }),
        vec![
            route(
                json!({ "safe_regex": { "regex": "/regex/[0-9]+" } }),
                json!({ "allow_authenticated": true }),
            ),
            route(
                json!({ "prefix": "/matched", "headers": [canary] }),
                json!({ "requires_group": "canary" }),
            ),
            route(json!({ "prefix": "/matched" }), json!({ "policy": "admins" })),
            weighted,
            typed,
            route(json!({ "prefix": "/open" }), json!({ "allow_anonymous": true })),
            route(json!({ "prefix": "/closed" }), json!({ "deny": true })),
            route(json!({ "prefix": "/optional" }), json!({ "allow_missing": true })),
            route(
                json!({ "prefix": "/shadow" }),
                json!({ "allow_anonymous": true, "shadow": { "policy": "admins" } }),
            ),
            route(
                json!({ "prefix": "/numbers" }),
                json!({ "requires_claim": { "claim": "level", "any": [3] } }),
            ),
            route(json!({ "prefix": "/typo" }), json!({ "requires_rolle": "admin" })),
            route(json!({ "prefix": "/unknown" }), json!({ "policy": "admin" })),
            route(json!({ "prefix": "/empty" }), json!({})),
            route(json!({ "prefix": "/no-object" }), json!({ "requires_role": { "any": ["a"] } })),
        ],
    )
    .start()
    .await;
    let sign =
        |claims: Value| stack.token().claims(claims.as_object().unwrap().clone()).sign(&stack.key).unwrap();
    let user = sign(json!({}));
    let admin = sign(json!({ "role": "admin", "level": 3 }));
    let member = sign(json!({ "groups": "canary", "level": "3" }));
    // Path, whether x-canary is sent, then no token, a user, an admin, a member of canary.
    let rows = [
        ("/regex/7", false, ["401 missing_token", "200 -", "200 -", "200 -"]),
        ("/regex/x", false, ["200 -"; 4]),
        ("/matched", false, ["401 missing_token", "403 role", "200 -", "403 role"]),
        ("/matched", true, ["401 missing_token", "403 group", "403 group", "200 -"]),
        ("/weighted", false, ["401 missing_token", "403 role", "200 -", "403 role"]),
        ("/open", false, ["200 -"; 4]),
        ("/closed", false, ["403 denied"; 4]),
        ("/optional", false, ["200 -"; 4]),
        ("/shadow", false, ["200 missing_token", "200 role", "200 -", "200 role"]),
        ("/numbers", false, ["401 missing_token", "403 claim", "200 -", "403 claim"]),
        ("/typo", false, ["503 bad_metadata"; 4]),
        ("/unknown", false, ["503 bad_metadata"; 4]),
        ("/empty", false, ["503 bad_metadata"; 4]),
        ("/no-object", false, ["503 bad_metadata"; 4]),
        ("/typed", false, ["503 bad_metadata"; 4]),
        ("/elsewhere", false, ["200 -"; 4]),
    ];
    let mut expected = Vec::new();
    for (path, canary, outcomes) in rows {
        for (token, outcome) in [None, Some(&user), Some(&admin), Some(&member)].into_iter().zip(outcomes) {
            let mut request = stack.request("GET", path);
            if canary {
                request = request.header("x-canary", "yes");
            }
            if let Some(token) = token {
                request = request.bearer(token);
            }
            let answer = request.send().await;
            assert!(
                outcome.starts_with(&answer.status.to_string()),
                "{path}: {} for {outcome}",
                answer.status
            );
            if answer.status == 503 {
                assert_eq!(answer.error(), "misconfigured", "{path}");
                assert_eq!(answer.text("www-authenticate"), None);
                assert_eq!(answer.text("retry-after"), None);
            }
            expected.push(format!("GET {path} {outcome}"));
        }
    }
    assert_eq!(stack.envoy.access_logged(expected.len()).await, expected);
    let passed = expected.iter().filter(|line| line.contains(" 200 ")).count();
    assert_eq!(stack.upstream.count(), passed);
    for words in [
        "requires_rolle: unknown key",
        "no policy is named \"admin\"",
        "no condition is set",
        "filter_metadata",
    ] {
        stack.envoy.logged(words).await;
    }
    let told = stack.envoy.log().matches("jwt_guard: requests to a route are denied: route metadata").count();
    assert_eq!(told, 5, "each error is logged once, for any number of requests");
}

/// A virtual host with metadata, and routes with and without metadata.
fn virtual_host() -> Value {
    json!({
        "name": "own", "domains": ["own.example"],
        "metadata": { "filter_metadata": { "jwt_guard": { "requires_role": "admin" } } },
        "routes": [
            route(json!({ "prefix": "/open" }), json!({ "allow_anonymous": true })),
            route(json!({ "prefix": "/staff" }), json!({ "requires_group": "staff" })),
            route(json!({ "prefix": "/typo" }), json!({ "requires_rolle": "admin" })),
            route(json!({ "prefix": "/" }), Value::Null),
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_metadata_wins_and_the_mode_decides() {
    for (mode, rows) in [
        (
            "override",
            // No token, a user, an admin, an admin who is staff.
            [
                ("/open", ["200", "200", "200", "200"]),
                ("/staff", ["401", "403", "403", "200"]),
                ("/", ["401", "403", "200", "200"]),
                ("/listed", ["401", "403", "200", "200"]),
                ("/typo", ["503", "503", "503", "503"]),
            ],
        ),
        (
            "narrow",
            [
                ("/open", ["401", "200", "200", "200"]),
                ("/staff", ["401", "403", "403", "200"]),
                ("/", ["401", "403", "200", "200"]),
                ("/listed", ["401", "403", "403", "200"]),
                ("/typo", ["503", "503", "503", "503"]),
            ],
        ),
        (
            "ignore",
            [
                ("/open", ["401", "200", "200", "200"]),
                ("/staff", ["401", "200", "200", "200"]),
                ("/", ["401", "200", "200", "200"]),
                ("/listed", ["401", "403", "403", "200"]),
                ("/typo", ["401", "200", "200", "200"]),
            ],
        ),
    ] {
        let stack = builder(
            json!({ "route_metadata": mode, "routes": [{ "path": "/listed", "requires_group": "staff" }] }),
            vec![],
        )
        .envoy(|envoy| envoy.virtual_hosts = vec![virtual_host()])
        .start()
        .await;
        let sign = |claims: Value| {
            stack.token().claims(claims.as_object().unwrap().clone()).sign(&stack.key).unwrap()
        };
        let tokens = [
            None,
            Some(sign(json!({}))),
            Some(sign(json!({ "role": "admin" }))),
            Some(sign(json!({ "role": "admin", "groups": "staff" }))),
        ];
        for (path, expected) in rows {
            let mut statuses = Vec::new();
            for token in &tokens {
                let request = stack.request("GET", path).host("own.example");
                let request = match token {
                    Some(token) => request.bearer(token),
                    None => request,
                };
                statuses.push(request.send().await.status.to_string());
            }
            assert_eq!(statuses, expected, "{mode} {path}");
        }
        assert_eq!(
            stack.get_with("/", tokens[1].as_ref().unwrap()).await.status,
            200,
            "another virtual host has no metadata"
        );
    }
}

/// All capabilities of the module except reading properties.
fn capabilities_without_properties() -> Value {
    use wasmparser::{Parser, Payload};
    let bytes = std::fs::read(Envoy::module()).unwrap();
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            Payload::ImportSection(imports) => {
                names.extend(imports.into_imports().map(|import| import.unwrap().name.to_owned()));
            }
            Payload::ExportSection(exports) => {
                names.extend(exports.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
            _ => {}
        }
    }
    assert!(names.iter().any(|name| name == "proxy_get_property"));
    names.retain(|name| name != "proxy_get_property");
    let allowed: serde_json::Map<_, _> = names.into_iter().map(|name| (name, json!({}))).collect();
    json!({ "capability_restriction_config": { "allowed_capabilities": allowed } })
}

/// Metadata that cannot be read must not count as absent metadata.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_metadata_denies() {
    for (options, mode, annotations, expected) in [
        (json!({}), "override", "narrow", 401),
        (capabilities_without_properties(), "override", "ignore", 503),
        (capabilities_without_properties(), "narrow", "ignore", 503),
        (capabilities_without_properties(), "ignore", "narrow", 503),
        (capabilities_without_properties(), "ignore", "override", 503),
        (capabilities_without_properties(), "ignore", "ignore", 200),
    ] {
        let stack = builder(
            json!({
                "route_metadata": mode, "envoy_gateway_annotations": annotations,
                "routes": [{ "path": "/public/**", "allow_anonymous": true }],
            }),
            vec![route(json!({ "prefix": "/" }), json!({ "requires_role": "admin" }))],
        )
        .envoy(|envoy| envoy.plugin_options = options)
        .start()
        .await;
        let response = stack.get("/public/x").await;
        assert_eq!(response.status, expected, "{mode} {annotations}");
        if expected == 503 {
            assert_eq!(response.error(), "misconfigured");
            assert!(stack.envoy.log().contains("the host withholds the route's metadata"));
            assert!(stack.upstream.seen().is_empty());
        }
    }
}

/// Envoy selects a route by a header, the filter removes the header, and Envoy selects again. Then the metadata of the
/// wrong route would have decided, so a request with the header is denied.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_header_cannot_choose_the_requirement() {
    let present = |name: &str| json!([{ "name": name, "present_match": true }]);
    let routes = || {
        ["x-auth-sub", "x_auth_roles", "x-tier", "x-original-url"]
            .map(|name| {
                route(
                    json!({ "prefix": "/admin", "headers": present(name) }),
                    json!({ "allow_anonymous": true }),
                )
            })
            .into_iter()
            .chain([route(json!({ "prefix": "/admin" }), json!({ "requires_role": "admin" }))])
            .collect()
    };
    let stack = builder(json!({ "claim_headers": { "x-tier": "tier" } }), routes()).start().await;
    for name in ["x-auth-sub", "x_auth_roles", "x-tier", "x-original-url"] {
        let answer = stack.request("GET", "/admin").header(name, "1").send().await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{name}");
        let answer =
            stack.request("GET", "/elsewhere").header(name, "1").bearer(&stack.good_token()).send().await;
        assert_eq!(answer.status, 200, "{name} is only removed if no metadata decides");
        assert!(!stack.upstream.last().has(name), "{name}");
    }
    assert_eq!(stack.get("/admin").await.status, 401);
    assert!(stack.upstream.seen().iter().all(|seen| seen.path == "/elsewhere"));
}

/// Envoy compares prefixes of the path as sent; the upstream may normalize the path first.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_with_two_variants_cannot_choose_the_requirement() {
    let stack = builder(
        json!({}),
        vec![
            route(json!({ "prefix": "/public" }), json!({ "allow_anonymous": true })),
            route(json!({ "prefix": "/admin" }), json!({ "requires_role": "admin" })),
            route(json!({ "prefix": "/" }), json!({ "allow_anonymous": true })),
        ],
    )
    .start()
    .await;
    for path in [
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/..%2fadmin",
        "/public/..;/admin",
        "/public\\..\\admin",
        "/%61dmin",
        "/ADMIN",
        "//admin",
        "/./admin",
        "/;/admin",
        "//x/admin",
        "/x/%252e%252e/admin",
    ] {
        let answer = stack.get(path).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "bad_path"), "{path}");
        assert_eq!(answer.text("www-authenticate"), None);
    }
    assert!(stack.upstream.seen().is_empty());
    for path in ["/public", "/public/", "/public/a?b=/../admin", "/x"] {
        assert_eq!(stack.get(path).await.status, 200, "{path}");
    }
}
