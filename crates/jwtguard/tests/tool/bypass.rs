//! `check` on Envoy settings that let requests bypass the filter, in every spelling that Envoy accepts.

use crate::context::{findings_after, is_finding};
use crate::run::read;

const POLICY: &str = "failure_policy: FAIL_RELOAD";
const FILTER: &str = "- name: envoy.filters.http.wasm\n";
const ROUTE: &str = "route: { cluster: upstream }";
const ROUTER: &str = "{ name: envoy.filters.http.router, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }";

/// A route setting that disables the filter.
fn off(flag: &str) -> String {
    format!(
        "typed_per_filter_config: {{ envoy.filters.http.wasm: {{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: {flag} }} }}"
    )
}

fn expect(what: &str, changes: &[(&str, &str)], expected: &str) {
    let (status, lines) = findings_after(changes);
    assert!(lines.len() == 1 && is_finding(&lines[0], expected), "{what}: {lines:#?}");
    assert_eq!(status, i32::from(expected.starts_with("error")), "{what}");
}

#[test]
fn every_spelling_of_true_is_recognized() {
    let open = "error: fail_open: forwards every request unchecked";
    for flag in ["y", "Y", "yes", "t", "'true'", "'1'", "\"Y\""] {
        expect(flag, &[(POLICY, &format!("{POLICY}\n                        fail_open: {flag}"))], open);
        let disabled = format!("{FILTER}                    disabled: {flag}\n");
        let expected = "error: route /*: does not enable the filter, which is disabled by default";
        expect(flag, &[(FILTER, &disabled)], expected);
        let route = format!("{ROUTE}\n                          {}", off(flag));
        let expected = "error: typed_per_filter_config[\"envoy.filters.http.wasm\"]: disables the filter";
        expect(flag, &[(ROUTE, &route)], expected);
    }
    for flag in ["n", "N", "off", "'false'", "f"] {
        let said = format!("{POLICY}\n                        fail_open: {flag}");
        let route = format!("{ROUTE}\n                          {}", off(flag));
        assert_eq!(findings_after(&[(POLICY, &said), (ROUTE, &route)]), (0, vec![]), "{flag}");
    }
}

#[test]
fn every_spelling_of_an_enum_value_is_recognized() {
    for policy in ["fail_open", "Fail_Open", "FAIL_OPEN", "3", "'3'", "0x3"] {
        let expected = "error: failure_policy: forwards every request unchecked";
        expect(policy, &[(POLICY, &format!("failure_policy: {policy}"))], expected);
    }
    for policy in ["fail_reload", "1", "Fail_Closed", "2"] {
        assert_eq!(
            findings_after(&[(POLICY, &format!("failure_policy: {policy}"))]),
            (0, vec![]),
            "{policy}"
        );
    }
    expect("0", &[(POLICY, "failure_policy: 0")], "warning: failure_policy: is not set");

    let tls = |verification: &str| {
        format!(
            "- name: issuer\n      transport_socket: {{ name: tls, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, \
             sni: issuer.example, common_tls_context: {{ validation_context: {{ trusted_ca: {{ filename: ca.crt }}, \
             match_typed_subject_alt_names: [{{ san_type: DNS, matcher: {{ exact: issuer.example }} }}], \
             trust_chain_verification: {verification} }} }} }} }}\n"
        )
    };
    for verification in ["ACCEPT_UNTRUSTED", "accept_untrusted", "1"] {
        let expected = "error: cluster issuer: has a TLS socket that accepts any certificate";
        expect(verification, &[("- name: issuer\n", &tls(verification))], expected);
    }
    for verification in ["VERIFY_TRUST_CHAIN", "0"] {
        assert_eq!(
            findings_after(&[("- name: issuer\n", &tls(verification))]),
            (0, vec![]),
            "{verification}"
        );
    }
}

#[test]
fn an_upgrade_with_its_own_filters_needs_jwt_guard() {
    let normalize = "normalize_path: true\n";
    let with = |upgrade: &str| format!("{normalize}                upgrade_configs: [{upgrade}]\n");
    expect(
        "a WebSocket past the filter",
        &[(normalize, &with(&format!("{{ upgrade_type: websocket, filters: [{ROUTER}] }}")))],
        "error: upgrade_configs[0]: has filters without jwt-guard: a client that requests websocket",
    );
    expect(
        "off until a route puts it on",
        &[(normalize, &with(&format!("{{ upgrade_type: websocket, enabled: false, filters: [{ROUTER}] }}")))],
        "warning: upgrade_configs[0]: has filters without jwt-guard",
    );
    let ours = format!("{{ name: g, typed_config: {OURS} }}");
    for upgrade in [
        "{ upgrade_type: websocket }".to_owned(),
        "{ upgrade_type: websocket, filters: [] }".to_owned(),
        format!("{{ upgrade_type: websocket, filters: [{ours}, {ROUTER}] }}"),
    ] {
        assert_eq!(findings_after(&[(normalize, &with(&upgrade))]), (0, vec![]), "{upgrade}");
    }
}

/// The configuration of the filter.
const OURS: &str = "{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: { name: jwt_guard, \
                    failure_policy: FAIL_RELOAD, vm_config: { vm_id: jwt_guard }, configuration: { \
                    \"@type\": type.googleapis.com/google.protobuf.Struct, value: { issuer: https://issuer.example, \
                    audience: orders-api, jwks_cluster: issuer } } } }";

/// Replaces the filter of the example.
fn instead(typed_config: &str) -> (String, String) {
    let file = read("envoy/envoy.yaml");
    let start = file.find("                    typed_config:\n                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm").unwrap();
    let end = file.find("                  - name: envoy.filters.http.router").unwrap();
    (file[start..end].to_owned(), format!("                    typed_config: {typed_config}\n"))
}

#[test]
fn a_filter_around_jwt_guard_that_can_skip_it_is_reported() {
    let skip = "{ matcher_tree: { input: { name: h, typed_config: { \"@type\": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, \
                header_name: x-skip } }, exact_match_map: { map: { a: { action: { name: skip, typed_config: { \
                \"@type\": type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter } } } } } } }";
    let matcher = |matcher: &str, extension: &str| {
        format!(
            "{{ \"@type\": type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher, xds_matcher: {matcher}, \
             extension_config: {{ name: inner, typed_config: {extension} }} }}"
        )
    };
    let (from, to) = instead(OURS);
    assert_eq!(findings_after(&[(&from, &to)]), (0, vec![]));

    let (from, to) = instead(&matcher(skip, OURS));
    let expected = "error: ExtensionWithMatcher: contains jwt-guard and can skip it: skipped requests reach the upstream unchecked";
    expect("skipped", &[(&from, &to)], expected);

    // Routes refer to the filter by the name of the outer entry.
    let route = format!("{ROUTE}\n                          {}", off("true"));
    let (_, lines) = findings_after(&[(&from, &to), (ROUTE, &route)]);
    assert!(lines.iter().any(|line| line.contains("disables the filter")), "{lines:#?}");

    let run = format!(
        "{{ on_no_match: {{ action: {{ name: run, typed_config: {{ \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.composite.v3.ExecuteFilterAction, \
         typed_config: {{ name: inner, typed_config: {OURS} }} }} }} }} }}"
    );
    let composite = "{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.composite.v3.Composite }";
    let (from, to) = instead(&matcher(&run, composite));
    let expected = "warning: ExecuteFilterAction: runs jwt-guard only for requests that its matcher selects";
    expect("run by a matcher", &[(&from, &to)], expected);
}
