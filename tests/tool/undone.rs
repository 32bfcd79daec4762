//! `check` on Envoy's own ways to run a request without the filter, in every spelling that Envoy takes.

use crate::surroundings::told;

const POLICY: &str = "failure_policy: FAIL_RELOAD";
const FILTER: &str = "- name: envoy.filters.http.wasm\n";
const ROUTE: &str = "route: { cluster: upstream }";

/// A filter's configuration on a route that switches it off.
fn off(flag: &str) -> String {
    format!(
        "typed_per_filter_config: {{ envoy.filters.http.wasm: {{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: {flag} }} }}"
    )
}

fn expect(what: &str, changes: &[(&str, &str)], expected: &str) {
    let (status, lines) = told(changes);
    assert!(lines.len() == 1 && lines[0].starts_with(expected), "{what}: {lines:#?}");
    assert_eq!(status, i32::from(expected.starts_with("error")), "{what}");
}

#[test]
fn every_spelling_of_true_is_true() {
    let open = "error: fail_open: lets every request pass unchecked";
    for flag in ["y", "Y", "yes", "t", "'true'", "'1'", "\"Y\""] {
        expect(flag, &[(POLICY, &format!("{POLICY}\n                        fail_open: {flag}"))], open);
        let disabled = format!("{FILTER}                    disabled: {flag}\n");
        let expected = "error: route /*: does not put the filter on, which is disabled elsewhere";
        expect(flag, &[(FILTER, &disabled)], expected);
        let route = format!("{ROUTE}\n                          {}", off(flag));
        let expected = "error: typed_per_filter_config.envoy.filters.http.wasm: takes the filter off";
        expect(flag, &[(ROUTE, &route)], expected);
    }
    for flag in ["n", "N", "off", "'false'", "f"] {
        let said = format!("{POLICY}\n                        fail_open: {flag}");
        let route = format!("{ROUTE}\n                          {}", off(flag));
        assert_eq!(told(&[(POLICY, &said), (ROUTE, &route)]), (0, vec![]), "{flag}");
    }
}

#[test]
fn every_spelling_of_an_enum_is_that_enum() {
    for policy in ["fail_open", "Fail_Open", "FAIL_OPEN", "3", "'3'", "0x3"] {
        let expected = "error: failure_policy: lets every request pass unchecked";
        expect(policy, &[(POLICY, &format!("failure_policy: {policy}"))], expected);
    }
    for policy in ["fail_reload", "1", "Fail_Closed", "2"] {
        assert_eq!(told(&[(POLICY, &format!("failure_policy: {policy}"))]), (0, vec![]), "{policy}");
    }
    expect("0", &[(POLICY, "failure_policy: 0")], "warning: failure_policy: is not said");

    let tls = |verification: &str| {
        format!(
            "- name: issuer\n      transport_socket: {{ name: tls, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, \
             sni: issuer.example, common_tls_context: {{ validation_context: {{ trusted_ca: {{ filename: ca.crt }}, \
             match_typed_subject_alt_names: [{{ san_type: DNS, matcher: {{ exact: issuer.example }} }}], \
             trust_chain_verification: {verification} }} }} }} }}\n"
        )
    };
    for verification in ["ACCEPT_UNTRUSTED", "accept_untrusted", "1"] {
        let expected = "error: cluster issuer: has a TLS socket that takes any certificate";
        expect(verification, &[("- name: issuer\n", &tls(verification))], expected);
    }
    for verification in ["VERIFY_TRUST_CHAIN", "0"] {
        assert_eq!(told(&[("- name: issuer\n", &tls(verification))]), (0, vec![]), "{verification}");
    }
}
