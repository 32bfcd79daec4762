//! `check` warns about configurations that are valid and probably unintended. Each test also has correct configurations,
//! about which `check` prints nothing.

use crate::check::{GOOD, findings};

pub fn with(lines: &str) -> String {
    format!("{GOOD}{lines}\n")
}

/// Each configuration has exactly one finding, which contains the expected text.
#[track_caller]
pub fn one_each(rows: &[(String, &str)]) {
    for (text, expected) in rows {
        let found = findings(text);
        let found_one = found.len() == 1 && found[0].contains(&format!("warning: {expected}"));
        assert!(found_one, "{text}\nexpected {expected}\nin {found:#?}");
    }
}

#[track_caller]
pub fn none(texts: &[String]) {
    for text in texts {
        assert_eq!(findings(text), [""; 0], "{text}");
    }
}

pub fn routes(routes: &str) -> String {
    with(&format!("routes:\n{routes}"))
}

#[test]
fn values_that_no_claim_can_equal_are_reported() {
    let claim = |text: &str| routes(&format!("- {{path: /a, requires_claim: {{{text}}}}}"));
    let any = "routes[0].requires_claim.any";
    one_each(&[
        (claim("claim: sub, any: ['*']"), "routes[0].requires_claim.any[0]: \"*\" is compared literally"),
        (claim("claim: sub, any: '*'"), "routes[0].requires_claim.any: \"*\" is compared literally"),
        (
            claim("claim: repository, any: [x, 'repo:my-org/*']"),
            "routes[0].requires_claim.any[1]: \"repo:my-org/*\" is compared literally, and * is not a wildcard: no other \
             value matches; write prefix: \"repo:my-org/\" instead of any",
        ),
        (
            claim("claim: email, any: '*@example.com'"),
            "routes[0].requires_claim.any: \"*@example.com\" is compared literally, and * is not a wildcard: no other value \
             matches; write suffix: \"@example.com\" instead of any",
        ),
        (
            claim("claim: repository, any: ['repo:my-org/.*']"),
            "routes[0].requires_claim.any[0]: \"repo:my-org/.*\" is compared literally",
        ),
        (
            claim("claim: sub, all: ['team-*']"),
            "routes[0].requires_claim.all[0]: \"team-*\" is compared literally, and * is not a wildcard: no other value matches; \
             write the complete values, or one entry with prefix or suffix for each part",
        ),
        (
            claim("claim: scope, none: [admin]"),
            "routes[0].requires_claim.none[0]: scope is one string of scopes separated by spaces, and none compares the whole \
             string, not each scope; write requires_scope for scopes",
        ),
        (claim("claim: sub, none: ['x*']"), "routes[0].requires_claim.none[0]: \"x*\" is compared literally"),
        (
            claim("claim: sub, prefix: 'repo:my-org/*'"),
            "routes[0].requires_claim.prefix: \"repo:my-org/*\" is compared literally, and * is not a wildcard; write only \
             the text itself, because prefix compares only this part",
        ),
        (
            claim("claim: sub, prefix: [a/, 'repo:my-org']"),
            "routes[0].requires_claim.prefix[1]: also matches a name that continues differently",
        ),
        (
            claim("claim: email, suffix: example.com"),
            "routes[0].requires_claim.suffix: also matches a name that begins differently, such as evilexample.com; write the \
             separator as well, such as @example.com",
        ),
        (claim("claim: sub, all: ['a*']"), "routes[0].requires_claim.all[0]: \"a*\" is compared literally"),
        (
            claim("claim: sub, any: ['^a$']"),
            "routes[0].requires_claim.any[0]: \"^a$\" is compared literally, not as a regular",
        ),
        (
            claim("claim: scope, any: ['payments:write']"),
            "routes[0].requires_claim.any[0]: scope is one string of scopes separated by spaces: it equals payments:write \
             only in a token with no other scope; write requires_scope: payments:write",
        ),
        (claim("claim: /scp, all: [x]"), "routes[0].requires_claim.all[0]: /scp may be one string of scopes"),
        (
            claim("claim: iss, any: ['https://b.example']"),
            "routes[0].requires_claim.any[0]: can never be equal: tokens of https://b.example are refused, because the configured \
             issuers are https://a.example",
        ),
        (
            claim("claim: aud, any: [b]"),
            "routes[0].requires_claim.any[0]: a token for b is refused unless it also has one of the audiences a; add b to audience",
        ),
        (claim("claim: aud, any: [a, b]"), "routes[0].requires_claim.any[1]: a token for b is refused"),
        (
            claim("claim: email, any: ['.+@example.com']"),
            "routes[0].requires_claim.any[0]: \".+@example.com\" is compared literally, not as a regular",
        ),
        (
            claim("claim: azp, any: ['${CLIENT}']"),
            "routes[0].requires_claim.any[0]: \"${CLIENT}\" is compared literally, and the filter does not replace placeholders",
        ),
        (
            claim("claim: exp, any: ['1']"),
            "routes[0].requires_claim.any[0]: can never be equal: exp is a number",
        ),
        (
            routes("- {path: /a, requires_role: 'admin, user'}"),
            "routes[0].requires_role: \"admin, user\" is read as the name of one role; for several write a list: [admin, user]",
        ),
        (
            routes("- {path: /a, any_of: [{requires_group: [' staff']}, {requires_role: r}]}"),
            "routes[0].any_of[0].requires_group[0]: \" staff\" is compared with its outer spaces, which no group has: write staff",
        ),
        (
            claim("claim: sub, any: [7]"),
            "routes[0].requires_claim.any[0]: can never be equal: sub is a string",
        ),
        (
            claim("claim: sub, all: [a, b]"),
            "routes[0].requires_claim.all: can never be met: sub is one string",
        ),
        (
            claim("claim: realm_access.roles, any: [a]"),
            "routes[0].requires_claim.claim: \"realm_access.roles\" is read as the name",
        ),
        (
            routes("- {path: /a, any_of: [{requires_claim: [{claim: x, any: ['*']}]}, {requires_role: a}]}"),
            "routes[0].any_of[0].requires_claim[0].any[0]: \"*\" is compared literally",
        ),
        (
            routes("- {path: /a, requires_role: '*'}"),
            "routes[0].requires_role: \"*\" is compared literally, and * is not a \
            wildcard: no other role matches; for any valid token write allow_authenticated: true",
        ),
        (
            routes("- {path: /a, requires_group: [a, 'team-*']}"),
            "routes[0].requires_group[1]: \"team-*\" is compared literally",
        ),
        (
            routes("- {path: /a, requires_scope: {all: [a, 'b:*']}}"),
            "routes[0].requires_scope.all[1]: \"b:*\" is compared literally",
        ),
        (
            with("roles_from: []\nroutes: [{path: /a, requires_role: r}]"),
            "routes[0].requires_role: can never be met: roles_from is empty",
        ),
        (
            with(
                "roles_from: [{claim: p, prefix: 'orders:'}]\nroutes: [{path: /a, requires_role: 'orders:admin'}]",
            ),
            "routes[0].requires_role: the prefix in roles_from is removed from a token's values before the comparison: write admin",
        ),
        (
            with("refused_claims: {scope: [admin]}"),
            "refused_claims.scope[0]: scope is one string of scopes separated by spaces: a token",
        ),
        (with("refused_claims: {kind: ['ref*']}"), "refused_claims.kind[0]: \"ref*\" is compared literally"),
        (with("accepted_types: ['*']"), "accepted_types[0]: \"*\" is compared literally"),
    ]);
    assert_eq!(
        findings(&claim("claim: iss, any: ['https://b.example', 'https://c.example']")).len(),
        2,
        "{any}"
    );
    none(&[
        claim("claim: sub, present: true"),
        claim("claim: repository, any: [my-org/one, my-org/two]"),
        claim("claim: scope, any: ['a b']"),
        claim("claim: iss, any: ['https://a.example']"),
        claim("claim: aud, any: [a]"),
        claim("claim: aud, all: [a, b]"),
        claim("claim: level, any: [7]"),
        claim("claim: upn, any: ['CORP\\dan']"),
        claim("claim: email, any: [a.b+c@example.com]"),
        claim("claim: exp, any: [1]"),
        routes("- {path: /a, requires_group: 'CN=staff,OU=groups'}"),
        routes("- {path: /a, requires_role: Site Admin}"),
        claim("claim: sub, any: ['7']"),
        claim("claim: permissions, all: [a, b]"),
        claim("claim: price, any: ['^5']"),
        GOOD.replace("audience: a", "audience: a\naudience_from: client_id")
            + "routes: [{path: /a, requires_claim: {claim: aud, any: [b]}}]",
        routes("- {path: /a, requires_scope: 'payments:write'}"),
        with("roles_from: [{claim: p, prefix: 'orders:'}]\nroutes: [{path: /a, requires_role: admin}]"),
        with(
            "roles_from: [{claim: p, prefix: 'orders:'}, roles]\nroutes: [{path: /a, requires_role: 'orders:admin'}]",
        ),
        with("refused_claims: {kind: [refresh]}"),
    ]);
}

