//! `check` on Envoy files: the configuration around the filter.

use crate::run::{jwtguard_with, read};

/// The exit status and the findings for `envoy/envoy.yaml` after some changes.
pub fn findings_after(changes: &[(&str, &str)]) -> (i32, Vec<String>) {
    let mut text = read("envoy/envoy.yaml");
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
    let lines = ran.err.lines().filter(|line| line.starts_with("standard input"));
    (ran.status, lines.map(|line| shortened(line.split_once(": ").unwrap().1)).collect())
}

/// The path of the example's connection manager.
pub const MANAGER: &str = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config";

/// Removes the path of the connection manager, its routes or the plugin, which most tests share.
fn shortened(line: &str) -> String {
    let plugin = format!("{MANAGER}.http_filters[0].typed_config.config.");
    let (routes, manager) = (format!("{MANAGER}.route_config, "), format!("{MANAGER}."));
    let same = [plugin.as_str(), &routes, &manager].into_iter().find(|prefix| line.contains(*prefix));
    same.map_or_else(|| line.to_owned(), |prefix| line.replacen(prefix, "", 1))
}

/// Whether a finding has the expected severity, end of the path and message.
pub fn is_finding(line: &str, expected: &str) -> bool {
    let (severity, rest) = expected.split_once(": ").unwrap();
    line.starts_with(severity) && line.contains(rest)
}

/// A file can have several listeners, and a `/config_dump` is too long to find a value without its path.
#[test]
fn a_finding_has_the_complete_path() {
    let listener = |index: usize, path: &str| {
        format!("static_resources.listeners[{index}].filter_chains[0].filters[0].typed_config{path}")
    };
    let plugin = ".http_filters[0].typed_config.config";
    let file = read("envoy/envoy.yaml");
    let (start, end) = (file.find("    - name: http\n").unwrap(), file.find("\n  clusters:\n").unwrap());
    let second = file[start..end]
        .replace("normalize_path: true", "merge_slashes: true")
        .replace("failure_policy: FAIL_RELOAD", "failure_policy: FAIL_OPEN")
        .replace("vm_id: jwt_guard", "allow_precompiled: true")
        .replace(
            "match: { prefix: / }",
            "match: { prefix: /, headers: [{ name: x-auth-sub, present_match: true }] }",
        );
    let text = format!("{}\n{second}{}", &file[..end], &file[end..]);
    let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
    for expected in [
        format!("warning: {}: is not set to true", listener(1, ".normalize_path")),
        format!("error: {}: forwards every request", listener(1, &format!("{plugin}.failure_policy"))),
        format!("warning: {}: is not set", listener(1, &format!("{plugin}.vm_config.vm_id"))),
        format!("error: {}, virtual host all, routes[0]: matches on", listener(1, ".route_config")),
    ] {
        assert!(ran.err.contains(&expected), "{expected}\nin\n{}", ran.err);
    }
    assert!(!ran.err.contains("listeners[0]"), "the first listener is valid: {}", ran.err);
}

const TLS: &str = "type: STATIC\n      transport_socket:\n        name: envoy.transport_sockets.tls\n        typed_config:\n          \
                   \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n          ";

#[test]
fn the_example_is_valid() {
    assert_eq!(findings_after(&[]), (0, vec![]));
}

#[test]
fn a_vm_with_the_variable_of_a_list_is_valid() {
    let indent = " ".repeat(28);
    let list = format!(
        "jwks_cluster: issuer\n{indent}revocation_list_endpoint: /r\n{indent}revocation_list_token_env: LIST_TOKEN\n"
    );
    for variables in ["host_env_keys: [LIST_TOKEN]", "key_values: { LIST_TOKEN: secret }"] {
        let vm = format!("vm_id: jwt_guard\n{}environment_variables: {{ {variables} }}\n", " ".repeat(26));
        let changes = [("jwks_cluster: issuer\n", list.as_str()), ("vm_id: jwt_guard\n", vm.as_str())];
        assert_eq!(findings_after(&changes), (0, vec![]), "{variables}");
    }
}

