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
                "  /public/../api/admin  (encoded_slash)",
                "  /api/admin  (encoded_slash, dot_segments)",
                "routes[1] (/api/admin/**), read as GET /api/admin (encoded_slash, dot_segments): ",
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
            vec!["routes[1] (/api/admin/**), read as GET /api/admin/x (letter_case): "],
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
    let unmet = json!({"condition": "role admin", "met": false, "found": "no role (read from role, roles)"});
    assert_eq!(json["rules"][0]["conditions"][1], unmet);
    let met = json!({"condition": "a valid token", "met": true, "found": null});
    assert_eq!(json["rules"][0]["conditions"][0], met);
    assert_eq!(json["less_specific"], json!([]));
    assert_eq!(json["token_from"], json!(["authorization: Bearer"]));
    assert_eq!(json["unread_tokens"], json!([]));
    assert_eq!(json["decision"]["headers"][0], json!(["cache-control", "no-store"]));
}

const TWO: &str = "issuers:\n\
    - {issuer: https://a.example, audience: a, jwks_cluster: c, accepted_algorithms: [ES256, EdDSA], refused_kids: old,\n\
    \x20  accepted_types: [absent, JWT], max_token_lifetime_seconds: 600}\n\
    - {issuer: https://b.example, audience: [b, bb], jwks_cluster: c, accepted_algorithms: EdDSA}\n\
    roles_from: [{claim: /app/roles, prefix: 'x:'}]\n";

/// What `explain` says of those claims under a requirement.
fn judged(requirement: &str, claims: &Value) -> Ran {
    let config = format!("{TWO}default_policy: {requirement}\n");
    jwtguard_with(&["explain", "-", "--request", "/a", "--claims", &claims.to_string()], &config)
}

#[test]
fn a_condition_that_is_not_met_has_the_token_s_value_beside_it() {
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
            "    met      no token, or a valid one\n    not met  issuer b_example; the token has issuer a_example\n",
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
            "the token has claim token_use \"id\"; expected anything but \"id\"\n",
        ),
    ] {
        let ran = judged(requirement, &claims);
        assert_eq!(ran.status, 1, "{requirement} {claims}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(expected), "{requirement} {claims}: {expected}\nin\n{}", ran.out);
        claims["long"] = "x".repeat(2000).into();
        // Both runs take the system's time, which moves between them.
        let with_another = judged(requirement, &claims).out;
        assert_eq!(without_now(&with_another), without_now(&ran.out), "other claims are not shown");
    }
}

/// The text with each number of seconds within a quarter of an hour of now replaced. Other numbers stay.
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
fn a_condition_that_is_met_has_nothing_beside_it() {
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
            "    met      no token, or a valid one\n    met      issuer a_example\n",
        ),
        ("{}", json!({"aud": ["x", "a"]}), "    met      a valid token\n"),
    ] {
        let ran = judged(requirement, &claims);
        assert_eq!(ran.status, 0, "{requirement} {claims}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(expected), "{requirement} {claims}: {expected}\nin\n{}", ran.out);
        assert!(!ran.out.contains("the token has"), "{}", ran.out);
    }
}

#[test]
fn a_long_value_is_cut() {
    let ran = judged("{requires_claim: {claim: long, any: [x]}}", &json!({"long": "y".repeat(3000)}));
    let line = ran.out.lines().find(|line| line.contains("not met")).unwrap();
    assert!(line.ends_with("yyy…") && line.len() < 200, "{line}");
    let roles: Vec<_> = (0..500).map(|number| format!("x:r{number}")).collect();
    let ran = judged("{requires_role: admin}", &json!({"app": {"roles": roles}}));
    assert!(ran.out.contains("\"r9\", and 490 more\n"), "{}", ran.out);
}

#[test]
fn claims_are_judged_under_a_token_s_header() {
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
    assert!(ran.status == 2 && ran.err.contains("a token has three parts"), "{}", ran.err);
}

#[test]
fn what_decode_prints_is_judged_as_the_token_would_be() {
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
    // Claims that have a header among them are claims.
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
    assert!(ran.status == 2 && ran.err.contains("standard input can be one of"), "{}", ran.err);
}

#[test]
fn a_name_that_stands_twice_is_not_decoded() {
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
fn a_token_is_taken_with_its_scheme() {
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
        assert!(without.err.contains("the keys of issuer a_example are not"), "{}", without.err);
    }
    let other = folder.file("other.json", &jwtguard(&["keygen", "--alg", "EdDSA", "--kid", "k9"]).out);
    let other = folder.file("others.json", &jwtguard(&["jwks", "--key", &other]).out);
    let ran = jwtguard(&["explain", &config, "--request", "/a", "--jwks", &other, "--token", token]);
    assert!(ran.out.contains("not met  a valid token; the token has kid \""), "{}", ran.out);
    assert!(ran.out.contains(" and alg \"EdDSA\"; expected a key of the issuer's\n"), "{}", ran.out);
    // Another scheme is part of what is judged.
    let basic = format!("Basic {token}");
    let ran = jwtguard(&["explain", &config, "--request", "/a", "--jwks", &jwks, "--token", &basic]);
    assert!(ran.status == 1 && ran.out.contains("token: not valid: malformed"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_jwt_that_nobody_reads_is_told() {
    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.eA";
    let explain = |path: &str, header: &str| {
        let header = format!("{header}{JWT}");
        explained(&["--request", path, "--header", &header])
    };
    for (header, expected) in [
        ("cookie=a=1; session=", "the cookie session holds a JWT and is not read"),
        ("x-access-token=", "the header x-access-token holds a JWT and is not read"),
        ("authorization=", "the header authorization holds a JWT and is not read"),
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
        assert!(!ran.out.contains("holds a JWT"), "{path} {header}: {}", ran.out);
    }
}

#[test]
fn routes_that_match_and_do_not_apply_are_listed() {
    let config = "issuer: https://a.example\naudience: a\njwks_cluster: c\naccepted_algorithms: EdDSA\nroutes:\n\
                  - {path: /**, methods: [DELETE], requires_role: admin}\n\
                  - {path: /api/**, allow_authenticated: true}\n\
                  - {path: '/api/{id}', hosts: other.example, deny: true}\n\
                  - {path: /api/x/y, requires_role: r}\n";
    let listed = "\nalso matches, less specific: does not apply\n";
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
        // Every reading's route applies.
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
    // Metadata that replaces the routes leaves no less specific one.
    let metadata = ["explain", "-", "--request", "DELETE /api/x", "--route-metadata", "{\"deny\":true}"];
    let ran = jwtguard_with(&metadata, config);
    assert!(ran.out.contains("route_metadata: nobody") && !ran.out.contains("less specific"), "{}", ran.out);
}

#[test]
fn exit_statuses_stand_in_the_help() {
    for (command, expected) in [
        ("explain", "Exit status:\n  0  the filter lets the request go on"),
        (
            "test",
            "Exit status:\n  0  every test is as expected\n  1  at least one is not\n  2  the tests were not all run",
        ),
    ] {
        let ran = jwtguard(&[command, "--help"]);
        assert!(ran.status == 0 && ran.out.contains(expected), "{command}: {}", ran.out);
    }
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
