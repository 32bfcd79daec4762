//! Tests `jwtguard convert` with Envoy Gateway's objects.

use crate::run::jwtguard_with;

pub const POLICY: &str = r#"apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: { name: api, namespace: shop }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: api }]
  jwt:
    providers:
      - { name: own, issuer: "https://issuer.example", audiences: [orders-api], remoteJWKS: { uri: "https://issuer.example/keys" } }
  authorization:
    defaultAction: Deny
    rules:
      - action: Allow
        operation: { path: { value: /api } }
        principal: { jwt: { provider: own, claims: [{ name: roles, valueType: StringArray, values: [admin] }] } }
"#;

pub const ROUTES: &str = r#"---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: shop, labels: { team: a } }
spec:
  parentRefs: [{ name: eg }]
  hostnames: [api.example.com]
  rules: [{ matches: [{ path: { value: /api } }], backendRefs: [{ name: api, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: public, namespace: shop }
spec:
  parentRefs: [{ name: eg }]
  rules: [{ matches: [{ path: { value: /public } }] }]
"#;

pub fn converted(text: &str) -> (i32, String, String) {
    let output = jwtguard_with(&["convert", "-"], text);
    (output.status, output.out, output.err)
}

/// The policy with one part replaced.
fn policy(from: &str, to: &str) -> String {
    assert!(from.is_empty() || POLICY.contains(from), "{from}");
    POLICY.replacen(from, to, 1)
}

#[test]
fn each_field() {
    let provider = r#"remoteJWKS: { uri: "https://issuer.example/keys" }"#;
    let with = |fields: &str| format!("{provider}, {fields}");
    let principal = "principal: { jwt: { provider: own, claims: [{ name: roles, valueType: StringArray, values: [admin] }] } }";
    let operation = "operation: { path: { value: /api } }";
    let allow = "- action: Allow";
    let rows: Vec<(&str, String, &[&str])> = vec![
        (
            "",
            String::new(),
            &[
                "Envoy Gateway, HTTPRoute api in the namespace shop",
                "issuer: https://issuer.example",
                "audience: orders-api",
                "jwks_cluster: own",
                "jwks_endpoint: https://issuer.example/keys",
                "jwks_ttl_seconds: 300",
                "forward_token: true",
                "{ path: /api/**, requires_claim: { claim: roles, any: admin } }",
                "default_policy: { deny: true }",
            ],
        ),
        (
            provider,
            r#"remoteJWKS: { uri: "https://issuer.example/keys", cacheDuration: 60s, failedRefetchDuration: 2s }"#.to_owned(),
            &["jwks_ttl_seconds: 60"],
        ),
        (provider, r#"localJWKS: { inline: '{"keys":[]}' }"#.to_owned(), &["jwks_inline:"]),
        (
            provider,
            with("claimToHeaders: [{ header: x-sub, claim: sub }, { header: x-a, claim: a.b }], recomputeRoute: true"),
            &["claim_headers: { x-sub: sub, x-a: /a/b }"],
        ),
        (
            provider,
            with("extractFrom: { headers: [{ name: X-Token }], cookies: [session], params: [t] }"),
            &["{ header: x-token }", "{ cookie: session }", r#"{ query: "t" }"#],
        ),
        (
            provider,
            with("extractFrom: { headers: [{ name: x-token, valuePrefix: 'Token ' }] }"),
            &[r#"{ header: x-token, prefix: "Token " }"#],
        ),
        ("defaultAction: Deny", "defaultAction: Allow".to_owned(), &["default_policy: { allow_authenticated: true }"]),
        (principal, "principal: { jwt: { provider: own, scopes: [read] } }".to_owned(), &["scopes_from: [scope, scp]", "requires_scope: read"]),
        (
            principal,
            "principal: { jwt: { provider: own, scopes: [read, write] } }".to_owned(),
            &["requires_scope: { all: [read, write] }"],
        ),
        (
            principal,
            "principal: { jwt: { provider: own, claims: [{ name: a.b, values: [x, z] }] } }".to_owned(),
            &["{ claim: /a/b, any: [x, z] }"],
        ),
        (principal, "principal: { clientCIDRs: [0.0.0.0/0, '::/0'] }".to_owned(), &["{ path: /api/**, allow_authenticated: true }"]),
        (operation, "operation: { methods: [POST, PUT] }".to_owned(), &["methods: [POST, PUT]"]),
        (operation, "operation: { path: { type: PathPrefix, value: /, invert: true } }".to_owned(), &["default_policy: { deny: true }"]),
        (operation, "operation: { path: { value: /x, invert: true } }".to_owned(), &["{ path: /x/**, deny: true }"]),
        (
            allow,
            "- { action: Deny, operation: { path: { value: /api/admin } }, principal: { clientCIDRs: [0.0.0.0/0, '::/0'] } }\n      - action: Allow".to_owned(),
            &["{ path: /api/admin/**, deny: true }", "{ path: /api/**, requires_claim: { claim: roles, any: admin } }"],
        ),
    ];
    let mut missing: Vec<String> = Vec::new();
    for (from, to, expected) in rows {
        let (status, out, err) = converted(&policy(from, &to));
        assert!(status <= 1, "{to}: {err}");
        missing.extend(
            expected.iter().filter(|line| !out.contains(**line)).map(|line| format!("{to}: {line}\n{out}")),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn optional_tokens() {
    let without_rules = POLICY.split("  authorization:").next().unwrap();
    for (fields, expected) in [
        ("", "default_policy: { allow_authenticated: true }"),
        ("    optional: true\n", "default_policy: { allow_missing: true }"),
        ("    failOpen: true\n", "default_policy: { allow_missing_or_failed: true }"),
    ] {
        let (status, out, err) = converted(&without_rules.replace("  jwt:\n", &format!("  jwt:\n{fields}")));
        assert_eq!((status, err.as_str()), (0, ""), "{fields}: {out}");
        assert!(out.contains(expected), "{fields}: {out}");
    }
}

#[test]
fn what_jwt_guard_does_not_have_is_told_with_its_place() {
    let spec = "  jwt:\n    providers:";
    let principal = "principal: { jwt: { provider: own, claims: [{ name: roles, valueType: StringArray, values: [admin] }] } }";
    let mut rows: Vec<(&str, String, String, &str)> = ["apiKeyAuth", "basicAuth", "csrf", "oidc", "extAuth"]
        .map(|name| {
            let told = format!("spec.{name}: dropped: jwt-guard has nothing like {name}: every request of the policy's routes is denied");
            (spec, format!("  {name}: {{}}\n{spec}"), told, "default_policy: { deny: true }")
        })
        .into();
    rows.extend([
        (spec, format!("  cors: {{}}\n{spec}"), "spec.cors: dropped: jwt-guard answers no CORS requests".to_owned(), "{ path: /api/**"),
        (
            principal,
            "principal: { clientCIDRs: [10.0.0.0/8] }".to_owned(),
            "spec.authorization.rules[0].principal.clientCIDRs[0]: dropped: jwt-guard does not read the address".to_owned(),
            "default_policy: { deny: true }",
        ),
        (
            principal,
            "principal: { clientIPGeoLocations: [{ country: CH }] }".to_owned(),
            "clientIPGeoLocations: dropped: jwt-guard has no condition like clientIPGeoLocations: the rule admits no request".to_owned(),
            "default_policy: { deny: true }",
        ),
        (principal, "cel: 'true'".to_owned(), "spec.authorization.rules[0].cel: dropped".to_owned(), "default_policy: { deny: true }"),
        (
            principal,
            "principal: { headers: [{ name: x-a, values: [b] }] }".to_owned(),
            "principal.headers[0].values[0]: dropped: jwt-guard does not read the header x-a".to_owned(),
            "default_policy: { deny: true }",
        ),
    ]);
    for (from, to, told, expected) in rows {
        let (status, out, err) = converted(&policy(from, &to));
        assert_eq!(status, 1, "{to}: {err}");
        assert!(err.contains(&told), "{to}: {told} is not in\n{err}");
        assert!(out.contains(expected), "{to}: {expected} is not in\n{out}");
    }
    // A Deny whose condition is unknown denies more.
    let deny =
        "- { action: Deny, operation: { path: { value: /api/admin } }, cel: 'true' }\n      - action: Allow";
    let (status, out, err) = converted(&policy("- action: Allow", deny));
    assert_eq!(status, 1, "{err}");
    assert!(out.contains("{ path: /api/admin/**, deny: true }"), "{out}");
}

#[test]
fn keys_of_a_config_map() {
    let local = policy(
        r#"remoteJWKS: { uri: "https://issuer.example/keys" }"#,
        "localJWKS: { type: ValueRef, valueRef: { group: '', kind: ConfigMap, name: keys } }",
    );
    let map = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: keys, namespace: shop }\ndata: { jwks: '{\"keys\":[]}' }\n";
    let (status, out, err) = converted(&format!("{local}{map}"));
    assert!(status <= 1 && out.contains("jwks_inline:"), "{out}{err}");
    let (status, out, err) = converted(&local);
    assert_eq!((status, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("the ConfigMap keys with the keys is not in the files: add it to the files"),
        "{err}"
    );
}

#[test]
fn bad_input_names_place_and_remedy_and_prints_no_policy() {
    let rows: [(&str, &str, &str); 17] = [
        (
            "jwt:\n    providers",
            "jwt:\n    provider",
            "standard input:8: spec.jwt.provider: unknown field `provider`: did you mean `providers`?",
        ),
        (
            "audiences:",
            "audience:",
            "spec.jwt.providers[0].audience: unknown field `audience`: did you mean `audiences`?",
        ),
        ("remoteJWKS:", "remoteJwks:", "did you mean `remoteJWKS`?"),
        (
            r#"remoteJWKS: { uri: "https://issuer.example/keys" }"#,
            "claimToHeaders: []",
            "expected remoteJWKS or localJWKS, got neither",
        ),
        (
            "defaultAction: Deny",
            "defaultAction: DENY",
            "spec.authorization.defaultAction: expected Allow or Deny, got `DENY`",
        ),
        ("action: Allow", "actions: Allow", "did you mean `action`?"),
        ("provider: own, claims", "provider: other, claims", "has the name `other`"),
        ("StringArray", "List", "expected String or StringArray, got `List`"),
        ("values: [admin]", "value: [admin]", "did you mean `values`?"),
        ("{ path: { value: /api } }", "{}", "got an empty operation"),
        (
            "{ value: /api }",
            "{ type: Prefix, value: /api }",
            "expected one of PathPrefix, Exact, RegularExpression, got `Prefix`",
        ),
        (
            "kind: HTTPRoute",
            "kind: Service",
            "expected one of Gateway, ListenerSet, HTTPRoute, GRPCRoute, TCPRoute, got `Service`",
        ),
        (
            "targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: api }]\n",
            "\n",
            "expected targetRefs, got no target",
        ),
        ("  jwt:", "  mergeType: Replace\n  jwt:", "expected StrategicMerge or JSONMerge, got `Replace`"),
        (
            "v1alpha1",
            "v1",
            "expected apiVersion gateway.envoyproxy.io/v1alpha1 of a SecurityPolicy, got `gateway.envoyproxy.io/v1`",
        ),
        ("metadata: { name: api, namespace: shop }\n", "", "`metadata` is missing"),
        ("[orders-api]", "orders-api", "spec.jwt.providers[0].audiences: expected a list, got a text"),
    ];
    let mut missing: Vec<String> = Vec::new();
    for (from, to, expected) in rows {
        let (status, out, err) = converted(&policy(from, to));
        assert_eq!((status, out.as_str()), (2, ""), "{to}: {err}");
        missing.extend((!err.contains(expected)).then(|| format!("{to}: {expected} is not in\n{err}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    let without_jwt = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: { name: a }\nspec:\n  targetRefs: [{ \
                       kind: Gateway, name: eg }]\n  authorization: {}\n";
    for (text, expected) in [
        (without_jwt.to_owned(), "no SecurityPolicy with jwt in the files applies to"),
        (format!("{POLICY}---\n{POLICY}"), "another SecurityPolicy has the target HTTPRoute api too"),
        (POLICY.split("spec:").next().unwrap().to_owned(), "`spec` is missing"),
        (format!("{POLICY}{}", ROUTES.replacen("matches:", "matchs:", 1)), "did you mean `matches`?"),
        (format!("{POLICY}a: ["), "invalid YAML"),
    ] {
        let (status, out, err) = converted(&text);
        assert_eq!((status, out.as_str()), (2, ""), "{text}: {err}");
        assert!(err.contains(expected), "{expected} is not in\n{err}");
    }
}
