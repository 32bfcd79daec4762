//! What a route asks for: anonymous, any user, a role, a group; and what the default asks for.

use serde_json::json;

use crate::harness::{Stack, plugin_with};

async fn stack() -> Stack {
    Stack::with_plugin(plugin_with(json!({
        "routes": [
            { "path": "/public/**", "allow_anonymous": true },
            { "path": "/me", "allow_authenticated": true },
            { "path": "/admin/**", "requires_role": ["admin", "root"] },
            { "path": "/staff", "requires_group": "staff" },
            { "path": "/both", "requires_role": "admin", "requires_group": "staff" },
            { "path": "/items/{id}", "methods": ["GET"], "allow_anonymous": true },
            { "path": "/items/{id}", "methods": "DELETE", "requires_role": "admin" },
        ],
    })))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_groups_are_checked_per_route() {
    let stack = stack().await;
    let token = |role: serde_json::Value, groups: serde_json::Value| {
        stack.token().claim("role", role).claim("groups", groups).sign(&stack.key).unwrap()
    };
    let nobody = stack.good_token();
    let admin = token(json!("admin"), json!([]));
    let root_of_many = token(json!(["user", "root"]), json!([]));
    let other_case = token(json!("Admin"), json!([]));
    let number = token(json!(1), json!({ "staff": true }));
    let staff = token(json!("user"), json!(["staff", "x"]));
    let both = token(json!("admin"), json!("staff"));
    let rows = [
        ("/me", &nobody, None),
        ("/elsewhere", &nobody, None),
        ("/admin", &nobody, Some("role")),
        ("/admin", &admin, None),
        ("/admin/", &admin, None),
        ("/admin/x/y", &root_of_many, None),
        ("/admin/x", &other_case, Some("role")),
        ("/admin/x", &number, Some("role")),
        ("/admin/x", &staff, Some("role")),
        ("/administrator", &nobody, None),
        ("/staff", &staff, None),
        ("/staff", &number, Some("group")),
        ("/staff", &admin, Some("group")),
        ("/both", &both, None),
        ("/both", &admin, Some("group")),
        ("/both", &staff, Some("role")),
    ];
    for (path, token, refused) in rows {
        let before = match refused {
            Some(reason) => stack.envoy.stat(&format!("wasmcustom.jwt_guard.denied.{reason}")).await,
            None => 0,
        };
        let answer = stack.get_with(path, token).await;
        let Some(reason) = refused else {
            assert_eq!(answer.status, 200, "{path}");
            continue;
        };
        assert_eq!((answer.status, answer.error().as_str()), (403, "insufficient_scope"), "{path}");
        assert_eq!(
            answer.text("www-authenticate"),
            Some("Bearer realm=\"orders-api\", error=\"insufficient_scope\""),
            "{path}: the names of roles and groups are not disclosed"
        );
        assert!(!String::from_utf8_lossy(&answer.body).contains("admin"));
        assert_eq!(
            stack.envoy.stat(&format!("wasmcustom.jwt_guard.denied.{reason}")).await,
            before + 1,
            "{path}"
        );
    }
    assert_eq!(stack.get("/admin").await.status, 401, "without a token it is 401, not 403");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_route_never_reads_the_token() {
    let stack = stack().await;
    for path in ["/public", "/public/", "/public/a/b"] {
        assert_eq!(stack.get(path).await.status, 200, "{path}");
        let with_garbage = stack.get_with(path, "garbage").await;
        assert_eq!(with_garbage.status, 200, "{path}");
        assert_eq!(stack.upstream.last().header("authorization"), Some("Bearer garbage"), "untouched");
    }
    let with_good = stack.get_with("/public", &stack.good_token()).await;
    assert_eq!(with_good.status, 200);
    assert!(!stack.upstream.last().has("x-auth-sub"), "nobody was identified");
    assert_eq!(stack.get("/publicity").await.status, 401, "a longer name is another path");
    assert_eq!(stack.envoy.stat("wasmcustom.jwt_guard.allowed.anonymous").await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_have_rules_of_their_own_and_fall_to_the_default() {
    let stack = stack().await;
    assert_eq!(stack.get("/items/7").await.status, 200);
    assert_eq!(stack.request("HEAD", "/items/7").send().await.status, 200, "HEAD follows GET");
    assert_eq!(stack.request("DELETE", "/items/7").send().await.status, 401);
    assert_eq!(stack.request("DELETE", "/items/7").bearer(&stack.good_token()).send().await.status, 403);
    assert_eq!(stack.request("PUT", "/items/7").send().await.status, 401, "the default asks for a token");
    assert_eq!(stack.request("PUT", "/items/7").bearer(&stack.good_token()).send().await.status, 200);
    let overridden = stack.request("GET", "/items/7").header("x-http-method-override", "DELETE").send().await;
    assert_eq!(overridden.status, 401, "what an upstream may take for a DELETE is judged as one, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_can_be_anything() {
    let stack = Stack::with_plugin(plugin_with(json!({
        "default_policy": { "allow_anonymous": true },
        "routes": [{ "path": "/private", "requires_role": "admin" }],
    })))
    .await;
    assert_eq!(stack.get("/").await.status, 200);
    assert_eq!(stack.get("/private").await.status, 401);
    assert_eq!(stack.get("/%70rivate").await.status, 401, "every reading must pass");
}
