//! `check` on the Istio and Envoy Gateway objects around a configuration.

use crate::run::{jwtguard_with, read};

const ISTIO: &str = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: jwt-guard }\nspec:\n  selector: { matchLabels: { istio: ingressgateway } }\n  url: oci://r/jwt-guard:1\n  \
                     phase: AUTHN\n  failStrategy: FAIL_RELOAD\n  pluginConfig:\n    issuer: https://a.example\n    audience: a\n    \
                     jwks_cluster: outbound|443||a.example\n";
const ENTRY: &str = "---\nkind: ServiceEntry\nspec:\n  hosts: [a.example]\n  ports: [{ number: 443, name: tls, protocol: TLS }]\n";
const RULE: &str = "---\nkind: DestinationRule\nspec:\n  host: a.example\n  trafficPolicy:\n    tls: { mode: SIMPLE, sni: a.example, subjectAltNames: [a.example] }\n";

#[test]
fn istio_needs_an_entry_and_a_rule() {
    let whole = format!("{ISTIO}{ENTRY}{RULE}");
    for (what, text, expected) in [
        ("whole", whole.clone(), "0 errors, 0 warnings"),
        (
            "open",
            whole.replace("FAIL_RELOAD", "FAIL_OPEN"),
            "8: error: spec.failStrategy: FAIL_OPEN forwards every request unchecked",
        ),
        ("no phase", whole.replace("  phase: AUTHN\n", ""), "warning: spec.phase: is not set"),
        ("alone", ISTIO.to_owned(), "no ServiceEntry in these files has the host a.example"),
        ("no rule", format!("{ISTIO}{ENTRY}"), "no DestinationRule in these files has the host a.example"),
        (
            "rule off",
            whole.replace("SIMPLE", "DISABLE"),
            "error: spec.trafficPolicy.tls: does not verify the server",
        ),
        ("port", whole.replace("number: 443", "number: 80"), "error: spec.ports: has no port 443"),
        (
            "name",
            whole.replace("outbound|443||a.example", "issuer"),
            "the cluster issuer is not a cluster name of Istio",
        ),
        (
            "virtual service",
            format!(
                "{whole}---\nkind: VirtualService\nspec:\n  http:\n  - match: [{{ headers: {{ x-auth-sub: {{ exact: root }} }} }}]\n"
            ),
            "error: spec.http.match: matches on the claim header x-auth-sub, but the client's own copy is not removed",
        ),
        (
            "typo",
            whole.replace("audience: a", "audiense: a"),
            "11: error: spec.pluginConfig.audiense: unknown key",
        ),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        assert!(ran.err.contains(expected), "{what}: {}", ran.err);
        assert_eq!(ran.status, i32::from(ran.err.contains(": error: ")), "{what}");
    }
}

const OTHER: &str =
    "---\nkind: EnvoyExtensionPolicy\nspec:\n  targetRefs: [{ kind: HTTPRoute, name: app }]\n  lua: []\n";

#[test]
fn a_merged_policy_does_not_replace_the_policy_of_the_gateway() {
    let manifest = read("envoy/envoy-gateway.yaml");
    let merged = OTHER.replace("  lua", "  mergeType: StrategicMerge\n  lua");
    for (other, status) in [(OTHER, 1), (merged.as_str(), 0)] {
        let ran = jwtguard_with(&["check", "--strict", "-"], &format!("{manifest}{other}"));
        assert_eq!(ran.status, status, "{}", ran.err);
    }
}

#[test]
fn envoy_gateway_objects_are_checked() {
    let policy = "kind: EnvoyExtensionPolicy\nmetadata: { name: auth }\nspec:\n  wasm:\n  - name: other\n    config: { a: 1 }\n  \
                  - name: jwt-guard\n    code: { type: Image, image: { url: r/jwt-guard:1 } }\n    config:\n      \
                  issuer: https://a.example\n      audience: a\n      jwks_cluster: keys\n";
    let proxy = "---\nkind: EnvoyProxy\nspec:\n  bootstrap:\n    type: Merge\n    value: |\n      static_resources:\n        clusters:\n        \
                 - name: keys\n          transport_socket:\n            typed_config:\n              \
                 \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n";
    let route = "---\nkind: HTTPRoute\nspec:\n  rules:\n  - matches: [{ headers: [{ name: x-auth-roles, value: admin }] }]\n";
    for (what, text, expected) in [
        (
            "alone",
            policy.to_owned(),
            "warning: spec.wasm[1].config.jwks_cluster: issuer a_example: the cluster keys is not defined",
        ),
        (
            "open",
            policy.replace("    config:\n      issuer", "    failOpen: true\n    config:\n      issuer"),
            "error: spec.wasm[1].failOpen: forwards every request unchecked",
        ),
        (
            "TLS",
            format!("{policy}{proxy}"),
            "standard input (spec.bootstrap.value):24: error: cluster keys: has a TLS socket that accepts any certificate",
        ),
        (
            "for a route",
            policy.replace("spec:\n  wasm", "spec:\n  targetRefs: [{ kind: HTTPRoute, name: app }]\n  wasm"),
            "warning: spec.targetRefs: targets one HTTPRoute: the filter does not run on the other routes of the Gateway",
        ),
        (
            "another policy, for a route",
            format!("{policy}{OTHER}"),
            "warning: spec: replaces the policy of the Gateway on its route",
        ),
        (
            "route",
            format!("{policy}{route}"),
            "error: spec.rules.matches: matches on the claim header x-auth-roles, but the client's own copy is not removed",
        ),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        assert!(ran.err.contains(expected), "{what}: {}", ran.err);
    }
}

