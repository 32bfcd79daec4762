//! `test`: results, differences, errors in test files, JSON and JUnit.

use serde_json::{Value, json};

use crate::run::{Folder, jwtguard, jwtguard_with};

#[test]
fn the_example_passes() {
    let ran = jwtguard(&["test", "envoy/policy-tests.yaml"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with(" passed, 0 failed\n"), "{}", ran.out);
}

#[test]
fn a_failure_shows_differences_and_reasons() {
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
        ":3)\n     decision: expected forwarded, got answered by the filter\n     rule routes[0] (/a/**): a valid token with role admin; not met: role admin; the token has role \"user\"\n     denied, role: ",
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
fn a_wrong_test_file_is_an_error() {
    let folder = Folder::new("policy-nonsense");
    folder.file("plugin.yaml", "issuer: https://a.example\naudience: a\njwks_cluster: c\n");
    folder.file("bad.yaml", "issuer: https://a.example\n");
    for (what, text, expected) in [
        ("key", "config: plugin.yaml\ntest: []", "unknown field `test`"),
        ("none", "config: plugin.yaml\ntests: []", "tests is empty; write at least one test"),
        (
            "no config",
            "tests: [{request: /a, expect: 401}]",
            "the key config is missing; write config with the path of the configuration",
        ),
        (
            "bad config",
            "config: bad.yaml\ntests: [{request: /a, expect: 401}]",
            "audience: this key is required; write the aud of the tokens",
        ),
        (
            "no expectation",
            "config: plugin.yaml\ntests: [{request: /a, expect: {}}]",
            "expect is empty; write pass, a status, or an object",
        ),
        (
            "typo",
            "config: plugin.yaml\ntests: [{request: /a, expect: {statsu: 1}}]",
            "unknown field `statsu`",
        ),
        (
            "no reason",
            "config: plugin.yaml\ntests:\n- request: /a\n  expect:\n    status: 403\n    reason: rolle",
            "tests.yaml:6: /a: expect.reason: \"rolle\" is not a reason; did you mean \"role\"?",
        ),
        (
            "far from any reason",
            "config: plugin.yaml\ntests: [{request: /a, expect: {reason: because}}]",
            "\"because\" is not a reason; expected one of missing_token, bad_request, ",
        ),
        (
            "no reason of a shadow's",
            "config: plugin.yaml\ntests: [{request: /a, expect: {would_deny: [role,\n gruop]}}]",
            "tests.yaml:3: /a: expect.would_deny[1]: \"gruop\" is not a reason; did you mean \"group\"?",
        ),
        (
            "both",
            "config: plugin.yaml\ntests: [{request: /a, claims: {}, token: a, expect: 401}]",
            "found both claims and token; write only one of them",
        ),
    ] {
        let ran = jwtguard(&["test", &folder.file("tests.yaml", text)]);
        assert_eq!(ran.status, 2, "{what}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(expected), "{what}: {}", ran.err);
    }
}

#[test]
fn an_unread_token_explains_a_failure() {
    let folder = Folder::new("policy-unread");
    folder.file("plugin.yaml", "issuer: https://a.example\naudience: a\njwks_cluster: c\n");
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.eA";
    let test = json!({"request": "/a", "headers": {"cookie": format!("session={jwt}")}, "expect": "pass"});
    let tests = json!({"config": "plugin.yaml", "tests": [test]});
    let ran = jwtguard(&["test", &folder.file("tests.json", &tests.to_string())]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    let expected = "     the cookie session contains a JWT but is not read: tokens are read from authorization: Bearer\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
}

#[test]
fn a_mistake_in_the_last_test_runs_no_test() {
    let folder = Folder::new("policy-slip");
    folder.file("plugin.yaml", "issuer: https://a.example\naudience: a\njwks_cluster: c\n");
    let tests =
        "config: plugin.yaml\ntests: [{request: /a, expect: pass}, {request: /a, expect: {reason: rolle}}]";
    let ran = jwtguard(&["test", &folder.file("tests.yaml", tests)]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{}", ran.err);
}

#[test]
fn reasons_are_accepted() {
    let folder = Folder::new("policy-reasons");
    let config = "issuer: https://a.example\naudience: a\njwks_cluster: c\naccepted_algorithms: EdDSA\n\
                  routes: [{path: /r, requires_role: r}, {path: /d, deny: true}]\n";
    folder.file("plugin.yaml", config);
    let tests = json!({"config": "plugin.yaml", "tests": [
        {"request": "/r", "claims": {}, "expect": {"reason": "role"}},
        {"request": "/d", "expect": {"reason": "denied", "would_deny": []}},
        {"request": "/a", "expect": {"reason": "missing_token"}},
        {"request": "/a", "claims": {}, "expect": {"reason": "none"}},
    ]});
    let ran = jwtguard(&["test", &folder.file("tests.json", &tests.to_string())]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn a_json_file_has_line_numbers() {
    let folder = Folder::new("policy-json");
    folder.file("plugin.yaml", "issuer: https://a.example\naudience: a\njwks_cluster: c\n");
    let tests = "{\n  \"config\": \"plugin.yaml\",\n  \"tests\": [\n    {\"request\": \"/a\", \"expect\": 401},\n    \
                 {\"request\": \"/b\",\n     \"expect\": 403}\n  ]\n}\n";
    let file = folder.file("tests.json", tests);
    let ran = jwtguard(&["test", &file]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("FAIL /b (") && ran.out.contains("tests.json:5)\n"), "{}", ran.out);
    for (what, from, to, expected) in [
        ("reason", "403", "{\"reason\":\n\"rolle\"}", "tests.json:7: /b: expect.reason: \"rolle\" is not"),
        (
            "key",
            "\"request\": \"/b\"",
            "\"request\": \"/b\",\n\"hots\": 1",
            "tests.json:6: tests[1].hots: unknown field",
        ),
        (
            "key of two words",
            "\"request\": \"/b\"",
            "\"request\": \"/b\",\n\"two words\": 1",
            "tests.json:6: tests[1].two words: unknown field",
        ),
        ("type", "\"/b\"", "7", "tests.json:5: tests[1].request: invalid type"),
    ] {
        let ran = jwtguard(&["test", &folder.file("tests.json", &tests.replace(from, to))]);
        assert_eq!(ran.status, 2, "{what}: {}", ran.out);
        assert!(ran.err.contains(expected), "{what}: {}", ran.err);
    }
}

const CONFIG: &str = "issuer: https://a.example\naudience: a\njwks_cluster: c\naccepted_algorithms: EdDSA\n\
    routes: [{path: /a, requires_role: r}, {path: /b/**, deny: true}, {path: /open, allow_anonymous: true}]\n";

#[test]
fn routes_that_no_test_covers_are_listed() {
    let folder = Folder::new("policy-untouched");
    folder.file("plugin.yaml", CONFIG);
    let file = |name: &str, tests: &str| folder.file(name, &format!("config: plugin.yaml\ntests: [{tests}]"));
    let one = file("one.yaml", "{request: /a, expect: 401}");
    let ran = jwtguard(&["test", &one]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let expected = "plugin.yaml that no test covers:\n     routes[1] (/b/**)\n     routes[2] (/open)\n1 passed, 0 failed\n";
    assert!(ran.out.contains(expected), "{}", ran.out);

    let two = file("two.yaml", "{request: /open, expect: pass}, {request: /open/..%2fb/x, expect: 403}");
    let ran = jwtguard(&["test", &one, &two]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "3 passed, 0 failed\n"), "{}", ran.err);
}

#[test]
fn results_are_available_as_json_and_junit() {
    let folder = Folder::new("policy-programs");
    folder.file("plugin.yaml", CONFIG);
    let tests = folder.file(
        "tests.yaml",
        "config: plugin.yaml\ntests:\n- {name: one, request: GET /a, expect: 401}\n\
         - {name: 'two <\"&''>', request: GET /b/x, claims: {sub: s}, expect: {status: 404, upstream: {x-auth-sub: '<s>'}}}\n",
    );
    let xml = folder.file("junit.xml", "");
    let ran = jwtguard(&["test", "--json", "--junit", &xml, &tests]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((json["passed"].clone(), json["failed"].clone()), (1.into(), 1.into()), "{json:#}");
    let file = &json["files"][0];
    assert_eq!(file["file"], tests);
    let passed = json!({
        "name": "one", "line": 3, "request": "GET /a", "passed": true, "differences": [], "why": [],
    });
    assert_eq!(file["tests"][0], passed);
    assert_eq!(file["tests"][1]["differences"][0], "status: expected 404, got 403");
    assert_eq!(file["tests"][1]["why"][0], "rule routes[1] (/b/**): nobody");
    assert_eq!(json["untouched_routes"][0]["routes"], json!(["routes[2] (/open)"]));
    assert_eq!(json["untouched_routes"][0]["configuration"], 1);

    let written = std::fs::read_to_string(&xml).unwrap();
    let case = |name: &str, line: usize| {
        format!("<testcase name=\"{name}\" classname=\"{tests}\" file=\"{tests}\" line=\"{line}\"")
    };
    for expected in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"jwtguard test\" tests=\"2\" failures=\"1\" errors=\"0\">\n",
        &format!("  <testsuite name=\"{tests}\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\">\n"),
        &format!("    {}/>\n", case("one", 3)),
        &format!(
            "    {}>\n      <failure message=\"status: expected 404, got 403; upstream: ",
            case("two &lt;&quot;&amp;&apos;&gt;", 4)
        ),
        "&#10;rule routes[1] (/b/**): nobody&#10;denied, denied: ",
        "</failure>\n    </testcase>\n  </testsuite>\n</testsuites>\n",
    ] {
        assert!(written.contains(expected), "{expected}\nin\n{written}");
    }
}

#[test]
fn a_junit_report_contains_the_error_of_a_run_that_failed() {
    let folder = Folder::new("policy-report");
    folder.file("plugin.yaml", CONFIG);
    let good = folder.file("good.yaml", "config: plugin.yaml\ntests: [{request: /a, expect: 401}]");
    let bad = folder.file("bad.yaml", "config: plugin.yaml\ntests: [{request: /a, expect: {reason: rolle}}]");
    let xml = folder.file("junit.xml", "");
    let ran = jwtguard(&["test", "--json", "--junit", &xml, &good, &bad]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{}", ran.err);
    let written = std::fs::read_to_string(&xml).unwrap();
    for expected in [
        "tests=\"2\" failures=\"0\" errors=\"1\">",
        "<error message=\"",
        "&quot;rolle&quot; is not a reason; did you mean &quot;role&quot;?\"/>",
    ] {
        assert!(written.contains(expected), "{expected}\nin\n{written}");
    }
    let ran = jwtguard(&["test", "--junit", "/no/such/folder/junit.xml", &good]);
    assert!(ran.status == 2 && ran.err.contains("cannot write /no/such/folder/junit.xml"), "{}", ran.err);
    let ran = jwtguard_with(&["test", "--junit", &xml, &good], "");
    assert!(ran.status == 0 && ran.out.ends_with("1 passed, 0 failed\n"), "{}{}", ran.out, ran.err);
    assert!(!std::fs::read_to_string(&xml).unwrap().contains("<error"));
}
