//! `check` warns about routes: overlaps, single segments, methods, path variants.

use crate::check::{GOOD, findings};
use crate::lints::{none, one_each, routes, with};

const TWO_ISSUERS: &str = "issuers:\n- {name: staff, issuer: https://a.example, audience: a, jwks_cluster: c}\n\
                           - {name: partner, issuer: https://b.example, audience: a, jwks_cluster: d}\n";

#[test]
fn overlapping_routes_are_reported_if_the_weaker_one_applies() {
    one_each(&[
        (
            routes(
                "- {path: '/{tenant}/admin/**', requires_role: admin}\n- {path: /public/**, allow_anonymous: true}",
            ),
            "routes[0]: /{tenant}/admin/** is shadowed by routes[1] (/public/**), which is more specific and requires \
             less: GET /public/admin/x is decided by \"everybody, with or without a token\", not by \"a valid token with role \
             admin\"; write a route {path: /public/admin/**} with the requirement that is intended there",
        ),
        // The order of the routes does not matter.
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
        // Another role is not weaker, but it is not the required role.
        (
            routes(
                "- {path: '/{tenant}/admin/**', requires_role: admin}\n- {path: /public/**, requires_role: reader}",
            ),
            "routes[0]: /{tenant}/admin/** is shadowed by routes[1] (/public/**), which is more specific and requires something else",
        ),
        // The host has precedence over the path.
        (
            routes(
                "- {path: /admin/**, requires_role: admin}\n- {path: /**, hosts: a.example, allow_authenticated: true}",
            ),
            "routes[0]: /admin/** is shadowed by routes[1] (/**), which is more specific and requires less: GET /admin/x on a.example",
        ),
    ]);
    none(&[
        // The stricter route applies.
        routes(
            "- {path: '/{tenant}/admin/**', allow_authenticated: true}\n- {path: /public/**, requires_role: admin}",
        ),
        // Both routes have the same requirement, or the one that applies implies the other.
        routes("- {path: '/{tenant}/admin/**', requires_role: a}\n- {path: /public/**, requires_role: a}"),
        routes(
            "- {path: '/{tenant}/admin/**', requires_role: [a, b]}\n- {path: /public/**, requires_role: a}",
        ),
        // A route inside another one is an intended exception.
        routes(
            "- {path: /admin/**, requires_role: admin}\n- {path: /admin/public/**, allow_anonymous: true}",
        ),
        routes("- {path: '/{tenant}/**', requires_role: a}\n- {path: /public/**, allow_anonymous: true}"),
        routes(
            "- {path: /a/**, requires_role: a}\n- {path: /a/**, hosts: '*.x.example', allow_anonymous: true}",
        ),
        // The routes do not overlap, or only where a third route applies.
        routes(
            "- {path: '/{tenant}/admin/**', requires_role: a}\n- {path: '/public/{x}', allow_anonymous: true}\n- {path: /public/admin, requires_role: a}",
        ),
        routes(
            "- {path: '/{t}/a/**', hosts: x.example, requires_role: a}\n- {path: /p/**, hosts: y.example, allow_anonymous: true}",
        ),
        // The suggested route resolves the warning.
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
    assert!(many[0].ends_with("; also shadowed by routes[3] (/b), routes[4] (/c) and 1 more"), "{many:#?}");
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
fn a_final_star_is_one_segment() {
    one_each(&[
        (
            routes("- {path: '/admin/*', requires_role: admin}"),
            "routes[0].path: * matches one segment: default_policy applies to /admin and /admin/a/b and does not require what \
             this route requires; write /admin/** for everything below, or /admin/{name} if one segment is intended",
        ),
        (
            routes("- {path: '/*', requires_role: admin}"),
            "routes[0].path: * matches one segment: default_policy applies to / and /a/b and",
        ),
        (
            routes("- {path: '/a/{id}/*', requires_role: admin}\n- {path: /a/**, allow_authenticated: true}"),
            "routes[0].path: * matches one segment: routes[1] (/a/**) applies to /a/{id} and /a/{id}/a/b and",
        ),
        (
            routes("- {path: '/admin/*', requires_role: admin}\n- {path: /admin, requires_role: admin}"),
            "routes[0].path: * matches one segment: default_policy applies to /admin/a/b and",
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
fn methods_that_no_client_sends_are_reported() {
    let of = |methods: &str| routes(&format!("- {{path: /a, methods: {methods}, requires_role: r}}"));
    one_each(&[
        (
            of("['*']"),
            "routes[0].methods[0]: \"*\" is read as the name of a method, which no client sends; remove methods",
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
            "routes[0].methods[0]: \"GET|POST\" is read as the name of one method, which no client sends; write a list",
        ),
        (
            of("[propfind]"),
            "routes[0].methods[0]: methods are case-sensitive, and clients send PROPFIND; write PROPFIND",
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
fn a_method_with_a_weaker_rule_is_reported_with_a_remedy() {
    let found = findings(&routes("- {path: /a, methods: [POST, PUT], requires_role: writer}"));
    let settled = "if that is intended, add a route {path: /a, allow_authenticated: true}; otherwise add the methods here, \
                   or remove methods";
    assert!(found.len() == 1 && found[0].ends_with(settled), "{found:#?}");
    none(&[
        routes(
            "- {path: /a, methods: [POST, PUT], requires_role: writer}\n- {path: /a, allow_authenticated: true}",
        ),
        routes("- {path: /a, requires_role: writer}"),
    ]);
    // With several issuers, allow_authenticated would get a warning of its own.
    let several = with("").replace(GOOD, TWO_ISSUERS);
    for (default, keys) in [
        ("", "requires_issuer: [staff, partner]"),
        ("default_policy: {requires_issuer: staff}", "requires_issuer: [staff]"),
        (
            "default_policy: {allow_missing: true, requires_issuer: staff}",
            "allow_missing: true, requires_issuer: [staff]",
        ),
    ] {
        let given = format!(
            "{several}{default}\nroutes:\n- {{path: /o, methods: [POST], requires_issuer: staff, requires_role: r}}\n"
        );
        let remedy = format!("add a route {{path: /o, {keys}}}; otherwise");
        assert!(
            findings(&given).iter().any(|line| line.contains(&remedy)),
            "{default}: {:#?}",
            findings(&given)
        );
        let pasted = findings(&format!("{given}- {{path: /o, {keys}}}\n"));
        assert!(pasted.iter().all(|line| line.contains("default_policy: allows")), "{default}: {pasted:#?}");
    }
    let open =
        with("routes:\n- {path: /**, allow_anonymous: true}\n- {path: /a, methods: [GET], requires_role: r}");
    assert!(findings(&open)[0].contains("add a route {path: /a, allow_anonymous: true}"));
}

#[test]
fn a_route_whose_path_has_variants_is_reported_with_the_other_route() {
    one_each(&[
        (
            routes(
                "- {path: /index.php/login, allow_anonymous: true}\n- {path: /login, requires_role: admin}",
            ),
            "routes[0].path: an upstream may read /index.php/login as /login (php_path_info), so routes[1] (/login) \
             also applies, and a request must meet both; give the two routes one requirement, or add skip_readings: \
             [php_path_info] if no upstream does that",
        ),
        (
            routes("- {path: '/files/a::$DATA', allow_anonymous: true}"),
            "routes[0].path: an upstream may read /files/a::$DATA as /files/a (ntfs_streams), so default_policy also applies",
        ),
        (
            routes("- {path: /a／b, allow_anonymous: true}"),
            "routes[0].path: an upstream may read /a／b as /a/b (compatibility_characters), so default_policy also applies",
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
fn the_suggested_route_can_be_pasted() {
    let given = routes("- {path: '/orders/{id}', methods: [PUT], requires_role: editor}");
    let line = findings(&given).remove(0);
    let written = "add a route {path: \"/orders/{id}\", allow_authenticated: true}; otherwise";
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
fn the_routes_in_the_policy_document_are_valid() {
    let document = crate::run::read("docs/policy.md");
    let block = document.split("## Routes and templates\n\n```yaml\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    assert!(block.starts_with("routes:\n- ") && block.lines().count() > 3, "{block}");
    none(&[format!("{GOOD}{block}")]);
}
