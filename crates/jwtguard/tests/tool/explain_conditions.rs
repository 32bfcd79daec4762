//! `explain` shows each condition, and the value of the token that does not meet it.

use serde_json::{Value, json};

use crate::run::{Output, jwtguard_with};

pub const TWO: &str = "issuers:\n\
    - {issuer: https://a.example, audience: a, jwks_cluster: c, accepted_algorithms: [ES256, EdDSA], refused_kids: old,\n\
    \x20  accepted_types: [absent, JWT], max_token_lifetime_seconds: 600}\n\
    - {issuer: https://b.example, audience: [b, bb], jwks_cluster: c, accepted_algorithms: EdDSA}\n\
    roles_from: [{claim: /app/roles, prefix: 'x:'}]\n";

/// Runs `explain` with claims and a requirement.
fn explained(requirement: &str, claims: &Value) -> Output {
    let config = format!("{TWO}default_policy: {requirement}\n");
    jwtguard_with(&["explain", "-", "--request", "/a", "--claims", &claims.to_string()], &config)
}

#[test]
fn an_unmet_condition_shows_the_value_in_the_token() {
    for (requirement, mut claims, expected) in [
        (
            "{requires_role: admin}",
            json!({"app": {"roles": ["x:user", "y:admin", "x:a\u{1b}[2J"]}}),
            "not met  role admin; the token has role \"user\", \"a\\u001b[2J\"\n",
        ),
        (
            "{requires_role: admin}",
            json!({"roles": ["admin"]}),
            "not met  role admin; the token has no role (read from /app/roles after \"x:\")\n",
        ),
        ("{requires_group: g}", json!({"groups": "h"}), "not met  group g; the token has group \"h\"\n"),
        (
            "{requires_scope: {all: [r, w]}}",
            json!({"scope": "r x"}),
            "not met  scope r and w; the token has scope \"r\", \"x\"\n",
        ),
        (
            "{requires_claim: {claim: level, any: [3]}}",
            json!({"level": "3"}),
            "not met  claim level 3; the token has claim level \"3\"\n",
        ),
        (
            "{requires_claim: {claim: level, any: [3]}}",
            json!({"levels": 3}),
            "not met  claim level 3; the token has no claim level\n",
        ),
        (
            "{requires_issuer: b_example}",
            json!({}),
            "not met  issuer b_example; the token has issuer a_example\n",
        ),
        (
            "{requires_audience: bb}",
            json!({"iss": "https://b.example"}),
            "not met  audience bb; the token has audience \"b\"\n",
        ),
        (
            "{any_of: [{requires_group: g, requires_scope: r}, {requires_group: k}]}",
            json!({"groups": ["h"], "scope": "r"}),
            "not met  one of (group g and scope r) or (group k); the token has group \"h\"\n",
        ),
        (
            "{allow_missing: true, requires_issuer: b_example}",
            json!({}),
            "    met      no token, or a valid token\n    not met  issuer b_example; the token has issuer a_example\n",
        ),
        (
            "{}",
            json!({"aud": ["x", "y"]}),
            "not met  a valid token; the token has aud [\"x\",\"y\"]; expected \"a\"\n",
        ),
        (
            "{}",
            json!({"iss": "https://A.example"}),
            "the token has iss \"https://A.example\"; expected \"https://a.example\", \"https://b.example\"\n",
        ),
        ("{}", json!({"exp": 7}), "the token has exp 7; expected more than "),
        (
            "{}",
            json!({"nbf": 4_000_000_000_u64, "iat": null, "exp": 4_000_000_001_u64}),
            "; expected at most ",
        ),
        ("{}", json!({"iat": 0, "exp": 4_000_000_000_u64}), "; expected at most 600 seconds between them\n"),
        (
            "{}",
            json!({"token_use": "id"}),
            "the token has claim token_use \"id\"; expected another value than \"id\"\n",
        ),
    ] {
        let ran = explained(requirement, &claims);
        assert_eq!(ran.status, 1, "{requirement} {claims}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(expected), "{requirement} {claims}: {expected}\nin\n{}", ran.out);
        claims["long"] = "x".repeat(2000).into();
        // The runs use the system time, which may differ between them.
        let with_another = explained(requirement, &claims).out;
        assert_eq!(without_now(&with_another), without_now(&ran.out), "other claims are not shown");
    }
}

/// Replaces each Unix time that is less than 15 minutes from now. Other numbers stay.
fn without_now(text: &str) -> String {
    let now = jwt_guard_testkit::now().as_millis() / 1000;
    let is_now = |number: &str| number.parse::<u64>().is_ok_and(|seconds| seconds.abs_diff(now) < 900);
    let parts = text.split_inclusive(|character: char| !character.is_ascii_digit());
    parts
        .map(|part| {
            let digits = part.trim_end_matches(|character: char| !character.is_ascii_digit());
            if is_now(digits) { part.replacen(digits, "NOW", 1) } else { part.to_owned() }
        })
        .collect()
}

#[test]
fn a_met_condition_shows_no_value() {
    for (requirement, claims, expected) in [
        (
            "{requires_role: admin}",
            json!({"app": {"roles": ["x:admin", "x:b"]}}),
            "    met      role admin\n",
        ),
        (
            "{requires_claim: {claim: level, any: [3]}}",
            json!({"level": [1, 3]}),
            "    met      claim level 3\n",
        ),
        (
            "{allow_missing: true, requires_issuer: a_example}",
            json!({}),
            "    met      no token, or a valid token\n    met      issuer a_example\n",
        ),
        ("{}", json!({"aud": ["x", "a"]}), "    met      a valid token\n"),
    ] {
        let ran = explained(requirement, &claims);
        assert_eq!(ran.status, 0, "{requirement} {claims}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(expected), "{requirement} {claims}: {expected}\nin\n{}", ran.out);
        assert!(!ran.out.contains("the token has"), "{}", ran.out);
    }
}

#[test]
fn a_long_value_is_shortened() {
    let ran = explained("{requires_claim: {claim: long, any: [x]}}", &json!({"long": "y".repeat(3000)}));
    let line = ran.out.lines().find(|line| line.contains("not met")).unwrap();
    assert!(line.ends_with("yyy…") && line.len() < 200, "{line}");
    let roles: Vec<_> = (0..500).map(|number| format!("x:r{number}")).collect();
    let ran = explained("{requires_role: admin}", &json!({"app": {"roles": roles}}));
    assert!(ran.out.contains("\"r9\", and 490 more\n"), "{}", ran.out);
}
