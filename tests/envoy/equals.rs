//! Claims that must equal a part of the request: a path parameter, a host label or a header.

use jwt_guard_testkit::mint::Token;
use serde_json::{Value, json};

use crate::harness::{Request, Stack, expect_rejected_start, plugin_with};
use crate::outcome::{self, expose_reasons};

fn equals(claim: &str, value: Value) -> Value {
    json!({ "claim": claim, "equals": value })
}

async fn stack(routes: Value) -> Stack {
    Stack::builder().plugin(plugin_with(json!({ "routes": routes }))).envoy(expose_reasons).start().await
}

fn sign(stack: &Stack, claims: Value) -> String {
    let Value::Object(claims) = claims else { panic!("{claims}") };
    Token::claims(stack.token(), claims).sign(&stack.key).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_parameter_must_be_the_users_own() {
    let stack = stack(json!([
        {
            "path": ["/users/{id}", "/users/{id}/**"],
            "any_of": [{ "requires_role": "admin" }, { "requires_claim": equals("user", json!({ "path": "id" })) }],
        },
        { "path": "/orgs/{org}/users/{id}", "requires_claim": [
            equals("orgs", json!({ "path": "org" })), equals("user", json!({ "path": "id" })),
        ] },
        { "path": "/CamelCase/{id}", "requires_claim": equals("user", json!({ "path": "id" })) },
    ]))
    .await;
    let alice = sign(&stack, json!({ "user": "alice", "orgs": ["acme", "other"] }));
    let admin = sign(&stack, json!({ "user": "root", "role": "admin" }));
    let of = |user: Value| sign(&stack, json!({ "user": user }));
    let refused = "403 role";
    for (path, token, expected) in [
        ("/users/alice", &alice, "passed"),
        ("/users/alice/", &alice, "passed"),
        ("/users/alice?id=bob", &alice, "passed"),
        ("/users/alice/orders/7", &alice, "passed"),
        ("/users/bob", &admin, "passed"),
        ("/users/alice/../alice", &alice, "passed"),
        ("/users//alice", &alice, "passed"),
        ("/users//bob", &alice, refused),
        ("/orgs/acme/users/alice", &alice, "passed"),
        ("/orgs/other/users/alice", &alice, "passed"),
        ("/CamelCase/alice", &alice, "passed"),
        // The value in its ordinary spelling.
        ("/users/Alice", &of(json!("Alice")), "passed"),
        ("/users/a%40example.com", &of(json!("a@example.com")), "passed"),
        ("/users/a@example.com", &of(json!("a@example.com")), "passed"),
        ("/users/J%C3%BCrgen%20B", &of(json!("Jürgen B")), "passed"),
        ("/users/50%25", &of(json!("50%")), "passed"),
        ("/users/7", &of(json!(7)), "passed"),
        ("/users/7", &of(json!(["6", "7"])), "passed"),
        // Another user.
        ("/users/bob", &alice, refused),
        ("/users/alice2", &alice, refused),
        ("/users/ALICE", &alice, refused),
        ("/users/alice", &of(json!("ALICE")), refused),
        ("/users/bob/orders/7", &alice, refused),
        ("/orgs/evil/users/alice", &alice, "403 claim"),
        ("/orgs/acme/users/bob", &alice, "403 claim"),
        ("/CamelCase/bob", &alice, "403 claim"),
        ("/camelcase/bob", &alice, "403 claim"),
        // Attacks: two values in the variants of one path, an empty value, other types.
        ("/users/alice/../bob", &alice, refused),
        ("/users/bob/../alice", &alice, refused),
        ("/users/alice;/../bob", &alice, refused),
        ("/users/bob;x=alice", &alice, refused),
        ("/users/alice;x", &alice, refused),
        ("/users/alice%2F..%2Fbob", &alice, refused),
        ("/users/%2561lice", &alice, refused),
        ("/users/%61lice", &alice, "passed"),
        ("/users/alice%00", &alice, "400 ambiguous_path"),
        ("/users/alice.", &alice, refused),
        ("/users/%EF%BD%81lice", &alice, refused),
        ("/users/alice%20", &alice, refused),
        ("/users/%20", &of(json!("")), refused),
        ("/users/null", &of(json!(null)), refused),
        ("/users/true", &of(json!(true)), refused),
        ("/users/7", &of(json!(7.0)), refused),
        ("/users/alice", &of(json!({ "alice": true })), refused),
        ("/users/alice", &of(json!([["alice"]])), refused),
    ] {
        let response = stack.get_with(path, token).await;
        assert_eq!(outcome::of(&response), expected, "{path}");
    }
    assert_eq!(outcome::of(&stack.get("/users/alice").await), "missing_token");
    // The cached token does not carry the value of an earlier request.
    for (path, expected) in [("/users/alice", "passed"), ("/users/bob", refused), ("/users/alice", "passed")]
    {
        assert_eq!(outcome::of(&stack.get_with(path, &alice).await), expected, "{path}");
    }
    stack
        .envoy
        .logged("detail=\"the claim user does not equal the path parameter {id}\" rule=routes[1]")
        .await;
    assert!(!stack.envoy.log().contains("bob\" rule"), "the log has no claim");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_label_must_be_the_users_tenant() {
    let stack = stack(json!([
        {
            "path": "/**", "hosts": ["{tenant}.api.example.com", "{tenant}.api.example.org"],
            "requires_claim": equals("tenant", json!({ "host": "tenant" })),
        },
        { "path": "/**", "hosts": ["www.api.example.com"], "allow_anonymous": true },
        { "path": "/**", "hosts": ["*.example.com"], "deny": true },
    ]))
    .await;
    let acme = sign(&stack, json!({ "tenant": "acme" }));
    let none = sign(&stack, json!({}));
    let empty: &[(&str, &str)] = &[];
    for (host, headers, token, expected) in [
        ("acme.api.example.com", empty, &acme, "passed"),
        ("ACME.API.example.com:8443", empty, &acme, "passed"),
        ("acme.api.example.com.", empty, &acme, "passed"),
        ("acme.api.example.org", empty, &acme, "passed"),
        ("acme.api.example.com", &[("x-forwarded-host", "acme.api.example.com")], &acme, "passed"),
        ("acme.api.example.com", &[("forwarded", "for=1.2.3.4;host=acme.api.example.com")], &acme, "passed"),
        ("www.api.example.com", empty, &none, "passed"),
        ("evil.api.example.com", empty, &acme, "403 claim"),
        ("acme.api.example.com", empty, &none, "403 claim"),
        ("acme.evil.api.example.com", empty, &acme, "403 denied"),
        ("api.example.com", empty, &acme, "403 denied"),
        ("user@acme.api.example.com", empty, &acme, "400 ambiguous_path"),
        ("acme.api.example.com", &[("x-forwarded-host", "evil.api.example.com")], &acme, "403 claim"),
        ("acme.api.example.com", &[("x-host", "evil.api.example.com")], &acme, "403 claim"),
        ("acme.api.example.com", &[("x_forwarded_host", "evil.api.example.com")], &acme, "403 claim"),
        ("acme.api.example.com", &[("x-original-host", "")], &acme, "403 claim"),
        (
            "acme.api.example.com",
            &[("forwarded", "for=1.2.3.4; Host=\"evil.api.example.com\"")],
            &acme,
            "403 claim",
        ),
    ] {
        let mut request = Request::new(stack.address(), "GET", "/x").host(host).bearer(token);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(outcome::of(&request.send().await), expected, "{host} {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_must_be_in_the_claim() {
    let stack = stack(json!([
        { "path": "/**", "requires_claim": equals("customers", json!({ "header": "X-Customer-Id" })) },
    ]))
    .await;
    let token = sign(&stack, json!({ "customers": ["c1", "c2", 3, ""] }));
    let row = |headers: &[(&'static str, &'static str)], expected: &'static str| (headers.to_vec(), expected);
    for (headers, expected) in [
        row(&[("x-customer-id", "c1")], "passed"),
        row(&[("X-Customer-ID", "c2")], "passed"),
        row(&[("x-customer-id", "3")], "passed"),
        row(&[("x-customer-id", "c9")], "403 claim"),
        row(&[], "403 claim"),
        row(&[("x-customer-id", "")], "403 claim"),
        row(&[("x-customer-id", "C1")], "403 claim"),
        row(&[("x-customer-id", "c1"), ("x-customer-id", "c9")], "403 claim"),
        row(&[("x-customer-id", "c1"), ("x-customer-id", "c1")], "403 claim"),
        row(&[("x-customer-id", "c1, c9")], "403 claim"),
        row(&[("x-customer-id", "c1"), ("x_customer_id", "c9")], "403 claim"),
        row(&[("x_customer_id", "c1")], "403 claim"),
        row(&[("x-customer-id", "c1"), ("grpc-metadata-x-customer-id", "c9")], "403 claim"),
        row(&[("x-customer-id", "c1"), ("Grpc-Metadata-X_Customer_Id", "c9")], "403 claim"),
    ] {
        let mut request = stack.request("GET", "/x").bearer(&token);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        assert_eq!(outcome::of(&request.send().await), expected, "{headers:?}");
    }
    assert_eq!(stack.upstream.last().header("x-customer-id"), Some("3"), "the header reaches the upstream");
}

/// A server that merges trailers into the headers would read another customer than the one that was compared.
#[tokio::test(flavor = "multi_thread")]
async fn trailers_carry_no_header_that_is_compared() {
    let metadata = json!({ "filter_metadata": { "jwt_guard": {
        "requires_claim": equals("customers", json!({ "header": "x-shop-id" })),
    } } });
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "routes": [
            { "path": "/a", "requires_claim": equals("customers", json!({ "header": "x-customer-id" })) },
        ] })))
        .envoy(|envoy| {
            envoy.upstream_http2 = true;
            envoy.routes = vec![
                json!({ "match": { "path": "/shop" }, "route": { "cluster": "upstream" }, "metadata": metadata }),
                json!({ "match": { "prefix": "/" }, "route": { "cluster": "upstream" } }),
            ];
        })
        .start()
        .await;
    let bearer = format!("Bearer {}", sign(&stack, json!({ "customers": "c1" })));
    let mut client = stack.h2().await;
    let names =
        ["x-customer-id", "x_customer_id", "grpc-metadata-x-customer-id", "x-shop-id", "x_shop_id", "x-late"];
    for (path, header, kept) in [
        ("/a", "x-customer-id", &["x-shop-id", "x_shop_id", "x-late"][..]),
        ("/shop", "x-shop-id", &["x-late"]),
        ("/a", "x-customer-id", &["x-late"]),
    ] {
        let trailers = names.iter().map(|name| (name.parse().unwrap(), "c9".parse().unwrap())).collect();
        let headers = [("authorization", bearer.as_bytes()), (header, b"c1".as_slice())];
        client.send("POST", path, &headers, b"ab", trailers).await;
        let seen = stack.upstream.last();
        let seen: Vec<&str> = seen.trailers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(seen, kept, "{path}: once metadata compares a header, it is removed everywhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_has_no_parameters() {
    let metadata = |value: Value| json!({ "filter_metadata": { "jwt_guard": { "requires_claim": equals("sub", value) } } });
    let stack = Stack::builder()
        .plugin(plugin_with(json!({})))
        .envoy(|envoy| {
            expose_reasons(envoy);
            let route = |path: &str, value: Value| {
                json!({ "match": { "path": path }, "route": { "cluster": "upstream" }, "metadata": metadata(value) })
            };
            envoy.routes = vec![
                route("/path", json!({ "path": "id" })),
                route("/host", json!({ "host": "tenant" })),
                route("/auth", json!({ "header": "x-auth-sub" })),
                route("/header", json!({ "header": "x-user" })),
            ];
        })
        .start()
        .await;
    let token = stack.token().claim("sub", "alice").sign(&stack.key).unwrap();
    for path in ["/path", "/host", "/auth"] {
        assert_eq!(outcome::of(&stack.get_with(path, &token).await), "503 bad_metadata", "{path}");
    }
    let with = |user: &str| stack.request("GET", "/header").bearer(&token).header("x-user", user);
    assert_eq!(outcome::of(&with("alice").send().await), "passed");
    assert_eq!(outcome::of(&with("bob").send().await), "403 claim");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_cannot_be_made_is_refused() {
    let route = |members: Value, value: Value| {
        let mut route = json!({ "path": "/a/{id}", "requires_claim": equals("sub", value) });
        route.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        plugin_with(json!({ "routes": [route] }))
    };
    for (plugin, words) in [
        (
            route(json!({}), json!({ "path": "user" })),
            "routes[0]: a claim is compared with the path parameter {user}, but the path /a/{id} has no {user}",
        ),
        (
            route(json!({ "path": ["/a/{id}", "/b"] }), json!({ "path": "id" })),
            "routes[0]: a claim is compared with the path parameter {id}, but the path /b has no {id}",
        ),
        (
            route(json!({}), json!({ "host": "tenant" })),
            "routes[0]: a claim is compared with the host label {tenant}, but hosts is absent; write hosts: \
             [\"{tenant}.example.com\"]",
        ),
        (
            route(json!({ "hosts": ["{tenant}.a.example", "*.b.example"] }), json!({ "host": "tenant" })),
            "but the host *.b.example has no {tenant}",
        ),
        (
            route(json!({}), json!({ "path": "{id}" })),
            "routes[0].requires_claim.equals.path: expected the name of a parameter without braces",
        ),
        (
            route(json!({}), json!({ "header": "x-auth-sub" })),
            "routes[0].requires_claim.equals.header: the filter sets or removes the header x-auth-sub",
        ),
        (route(json!({}), json!({ "header": "Authorization" })), "routes[0].requires_claim.equals.header: "),
        (
            route(json!({ "token_from": { "header": "x-user" } }), json!({ "header": "x_user" })),
            "routes[0].token_from: the filter sets or removes the header x-user",
        ),
        (
            plugin_with(
                json!({ "default_policy": { "requires_claim": equals("sub", json!({ "path": "id" })) } }),
            ),
            "default_policy: this requirement cannot compare a claim with the path parameter {id}",
        ),
        (
            plugin_with(json!({
                "policies": { "own": { "any_of": [{ "requires_claim": equals("sub", json!({ "path": "id" })) }] } },
                "routes": [{ "path": "/a/{id}", "policy": "own" }, { "path": "/b", "policy": "own" }],
            })),
            "routes[1]: a claim is compared with the path parameter {id}, but the path /b has no {id}",
        ),
    ] {
        expect_rejected_start(plugin, &[words]).await;
    }
}
