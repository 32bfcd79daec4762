//! `explain`: the text, the JSON and the exit status.

use serde_json::{Value, json};

use crate::run::{Output, jwtguard, jwtguard_unread, jwtguard_with, read};

const EXAMPLE: &str = "envoy/envoy.yaml";

fn explained(arguments: &[&str]) -> Output {
    jwtguard(&[&["explain", EXAMPLE], arguments].concat())
}

#[test]
fn a_decision_has_its_reasons() {
    for (what, arguments, status, expected) in [
        (
            "met",
            vec!["--request", "/api/admin/x", "--claims", r#"{"sub":"root","roles":["admin"]}"#],
            0,
            vec![
                "routes[1] (/api/admin/**): a valid token with role admin",
                "    met      role admin",
                "token: valid, from issuer issuer_example; roles admin",
                "  + x-auth-sub: root",
                "  - authorization",
            ],
        ),
        (
            "not met",
            vec!["--request", "GET /api/admin/x", "--claims", r#"{"sub":"alice"}"#],
            1,
            vec![
                "    met      a valid token",
                "    not met  role admin",
                "denied: role",
                "  403\n",
                "insufficient_scope",
            ],
        ),
        (
            "another reading",
            vec!["--request", "GET /public/..%2fapi/admin", "--claims", r#"{"sub":"alice"}"#],
            1,
            vec![
                "the path has ",
                "  /public/../api/admin  (encoded_slash)",
                "  /api/admin  (encoded_slash, dot_segments)",
                "routes[1] (/api/admin/**), for the variant GET /api/admin (encoded_slash, dot_segments): ",
                "routes[0] (/public/**): everybody",
            ],
        ),
        (
            "a reading that a terminal would obey",
            vec!["--request", "GET /a%E2%80%AEb/", "--claims", r#"{"sub":"alice"}"#],
            0,
            vec!["  /a\\u{202e}b/\n", "  /a\\u{202e}b  (trailing_slash)\n"],
        ),
        (
            "another letter case",
            vec!["--request", "GET /api/Admin/x", "--claims", r#"{"sub":"alice"}"#],
            1,
            vec!["routes[1] (/api/admin/**), for the variant GET /api/admin/x (letter_case): "],
        ),
        (
            "no token",
            vec!["--request", "/a"],
            1,
            vec!["not met  a valid token", "token: none", "  401\n", "www-authenticate: Bearer realm="],
        ),
        (
            "not read",
            vec!["--request", "/public/a", "--token", "x"],
            0,
            vec!["token: not read", "authorization: Bearer x"],
        ),
        ("ambiguous", vec!["--request", "/a%2"], 1, vec!["denied: ambiguous_path", "  400\n"]),
        (
            "expired",
            vec!["--request", "/a", "--claims", r#"{"exp":1}"#],
            1,
            vec!["token: not valid: expired", "Token has expired"],
        ),
        ("left out", vec!["--request", "/a", "--claims", r#"{"exp":null}"#], 1, vec!["token: not valid: "]),
        (
            "forged header",
            vec!["--request", "/public/a", "--header", "X_Auth_Sub=root"],
            0,
            vec!["  - x_auth_sub"],
        ),
        (
            "metadata",
            vec![
                "--request",
                "/a",
                "--route-metadata",
                r#"{"requires_group":"g"}"#,
                "--claims",
                r#"{"groups":"g"}"#,
            ],
            0,
            vec!["route_metadata: a valid token with group g", "met      group g"],
        ),
        (
            "annotations",
            vec![
                "--request",
                "/a",
                "--route-annotation",
                r#"{"requires_group":"g"}"#,
                "--gateway-annotation",
                r#"{"requires_role":"admin"}"#,
                "--claims",
                r#"{"groups":"g"}"#,
            ],
            1,
            vec!["route_annotation: a valid token with group g", "gateway_annotation: ", "403"],
        ),
        (
            "an annotation that is met",
            vec![
                "--request",
                "/a",
                "--route-annotation",
                r#"{"requires_group":"g"}"#,
                "--claims",
                r#"{"groups":"g"}"#,
            ],
            0,
            vec!["route_annotation: a valid token with group g", "met      group g"],
        ),
        (
            "bad annotation",
            vec!["--request", "/a", "--gateway-annotation", "requires_role: admin"],
            1,
            vec!["bad_metadata", "expected a requirement as JSON", "  503\n"],
        ),
        (
            "bad metadata",
            vec!["--request", "/a", "--route-metadata", r#"{"requires":1}"#],
            1,
            vec!["bad_metadata", "  503\n"],
        ),
    ] {
        let ran = explained(&arguments);
        assert_eq!(ran.status, status, "{what}: {}{}", ran.out, ran.err);
        for expected in expected {
            assert!(ran.out.contains(expected), "{what}: {expected}\nin\n{}", ran.out);
        }
    }
}

#[test]
fn a_token_is_put_into_the_token_source_of_the_route() {
    for (place, expected) in [
        (json!({"cookie": "session"}), "  - cookie"),
        (json!({"header": "x-token", "prefix": "Token "}), "  - x-token"),
        (json!({"query": "t"}), "  + :path: /a?x=1\n"),
    ] {
        let config =
            json!({"issuer": "https://a.example", "audience": "a", "jwks_cluster": "c", "token_from": place});
        let ran = jwtguard_with(
            &["explain", "-", "--request", "/a?x=1", "--claims", r#"{"sub":"s"}"#],
            &config.to_string(),
        );
        assert!(ran.status == 0 && ran.out.contains(expected), "{place}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn the_json_output_has_the_documented_members() {
    let ran = explained(&["--json", "--request", "/api/admin/a", "--claims", r#"{"sub":"s"}"#]);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["decision"]["status"], 403);
    assert_eq!(json["decision"]["reason"], "role");
    let unmet = json!({"condition": "role admin", "met": false, "found": "no role (read from role, roles)"});
    assert_eq!(json["rules"][0]["conditions"][1], unmet);
    let met = json!({"condition": "a valid token", "met": true, "found": null});
    assert_eq!(json["rules"][0]["conditions"][0], met);
    assert_eq!(json["less_specific"], json!([]));
    assert_eq!(json["token_from"], json!(["authorization: Bearer"]));
    assert_eq!(json["unread_tokens"], json!([]));
    assert_eq!(json["decision"]["headers"][0], json!(["cache-control", "no-store"]));
}

#[test]
fn a_jwt_outside_the_token_sources_is_reported() {
    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.eA";
    let explain = |path: &str, header: &str| {
        let header = format!("{header}{JWT}");
        explained(&["--request", path, "--header", &header])
    };
    for (header, expected) in [
        ("cookie=a=1; session=", "the cookie session contains a JWT but is not read"),
        ("x-access-token=", "the header x-access-token contains a JWT but is not read"),
        ("authorization=", "the header authorization contains a JWT but is not read"),
    ] {
        let ran = explain("/api/orders", header);
        assert_eq!(ran.status, 1);
        let expected = format!("token: none\n{expected}: tokens are read from authorization: Bearer\n");
        assert!(ran.out.contains(&expected), "{header}: {}", ran.out);
    }
    for (path, header) in [
        ("/api/orders", "authorization=Bearer "),
        ("/api/orders", "x-note=x"),
        ("/public/hello", "cookie=session="),
    ] {
        let ran = explain(path, header);
        assert!(!ran.out.contains("contains a JWT"), "{path} {header}: {}", ran.out);
    }
}

#[test]
fn less_specific_routes_are_listed() {
    let config = "issuer: https://a.example\naudience: a\njwks_cluster: c\naccepted_algorithms: EdDSA\nroutes:\n\
                  - {path: /**, methods: [DELETE], requires_role: admin}\n\
                  - {path: /api/**, allow_authenticated: true}\n\
                  - {path: '/api/{id}', hosts: other.example, deny: true}\n\
                  - {path: /api/x/y, requires_role: r}\n";
    let listed = "\nalso matches, but does not apply: less specific\n";
    for (request, expected) in [
        ("DELETE /api/x?a=1", Some("  routes[0] (/**): a valid token with role admin\n")),
        (
            "DELETE /api/x/y",
            Some(
                "  routes[0] (/**): a valid token with role admin\n  routes[1] (/api/**): any valid token\n\ntoken: ",
            ),
        ),
        ("GET /api/x", None),
        ("DELETE /other", None),
        ("GET /other", None),
        // The route of every path variant applies.
        ("GET /api/x/%79", None),
    ] {
        let arguments = ["explain", "-", "--request", request, "--claims", r#"{"sub":"s"}"#];
        let ran = jwtguard_with(&arguments, config);
        match expected {
            Some(expected) => {
                let expected = format!("{listed}{expected}");
                assert!(ran.out.contains(&expected), "{request}: {expected}\nin\n{}", ran.out);
            }
            None => assert!(!ran.out.contains("less specific"), "{request}: {}", ran.out),
        }
    }
    let ran = jwtguard_with(&["explain", "-", "--json", "--request", "DELETE /api/x"], config);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    let expected = json!([{"rule": "routes[0] (/**)", "who": "a valid token with role admin"}]);
    assert_eq!(json["less_specific"], expected);
    // If metadata replaces the routes, no route is less specific.
    let metadata = ["explain", "-", "--request", "DELETE /api/x", "--route-metadata", "{\"deny\":true}"];
    let ran = jwtguard_with(&metadata, config);
    assert!(ran.out.contains("route_metadata: nobody") && !ran.out.contains("less specific"), "{}", ran.out);
}

#[test]
fn the_help_lists_exit_statuses() {
    for (command, expected) in [
        ("explain", "Exit status:\n  0  The filter forwards the request to the upstream.\n"),
        (
            "test",
            "Exit status:\n  0  Every test passed.\n  1  At least one test failed.\n  2  At least one test did not run: ",
        ),
    ] {
        let ran = jwtguard(&[command, "--help"]);
        assert!(ran.status == 0 && ran.out.contains(expected), "{command}: {}", ran.out);
    }
}

#[test]
fn a_wrong_argument_has_another_exit_status_than_a_denial() {
    for (arguments, expected) in [
        (vec!["--request", "nonsense"], "expected a method and a path"),
        (
            vec!["--request", "/a", "--configuration", "2"],
            "no configuration number 2 in envoy/envoy.yaml; the file contains 1",
        ),
        (vec!["--request", "/a", "--jwks", "/no/file"], "cannot read /no/file"),
        (vec!["--request", "/a", "--claims", "[]"], "expected a JSON object"),
    ] {
        let ran = explained(&arguments);
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let file = read("envoy/envoy.yaml");
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.eA";
    for (arguments, input, status) in [
        (vec!["explain", "-", "--request", "/public/x"], file.as_str(), 0),
        (vec!["explain", "-", "--request", "/api/orders"], &file, 1),
        (vec!["explain", "-", "--request", "/api/orders", "--json"], &file, 1),
        (vec!["check", "-"], &file, 0),
        (vec!["check", "--json", "-"], &file, 0),
        (vec!["decode", "-"], token, 0),
    ] {
        let ran = jwtguard_unread(&arguments, input);
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{arguments:?}: {}", ran.err);
    }
}