#[test]
fn settings_that_bypass_or_break_the_filter_are_reported() {
    let elsewhere = ("address: 127.0.0.1, port_value: 8090", "address: issuer.example, port_value: 443");
    let issuer = "- name: issuer\n      type: STATIC";
    let with_tls = |context: &str| format!("- name: issuer\n      {TLS}{context}");
    let route = "match: { prefix: / }";
    let keys = "jwks_cluster: issuer\n";
    let list = |member: &str| {
        let indent = " ".repeat(28);
        format!("{keys}{indent}revocation_list_endpoint: /r\n{indent}{member}\n")
    };
    for (what, changes, expected) in [
        (
            "policy",
            vec![("FAIL_RELOAD", "FAIL_OPEN")],
            "error: failure_policy: forwards every request unchecked",
        ),
        (
            "flag",
            vec![("failure_policy: FAIL_RELOAD", "fail_open: true")],
            "error: fail_open: forwards every request unchecked",
        ),
        (
            "cluster",
            vec![("jwks_cluster: issuer", "jwks_cluster: isuer")],
            "jwks_cluster: issuer issuer_example: the cluster isuer is not defined in these files; defined: issuer, upstream",
        ),
        (
            "cluster of the list",
            vec![(keys, &list("revocation_list_cluster: lists"))],
            "revocation_list_cluster: issuer issuer_example: the cluster lists is not defined in these files; defined: issuer, upstream",
        ),
        (
            "variable",
            vec![(keys, &list("revocation_list_token_env: LIST_TOKEN"))],
            "error: vm_config.environment_variables: does not name LIST_TOKEN, the variable in revocation_list_token_env",
        ),
        (
            "no socket",
            vec![elsewhere],
            "error: cluster issuer: has no TLS socket, but the key endpoint is https",
        ),
        (
            "no CA",
            vec![elsewhere, (issuer, &with_tls("sni: issuer.example"))],
            "error: cluster issuer: has a TLS socket that accepts any certificate",
        ),
        (
            "untrusted",
            vec![
                elsewhere,
                (
                    issuer,
                    &with_tls(
                        "common_tls_context: {validation_context: {trusted_ca: {filename: a}, trust_chain_verification: ACCEPT_UNTRUSTED}}",
                    ),
                ),
            ],
            "error: cluster issuer: has a TLS socket that accepts any certificate",
        ),
        (
            "any name",
            vec![
                elsewhere,
                (issuer, &with_tls("common_tls_context: {validation_context: {trusted_ca: {filename: a}}}")),
            ],
            "warning: cluster issuer: accepts a certificate for any name that the CA signed",
        ),
        (
            "claim header",
            vec![(route, "match: { prefix: /, headers: [{ name: X-Auth_Roles, present_match: true }] }")],
            "error: virtual host all, routes[0]: matches on the header X-Auth_Roles, which the filter edits",
        ),
        (
            "authorization",
            vec![(route, "match: { prefix: /, headers: [{ name: authorization, present_match: true }] }")],
            "error: virtual host all, routes[0]: matches on the header authorization, which the filter edits",
        ),
        (
            "connection",
            vec![(route, "match: { prefix: /, headers: [{ name: Connection, present_match: true }] }")],
            "error: virtual host all, routes[0]: matches on the header Connection, which the filter edits",
        ),
        (
            "query",
            vec![
                (route, "match: { prefix: /, query_parameters: [{ name: t, present_match: true }] }"),
                (
                    "audience: orders-api",
                    "audience: orders-api\n                            token_from: { query: t }",
                ),
            ],
            "error: virtual host all, routes[0]: matches on the query parameter t, which the filter removes",
        ),
        (
            "cookie",
            vec![
                (route, "match: { prefix: /, cookies: [{ name: t, string_match: { exact: a } }] }"),
                (
                    "audience: orders-api",
                    "audience: orders-api\n                            token_from: { cookie: t }",
                ),
            ],
            "error: virtual host all, routes[0]: matches on the cookie t, which the filter removes",
        ),
        (
            "filter state",
            vec![(
                route,
                "match: { prefix: /, filter_state: [{ key: wasm.jwt_guard.sub, string_match: { exact: root } }] }",
            )],
            "error: virtual host all, routes[0]: matches on the filter state wasm.jwt_guard.sub, which the filter sets",
        ),
        (
            "virtual host",
            vec![("virtual_hosts:\n", "vhost_header: x-auth-org-id\n                  virtual_hosts:\n")],
            "error: route_config.vhost_header: matches on the header x-auth-org-id, which the filter edits",
        ),
        (
            "scope",
            vec![(
                "                http_filters:\n",
                "                scoped_routes: { scope_key_builder: { fragments: [{ header_value_extractor: { name: x-auth-sub } }] } }\n                http_filters:\n",
            )],
            "header_value_extractor.name: matches on the header x-auth-sub, which the filter edits",
        ),
        (
            "off by default",
            vec![OFF],
            "error: route /*: does not enable the filter, which is disabled by default",
        ),
        (
            "off by default, with no route in sight",
            vec![OFF, ("route: { cluster: upstream }", "redirect: { path_redirect: /x }")],
            "http_filters[0].disabled: disables the filter on every route that does not enable it",
        ),
        (
            "off on a route",
            vec![(
                "route: { cluster: upstream }",
                "route: { cluster: upstream }\n                          typed_per_filter_config: { envoy.filters.http.wasm: { \"@type\": x, disabled: true } }",
            )],
            "typed_per_filter_config[\"envoy.filters.http.wasm\"]: disables the filter",
        ),
        (
            "bad metadata",
            vec![(
                route,
                "metadata: { filter_metadata: { jwt_guard: { requires_rol: a } } }\n                          match: { prefix: / }",
            )],
            "error: virtual host all, routes[0], metadata jwt_guard: requires_rol: unknown key",
        ),
        (
            "upper case",
            vec![(
                route,
                "metadata: { filter_metadata: { jwt_guard: { requires_role: a } } }\n                          match: { path: /shop.Orders/List }",
            )],
            "warning: virtual host all, routes[0]: /shop.Orders/List has an upper-case letter",
        ),
        (
            "upper case under a virtual host's metadata",
            vec![
                (
                    "domains: [\"*\"]\n",
                    "domains: [\"*\"]\n                      metadata: { filter_metadata: { jwt_guard: { requires_role: a } } }\n",
                ),
                (route, "match: { prefix: /Orders }"),
            ],
            "warning: virtual host all, routes[0]: /Orders has an upper-case letter",
        ),
        (
            "claim header, beside a route with metadata",
            vec![(
                "- match: { prefix: / }\n",
                "- match: { prefix: / , headers: [{ name: x-auth-sub, present_match: true }] }\n                          \
                 route: { cluster: upstream }\n                        - match: { prefix: / }\n                          \
                 metadata: { filter_metadata: { jwt_guard: { requires_role: a } } }\n",
            )],
            "error: virtual host all, routes[0]: matches on the claim header x-auth-sub, but not on one exact value",
        ),
        (
            "no policy",
            vec![("failure_policy: FAIL_RELOAD", "root_id: a")],
            "warning: failure_policy: is not set",
        ),
        (
            "no vm_id",
            vec![("vm_id: jwt_guard", "nack_on_code_cache_miss: true")],
            "warning: vm_config.vm_id: is not set",
        ),
        (
            "paths",
            vec![("normalize_path: true", "merge_slashes: true")],
            "warning: normalize_path: is not set to true",
        ),
        (
            "another filter",
            vec![(
                "http_filters:\n",
                "http_filters:\n                  - name: other\n                    typed_config: { key: x-auth-sub }\n",
            )],
            "names x-auth-sub, a claim header of jwt-guard",
        ),
        (
            "redirects",
            vec![(
                "route: { cluster: upstream }",
                "route: { cluster: upstream, internal_redirect_policy: {} }",
            )],
            "warning: virtual host all, routes[0]: a redirected request passes the filter again",
        ),
    ] {
        let (status, lines) = findings_after(&changes);
        let found = lines.iter().any(|line| line.contains(expected));
        assert!(found, "{what}: {lines:#?}");
        assert_eq!(status, i32::from(lines.iter().any(|line| line.starts_with("error"))), "{what}");
    }
}