#[test]
fn paths_into_claims_must_be_pointers() {
    for (key, path) in [
        ("roles_from: [realm_access.roles]", "roles_from[0]"),
        ("roles_from: [{claim: realm_access.roles}]", "roles_from[0].claim"),
        ("groups_from: realm_access.roles", "groups_from"),
        ("scopes_from: [realm_access.roles]", "scopes_from[0]"),
        ("claim_headers: {x-a: realm_access.roles}", "claim_headers.x-a"),
        ("claim_headers: {x-a: [a, realm_access.roles]}", "claim_headers.x-a[1]"),
        ("audience_from: [realm_access.roles]", "audience_from[0]"),
        ("refused_claims: {realm_access.roles: [x]}", "refused_claims[\"realm_access.roles\"]"),
    ] {
        let expected = format!("{path}: \"realm_access.roles\" is read as the name of a top-level claim");
        let found = findings(&with(key));
        assert!(
            found.len() == 1
                && found[0].contains(&expected)
                && found[0].contains("write the JSON Pointer /realm_access/roles"),
            "{key}: {found:#?}"
        );
        assert_eq!(findings(&with(&key.replace("realm_access.roles", "/realm_access/roles"))), [""; 0]);
        assert_eq!(findings(&with(&key.replace("realm_access.roles", "/realm_access.roles"))), [""; 0]);
    }
    none(&[
        with("roles_from: ['https://example.com/roles', 'cognito:groups', kubernetes.io]"),
        with("claim_headers: {x-a: [com.example.tier, tier]}"),
    ]);
    one_each(&[(
        with("roles_from: [scope]"),
        "roles_from[0]: scope is one string of scopes separated by spaces",
    )]);
    none(&[with("scopes_from: [scope]")]);
}