#[test]
fn a_rule_of_an_http_route_is_a_cluster() {
    let recipe =
        crate::recipes::blocks("docs/recipes.md", "Keys through a Backend of Envoy Gateway").concat();
    let manifest = read("envoy/envoy-gateway.yaml")
        .replace("jwks_cluster: issuer", "jwks_cluster: httproute/default/issuer-keys/rule/0");
    let whole = format!("{manifest}---\n{recipe}");
    for (what, text, expected) in [
        ("whole", whole.clone(), "0 errors, 0 warnings"),
        (
            "no TLS",
            whole.replace("kind: BackendTLSPolicy", "kind: Other"),
            "warning: spec.rules.backendRefs: no BackendTLSPolicy in these files targets issuer",
        ),
        (
            "another number",
            whole.replace("issuer-keys/rule/0", "issuer-keys/rule/1"),
            "the cluster httproute/default/issuer-keys/rule/1 is not defined in these files",
        ),
        (
            "another namespace",
            whole.replace("httproute/default", "httproute/other"),
            "the cluster httproute/other/issuer-keys/rule/0 is not defined in these files",
        ),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        assert!(ran.err.contains(expected), "{what}: {}", ran.err);
    }
}

#[test]
fn a_traffic_extension_is_checked_like_a_wasm_plugin() {
    let whole = crate::recipes::blocks("docs/istio.md", "TrafficExtension").concat();
    let entry = ENTRY.replace("a.example", "issuer.example.com");
    let rule = RULE.replace("a.example", "issuer.example.com");
    for (what, text, expected) in [
        ("whole", format!("{whole}{entry}{rule}"), "0 errors, 0 warnings"),
        ("alone", whole.clone(), "no ServiceEntry in these files has the host issuer.example.com"),
        (
            "open",
            whole.replace("FAIL_RELOAD", "FAIL_OPEN"),
            "error: spec.wasm.failStrategy: FAIL_OPEN forwards every request unchecked",
        ),
        ("no phase", whole.replace("  phase: AUTHN\n", ""), "warning: spec.phase: is not set"),
        (
            "misspelt key",
            whole.replace("audience:", "audiences:"),
            "spec.wasm.pluginConfig.audiences: unknown key; write audience",
        ),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        assert!(ran.err.contains(expected), "{what}: {}", ran.err);
    }
}

#[test]
fn request_authentication_and_jwt_guard_both_need_the_token() {
    let other = |more: &str| {
        format!(
            "---\napiVersion: security.istio.io/v1\nkind: RequestAuthentication\nspec:\n  jwtRules: [{{ issuer: https://a.example{more} }}]\n"
        )
    };
    let whole = format!("{ISTIO}{ENTRY}{RULE}");
    let forwards = whole.replace("audience: a\n", "audience: a\n    forward_token: true\n");
    let late = whole.replace("AUTHN", "AUTHZ");
    for (text, expected) in [
        (
            format!("{whole}{}", other("")),
            "warning: spec.jwtRules: runs after jwt-guard in a proxy that has both",
        ),
        (format!("{forwards}{}", other("")), "0 errors, 0 warnings"),
        (
            format!(
                "{}{}",
                forwards.replace(
                    "forward_token: true",
                    "forward_token: true\n    token_from: [{ query: access_token }]"
                ),
                other("")
            ),
            "warning: spec.jwtRules: runs after jwt-guard in a proxy that has both, and reads a token from the query: when \
             jwt-guard enforces, it removes a query token even with forward_token: true, and Istio finds no token; enforce \
             jwt-guard and remove this object in one change",
        ),
        (
            format!("{late}{}", other("")),
            "warning: spec.jwtRules: runs before jwt-guard in a proxy that has both",
        ),
        (format!("{late}{}", other(", forwardOriginalToken: true")), "0 errors, 0 warnings"),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        assert!(ran.err.contains(expected), "{expected}: {}", ran.err);
    }
}

