//! `explain` shows each condition, and the value of the token that does not meet it.

use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token};
use jwt_guard_testkit::now;
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
            "{requires_claim: {claim: t, all: [a, b]}}",
            json!({"t": ["a"]}),
            "not met  claim t \"a\" and \"b\"; the token has claim t [\"a\"]\n",
        ),
        (
            "{requires_claim: {claim: t, none: [a, b]}}",
            json!({"t": "a"}),
            "not met  claim t none of \"a\", \"b\"; the token has claim t \"a\"\n",
        ),
        (
            "{requires_claim: {claim: t, present: true}}",
            json!({"t": null}),
            "not met  claim t; the token has no claim t\n",
        ),
        (
            "{requires_claim: {claim: t, prefix: 'a:'}}",
            json!({"t": "b:a"}),
            "not met  claim t starts with \"a:\"; the token has claim t \"b:a\"\n",
        ),
        (
            "{requires_claim: {claim: t, suffix: '@b'}}",
            json!({"t": ["x@c"]}),
            "not met  claim t ends with \"@b\"; the token has claim t [\"x@c\"]\n",
        ),
        (
            "{requires_claim: {claim: t, at_least: 3}}",
            json!({"t": 2}),
            "not met  claim t at least 3; the token has claim t 2\n",
        ),
        (
            "{requires_claim: {claim: t, at_most: 3}}",
            json!({"t": "2"}),
            "not met  claim t at most 3; the token has claim t \"2\"\n",
        ),
        (
            "{requires_step_up: {acr: gold}}",
            json!({"acr": "silver"}),
            "not met  step-up: acr gold; the token has claim acr \"silver\"\n",
        ),
        (
            "{requires_step_up: {max_age_seconds: 60}}",
            json!({"auth_time": 7}),
            "not met  step-up: auth_time at most 60 s ago; the token has claim auth_time 7 (now: ",
        ),
        ("{}", json!({"sub": 3}), "not met  a valid token; the token has sub 3; expected a string\n"),
        ("{}", json!({"nbf": "7"}), "the token has nbf \"7\"; expected a number of seconds since 1970\n"),
        ("{}", json!({"jti": ["a"]}), "the token has jti [\"a\"]; expected a string\n"),
        (
            "{}",
            json!({"aud": ["a", 7]}),
            "the token has aud [\"a\",7]; expected a string or an array of strings\n",
        ),
        (
            "{}",
            json!({"cnf": {"jkt": "x"}}),
            "the token has cnf {\"jkt\":\"x\"}; expected a cnf that the request meets",
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
fn a_header_with_an_extension_is_shown() {
    let token = |name: &str, value: Value| {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let token = Token::new(now()).issuer("https://a.example").audience("a").header(name, value);
        token.sign(&key).unwrap()
    };
    for (name, value, shown) in
        [("crit", json!(["exp"]), "crit [\"exp\"]"), ("b64", json!(false), "b64 false")]
    {
        let token = token(name, value);
        let arguments = ["explain", "-", "--request", "/a", "--claims", "{}", "--token", &token];
        let ran = jwtguard_with(&arguments, TWO);
        let expected = format!("the token has {shown}; expected no crit, and no b64 other than true\n");
        assert!(ran.out.contains(&expected), "{expected}\nin\n{}{}", ran.out, ran.err);
    }
}

#[test]
fn values_of_the_request_and_of_a_second_token_are_shown() {
    let config = format!(
        "{TWO}second_tokens: {{agent: {{token_from: [{{header: x-agent}}], issuers: b_example}}}}\n\
         routes:\n- {{path: '/users/{{id}}', requires_claim: {{claim: id, equals: {{path: id}}}}}}\n\
         - {{path: /pay, requires_token: {{agent: {{requires_role: pay, requires_step_up: {{max_age_seconds: 60}}}}}}}}\n"
    );
    let explained = |more: &[&str]| jwtguard_with(&[&["explain", "-"], more].concat(), &config).out;
    for (arguments, expected) in [
        (
            &["--request", "/users/alice", "--claims", r#"{"id": "bob"}"#][..],
            "not met  claim id equal to the path parameter {id}; the token has claim id \"bob\", and ",
        ),
        (
            &[
                "--request",
                "/pay",
                "--claims",
                "{}",
                "--second-token",
                r#"agent={"app": {"roles": "x:see"}}"#,
            ],
            "not met  second token agent: role pay; the token has role \"see\"\n",
        ),
        (
            &["--request", "/pay", "--claims", "{}", "--second-token", r#"agent={"auth_time": 7}"#],
            "not met  second token agent: step-up: auth_time at most 60 s ago; the token has claim auth_time 7 (now: ",
        ),
        (
            &["--request", "/pay", "--claims", "{}", "--second-token", r#"agent={"aud": "x"}"#],
            "not met  second token agent: a valid token; the token has aud \"x\"; expected \"b\", \"bb\"\n",
        ),
        (
            &["--request", "/users/a", "--claims", r#"{"iss": "https://b.example", "aud": "b"}"#],
            "the token has iss \"https://b.example\"; expected an issuer of this token of the request",
        ),
    ] {
        let out = explained(arguments);
        assert!(out.contains(expected), "{expected}\nin\n{out}");
    }
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
