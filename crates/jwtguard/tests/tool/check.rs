//! `check`: errors, lints, tables and exit statuses.

use serde_json::Value;

use crate::run::{Folder, jwtguard, jwtguard_with};

pub const GOOD: &str = "issuer: https://a.example\naudience: a\njwks_cluster: c\n";

/// The findings about a plugin configuration, without the name of the file.
pub fn findings(text: &str) -> Vec<String> {
    let ran = jwtguard_with(&["check", "--quiet", "-"], text);
    let lines = ran.err.lines().filter_map(|line| line.strip_prefix("standard input:"));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn every_error_has_line_path_and_remedy() {
    let text = "issuer: https://a.example\naudience: [a]\njwks_clusters: c\nclock_skew_seconds: 900\nroutes:\n\
                - path: /a\n  requires_rol: admin\n- path: /b%20\n  requires_role: ''\n";
    let ran = jwtguard_with(&["check", "-"], text);
    assert_eq!(ran.status, 1);
    assert_eq!(ran.out, "");
    for expected in [
        "standard input:3: error: jwks_clusters: unknown key; did you mean jwks_cluster?\n",
        "standard input:4: error: clock_skew_seconds: expected a whole number of seconds from 0 to 600, got 900",
        "standard input:7: error: routes[0].requires_rol: unknown key; did you mean requires_role?",
        "standard input:8: error: routes[1].path: `%` is not allowed in a template",
        "standard input:9: error: routes[1].requires_role: expected a role name, got \"\"",
        "1 configuration: 5 errors, 0 warnings",
    ] {
        assert!(ran.err.contains(expected), "{expected}\nin\n{}", ran.err);
    }
    assert!(!ran.err.contains("no condition is set"), "the misspelt key is the condition: {}", ran.err);
    assert!(!ran.err.contains("is required"), "the misspelt key is the required key: {}", ran.err);
}

#[test]
fn the_policy_is_a_table() {
    let text = format!(
        "{GOOD}policies: {{staff: {{any_of: [{{requires_role: [a, b]}}, {{requires_scope: {{all: [x, z]}}}}]}}}}\n\
         default_policy: {{deny: true}}\nroutes:\n- {{path: /open/**, allow_anonymous: true}}\n\
         - {{path: '/o/{{id}}', methods: [GET, PUT], hosts: '*.b.example', policy: staff}}\n\
         - {{path: /t, requires_claim: {{claim: /t/level, any: [1, true]}}, requires_audience: a}}\n\
         - {{path: /s, allow_missing: true, shadow: {{requires_group: g}}}}\n"
    );
    let ran = jwtguard_with(&["check", "-"], &text);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for expected in [
        "  issuer a_example: iss https://a.example, audience a, RS256; keys: https://a.example/api/v1/auth/jwks through cluster c\n",
        "  /open/**         any      any          everybody, with or without a token\n",
        "  /o/{id}          GET PUT  *.b.example  a valid token with one of (role a or b) or (scope x and z)\n",
        "  /t               any      any          a valid token with audience a and claim /t/level 1 or true\n",
        "  /s               any      any          no token, or a valid token (shadow: a valid token with group g)\n",
        "  everything else  any      any          nobody\n",
    ] {
        assert!(ran.out.contains(expected), "{expected}\nin\n{}", ran.out);
    }
}

#[test]
fn the_table_shows_token_sources_and_refused_kids() {
    let ran = jwtguard_with(&["check", "-"], GOOD);
    assert!(ran.out.contains("  tokens are read from authorization: Bearer\n"), "{}", ran.out);
    assert!(!ran.out.contains("refused kids") && !ran.out.contains("token from"), "{}", ran.out);

    let text = format!(
        "{GOOD}refused_kids: [k1, k2]\ntoken_from: [{{header: x-token, prefix: 'Token '}}, {{header: x-raw}}]\n\
         routes:\n- {{path: /page, token_from: [{{cookie: session}}, {{query: t}}], allow_authenticated: true}}\n\
         - {{path: /same, token_from: [{{header: x-token, prefix: 'Token '}}, {{header: x-raw}}], requires_role: r}}\n"
    );
    let ran = jwtguard_with(&["check", "-"], &text);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for expected in [
        "/api/v1/auth/jwks through cluster c; refused kids: k1, k2\n",
        "  tokens are read from header x-token after \"Token \", header x-raw\n",
        "  route            methods  hosts  token from                         who may pass\n",
        "  /page            any      any    cookie session, query parameter t  any valid token\n",
        "  /same            any      any    as above                           a valid token with role r\n",
        "  everything else  any      any    as above                           any valid token\n",
    ] {
        assert!(ran.out.contains(expected), "{expected}\nin\n{}", ran.out);
    }
    let json: Value = serde_json::from_str(&jwtguard_with(&["check", "--json", "-"], &text).out).unwrap();
    let policy = &json["policies"][0];
    assert_eq!(policy["token_from"][1], "header x-raw");
    assert_eq!(policy["rows"][0]["token_from"][0], "cookie session");
    assert_eq!(policy["rows"][1]["token_from"], Value::Null);
}

#[test]
fn lints_are_reported_and_nothing_else() {
    assert_eq!(findings(GOOD), [""; 0]);
    let two = "issuers:\n- {issuer: https://a.example, audience: a, jwks_cluster: c}\n\
               - {issuer: https://b.example, audience: a, jwks_cluster: d}\n";
    for (what, text, expected) in [
        ("off", format!("{GOOD}enabled: false"), "4: warning: enabled: is false"),
        ("watching", format!("{GOOD}report_only: true"), "4: warning: report_only: is true"),
        (
            "open",
            format!("{GOOD}default_policy: {{allow_anonymous: true}}"),
            "4: warning: default_policy: allows every request that no route matches",
        ),
        (
            "open without a token",
            format!("{GOOD}default_policy: {{allow_missing: true}}"),
            "4: warning: default_policy: allows requests without a token that no route matches",
        ),
        ("no exp", format!("{GOOD}require_expiration: false"), "4: warning: require_expiration: is false"),
        ("any claims", format!("{GOOD}refused_claims: {{}}"), "4: warning: refused_claims: is empty"),
        (
            "query",
            format!("{GOOD}token_from: [{{query: t}}]"),
            "4: warning: token_from: reads tokens from the query",
        ),
        (
            "http",
            GOOD.replace("https:", "http:"),
            "1: warning: jwks_endpoint: fetches keys from a.example over plain http",
        ),
        (
            "a method falls through",
            format!("{GOOD}routes: [{{path: /a, methods: [GET], requires_role: r}}]"),
            "4: warning: routes[0].methods: default_policy applies to POST, PUT, PATCH, DELETE, OPTIONS /a and requires less",
        ),
        (
            "to another route",
            format!(
                "{GOOD}default_policy: {{deny: true}}\nroutes:\n- {{path: /a/**, allow_anonymous: true}}\n\
                     - {{path: '/a/{{x}}', methods: GET, deny: true}}"
            ),
            "7: warning: routes[1].methods: routes[0] (/a/**) applies to POST, PUT, PATCH, DELETE, OPTIONS /a/{x} and requires less",
        ),
        (
            "never applies",
            format!(
                "{GOOD}resource_metadata: {{resource: 'https://h.example'}}\nroutes:\n\
                     - {{path: /.well-known/oauth-protected-resource, methods: GET, hosts: h.example, deny: true}}"
            ),
            "6: warning: routes[0]: /.well-known/oauth-protected-resource never applies",
        ),
        (
            "misspelt",
            format!(
                "{GOOD}routes:\n- {{path: /a, requires_role: editor}}\n- {{path: /b, requires_role: [x, editor]}}\n\
                     - {{path: /c, requires_role: edtior}}"
            ),
            "7: warning: routes[2].requires_role: \"edtior\" occurs only here, and the similar \"editor\" occurs 2 times",
        ),
        ("unused", format!("{two}policies: {{p: {{deny: true}}}}"), ""),
        (
            "trust",
            format!(
                "{two}routes:\n- {{path: /a, any_of: [{{requires_issuer: a_example, requires_role: r}}, {{requires_role: s}}]}}"
            ),
            "5: warning: routes[0]: requires a role, group, scope or claim from any issuer",
        ),
    ] {
        let found = findings(&text);
        let found: Vec<_> =
            found.iter().filter(|line| !line.contains(" over plain http") || what == "http").collect();
        match expected {
            "" => assert!(found.is_empty(), "{what}: {found:?}"),
            _ => assert!(found.len() == 1 && found[0].starts_with(expected), "{what}: {found:#?}"),
        }
    }
}

#[test]
fn intended_configurations_have_no_lint() {
    let two = "issuers:\n- {issuer: https://a.example, audience: a, jwks_cluster: c}\n\
               - {issuer: https://b.example, audience: a, jwks_cluster: d}\n";
    for text in [
        format!("{two}routes: [{{path: /a, requires_issuer: a_example, requires_role: r}}]"),
        format!("{two}routes: [{{path: /a, any_of: [{{requires_issuer: a_example, requires_role: r}}]}}]"),
        format!("{GOOD}routes: [{{path: /a, methods: [GET], allow_anonymous: true}}]"),
        format!(
            "{GOOD}routes: [{{path: /a, methods: [GET], requires_role: r}}, {{path: /a, allow_authenticated: true}}]"
        ),
        format!(
            "{GOOD}default_policy: {{deny: true}}\nroutes: [{{path: /a, methods: [GET], requires_role: r}}]"
        ),
        format!("{GOOD}routes: [{{path: /a, requires_role: v1}}, {{path: /b, requires_role: v2}}]"),
        format!(
            "{GOOD}routes: [{{path: '/{{a}}', deny: true}}, {{path: /x, deny: true}}, {{path: '/**', deny: true}}, {{path: /, deny: true}}]"
        ),
        GOOD.replace("https://a.example", "http://127.0.0.1:8090"),
    ] {
        assert_eq!(findings(&text), [""; 0], "{text}");
    }
}

#[test]
fn exit_statuses_are_for_ci() {
    let folder = Folder::new("exit-codes");
    let (good, doubtful, bad) = (
        folder.file("good.yaml", GOOD),
        folder.file("doubtful.yaml", &format!("{GOOD}report_only: true")),
        folder.file("bad.yaml", &format!("{GOOD}rutes: []")),
    );
    let (other, broken) = (folder.file("other.yaml", "a: 1"), folder.file("broken.yaml", "a: [1\nb: 2"));
    for (arguments, status) in [
        (vec!["check", good.as_str()], 0),
        (vec!["check", doubtful.as_str()], 0),
        (vec!["check", "--strict", doubtful.as_str()], 1),
        (vec!["check", good.as_str(), bad.as_str()], 1),
        (vec!["check", other.as_str()], 2),
        (vec!["check", broken.as_str()], 2),
        (vec!["check", "/no/such/file"], 2),
        (vec!["check"], 2),
    ] {
        let ran = jwtguard(&arguments);
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.err);
        assert!(status == 0 || !ran.err.is_empty());
    }
    assert!(jwtguard(&["check", &broken]).err.contains("broken.yaml: line 2: invalid YAML"));
    assert!(jwtguard(&["check", &other]).err.contains("no configuration of jwt-guard in "));
}

