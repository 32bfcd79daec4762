//! `check` warns about issuers, audiences and key endpoints.

use crate::check::{GOOD, findings};
use crate::lints::{none, one_each, with};

#[test]
fn a_claim_that_is_not_an_audience_is_reported() {
    let from = |audience: &str, claim: &str| {
        GOOD.replace("audience: a", &format!("audience: {audience}\naudience_from: {claim}"))
    };
    one_each(&[
        (
            from("https://a.example", "[iss]"),
            "audience_from[0]: compares the audience with the token's issuer: every token",
        ),
        (
            from("https://a.example", "/iss"),
            "audience_from: compares the audience with the token's issuer: every token",
        ),
        (
            from("[a, https://a.example]", "[aud, iss]"),
            "audience_from[1]: compares the audience with the token's issuer",
        ),
        (
            from("a", "[iss]"),
            "audience_from[0]: compares the audience with the token's issuer: no configured audience is the issuer, so no token passes",
        ),
        (from("access", "[token_use]"), "audience_from[0]: compares the audience with token_use"),
        (from("a", "[sub]"), "audience_from[0]: compares the audience with the token's subject"),
    ]);
    none(&[
        from("https://a.example", "[aud]"),
        from("my-client", "[client_id]"),
        from("my-client", "[aud, azp, cid, appid]"),
        GOOD.replace("audience: a", "audience: https://a.example"),
    ]);
}

#[test]
fn an_issuer_that_no_token_contains_is_reported() {
    let of = |issuer: &str| {
        format!("issuer: '{issuer}'\naudience: a\njwks_cluster: c\njwks_endpoint: https://a.example/k\n")
    };
    let tenant = "11111111-2222-3333-4444-555555555555";
    one_each(&[
        (
            of("https://sts.windows.net/*/"),
            "issuer: never equals a token's iss, which is compared literally: * is not a",
        ),
        (
            of("https://login.microsoftonline.com/common/v2.0"),
            "issuer: never equals a token's iss, which is compared literally: tokens from common contain the id of their own tenant; write https://login.microsoftonline.com/TENANT-ID/v2.0 for one tenant, or https://login.microsoftonline.com/{tid}/v2.0 and tenants",
        ),
        (
            of("https://a.example/.well-known/openid-configuration"),
            "issuer: never equals a token's iss, which is compared literally: this is the URL of a metadata document of the issuer; write https://a.example",
        ),
        (
            of("https://t.auth0.com"),
            "issuer: never equals a token's iss, which is compared literally: the iss of Auth0 ends with a slash",
        ),
        (GOOD.replace("audience: a", "audience: '*'"), "audience: \"*\" is compared literally"),
        (
            GOOD.replace("audience: a", "audience: [a, 'api-*']"),
            "audience[1]: \"api-*\" is compared literally",
        ),
        (GOOD.replace("audience: a", "audience: '<client-id>'"), "audience: <client-id> is a placeholder"),
    ]);
    none(&[
        of(&format!("https://sts.windows.net/{tenant}/")),
        of(&format!("https://login.microsoftonline.com/{tenant}/v2.0")),
        of("https://t.auth0.com/"),
        of("https://k.example/realms/shop"),
        GOOD.replace("audience: a", "audience: [a, 'api://b', 'https://c.example/']"),
    ]);
    let listed = findings(
        "issuers:\n- {issuer: https://a.example, audience: a, jwks_cluster: c}\n\
                           - {issuer: 'https://sts.windows.net/*/', audience: '*', jwks_cluster: c}\n",
    );
    assert!(
        listed.iter().any(|line| line.starts_with("3: warning: issuers[1].issuer: never equals")),
        "{listed:#?}"
    );
    assert!(listed.iter().any(|line| line.starts_with("3: warning: issuers[1].audience: ")), "{listed:#?}");
}

