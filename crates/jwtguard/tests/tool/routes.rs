//! `check` on Envoy's routes: scoped routes, matchers, routes that disable the filter, metadata.

use crate::context::{findings_after, is_finding};
use crate::run::{jwtguard_with, read};

const ROUTE: &str = "route: { cluster: upstream }";
const OFF: &str = "typed_per_filter_config: { envoy.filters.http.wasm: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }";
const ON: &str = "typed_per_filter_config: { envoy.filters.http.wasm: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {} } }";
const TAKEN_OFF: &str = "error: typed_per_filter_config[\"envoy.filters.http.wasm\"]: disables the filter";

/// Replaces the routes of the example.
fn routed(routes: &str) -> (String, String) {
    let file = read("envoy/envoy.yaml");
    let start = file.find("                route_config:\n").unwrap();
    let end = file.find("                http_filters:\n").unwrap();
    (file[start..end].to_owned(), format!("                {routes}\n"))
}

fn check(routes: &str) -> (i32, Vec<String>) {
    let (from, to) = routed(routes);
    findings_after(&[(&from, &to)])
}

/// A virtual host with the given routes.
fn listed(routes: &str) -> String {
    format!("route_config: {{ virtual_hosts: [{{ name: all, domains: [\"*\"], routes: [{routes}] }}] }}")
}

#[track_caller]
fn expect_findings(routes: &str, expected: &[&str]) {
    let (status, lines) = check(routes);
    assert_eq!(lines.len(), expected.len(), "{routes}: {lines:#?}");
    for expected in expected {
        assert!(lines.iter().any(|line| is_finding(line, expected)), "{routes}: {expected}: {lines:#?}");
    }
    assert_eq!(status, i32::from(expected.iter().any(|line| line.starts_with("error"))), "{routes}");
}

#[test]
fn a_weighted_cluster_can_disable_and_enable_the_filter() {
    let weighted = |first: &str, second: &str| {
        format!(
            "route: {{ weighted_clusters: {{ clusters: [{{ name: upstream, weight: 1{first} }}, {{ name: upstream, weight: 1{second} }}] }} }}"
        )
    };
    let (off, on) = (format!(", {OFF}"), format!(", {ON}"));
    let route = |weighted: &str| listed(&format!("{{ match: {{ prefix: / }}, {weighted} }}"));
    expect_findings(&route(&weighted("", "")), &[]);
    expect_findings(&route(&weighted("", &off)), &[TAKEN_OFF]);

    let filter = "- name: envoy.filters.http.wasm\n";
    let disabled = format!("{filter}                    disabled: true\n");
    for (second, expected) in [(on.as_str(), 0), ("", 1)] {
        let (from, to) = routed(&route(&weighted(&on, second)));
        let (status, lines) = findings_after(&[(&from, &to), (filter, &disabled)]);
        assert_eq!((status, lines.len()), (expected, usize::try_from(expected).unwrap()), "{lines:#?}");
    }
}

#[test]
fn scoped_routes_are_checked() {
    let scoped = |table: &str| {
        format!(
            "scoped_routes: {{ name: s, scope_key_builder: {{ fragments: [{{ header_value_extractor: {{ name: \":authority\", index: 0 }} }}] }}, \
             scoped_route_configurations_list: {{ scoped_route_configurations: [{{ name: a, key: {{ fragments: [{{ string_key: a }}] }}, {table} }}] }} }}"
        )
    };
    let inline = |route: &str| {
        scoped(&format!(
            "route_configuration: {{ name: r, virtual_hosts: [{{ name: all, domains: [\"*\"], routes: [{{ {route} }}] }}] }}"
        ))
    };
    expect_findings(&inline(&format!("match: {{ prefix: / }}, {ROUTE}")), &[]);
    expect_findings(&inline(&format!("match: {{ prefix: / }}, {ROUTE}, {OFF}")), &[TAKEN_OFF]);
    let matched = "match: { prefix: /, headers: [{ name: x-auth-roles, present_match: true }] }";
    let expected = "error: virtual host all, routes[0]: matches on the claim header x-auth-roles, but not on one exact value";
    expect_findings(&inline(&format!("{matched}, {ROUTE}")), &[expected]);

    // A scope can refer to a route configuration elsewhere in the files.
    let (from, to) = routed(&scoped("route_configuration_name: r"));
    let elsewhere = format!(
        "\n---\nresources: [{{ \"@type\": type.googleapis.com/envoy.config.route.v3.RouteConfiguration, name: r, virtual_hosts: \
         [{{ name: all, domains: [\"*\"], routes: [{{ match: {{ prefix: / }}, {ROUTE}, {OFF} }}] }}] }}]\n"
    );
    let text = read("envoy/envoy.yaml").replace(&from, &to) + &elsewhere;
    let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
    assert!(ran.status == 1 && ran.err.contains("disables the filter"), "{}", ran.err);
}

