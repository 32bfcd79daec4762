//! Tests `jwtguard convert` with the routes and listeners of a Gateway in the files.

use crate::convert_envoy_gateway::{POLICY, ROUTES, converted};

#[test]
fn routes_in_the_files_decide_which_policy_a_request_has() {
    let (status, out, err) = converted(&format!("{POLICY}{ROUTES}"));
    assert!(status <= 1, "{err}");
    for line in [
        "Envoy Gateway, Gateway eg in the namespace shop",
        "hosts: [api.example.com]",
        "{ path: /public/**, allow_anonymous: true }",
        "default_policy: { deny: true }",
    ] {
        assert!(out.contains(line), "{line} is not in\n{out}");
    }
    // A target by labels.
    let selected = POLICY.replace(
        "targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: api }]",
        "targetSelectors: [{ kind: HTTPRoute, matchLabels: { team: a } }]",
    );
    assert_eq!(converted(&format!("{selected}{ROUTES}")).1, out);
    // The policy of the Gateway holds for routes without one, and for routes that are not in the files.
    let gateway = POLICY
        .replace("kind: HTTPRoute, name: api", "kind: Gateway, name: eg")
        .replace("name: api,", "name: gateway,");
    let gateway = gateway.split("  authorization:").next().unwrap();
    let (_, out, err) = converted(&format!("{POLICY}{ROUTES}---\n{gateway}"));
    assert!(!out.contains("allow_anonymous"), "{out}{err}");
    assert!(out.contains("default_policy: { allow_authenticated: true }"), "{out}{err}");
    assert!(out.contains("requires_claim: { claim: roles, any: admin }"), "{out}");
    // Policies with other audiences have one issuer together.
    let billing = gateway.replace("[orders-api]", "[billing]");
    let (_, out, err) = converted(&format!("{POLICY}{ROUTES}---\n{billing}"));
    assert!(out.contains("audience: [orders-api, billing]"), "{out}{err}");
    assert!(out.contains("default_policy: { requires_audience: billing }"), "{out}");
    assert!(
        out.contains("    requires_audience: orders-api\n    requires_claim: { claim: roles, any: admin }"),
        "{out}"
    );
    // Without a route of its own, a rule has the policy of the Gateway alone.
    let (_, out, _) = converted(&format!("{gateway}{ROUTES}"));
    assert!(
        out.contains("default_policy: { allow_authenticated: true }") && !out.contains("routes:"),
        "{out}"
    );
}

#[test]
fn a_route_that_cookies_can_choose_is_no_way_around_a_policy() {
    // The route for some cookies is open, and the route for all others is not.
    let open = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: beta, namespace: shop }\nspec:\n  \
                parentRefs: [{ name: eg }]\n  hostnames: [api.example.com]\n  rules: [{ matches: [{ path: { value: /api } }], filters: [FILTER] }]\n";
    let with = |filter: &str| converted(&format!("{POLICY}{}{ROUTES}", open.replace("FILTER", filter)));
    let (_, out, err) = with(
        "{ type: ExtensionRef, extensionRef: { group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: a } }",
    );
    assert!(out.contains("{ path: /api/**, hosts: [api.example.com], requires_claim:"), "{out}");
    assert!(
        err.contains("spec.rules[0].filters[0]: dropped: jwt-guard does not read the header cookie"),
        "{err}"
    );
    // Without it, the two routes have the same requests, and which of them is older decides.
    let (status, out, err) = with("{ type: RequestMirror }");
    assert_eq!((status, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains(
            "spec.rules[0].matches[0]: the route beta has this match for the host api.example.com too"
        ),
        "{err}"
    );
}

#[test]
fn a_header_before_a_method_of_the_same_path() {
    // Which of the two routes is older is unknown: a GET may have the header.
    let of = |name: &str, test: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{ name: {name}, namespace: shop }}\nspec:\n  \
             parentRefs: [{{ name: eg }}]\n  rules: [{{ matches: [{{ path: {{ value: /api }}, {test} }}] }}]\n"
        )
    };
    let (open, closed) = (of("open", "method: GET"), of("api", "headers: [{ name: x-a, value: b }]"));
    for text in [format!("{POLICY}{open}{closed}"), format!("{POLICY}{closed}{open}")] {
        let (_, out, err) = converted(&text);
        assert!(
            out.contains("{ path: /api/**, methods: [GET], requires_claim: { claim: roles, any: admin } }"),
            "{out}{err}"
        );
    }
}

#[test]
fn a_route_without_rules_has_every_path() {
    let routes = ROUTES.replacen(
        "  rules: [{ matches: [{ path: { value: /api } }], backendRefs: [{ name: api, port: 80 }] }]\n",
        "",
        1,
    );
    let policy = POLICY.split("  authorization:").next().unwrap();
    let (_, out, err) = converted(&format!("{policy}{routes}"));
    assert!(out.contains("{ path: /**, hosts: [api.example.com], allow_authenticated: true }"), "{out}{err}");
}

#[test]
fn calls_of_a_grpc_route() {
    let route = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: { name: api, namespace: shop }\nspec:\n  \
                 parentRefs: [{ name: eg }]\n  rules: [{ matches: [{ method: { service: a.B, method: C } }, { method: { service: a.D } }] }]\n";
    let policy =
        POLICY.split("  authorization:").next().unwrap().replace("kind: HTTPRoute", "kind: GRPCRoute");
    let (_, out, err) = converted(&format!("{policy}{route}"));
    for line in
        ["{ path: /a.B/C, allow_authenticated: true }", "{ path: /a.D/**, allow_authenticated: true }"]
    {
        assert!(out.contains(line), "{line} is not in\n{out}{err}");
    }
    assert!(out.contains("default_policy: { deny: true }"), "{out}");
}

#[test]
fn listeners_with_different_routes_are_different_policies() {
    let gateway = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: eg, namespace: shop }\nspec:\n  \
                   gatewayClassName: eg\n  listeners: [{ name: a, port: 80 }, { name: b, port: 81 }]\n";
    let (_, out, _) = converted(&format!("{POLICY}{ROUTES}{gateway}"));
    assert!(!out.contains("---"), "{out}");
    let routes =
        ROUTES.replacen("parentRefs: [{ name: eg }]", "parentRefs: [{ name: eg, sectionName: b }]", 1);
    let (_, out, _) = converted(&format!("{POLICY}{routes}{gateway}"));
    assert!(out.contains("listener b") && !out.contains("listener a"), "{out}");
    let both =
        format!("{POLICY}{ROUTES}{}", gateway.replace("name: b, ", "name: b, hostname: '*.example.net', "));
    let (_, out, _) = converted(&both);
    // The host of the route is no host of the listener b, whose other routes have no policy.
    assert!(out.contains("listener a") && !out.contains("listener b"), "{out}");
}