#[test]
fn the_json_output_has_the_documented_members() {
    let text = format!("{GOOD}report_only: true\nroutes: [{{path: /a, methods: GET, requires_role: r}}]");
    let ran = jwtguard_with(&["check", "--json", "-"], &text);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((json["errors"].clone(), json["warnings"].clone()), (0.into(), 2.into()), "{json:#}");
    assert_eq!(json["findings"][0]["path"], "report_only");
    assert_eq!(json["findings"][0]["line"], 4);
    assert_eq!(json["policies"][0]["rows"][0]["methods"][0], "GET");
    assert_eq!(json["policies"][0]["modes"][0], "report_only: the filter denies nothing");
    assert_eq!(ran.err, "");
}

#[test]
fn plugin_json_is_read_like_yaml() {
    let text =
        "{\"issuer\":\"https://a.example\",\"audience\":\"a\",\n\"jwks_cluster\":\"c\",\n\"rutes\":[]}";
    let ran = jwtguard_with(&["check", "-"], text);
    assert!(
        ran.err.contains("standard input:3: error: rutes: unknown key; did you mean routes?"),
        "{}",
        ran.err
    );
    let twice = jwtguard_with(&["check", "-"], r#"{"issuer":"a","issuer":"b"}"#);
    assert_eq!(twice.status, 2);
    assert!(
        twice.err.contains("duplicate name \"issuer\" in an object; write each name once"),
        "{}",
        twice.err
    );
}
