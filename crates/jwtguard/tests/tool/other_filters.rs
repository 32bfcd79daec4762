//! `check` on the other filters: which ones use the claim headers, and which ones need the token.

use crate::context::findings_after;

const OURS: &str = "http_filters:\n                  - name: envoy.filters.http.wasm\n";
const ROUTER: &str = "                  - name: envoy.filters.http.router\n";

/// The findings with one more filter, before or after jwt-guard.
fn with(filter: &str, is_before: bool, changes: &[(&str, &str)]) -> Vec<String> {
    let entry = format!("                  - {filter}\n");
    let (from, to) = match is_before {
        true => (OURS, OURS.replace("http_filters:\n", &format!("http_filters:\n{entry}"))),
        false => (ROUTER, format!("{entry}{ROUTER}")),
    };
    let mut all = vec![(from, to.as_str())];
    all.extend(changes);
    findings_after(&all).1
}

#[track_caller]
fn one(lines: &[String], expected: &str) {
    assert!(lines.len() == 1 && lines[0].contains(expected), "{expected}: {lines:#?}");
}

fn typed(kind: &str, rest: &str) -> String {
    format!(
        "{{ name: other, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{kind}, {rest} }} }}"
    )
}

fn rbac() -> String {
    typed(
        "rbac.v3.RBAC",
        "rules: { action: ALLOW, policies: { staff: { permissions: [{ any: true }], principals: [{ header: { name: \
         x-auth-email, string_match: { suffix: \"@example.com\" } } }] } } }",
    )
}

#[test]
fn a_filter_after_jwt_guard_may_read_a_claim_header() {
    for reader in [
        rbac(),
        typed(
            "local_ratelimit.v3.LocalRateLimit",
            "descriptors: [{ entries: [{ key: x-auth-sub, value: a }] }]",
        ),
        typed("fault.v3.HTTPFault", "headers: [{ name: x-auth-roles, present_match: true }]"),
        typed(
            "ext_authz.v3.ExtAuthz",
            "http_service: { authorization_request: { allowed_headers: { patterns: [{ exact: x-auth-sub }] } } }",
        ),
        typed("ext_authz.v3.ExtAuthz", "allowed_headers: { patterns: [{ exact: x-auth-sub }] }"),
        typed(
            "header_to_metadata.v3.Config",
            "request_rules: [{ header: x-auth-org-id, on_header_present: { key: org } }]",
        ),
        typed(
            "header_mutation.v3.HeaderMutation",
            "mutations: { response_mutations: [{ append: { header: { key: x-auth-sub, value: a } } }] }",
        ),
    ] {
        assert_eq!(with(&reader, false, &[]), [""; 0], "{reader}");
    }
    // The same on a route.
    for part in [
        "rate_limits: [{ actions: [{ request_headers: { header_name: x-auth-sub, descriptor_key: sub } }] }]",
        "rateLimits: [{ actions: [{ requestHeaders: { headerName: x-auth-sub, descriptorKey: sub } }] }]",
        "hash_policy: [{ header: { header_name: x-auth-sub } }]",
    ] {
        let route = ("route: { cluster: upstream }", format!("route: {{ cluster: upstream, {part} }}"));
        assert_eq!(findings_after(&[(route.0, &route.1)]), (0, vec![]), "{part}");
    }
}

#[test]
fn a_filter_before_jwt_guard_must_not_use_a_claim_header() {
    one(
        &with(&rbac(), true, &[]),
        "principals[0].header.name: reads x-auth-email, a claim header of jwt-guard, but runs before jwt-guard",
    );
    let other = rbac().replace("x-auth-email", "x-other");
    assert_eq!(with(&other, true, &[]), [""; 0]);
    let mutation = |what: &str| {
        typed(
            "header_mutation.v3.HeaderMutation",
            &format!("mutations: {{ request_mutations: [{{ {what} }}] }}"),
        )
    };
    one(
        &with(&mutation("append: { header: { key: x-auth-sub, value: a } }"), true, &[]),
        "key: sets x-auth-sub, a claim header of jwt-guard, but runs before jwt-guard: jwt-guard removes or replaces",
    );
    assert_eq!(with(&mutation("remove: x-auth-sub"), true, &[]), [""; 0], "jwt-guard removes the header too");
    let rule =
        typed("header_to_metadata.v3.Config", "request_rules: [{ header: x-auth-org-id, remove: true }]");
    one(&with(&rule, true, &[]), "header: removes x-auth-org-id");
}

