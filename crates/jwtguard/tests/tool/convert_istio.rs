//! Tests `jwtguard convert` with Istio's objects.

use crate::run::jwtguard_with;

const AUTHENTICATION: &str = r#"
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: issuer, namespace: shop }
spec:
  selector: { matchLabels: { app: orders } }
  jwtRules:
    - { issuer: "https://issuer.example", audiences: [orders-api], jwksUri: "https://issuer.example/keys" }
"#;

const POLICY: &str = r#"---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: orders, namespace: shop }
spec:
  selector: { matchLabels: { app: orders } }
  action: ALLOW
  rules:
    - from: [{ source: { requestPrincipals: ["*"] } }]
      to: [{ operation: { paths: ["/api/*"] } }]
"#;

/// A change of the objects, and what must be in the output.
type Row = (&'static str, &'static str, &'static [&'static str]);

fn converted(text: &str) -> (i32, String, String) {
    let output = jwtguard_with(&["convert", "-"], text);
    (output.status, output.out, output.err)
}

/// The objects with one part replaced.
fn objects(from: &str, to: &str) -> String {
    let both = format!("{AUTHENTICATION}{POLICY}");
    assert!(from.is_empty() || both.contains(from), "{from}");
    both.replacen(from, to, 1)
}

#[test]
fn each_field_of_request_authentication() {
    let rule = r#", jwksUri: "https://issuer.example/keys" }"#;
    let with = |fields: &str| format!(r#", jwksUri: "https://issuer.example/keys", {fields} }}"#);
    let rows: Vec<(String, &[&str])> = vec![
        (
            rule.to_owned(),
            &[
                "issuer: https://issuer.example",
                "audience: orders-api",
                "jwks_cluster: outbound|443||issuer.example",
                "jwks_endpoint: https://issuer.example/keys",
                "jwks_timeout_ms: 5000",
                "token_from: [{ header: authorization }, { query: access_token }]",
            ],
        ),
        (" }".to_owned(), &["discovery: true", "jwks_cluster: outbound|443||issuer.example"]),
        (r#", jwks: '{"keys":[]}' }"#.to_owned(), &["jwks_inline:"]),
        (with("timeout: 2s"), &["jwks_timeout_ms: 2000"]),
        (with("fromHeaders: [{ name: X-Token }]"), &["token_from: [{ header: x-token }]"]),
        (
            with("fromHeaders: [{ name: x-token, prefix: 'Token ' }]"),
            &[r#"token_from: [{ header: x-token, prefix: "Token " }]"#],
        ),
        (with("fromParams: [token]"), &["token_from: [{ query: token }]"]),
        (with("fromCookies: [session]"), &["token_from: [{ cookie: session }]"]),
        (with("outputPayloadToHeader: x-payload"), &["claim_headers: { x-payload: $payload }"]),
        (
            with("outputClaimToHeaders: [{ header: x-sub, claim: sub }, { header: x-a, claim: a.b }]"),
            &["claim_headers: { x-sub: sub, x-a: /a/b }"],
        ),
        (with("forwardOriginalToken: true"), &["forward_token: true"]),
    ];
    for (fields, expected) in rows {
        let (status, out, err) = converted(&objects(rule, &fields));
        assert!(status <= 1, "{fields}: {err}");
        for line in expected {
            assert!(out.contains(line), "{fields}: {line} is not in\n{out}");
        }
    }
}

#[test]
fn each_field_of_authorization_policy() {
    let principals = r#"{ requestPrincipals: ["*"] }"#;
    let paths = r#"{ paths: ["/api/*"] }"#;
    let end = r#"      to: [{ operation: { paths: ["/api/*"] } }]"#;
    let when = |condition: &str| format!("{end}\n      when: [{{ {condition} }}]");
    let rows: Vec<(&str, String, &[&str])> = vec![
        (
            "",
            String::new(),
            &["path: /api/**", "{ claim: sub, present: true }", "default_policy: { deny: true }"],
        ),
        (
            principals,
            r#"{ requestPrincipals: ["https://issuer.example/ada"] }"#.to_owned(),
            &["requires_claim: { claim: sub, any: ada }"],
        ),
        // No token of the issuer can match.
        (
            principals,
            r#"{ requestPrincipals: ["https://other.example/*"] }"#.to_owned(),
            &["default_policy: { deny: true }"],
        ),
        (principals, r#"{ notRequestPrincipals: ["*/ada"] }"#.to_owned(), &["claim: sub, none: ada"]),
        (
            principals,
            r#"{ principals: ["cluster.local/ns/a/sa/b"] }"#.to_owned(),
            &["default_policy: { deny: true }"],
        ),
        (principals, "{ namespaces: [a] }".to_owned(), &["default_policy: { deny: true }"]),
        (principals, "{ serviceAccounts: [a/b] }".to_owned(), &["default_policy: { deny: true }"]),
        (principals, "{ trustDomains: [cluster.local] }".to_owned(), &["default_policy: { deny: true }"]),
        (principals, "{ ipBlocks: [10.0.0.0/8] }".to_owned(), &["default_policy: { deny: true }"]),
        (principals, "{ remoteIpBlocks: [10.0.0.1] }".to_owned(), &["default_policy: { deny: true }"]),
        (paths, r#"{ paths: ["/x", "/x/", "/x//"] }"#.to_owned(), &["path: /x, requires_claim"]),
        (paths, r#"{ paths: ["/x*"] }"#.to_owned(), &["path: /x**"]),
        (paths, r#"{ paths: ["*"] }"#.to_owned(), &["{ path: /**, requires_claim: ["]),
        (paths, r#"{ paths: ["/x/{**}"] }"#.to_owned(), &["path: /x/**"]),
        (paths, r#"{ notPaths: ["/x/*"] }"#.to_owned(), &["path: /x/**, deny: true"]),
        (paths, "{ methods: [POST] }".to_owned(), &["methods: [POST]", "default_policy: { deny: true }"]),
        (paths, "{ notMethods: [POST] }".to_owned(), &["methods: [POST], deny: true"]),
        (paths, "{ hosts: [api.example.com] }".to_owned(), &["hosts: [api.example.com]"]),
        (paths, r#"{ hosts: ["*.example.com"] }"#.to_owned(), &[r#"hosts: ["*.example.com"]"#]),
        (paths, "{ notHosts: [api.example.com] }".to_owned(), &["hosts: [api.example.com], deny: true"]),
        (paths, r#"{ ports: ["8080"] }"#.to_owned(), &["default_policy: { deny: true }"]),
        (
            end,
            when(r#"key: "request.auth.claims[groups]", values: [staff, admin]"#),
            &["{ claim: groups, any: [staff, admin] }"],
        ),
        (end, when(r#"key: "request.auth.claims[a][b]", values: ["x*"]"#), &["{ claim: /a/b, prefix: x }"]),
        (end, when(r#"key: "request.auth.claims[a]", values: ["*x"]"#), &["{ claim: a, suffix: x }"]),
        (end, when(r#"key: "request.auth.claims[a]", notValues: [x, z]"#), &["{ claim: a, none: [x, z] }"]),
        (
            end,
            when(r#"key: "request.auth.claims[scope]", values: [read]"#),
            &["scopes_from: [scope]", "requires_scope: read"],
        ),
        (
            end,
            when("key: request.auth.audiences, values: [orders-api]"),
            &["{ claim: aud, any: orders-api }"],
        ),
        (end, when("key: request.auth.presenter, values: [web]"), &["{ claim: azp, any: web }"]),
        (end, when("key: request.auth.principal, values: ['*-x']"), &[r#"{ claim: sub, suffix: "-x" }"#]),
        (end, when("key: source.ip, values: [10.0.0.1]"), &["default_policy: { deny: true }"]),
        (end, when("key: source.namespace, values: [a]"), &["default_policy: { deny: true }"]),
        (end, when("key: destination.port, values: ['80']"), &["default_policy: { deny: true }"]),
        (end, when("key: connection.sni, values: [a.example]"), &["default_policy: { deny: true }"]),
        (end, when("key: 'request.headers[x-a]', values: [b]"), &["default_policy: { deny: true }"]),
        (
            end,
            when("key: 'experimental.envoy.filters.a.b[c]', values: ['[d]']"),
            &["default_policy: { deny: true }"],
        ),
        ("ALLOW", "DENY".to_owned(), &["default_policy: { allow_missing: true }"]),
    ];
    let mut missing: Vec<String> = Vec::new();
    for (from, to, expected) in rows {
        let (status, out, err) = converted(&objects(from, &to));
        assert!(status <= 1, "{to}: {err}");
        missing.extend(
            expected.iter().filter(|line| !out.contains(**line)).map(|line| format!("{to}: {line}\n{out}")),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn what_jwt_guard_does_not_have_is_told_with_its_place() {
    let principals = r#"{ requestPrincipals: ["*"] }"#;
    let rows: [Row; 5] = [
        (
            principals,
            "{ ipBlocks: [10.0.0.0/8] }",
            &[
                "standard input:17: spec.rules[0].from[0].source.ipBlocks[0]: dropped: jwt-guard does not read the address",
            ],
        ),
        (
            "action: ALLOW",
            "action: CUSTOM\n  provider: { name: opa }",
            &["spec.action: dropped: action CUSTOM asks"],
        ),
        ("action: ALLOW", "action: AUDIT", &["spec.action: dropped: action AUDIT decides nothing"]),
        (
            "name: orders, namespace: shop",
            r#"name: orders, namespace: shop, annotations: { istio.io/dry-run: "true" }"#,
            &["metadata.annotations[\"istio.io/dry-run\"]: dropped: the annotation istio.io/dry-run"],
        ),
        (
            r#"paths: ["/api/*"]"#,
            r#"paths: ["*.css"]"#,
            &["spec.rules[0].to[0].operation.paths[0]: lossy: no path template stands for the end \".css\""],
        ),
    ];
    for (from, to, expected) in rows {
        let (status, out, err) = converted(&objects(from, to));
        assert_eq!(status, 1, "{to}: {err}");
        assert!(out.contains("issuer: https://issuer.example"), "{to}: {out}");
        for line in expected {
            assert!(err.contains(line), "{to}: {line} is not in\n{err}");
        }
    }
    // The rules of CUSTOM deny, those of AUDIT and of a dry run do nothing.
    let custom = converted(&objects("action: ALLOW", "action: CUSTOM\n  provider: { name: opa }")).1;
    assert!(
        custom.contains("/api/**") && custom.contains("default_policy: { allow_missing: true }"),
        "{custom}"
    );
    let audit = converted(&objects("action: ALLOW", "action: AUDIT")).1;
    assert!(
        !audit.contains("/api/**") && audit.contains("default_policy: { allow_missing: true }"),
        "{audit}"
    );
}

#[test]
fn a_route_by_a_claim_is_told() {
    let service = |header: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{ name: a, namespace: shop }}\nspec:\n  \
             http: [{{ match: [{{ headers: {{ '{header}': {{ exact: a }} }} }}] }}]\n"
        )
    };
    assert_eq!(converted(&format!("{AUTHENTICATION}{}", service("x-a"))).0, 0);
    let (status, _, err) = converted(&format!("{AUTHENTICATION}{}", service("@request.auth.claims.groups")));
    assert_eq!(status, 1, "{err}");
    assert!(
        err.contains("dropped: @request.auth.claims.groups needs the metadata of RequestAuthentication"),
        "{err}"
    );
}

#[test]
fn an_equal_conversion_has_no_notes() {
    let (status, out, err) = converted(AUTHENTICATION);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("default_policy: { allow_missing: true }"), "{out}");
}

#[test]
fn objects_for_different_workloads_are_different_policies() {
    // An object for the whole namespace applies to the workloads too.
    let wide = AUTHENTICATION.replace("  selector: { matchLabels: { app: orders } }\n", "");
    let (status, out, err) = converted(&format!("{wide}{POLICY}"));
    assert!(status <= 1, "{err}");
    let policies: Vec<&str> = out.split("---\n").collect();
    let [all, orders] = policies.as_slice() else { panic!("{out}") };
    assert!(all.contains("Istio, every proxy in the namespace shop") && !all.contains("/api/**"), "{all}");
    assert!(orders.contains("Istio, workloads with app=orders in the namespace shop"), "{orders}");
    assert!(
        orders.contains("issuer: https://issuer.example") && orders.contains("path: /api/**"),
        "{orders}"
    );
    // So does one in the root namespace, and one in another namespace does not.
    let root = wide.replace("namespace: shop", "namespace: istio-system");
    assert!(converted(&format!("{root}{POLICY}")).1.contains("path: /api/**"));
    let other = wide.replace("namespace: shop", "namespace: other");
    let (status, out, err) = converted(&format!("{other}{POLICY}"));
    assert_eq!((status, out.contains("/api/**")), (1, false), "{out}");
    assert!(err.contains("dropped: no RequestAuthentication with jwtRules in the files applies to workloads with app=orders"), "{err}");
    // Two selectors that one pod can meet.
    let second = POLICY.replace("app: orders", "version: v1");
    let (status, _, err) = converted(&format!("{AUTHENTICATION}{second}"));
    assert_eq!(status, 1, "{err}");
    assert!(err.contains("lossy: a pod that also belongs to workloads with app=orders"), "{err}");
}

#[test]
fn targets_of_a_waypoint_and_of_a_gateway() {
    let target = "targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: way }]";
    let selector = "selector: { matchLabels: { app: orders } }";
    let authentication = AUTHENTICATION.replace(selector, target);
    let wide = POLICY.replace(&format!("  {selector}\n"), "");
    let gateway = |class: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{ name: way, namespace: shop }}\n\
             spec: {{ gatewayClassName: {class}, listeners: [] }}\n"
        )
    };
    let of = |class: &str| converted(&format!("{authentication}{wide}{}", gateway(class)));
    let (_, out, _) = of("istio");
    assert!(
        out.contains("Istio, Gateway way in the namespace shop") && out.contains("path: /api/**"),
        "{out}"
    );
    let (_, out, _) = of("istio-waypoint");
    assert!(
        out.contains("Istio, Gateway way in the namespace shop") && !out.contains("path: /api/**"),
        "{out}"
    );
    let (status, out, err) = converted(&format!("{authentication}{wide}"));
    assert_eq!((status, out.contains("path: /api/**")), (1, true), "{out}");
    assert!(err.contains("lossy: applies to the Gateway way only if it is no waypoint"), "{err}");
}

#[test]
fn bad_input_names_place_and_remedy_and_prints_no_policy() {
    let rows: [(&str, &str, &str); 19] = [
        (
            "jwtRules:",
            "jwtRule:",
            "standard input:8: spec.jwtRule: unknown field `jwtRule`: did you mean `jwtRules`?",
        ),
        (
            "audiences:",
            "audience:",
            "spec.jwtRules[0].audience: unknown field `audience`: did you mean `audiences`?",
        ),
        ("jwksUri:", "jwksUrl:", "did you mean `jwksUri`?"),
        ("requestPrincipals:", "requestPrincipal:", "did you mean `requestPrincipals`?"),
        ("paths:", "path:", "did you mean `paths`?"),
        (
            "action: ALLOW",
            "action: PERMIT",
            "spec.action: expected one of ALLOW, DENY, AUDIT, CUSTOM, got `PERMIT`",
        ),
        (
            "action: ALLOW",
            "provider: { name: opa }",
            "expected provider only with action CUSTOM, got action ALLOW",
        ),
        ("kind: AuthorizationPolicy", "kind: AuthorizationPolicy\nrules: []", "unknown field `rules`"),
        ("apiVersion: security.istio.io/v1\nkind: A", "kind: A", "`apiVersion` is missing"),
        (
            "security.istio.io/v1\nkind: A",
            "security.istio.io/v1alpha1\nkind: A",
            "expected apiVersion security.istio.io/v1",
        ),
        ("metadata: { name: orders, namespace: shop }\n", "", "`metadata` is missing"),
        (
            "issuer: \"https://issuer.example\", ",
            "issuer: 7, ",
            "spec.jwtRules[0].issuer: expected a text, got the number 7",
        ),
        (
            "\"https://issuer.example/keys\"",
            "issuer.example/keys",
            "expected a URL of the keys with http:// or https://",
        ),
        (r#"["/api/*"]"#, r#""/api/*""#, "spec.rules[0].to[0].operation.paths: expected a list, got a text"),
        (r#"["/api/*"]"#, r#"["/api/{id}"]"#, "expected {*} or {**} as a whole segment"),
        (r#"{ paths: ["/api/*"] }"#, "{}", "got an empty operation"),
        (
            r#"requestPrincipals: ["*"]"#,
            "ipBlocks: [10.0.0.0/99]",
            "expected an IP address or a range such as 10.0.0.0/8",
        ),
        (
            r#"      to: [{ operation: { paths: ["/api/*"] } }]"#,
            "      when: [{ key: request.auth.claim, values: [a] }]",
            "spec.rules[0].when[0].key: unknown key `request.auth.claim`: expected request.auth.principal",
        ),
        (
            "selector: { matchLabels: { app: orders } }\n  action",
            "targetRefs: [{ kind: Pod, name: a }]\n  action",
            "expected one of Gateway",
        ),
    ];
    let mut missing: Vec<String> = Vec::new();
    for (from, to, expected) in rows {
        let (status, out, err) = converted(&objects(from, to));
        assert_eq!((status, out.as_str()), (2, ""), "{to}: {err}");
        missing.extend((!err.contains(expected)).then(|| format!("{to}: {expected} is not in\n{err}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    for (text, expected) in [
        ("a: [", "invalid YAML"),
        (
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a }\nspec:\n",
            "`spec` is missing",
        ),
        (POLICY, "add it to the files, or keep this object"),
        ("kind: Service\napiVersion: v1\n", "nothing to convert in standard input"),
    ] {
        let (status, out, err) = converted(text);
        assert_eq!((status, out.as_str()), (2, ""), "{text}: {err}");
        assert!(err.contains(expected), "{text}: {err}");
    }
}
