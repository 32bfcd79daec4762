//! `check` reports each unknown key once, with the key that was probably meant.

use crate::check::{GOOD, findings};

/// A minimal configuration with one more line.
fn with(line: &str) -> String {
    format!("{GOOD}{line}\n")
}

#[test]
fn a_key_of_another_project_is_answered_with_the_right_key() {
    let condition =
        |text: &str| with(&format!("routes: [{{path: /a, requires_claim: {{claim: tier, {text}}}}}]"));
    for (text, path, remedy) in [
        (
            with("jwks_uri: https://a.example/k"),
            "jwks_uri",
            "write jwks_endpoint for the URL and jwks_cluster",
        ),
        (with("jwksUri: https://a.example/k"), "jwksUri", "write jwks_endpoint for the URL and jwks_cluster"),
        (
            with("remote_jwks: {http_uri: {uri: u}}"),
            "remote_jwks",
            "write jwks_endpoint for its uri and jwks_cluster",
        ),
        (with("remoteJWKS: {uri: u}"), "remoteJWKS", "write jwks_endpoint for its uri and jwks_cluster"),
        (with("local_jwks: {inline_string: k}"), "local_jwks", "write jwks_inline"),
        (with("jwks: k"), "jwks", "write jwks_inline"),
        (with("claim_to_headers: []"), "claim_to_headers", "write claim_headers, an object of header names"),
        (with("claimToHeaders: []"), "claimToHeaders", "write claim_headers, an object of header names"),
        (
            with("outputClaimToHeaders: []"),
            "outputClaimToHeaders",
            "write claim_headers, an object of header names",
        ),
        (with("from_headers: []"), "from_headers", "write token_from: [{header: NAME"),
        (with("fromHeaders: []"), "fromHeaders", "write token_from: [{header: NAME"),
        (with("fromCookies: [a]"), "fromCookies", "write token_from: [{cookie: NAME}]"),
        (with("from_params: [a]"), "from_params", "write token_from: [{query: NAME}]"),
        (with("forward: true"), "forward", "write forward_token: true"),
        (with("forwardOriginalToken: true"), "forwardOriginalToken", "write forward_token: true"),
        (
            with("forward_payload_header: x"),
            "forward_payload_header",
            "write claim_headers: {NAME: $payload}",
        ),
        (with("outputPayloadToHeader: x"), "outputPayloadToHeader", "write claim_headers: {NAME: $payload}"),
        (
            with("payload_in_metadata: x"),
            "payload_in_metadata",
            "writes no dynamic metadata; write claim_headers",
        ),
        (with("audiences: [b]"), "audiences", "write audience"),
        (with("subjects: {exact: a}"), "subjects", "write requires_claim: [{claim: sub"),
        (with("algorithm: RS256"), "algorithm", "write accepted_algorithms"),
        (with("openidConfigurationUrl: u"), "openidConfigurationUrl", "write discovery: true"),
        (with("cluster: c"), "cluster", "write jwks_cluster"),
        (with("jwks_async_fetch: {}"), "jwks_async_fetch", "leave it out: the filter always fetches"),
        (with("recomputeRoute: true"), "recomputeRoute", "leave it out: Envoy selects its route again"),
        (with("spaceDelimitedClaims: [scope]"), "spaceDelimitedClaims", "write the claim into scopes_from"),
        (with("optional: true"), "optional", "write default_policy: {allow_missing: true}"),
        (
            with("excludedPaths: [/health]"),
            "excludedPaths",
            "write routes: [{path: …, allow_anonymous: true}]",
        ),
        (
            with("routes: [{path: /a, requires: {provider_name: p}}]"),
            "routes[0].requires",
            "into the same object: requires_issuer for a provider, requires_role",
        ),
        (
            with("routes: [{prefix: /cart, path: /cart/**, deny: true}]"),
            "routes[0].prefix",
            "write path, a template: /cart/** for /cart and every path below it, or /cart** for /carts and /cart.json too",
        ),
        (with("routes: [{path: /a, when: []}]"), "routes[0].when", "write requires_claim, a list"),
        (
            with("routes: [{path: /a, any_of: [{scopes: [a]}]}]"),
            "routes[0].any_of[0].scopes",
            "write requires_scope",
        ),
        (with("policies: {p: {optional: true}}"), "policies.p.optional", "write allow_missing: true"),
        (
            with("routes: [{path: /a, notPaths: [/b], deny: true}]"),
            "routes[0].notPaths",
            "write another route",
        ),
        (
            with("routes: [{path: /a, requires_role: {any: [x]}}]"),
            "routes[0].requires_role.any",
            "write the list itself",
        ),
        (with("providers: {}"), "providers", "write issuers"),
        (with("requires_role: admin"), "requires_role", "write it in default_policy, or in a route"),
        (with("allow_anonymous: true"), "allow_anonymous", "write it in default_policy, or in a route"),
        (with("rules: []"), "rules", "write routes"),
        (
            with("routes: [{match: {prefix: /a}, path: /a, deny: true}]"),
            "routes[0].match",
            "write path, a template",
        ),
        (
            with("routes: [{path: /a, forward: true, deny: true}]"),
            "routes[0].forward",
            "write forward_token: true",
        ),
        (with("default_policy: {requires_any: []}"), "default_policy.requires_any", "write any_of"),
        (
            condition("values: [gold]"),
            "routes[0].requires_claim.values",
            "write any: […] for one of these values",
        ),
        (
            condition("value: gold"),
            "routes[0].requires_claim.value",
            "write any: […] for one of these values",
        ),
        (condition("is: gold"), "routes[0].requires_claim.is", "or all: […] for each of them"),
        (condition("notValues: [gold]"), "routes[0].requires_claim.notValues", "write none: […]"),
        (condition("exists: true"), "routes[0].requires_claim.exists", "write present: true"),
        (
            with("token_from: [{name: x-jwt, value_prefix: a}]"),
            "token_from[0].name",
            "write header: NAME, query: NAME or",
        ),
    ] {
        let found = findings(&text);
        let found_one = found.iter().find(|line| line.contains(&format!("error: {path}: unknown key; ")));
        assert!(found_one.is_some_and(|line| line.contains(remedy)), "{path}: {found:#?}");
        let expected = if path.starts_with("token_from[0]") { 2 } else { 1 };
        assert_eq!(found.len(), expected, "each key once and nothing else: {found:#?}");
    }
}

