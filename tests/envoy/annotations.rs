//! Requirements in annotations, in an Envoy as Envoy Gateway configures it: the filter is disabled and switched on by
//! each route, and the annotations are in the metadata of the routes and of the virtual host.

use serde_json::{Value, json};

use crate::harness::{ConfigAs, REASONS_LOG, Stack, StackBuilder, plugin_with, typed};

const FILTER: &str = "envoy.filters.http.wasm/envoyextensionpolicy/default/jwt-guard/wasm/0";

/// The metadata that Envoy Gateway writes for an object with these annotations, whose prefix it has removed.
fn gateway_metadata(kind: &str, annotations: Value) -> Value {
    let resource =
        json!({ "kind": kind, "name": "orders", "namespace": "default", "annotations": annotations });
    json!({ "filter_metadata": { "envoy-gateway": { "resources": [resource], "policies": [] } } })
}

fn annotated(kind: &str, says: &Value) -> Value {
    let other = json!({ "requires_role": "other" }).to_string();
    match says {
        Value::Null => gateway_metadata(kind, json!({ "other": other })),
        Value::String(text) => gateway_metadata(kind, json!({ "jwt-guard": text, "other": other })),
        says => gateway_metadata(kind, json!({ "jwt-guard": says.to_string(), "other": other })),
    }
}

/// A route of an HTTPRoute with this annotation: a requirement, a text, or `null` for none.
fn route(matches: Value, says: Value) -> Value {
    json!({
        "match": matches, "route": { "cluster": "upstream" },
        "metadata": annotated("HTTPRoute", &says),
        "typed_per_filter_config":
            { FILTER: typed("envoy.config.route.v3.FilterConfig", json!({ "config": {} })) },
    })
}

fn prefix(path: &str, says: Value) -> Value {
    route(json!({ "path_separated_prefix": path }), says)
}

/// The route of the whole host.
fn rest(says: Value) -> Value {
    route(json!({ "prefix": "/" }), says)
}

fn builder(members: Value, gateway: Value, routes: Vec<Value>) -> StackBuilder {
    Stack::builder().plugin(plugin_with(members)).config_as(ConfigAs::Text).envoy(move |envoy| {
        envoy.vm_id = "envoyextensionpolicy/default/jwt-guard/wasm/0".to_owned();
        envoy.filter_options = json!({ "name": FILTER, "disabled": true });
        envoy.virtual_host_options = json!({ "metadata": annotated("Gateway", &gateway) });
        envoy.routes = routes;
        // Without the early removal by Envoy, which would hide a missing removal by the filter.
        envoy.early_header_mutation = false;
        envoy.access_log = REASONS_LOG.to_owned();
    })
}

/// The statuses without a token, and with the tokens of a user, an admin, a member of staff, and of an admin of staff.
async fn statuses(stack: &Stack, path: &str) -> [u16; 5] {
    let sign =
        |claims: Value| stack.token().claims(claims.as_object().unwrap().clone()).sign(&stack.key).unwrap();
    let mut statuses = [stack.get(path).await.status, 0, 0, 0, 0];
    let claims = [
        json!({}),
        json!({ "role": "admin" }),
        json!({ "groups": "staff" }),
        json!({ "role": "admin", "groups": "staff" }),
    ];
    for (status, claims) in statuses.iter_mut().skip(1).zip(claims) {
        *status = stack.get_with(path, &sign(claims)).await.status;
    }
    statuses
}

const ALL: [u16; 5] = [200; 5];
const MISCONFIGURED: [u16; 5] = [503; 5];
const VALID: [u16; 5] = [401, 200, 200, 200, 200];
const ADMIN: [u16; 5] = [401, 403, 200, 403, 200];
const STAFF: [u16; 5] = [401, 403, 403, 200, 200];
const BOTH: [u16; 5] = [401, 403, 403, 403, 200];