#[test]
fn the_default_endpoint_of_a_well_known_issuer_is_reported() {
    let of = |issuer: &str| format!("issuer: {issuer}\naudience: a\njwks_cluster: c\n");
    for (issuer, default, keys) in [
        (
            "https://t.auth0.com/",
            "https://t.auth0.com/api/v1/auth/jwks",
            "https://t.auth0.com/.well-known/jwks.json",
        ),
        (
            "https://k.example/realms/r",
            "/realms/r/api/v1/auth/jwks",
            "/realms/r/protocol/openid-connect/certs",
        ),
        (
            "https://accounts.google.com",
            "accounts.google.com/api/v1/auth/jwks",
            "https://www.googleapis.com/oauth2/v3/certs",
        ),
        (
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
            "/v2.0/api/v1/auth/jwks",
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/discovery/v2.0/keys",
        ),
        (
            "https://x.okta.com/oauth2/default",
            "/oauth2/default/api/v1/auth/jwks",
            "https://x.okta.com/oauth2/default/v1/keys",
        ),
    ] {
        let found = findings(&of(issuer));
        let found_one = found.len() == 1
            && found[0].contains("warning: jwks_endpoint: is not set, so keys are fetched from the default ")
            && found[0].contains(default)
            && found[0].ends_with(&format!("write jwks_endpoint: {keys}")) | found[0].ends_with(keys);
        assert!(found_one, "{issuer}: {found:#?}");
        none(&[of(issuer) + "jwks_endpoint: /keys", of(issuer) + "discovery: true"]);
    }
    // The endpoints of other issuers are unknown; the table shows the default.
    none(&[of("https://issuer.example")]);
    let ran = crate::run::jwtguard_with(&["check", "-"], &of("https://issuer.example"));
    let default =
        "keys are fetched from /api/v1/auth/jwks below the issuer, which is the default of jwks_endpoint";
    assert!(
        ran.out.contains("https://issuer.example/api/v1/auth/jwks") && ran.out.contains(default),
        "{}",
        ran.out
    );
    let ran =
        crate::run::jwtguard_with(&["check", "-"], &(of("https://issuer.example") + "jwks_endpoint: /keys"));
    assert!(!ran.out.contains("the default of jwks_endpoint"), "{}", ran.out);
}

#[test]
fn a_requirement_that_any_of_several_issuers_meets_is_reported() {
    let two = |lines: &str| {
        format!(
            "issuers:\n- {{issuer: https://a.example, audience: a, jwks_cluster: c}}\n\
             - {{issuer: https://b.example, audience: a, jwks_cluster: d}}\n{lines}\n"
        )
    };
    let one = "accepts a valid token of any issuer: a_example, b_example; write the intended issuers in requires_issuer";
    let any = "{path: /a, allow_authenticated: true}";
    one_each(&[
        (two(&format!("routes: [{any}]")), &format!("routes[0]: {one}")),
        (two("default_policy: {}"), &format!("default_policy: {one}")),
        (two("default_policy: {allow_authenticated: true}"), &format!("default_policy: {one}")),
        (
            two("policies: {p: {allow_authenticated: true}}\nroutes: [{path: /a, policy: p}]"),
            &format!("routes[0]: {one}"),
        ),
        (
            two(&format!(
                "routes: [{any}, {{path: /b, allow_authenticated: true}}, {{path: /c, allow_authenticated: true}}]"
            )),
            "routes[0]: accepts a valid token of any issuer (so do routes[1] and 1 more): a_example, b_example",
        ),
    ]);
    none(&[
        two("routes: [{path: /a, requires_issuer: a_example}]"),
        two("default_policy: {requires_issuer: [a_example, b_example]}"),
        two(
            "default_policy: {deny: true}\nroutes: [{path: /a, requires_issuer: a_example, requires_role: r}]",
        ),
        two(""),
        with("default_policy: {}\nroutes: [{path: /a, allow_authenticated: true}]"),
    ]);
}