#[test]
fn known_keys_are_accepted() {
    for text in [
        with("jwks_endpoint: https://a.example/k"),
        with("claim_headers: {x-a: $payload}"),
        with("token_from: [{header: x-jwt, prefix: 'Token '}]\nforward_token: true"),
        with("routes: [{path: /a, requires_claim: {claim: tier, any: [gold]}}]"),
        with("routes: [{path: /a, requires_claim: [{claim: tier, all: [gold]}, {claim: x, present: true}]}]"),
    ] {
        assert_eq!(findings(&text), [""; 0], "{text}");
    }
}

#[test]
fn a_misspelt_key_is_one_error() {
    for (text, expected) in [
        (
            "routes: [{path: /a, requires_roles: admin}]",
            "error: routes[0].requires_roles: unknown key; did you mean requires_role?",
        ),
        // A name with a space is quoted in the path.
        (
            "routes: [{path: /a, 'requires role': admin}]",
            "error: routes[0][\"requires role\"]: unknown key; did you mean requires_role?",
        ),
        ("routes: [{path: /a, requires_claims: []}]", "error: routes[0].requires_claims: unknown key"),
        ("routes: [{path: /a, allow_anonimous: true}]", "error: routes[0].allow_anonimous: unknown key"),
        ("default_policy: {requires_roles: a}", "error: default_policy.requires_roles: unknown key"),
        (
            "routes: [{path: /a, deny: true, shadow: {requires_roles: a}}]",
            "error: routes[0].shadow.requires_roles: ",
        ),
        (
            "routes: [{path: /a, any_of: [{requires_roles: a}]}]",
            "error: routes[0].any_of[0].requires_roles: ",
        ),
        ("routes: [{path: /a, requires_role: {al: [x]}}]", "error: routes[0].requires_role.al: unknown key"),
        (
            "routes: [{path: /a, requires_scope: {al: [x]}}]",
            "error: routes[0].requires_scope.al: unknown key",
        ),
        (
            "routes: [{path: /a, requires_claim: {clam: a, any: [x]}}]",
            "error: routes[0].requires_claim.clam: ",
        ),
        ("roles_from: [{clam: a}]", "error: roles_from[0].clam: unknown key; did you mean claim?"),
        (
            "routes: [{path: /a, requires_claim: {claim: a, ayn: [x]}}]",
            "requires_claim.ayn: unknown key; did you mean any?",
        ),
        ("routes: [{pth: /a, deny: true}]", "error: routes[0].pth: unknown key; did you mean path?"),
        ("routes: [{prefix: /a, deny: true}]", "error: routes[0].prefix: unknown key; write path"),
        ("token_from: [{cookie: 'a b'}]", "error: token_from[0].cookie: a name can contain only letters"),
        // References to what the misspelt key would define are not errors.
        (
            "polices: {p: {deny: true}}\nroutes: [{path: /a, policy: p}]",
            "error: polices: unknown key; did you mean policies?",
        ),
        ("token_from: [{heder: x-a}]", "error: token_from[0].heder: unknown key; did you mean header?"),
        // If a policy has the misspelt key, the routes that use the policy are not errors.
        (
            "policies: {p: {requires_roles: a}}\nroutes: [{path: /a, policy: p}, {path: /b, policy: p}]",
            "error: policies.p.requires_roles: unknown key",
        ),
        (
            "policies: {p: {policy: q}}\nroutes: [{path: /a, policy: p}]",
            "error: policies.p: a named policy cannot refer",
        ),
    ] {
        let found = findings(&with(text));
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:#?}");
    }
    // Required keys of an issuer.
    for (text, expected) in [
        (
            "isuer: https://a.example\naudience: a\njwks_cluster: c\n",
            "isuer: unknown key; did you mean issuer?",
        ),
        (
            "issuer: https://a.example\naudience: a\njwks_clusters: c\n",
            "jwks_clusters: unknown key; did you mean",
        ),
        (
            "issuer: https://a.example\naudiences: a\njwks_cluster: c\n",
            "audiences: unknown key; write audience,",
        ),
        (
            "issuers: [{isuer: https://a.example, audience: a, jwks_cluster: c}]\n",
            "issuers[0].isuer: unknown key; did",
        ),
        (
            "isuers: [{issuer: https://a.example, audience: a, jwks_cluster: c}]\n\
             routes: [{path: /a, requires_issuer: a_example, requires_audience: a}]\n",
            "isuers: unknown key; did you mean issuers?",
        ),
    ] {
        let found = findings(text);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:#?}");
    }
    // References to an issuer with an error are not errors.
    let issuers = "issuers:\n- {issuer: https://a.example, audience: a, jwks_cluster: c}\n\
                   - {issuer: https://b.example, audience: b, jwks_cluster: ''}\n\
                   routes: [{path: /a, requires_issuer: b_example, requires_audience: b}]\n";
    let found = findings(issuers);
    assert!(
        found.len() == 1 && found[0].contains("issuers[1].jwks_cluster: expected the name"),
        "{found:#?}"
    );
}

