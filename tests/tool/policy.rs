//! `test`: the example passes, and failures say what is different and why.

use serde_json::json;

use crate::run::{Folder, jwtguard};

#[test]
fn the_example_passes() {
    let ran = jwtguard(&["test", "envoy/policy-tests.yaml"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with(" passed, 0 failed\n"), "{}", ran.out);
}

#[test]
fn a_failure_can_be_read() {
    let folder = Folder::new("policy");
    folder.file("plugin.yaml", "issuer: https://a.example\naudience: a\njwks_cluster: c\naccepted_algorithms: EdDSA\n\
                                routes: [{path: /a/**, requires_role: admin}, {path: /w, allow_anonymous: true, shadow: {deny: true}}]\n");
    let tests = folder.file(
        "tests.yaml",
        "config: plugin.yaml\ntests:\n\
         - {name: one, request: GET /a/b, claims: {roles: user}, expect: pass}\n\
         - {name: two, request: GET /a/b, claims: {roles: user}, expect: {status: 401, reason: expired, rule: default_policy}}\n\
         - {name: three, request: /x, claims: {sub: s}, expect: {upstream: {x-auth-sub: t, x-auth-issuer: null}}}\n\
         - {name: four, request: /w, expect: {pass: true, would_deny: [denied]}}\n\
         - {name: five, request: /a/b, claims: {roles: admin}, expect: {status: 200, rule: /a/**}}\n",
    );
    let ran = jwtguard(&["test", &tests]);
    assert_eq!(ran.status, 1);
    for expected in [
        "FAIL one (",
        ":3)\n     outcome: expected the request goes on, got the filter answers\n     the rule is routes[0] (/a/**): a valid token with role admin; not met: role admin; the token has role \"user\"\n     refused because of role: ",
        "FAIL two (",
        "     status: expected 401, got 403\n     reason: expected expired, got role\n     rule: expected default_policy, got routes[0] (/a/**)\n",
        "     upstream x-auth-issuer: expected no such header, got \"https://a.example\"\n     upstream x-auth-sub: expected \"t\", got \"s\"\n",
        "2 passed, 3 failed\n",
    ] {
        assert!(ran.out.contains(expected), "{expected}\nin\n{}", ran.out);
    }
    assert!(!ran.out.contains("FAIL four") && !ran.out.contains("FAIL five"), "{}", ran.out);
}

#[test]
fn a_file_that_makes_no_sense_is_told() {
    let folder = Folder::new("policy-nonsense");
    folder.file("plugin.yaml", "issuer: https://a.example\naudience: a\njwks_cluster: c\n");
    folder.file("bad.yaml", "issuer: https://a.example\n");
    for (what, text, expected) in [
        ("key", "config: plugin.yaml\ntest: []", "unknown field `test`"),
        ("none", "config: plugin.yaml\ntests: []", "there is no test"),
        ("no config", "tests: [{request: /a, expect: 401}]", "config is missing"),
        ("bad config", "config: bad.yaml\ntests: [{request: /a, expect: 401}]", "audience: is required"),
        ("no expectation", "config: plugin.yaml\ntests: [{request: /a, expect: {}}]", "expect says nothing"),
        (
            "typo",
            "config: plugin.yaml\ntests: [{request: /a, expect: {statsu: 1}}]",
            "unknown field `statsu`",
        ),
        (
            "both",
            "config: plugin.yaml\ntests: [{request: /a, claims: {}, token: a, expect: 401}]",
            "either claims or a token",
        ),
    ] {
        let ran = jwtguard(&["test", &folder.file("tests.yaml", text)]);
        assert_eq!(ran.status, 2, "{what}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(expected), "{what}: {}", ran.err);
    }
}

#[test]
fn a_token_that_is_not_read_explains_a_failure() {
    let folder = Folder::new("policy-unread");
    folder.file("plugin.yaml", "issuer: https://a.example\naudience: a\njwks_cluster: c\n");
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.eA";
    let test = json!({"request": "/a", "headers": {"cookie": format!("session={jwt}")}, "expect": "pass"});
    let tests = json!({"config": "plugin.yaml", "tests": [test]});
    let ran = jwtguard(&["test", &folder.file("tests.json", &tests.to_string())]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    let expected =
        "     the cookie session holds a JWT and is not read: tokens are read from authorization: Bearer\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
}
