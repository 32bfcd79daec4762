//! The configured claims for roles, groups and scopes, for all issuers or for one issuer.

use jwt_guard_testkit::mint::{Algorithm, ISSUER, SigningKey, key_set};
use serde_json::json;

use crate::harness::{Stack, plugin_with};

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_headers_come_from_the_configured_claims() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "roles_from": ["/realm_access/roles", { "claim": "permissions", "prefix": "orders:" }],
        "groups_from": "https://example.com/groups",
        "claim_headers": { "x-user": ["preferred_username", "sub"], "x-roles": "$roles", "x-team": "/team/name" },
        "routes": [
            { "path": "/a", "requires_role": "read" },
            { "path": "/b", "requires_role": "keycloak" },
            { "path": "/c", "requires_group": "g" },
            { "path": "/d", "requires_role": "plain" },
        ],
    })))
    .await;
    let token = stack.token().claim("realm_access", json!({ "roles": ["keycloak"] })).claim("role", "plain");
    let token = token
        .claim("permissions", json!(["orders:read", "billing:write"]))
        .claim("team", json!({ "name": "T" }));
    let token = token.claim("https://example.com/groups", json!(["g"])).sign(&stack.key).unwrap();
    for (path, status) in [("/a", 200), ("/b", 200), ("/c", 200), ("/d", 403)] {
        assert_eq!(stack.get_with(path, &token).await.status, status, "{path}");
    }
    let seen = stack.upstream.last();
    assert_eq!(seen.header("x-user"), Some("user-1"), "the first that exists");
    assert_eq!(seen.header("x-roles"), Some("keycloak,read"));
    assert_eq!(seen.header("x-team"), Some("T"));
    assert!(!seen.has("x-auth-sub"), "the configured map replaces the default map");
}

/// Roles as the member names of an object (Zitadel), as a member of objects, and as one string with separators.
#[tokio::test(flavor = "multi_thread")]
async fn roles_that_are_not_lists_of_strings() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "roles_from": { "claim": "urn:zitadel:iam:org:project:roles", "keys": true },
        "groups_from": { "claim": "/realm/groups", "member": "name" },
        "scopes_from": { "claim": "permissions", "split": "," },
        "routes": [
            { "path": "/role", "requires_role": "admin" },
            { "path": "/group", "requires_group": "ops" },
            { "path": "/scope", "requires_scope": "orders.write" },
        ],
    })))
    .await;
    for (label, claim, value, path, status) in [
        (
            "a role",
            "urn:zitadel:iam:org:project:roles",
            json!({ "admin": { "1": "a.example" } }),
            "/role",
            200,
        ),
        (
            "another role",
            "urn:zitadel:iam:org:project:roles",
            json!({ "user": { "1": "a.example" } }),
            "/role",
            403,
        ),
        ("withdrawn", "urn:zitadel:iam:org:project:roles", json!({ "admin": false }), "/role", 403),
        ("in the value", "urn:zitadel:iam:org:project:roles", json!({ "user": "admin" }), "/role", 403),
        ("as text", "urn:zitadel:iam:org:project:roles", json!("admin"), "/role", 403),
        ("a group", "realm", json!({ "groups": [{ "id": 1, "name": "ops" }] }), "/group", 200),
        ("another member", "realm", json!({ "groups": [{ "title": "ops" }] }), "/group", 403),
        ("not in a list", "realm", json!({ "groups": { "name": "ops" } }), "/group", 403),
        ("one of several", "permissions", json!("orders.read, orders.write"), "/scope", 200),
        ("part of one", "permissions", json!("orders.write.all"), "/scope", 403),
        ("a comma in a member of a list", "permissions", json!(["x,orders.write"]), "/scope", 403),
        ("a member of a list", "permissions", json!(["x", "orders.write"]), "/scope", 200),
    ] {
        let token = stack.token().claim(claim, value).sign(&stack.key).unwrap();
        assert_eq!(stack.get_with(path, &token).await.status, status, "{label}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_may_have_sources_of_its_own_or_none() {
    const OTHER: &str = "https://other.example";
    let other_key = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("other-1");
    let stack = Stack::with_plugin(json!({
        "issuers": [
            { "issuer": ISSUER, "audience": "orders-api", "jwks_cluster": "issuer" },
            {
                "issuer": OTHER, "audience": "orders-api", "jwks_inline": key_set([&other_key]),
                "accepted_algorithms": "ES256",
                "roles_from": "duties", "groups_from": [], "scopes_from": { "claim": "permissions", "prefix": "api:" },
            },
        ],
        "roles_from": ["role"],
        "groups_from": "teams",
        "scopes_from": ["/oauth/scope"],
        "claim_headers": { "x-r": "$roles", "x-g": "$groups", "x-s": "$scopes" },
        "routes": [
            { "path": "/role", "requires_role": "a" },
            { "path": "/group", "requires_group": "a" },
            { "path": "/scope", "requires_scope": { "all": ["a", "b"] } },
        ],
    }))
    .await;
    let claims = json!({
        "role": "a", "duties": ["d"], "teams": ["a"], "groups": ["b"], "oauth": { "scope": "a b" }, "scope": "c",
        "permissions": ["api:a", "api:b", "db:c"],
    });
    let claims = claims.as_object().unwrap();
    let first = stack.token().claims(claims.clone()).sign(&stack.key).unwrap();
    let other = stack.token().issuer(OTHER).claims(claims.clone()).sign(&other_key).unwrap();
    for (path, by_first, by_other) in [("/role", 200, 403), ("/group", 200, 403), ("/scope", 200, 200)] {
        assert_eq!(stack.get_with(path, &first).await.status, by_first, "{path}");
        assert_eq!(stack.get_with(path, &other).await.status, by_other, "{path}");
    }
    for (token, roles, groups, scopes) in [(&first, "a", Some("a"), "a,b"), (&other, "d", None, "a,b")] {
        stack.get_with("/", token).await;
        let seen = stack.upstream.last();
        let told = (seen.header("x-r"), seen.header("x-g"), seen.header("x-s"));
        assert_eq!(told, (Some(roles), groups, Some(scopes)));
    }
}
