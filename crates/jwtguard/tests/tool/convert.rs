//! `convert` on Envoy's configuration: what becomes of each field, which notes it prints, and what it refuses.

use crate::run::{Folder, Output, jwtguard, jwtguard_with};

/// An Envoy configuration with a jwt_authn and an RBAC filter, whose conversion is equal.
const EQUAL: &str = "\
static_resources:
  listeners:
  - name: http
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          http_filters:
          - name: envoy.filters.http.jwt_authn
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                staff:
                  issuer: https://issuer.example
                  audiences: [orders-api]
                  payload_in_metadata: payload
                  remote_jwks:
                    http_uri: { uri: https://issuer.example/keys, cluster: issuer, timeout: 5s }
              rules:
              - match: { prefix: / }
                requires: { provider_name: staff }
          - name: envoy.filters.http.rbac
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules:
                action: ALLOW
                policies:
                  everybody:
                    permissions: [{ url_path: { path: { prefix: /api } } }]
                    principals:
                    - metadata:
                        filter: envoy.filters.http.jwt_authn
                        path: [{ key: payload }, { key: level }]
                        value: { double_match: { exact: 5 } }
          - name: envoy.filters.http.router
            typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
";

/// Runs `convert` on a changed configuration. Each text must be in it.
fn converted(changes: &[(&str, &str)]) -> Output {
    let text = changes.iter().fold(EQUAL.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    jwtguard_with(&["convert", "-"], &text)
}

#[test]
fn an_equal_policy_exits_with_0_and_tells_nothing() {
    let output = converted(&[]);
    assert_eq!((output.status, output.err.as_str()), (0, ""), "{}", output.out);
    assert_eq!(
        output.out,
        "\
# converted from standard input:8: connection manager ingress
# standard input:16: provider staff
# only RS256 is accepted: name other algorithms in accepted_algorithms
issuer: https://issuer.example
audience: orders-api
jwks_cluster: issuer
jwks_endpoint: https://issuer.example/keys
jwks_ttl_seconds: 600
jwks_timeout_ms: 5000
require_expiration: false
token_from: [{ header: authorization }, { query: access_token }]
routes:
  # standard input:22: rules[0]; standard input:31: policy everybody
  - { path: /api**, requires_claim: { claim: level, at_least: 5, at_most: 5 } }
# standard input:22: rules[0]
default_policy: { deny: true }
"
    );
    let checked = jwtguard_with(&["check", "-"], &output.out);
    assert_eq!(checked.status, 0, "{}", checked.err);
}

/// A change of a field, and the line of the policy that it becomes.
#[test]
fn each_field_of_a_provider_becomes_a_key() {
    let after = "payload_in_metadata: payload\n";
    for (field, expected) in [
        ("require_expiration: true", ""),
        ("clock_skew_seconds: 5", "clock_skew_seconds: 5\n"),
        ("forward: true", "forward_token: true\n"),
        ("from_headers: [{ name: X-Token }]", "token_from: [{ header: x-token }]\n"),
        ("from_params: [jwt]", "token_from: [{ query: jwt }]\n"),
        ("from_cookies: [session]", "token_from: [{ cookie: session }]\n"),
        ("forward_payload_header: x-payload", "claim_headers: { x-payload: $payload }\n"),
        (
            "claim_to_headers: [{ header_name: x-user, claim_name: sub }, { header_name: x-r, claim_name: a.b }]",
            "claim_headers: { x-user: sub, x-r: /a/b }\n",
        ),
        ("jwt_cache_config: { jwt_cache_size: 100 }", ""),
        ("clear_route_cache: true", ""),
        ("subjects: { prefix: svc- }", "{ claim: sub, prefix: svc- }"),
    ] {
        let to = format!("{after}                  {field}\n");
        let output = converted(&[(after, &to)]);
        assert_eq!((output.status, output.err.as_str()), (0, ""), "{field}");
        assert!(output.out.contains(expected), "{field}: {}", output.out);
    }
    assert!(!converted(&[(after, "require_expiration: true\n")]).out.contains("require_expiration"));
}

/// A prefix matches no request without a path, such as CONNECT, and the default decides on these.
#[test]
fn requests_without_a_path_pass_only_where_the_original_passes_them() {
    let output = converted(&[("prefix: /api }", "prefix: / }")]);
    assert_eq!(output.status, 0, "{}", output.err);
    assert!(output.out.contains("- { path: /**, requires_claim: { claim: level"), "{}", output.out);
    assert!(output.out.ends_with("default_policy: { deny: true }\n"), "{}", output.out);
    // Without RBAC, the original passes these requests, and the default asks for a token as the other paths do.
    let tokens = converted(&[("action: ALLOW", "action: LOG")]);
    assert!(tokens.out.ends_with("default_policy: { allow_authenticated: true }\n"), "{}", tokens.out);
}

/// An escaped `*` of a regular expression is no `*` of a template.
#[test]
fn a_text_that_a_template_would_read_otherwise_opens_nothing() {
    let open =
        "rules:\n              - match: { safe_regex: { regex: '/api/[^/]+/x\\*' } }\n              - match";
    let output = converted(&[("rules:\n              - match", open)]);
    assert_eq!(output.status, 1, "{}", output.out);
    assert!(!output.out.contains("x*") && !output.out.contains("allow_anonymous"), "{}", output.out);
}

/// A change, the line of the note, and a part of it.
#[test]
fn what_is_not_equal_is_told_with_its_place() {
    let provider = "payload_in_metadata: payload\n";
    let permission = "permissions: [{ url_path: { path: { prefix: /api } } }]";
    for (from, to, place, told) in [
        (
            "prefix: / }",
            "prefix: /api/ }",
            "standard input:31: ",
            "lossy: /api/ is denied to everybody, because /api and /api/ are one path for jwt-guard and two in the original",
        ),
        (
            permission,
            "permissions: [{ url_path: { path: { suffix: .json } } }]",
            "standard input:31: ",
            "lossy: no path template stands for the end \".json\"",
        ),
        (
            permission,
            "permissions: [{ uri_template: { name: t, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: \"/api/{id}\" } } }]",
            "standard input:31: ",
            "lossy: `*` and `{id}` take every character here",
        ),
        (
            permission,
            "permissions: [{ header: { name: x-internal, present_match: true } }]",
            "standard input:31: ",
            "dropped: jwt-guard does not read the header x-internal",
        ),
        (
            "value: { double_match: { exact: 5 } }",
            "value: { string_match: { exact: a } }",
            "standard input:34: ",
            "lossy: a text and a list with this text count alike",
        ),
        (
            "value: { double_match: { exact: 5 } }",
            "value: { string_match: { contains: a } }",
            "standard input:34: ",
            "lossy: jwt-guard has no condition like this one on the claim level",
        ),
        (
            provider,
            "payload_in_metadata: payload\n                  max_lifetime: 3600s\n",
            "standard input:19: ",
            "lossy: max_token_lifetime_seconds limits exp minus iat",
        ),
        (
            provider,
            "payload_in_metadata: payload\n                  failed_status_in_metadata: status\n",
            "standard input:19: ",
            "dropped: a Wasm filter writes no dynamic metadata",
        ),
        (
            "https://issuer.example\n",
            "\"\"\n",
            "standard input:16: ",
            "dropped: the provider names no issuer",
        ),
        ("action: ALLOW", "action: LOG", "standard input:28: ", "dropped: the action LOG refuses nothing"),
        (
            "              rules:\n              - match",
            "              stat_prefix: a\n              rules:\n              - match",
            "standard input:21: ",
            "dropped: the bodies of refusals and the metrics",
        ),
    ] {
        let output = converted(&[(from, to)]);
        assert_eq!(output.status, 1, "{to}: {}", output.err);
        assert!(
            output.err.lines().any(|line| line.starts_with(place) && line.contains(told)),
            "{to}: {}",
            output.err
        );
        let checked = jwtguard_with(&["check", "-"], &output.out);
        // Without a usable provider there is no configuration.
        assert!(checked.status == 0 || to == "\"\"\n", "{to}: {}{}", output.out, checked.err);
    }
}

#[test]
fn what_cannot_be_read_exits_with_2_and_prints_no_policy() {
    for (from, to, told) in [
        (
            "rules:\n              - match",
            "rulez:\n              - match",
            "standard input:22: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config.rulez: unknown field rulez; did you mean rules?",
        ),
        (
            "provider_name: staff }",
            "provider_name: stuff }",
            ".requires.provider_name: providers has no \"stuff\"",
        ),
        ("match: { prefix: / }", "match: {}", "expected one of prefix, path"),
        ("timeout: 5s", "timeout: 5", "expected a duration such as 5s"),
        ("audiences: [orders-api]", "audiences: orders-api", "found \"orders-api\"; expected a list"),
        ("action: ALLOW", "action: PERMIT", "expected ALLOW, DENY or LOG"),
        ("double_match: { exact: 5 }", "double_match: { exact: five }", "expected a number"),
        ("cluster: issuer, ", "", "found no cluster; expected a text"),
        (
            "permissions: [{ url_path",
            "permissions: [{ any: true, url_path",
            "found any and url_path; expected one of them",
        ),
        (
            "          - name: envoy.filters.http.rbac\n",
            "          - name: another\n            typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication }\n          - name: envoy.filters.http.rbac\n",
            "found a second jwt_authn in one chain",
        ),
        (
            "jwt_authn.v3.JwtAuthentication\n              providers:",
            "rbac.v3.RBAC\n              providers:",
            "unknown field providers",
        ),
    ] {
        let output = converted(&[(from, to)]);
        assert_eq!((output.status, output.out.as_str()), (2, ""), "{to}: {}", output.err);
        assert!(output.err.contains(told), "{to}: {}", output.err);
    }
}

#[test]
fn files_without_anything_to_convert_exit_with_2() {
    for (text, told) in [
        ("a: [", "invalid YAML"),
        ("", "nothing to convert in "),
        ("just text", "nothing to convert in standard input"),
        (
            "{\"static_resources\": {}}",
            "nothing to convert in standard input; expected an Envoy configuration",
        ),
        ("issuer: https://issuer.example\naudience: a\njwks_cluster: c\n", "nothing to convert"),
    ] {
        let output = jwtguard_with(&["convert", "-"], text);
        assert_eq!((output.status, output.out.as_str()), (2, ""), "{text}: {}", output.err);
        assert!(output.err.contains(told), "{text}: {}", output.err);
    }
    let output = jwtguard(&["convert", "no-such-file.yaml"]);
    assert_eq!((output.status, output.out.as_str()), (2, ""));
    assert!(output.err.contains("cannot read no-such-file.yaml"), "{}", output.err);
}

#[test]
fn json_and_a_config_dump_convert_as_yaml_does() {
    let documents = jwtguard::inspect::documents("standard input", EQUAL).unwrap();
    let json = documents[0].tree.to_json();
    let as_json = jwtguard_with(&["convert", "-"], &json);
    let without_lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim_start().starts_with('#')).map(ToOwned::to_owned).collect()
    };
    let as_yaml = converted(&[]);
    assert_eq!((as_json.status, without_lines(&as_json.out)), (0, without_lines(&as_yaml.out)));

    // Envoy's dump has the listeners of the bootstrap twice.
    let bootstrap: serde_json::Value = serde_json::from_str(&json).unwrap();
    let listener = bootstrap["static_resources"]["listeners"][0].clone();
    let typed = |name: &str| format!("type.googleapis.com/envoy.admin.v3.{name}");
    let dump = serde_json::json!({ "configs": [
        { "@type": typed("BootstrapConfigDump"), "bootstrap": bootstrap },
        { "@type": typed("ListenersConfigDump"), "static_listeners": [{ "listener": listener }] },
    ] });
    let of_dump = jwtguard_with(&["convert", "-"], &dump.to_string());
    assert_eq!((of_dump.status, without_lines(&of_dump.out)), (0, without_lines(&as_yaml.out)));
}

