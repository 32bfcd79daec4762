//! `explain` and `decode`.

use serde_json::{Value, json};

use crate::run::{Folder, Ran, jwtguard, jwtguard_unread, jwtguard_with, read};

const EXAMPLE: &str = "envoy/envoy.yaml";

fn explained(arguments: &[&str]) -> Ran {
    jwtguard(&[&["explain", EXAMPLE], arguments].concat())
}

#[test]
fn an_answer_has_its_reasons() {
    for (what, arguments, status, expected) in [
        (
            "met",
            vec!["--request", "/api/admin/x", "--claims", r#"{"sub":"root","roles":["admin"]}"#],
            0,
            vec![
                "routes[1] (/api/admin/**): a valid token with role admin",
                "    met      role admin",
                "token: valid, of issuer issuer_example; roles admin",
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
                "refused: role",
                "  403\n",
                "insufficient_scope",
            ],
        ),
        (
            "another reading",
            vec!["--request", "GET /public/..%2fapi/admin", "--claims", r#"{"sub":"alice"}"#],
            1,
            vec![
                "the path can be read in",
                "routes[1] (/api/admin/**), read as GET /api/admin",
                "routes[0] (/public/**): everybody",
            ],
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
        ("ambiguous", vec!["--request", "/a%2"], 1, vec!["refused: ambiguous_path", "  400\n"]),
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
fn a_real_token_needs_its_keys() {
    let folder = Folder::new("explain");
    let key = jwtguard(&["keygen", "--alg", "ES256"]).out;
    let key = folder.file("key.json", &key);
    let jwks = folder.file("jwks.json", &jwtguard(&["jwks", "--key", &key]).out);
    let config = folder.file(
        "plugin.json",
        r#"{"issuer":"https://issuer.example","audience":"orders-api","jwks_cluster":"c","accepted_algorithms":"ES256"}"#,
    );
    let token = jwtguard(&["mint", "--key", &key, "--subject", "alice"]).out;

    let without = jwtguard_with(&["explain", &config, "--request", "/a", "--token", "-"], &token);
    assert_eq!(without.status, 2);
    assert!(without.err.contains("give them with --jwks FILE"), "{}", without.err);
    let with =
        jwtguard_with(&["explain", &config, "--request", "/a", "--token", "-", "--jwks", &jwks], &token);
    assert_eq!(with.status, 0, "{}{}", with.out, with.err);
    assert!(with.out.contains("+ x-auth-sub: alice"), "{}", with.out);
    assert!(!with.out.contains(token.trim().rsplit('.').next().unwrap()), "a signature is never shown");

    let mut forged = token.trim().to_owned();
    forged.truncate(forged.len() - 4);
    let forged = jwtguard_with(
        &["explain", &config, "--request", "/a", "--token", "-", "--jwks", &jwks],
        &format!("{forged}AAAA"),
    );
    assert_eq!(forged.status, 1);
    assert!(forged.out.contains("token: not valid: signature"), "{}", forged.out);
}

#[test]
fn a_token_goes_where_the_route_takes_one_from() {
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
fn json_is_for_programs() {
    let ran = explained(&["--json", "--request", "/api/admin/a", "--claims", r#"{"sub":"s"}"#]);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["decision"]["status"], 403);
    assert_eq!(json["decision"]["reason"], "role");
    assert_eq!(json["rules"][0]["conditions"][1], json!({"condition": "role admin", "met": false}));
}

#[test]
fn nonsense_is_told_from_a_refusal() {
    for (arguments, expected) in [
        (vec!["--request", "nonsense"], "expected a method and a path"),
        (vec!["--request", "/a", "--configuration", "2"], "has 1 configurations, and no number 2"),
        (vec!["--request", "/a", "--jwks", "/no/file"], "cannot read /no/file"),
        (vec!["--request", "/a", "--claims", "[]"], "expected a JSON object"),
    ] {
        let ran = explained(&arguments);
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn decode_shows_all_but_the_signature() {
    let folder = Folder::new("decode");
    let key = folder.file("key.json", &jwtguard(&["keygen", "--alg", "EdDSA", "--kid", "k1"]).out);
    let token = jwtguard(&["mint", "--key", &key, "--claim", "roles=[\"admin\"]"]).out;
    for text in [token.clone(), format!("Bearer {token}")] {
        let ran = jwtguard_with(&["decode", "-"], &text);
        assert_eq!(ran.status, 0, "{}", ran.err);
        for expected in
            ["\"kid\": \"k1\"", "\"admin\"", "expires 14 minutes from now", "the signature was not checked"]
        {
            assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
        }
        assert!(!ran.out.contains(token.trim().rsplit('.').next().unwrap()));
    }
    for (token, expected) in [
        ("a.b", "three parts between dots, and this has 2"),
        ("a.b.c.d.e", "five are an encrypted token"),
        ("!.b.c", "the header is not base64url"),
        ("YQ.YQ.YQ", "the header is not JSON"),
    ] {
        let ran = jwtguard(&["decode", token]);
        assert!(ran.status == 1 && ran.err.contains(expected), "{token}: {}", ran.err);
    }
}

#[test]
fn a_reader_that_has_gone_is_no_mistake() {
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
