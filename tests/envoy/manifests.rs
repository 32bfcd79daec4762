//! Runs the configurations in the manifests for Istio and Envoy Gateway in an Envoy. Both platforms pass them as JSON
//! text.

use jwt_guard_testkit::mint::{Algorithm, SigningKey};
use jwtguard::inspect::documents;
use jwtguard::inspect::find::{self, Configuration};
use serde_json::{Value, json};

use crate::harness::{Answer, ConfigAs, Stack, plugin_with};

/// The configuration that the platform would pass to the filter.
fn configuration(file: &str) -> String {
    let text = std::fs::read_to_string(format!("{}/envoy/{file}", jwt_guard_testkit::repository().display()))
        .unwrap();
    let documents = documents(file, &text).unwrap();
    let mut plugins = documents.iter().flat_map(find::plugins);
    let (Some(plugin), None) = (plugins.next(), plugins.next()) else { panic!("{file}: one configuration") };
    let Configuration::Object(tree) = plugin.configuration else { panic!("{file}: an object") };
    tree.to_json()
}

/// The patch of docs/istio.md, merged into the connection manager as by Istio, whose default is 0.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeout_of_the_istio_page_ends_parked_requests() {
    let page =
        std::fs::read_to_string(format!("{}/docs/istio.md", jwt_guard_testkit::repository().display()))
            .unwrap();
    let block = page.split("```").find_map(|block| block.strip_prefix("yaml\n")).unwrap();
    let filter: Value = serde_json::from_str(&documents("page", block).unwrap()[0].tree.to_json()).unwrap();
    let mut patch = filter["spec"]["configPatches"][0]["patch"]["value"]["typed_config"].clone();
    assert_eq!(patch["stream_idle_timeout"], "300s");
    // The documented value is five minutes, which is too long for a test.
    patch["stream_idle_timeout"] = "1s".into();
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_timeout_ms": 60000 })))
        .issuer_answers(Answer::held)
        .envoy(|envoy| envoy.connection_manager = patch)
        .start()
        .await;
    // 504 is Envoy's; the filter would answer 503.
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 504);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_load_and_decide() {
    for (file, cluster) in
        [("istio.yaml", "outbound|443||issuer.example.com"), ("envoy-gateway.yaml", "issuer")]
    {
        let key = SigningKey::generate(Algorithm::Rs256).unwrap();
        let stranger = SigningKey::generate(Algorithm::Rs256).unwrap().with_kid(key.kid());
        let stack = Stack::builder()
            .plugin(json!({}))
            .config_as(ConfigAs::Verbatim(configuration(file)))
            .issuer_path("/.well-known/jwks.json", Answer::keys([&key]))
            .envoy(|envoy| {
                if cluster != "issuer" {
                    envoy.issuer_copies = vec![(cluster.to_owned(), json!({}))];
                }
            })
            .start()
            .await;
        let token =
            |role: &str| stack.token().issuer("https://issuer.example.com").claim("roles", vec![role]);
        let user = token("user").sign(&key).unwrap();
        let admin = token("admin").sign(&key).unwrap();
        let forged = token("admin").sign(&stranger).unwrap();
        for (what, path, bearer, status) in [
            ("no token, on a public route", "/public/x", None, 200),
            ("no token", "/api/orders", None, 401),
            ("a user", "/api/orders", Some(&user), 200),
            ("a user, on an admin's route", "/api/admin/users", Some(&user), 403),
            ("an admin", "/api/admin/users", Some(&admin), 200),
            ("a forged token", "/api/admin/users", Some(&forged), 401),
        ] {
            let answer = match bearer {
                Some(token) => stack.get_with(path, token).await,
                None => stack.get(path).await,
            };
            assert_eq!(answer.status, status, "{file}: {what}");
        }
        assert_eq!(stack.upstream.last().header("x-auth-roles"), Some("admin"));
        assert!(stack.issuer.count("/.well-known/jwks.json") > 0, "{file}: keys came through {cluster}");
    }
}