#[test]
fn routes_in_a_matcher_are_checked() {
    let matcher = |input: &str, action: &str| {
        format!(
            "route_config: {{ virtual_hosts: [{{ name: all, domains: [\"*\"], matcher: {{ matcher_tree: {{ input: {{ name: i, typed_config: \
             {{ \"@type\": type.googleapis.com/envoy.type.matcher.v3.{input} }} }}, exact_match_map: {{ map: {{ a: {{ action: {{ name: route, \
             typed_config: {{ \"@type\": type.googleapis.com/envoy.config.route.v3.{action} }} }} }} }} }} }} }} }}] }}"
        )
    };
    let kind = "HttpRequestHeaderMatchInput, header_name: x-kind";
    let route = format!("match: {{ prefix: / }}, {ROUTE}");
    expect_findings(&matcher(kind, &format!("Route, {route}")), &[]);
    expect_findings(&matcher(kind, &format!("Route, {route}, {OFF}")), &[TAKEN_OFF]);
    expect_findings(&matcher(kind, &format!("RouteList, routes: [{{ {route}, {OFF} }}]")), &[TAKEN_OFF]);
    let path = "matcher.matcher_tree.exact_match_map.map.a.action.typed_config";
    let metadata = "metadata: { filter_metadata: { jwt_guard: { requires_role: a, requires_rol: a } } }";
    expect_findings(
        &matcher(kind, &format!("Route, {route}, {metadata}")),
        &[&format!("error: virtual host all, {path}, metadata jwt_guard: requires_rol: unknown key")],
    );
    let edited = "error: virtual host all: matches on the header authorization, which the filter edits";
    expect_findings(
        &matcher("HttpRequestHeaderMatchInput, header_name: authorization", &format!("Route, {route}")),
        &[edited],
    );

    let (from, to) =
        routed(&matcher("HttpRequestQueryParamMatchInput, query_param: t", &format!("Route, {route}")));
    let taken = "audience: orders-api\n                            token_from: { query: t }";
    let (_, lines) = findings_after(&[(&from, &to), ("audience: orders-api", taken)]);
    assert!(lines[0].starts_with("error: virtual host all: matches on the query parameter t"), "{lines:#?}");

    let metadata = "metadata: { filter_metadata: { jwt_guard: { requires_role: chosen } } }";
    let (from, to) = routed(&matcher(kind, &format!("Route, {route}, {metadata}")));
    let ran = jwtguard_with(&["check", "-"], &read("envoy/envoy.yaml").replace(&from, &to));
    assert!(ran.out.contains("a valid token with role chosen"), "{}{}", ran.out, ran.err);
}

#[test]
fn metadata_that_the_filter_ignores_is_reported() {
    let asks = "{ requires_role: admin }";
    let on_route =
        |metadata: &str| listed(&format!("{{ match: {{ prefix: / }}, {ROUTE}, metadata: {metadata} }}"));
    let path = "warning: route_config";
    for name in ["jwtGuard", "jwt-guard", "JWT_GUARD", "jwt_gard"] {
        expect_findings(
            &on_route(&format!("{{ filter_metadata: {{ {name}: {asks} }} }}")),
            &[&format!(
                "{path}.virtual_hosts[0].routes[0].metadata: {name} is not read: this requirement has no effect; write jwt_guard"
            )],
        );
    }
    let (from, to) = routed(&on_route(&format!("{{ filter_metadata: {{ jwtGuard: {asks} }} }}")));
    let ran = jwtguard_with(&["check", "-"], &read("envoy/envoy.yaml").replace(&from, &to));
    assert!(ran.out.contains("/api/admin/**") && !ran.out.contains("/* "), "{}", ran.out);

    expect_findings(
        &on_route(&format!(
            "{{ typed_filter_metadata: {{ jwt_guard: {{ \"@type\": t }} }}, filter_metadata: {{ jwt_guard: {asks} }} }}"
        )),
        &[&format!(
            "{path}.virtual_hosts[0].routes[0].metadata: jwt_guard is not read in typed_filter_metadata: this requirement has no effect; write it in filter_metadata"
        )],
    );
    let table = format!(
        "route_config: {{ metadata: {{ filter_metadata: {{ jwt_guard: {asks} }} }}, virtual_hosts: [{{ name: all, domains: [\"*\"], \
         routes: [{{ match: {{ prefix: / }}, {ROUTE} }}] }}] }}"
    );
    expect_findings(
        &table,
        &[&format!("{path}.metadata: jwt_guard is read only on routes and virtual hosts")],
    );
    let action = listed(&format!(
        "{{ match: {{ prefix: / }}, route: {{ cluster: upstream, metadata_match: {{ filter_metadata: {{ jwt_guard: {asks} }} }} }} }}"
    ));
    expect_findings(
        &action,
        &[&format!(
            "{path}.virtual_hosts[0].routes[0].route.metadata_match: jwt_guard is read only on routes"
        )],
    );
    expect_findings(&on_route("{ filter_metadata: { envoy.lb: { a: b } } }"), &[]);
}