#[test]
fn a_filter_that_sets_or_removes_a_claim_header_is_reported() {
    for (filter, expected) in [
        (
            typed(
                "header_mutation.v3.HeaderMutation",
                "mutations: { request_mutations: [{ append: { header: { key: x-auth-sub, value: a } } }] }",
            ),
            "key: sets x-auth-sub, a claim header of jwt-guard: the upstream does not receive the value from the token",
        ),
        (
            typed(
                "header_mutation.v3.HeaderMutation",
                "mutations: { request_mutations: [{ remove: X-Auth_Sub }] }",
            ),
            "remove: removes X-Auth_Sub, a claim header of jwt-guard",
        ),
        (
            typed("header_to_metadata.v3.Config", "request_rules: [{ header: x-auth-org-id, remove: true }]"),
            "header: removes x-auth-org-id, a claim header of jwt-guard",
        ),
        (
            typed(
                "ext_authz.v3.ExtAuthz",
                "http_service: { authorization_response: { allowed_upstream_headers: { patterns: [{ exact: x-auth-sub }] } } }",
            ),
            "exact: sets x-auth-sub, a claim header of jwt-guard",
        ),
        (
            "{ name: other, typed_config: { key: x-auth-sub } }".to_owned(),
            "key: names x-auth-sub, a claim header of jwt-guard: if this setting sets or removes the header",
        ),
    ] {
        one(&with(&filter, false, &[]), expected);
    }
    let domains = "domains: [\"*\"]";
    for (part, expected) in [
        ("request_headers_to_remove: [x-auth-sub]", "removes x-auth-sub"),
        ("request_headers_to_add: [{ header: { key: x-auth-sub, value: a } }]", "sets x-auth-sub"),
        ("requestHeadersToAdd: [{ header: { key: x-auth-sub, value: a } }]", "sets x-auth-sub"),
    ] {
        let (status, lines) =
            findings_after(&[(domains, &format!("{domains}\n                      {part}"))]);
        assert_eq!(status, 0);
        one(&lines, expected);
    }
    let answer = format!("{domains}\n                      response_headers_to_remove: [x-auth-sub]");
    assert_eq!(findings_after(&[(domains, &answer)]), (0, vec![]));
}

fn jwt_authn(provider: &str) -> String {
    typed(
        "jwt_authn.v3.JwtAuthentication",
        &format!("providers: {{ p: {{ issuer: https://issuer.example{provider} }} }}"),
    )
}

const AUDIENCE: &str = "audience: orders-api";

#[test]
fn jwt_authn_and_jwt_guard_need_the_token_that_the_first_one_removes() {
    let ours = |lines: &str| format!("{AUDIENCE}\n                            {lines}");
    one(
        &with(&jwt_authn(""), true, &[]),
        "http_filters[0].typed_config.providers.p: jwt_authn runs before jwt-guard, and its provider p removes the token: \
         jwt-guard finds no token and answers 401; set forward: true in the provider",
    );
    one(
        &with(&jwt_authn(""), false, &[]),
        "http_filters[1]: jwt_authn (provider p) runs after jwt-guard, which removes the token: jwt_authn finds no token; \
         set forward_token: true in jwt-guard's configuration",
    );
    let unseen = "{ name: envoy.filters.http.jwt_authn, config_discovery: { type_urls: [a] } }";
    one(&with(unseen, false, &[]), "http_filters[1]: jwt_authn runs after jwt-guard");
    let off_on_a_route = ours(
        "forward_token: true\n                            routes: [{ path: /a, forward_token: false, requires_role: a }]",
    );
    let (from, routes) = (AUDIENCE, off_on_a_route.as_str());
    let example = "                            routes:\n                              - path: /public/**\n                                allow_anonymous: true\n                              - path: /api/admin/**\n                                requires_role: admin\n";
    one(&with(&jwt_authn(""), false, &[(from, routes), (example, "")]), "jwt_authn (provider p) runs after");
    // forward_token does not keep a query token, so it is not the remedy. A trial does not show the problem.
    for mode in ["forward_token: true", "report_only: true"] {
        let query =
            ours(&format!("token_from: {{ query: access_token }}\n                            {mode}"));
        let lines = with(&jwt_authn(""), false, &[(AUDIENCE, &query)]);
        let of_jwt_authn: Vec<String> =
            lines.iter().filter(|line| line.contains("jwt_authn")).cloned().collect();
        one(
            &of_jwt_authn,
            "http_filters[1]: jwt_authn (provider p) runs after jwt-guard and reads a token from the query: when jwt-guard \
             enforces, it removes a query token even with forward_token: true, and jwt_authn answers 401; enforce jwt-guard \
             and remove jwt_authn in one change",
        );
    }

    let forwards = ours("forward_token: true");
    let elsewhere = ours("token_from: { header: x-jwt }");
    for (what, filter, is_before, changes) in [
        ("before, forwarding", jwt_authn(", forward: true"), true, vec![]),
        ("before, of another header", jwt_authn(", from_headers: [{ name: x-other }]"), true, vec![]),
        ("before, where ours reads elsewhere", jwt_authn(""), true, vec![(AUDIENCE, elsewhere.as_str())]),
        ("after, and ours forwards", jwt_authn(""), false, vec![(AUDIENCE, forwards.as_str())]),
        ("after, of another header", jwt_authn(", from_headers: [{ name: x-other }]"), false, vec![]),
        ("another filter", "{ name: a, typed_config: { \"@type\": x } }".to_owned(), false, vec![]),
    ] {
        assert_eq!(with(&filter, is_before, &changes), [""; 0], "{what}");
    }
    // In these modes jwt-guard does not remove the token. The migration guide starts with them.
    for idle in ["enabled: false", "report_only: true"] {
        let lines = with(&jwt_authn(""), false, &[(AUDIENCE, &ours(idle))]);
        assert!(lines.len() == 1 && !lines[0].contains("jwt_authn"), "{idle}: {lines:#?}");
    }
}