/// A filter that is disabled by default, as Envoy Gateway configures it.
const OFF: (&str, &str) = (
    "- name: envoy.filters.http.wasm\n",
    "- name: envoy.filters.http.wasm\n                    disabled: true\n",
);

#[test]
fn a_filter_disabled_by_default_is_valid_if_every_route_enables_it() {
    let on = "typed_per_filter_config: { envoy.filters.http.wasm: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {} } }";
    let route = "route: { cluster: upstream }";
    let of_route = format!("{route}\n                          {on}");
    assert_eq!(findings_after(&[OFF, (route, &of_route)]), (0, vec![]));
    let of_host = format!("domains: [\"*\"]\n                      {on}");
    assert_eq!(findings_after(&[OFF, ("domains: [\"*\"]", &of_host)]), (0, vec![]));
}

#[test]
fn upper_case_is_valid_if_routes_of_the_filter_decide() {
    let (status, lines) = findings_after(&[
        ("match: { prefix: / }", "match: { prefix: /Orders }"),
        ("path: /public/**", "path: /Public/**"),
    ]);
    assert_eq!((status, lines), (0, vec![]));
}

#[test]
fn a_verifying_tls_socket_is_valid() {
    let context = "sni: issuer.example\n          common_tls_context: {validation_context: {trusted_ca: {filename: ca.crt}, \
                   match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: issuer.example}}]}}";
    let text = read("envoy/envoy.yaml")
        .replace("address: 127.0.0.1, port_value: 8090", "address: issuer.example, port_value: 443")
        .replace("- name: issuer\n      type: STATIC", &format!("- name: issuer\n      {TLS}{context}"));
    let ran = jwtguard_with(&["check", "--quiet", "--strict", "-"], &text);
    assert_eq!((ran.status, ran.err.as_str()), (0, "1 configuration: 0 errors, 0 warnings\n"));
}

