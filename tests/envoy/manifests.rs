//! The configurations inside the manifests for Istio and Envoy Gateway, in an Envoy: both platforms hand them over as
//! JSON text.

use jwt_guard::inspect::documents;
use jwt_guard::inspect::find::{self, Configuration};
use jwt_guard::mint::{Algorithm, SigningKey};
use serde_json::json;

use crate::harness::{Answer, ConfigAs, Stack};

/// What the platform would hand to the filter.
fn configuration(file: &str) -> String {
    let text = std::fs::read_to_string(format!("{}/envoy/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let documents = documents(file, &text).unwrap();
    let mut plugins = documents.iter().flat_map(find::plugins);
    let (Some(plugin), None) = (plugins.next(), plugins.next()) else { panic!("{file}: one configuration") };
    let Configuration::Object(tree) = plugin.configuration else { panic!("{file}: an object") };
    tree.to_json()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_load_and_decide() {
    for (file, cluster) in
        [("istio.yaml", "outbound|443||issuer.example.com"), ("envoy-gateway.yaml", "issuer")]
    {
        let key = SigningKey::generate(Algorithm::RS256).unwrap();
        let stranger = SigningKey::generate(Algorithm::RS256).unwrap().with_kid(key.kid());
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
            ("nobody, on a public route", "/public/x", None, 200),
            ("nobody", "/api/orders", None, 401),
            ("a user", "/api/orders", Some(&user), 200),
            ("a user, on an admin's route", "/api/admin/users", Some(&user), 403),
            ("an admin", "/api/admin/users", Some(&admin), 200),
            ("a forger", "/api/admin/users", Some(&forged), 401),
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
