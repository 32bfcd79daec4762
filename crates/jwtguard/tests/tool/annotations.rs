//! `check` on requirements in annotations of HTTPRoutes, GRPCRoutes and Gateways.

use crate::run::{jwtguard_with, read};

/// An HTTPRoute, a GRPCRoute and a Gateway beside the policy of `envoy/envoy-gateway.yaml`.
fn manifests(mode: &str) -> String {
    let policy = read("envoy/envoy-gateway.yaml");
    let key = format!("envoy_gateway_annotations: {mode}\n");
    let config = policy.lines().find(|line| line.trim_start().starts_with("issuer:")).unwrap();
    let indent = &config[..config.len() - config.trim_start().len()];
    let policy = policy.replace(config, &format!("{config}\n{indent}{}", key.trim_end()));
    format!(
        "{policy}---\nkind: HTTPRoute\nmetadata:\n  name: shop\n  annotations:\n    gateway.envoyproxy.io/jwt-guard: \
         '{{\"requires_role\":\"admin\"}}'\nspec:\n  hostnames: [shop.example.com]\n  rules: []\n---\nkind: Gateway\nmetadata:\n  \
         name: edge\n  annotations:\n    gateway.envoyproxy.io/jwt-guard: '{{\"requires_group\":\"staff\"}}'\n"
    )
}

const SHOP: &str = "jwt-guard: '{\"requires_role\":\"admin\"}'";
const EDGE: &str = "jwt-guard: '{\"requires_group\":\"staff\"}'";

#[test]
fn annotations_are_read_with_their_places() {
    let ran = jwtguard_with(&["check", "-"], &manifests("narrow"));
    assert!(!ran.err.contains("annotation"), "{}", ran.err);
    let row = |text: &str| ran.out.lines().find(|line| line.contains(text)).unwrap_or_default().to_owned();
    assert!(row("annotation of HTTPRoute shop").contains("shop.example.com"), "{}", ran.out);
    assert!(row("annotation of HTTPRoute shop").contains("role admin"), "{}", ran.out);
    assert!(row("annotation of Gateway edge").contains("group staff"), "{}", ran.out);
    let line = 1 + manifests("narrow").lines().position(|line| line.contains(SHOP)).unwrap();
    for (text, expected) in [
        ("jwt-guard: '{\"requires_rolle\":\"admin\"}'", "requires_rolle: unknown key"),
        ("jwt-guard: '{\"policy\":\"nobody\"}'", "no policy is named \"nobody\""),
        ("jwt-guard: 'requires_role: admin'", "expected a requirement as JSON"),
        ("jwt-guard: ''", "expected a requirement as JSON"),
        ("jwt-guard: { requires_role: admin }", "is not a text, and Kubernetes refuses the object"),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &manifests("narrow").replace(SHOP, text));
        let found = ran.err.lines().find(|finding| finding.contains(expected));
        let found = found.unwrap_or_else(|| panic!("{text}: {}", ran.err));
        let place = format!("{line}: error: metadata.annotations[\"gateway.envoyproxy.io/jwt-guard\"]: ");
        assert!(found.contains(&place), "{found}");
        assert_eq!(ran.status, 1, "{text}");
    }
}

#[test]
fn annotations_without_effect_are_warned_of() {
    let whole = manifests("narrow");
    let open = "jwt-guard: '{\"allow_anonymous\":true}'";
    for (what, text, expected) in [
        ("nothing to warn of", whole.clone(), ""),
        ("ignored", manifests("ignore"), "is ignored, because envoy_gateway_annotations is ignore"),
        (
            "opens nothing",
            whole.replace(SHOP, open),
            "adds nothing, because envoy_gateway_annotations is narrow",
        ),
        ("opens", manifests("override").replace(SHOP, open), ""),
        ("another kind", whole.replace("kind: HTTPRoute", "kind: TCPRoute"), "has no effect on a TCPRoute"),
        (
            "another name",
            whole.replace(SHOP, &SHOP.replace('-', "_")),
            "is not read: this requirement has no effect",
        ),
        (
            "a route without one",
            format!("{}---\nkind: HTTPRoute\nmetadata: {{ name: bare }}\n", whole.replace(EDGE, "other: x")),
            "HTTPRoute bare and the Gateway do not have this annotation",
        ),
        ("the Gateway has one", format!("{whole}---\nkind: HTTPRoute\nmetadata: {{ name: bare }}\n"), ""),
        ("gRPC", whole.replace("kind: HTTPRoute", "kind: GRPCRoute"), ""),
        (
            "gRPC with override",
            manifests("override").replace(
                "kind: HTTPRoute\nmetadata:\n  name: shop",
                "kind: GRPCRoute\nmetadata:\n  name: shop",
            ),
            "every request for this path is answered 400",
        ),
        (
            "upper case with override",
            manifests("override")
                .replace("  rules: []", "  rules: [{ matches: [{ path: { value: /Orders } }] }]"),
            "every request for this path is answered 400",
        ),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        let about: Vec<&str> = ran.err.lines().filter(|line| line.contains("annotation")).collect();
        match expected {
            "" => assert!(about.is_empty(), "{what}: {}", ran.err),
            expected => assert!(about.iter().any(|line| line.contains(expected)), "{what}: {}", ran.err),
        }
        assert_eq!(ran.status, 0, "{what}: {}", ran.err);
    }
}

#[test]
fn the_table_names_the_modes() {
    let ran = jwtguard_with(&["check", "-"], &manifests("override"));
    assert!(ran.out.contains("envoy_gateway_annotations is override"), "{}", ran.out);
    for (origins, expected) in [
        ("[https://app.example.com]", "scripts of the origins in cors_allow_origins can read denials"),
        ("\"*\"", "scripts of every origin can read denials"),
    ] {
        let config = format!(
            "issuer: https://a.example\naudience: a\njwks_cluster: c\njwks_endpoint: https://a.example/k\ncors_allow_origins: {origins}\n"
        );
        let ran = jwtguard_with(&["check", "-"], &config);
        assert!(ran.out.contains(expected), "{}{}", ran.out, ran.err);
    }
}
