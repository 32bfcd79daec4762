//! Internal redirects: inside Envoy, the response of one route becomes a request for another route.

use serde_json::json;

use crate::harness::{Answer, Stack, plugin_with};

#[tokio::test(flavor = "multi_thread")]
async fn an_internal_redirect_is_decided_again() {
    for forward_token in [false, true] {
        let jump = Answer::status(302).header("location", "http://api.example/admin/users");
        let stack = Stack::builder()
            .plugin(plugin_with(json!({
                "forward_token": forward_token,
                "routes": [
                    { "path": "/public/**", "allow_anonymous": true },
                    { "path": "/me/**", "allow_authenticated": true },
                    { "path": "/admin/**", "requires_role": "admin" },
                ],
            })))
            .issuer_path("/public/jump", jump.clone())
            .issuer_path("/me/jump", jump)
            .envoy(|envoy| {
                envoy.early_header_mutation = false;
                let policy = json!({ "max_internal_redirects": 2, "redirect_response_codes": [302] });
                let app = |prefix: &str| {
                    json!({
                        "match": { "prefix": prefix },
                        "route": { "cluster": "issuer", "internal_redirect_policy": policy },
                    })
                };
                envoy.routes = vec![app("/public"), app("/me")];
            })
            .start()
            .await;
        let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
        let user = stack.good_token();
        for (path, token, status) in [
            ("/public/jump", None, 401),
            ("/public/jump", Some(&user), 403),
            ("/public/jump", Some(&admin), 200),
            ("/me/jump", Some(&user), if forward_token { 403 } else { 401 }),
            // The token was removed before the redirect, so the second request has no identity.
            ("/me/jump", Some(&admin), if forward_token { 200 } else { 401 }),
        ] {
            let before = stack.upstream.count();
            let mut request =
                stack.request("GET", path).header("x-auth-roles", "admin").header("x_auth_sub", "root");
            if let Some(token) = token {
                request = request.bearer(token);
            }
            assert_eq!(request.send().await.status, status, "{path}, forward_token {forward_token}");
            assert_eq!(stack.upstream.count() - before, usize::from(status == 200), "{path}");
            if status == 200 {
                let seen = stack.upstream.last();
                assert_eq!((seen.path.as_str(), seen.header("x-auth-sub")), ("/admin/users", Some("user-1")));
                assert!(!seen.has("x_auth_sub"));
            }
        }
    }
}
