//! Tests `jwtguard convert` with pico-client-auth's `auth_client`.

use crate::run::{Folder, jwtguard, jwtguard_with};

const CLIENT: &str = "auth_client:\n  issuer: https://auth.example.com\n  audience: orders-api\n";

fn converted(fields: &str) -> (i32, String, String) {
    let output = jwtguard_with(&["convert", "-"], &format!("{CLIENT}{fields}"));
    (output.status, output.out, output.err)
}

#[test]
fn each_field() {
    for (fields, expected) in [
        (
            "",
            &["issuer: https://auth.example.com", "audience: orders-api", "accepted_algorithms: [RS256]"]
                as &[&str],
        ),
        ("  enabled: false\n", &["enabled: false"]),
        ("  jwks_ttl_seconds: 60\n", &["jwks_ttl_seconds: 60"]),
        (
            "  jwks_endpoint: https://auth.example.com/keys\n",
            &["jwks_endpoint: https://auth.example.com/keys"],
        ),
        ("  accepted_algorithms: [RS256, ML-DSA-65]\n", &["accepted_algorithms: [RS256, ML-DSA-65]"]),
        (
            "  revocation_endpoint: https://auth.example.com/revoked\n  revocation_ttl_seconds: 20\n",
            &[
                "revocation_list_endpoint: https://auth.example.com/revoked",
                "revocation_list_ttl_seconds: 20",
                "revocation_list_max_stale_seconds: 0",
            ],
        ),
        (
            "  revocation_endpoint: https://auth.example.com/revoked\n  revocation_fail_open: true\n",
            &["revocation_list_fail_open: true", "revocation_list_max_stale_seconds: 86400"],
        ),
        (
            "  revocation_endpoint: https://auth.example.com/revoked\n  revocation_bearer: secret\n",
            &["revocation_list_token_env: REVOCATION_LIST_TOKEN"],
        ),
    ] {
        let (status, out, err) = converted(fields);
        assert_eq!(status, 1, "{fields}: {err}");
        for line in expected {
            assert!(out.contains(line), "{fields}: {line} is not in\n{out}");
        }
        assert!(!out.contains("secret") && !err.contains("secret"), "{out}{err}");
    }
}

#[test]
fn every_path_is_denied_until_it_has_a_route() {
    let (status, out, err) = converted("");
    assert_eq!(status, 1, "{err}");
    assert!(out.contains("default_policy: { deny: true }"), "{out}");
    assert!(
        err.contains("standard input:2: auth_client: lossy: what a route requires stands in Python code"),
        "{err}"
    );
    let folder = Folder::new("convert-pico");
    let file = folder.file("policy.yaml", &out);
    assert_eq!(jwtguard(&["check", "--strict", &file]).status, 0);
}

#[test]
fn an_algorithm_that_jwt_guard_lacks_is_told() {
    let (status, out, err) = converted("  accepted_algorithms: [RS256, HS256]\n");
    assert!(status == 1 && out.contains("accepted_algorithms: [RS256]"), "{out}");
    assert!(
        err.contains("auth_client.accepted_algorithms[1]: dropped: jwt-guard has no algorithm HS256"),
        "{err}"
    );
}

#[test]
fn bad_input_names_place_and_remedy_and_prints_no_policy() {
    for (text, expected) in [
        (
            format!("{CLIENT}  jwks_ttl: 1\n"),
            "standard input:4: auth_client.jwks_ttl: unknown field `jwks_ttl`",
        ),
        (format!("{CLIENT}  jwks_endpont: x\n"), "did you mean `jwks_endpoint`?"),
        (format!("{CLIENT}  jwks_ttl_seconds: 0\n"), "expected a whole number of seconds from 1 to 86400"),
        (format!("{CLIENT}  enabled: maybe\n"), "auth_client.enabled: expected true or false, got a text"),
        (format!("{CLIENT}  accepted_algorithms: [HS256]\n"), "expected one of RS256"),
        ("auth_client:\n  issuer: https://auth.example.com\n".to_owned(), "`audience` is missing"),
        ("auth_client:\n  audience: a\n".to_owned(), "`issuer` is missing"),
        ("auth_client: yes please\n".to_owned(), "auth_client: expected an object, got a text"),
        ("auth_client: [\n".to_owned(), "invalid YAML"),
    ] {
        let output = jwtguard_with(&["convert", "-"], &text);
        assert_eq!((output.status, output.out.as_str()), (2, ""), "{text}: {}", output.err);
        assert!(output.err.contains(expected), "{text}: {expected} is not in\n{}", output.err);
    }
}
