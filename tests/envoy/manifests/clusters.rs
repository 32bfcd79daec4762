//! The clusters in the manifests fetch keys over TLS, from the host in their address, and from no other server.

use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::objects::{added_clusters, configuration};
use super::{DISCOVERY_PATH, KEYS_PATH, discovery_document};
use crate::harness::{Answer, Authority, ConfigAs, Issuer, NameServer, Stack, typed};

const HOST: &str = "issuer.example.com";

/// The manifests with a cluster in Envoy's own form.
const FILES: [&str; 3] = ["istio-waypoint.yaml", "envoy-gateway.yaml", "https-issuer.yaml"];

/// The cluster of the manifest. Only what a test cannot have is replaced: the port, the name server, and the file with the
/// certificate authorities.
fn cluster(file: &str, port: u16, names: &NameServer, authority: &Authority) -> Value {
    let clusters = added_clusters(file);
    let [cluster] = clusters.as_slice() else { panic!("{file}: one cluster") };
    let mut cluster = cluster.clone();
    let address = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"];
    assert_eq!((&address["address"], &address["port_value"]), (&json!(HOST), &json!(443)), "{file}");
    address["port_value"] = port.into();
    let trusted = &mut cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
        ["trusted_ca"];
    assert_eq!(*trusted, json!({ "filename": "/etc/ssl/certs/ca-certificates.crt" }), "{file}");
    *trusted = json!({ "inline_string": authority.pem() });
    let server = names.address();
    let resolver = json!({ "resolvers": [{ "socket_address": { "address": server.ip().to_string(), "port_value": server.port() } }] });
    cluster["typed_dns_resolver_config"] = json!({
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": typed("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", resolver),
    });
    cluster
}

/// An issuer with a certificate for `host`, and an Envoy with the cluster of the manifest.
struct Setup {
    // Envoy stops first.
    stack: Stack,
    issuer: Issuer,
    _names: NameServer,
}

impl Setup {
    async fn start(
        file: &str,
        host: &str,
        trusted: &Authority,
        authority: &Authority,
        key: &SigningKey,
    ) -> Self {
        let names = NameServer::start(Duration::ZERO).await;
        let issuer = Issuer::reserve_tls(authority.acceptor(host));
        issuer.answer(KEYS_PATH, Answer::keys([key]));
        issuer.answer(DISCOVERY_PATH, discovery_document());
        issuer.up().await;
        let cluster = cluster(file, issuer.address().port(), &names, trusted);
        let stack = Stack::builder()
            .plugin(json!({}))
            .config_as(ConfigAs::Verbatim(configuration(file)))
            .envoy(|envoy| match cluster["name"].as_str() {
                Some("issuer") => envoy.issuer_cluster = cluster,
                name => envoy.issuer_copies = vec![(name.unwrap().to_owned(), cluster)],
            })
            .start()
            .await;
        Self { stack, issuer, _names: names }
    }

    /// The status of a request with a valid token.
    async fn status(&self, key: &SigningKey) -> u16 {
        let token = self.stack.token().issuer("https://issuer.example.com").sign(key).unwrap();
        self.stack.get_with("/api/orders", &token).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_of_the_manifests_fetch_keys_over_tls() {
    let authority = Authority::new();
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    for file in FILES {
        let setup = Setup::start(file, HOST, &authority, &authority, &key).await;
        assert_eq!(setup.status(&key).await, 200, "{file}");
        assert_eq!(setup.issuer.count(KEYS_PATH), 1, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_of_the_manifests_trust_no_other_server() {
    let (authority, another) = (Authority::new(), Authority::new());
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    for file in FILES {
        for (what, host, trusted) in
            [("another name", "another.example.com", &authority), ("another authority", HOST, &another)]
        {
            let setup = Setup::start(file, host, trusted, &authority, &key).await;
            assert_eq!(setup.status(&key).await, 503, "{file}: {what}");
            assert_eq!(setup.issuer.requests().len(), 0, "{file}: {what}: no request is sent");
        }
    }
}