#[test]
fn a_path_rewrite_after_the_filter_is_reported() {
    for rewrite in [
        "prefix_rewrite: /",
        "regex_rewrite: { pattern: { regex: ^/public }, substitution: \"\" }",
        "path_rewrite_policy: { name: p, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig } }",
    ] {
        let route = format!("{{ match: {{ prefix: /public/ }}, route: {{ cluster: upstream, {rewrite} }} }}");
        let (key, _) = rewrite.split_once(':').unwrap();
        let expected = format!(
            "warning: virtual host all, routes[0]: {key} applies after the filter, which checks the path that the client sent"
        );
        expect_findings(&listed(&route), &[&expected]);

        // If the metadata of the route decides, the rewritten path does not matter.
        let carrying = format!(
            "{{ match: {{ prefix: /public/ }}, route: {{ cluster: upstream, {rewrite} }}, metadata: {{ filter_metadata: {{ jwt_guard: {{ requires_role: a }} }} }} }}"
        );
        expect_findings(&listed(&carrying), &[]);
        let (from, to) = routed(&listed(&carrying));
        let narrow = "audience: orders-api\n                            route_metadata: narrow";
        let (_, lines) = findings_after(&[(&from, &to), ("audience: orders-api", narrow)]);
        assert!(lines.len() == 1 && lines[0].starts_with(&expected), "{lines:#?}");
    }
}

#[test]
fn an_exact_path_is_reported_if_the_other_slash_has_another_requirement() {
    let metadata =
        |requirement: &str| format!("metadata: {{ filter_metadata: {{ jwt_guard: {{ {requirement} }} }} }}");
    let (admin, open) = (metadata("requires_role: admin"), metadata("allow_anonymous: true"));
    let rest = format!("{{ match: {{ prefix: / }}, {ROUTE}, {open} }}");
    let exact = |path: &str| format!("{{ match: {{ path: {path} }}, {ROUTE}, {admin} }}");
    let expected = |path: &str, other: &str| {
        format!(
            "warning: virtual host all, routes[0]: {path} is matched exactly, and {other}, which many upstreams"
        )
    };
    expect_findings(&listed(&format!("{}, {rest}", exact("/admin"))), &[&expected("/admin", "/admin/")]);
    expect_findings(&listed(&format!("{}, {rest}", exact("/admin/"))), &[&expected("/admin/", "/admin")]);
    let sometimes = format!(
        "{{ match: {{ prefix: /, headers: [{{ name: x-a, present_match: true }}] }}, {ROUTE}, {open} }}"
    );
    expect_findings(&listed(&format!("{}, {sometimes}", exact("/admin"))), &[&expected("/admin", "/admin/")]);
    for valid in [
        exact("/admin"),
        format!("{}, {rest}", exact("/")),
        format!("{}, {}, {rest}", exact("/admin"), exact("/admin/")),
        format!(
            "{}, {{ match: {{ path_separated_prefix: /admin }}, {ROUTE}, {admin} }}, {rest}",
            exact("/admin")
        ),
        format!("{}, {{ match: {{ prefix: / }}, {ROUTE}, {admin} }}, {rest}", exact("/admin")),
        format!(
            "{}, {{ match: {{ path: /admin/ }}, redirect: {{ path_redirect: /admin }} }}, {rest}",
            exact("/admin")
        )
        .replace(
            "redirect: { path_redirect: /admin }",
            &format!("redirect: {{ path_redirect: /admin }}, {admin}"),
        ),
        format!("{{ match: {{ path_separated_prefix: /admin }}, {ROUTE}, {admin} }}, {rest}"),
    ] {
        expect_findings(&listed(&valid), &[]);
    }
}