#[test]
fn an_issuer_of_every_tenant_is_reported_unless_each_requirement_names_the_tenants() {
    let of = |tenants: &str, policy: &str| {
        format!(
            "issuer: 'https://login.microsoftonline.com/{{tid}}/v2.0'\nname: entra\ntenants: {tenants}\naudience: a\n\
             jwks_cluster: c\njwks_endpoint: https://login.microsoftonline.com/common/discovery/v2.0/keys\n{policy}"
        )
    };
    let (any, listed) = ("{any: true}", "[9188040d-6c67-4c5b-b112-36a304b66dad]");
    let named = "requires_claim: [{claim: tid, any: [a, b]}]";
    let start = |open: &str| {
        format!("tenants: accepts tokens of every tenant, and {open} does not name the claim tid")
    };
    let rows = [
        (of(any, ""), start("default_policy")),
        (of(any, "default_policy: {requires_role: admin}\n"), start("default_policy")),
        (
            of(any, "default_policy: {deny: true}\nroutes: [{path: /a, requires_role: admin}]\n"),
            start("routes[0]"),
        ),
        (
            of(any, "default_policy: {requires_claim: [{claim: tid, present: true}]}\n"),
            start("default_policy"),
        ),
        (
            of(any, &format!("default_policy: {{any_of: [{{{named}}}, {{requires_role: admin}}]}}\n")),
            start("default_policy"),
        ),
    ];
    let rows: Vec<_> = rows.iter().map(|(text, start)| (text.clone(), start.as_str())).collect();
    one_each(&rows);
    none(&[
        of(listed, ""),
        of(any, &format!("default_policy: {{{named}, requires_role: admin}}\n")),
        of(any, &format!("default_policy: {{any_of: [{{{named}}}, {{{named}, requires_role: admin}}]}}\n")),
        of(any, &format!("guards: [{{path: '/**', {named}}}]\n")),
        of(any, "default_policy: {deny: true}\nroutes: [{path: /a, allow_anonymous: true}]\n"),
    ]);
}

#[test]
fn a_subject_of_several_issuers_without_its_issuer_is_reported() {
    let two = |headers: &str, of_second: &str| {
        format!(
            "claim_headers: {headers}\nissuers:\n\
             - {{issuer: https://a.example, name: a, audience: a, jwks_cluster: c, jwks_endpoint: /k}}\n\
             - {{issuer: https://b.example, name: b, audience: b, jwks_cluster: c, jwks_endpoint: /k{of_second}}}\n"
        )
    };
    let tenants = |tenants: &str, headers: &str| {
        format!(
            "issuer: 'https://login.example.com/{{tid}}/v2.0'\nname: entra\ntenants: {tenants}\naudience: a\njwks_cluster: c\n\
             jwks_endpoint: https://login.example.com/keys\nclaim_headers: {headers}\n"
        )
    };
    one_each(&[
        (
            two("{x-user: sub}", ""),
            "claim_headers: x-user is the sub of the issuers a and b, and two of them can",
        ),
        (
            two("{x-user: /sub}", ", claim_headers: {x-user: sub, x-b: b}"),
            "claim_headers: x-user is the sub of the issuers a and b",
        ),
        (tenants("[a, b]", "{x-user: sub}"), "claim_headers: x-user is the sub of several tenants of entra"),
    ]);
    none(&[
        two("{x-user: sub, x-issuer: iss}", ""),
        two("{x-user: email}", ", claim_headers: {x-user: sub}"),
        two("{x-user: sub}", ", claim_headers: {x-user: sub, x-kind: {value: partner}}"),
        two("{x-user: sub}", ", claim_headers: {x-other: sub}"),
        tenants("[a]", "{x-user: sub}"),
        tenants("[a, b]", "{x-user: sub, x-issuer: iss}"),
    ]);
}

#[test]
fn weak_settings_of_a_revocation_list_are_reported() {
    let list = |more: &str| format!("{GOOD}revocation_list_endpoint: https://a.example/r\n{more}\n");
    one_each(&[
        (
            list("revocation_list_fail_open: true"),
            "revocation_list_fail_open: is true: while the list cannot be fetched, revoked tokens pass",
        ),
        (
            list("revocation_list_token: secret"),
            "issuer a_example: revocation_list_token is part of the configuration",
        ),
        (
            GOOD.to_owned() + "revocation_list_endpoint: http://lists.example/r\n",
            "revocation_list_endpoint: fetches the revocation list from lists.example over plain http",
        ),
    ]);
    none(&[
        list(""),
        list("revocation_list_token_env: LIST_TOKEN"),
        GOOD.to_owned() + "revocation_list_endpoint: http://127.0.0.1:8090/r\n",
    ]);
}