#[test]
fn a_wasm_plugin_of_another_group_is_not_checked() {
    let higress = "apiVersion: extensions.higress.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: jwt-guard }\nspec:\n  \
                   url: oci://r/jwt-guard:1\n  defaultConfig: { a: 1 }\n";
    let ran = jwtguard_with(&["check", "-"], higress);
    assert_eq!(ran.status, 2, "{}", ran.err);
    let expected = "a WasmPlugin of extensions.higress.io, which `check` does not support; it reads only extensions.istio.io (standard input:1)";
    assert!(ran.err.contains(expected) && !ran.err.contains("phase"), "{}", ran.err);
    // Beside a WasmPlugin of Istio, it adds no finding.
    let ran = jwtguard_with(&["check", "--quiet", "-"], &format!("{ISTIO}{ENTRY}{RULE}---\n{higress}"));
    assert!(ran.status == 0 && ran.err.contains("1 configuration: 0 errors, 0 warnings"), "{}", ran.err);
    let without_version =
        format!("{ISTIO}{ENTRY}{RULE}").replace("apiVersion: extensions.istio.io/v1alpha1\n", "");
    let ran = jwtguard_with(&["check", "--quiet", "-"], &without_version);
    assert!(ran.err.contains("1 configuration: 0 errors, 0 warnings"), "{}", ran.err);
}

#[test]
fn configurations_of_other_validators_are_named() {
    let of = |group: &str, kind: &str| {
        format!("apiVersion: {group}/v1\nkind: {kind}\nspec: {{ jwtRules: [{{ issuer: i }}] }}\n")
    };
    let migration = "`jwtguard convert` writes the same policy for jwt-guard";
    let jwt_authn = crate::recipes::blocks("docs/migration.md", "From jwt_authn and RBAC")[0].clone();
    let istio = crate::recipes::blocks(
        "docs/migration.md",
        "From Istio's RequestAuthentication and AuthorizationPolicy",
    )[0]
    .clone();
    for (text, expected) in [
        (jwt_authn, "Envoy's jwt_authn filter (standard input:3)"),
        (
            istio,
            "Istio's RequestAuthentication (standard input:1), Istio's AuthorizationPolicy (standard input:",
        ),
        (of("security.istio.io", "AuthorizationPolicy"), "Istio's AuthorizationPolicy (standard input:1)"),
        (
            "auth_client: { issuer: i, audience: a }\n".to_owned(),
            "pico-client-auth's auth_client (standard input:1)",
        ),
        (of("gateway.envoyproxy.io", "SecurityPolicy"), "Envoy Gateway's SecurityPolicy (standard input:1)"),
    ] {
        let ran = jwtguard_with(&["check", "-"], &text);
        assert_eq!(ran.status, 2, "{}", ran.err);
        assert!(
            ran.err.contains("no configuration of jwt-guard in -") && ran.err.contains(expected),
            "{}",
            ran.err
        );
        assert!(ran.err.contains(migration), "{}", ran.err);
    }
    for text in ["a: 1".to_owned(), of("policy.linkerd.io", "AuthorizationPolicy"), of("v1", "ConfigMap")] {
        let ran = jwtguard_with(&["check", "-"], &text);
        assert!(ran.status == 2 && !ran.err.contains(migration), "{}", ran.err);
    }
}

#[test]
fn the_variable_of_a_revocation_list_must_be_in_the_vm() {
    let list = |indent: usize| {
        let indent = " ".repeat(indent);
        format!(
            "{indent}revocation_list_endpoint: /r\n{indent}revocation_list_token_env: LIST_TOKEN\n{indent}jwks_endpoint: /k\n"
        )
    };
    let istio =
        |vm: &str| format!("{}{}{ENTRY}{RULE}", ISTIO.replace("  phase", &format!("{vm}  phase")), list(4));
    let gateway = |env: &str| {
        let manifest = read("envoy/envoy-gateway.yaml").replace(
            "        jwks_cluster: issuer\n",
            &format!("        jwks_cluster: issuer\n{}", list(8).replace("        jwks_endpoint: /k\n", "")),
        );
        manifest.replace("      config:\n", &format!("{env}      config:\n"))
    };
    for (text, expected) in [
        (istio(""), "error: spec.vmConfig.env: does not name LIST_TOKEN"),
        (istio("  vmConfig: { env: [{ name: OTHER, valueFrom: HOST }] }\n"), "does not name LIST_TOKEN"),
        (istio("  vmConfig: { env: [{ name: LIST_TOKEN, valueFrom: HOST }] }\n"), "0 errors, 0 warnings"),
        (gateway(""), "error: spec.wasm.env.hostKeys: does not name LIST_TOKEN"),
        (gateway("      env: { hostKeys: [LIST_TOKEN] }\n"), "0 errors, 0 warnings"),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        assert!(ran.err.contains(expected), "{expected}\n{text}\n{}", ran.err);
    }
}