#[test]
fn token_sources_that_never_contain_a_token_are_reported() {
    let of = |place: &str| with(&format!("token_from: [{place}]"));
    one_each(&[
        (
            of("{header: x-jwt, prefix: JwtToken}"),
            "token_from[0]: the prefix \"JwtToken\" has no final space: \"JwtToken eyJ…\" is refused",
        ),
        (of("{header: x-t, prefix: Bearer}"), "token_from[0]: the prefix \"Bearer\" has no final space"),
        (
            of("{header: authorization, prefix: Token}"),
            "token_from[0]: the prefix \"Token\" has no final space",
        ),
        (
            of("{header: x-t, prefix: 'a, '}"),
            "token_from[0]: the prefix \"a, \" never matches: the filter refuses a value with a comma",
        ),
        (of("{header: x-t, prefix: ' '}"), "token_from[0]: the prefix has only spaces"),
        (of("{header: x-t, prefix: ' Token '}"), "token_from[0]: the prefix \" Token \" never matches"),
        (
            of("{header: authorization, prefix: 'Basic '}"),
            "token_from[0]: Basic in authorization contains a user name and a password",
        ),
        (
            of("{header: cookie}"),
            "token_from[0]: can never contain a token: this header contains all cookies of the request; write {cookie: NAME}",
        ),
        (
            of("{header: Cookie, prefix: 'session='}"),
            "token_from[0]: can never contain a token: this header contains all cookies",
        ),
        (
            of("{header: host}"),
            "token_from[0]: can never contain a token: Envoy moves the host to :authority",
        ),
        (
            of("{header: set-cookie}"),
            "token_from[0]: can never contain a token: set-cookie has another meaning",
        ),
        (
            of("{header: X-Forwarded-For}"),
            "token_from[0]: can never contain a token: x-forwarded-for has another meaning",
        ),
        (
            of("{header: transfer-encoding}"),
            "token_from[0]: can never contain a token: transfer-encoding has another meaning in HTTP",
        ),
        (
            of("{header: sec-websocket-protocol, prefix: 'bearer '}"),
            "token_from[0]: can never contain a token from a browser",
        ),
        (
            of("{header: x-t}, {header: x-t, prefix: 'Token '}"),
            "token_from[1]: x-t is also read with the prefix \"\", and one of the two prefixes starts with the other",
        ),
        (
            with("routes: [{path: /a, requires_role: r, token_from: {header: x-t, prefix: Bearer}}]"),
            "routes[0].token_from: the prefix \"Bearer\" has no final space",
        ),
    ]);
    let query = findings(&of("{query: 'a&b'}"));
    assert!(
        query.iter().any(|line| line.contains("token_from[0]: can never contain a token: & and # end a")),
        "{query:?}"
    );
    assert_eq!(findings(&of("{query: a_b}")).len(), 1, "only the query is reported, not its name");
    none(&[
        of("{header: authorization}"),
        of("{header: x-t, prefix: 'Bearer '}"),
        of("{header: x-t}"),
        of("{header: x-t, prefix: 'token='}"),
        of("{header: x-t, prefix: 'Token '}, {header: x-t, prefix: 'Key '}"),
        of("{header: authorization}, {header: x-t}, {cookie: session}"),
        of("{header: proxy-authorization, prefix: 'Bearer '}"),
    ]);
}