#[test]
fn each_listener_of_each_file_is_a_policy() {
    let folder = Folder::new("convert");
    let one = folder.file("one.yaml", EQUAL);
    let two = folder.file("two.yaml", &EQUAL.replace("stat_prefix: ingress", "stat_prefix: egress"));
    let output = jwtguard(&["convert", &one, &two]);
    assert_eq!(output.status, 0, "{}", output.err);
    let policies: Vec<&str> = output.out.split("---\n").collect();
    assert_eq!(policies.len(), 2, "{}", output.out);
    for (policy, file, name) in [(policies[0], &one, "ingress"), (policies[1], &two, "egress")] {
        let heading = format!("# converted from {file}:8: connection manager {name}\n");
        assert!(policy.starts_with(&heading), "{policy}");
    }
}

#[test]
fn a_filter_where_it_cannot_be_read_exits_with_2() {
    // Something around the filter decides whether it runs.
    let inner = "typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher\n              extension_config:\n                name: a\n                typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC }\n          - name: last\n            typed_config: {";
    let output = converted(&[("typed_config: {", inner)]);
    assert_eq!((output.status, output.out.as_str()), (2, ""), "{}", output.err);
    assert!(output.err.contains("found the filter inside another filter"), "{}", output.err);
}

/// The example of the document is what the command prints.
#[test]
fn the_example_of_the_document_is_what_convert_prints() {
    let text = crate::run::read("docs/migration.md");
    let section =
        |title: &str| text.split("\n## ").find(|section| section.lines().next() == Some(title)).unwrap();
    let example =
        section("From jwt_authn and RBAC").split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let output = jwtguard_with(&["convert", "-"], example);
    assert_eq!(output.status, 1);
    let shown = section("Let jwtguard convert");
    // A note is shown without the path of its value.
    let notes = output.err.lines().map(|line| {
        let (place, rest) = line.split_once(": ").unwrap();
        format!("{place}: … {}", rest.split_once(": ").unwrap().1)
    });
    let lines: Vec<String> = output.out.lines().map(ToOwned::to_owned).chain(notes).collect();
    let missing: Vec<&String> =
        lines.iter().filter(|line| !shown.contains(&format!("\n    {line}\n"))).collect();
    assert!(missing.is_empty(), "the document lacks these lines: {missing:#?}");
    assert_eq!(
        shown.lines().filter(|line| line.starts_with("    ")).count(),
        lines.len() + 1,
        "and one for the command"
    );
}