#[test]
fn a_string_value_is_read() {
    let envoy = |value: &str| {
        format!(
            "static_resources:\n  listeners:\n  - filter_chains:\n    - filters:\n      - typed_config:\n          http_filters:\n          \
             - name: w\n            typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n              \
             config:\n                name: jwt-guard\n                configuration:\n                  \
             \"@type\": type.googleapis.com/google.protobuf.StringValue\n                  value: '{value}'\n"
        )
    };
    let good = envoy(r#"{"issuer":"https://a.example","audience":"a","jwks_cluster":"c"}"#);
    let ran = jwtguard_with(&["check", "-"], &good);
    assert!(ran.out.contains("issuer a_example"), "{}{}", ran.out, ran.err);
    let ran = jwtguard_with(&["check", "-"], &envoy("{broken"));
    assert!(ran.err.contains("neither a protobuf Struct nor valid JSON"), "{}", ran.err);
    let ran = jwtguard_with(&["check", "-"], &envoy(""));
    assert!(ran.err.contains("the filter has no configuration"), "{}", ran.err);
}

#[test]
fn a_configuration_in_a_config_map_is_read() {
    let inner: String = read("envoy/envoy.yaml").lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  envoy.yaml: |\n{inner}")
        .replace("audience: orders-api", "audence: orders-api");
    let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
    let line = text.lines().position(|line| line.contains("audence")).unwrap() + 1;
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains(&format!("standard input (data[\"envoy.yaml\"]):{line}: error: ")),
        "{line}: {}",
        ran.err
    );
}
