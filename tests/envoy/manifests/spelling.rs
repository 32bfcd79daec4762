//! Envoy reads `envoy.yaml` with another YAML reader than the tool: values of every spelling arrive as they are.

use std::process::Command;

use jwt_guard::config::Config;
use jwtguard::init::{EnvoyOptions, Manifests, Policy, RoleRoute, write};
use serde_json::{Value, json};

use crate::harness::{Authority, Envoy};

/// Audiences and roles that a YAML reader could take for something else. `check` reports similar ones, and wildcards.
const TEXTS: [&str; 20] = [
    "yes",
    "Off",
    "null",
    "~",
    "123",
    "1e3",
    "0x1f",
    "2026-01-01",
    "colon: space",
    "hash # sign",
    "- hyphen",
    "&anchor",
    "!tag",
    "| literal",
    "> folded",
    "[list]",
    "'single'",
    "\"double \\ quotes\"",
    "@at `backquote` %percent",
    "é 日本 🔑\u{2028}\u{feff}",
];

/// The digest that Envoy logs for the configuration of `init`, started in its validation mode.
fn digest_in_envoy(policy: &Policy, number: usize) -> String {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let unique = format!("{}-{number}", std::process::id());
    let pem = folder.join(format!("init-authorities-{unique}.pem"));
    let file = folder.join(format!("init-{unique}.yaml"));
    let options = EnvoyOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        upstream: "127.0.0.1:1".parse().unwrap(),
        module: "/etc/envoy/jwt_guard.wasm".to_owned(),
        issuer_address: None,
    };
    let text = write(&Manifests::Envoy(policy.clone(), options), &policy.audience).unwrap();
    let text = text
        .replace("/etc/envoy/jwt_guard.wasm", &Envoy::module().display().to_string())
        .replace("/etc/ssl/certs/ca-certificates.crt", &pem.display().to_string());
    std::fs::write(&pem, Authority::new().pem()).unwrap();
    std::fs::write(&file, &text).unwrap();
    let validated = Command::new(jwt_guard_testkit::envoy::program())
        .args(["--mode", "validate", "--log-level", "info", "--config-path"])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(file).unwrap();
    std::fs::remove_file(pem).unwrap();
    let log = String::from_utf8_lossy(&validated.stderr).into_owned();
    assert!(validated.status.success(), "{text}\n{log}");
    let (_, after) = log.split_once("configured: digest ").unwrap_or_else(|| panic!("no digest: {log}"));
    after.split(',').next().unwrap().to_owned()
}

#[test]
fn envoy_reads_the_values_of_the_flags() {
    let audience: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    let roles = TEXTS
        .iter()
        .enumerate()
        .map(|(index, role)| RoleRoute { path: format!("/r{index}/{{id}}/**"), role: (*role).to_owned() });
    let public = ["/a b/**", "/é/**", "/a,b/**", "/it's/**", "/-/**", "/1/**"];
    let policy = Policy {
        issuer: "https://issuer.example.com:8443/realms/1?a=b".to_owned(),
        audience,
        jwks_url: Some("https://issuer.example.com/keys?a=1:2".to_owned()),
        algorithms: vec!["RS256".to_owned(), "EdDSA".to_owned()],
        public: public.map(str::to_owned).to_vec(),
        roles: roles.collect(),
    };
    let routes: Vec<Value> = public
        .iter()
        .map(|path| json!({ "path": path, "allow_anonymous": true }))
        .chain(policy.roles.iter().map(|route| json!({ "path": route.path, "requires_role": route.role })))
        .collect();
    let expected = json!({
        "issuer": policy.issuer,
        "audience": policy.audience,
        "jwks_cluster": "issuer",
        "jwks_endpoint": policy.jwks_url,
        "accepted_algorithms": policy.algorithms,
        "identity_in_filter_state": true,
        "routes": routes,
    });
    let digest = |value: &Value| Config::parse(value.to_string().as_bytes()).unwrap().digest;
    assert_eq!(digest_in_envoy(&policy, 1), digest(&expected));
    // The digest tells other values apart.
    let mut other = policy.clone();
    other.audience[0] = "YES".to_owned();
    assert_ne!(digest_in_envoy(&other, 2), digest(&expected));
}
