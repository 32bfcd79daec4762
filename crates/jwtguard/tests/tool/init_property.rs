//! Whatever the flags contain: the manifests have exactly these values and pass the strict check, or a flag is refused.

use jwt_guard::config::Config;
use jwtguard::init::{
    EnvoyOptions, GatewayOptions, InitError, IstioOptions, Manifests, Mode, Policy, Resource, RoleRoute,
    write,
};
use jwtguard::inspect::check::check;
use jwtguard::inspect::documents;
use jwtguard::inspect::find::{Configuration, plugins};
use proptest::prelude::*;
use proptest::test_runner::{Config as TestConfig, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

/// Texts that YAML readers treat in a special way, and any others.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "yes",
        "No",
        "null",
        "~",
        "1",
        "1e3",
        "0x1f",
        "1_000",
        "12:30",
        "2026-01-01",
        ".inf",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "a,b",
        "'a'",
        "\"a\"",
        "a\\b",
        "?",
        "? a",
        "a:",
        ":",
        "<<",
        "=",
        "é",
        "日本",
        "🔑",
        "\u{2028}",
        "\u{feff}a",
        "a  b",
        "---",
        "...",
        "${x}",
    ]);
    prop_oneof![3 => special.prop_map(str::to_owned), 2 => any::<String>(), 2 => "[ -~]{1,12}"]
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => "[a-zA-Z0-9._~!$&'()+,:@ -]{1,8}",
        1 => Just("{id}".to_owned()),
        1 => Just("*".to_owned()),
        2 => text(),
    ];
    let end = prop_oneof![Just(String::new()), Just("/**".to_owned())];
    (prop::collection::vec(segment, 1..3), end).prop_map(|(parts, end)| format!("/{}{end}", parts.join("/")))
}

fn policy() -> impl Strategy<Value = Policy> {
    (
        prop_oneof![
            Just("https://login.acme.com".to_owned()),
            "https://[a-z]{1,5}\\.example(:[1-9][0-9]{2})?(/[a-z?=%#]{0,5})?"
        ],
        prop::collection::vec(text(), 1..3),
        prop::option::of(prop_oneof![
            Just("/jwks".to_owned()),
            Just("https://keys.acme.com/a?b=c#d".to_owned()),
            Just("https://keys.acme.com/a?b=c:%20d".to_owned())
        ]),
        prop::collection::vec(path(), 0..2),
        prop::collection::vec((path(), text()).prop_map(|(path, role)| RoleRoute { path, role }), 0..2),
    )
        .prop_map(|(issuer, audience, jwks_url, public, roles)| Policy {
            issuer,
            audience,
            jwks_url,
            algorithms: vec![],
            public,
            roles,
        })
}

/// The manifests of the policy for each platform.
fn manifests(policy: &Policy) -> Vec<Manifests> {
    let name = |text: &str| text.parse().unwrap();
    let image = "registry.example.com/jwt-guard:0.1.0";
    let istio = |mode, resource| {
        let options = IstioOptions {
            mode,
            image: image.parse().unwrap(),
            namespace: None,
            name: name("yes"),
            resource,
        };
        Manifests::Istio(policy.clone(), options)
    };
    vec![
        Manifests::Envoy(
            policy.clone(),
            EnvoyOptions {
                listen: "127.0.0.1:10000".parse().unwrap(),
                upstream: "on:80".parse().unwrap(),
                module: "/etc/envoy/jwt_guard.wasm".to_owned(),
                issuer_address: None,
            },
        ),
        istio(Mode::Ingress(vec!["a=true".parse().unwrap()]), Resource::WasmPlugin),
        istio(Mode::GatewayApi(name("1")), Resource::TrafficExtension),
        istio(Mode::Sidecar(vec!["app=1e3".parse().unwrap()]), Resource::TrafficExtension),
        istio(Mode::Waypoint(name("null")), Resource::WasmPlugin),
        Manifests::EnvoyGateway(
            policy.clone(),
            GatewayOptions {
                image: image.parse().unwrap(),
                namespace: name("no"),
                name: name("123"),
                gateway: name("y"),
                gateway_class: name("off"),
            },
        ),
    ]
}

/// The keys of the configuration that the policy stands for, as JSON.
fn expected(policy: &Policy) -> Value {
    let audience = match policy.audience.as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    let mut config = json!({ "issuer": policy.issuer, "audience": audience });
    match &policy.jwks_url {
        Some(url) => config["jwks_endpoint"] = json!(url),
        None => config["discovery"] = json!(true),
    }
    let public = policy.public.iter().map(|path| json!({ "path": path, "allow_anonymous": true }));
    let roles = policy.roles.iter().map(|route| json!({ "path": route.path, "requires_role": route.role }));
    let routes: Vec<Value> = public.chain(roles).collect();
    if !routes.is_empty() {
        config["routes"] = json!(routes);
    }
    config
}

/// Reads the configuration back from the manifests, without the keys that depend on the platform.
fn read_back(text: &str) -> Value {
    let documents = documents("manifests", text).unwrap();
    let report = check(&documents);
    assert!(report.findings.is_empty(), "{}", report.findings[0]);
    let found: Vec<_> = documents.iter().flat_map(plugins).collect();
    let [plugin] = found.as_slice() else { panic!("one configuration: {text}") };
    let Configuration::Object(tree) = &plugin.configuration else { panic!("an object: {text}") };
    let mut config: Value = serde_json::from_str(&tree.to_json()).unwrap();
    let members = config.as_object_mut().unwrap();
    members.remove("jwks_cluster").unwrap();
    members.remove("identity_in_filter_state");
    config
}

#[test]
fn manifests_have_the_values_of_the_flags() {
    let mut runner = TestRunner::new_with_rng(
        TestConfig { cases: 400, failure_persistence: None, ..TestConfig::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let (mut printed, mut refused) = (0, 0);
    let counts = std::cell::RefCell::new((&mut printed, &mut refused));
    let property = |policy: Policy| {
        let mut counts = counts.borrow_mut();
        for manifests in manifests(&policy) {
            let arguments: Vec<String> = policy.audience.clone();
            match write(&manifests, &arguments) {
                Ok(text) => {
                    prop_assert_eq!(read_back(&text), expected(&policy), "{}", text);
                    *counts.0 += 1;
                }
                Err(error) => {
                    is_justified(&policy, &error)?;
                    *counts.1 += 1;
                }
            }
        }
        Ok(())
    };
    runner.run(&policy(), property).unwrap();
    assert!(printed > 600 && refused > 100, "printed {printed}, refused {refused}");
}

/// A refused policy has a control character, or the core refuses it, or `check` reports it.
fn is_justified(policy: &Policy, error: &InitError) -> Result<(), TestCaseError> {
    let mut config = expected(policy);
    config["jwks_cluster"] = json!("issuer");
    let is_valid = Config::parse(config.to_string().as_bytes()).is_ok();
    match error {
        InitError::Flag { problem, .. } if problem.contains("control character") => Ok(()),
        InitError::Flag { .. } => {
            prop_assert!(!is_valid, "{policy:?}: {error}");
            Ok(())
        }
        InitError::Doubtful(findings) => {
            let documents = documents("config", &config.to_string()).unwrap();
            let report = check(&documents);
            for finding in &report.findings {
                let told = findings.iter().any(|told| told.contains(&finding.problem));
                prop_assert!(told, "{finding}: {error}");
            }
            prop_assert!(!report.findings.is_empty(), "{policy:?}: {error}");
            Ok(())
        }
        InitError::Unreadable(_) => Err(TestCaseError::fail(format!("{policy:?}: {error}"))),
    }
}