/// `routes` open `/open/**`, close `/closed/**` to all but admins, and require a token elsewhere.
fn routes_of_the_filter(mode: &str) -> Value {
    json!({
        "envoy_gateway_annotations": mode,
        "policies": { "admins": { "requires_role": "admin" } },
        "routes": [
            { "path": "/open/**", "allow_anonymous": true },
            { "path": "/closed/**", "requires_role": "admin" },
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_decides_what_an_annotation_adds_or_replaces() {
    let anonymous = || json!({ "allow_anonymous": true });
    let staff = || json!({ "requires_group": "staff" });
    let routes = || {
        vec![
            prefix("/open/staff", staff()),
            prefix("/open/named", json!({ "policy": "admins" })),
            prefix("/closed/open", anonymous()),
            prefix("/closed/staff", staff()),
            prefix("/token/open", anonymous()),
            prefix("/token/staff", staff()),
            rest(Value::Null),
        ]
    };
    let rows = |expected: [[u16; 5]; 9]| {
        let paths = [
            "/open/staff",
            "/open/named",
            "/closed/open",
            "/closed/staff",
            "/token/open",
            "/token/staff",
            "/open",
            "/closed",
            "/token",
        ];
        paths.into_iter().zip(expected)
    };
    let no_gateway = Value::Null;
    for (mode, gateway, expected) in [
        ("narrow", no_gateway.clone(), [STAFF, ADMIN, ADMIN, BOTH, VALID, STAFF, ALL, ADMIN, VALID]),
        ("override", no_gateway.clone(), [STAFF, ADMIN, ALL, STAFF, ALL, STAFF, ALL, ADMIN, VALID]),
        ("ignore", no_gateway, [ALL, ALL, ADMIN, ADMIN, VALID, VALID, ALL, ADMIN, VALID]),
        ("narrow", anonymous(), [STAFF, ADMIN, ADMIN, BOTH, VALID, STAFF, ALL, ADMIN, VALID]),
        ("narrow", staff(), [STAFF, BOTH, BOTH, BOTH, STAFF, STAFF, STAFF, BOTH, STAFF]),
        ("override", staff(), [STAFF, BOTH, STAFF, STAFF, STAFF, STAFF, STAFF, STAFF, STAFF]),
        ("ignore", staff(), [ALL, ALL, ADMIN, ADMIN, VALID, VALID, ALL, ADMIN, VALID]),
    ] {
        let stack = builder(routes_of_the_filter(mode), gateway.clone(), routes()).start().await;
        for (path, expected) in rows(expected) {
            assert_eq!(statuses(&stack, path).await, expected, "{mode} {gateway} {path}");
        }
    }
}

/// The default is narrow.
#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_that_cannot_be_parsed_denies_its_route() {
    let requirement = |bytes: usize| {
        let text = json!({ "requires_role": "admin" }).to_string();
        json!(format!("{text}{}", " ".repeat(bytes - text.len())))
    };
    let stack = builder(
        json!({ "default_policy": { "allow_anonymous": true } }),
        Value::Null,
        vec![
            prefix("/longest", requirement(16 * 1024)),
            prefix("/too-long", requirement(16 * 1024 + 1)),
            prefix("/empty", json!("")),
            prefix("/yaml", json!("requires_role: admin")),
            prefix("/cut", json!("{\"requires_role\":\"admin\"")),
            prefix("/list", json!("[]")),
            prefix("/nothing", json!({})),
            prefix("/typo", json!({ "requires_rolle": "admin" })),
            prefix("/unknown", json!({ "policy": "admins" })),
            prefix("/twice", json!("{\"requires_role\":\"a\",\"requires_role\":\"b\"}")),
            prefix("/parameter", json!({ "requires_claim": { "claim": "sub", "equals": { "path": "id" } } })),
            rest(Value::Null),
        ],
    )
    .start()
    .await;
    assert_eq!(statuses(&stack, "/longest").await, ADMIN);
    assert_eq!(statuses(&stack, "/elsewhere").await, ALL);
    let passed = stack.upstream.count();
    for (path, words) in [
        ("/too-long", "it has more than 16384 bytes"),
        ("/empty", "not valid JSON"),
        ("/yaml", "not valid JSON"),
        ("/cut", "not valid JSON"),
        ("/list", "expected a requirement"),
        ("/nothing", "no condition is set"),
        ("/typo", "requires_rolle: unknown key"),
        ("/unknown", "no policy is named \"admins\""),
        ("/twice", "the same member twice"),
        ("/parameter", "the path parameter {id}"),
    ] {
        assert_eq!(statuses(&stack, path).await, MISCONFIGURED, "{path}");
        let answer = stack.get(path).await;
        assert_eq!((answer.status, answer.error().as_str()), (503, "misconfigured"), "{path}");
        stack.envoy.logged(words).await;
    }
    assert_eq!(stack.upstream.count(), passed, "no request of these routes reaches the upstream");
    stack.counted_denied("bad_metadata", 60).await;
    let warned = ": requests to a route are denied: annotation gateway.envoyproxy.io/jwt-guard";
    assert_eq!(stack.envoy.log().matches(warned).count(), 10, "each error is logged once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateways_annotation_that_cannot_be_parsed_denies_every_route() {
    let open = json!({ "allow_anonymous": true });
    for mode in ["narrow", "override"] {
        let routes = vec![prefix("/open", open.clone()), rest(Value::Null)];
        let stack = builder(routes_of_the_filter(mode), json!("{"), routes).start().await;
        for path in ["/open", "/open/x", "/x"] {
            assert_eq!(statuses(&stack, path).await, MISCONFIGURED, "{mode} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn override_does_not_replace_the_metadata_of_the_filter() {
    let own = |mut route: Value, says: Value| {
        route["metadata"]["filter_metadata"]["jwt_guard"] = says;
        route
    };
    let anonymous = || json!({ "allow_anonymous": true });
    let routes = vec![
        own(prefix("/own", anonymous()), json!({ "requires_group": "staff" })),
        own(prefix("/own-open", json!({ "requires_role": "admin" })), anonymous()),
        prefix("/closed", anonymous()),
        rest(Value::Null),
    ];
    let stack = builder(routes_of_the_filter("override"), Value::Null, routes).start().await;
    assert_eq!(statuses(&stack, "/own").await, STAFF);
    assert_eq!(statuses(&stack, "/own-open").await, ADMIN);
    assert_eq!(statuses(&stack, "/closed").await, ALL);
}

/// Envoy selects a route by a header, the filter removes the header, and Envoy selects again: the annotation of the first
/// route decided about a request of the second one. So a request with the header is denied.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_header_cannot_choose_the_annotation() {
    for mode in ["narrow", "override"] {
        let present = |name: &str| json!([{ "name": name, "present_match": true }]);
        let names = ["x-auth-sub", "x_auth_roles", "x-tier", "x-original-url"];
        let mut routes: Vec<Value> = names
            .iter()
            .map(|name| {
                let matches = json!({ "path_separated_prefix": "/admin", "headers": present(name) });
                route(matches, json!({ "allow_authenticated": true }))
            })
            .collect();
        routes.extend([prefix("/admin", json!({ "requires_role": "admin" })), rest(Value::Null)]);
        let members = json!({ "envoy_gateway_annotations": mode, "claim_headers": { "x-tier": "tier" } });
        let stack = builder(members, Value::Null, routes).start().await;
        let user = stack.good_token();
        for name in names {
            let answer = stack.request("GET", "/admin").header(name, "1").bearer(&user).send().await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{mode} {name}");
            let answer = stack.request("GET", "/x").header(name, "1").bearer(&user).send().await;
            assert_eq!(answer.status, 200, "{mode} {name}: without an annotation the header is removed");
            assert!(!stack.upstream.last().has(name), "{mode} {name}");
        }
        assert_eq!(statuses(&stack, "/admin").await, ADMIN, "{mode}");
    }
}

/// A sibling route without an annotation is chosen by a claim header. The annotation of the Gateway prevents it.
#[tokio::test(flavor = "multi_thread")]
async fn the_annotation_of_the_gateway_closes_the_gaps_between_its_routes() {
    let present = json!([{ "name": "x-auth-roles", "present_match": true }]);
    let routes = vec![
        route(json!({ "path_separated_prefix": "/admin", "headers": present }), Value::Null),
        prefix("/admin", json!({ "requires_role": "admin" })),
        rest(Value::Null),
    ];
    let stack = builder(json!({}), json!({ "allow_authenticated": true }), routes).start().await;
    let user = stack.good_token();
    let answer = stack.request("GET", "/admin").header("x-auth-roles", "admin").bearer(&user).send().await;
    assert_eq!(answer.status, 400);
    for path in ["/x/..%2fadmin", "//admin", "/%61dmin", "/x/../admin", "/;/admin", "/\\admin"] {
        let answer = stack.get_with(path, &user).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "bad_path"), "{path}");
    }
    assert_eq!(stack.upstream.count(), 0);
    assert_eq!(stack.get_with("/admin", &user).await.status, 403);
    assert_eq!(stack.get_with("/x", &user).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_with_other_segments_cannot_choose_the_annotation() {
    for (mode, letter_case) in [("narrow", 200), ("override", 400)] {
        let authenticated = || json!({ "allow_authenticated": true });
        let routes = vec![
            prefix("/public", authenticated()),
            prefix("/admin", json!({ "requires_role": "admin" })),
            prefix("/caf%C3%A9", authenticated()),
            prefix("/grpc.health.v1.Health", authenticated()),
            rest(authenticated()),
        ];
        let stack = builder(routes_of_the_filter(mode), Value::Null, routes).start().await;
        let user = stack.good_token();
        for path in [
            "/public/../admin",
            "/public/%2e%2e/admin",
            "/public/..%2fadmin",
            "/public/..;/admin",
            "/public\\..\\admin",
            "/%61dmin",
            "//admin",
            "/./admin",
            "/x/%252e%252e/admin",
            "/caf%c3%a9/x",
        ] {
            let answer = stack.get_with(path, &user).await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "bad_path"), "{mode} {path}");
        }
        let overridden = stack.request("GET", "/public/x").header("x-http-method-override", "DELETE");
        assert_eq!(overridden.bearer(&user).send().await.status, 400, "{mode}");
        assert_eq!(stack.upstream.count(), 0);
        for path in ["/public", "/public/", "/public/a?b=/../admin", "/x"] {
            assert_eq!(stack.get_with(path, &user).await.status, 200, "{mode} {path}");
        }
        for path in ["/grpc.health.v1.Health/Check", "/caf%C3%A9/x", "/public/My%20Docs"] {
            assert_eq!(stack.get_with(path, &user).await.status, letter_case, "{mode} {path}");
        }
    }
}

/// Letter case alone does not deny beside `routes`, which still look up every spelling.
#[tokio::test(flavor = "multi_thread")]
async fn routes_look_up_another_letter_case_beside_an_annotation() {
    let routes = vec![rest(json!({ "allow_anonymous": true }))];
    let stack = builder(routes_of_the_filter("narrow"), Value::Null, routes).start().await;
    assert_eq!(statuses(&stack, "/CLOSED/x").await, ADMIN);
    assert_eq!(statuses(&stack, "/open/X").await, ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_and_access_log_name_the_annotation() {
    let admin = || json!({ "requires_role": "admin" });
    let members = json!({ "identity_in_filter_state": true, "claim_headers": {} });
    let routes = vec![prefix("/r", admin()), rest(Value::Null)];
    let stack = builder(members, json!({ "requires_group": "staff" }), routes)
        .envoy(|envoy| {
            envoy.access_log = "%REQ(:PATH)% %FILTER_STATE(wasm.jwt_guard.policy:PLAIN)%\n".to_owned();
        })
        .start()
        .await;
    assert_eq!(stack.get_with("/r", &stack.good_token()).await.status, 403);
    stack.envoy.logged("reason=role detail=\"").await;
    stack.envoy.logged("rule=route_annotation").await;
    assert_eq!(stack.get_with("/g", &stack.good_token()).await.status, 403);
    stack.envoy.logged("rule=gateway_annotation").await;
    let both = stack.token().claim("role", "admin").claim("groups", "staff").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/r", &both).await.status, 200);
    let logged = stack.envoy.access_logged(3).await;
    assert!(logged[2].ends_with("default_policy+route_annotation+gateway_annotation"), "{logged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn report_only_reports_an_annotation_and_denies_nothing() {
    let routes = vec![
        prefix("/closed", json!({ "requires_role": "admin" })),
        prefix("/bad", json!("{")),
        rest(Value::Null),
    ];
    let members = json!({ "report_only": true, "default_policy": { "allow_anonymous": true } });
    let stack = builder(members, Value::Null, routes).start().await;
    assert_eq!(statuses(&stack, "/closed").await, ALL);
    assert_eq!(statuses(&stack, "/bad").await, ALL);
    stack.counted_would_deny("bad_metadata", 5).await;
    stack.counted_would_deny("role", 2).await;
}