#[test]
fn each_skipped_class_is_reported_with_an_example() {
    for (class, sent) in [
        ("letter_case", "the requirement for /admin is not applied to /ADMIN"),
        ("encoded_slash", "the requirement for /admin is not applied to /x%2F..%2Fadmin"),
        ("path_parameters", "the requirement for /admin is not applied to /admin;x"),
        ("backslash", "the requirement for /admin is not applied to /x\\..\\admin"),
        ("trailing_dot_or_space", "the requirement for /admin is not applied to /admin."),
        ("compatibility_characters", "the requirement for /admin is not applied to /%EF%BD%81dmin"),
        (
            "method_override",
            "the requirement for DELETE is not applied to GET with x-http-method-override: DELETE",
        ),
        ("php_path_info", "the requirement for /admin is not applied to /index.php/admin"),
        ("ntfs_streams", "the requirement for /admin is not applied to /admin::$DATA"),
        ("aspnet_tickets", "the requirement for /admin is not applied to /(S(x))/admin"),
    ] {
        let expected = format!("skip_readings: skips {class}: {sent}; keep the class only if");
        one_each(&[(with(&format!("skip_readings: {class}")), &expected)]);
    }
    none(&[with("skip_readings: []")]);
    let php =
        "routes:\n- {path: /index.php/login, allow_anonymous: true}\n- {path: /login, requires_role: admin}";
    one_each(&[(
        with(&format!("skip_readings: php_path_info\n{php}")),
        "skip_readings: skips php_path_info",
    )]);
}
