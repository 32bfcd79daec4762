//! Requirements in the metadata of Envoy's routes: attempts to make Envoy select another route for the decision than
//! for the request.

use serde_json::{Value, json};

use crate::harness::{Stack, StackBuilder, plugin_with};

fn route(matches: Value, says: Value) -> Value {
    let mut route = json!({ "match": matches, "route": { "cluster": "upstream" } });
    if !says.is_null() {
        route["metadata"] = json!({ "filter_metadata": { "jwt_guard": says } });
    }
    route
}

fn builder(routes: Vec<Value>) -> StackBuilder {
    Stack::builder().plugin(plugin_with(json!({}))).envoy(|envoy| {
        envoy.early_header_mutation = false;
        envoy.routes = routes;
    })
}

/// Envoy matches `:method` as sent; a framework behind Envoy may use a method override.
#[tokio::test(flavor = "multi_thread")]
async fn a_method_with_an_override_cannot_choose_the_requirement() {
    let get = json!([{ "name": ":method", "string_match": { "exact": "GET" } }]);
    let stack = builder(vec![
        route(json!({ "prefix": "/items", "headers": get }), json!({ "allow_anonymous": true })),
        route(json!({ "prefix": "/items" }), json!({ "requires_role": "admin" })),
    ])
    .start()
    .await;
    assert_eq!(stack.get("/items/7").await.status, 200);
    assert_eq!(stack.request("DELETE", "/items/7").send().await.status, 401);
    for (name, value) in [
        ("x-http-method-override", "DELETE"),
        ("X-HTTP-Method", "delete"),
        ("x_method_override", "GET, DELETE"),
    ] {
        let before = stack.upstream.count();
        let answer = stack.request("GET", "/items/7").header(name, value).send().await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "bad_path"), "{name}: {value}");
        assert_eq!(stack.upstream.count(), before, "{name}: {value}");
    }
    let same = stack.request("GET", "/items/7").header("x-http-method-override", "GET").send().await;
    assert_eq!(same.status, 200, "an override to the same method changes nothing");
}

/// Another spelling of the path can select a route without metadata. Metadata on the virtual host prevents this: then
/// metadata decides for all its routes, and paths with several variants are denied for all its routes.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_the_virtual_host_closes_the_gaps_between_its_routes() {
    let stack = builder(vec![route(json!({ "prefix": "/admin" }), json!({ "requires_role": "admin" }))])
        .envoy(|envoy| {
            envoy.virtual_host_options =
                json!({ "metadata": { "filter_metadata": { "jwt_guard": { "allow_authenticated": true } } } });
        })
        .start()
        .await;
    let user = stack.good_token();
    for path in ["/x/..%2fadmin", "//admin", "/ADMIN", "/%61dmin", "/x/../admin", "/;/admin", "/\\admin"] {
        let answer = stack.get_with(path, &user).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "bad_path"), "{path}");
    }
    assert_eq!(stack.upstream.count(), 0);
    assert_eq!(stack.get_with("/admin", &user).await.status, 403);
    assert_eq!(stack.get_with("/x", &user).await.status, 200);
}

/// Envoy selects a route by a header, the filter removes the header, and Envoy selects again. If the first route has no
/// metadata, the filter cannot detect this. Two measures prevent it: removing the header before the first selection, as
/// in the examples, or metadata on the virtual host.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_chosen_by_a_removed_header_is_closed_before_routing_or_by_the_virtual_host() {
    let routes = || {
        let present = json!([{ "name": "x-auth-roles", "present_match": true }]);
        vec![
            route(json!({ "prefix": "/admin", "headers": present }), Value::Null),
            route(json!({ "prefix": "/admin" }), json!({ "requires_role": "admin" })),
        ]
    };
    let removed_before = builder(routes()).envoy(|envoy| envoy.early_header_mutation = true).start().await;
    let on_the_host = builder(routes())
        .envoy(|envoy| {
            envoy.virtual_host_options =
                json!({ "metadata": { "filter_metadata": { "jwt_guard": { "allow_authenticated": true } } } });
        })
        .start()
        .await;
    for (stack, status) in [(&removed_before, 403), (&on_the_host, 400)] {
        let user = stack.good_token();
        let answer = stack.request("GET", "/admin").header("x-auth-roles", "x").bearer(&user).send().await;
        assert_eq!(answer.status, status);
        assert_eq!(stack.upstream.count(), 0);
        let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
        assert_eq!(stack.get_with("/admin", &admin).await.status, 200);
    }
}
