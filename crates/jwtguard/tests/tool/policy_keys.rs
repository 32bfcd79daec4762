//! Guards, names, lists of paths, comparisons and step-up in `check`, `explain` and `test`.

use serde_json::Value;

use crate::run::{Folder, jwtguard, jwtguard_with};

const PLUGIN: &str = r#"
issuer: https://a.example
audience: a
jwks_cluster: c
jwks_endpoint: /k
routes:
- { path: ["/a/{id}", /b], name: ab, allow_authenticated: true }
- path: "/users/{id}"
  hosts: ["{tenant}.a.example"]
  requires_claim: [{ claim: sub, equals: { path: id } }, { claim: tenant, equals: { host: tenant } }]
- { path: /pay, requires_step_up: { acr: [phr], max_age_seconds: 300 } }
guards:
- { path: /**, methods: [DELETE], requires_role: admin, name: admins_delete }
- { path: [/internal/**, /debug], requires_claim: { claim: customer, equals: { header: x-customer } } }
"#;

#[test]
fn the_table_shows_names_paths_and_guards() {
    let ran = jwtguard_with(&["check", "--strict", "-"], PLUGIN);
    assert_eq!((ran.status, ran.err.as_str()), (0, "1 configuration: 0 errors, 0 warnings\n"), "{}", ran.out);
    for line in [
        "  /a/{id} (ab)     any      any                 any valid token\n",
        "  /b (ab)          any      any                 any valid token\n",
        "  /users/{id}      any      {tenant}.a.example  a valid token with claim sub equal to the path parameter {id} \
         and claim tenant equal to the host label {tenant}\n",
        "  /pay             any      any                 a valid token with step-up: acr phr and auth_time at most \
         300 s ago\n",
        "  guard                methods  hosts  who passes it\n",
        "  /** (admins_delete)  DELETE   any    a valid token with role admin\n",
        "  /debug               any      any    a valid token with claim customer equal to the header x-customer\n",
    ] {
        assert!(ran.out.contains(line), "{line}\nin\n{}", ran.out);
    }
    let json: Value = serde_json::from_str(&jwtguard_with(&["check", "--json", "-"], PLUGIN).out).unwrap();
    let guards = json["policies"][0]["guards"].as_array().unwrap();
    assert_eq!(guards.len(), 3, "one row for each path: {json}");
    assert_eq!(
        (&guards[0]["route"], &guards[0]["methods"][0]),
        (&"/** (admins_delete)".into(), &"DELETE".into())
    );
}

#[test]
fn explain_shows_the_values_of_the_request() {
    let folder = Folder::new("policy-keys");
    let plugin = folder.file("plugin.yaml", PLUGIN);
    let explain = |request: &str, more: &[&str]| {
        let arguments = [&["explain", &plugin, "--request", request], more].concat();
        jwtguard(&arguments)
    };
    let claims = r#"{"sub":"alice","tenant":"t1"}"#;
    let own = explain("GET /users/alice", &["--host", "t1.a.example", "--claims", claims]);
    assert_eq!(own.status, 0, "{}", own.out);
    let other = explain("DELETE /users/bob", &["--host", "t2.a.example", "--claims", claims]);
    assert_eq!(other.status, 1);
    for line in [
        "not met  claim sub equal to the path parameter {id}; the token has claim sub \"alice\", and the path parameter \
         {id} is \"bob\"\n",
        "not met  claim tenant equal to the host label {tenant}; the token has claim tenant \"t1\", and the host label \
         {tenant} is \"t2\"\n",
        "  admins_delete: a valid token with role admin\n",
        "not met  role admin; the token has no role",
    ] {
        assert!(other.out.contains(line), "{line}\nin\n{}", other.out);
    }
    let twice =
        ["--header", "x-customer=c1", "--header", "x_customer=c2", "--claims", r#"{"customer":"c1"}"#];
    let ambiguous = explain("GET /debug", &twice);
    let line = "the token has claim customer \"c1\", and the header x-customer does not count: it is absent, sent twice \
                or ambiguous\n";
    assert!(ambiguous.status == 1 && ambiguous.out.contains(line), "{}", ambiguous.out);
    let old = ["--now", "1700000000", "--claims", r#"{"acr":"phr","auth_time":1699999000}"#];
    let old = explain("GET /pay", &old);
    assert!(
        old.out
            .contains("the token has claim acr \"phr\" and claim auth_time 1699999000 (now: 1700000000)\n"),
        "{}",
        old.out
    );
    assert!(old.out.contains("acr_values=\"phr\", max_age=\"300\""), "{}", old.out);
}

#[test]
fn tests_have_a_time_and_find_rules_by_name() {
    let folder = Folder::new("policy-keys-tests");
    folder.file("plugin.yaml", PLUGIN);
    let tests = folder.file(
        "tests.yaml",
        "config: plugin.yaml\nnow: 1700000000\ntests:\n\
         - {request: GET /pay, claims: {acr: phr, auth_time: 1699999900}, expect: pass}\n\
         - {request: GET /pay, claims: {acr: phr, auth_time: 1699999000}, expect: {status: 401, reason: step_up}}\n\
         - {request: GET /pay, now: 1699999100, claims: {acr: phr, auth_time: 1699999000}, expect: pass}\n\
         - {request: GET /b, claims: {sub: s}, expect: {pass: true, rule: ab}}\n\
         - {request: DELETE /b, claims: {sub: s}, expect: {reason: role, rule: admins_delete}}\n\
         - {request: GET /debug, headers: {x-customer: c1}, claims: {customer: c1}, expect: pass}\n\
         - {request: GET /debug, headers: {x-customer: c2}, claims: {customer: c1}, expect: {reason: claim}}\n",
    );
    let ran = jwtguard(&["test", &tests]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("7 passed, 0 failed\n"), "{}", ran.out);
}

#[test]
fn a_rule_for_methods_on_every_path_may_be_meant_as_a_guard() {
    let text = "issuer: https://a.example\naudience: a\njwks_cluster: c\njwks_endpoint: /k\nroutes:\n\
                - { path: /api/**, allow_authenticated: true }\n\
                - { path: /**, methods: [DELETE], requires_role: admin }\n";
    let ran = jwtguard_with(&["check", "-"], text);
    let line = "/** is shadowed for DELETE by routes[0] (/api/**)";
    assert!(ran.out.contains(line) || ran.err.contains(line), "{}{}", ran.out, ran.err);
    let advice = "or move this route into guards, where it applies beside every other route";
    assert!(ran.out.contains(advice) || ran.err.contains(advice), "{}{}", ran.out, ran.err);
    let guard = text.replace("- { path: /**, methods", "guards:\n- { path: /**, methods");
    let ran = jwtguard_with(&["check", "--strict", "-"], &guard);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}

/// The warnings about one route beside a default policy that requires a token.
fn warnings(route: &str) -> Vec<String> {
    let text = format!(
        "issuer: https://a.example\naudience: a\njwks_cluster: c\njwks_endpoint: /k\nroutes:\n- {{ {route} }}\n"
    );
    let ran = jwtguard_with(&["check", "--json", "-"], &text);
    let json: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out));
    let findings = json["findings"].as_array().unwrap().iter();
    findings
        .map(|found| format!("{}: {}", found["path"].as_str().unwrap(), found["problem"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_part_of_a_segment_that_matches_more_or_less_than_it_seems_is_reported() {
    for (route, expected) in [
        (
            "path: /health*, allow_anonymous: true",
            "routes[0].path: /health* also opens every other name that starts with \"health\", such as /healthx and not \
             /health/a; for /health and everything below it, write /health/**; otherwise list the names that are meant, \
             or write /health-* or /health.*",
        ),
        (
            "path: /api/docs**, allow_anonymous: true",
            "routes[0].path: /api/docs** also opens every other name that starts with \"docs\", such as /api/docsx; for",
        ),
        (
            "path: [/a, /admin*], requires_role: admin",
            "routes[0].path[1]: /admin* matches one segment: default_policy applies to /admin/a and does not require what \
             this route requires; write /admin** for every path that starts with /admin, or /admin/** for everything \
             below /admin",
        ),
    ] {
        let found = warnings(route);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{route}: {found:#?}");
    }
    for route in [
        "path: /swagger-ui*, allow_anonymous: true",
        "path: /swagger-ui**, allow_anonymous: true",
        "path: /service/*health, allow_anonymous: true",
        "path: /health/**, allow_anonymous: true",
        "path: /admin**, requires_role: admin",
    ] {
        assert_eq!(warnings(route), [""; 0], "{route}");
    }
}
