//! Runs the configurations in the manifests for Istio and Envoy Gateway in an Envoy. Both platforms pass the plugin
//! configuration as JSON text. The patches of an EnvoyFilter are merged into the connection manager as by Istio, and the
//! headers of a ClientTrafficPolicy become the extension that Envoy Gateway makes of them.

mod clusters;
mod objects;
mod spelling;

use jwt_guard_testkit::mint::{Algorithm, SigningKey};
use jwtguard::inspect::documents;
use serde_json::{Value, json};

use crate::harness::{Answer, CLAIM_HEADERS, ConfigAs, Stack, plugin_with};
use objects::{configuration, manager_keys};

/// The manifests, each with the cluster through which its plugin fetches keys.
const MANIFESTS: [(&str, &str); 6] = [
    ("istio.yaml", "outbound|443||issuer.example.com"),
    ("istio-gateway-api.yaml", "outbound|443||issuer.example.com"),
    ("istio-sidecar.yaml", "outbound|80||issuer.example.com"),
    ("istio-traffic-extension.yaml", "outbound|443||issuer.example.com"),
    ("istio-waypoint.yaml", "jwt-guard-issuer"),
    ("envoy-gateway.yaml", "issuer"),
];

/// Where the keys of the issuer in the manifests are, with and without discovery.
const KEYS_PATH: &str = "/.well-known/jwks.json";

/// The discovery document of the issuer in the manifests.
fn discovery_document() -> Answer {
    let issuer = "https://issuer.example.com";
    Answer::ok(json!({ "issuer": issuer, "jwks_uri": format!("{issuer}{KEYS_PATH}") }).to_string())
}

const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

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

/// The same timeout, as Istio merges it from each of its manifests.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeout_of_the_manifests_ends_parked_requests() {
    for (file, _) in MANIFESTS.into_iter().filter(|(file, _)| file.starts_with("istio")) {
        let mut keys = manager_keys(file);
        assert_eq!(keys["stream_idle_timeout"], "300s", "{file}");
        keys["stream_idle_timeout"] = "1s".into();
        let stack = Stack::builder()
            .plugin(plugin_with(json!({ "jwks_timeout_ms": 60000 })))
            .issuer_answers(Answer::held)
            .envoy(|envoy| {
                envoy.early_header_mutation = false;
                envoy.connection_manager = keys;
            })
            .start()
            .await;
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 504, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_load_and_decide() {
    for (file, cluster) in MANIFESTS {
        let key = SigningKey::generate(Algorithm::Rs256).unwrap();
        let stranger = SigningKey::generate(Algorithm::Rs256).unwrap().with_kid(key.kid());
        let configuration = configuration(file);
        assert!(
            configuration.contains(&format!("\"jwks_cluster\":\"{cluster}\"")),
            "{file}: {configuration}"
        );
        let stack = Stack::builder()
            .plugin(json!({}))
            .config_as(ConfigAs::Verbatim(configuration))
            .issuer_path(KEYS_PATH, Answer::keys([&key]))
            .issuer_path(DISCOVERY_PATH, discovery_document())
            .envoy(|envoy| {
                if cluster != "issuer" {
                    envoy.issuer_copies = vec![(cluster.to_owned(), json!({}))];
                }
                envoy.early_header_mutation = false;
                envoy.connection_manager = manager_keys(file);
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
        assert!(stack.issuer.count(KEYS_PATH) > 0, "{file}: keys came through {cluster}");
    }
}

/// Without the filter, so that only the manifest removes the headers: the client's copies neither select a route nor reach
/// the upstream.
#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_remove_claim_headers_before_routing() {
    let of_admins = json!({
        "match": { "prefix": "/", "headers": [{ "name": "x-auth-roles", "string_match": { "exact": "admin" } }] },
        "direct_response": { "status": 418 },
    });
    let answer = async |keys: Value| {
        let stack = Stack::builder()
            .envoy(|envoy| {
                envoy.early_header_mutation = false;
                envoy.connection_manager = keys;
                envoy.routes = vec![of_admins.clone()];
            })
            .start()
            .await;
        let mut request = stack.request("GET", "/").header("x-other", "kept");
        for name in CLAIM_HEADERS {
            request = request.header(name, "admin");
        }
        let status = request.send().await.status;
        (status, (status == 200).then(|| stack.upstream.last()))
    };
    let (unprotected, _) = answer(json!({})).await;
    assert_eq!(unprotected, 418, "without the manifest, the client's header selects the route");
    for (file, _) in MANIFESTS {
        let (status, seen) = answer(manager_keys(file)).await;
        assert_eq!(status, 200, "{file}");
        let seen = seen.unwrap();
        assert_eq!(seen.header("x-other"), Some("kept"), "{file}");
        for name in CLAIM_HEADERS {
            assert_eq!(seen.header(name), None, "{file}: {name}");
        }
    }
}
