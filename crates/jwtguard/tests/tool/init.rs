//! `init`: the files of `envoy/`, and what the flags may be.

use jwtguard::inspect::documents;
use serde_json::Value;

use crate::run::{Output, jwtguard, jwtguard_with, read, root};

/// The files of `envoy/` that `init` prints.
const FILES: [&str; 9] = [
    "envoy-gateway.yaml",
    "envoy.yaml",
    "https-issuer.yaml",
    "istio-gateway-api.yaml",
    "istio-sidecar.yaml",
    "istio-traffic-extension.yaml",
    "istio-waypoint.yaml",
    "istio.yaml",
    "pod-monitor.yaml",
];

/// The words of the command line in the first comment of a file.
fn command_of(text: &str) -> Vec<String> {
    let mut lines = vec![];
    for line in text.lines() {
        let line = line.strip_prefix("# ").expect("a comment");
        lines.push(line.trim_end_matches('\\').trim().to_owned());
        if !line.ends_with('\\') {
            break;
        }
    }
    let words = lines.join(" ");
    words.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn the_files_are_outputs() {
    let mut found: Vec<String> = std::fs::read_dir(root().join("envoy"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            name.ends_with(".yaml") && read(&format!("envoy/{name}")).starts_with("# jwtguard init")
        })
        .collect();
    found.sort();
    assert_eq!(found, FILES);
    for name in FILES {
        let file = read(&format!("envoy/{name}"));
        let command = command_of(&file);
        let ran = jwtguard(&command.iter().skip(1).map(String::as_str).collect::<Vec<_>>());
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{name}: {command:?}");
        // `git diff` shows the differences after `jwtguard init … > envoy/NAME`.
        assert!(ran.out == file, "envoy/{name} is not the output of {command:?}:\n{}", ran.out);
    }
}

#[test]
fn the_files_pass_the_strict_check() {
    for name in FILES {
        if name == "pod-monitor.yaml" {
            continue;
        }
        let ran = jwtguard(&["check", "--strict", "--quiet", &format!("envoy/{name}")]);
        assert_eq!((ran.status, ran.err.as_str()), (0, "1 configuration: 0 errors, 0 warnings\n"), "{name}");
    }
}

#[test]
fn comments_fit_the_width() {
    for name in FILES {
        for line in read(&format!("envoy/{name}")).lines().filter(|line| line.trim_start().starts_with('#')) {
            assert!(line.chars().count() <= 120, "{name}: {line}");
        }
    }
}

const IMAGE: &str = "registry.example.com/jwt-guard:0.1.0";

fn init(platform: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["init"];
    arguments.extend(platform.split(' '));
    arguments.extend(["--issuer", "https://login.acme.com/realms/a", "--audience", "orders"]);
    if platform != "envoy" {
        arguments.extend(["--image", IMAGE]);
    }
    arguments.extend(more);
    jwtguard(&arguments)
}

const INGRESS: &str = "istio --mode ingress";
const SIDECAR: &str = "istio --mode sidecar --selector app=orders";
const WAYPOINT: &str = "istio --mode waypoint";
const GATEWAY_API: &str = "istio --mode gateway-api --gateway web";
const PLATFORMS: [&str; 6] = ["envoy", INGRESS, SIDECAR, WAYPOINT, GATEWAY_API, "envoy-gateway"];

#[test]
fn ordinary_flags_print_manifests() {
    let digest = format!("registry.example.com/jwt-guard@sha256:{}", "0a".repeat(32));
    for platform in PLATFORMS {
        for more in [
            vec![],
            vec!["--audience", "reports"],
            vec!["--jwks-url", "https://keys.acme.com:8443/jwks"],
            vec!["--jwks-url", "/api/v1/auth/jwks"],
            vec!["--algorithm", "ES256", "--algorithm", "EdDSA"],
            vec!["--public", "/health", "--public", "/docs/**", "--role", "/admin/**=an admin"],
        ] {
            let ran = init(platform, &more);
            assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{platform} {more:?}");
            let checked = jwtguard_with(&["check", "--strict", "-"], &ran.out);
            assert_eq!(checked.err, "1 configuration: 0 errors, 0 warnings\n", "{platform} {more:?}");
        }
    }
    for (platform, more, expected) in [
        ("envoy", ["--listen", "[::1]:80"], r#"address: "::1", port_value: 80"#),
        (
            "envoy",
            ["--upstream", "orders.internal:80"],
            "type: STRICT_DNS\n      connect_timeout: 2s\n      load_assignment:\n        cluster_name: upstream",
        ),
        (INGRESS, ["--namespace", "edge"], "  namespace: edge\n"),
        (INGRESS, ["--selector", "app=edge"], "      app: edge\n"),
        (WAYPOINT, ["--gateway", "w2"], "      name: w2\n"),
        (INGRESS, ["--name", "orders-jwt"], "  name: orders-jwt-issuer\n"),
        ("envoy-gateway", ["--gateway-class", "internal"], "gatewayClassName: internal\n"),
        ("envoy-gateway", ["--gateway", "web"], "kind: Gateway\nmetadata:\n  name: web\n"),
    ] {
        let ran = init(platform, &more);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{platform} {more:?}");
        assert!(ran.out.contains(expected), "{platform} {more:?}: {}", ran.out);
    }
    let pinned = jwtguard(&[
        "init",
        "istio",
        "--mode",
        "ingress",
        "--issuer",
        "https://a.example",
        "--audience",
        "a",
        "--image",
        &digest,
    ]);
    assert!(
        pinned.out.contains(&format!("url: oci://{digest}\n")) && !pinned.out.contains("Pin it"),
        "{}",
        pinned.out
    );
}

/// Each flag alone makes flags that pass into flags that do not. Nothing is printed to standard output.
#[test]
fn a_wrong_value_prints_nothing() {
    for (platform, more, expected) in [
        ("envoy", ["--audience", " "], "--audience: expected an audience, got"),
        ("envoy", ["--audience", "a\nb"], r#"--audience: "a\nb" contains a control character"#),
        ("envoy", ["--algorithm", "HS256"], "--algorithm: "),
        ("envoy", ["--public", "docs"], "--public: \"docs\": "),
        ("envoy", ["--public", "/docs/**/x"], "--public: \"/docs/**/x\": "),
        (
            "envoy",
            ["--role", "/admin/*=admin"],
            "so none are printed; change the flags:\nwarning: static_resources.listeners[0]",
        ),
        ("envoy", ["--role", "/admin"], "expected PATH=ROLE"),
        ("envoy", ["--role", "/admin= "], "--role: \"/admin= \": "),
        ("envoy", ["--jwks-url", "jwks"], "--jwks-url: "),
        (
            "envoy",
            ["--jwks-url", "http://keys.acme.com/jwks"],
            "--jwks-url: the keys would come from keys.acme.com over http",
        ),
        ("envoy", ["--jwks-url", "https://10.0.0.1/jwks"], "--jwks-url: the host 10.0.0.1 is not a DNS name"),
        (
            "envoy",
            ["--issuer-address", "10.0.0.1:80"],
            "--issuer-address: 10.0.0.1:80 is not on this machine",
        ),
        ("envoy", ["--issuer-address", "localhost"], "invalid value 'localhost' for '--issuer-address"),
        ("envoy", ["--module", "x.wasm }"], "--module: found \"x.wasm }\"; expected a path"),
        ("envoy", ["--listen", "80"], "invalid value '80' for '--listen"),
        ("envoy", ["--upstream", "orders"], "expected HOST:PORT"),
        ("envoy", ["--namespace", "a"], "unexpected argument '--namespace'"),
        (INGRESS, ["--gateway", "web"], "--gateway: found web, but --mode ingress selects pods by labels"),
        (SIDECAR, ["--gateway", "web"], "--gateway: found web, but --mode sidecar selects pods by labels"),
        (WAYPOINT, ["--selector", "app=a"], "--selector: found app=a, but --mode waypoint selects a Gateway"),
        (
            GATEWAY_API,
            ["--selector", "app=a"],
            "--selector: found app=a, but --mode gateway-api selects a Gateway",
        ),
        ("istio --mode sidecar", ["--public", "/a"], "--selector: is missing; without a label of the pods"),
        ("istio --mode gateway-api", ["--public", "/a"], "--gateway: is missing; --mode gateway-api needs"),
        (INGRESS, ["--namespace", "A"], "expected the name of a Kubernetes object"),
        (INGRESS, ["--name", "a b"], "expected the name of a Kubernetes object"),
        (INGRESS, ["--selector", "app"], "expected a label of the pods, KEY=VALUE"),
        (
            INGRESS,
            ["--jwks-url", "https://keys/jwks"],
            "--jwks-url: the keys are on the host keys, which Istio would read",
        ),
        (
            INGRESS,
            ["--jwks-url", "https://keys.auth.svc/jwks"],
            "--jwks-url: the keys are on keys.auth.svc, a Service",
        ),
        ("envoy-gateway", ["--gateway", "Web"], "expected the name of a Kubernetes object"),
    ] {
        let ran = init(platform, &more);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{platform} {more:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{platform} {more:?}: {}", ran.err);
    }
    for (wrong, expected) in [
        (vec!["init"], "Usage: jwtguard init"),
        (vec!["init", "envoy", "--issuer", "https://a.example"], "--audience <NAME>"),
        (vec!["init", "envoy", "--audience", "a"], "--issuer <URL>"),
        (
            vec!["init", "envoy", "--issuer", "a", "--audience", "a"],
            "--issuer: discovery: true needs an issuer that is a URL",
        ),
        (vec!["init", "envoy", "--issuer", " ", "--audience", "a"], "--issuer: "),
        (
            vec!["init", "envoy", "--issuer", "http://a.example", "--audience", "a"],
            "--issuer: the keys would come from a.example over http",
        ),
        (
            vec!["init", "istio", "--issuer", "https://a.example", "--audience", "a", "--image", IMAGE],
            "--mode <MODE>",
        ),
        (
            vec!["init", "istio", "--mode", "ingress", "--issuer", "https://a.example", "--audience", "a"],
            "--image <IMAGE>",
        ),
        (
            vec![
                "init",
                "envoy-gateway",
                "--issuer",
                "https://a.example",
                "--audience",
                "a",
                "--image",
                "jwt-guard",
            ],
            "expected an image with its registry",
        ),
        (vec!["init", "pod-monitor"], "--platform <PLATFORM>"),
    ] {
        let ran = jwtguard(&wrong);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{wrong:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{wrong:?}: {}", ran.err);
    }
}

/// Every object names the same host and port, and the plugin the cluster that they make.
#[test]
fn the_objects_agree() {
    for (platform, cluster, others) in [
        (
            INGRESS,
            "outbound|8443||keys.acme.com",
            vec![("ServiceEntry", "/spec/ports/0/number", Value::from(8443))],
        ),
        (
            GATEWAY_API,
            "outbound|8443||keys.acme.com",
            vec![
                ("ServiceEntry", "/spec/hosts/0", "keys.acme.com".into()),
                ("DestinationRule", "/spec/host", "keys.acme.com".into()),
                ("DestinationRule", "/spec/trafficPolicy/tls/sni", "keys.acme.com".into()),
                ("DestinationRule", "/spec/trafficPolicy/tls/subjectAltNames/0", "keys.acme.com".into()),
                (
                    "DestinationRule",
                    "/spec/workloadSelector/matchLabels/gateway.networking.k8s.io~1gateway-name",
                    "web".into(),
                ),
                ("EnvoyFilter", "/spec/targetRefs/0/name", "web".into()),
            ],
        ),
        (
            SIDECAR,
            "outbound|80||keys.acme.com",
            vec![
                ("ServiceEntry", "/spec/ports/0/number", 80.into()),
                ("ServiceEntry", "/spec/ports/0/targetPort", 8443.into()),
                ("DestinationRule", "/spec/trafficPolicy/portLevelSettings/0/port/number", 80.into()),
                (
                    "DestinationRule",
                    "/spec/trafficPolicy/portLevelSettings/0/tls/subjectAltNames/0",
                    "keys.acme.com".into(),
                ),
                ("EnvoyFilter", "/spec/workloadSelector/labels/app", "orders".into()),
            ],
        ),
        (
            WAYPOINT,
            "jwt-guard-issuer",
            vec![
                ("EnvoyFilter", "/spec/configPatches/0/patch/value/name", "jwt-guard-issuer".into()),
                (
                    "EnvoyFilter",
                    "/spec/configPatches/0/patch/value/load_assignment/cluster_name",
                    "jwt-guard-issuer".into(),
                ),
                (
                    "EnvoyFilter",
                    "/spec/configPatches/0/patch/value/transport_socket/typed_config/sni",
                    "keys.acme.com".into(),
                ),
            ],
        ),
    ] {
        let ran = init(platform, &["--jwks-url", "https://Keys.acme.com:8443/jwks"]);
        let objects: Vec<Value> = documents("x", &ran.out)
            .unwrap()
            .iter()
            .map(|document| serde_json::from_str(&document.tree.to_json()).unwrap())
            .collect();
        let of = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap();
        assert_eq!(of("WasmPlugin")["spec"]["pluginConfig"]["jwks_cluster"], cluster, "{platform}");
        for (kind, pointer, expected) in others {
            assert_eq!(of(kind).pointer(pointer), Some(&expected), "{platform}: {kind} {pointer}");
        }
        for object in &objects {
            assert_eq!(object["metadata"]["namespace"], objects[0]["metadata"]["namespace"], "{platform}");
        }
    }
}

/// A shell reads the comment as the arguments that were given, whatever they contain.
#[test]
fn the_command_can_be_pasted() {
    let audience = "a'b \"c\" $HOME `x` \\ # é 🔑 \u{2028}";
    let ran = init("envoy", &["--audience", audience, "--public", "/a b/{id}", "--role", "/x/**=a=b|c"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let comment = ran.out.split("\n#\n").next().unwrap();
    let command: String =
        comment.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap())).collect();
    let script = format!("jwtguard() {{ printf '%s\\0' \"$@\"; }}\n{command}");
    let output =
        std::process::Command::new("bash").env("LC_ALL", "C.UTF-8").args(["-c", &script]).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
    let expected = [
        "init",
        "envoy",
        "--issuer",
        "https://login.acme.com/realms/a",
        "--audience",
        "orders",
        "--audience",
        audience,
        "--public",
        "/a b/{id}",
        "--role",
        "/x/**=a=b|c",
    ];
    assert_eq!(words, expected, "{command}");
}

/// `check` on the cluster that the EnvoyFilter of a waypoint adds.
#[test]
fn the_cluster_of_an_envoy_filter_is_checked() {
    let manifest = read("envoy/istio-waypoint.yaml");
    let checked = |before: &str, after: &str| {
        assert_eq!(manifest.matches(before).count(), 1, "{before}");
        jwtguard_with(&["check", "--strict", "--quiet", "-"], &manifest.replace(before, after))
    };
    for (before, after, expected) in [
        (
            "                  trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }\n",
            "",
            "cluster jwt-guard-issuer: has a TLS socket that accepts any certificate",
        ),
        ("              sni: issuer.example.com\n", "", "cluster jwt-guard-issuer: sends no SNI"),
        ("operation: ADD\n", "operation: MERGE\n", "cluster jwt-guard-issuer "),
        ("applyTo: CLUSTER\n", "applyTo: LISTENER\n", "cluster jwt-guard-issuer "),
        ("          name: jwt-guard-issuer\n", "          name: other\n", "cluster jwt-guard-issuer "),
    ] {
        let ran = checked(before, after);
        assert!(ran.status == 1 && ran.err.contains(expected), "{expected}: {}", ran.err);
    }
    assert_eq!(checked("connect_timeout: 2s\n", "connect_timeout: 3s\n").status, 0);
}
