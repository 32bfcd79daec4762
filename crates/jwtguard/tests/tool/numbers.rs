//! Unquoted numbers and words, as the YAML parsers of Envoy and Kubernetes read them.

use crate::context::findings_after;
use crate::run::{jwtguard_with, read};

/// `check` on `envoy/envoy.yaml` with more keys in the configuration of the filter.
fn with(keys: &str) -> (i32, Vec<String>) {
    let added = format!("audience: orders-api\n                            {keys}");
    findings_after(&[("audience: orders-api", &added)])
}

#[test]
fn a_number_that_becomes_a_string_is_reported() {
    for number in ["3000000000", "-2147483649", "1.5", "1e3", "300.0", "0xffffffff"] {
        for keys in [
            "refused_claims: { tenant: [N] }",
            "default_policy: { requires_claim: { claim: tenant, any: [1, N] } }",
        ] {
            let (status, lines) = with(&keys.replace('N', number));
            assert!(status == 0 && lines.len() == 1, "{number}: {lines:#?}");
            assert!(lines[0].starts_with("warning: configuration.value."), "{lines:#?}");
            let text = if number == "0xffffffff" { "4294967295" } else { number };
            assert!(lines[0].contains(&format!(": {text} becomes the string \"{text}\"")), "{lines:#?}");
        }
    }
    for value in ["2147483647", "-2147483648", "'1.5'", "\"3000000000\"", "010", "y"] {
        assert_eq!(with(&format!("refused_claims: {{ tenant: [{value}] }}")), (0, vec![]), "{value}");
    }
}

#[test]
fn a_number_in_metadata_that_becomes_a_string_is_reported() {
    let route = "- match: { prefix: / }\n";
    let carrying = "- match: { prefix: / }\n                          metadata: { filter_metadata: { jwt_guard: { requires_claim: { claim: level, any: 1.5 } } } }\n";
    let (_, lines) = findings_after(&[(route, carrying)]);
    let expected = "warning: virtual host all, routes[0], metadata jwt_guard: 1.5 becomes the string \"1.5\"";
    assert!(lines.iter().any(|line| line.starts_with(expected)), "{lines:#?}");
}

#[test]
fn a_number_that_the_filter_refuses_is_an_error() {
    let (status, lines) = with("jwks_ttl_seconds: 300.0");
    assert!(status == 1 && lines[0].contains("jwks_ttl_seconds: expected a whole number"), "{lines:#?}");
    assert_eq!(with("jwks_ttl_seconds: 0454"), (0, vec![]));
}

#[test]
fn explain_reads_numbers_as_envoy_does() {
    let file = |value: &str| {
        let added = format!(
            "audience: orders-api\n                            default_policy: {{ requires_claim: {{ claim: level, any: [{value}] }} }}"
        );
        read("envoy/envoy.yaml").replace("audience: orders-api", &added)
    };
    for (value, claim, passes) in [
        ("3000000000", "3000000000", false),
        ("3000000000", "\"3000000000\"", true),
        ("1.5", "1.5", false),
        ("010", "8", true),
        ("010", "\"010\"", false),
        ("7", "7", true),
        ("y", "true", true),
    ] {
        let claims = format!("{{\"level\":{claim}}}");
        let ran = jwtguard_with(&["explain", "-", "--request", "/x", "--claims", &claims], &file(value));
        assert_eq!(ran.status, i32::from(!passes), "{value}, {claim}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn kubernetes_keeps_numbers() {
    let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: jwt-guard }\nspec:\n  url: a\n  \
                phase: AUTHN\n  failStrategy: FAIL_RELOAD\n  pluginConfig:\n    issuer: https://a.example\n    audience: a\n    \
                jwks_inline: { keys: [] }\n    jwks_ttl_seconds: 300.0\n    refused_claims: { level: [3000000000, 1.5] }\n";
    let ran = jwtguard_with(&["check", "--quiet", "-"], text);
    assert!(!ran.err.contains("becomes the string") && !ran.err.contains("jwks_ttl_seconds"), "{}", ran.err);
}
