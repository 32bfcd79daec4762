//! Keys over TLS: the cluster configures which certificates are trusted.

use std::process::Command;

use serde_json::json;

use super::{another, assert_no_crash, figure, issuer, token_of};
use crate::harness::{Answer, Authority, Envoy, Stack, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_only_from_an_issuer_with_a_trusted_certificate() {
    let (authority, another_authority) = (Authority::new(), Authority::new());
    let key = another("first");
    let cases = [
        ("trusted", authority.transport_socket("issuer.example")),
        ("wrong_authority", another_authority.transport_socket("issuer.example")),
        ("wrong_name", authority.transport_socket("another.example")),
    ];
    let issuers: Vec<_> =
        cases.iter().map(|(name, _)| issuer(name, json!({ "jwks_cluster": name }))).collect();
    let mut builder = Stack::builder()
        .plugin(json!({ "issuers": issuers }))
        .keys([key.clone()])
        .issuer_tls(authority.acceptor("issuer.example"))
        .workers(2)
        .envoy(|envoy| {
            let copy =
                |(name, socket): &(&str, _)| ((*name).to_owned(), json!({ "transport_socket": socket }));
            envoy.issuer_copies = cases.iter().map(copy).collect();
        });
    for (name, _) in &cases {
        builder = builder.issuer_path(&format!("/{name}"), Answer::keys([&key]));
    }
    let stack = builder.start().await;
    assert_eq!(stack.get_with("/", &token_of(&stack, "trusted")).await.status, 200);
    assert_eq!(stack.issuer.count("/trusted"), 1);
    for name in ["wrong_authority", "wrong_name"] {
        wait_until("the fetch failed", async || figure(&stack, name, "refresh_failed").await >= 2).await;
        assert_eq!(stack.get_with("/", &token_of(&stack, name)).await.status, 503, "{name}");
        assert_eq!(stack.issuer.count(&format!("/{name}")), 0, "{name}: no request is sent");
    }
    assert_no_crash(&stack);
}

/// The example file is a valid configuration.
#[test]
fn the_example_with_an_https_issuer_is_valid() {
    let root = jwt_guard_testkit::repository();
    let example = std::fs::read_to_string(root.join("envoy/https-issuer.yaml")).unwrap();
    // The example contains the path of the module in the container image, and Debian's path of the system's certificate
    // authorities.
    let authorities = Authority::new();
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let unique = std::process::id();
    let (pem, file) = (
        folder.join(format!("authorities-{unique}.pem")),
        folder.join(format!("https-issuer-{unique}.yaml")),
    );
    std::fs::write(&pem, authorities.pem()).unwrap();
    let module = Envoy::module().display().to_string();
    for place in ["/etc/envoy/jwt_guard.wasm", "/etc/ssl/certs/ca-certificates.crt"] {
        assert!(example.contains(place), "{place}");
    }
    let here = example
        .replace("/etc/envoy/jwt_guard.wasm", &module)
        .replace("/etc/ssl/certs/ca-certificates.crt", &pem.display().to_string());
    std::fs::write(&file, here).unwrap();
    let validated = Command::new(jwt_guard_testkit::envoy::program())
        .args(["--mode", "validate", "--log-level", "info", "--config-path"])
        .arg(&file)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&validated.stderr);
    assert!(validated.status.success(), "{log}");
    for words in ["transport_socket", "match_typed_subject_alt_names", "sni"] {
        assert!(example.contains(words), "the example lacks {words}");
    }
    std::fs::remove_file(file).unwrap();
    std::fs::remove_file(pem).unwrap();
}
