//! `explain` and `decode` read tokens and decoded claims.

use serde_json::{Value, json};

use crate::explain_conditions::TWO;
use crate::run::{Folder, jwtguard, jwtguard_with};

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
    assert!(without.err.contains("add --jwks FILE, or replace --token by"), "{}", without.err);
    let with =
        jwtguard_with(&["explain", &config, "--request", "/a", "--token", "-", "--jwks", &jwks], &token);
    assert_eq!(with.status, 0, "{}{}", with.out, with.err);
    assert!(with.out.contains("+ x-auth-sub: alice"), "{}", with.out);
    assert!(!with.out.contains(token.trim().rsplit('.').next().unwrap()), "the signature is not printed");

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
fn claims_are_evaluated_with_the_header_of_a_token() {
    let folder = Folder::new("header");
    let key = folder.file("key.json", &jwtguard(&["keygen", "--alg", "EdDSA", "--kid", "k1"]).out);
    let config = folder.file("plugin.yaml", TWO);
    let claims = json!({"iss": "https://a.example", "aud": "a", "sub": "s"}).to_string();
    let explained = |claims: &str, token: &str| {
        let token = format!("Bearer {}", token.trim());
        let ran = ["explain", &config, "--request", "/a", "--claims", claims, "--token", &token];
        jwtguard(&ran)
    };
    for (what, header, reason) in [
        ("as it is", vec![], None),
        ("another key's", vec!["--header", "kid=k2"], None),
        ("no kid", vec!["--header", "x=1"], None),
        ("another typ", vec!["--header", "typ=dpop+jwt"], Some("type")),
        ("a kid that is refused", vec!["--header", "kid=old"], Some("refused_kid")),
        ("an algorithm that is not accepted", vec!["--header", "alg=RS256"], Some("algorithm")),
        ("no algorithm", vec!["--header", "alg=none"], Some("algorithm")),
        ("an extension", vec!["--header", "crit=[\"x\"]"], Some("crit")),
    ] {
        let token = jwtguard(&[&["mint", "--key", &key], header.as_slice()].concat()).out;
        let ran = explained(&claims, &token);
        assert_eq!(ran.status, i32::from(reason.is_some()), "{what}: {}{}", ran.out, ran.err);
        match reason {
            None => assert!(ran.out.contains("+ x-auth-sub: s"), "{what}: {}", ran.out),
            Some(reason) => {
                let expected = format!("token: not valid: {reason}, ");
                assert!(ran.out.contains(&expected), "{what}: {}", ran.out);
            }
        }
    }
    let typed = jwtguard(&["mint", "--key", &key, "--header", "typ=dpop+jwt"]).out;
    let ran = explained(&claims, &typed);
    let expected = "the token has typ \"dpop+jwt\"; expected absent or \"JWT\"\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
    let ran = explained(&claims, "no token");
    assert!(
        ran.status == 2 && ran.err.contains("expected a token with three parts separated by dots"),
        "{}",
        ran.err
    );
}

#[test]
fn the_output_of_decode_is_evaluated_like_the_token() {
    let folder = Folder::new("decoded");
    let key = folder.file("key.json", &jwtguard(&["keygen", "--alg", "EdDSA"]).out);
    let config = folder.file("plugin.yaml", TWO);
    let mint =
        ["mint", "--key", &key, "--issuer", "https://a.example", "--audience", "a", "--lifetime", "5m"];
    for (what, more, status, expected) in [
        ("passes", vec![], 0, "+ x-auth-sub: user-1"),
        ("role", vec!["--claim", "app={\"roles\":[\"x:r\"]}"], 0, "roles r\n"),
        ("typ", vec!["--header", "typ=logout+jwt"], 1, "token: not valid: type"),
        ("expired", vec!["--without", "exp"], 1, "the token has no exp; expected more than "),
    ] {
        let token = jwtguard(&[mint.as_slice(), &more].concat()).out;
        let decoded = jwtguard_with(&["decode", "--json", "-"], &token);
        assert_eq!(decoded.status, 0, "{what}: {}", decoded.err);
        let json: Value = serde_json::from_str(&decoded.out).unwrap();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["claims", "header"]);

        let file = folder.file("decoded.json", &decoded.out);
        let explain = |claims: &str, input: &str| {
            let ran = jwtguard_with(&["explain", &config, "--request", "/a", "--claims", claims], input);
            assert_eq!(ran.status, status, "{what}: {}{}", ran.out, ran.err);
            assert!(ran.out.contains(expected), "{what}: {expected}\nin\n{}", ran.out);
        };
        explain(&decoded.out, "");
        explain(&format!("@{file}"), "");
        explain("-", &decoded.out);

        let expect = if status == 0 { "pass".into() } else { json!({"status": 401}) };
        let test =
            json!({"config": "plugin.yaml", "tests": [{"request": "/a", "claims": json, "expect": expect}]});
        let ran = jwtguard(&["test", &folder.file("tests.json", &test.to_string())]);
        assert_eq!(ran.status, 0, "{what}: {}{}", ran.out, ran.err);
    }
    // A claim named `header` does not make the object an output of decode.
    let claims = r#"{"header":"h","claims":{"a":1},"iss":"https://a.example","sub":"s"}"#;
    let ran = jwtguard(&["explain", &config, "--request", "/a", "--claims", claims]);
    assert!(ran.status == 0 && ran.out.contains("+ x-auth-sub: s"), "{}{}", ran.out, ran.err);
    let ran = jwtguard(&["explain", &config, "--request", "/a", "--claims", "@/no/file"]);
    assert!(ran.status == 2 && ran.err.contains("cannot read /no/file"), "{}", ran.err);
    let twice = r#"{"sub":"a","sub":"b"}"#;
    let ran = jwtguard(&["explain", &config, "--request", "/a", "--claims", twice]);
    assert!(
        ran.status == 2 && ran.err.contains("--claims: an object has the same member twice"),
        "{}",
        ran.err
    );
    let ran = jwtguard(&["explain", "-", "--request", "/a", "--claims", "-"]);
    assert!(
        ran.status == 2
            && ran.err.contains("only one of the file, --token and --claims can be standard input"),
        "{}",
        ran.err
    );
}

