//! `check` on configurations that are valid and do something else than their writer means; beside each, the right one.

use crate::check::{GOOD, findings};

fn with(lines: &str) -> String {
    format!("{GOOD}{lines}\n")
}

/// Each text has one finding, with those words in it.
#[track_caller]
fn one_each(rows: &[(String, &str)]) {
    for (text, expected) in rows {
        let found = findings(text);
        let told = found.len() == 1 && found[0].contains(&format!("warning: {expected}"));
        assert!(told, "{text}\nexpected {expected}\nin {found:#?}");
    }
}

#[track_caller]
fn none(texts: &[String]) {
    for text in texts {
        assert_eq!(findings(text), [""; 0], "{text}");
    }
}

fn routes(routes: &str) -> String {
    with(&format!("routes:\n{routes}"))
}

#[test]
fn an_audience_that_is_the_issuer_is_no_audience() {
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
fn routes_that_cross_are_told_where_the_weaker_one_wins() {
    one_each(&[
        (
            routes(
                "- {path: '/{tenant}/admin/**', requires_role: admin}\n- {path: /public/**, allow_anonymous: true}",
            ),
            "routes[0]: /{tenant}/admin/** is shadowed by routes[1] (/public/**), which is more specific and requires \
             less: GET /public/admin/x is decided by \"everybody; no token is read\", not by \"a valid token with role \
             admin\"; write a route {path: /public/admin/**} with the requirement that is intended there",
        ),
        // The order means nothing.
        (
            routes(
                "- {path: /public/**, allow_anonymous: true}\n- {path: '/{tenant}/admin/**', requires_role: admin}",
            ),
            "routes[1]: /{tenant}/admin/** is shadowed by routes[0] (/public/**)",
        ),
        (
            routes(
                "- {path: '/api/{version}/admin/**', requires_role: admin}\n- {path: /api/v1/**, allow_authenticated: true}",
            ),
            "routes[0]: /api/{version}/admin/** is shadowed by routes[1] (/api/v1/**)",
        ),
        (
            routes(
                "- {path: '/*/keys', requires_role: admin}\n- {path: '/me/{what}', allow_authenticated: true}",
            ),
            "routes[0]: /*/keys is shadowed by routes[1] (/me/{what}), which is more specific and requires less: GET /me/keys",
        ),
        // Another role is not less, and not the one that was asked for.
        (
            routes(
                "- {path: '/{tenant}/admin/**', requires_role: admin}\n- {path: /public/**, requires_role: reader}",
            ),
            "routes[0]: /{tenant}/admin/** is shadowed by routes[1] (/public/**), which is more specific and requires something else",
        ),
        // A host counts before a path.
        (
            routes(
                "- {path: /admin/**, requires_role: admin}\n- {path: /**, hosts: a.example, allow_authenticated: true}",
            ),
            "routes[0]: /admin/** is shadowed by routes[1] (/**), which is more specific and requires less: GET /admin/x on a.example",
        ),
    ]);
    none(&[
        // The stricter one wins.
        routes(
            "- {path: '/{tenant}/admin/**', allow_authenticated: true}\n- {path: /public/**, requires_role: admin}",
        ),
        // Both ask the same.
        routes("- {path: '/{tenant}/admin/**', requires_role: a}\n- {path: /public/**, requires_role: a}"),
        routes(
            "- {path: '/{tenant}/admin/**', requires_role: [a, b]}\n- {path: /public/**, requires_role: a}",
        ),
        // One within the other is an exception that is meant.
        routes(
            "- {path: /admin/**, requires_role: admin}\n- {path: /admin/public/**, allow_anonymous: true}",
        ),
        routes("- {path: '/{tenant}/**', requires_role: a}\n- {path: /public/**, allow_anonymous: true}"),
        routes(
            "- {path: /a/**, requires_role: a}\n- {path: /a/**, hosts: '*.x.example', allow_anonymous: true}",
        ),
        // They share no request.
        routes(
            "- {path: '/{tenant}/admin/**', requires_role: a}\n- {path: '/public/{x}', allow_anonymous: true}\n- {path: /public/admin, requires_role: a}",
        ),
        routes(
            "- {path: '/{t}/a/**', hosts: x.example, requires_role: a}\n- {path: /p/**, hosts: y.example, allow_anonymous: true}",
        ),
        // What is advised settles it.
        routes(
            "- {path: '/{tenant}/admin/**', requires_role: admin}\n- {path: /public/**, allow_anonymous: true}\n\
             - {path: /public/admin/**, requires_role: admin}",
        ),
    ]);
}

#[test]
fn methods_of_a_wide_route_are_shadowed_by_a_narrow_one() {
    let wide =
        "- {path: /**, methods: [DELETE], requires_role: admin}\n- {path: /**, allow_authenticated: true}\n";
    one_each(&[
        (
            routes(&format!("{wide}- {{path: /api/**, allow_authenticated: true}}")),
            "routes[0]: /** is shadowed for DELETE by routes[2] (/api/**), which is more specific and requires less: \
             DELETE /api/x is decided by \"any valid token\", not by \"a valid token with role admin\"; write a \
             route {path: /api/**, methods: [DELETE]} with the requirement that is intended there",
        ),
        (
            routes(&format!(
                "{wide}- {{path: /api/**, requires_role: user}}\n- {{path: /b, requires_role: user}}"
            )),
            "routes[0]: /** is shadowed for DELETE by routes[2] (/api/**), which is more specific and requires something else",
        ),
        (
            routes(&format!(
                "{wide}- {{path: /a, allow_authenticated: true}}\n- {{path: /b, allow_authenticated: true}}\n\
                 - {{path: /c, allow_authenticated: true}}\n- {{path: /d, allow_authenticated: true}}"
            )),
            "routes[0]: /** is shadowed for DELETE by routes[2] (/a)",
        ),
    ]);
    let many = findings(&routes(&format!(
        "{wide}- {{path: /a, allow_authenticated: true}}\n- {{path: /b, allow_authenticated: true}}\n\
         - {{path: /c, allow_authenticated: true}}\n- {{path: /d, allow_authenticated: true}}"
    )));
    assert!(many[0].ends_with("; the same under routes[3] (/b), routes[4] (/c) and 1 more"), "{many:#?}");
    none(&[
        routes(&format!("{wide}- {{path: /api/**, requires_role: admin}}")),
        routes(&format!("{wide}- {{path: /login, methods: [POST], allow_anonymous: true}}")),
        routes(&format!("{wide}- {{path: /health, allow_anonymous: true}}")),
        routes(&format!(
            "{wide}- {{path: /tmp/**, methods: [DELETE], allow_authenticated: true}}\n- {{path: /tmp/**, allow_authenticated: true}}"
        )),
        routes(&format!(
            "{wide}- {{path: /api/**, allow_authenticated: true}}\n- {{path: /api/**, methods: [DELETE], requires_role: admin}}"
        )),
    ]);
}

#[test]
fn ten_thousand_routes_are_compared_quickly() {
    let mut text = with("routes:");
    for index in 0..10_000 {
        text += &format!("- {{path: '/api/v{}/things{index}/{{id}}/**', requires_role: admin}}\n", index % 7);
    }
    text += "- {path: '/{any}/v1/things3/**', allow_authenticated: true}\n";
    assert_eq!(findings(&text), [""; 0]);
}

#[test]
fn one_star_is_one_segment() {
    one_each(&[
        (
            routes("- {path: '/admin/*', requires_role: admin}"),
            "routes[0].path: * matches one segment: /admin and /admin/a/b fall under default_policy, which does not require what \
             this route requires; write /admin/** for everything below, or /admin/{name} if one segment is intended",
        ),
        (
            routes("- {path: '/*', requires_role: admin}"),
            "routes[0].path: * matches one segment: / and /a/b fall under default_policy",
        ),
        (
            routes("- {path: '/a/{id}/*', requires_role: admin}\n- {path: /a/**, allow_authenticated: true}"),
            "routes[0].path: * matches one segment: /a/{id} and /a/{id}/a/b fall under routes[1] (/a/**)",
        ),
        (
            routes("- {path: '/admin/*', requires_role: admin}\n- {path: /admin, requires_role: admin}"),
            "routes[0].path: * matches one segment: /admin/a/b falls under default_policy",
        ),
    ]);
    none(&[
        routes("- {path: /admin/**, requires_role: admin}"),
        routes("- {path: '/admin/{id}', requires_role: admin}"),
        routes("- {path: '/admin/*/keys', requires_role: admin}"),
        routes("- {path: '/public/*', allow_anonymous: true}"),
        routes("- {path: '/admin/*', requires_role: admin}\n- {path: /admin/**, allow_authenticated: true}"),
        with("default_policy: {deny: true}\nroutes: [{path: '/admin/*', requires_role: admin}]"),
    ]);
}

#[test]
fn values_that_no_claim_can_be_equal_to() {
    let claim = |text: &str| routes(&format!("- {{path: /a, requires_claim: {{{text}}}}}"));
    let any = "routes[0].requires_claim.any";
    one_each(&[
        (claim("claim: sub, any: ['*']"), "routes[0].requires_claim.any[0]: \"*\" is compared literally"),
        (claim("claim: sub, any: '*'"), "routes[0].requires_claim.any: \"*\" is compared literally"),
        (
            claim("claim: repository, any: [x, 'repo:my-org/*']"),
            "routes[0].requires_claim.any[1]: \"repo:my-org/*\" is compared literally, and * is not a wildcard",
        ),
        (claim("claim: sub, all: ['a*']"), "routes[0].requires_claim.all[0]: \"a*\" is compared literally"),
        (
            claim("claim: sub, any: ['^a$']"),
            "routes[0].requires_claim.any[0]: \"^a$\" is compared literally, not as a regular",
        ),
        (
            claim("claim: scope, any: ['payments:write']"),
            "routes[0].requires_claim.any[0]: scope is one string of scopes separated by spaces: it equals payments:write \
             only in a token with that scope alone; write requires_scope: payments:write",
        ),
        (claim("claim: /scp, all: [x]"), "routes[0].requires_claim.all[0]: /scp may be one string of scopes"),
        (
            claim("claim: iss, any: ['https://b.example']"),
            "routes[0].requires_claim.any[0]: can never be equal: tokens of https://b.example are refused, because the configured \
             issuers are https://a.example",
        ),
        (
            claim("claim: aud, any: [b]"),
            "routes[0].requires_claim.any[0]: a token for b is refused unless it is for one of a as well",
        ),
        (claim("claim: aud, any: [a, b]"), "routes[0].requires_claim.any[1]: a token for b is refused"),
        (
            claim("claim: email, any: ['.+@example.com']"),
            "routes[0].requires_claim.any[0]: \".+@example.com\" is compared literally, not as a regular",
        ),
        (
            claim("claim: azp, any: ['${CLIENT}']"),
            "routes[0].requires_claim.any[0]: \"${CLIENT}\" is compared literally, and the filter fills in no placeholder",
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
            "routes[0].any_of[0].requires_group[0]: \" staff\" is compared with its spaces, which no group has: write staff",
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
fn paths_into_claims_are_pointers() {
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
fn an_issuer_that_no_token_names() {
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
            "issuer: never equals a token's iss, which is compared literally: tokens from common carry the id of their own tenant; write https://login.microsoftonline.com/TENANT-ID/v2.0",
        ),
        (
            of("https://login.microsoftonline.com/{tenantid}/v2.0"),
            "issuer: never equals a token's iss, which is compared literally: {tenantid} is a placeholder",
        ),
        (
            of("https://a.example/.well-known/openid-configuration"),
            "issuer: never equals a token's iss, which is compared literally: this is the URL of a document of the issuer; write https://a.example",
        ),
        (
            of("https://t.auth0.com"),
            "issuer: never equals a token's iss, which is compared literally: Auth0's ends in a slash",
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
fn keys_that_an_issuer_is_known_to_have_elsewhere() {
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
        let told = found.len() == 1
            && found[0]
                .contains("warning: jwks_endpoint: is not given, so keys are fetched from the default, ")
            && found[0].contains(default)
            && found[0].ends_with(&format!("write jwks_endpoint: {keys}")) | found[0].ends_with(keys);
        assert!(told, "{issuer}: {found:#?}");
        none(&[of(issuer) + "jwks_endpoint: /keys", of(issuer) + "discovery: true"]);
    }
    // Of others nobody knows; the table says what is the default.
    none(&[of("https://issuer.example")]);
    let ran = crate::run::jwtguard_with(&["check", "-"], &of("https://issuer.example"));
    let default =
        "keys come from /api/v1/auth/jwks below the issuer, the default where jwks_endpoint is not given";
    assert!(
        ran.out.contains("https://issuer.example/api/v1/auth/jwks") && ran.out.contains(default),
        "{}",
        ran.out
    );
    let ran =
        crate::run::jwtguard_with(&["check", "-"], &(of("https://issuer.example") + "jwks_endpoint: /keys"));
    assert!(!ran.out.contains("the default where"), "{}", ran.out);
}

#[test]
fn methods_that_no_client_sends() {
    let of = |methods: &str| routes(&format!("- {{path: /a, methods: {methods}, requires_role: r}}"));
    one_each(&[
        (
            of("['*']"),
            "routes[0].methods[0]: \"*\" is read as the name of a method, and no client sends it; leave methods out",
        ),
        (of("'*'"), "routes[0].methods: \"*\" is read as the name of a method"),
        (of("[ANY]"), "routes[0].methods[0]: \"ANY\" is read as the name of a method"),
        (of("[GETT]"), "routes[0].methods[0]: \"GETT\" is not a method that clients send; did you mean GET?"),
        (
            of("[GET, DELTE]"),
            "routes[0].methods[1]: \"DELTE\" is not a method that clients send; did you mean DELETE?",
        ),
        (
            of("['GET|POST']"),
            "routes[0].methods[0]: \"GET|POST\" is read as the name of one method, and no client sends it; write a list",
        ),
        (
            of("[propfind]"),
            "routes[0].methods[0]: methods are case-sensitive, and clients send PROPFIND: write PROPFIND",
        ),
    ]);
    let lower = findings(&of("[get]"));
    assert!(
        lower.len() == 1
            && lower[0].contains("error: routes[0].methods[0]: methods are case-sensitive: write `GET`"),
        "{lower:?}"
    );
    let deny = |methods: &str| {
        with(&format!(
            "default_policy: {{deny: true}}\nroutes: [{{path: /a, methods: {methods}, requires_role: r}}]"
        ))
    };
    none(&[
        deny("[PROPFIND, REPORT]"),
        deny("[M-SEARCH]"),
        deny("[PURGE]"),
        deny("[LINK, UNLINK, SET]"),
        deny("[DEBUG]"),
    ]);
}

#[test]
fn a_method_that_falls_through_says_how_to_settle_it() {
    let found = findings(&routes("- {path: /a, methods: [POST, PUT], requires_role: writer}"));
    let settled = "if that is intended, add a route {path: /a, allow_authenticated: true}; if not, add the methods here, \
                   or leave methods out";
    assert!(found.len() == 1 && found[0].ends_with(settled), "{found:#?}");
    none(&[
        routes(
            "- {path: /a, methods: [POST, PUT], requires_role: writer}\n- {path: /a, allow_authenticated: true}",
        ),
        routes("- {path: /a, requires_role: writer}"),
    ]);
    let open =
        with("routes:\n- {path: /**, allow_anonymous: true}\n- {path: /a, methods: [GET], requires_role: r}");
    assert!(findings(&open)[0].contains("add a route {path: /a, allow_anonymous: true}"));
}

#[test]
fn places_that_never_hold_a_token() {
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
            "token_from[0]: Basic in authorization is a name and a password",
        ),
        (
            of("{header: cookie}"),
            "token_from[0]: can never hold a token: this header has all cookies of the request; write {cookie: NAME}",
        ),
        (
            of("{header: Cookie, prefix: 'session='}"),
            "token_from[0]: can never hold a token: this header has all cookies",
        ),
        (of("{header: host}"), "token_from[0]: can never hold a token: Envoy moves the host to :authority"),
        (
            of("{header: set-cookie}"),
            "token_from[0]: can never hold a token: set-cookie has a meaning of its own",
        ),
        (
            of("{header: X-Forwarded-For}"),
            "token_from[0]: can never hold a token: x-forwarded-for has a meaning",
        ),
        (
            of("{header: transfer-encoding}"),
            "token_from[0]: can never hold a token: transfer-encoding has a meaning of its own in HTTP",
        ),
        (
            of("{header: sec-websocket-protocol, prefix: 'bearer '}"),
            "token_from[0]: can never hold a token from a browser",
        ),
        (
            of("{header: x-t}, {header: x-t, prefix: 'Token '}"),
            "token_from[1]: x-t is read with the prefix \"\" as well, which begins like this one",
        ),
        (
            with("routes: [{path: /a, requires_role: r, token_from: {header: x-t, prefix: Bearer}}]"),
            "routes[0].token_from: the prefix \"Bearer\" has no final space",
        ),
    ]);
    let query = findings(&of("{query: 'a&b'}"));
    assert!(
        query.iter().any(|line| line.contains("token_from[0]: can never hold a token: & and # end a")),
        "{query:?}"
    );
    assert_eq!(findings(&of("{query: a_b}")).len(), 1, "the query is doubtful, its name is not");
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
fn tokens_of_each_of_several_issuers_get_in() {
    let two = |lines: &str| {
        format!(
            "issuers:\n- {{issuer: https://a.example, audience: a, jwks_cluster: c}}\n\
             - {{issuer: https://b.example, audience: a, jwks_cluster: d}}\n{lines}\n"
        )
    };
    let one = "accepts a valid token of any of the issuers: a_example, b_example; name the intended ones in requires_issuer";
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
            "routes[0]: accepts a valid token of any of the issuers (and so do routes[1] and 1 more): a_example, b_example",
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
fn a_route_whose_own_spelling_is_read_as_another_path_names_both() {
    one_each(&[
        (
            routes(
                "- {path: /index.php/login, allow_anonymous: true}\n- {path: /login, requires_role: admin}",
            ),
            "routes[0].path: an upstream may read /index.php/login as /login (php_path_info), so routes[1] (/login) \
             applies as well and a request must meet both; give the two routes one requirement, or add skip_readings: \
             [php_path_info] if no upstream does that",
        ),
        (
            routes("- {path: '/files/a::$DATA', allow_anonymous: true}"),
            "routes[0].path: an upstream may read /files/a::$DATA as /files/a (ntfs_streams), so default_policy applies",
        ),
        (
            routes("- {path: /a／b, allow_anonymous: true}"),
            "routes[0].path: an upstream may read /a／b as /a/b (compatibility_characters), so default_policy applies",
        ),
    ]);
    none(&[
        routes("- {path: /index.php/login, allow_anonymous: true}\n- {path: /login, allow_anonymous: true}"),
        routes("- {path: /index.php/login, requires_role: admin}"),
        routes("- {path: /grpc.health.v1.Health/Check, allow_anonymous: true}"),
        routes("- {path: /café/**, allow_anonymous: true}\n- {path: /my docs/**, allow_anonymous: true}"),
        routes(
            "- {path: /orders/myOrders, allow_authenticated: true}\n- {path: '/orders/{id}', requires_role: admin}",
        ),
    ]);
}

#[test]
fn each_skipped_class_says_what_then_passes() {
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

#[test]
fn what_is_to_be_written_can_be_pasted() {
    let given = routes("- {path: '/orders/{id}', methods: [PUT], requires_role: editor}");
    let line = findings(&given).remove(0);
    let written = "add a route {path: \"/orders/{id}\", allow_authenticated: true}; if not";
    assert!(line.contains(written), "{line}");
    none(&[given + "- {path: \"/orders/{id}\", allow_authenticated: true}\n"]);

    let given = routes(
        "- {path: '/orders/{id}', requires_scope: a}\n- {path: /**, hosts: ['*.b.example'], requires_role: r}",
    );
    let line = findings(&given).remove(0);
    assert!(line.contains("write a route {path: \"/orders/{id}\", hosts: [\"*.b.example\"]} with"), "{line}");
    none(&[
        given + "- {path: \"/orders/{id}\", hosts: [\"*.b.example\"], requires_scope: a, requires_role: r}\n"
    ]);
}

#[test]
fn the_routes_of_the_readme_are_right() {
    let readme = crate::run::read("README.md");
    let block = readme.split("### Routes\n\n").nth(1).unwrap();
    let lines = block.lines().map_while(|line| line.strip_prefix("    "));
    let block = lines.map(|line| format!("{line}\n")).collect::<String>();
    assert!(block.starts_with("routes:\n- ") && block.lines().count() > 3, "{block}");
    none(&[format!("{GOOD}{block}")]);
}