#[test]
fn a_misspelt_key_inside_another_file_is_one_error() {
    let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: jwt-guard}\nspec:\n  \
                failStrategy: FAIL_CLOSE\n  pluginConfig:\n    isuers: [{issuer: https://a.example, audience: a, jwks_cluster: c}]\n";
    let found = findings(text);
    let errors: Vec<&String> = found.iter().filter(|found| found.contains("error: ")).collect();
    assert!(
        errors.len() == 1 && errors[0].contains("isuers: unknown key; did you mean issuers?"),
        "{found:#?}"
    );
}

#[test]
fn a_wrong_value_is_reported_with_a_misspelt_key() {
    let found = findings(&with("routes: [{path: [], prefix: /a, deny: true}]"));
    for expected in ["routes[0].path: expected a path template", "routes[0].prefix: unknown key; write path"]
    {
        assert!(found.len() == 2 && found.iter().any(|found| found.contains(expected)), "{found:#?}");
    }
}

#[test]
fn missing_definitions_are_reported() {
    for (text, expected) in [
        ("routes: [{path: /a}]", "error: routes[0]: no condition is set"),
        (
            "routes: [{path: /a, policy: q}]\npolicies: {p: {deny: true}}",
            "no policy is named \"q\"; expected one of p",
        ),
        ("routes: [{path: /a, requires_issuer: x}]", "no issuer is named \"x\"; expected one of a_example"),
        ("routes: [{path: /a, requires_audience: x}]", "no issuer has the audience \"x\"; expected one of a"),
        (
            "routes: [{path: /a, requires_claim: {claim: x}}]",
            "expected exactly one of any: […], all: […], none: […], prefix, suffix, at_least or at_most, equals, and present: true",
        ),
        (
            "routes: [{path: /a, requires_claim: {claim: tier, equals: gold}}]",
            "routes[0].requires_claim.equals: expected {path: NAME}, {host: NAME} or {header: NAME}, got \"gold\"; to \
             compare the claim with fixed values, write any: [\"gold\"]",
        ),
        (
            "routes: [{path: /a, requires_claim: {claim: tier, equals: {cookie: x-a}}}]",
            "routes[0].requires_claim.equals.cookie: unknown key; expected one of header, host, path",
        ),
        (
            "routes: [{path: /a, requires_step_up: {acr_values: phr}}]",
            "routes[0].requires_step_up.acr_values: unknown key; expected one of acr, max_age_seconds",
        ),
        (
            "routes: [{path: /a, requires_role: {}}]",
            "routes[0].requires_role.all: this key is required; write a role name or a list",
        ),
        // A misspelt key in one object does not hide an error in another.
        (
            "token_from: [{header: x-a}, {header: ':a'}]",
            "token_from[1].header: a name can contain only letters, digits",
        ),
        ("token_from: [{}]", "token_from[0]: expected exactly one of header, query and cookie"),
    ] {
        let found = findings(&with(text));
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:#?}");
    }
}