#[test]
fn a_duplicate_name_is_not_decoded() {
    // {"sub":"a","sub":"b"}
    let token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIiwic3ViIjoiYiJ9.eA";
    for arguments in [vec!["decode", token], vec!["decode", "--json", token]] {
        let ran = jwtguard(&arguments);
        assert!(
            ran.status == 1 && ran.err.contains("the claims: an object has the same member twice"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_token_may_have_its_scheme() {
    let folder = Folder::new("scheme");
    let key = folder.file("key.json", &jwtguard(&["keygen", "--alg", "EdDSA"]).out);
    let jwks = folder.file("jwks.json", &jwtguard(&["jwks", "--key", &key]).out);
    let config = folder.file("plugin.yaml", TWO);
    let mint =
        ["mint", "--key", &key, "--issuer", "https://a.example", "--audience", "a", "--lifetime", "5m"];
    let token = jwtguard(&mint).out;
    let token = token.trim();
    for given in [token.to_owned(), format!("Bearer {token}"), format!(" bearer  {token}\n")] {
        let ran = jwtguard(&["explain", &config, "--request", "/a", "--jwks", &jwks, "--token", &given]);
        assert_eq!(ran.status, 0, "{given}: {}{}", ran.out, ran.err);
        let without = jwtguard(&["explain", &config, "--request", "/a", "--token", &given]);
        assert_eq!(without.status, 2, "{given}");
        assert!(
            without.err.contains("the configuration does not contain the keys of issuer a_example"),
            "{}",
            without.err
        );
    }
    let other = folder.file("other.json", &jwtguard(&["keygen", "--alg", "EdDSA", "--kid", "k9"]).out);
    let other = folder.file("others.json", &jwtguard(&["jwks", "--key", &other]).out);
    let ran = jwtguard(&["explain", &config, "--request", "/a", "--jwks", &other, "--token", token]);
    assert!(ran.out.contains("not met  a valid token; the token has kid \""), "{}", ran.out);
    assert!(ran.out.contains(" and alg \"EdDSA\"; expected a key in the issuer's JWKS\n"), "{}", ran.out);
    // Another scheme stays part of the token.
    let basic = format!("Basic {token}");
    let ran = jwtguard(&["explain", &config, "--request", "/a", "--jwks", &jwks, "--token", &basic]);
    assert!(ran.status == 1 && ran.out.contains("token: not valid: malformed"), "{}{}", ran.out, ran.err);
}

#[test]
fn decode_prints_everything_but_the_signature() {
    let folder = Folder::new("decode");
    let key = folder.file("key.json", &jwtguard(&["keygen", "--alg", "EdDSA", "--kid", "k1"]).out);
    let token = jwtguard(&["mint", "--key", &key, "--claim", "roles=[\"admin\"]"]).out;
    for text in [token.clone(), format!("Bearer {token}")] {
        let ran = jwtguard_with(&["decode", "-"], &text);
        assert_eq!(ran.status, 0, "{}", ran.err);
        for expected in
            ["\"kid\": \"k1\"", "\"admin\"", "expires 14 minutes from now", "the signature was not verified"]
        {
            assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
        }
        assert!(!ran.out.contains(token.trim().rsplit('.').next().unwrap()));
    }
    for (token, expected) in [
        ("a.b", "expected a token with three parts separated by dots, found 2 parts"),
        ("a.b.c.d.e", "five parts are an encrypted token (JWE), which must be decrypted first"),
        ("!.b.c", "the header is not base64url"),
        ("YQ.YQ.YQ", "the header is not JSON"),
    ] {
        let ran = jwtguard(&["decode", token]);
        assert!(ran.status == 1 && ran.err.contains(expected), "{token}: {}", ran.err);
    }
}

#[test]
fn the_help_of_mint_names_the_options_that_exclude_each_other() {
    let help = jwtguard(&["mint", "--help"]).out;
    for sentence in
        ["from now on; cannot be combined with --expired", "ago; cannot be combined with --lifetime"]
    {
        assert!(help.contains(sentence), "{help}");
    }
    let ran = jwtguard(&["mint", "--key", "k", "--expired", "5m", "--lifetime", "1m"]);
    assert_eq!(ran.status, 2, "{}", ran.err);
}
