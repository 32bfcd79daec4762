//! `explain` shows the opinion of `jwt-simple` on a token, and where it differs from the result of the filter.

use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, ISSUER, SigningKey, Token, key_set};
use jwt_guard_testkit::now;
use serde_json::{Value, json};

use crate::run::{Folder, Output, jwtguard, jwtguard_with};

const VALID: &str = "second opinion (jwt-simple): valid\n";

fn policy(more: &str) -> String {
    let names: Vec<_> = Algorithm::ALL.into_iter().map(Algorithm::name).collect();
    format!(
        "issuer: {ISSUER}\naudience: orders-api\njwks_cluster: c\naccepted_algorithms: [{}]\n{more}",
        names.join(", ")
    )
}

/// One key, its JWKS in a file, and a policy.
struct Case {
    key: SigningKey,
    jwks: String,
    policy: String,
    folder: Folder,
}

impl Case {
    fn new(name: &str, key: SigningKey, more: &str) -> Self {
        let folder = Folder::new(&format!("opinion-{name}"));
        let jwks = folder.file("jwks.json", &key_set([&key]).to_string());
        Self { key, jwks, policy: policy(more), folder }
    }

    fn explained(&self, token: &str, more: &[&str]) -> Output {
        let arguments = ["explain", "-", "--request", "/a", "--token", token, "--jwks", &self.jwks];
        jwtguard_with(&[&arguments, more].concat(), &self.policy)
    }

    fn of(&self, token: &Token) -> Output {
        self.explained(&token.sign(&self.key).unwrap(), &[])
    }
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

fn es256(name: &str, more: &str) -> Case {
    Case::new(name, key(Algorithm::Es256), more)
}

/// Asserts the exit status and lines of the text, and that no difference is shown.
fn agree(ran: &Output, status: i32, lines: [&str; 2]) {
    assert_eq!(ran.status, status, "{}{}", ran.out, ran.err);
    for line in lines {
        assert!(ran.out.contains(line), "{line}\nin\n{}", ran.out);
    }
    assert!(!ran.out.contains("difference"), "{}", ran.out);
}

#[test]
fn both_agree_for_each_algorithm_that_jwt_simple_knows() {
    let rsa = key(Algorithm::Rs256);
    let token = Token::new(now());
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Es512) {
        let own = rsa.clone().with_algorithm(algorithm).unwrap_or_else(|_| key(algorithm));
        let case = Case::new(algorithm.name(), own, "");
        agree(&case.of(&token), 0, ["token: valid, from issuer", VALID]);

        let signed = token.sign(&case.key).unwrap();
        let (start, signature) = signed.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let forged = format!("{start}.{first}{}", &signature[1..]);
        let refused = "second opinion (jwt-simple): refuses: ";
        agree(&case.explained(&forged, &[]), 1, ["token: not valid: signature", refused]);
        for (changed, reason, why) in [
            (token.clone().expired_for(Duration::from_secs(100)), "expired", "Token has expired"),
            (token.clone().audience("other"), "audience", "Required audience mismatch"),
            (token.clone().issuer("https://other.example"), "unknown_issuer", "Required issuer mismatch"),
        ] {
            let lines = [format!("token: not valid: {reason}"), format!("{refused}{why}\n")];
            agree(&case.of(&changed), 1, [&lines[0], &lines[1]]);
        }
    }
}

#[test]
fn the_clock_skew_counts_for_both() {
    let expired = Token::new(now()).expired_for(Duration::from_secs(100));
    agree(&es256("skew", "clock_skew_seconds: 300\n").of(&expired), 0, ["token: valid", VALID]);
}

#[test]
fn an_audience_in_another_claim_is_not_verified_by_jwt_simple() {
    let token = Token::new(now()).audience("other").claim("client_id", "orders-api");
    agree(&es256("client", "audience_from: client_id\n").of(&token), 0, ["token: valid", VALID]);
}

#[test]
fn a_rule_that_only_the_filter_has_is_a_difference() {
    let token = || Token::new(now());
    for (name, more, changed, reason, rule) in [
        ("empty-crit", "", token().header("crit", json!([])), "crit", "crit and b64 in the header"),
        ("b64", "", token().header("b64", false), "crit", "crit and b64 in the header"),
        ("typ", "", token().header("typ", "refresh+jwt"), "type", "accepted_types"),
        ("refresh", "", token().claim("typ", "Refresh"), "refused_claim", "refused_claims"),
        ("no-exp", "", token().without("exp"), "expired", "require_expiration"),
        ("lifetime", "max_token_lifetime_seconds: 60\n", token(), "lifetime", "max_token_lifetime_seconds"),
        ("jti", "require_jti: true\n", token(), "claim_type", "the types of the registered claims"),
        ("kid", "refused_kids: k1\n", token(), "refused_kid", "refused_kids"),
        ("from", "audience_from: client_id\n", token(), "audience", "audience_from"),
        (
            "bytes",
            "max_token_bytes: 300\n",
            token().claim("x", "y".repeat(300)),
            "too_long",
            "max_token_bytes",
        ),
        ("cnf", "", token().claim("cnf", json!({"x5t#S256": "A"})), "confirmation", "confirmation of bound"),
    ] {
        let case = Case::new(name, key(Algorithm::Es256).with_kid("k1"), more);
        let ran = case.of(&changed);
        let expected = format!(
            "{VALID}difference: the filter refuses the token ({reason}), and jwt-simple accepts it: only the filter has this \
             rule: {rule}"
        );
        assert_eq!(ran.status, 1, "{name}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(&expected), "{name}: {expected}\nin\n{}", ran.out);
    }
}

#[test]
fn a_crit_with_an_extension_is_refused_by_both() {
    let token = Token::new(now()).header("crit", json!(["exp"]));
    let why = "second opinion (jwt-simple): refuses: Unknown critical extension in token header\n";
    agree(&es256("crit", "").of(&token), 1, ["token: not valid: crit", why]);
}

#[test]
fn a_type_that_only_the_filter_accepts_is_a_difference() {
    let case = es256("type", "accepted_types: access\n");
    let ran = case.of(&Token::new(now()).header("typ", "access"));
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let expected = "refuses: the typ is not that of a JWT\ndifference: the filter accepts the token, and jwt-simple refuses it";
    assert!(ran.out.contains(expected), "{}", ran.out);
}

#[test]
fn a_key_that_only_the_filter_accepts_is_a_difference() {
    let key = key(Algorithm::Es256);
    let token = Token::new(now()).sign(&key).unwrap();
    let explained = |operations: Value| {
        let mut jwk = key.public_jwk();
        jwk["key_ops"] = operations;
        let text = json!({"keys": [jwk]}).to_string();
        let inline = format!("jwks_inline: '{text}'\n");
        let config = policy("").replace("jwks_cluster: c\n", &inline);
        jwtguard_with(&["explain", "-", "--request", "/a", "--token", &token], &config)
    };
    agree(&explained(json!(["verify"])), 0, ["token: valid", VALID]);
    let ran = explained(json!(["verify", "sign"]));
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let expected = "refuses: the key is not accepted: Invalid public key\ndifference: the filter accepts the token, and jwt-simple \
                    refuses it (the key is not accepted: Invalid public key): jwt-simple is stricter about keys";
    assert!(ran.out.contains(expected), "{}", ran.out);
}

#[test]
fn a_name_that_stands_twice_is_a_difference() {
    let case = es256("twice", "");
    let claims = Token::new(now()).claims_json();
    let signed = |claims: &str| case.key.sign(Token::new(now()).header_json(&case.key), claims).unwrap();
    agree(&case.explained(&signed(&claims), &[]), 0, ["token: valid", VALID]);
    let twice = claims.replacen('{', r#"{"roles":[],"roles":["admin"],"#, 1);
    let ran = case.explained(&signed(&twice), &[]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    let expected = format!(
        "{VALID}difference: the filter refuses the token (malformed), and jwt-simple accepts it: only the \
                            filter has this rule: the strict form of a token"
    );
    assert!(ran.out.contains(&expected), "{}", ran.out);
}

#[test]
fn the_issuer_of_a_tenant_is_expected_as_the_token_has_it() {
    let key = key(Algorithm::Es256);
    let config = format!(
        "issuer: 'https://login.example/{{tid}}/v2'\nname: login\ntenants: [one]\naudience: orders-api\n\
         accepted_algorithms: ES256\njwks_inline: {}\n",
        key_set([&key])
    );
    let explained = |iss: &str| {
        let token = Token::new(now()).issuer(iss).claim("tid", "one").sign(&key).unwrap();
        jwtguard_with(&["explain", "-", "--request", "/a", "--token", &token], &config)
    };
    agree(&explained("https://login.example/one/v2"), 0, ["token: valid", VALID]);
    let refuses = "second opinion (jwt-simple): refuses: Required issuer mismatch\n";
    agree(&explained("https://login.example/two/v3"), 1, ["token: not valid: unknown_issuer", refuses]);
}

#[test]
fn a_token_from_standard_input_has_an_opinion() {
    let case = es256("stdin", "");
    let file = case.folder.file("policy.yaml", &case.policy);
    let token = Token::new(now()).sign(&case.key).unwrap();
    let arguments = ["explain", &file, "--request", "/a", "--token", "-", "--jwks", &case.jwks];
    agree(&jwtguard_with(&arguments, &format!("Bearer {token}\n")), 0, ["token: valid", VALID]);
}

#[test]
fn what_jwt_simple_cannot_verify_is_said() {
    let case = Case::new("es512", key(Algorithm::Es512), "");
    let unknown = "second opinion (jwt-simple): does not know ES512 with public keys\n";
    agree(&case.of(&Token::new(now())), 0, ["token: valid", unknown]);

    let case = es256("alg", "");
    let unknown = "second opinion (jwt-simple): does not know none with public keys\n";
    agree(&case.of(&Token::new(now()).header("alg", "none")), 1, ["token: not valid: algorithm", unknown]);
    let no_key = "does not verify the token: no key fits the token's kid and alg\n";
    agree(&case.of(&Token::new(now()).header("kid", "x")), 1, ["token: not valid: unknown_kid", no_key]);
}

#[test]
fn a_token_without_kid_is_tried_with_each_key_that_fits() {
    let keys: Vec<_> = (0..6).map(|_| key(Algorithm::Es256)).collect();
    let config = format!("{}jwks_inline: {}\n", policy("").replace("jwks_cluster: c\n", ""), key_set(&keys));
    let explained = |index: usize| {
        let token = Token::new(now()).without_header("kid").sign(&keys[index]).unwrap();
        jwtguard_with(&["explain", "-", "--request", "/a", "--token", &token], &config)
    };
    agree(&explained(3), 0, ["token: valid", VALID]);
    let ran = explained(5);
    let expected = format!(
        "{VALID}difference: the filter refuses the token (signature), and jwt-simple accepts it: only the filter"
    );
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(&expected), "{}", ran.out);
    assert!(ran.out.contains("to 4; 6 keys fit"), "{}", ran.out);
}

#[test]
fn a_second_token_has_an_opinion_of_its_own() {
    let (first, agent) = (key(Algorithm::Es256), key(Algorithm::Ed25519));
    let issuer = |iss: &str, name: &str, algorithm: &str, key: &SigningKey| {
        format!(
            "- {{issuer: '{iss}', name: {name}, audience: orders-api, accepted_algorithms: {algorithm}, jwks_inline: {}}}\n",
            key_set([key])
        )
    };
    let config = format!(
        "issuers:\n{}{}second_tokens:\n  agent: {{token_from: [{{header: x-agent}}], issuers: agents}}\n\
         default_policy: {{requires_token: {{agent: {{allow_authenticated: true}}}}}}\n",
        issuer(ISSUER, "users", "ES256", &first),
        issuer("https://agents.example", "agents", "EdDSA", &agent),
    );
    let explained = |second: &Token, more: &[&str]| {
        let token = Token::new(now()).sign(&first).unwrap();
        let second = format!("agent={}", second.sign(&agent).unwrap());
        let arguments = ["explain", "-", "--request", "/a", "--token", &token, "--second-token", &second];
        jwtguard_with(&[&arguments, more].concat(), &config)
    };
    let valid = Token::new(now()).issuer("https://agents.example");
    agree(&explained(&valid, &[]), 0, [VALID, "second opinion (jwt-simple) on second token agent: valid\n"]);

    let ran = explained(&valid.clone().header("crit", json!([])), &[]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("difference on second token agent: the filter refuses the token (crit)"),
        "{}",
        ran.out
    );

    let json: Value = serde_json::from_str(&explained(&valid.audience("x"), &["--json"]).out).unwrap();
    assert_eq!(json["second_opinion"], json!({"verdict": "valid", "why": null, "difference": null}));
    let refuses = json!({"verdict": "refuses", "why": "Required audience mismatch", "difference": null});
    assert_eq!(json["second_token_opinions"], json!({"agent": refuses}));
}

#[test]
fn json_has_the_opinion_and_the_difference() {
    let case = es256("json", "");
    let token = Token::new(now()).header("crit", json!([])).sign(&case.key).unwrap();
    let json: Value = serde_json::from_str(&case.explained(&token, &["--json"]).out).unwrap();
    assert_eq!(json["second_opinion"]["verdict"], "valid");
    let difference = json["second_opinion"]["difference"].as_str().unwrap();
    assert!(
        difference.starts_with("the filter refuses the token (crit), and jwt-simple accepts it"),
        "{difference}"
    );
    assert_eq!(json["decision"]["reason"], "crit");
}

#[test]
fn generated_and_unread_tokens_have_no_second_opinion() {
    let claims = ["explain", "envoy/envoy.yaml", "--request", "/a", "--claims", "{}"];
    let unread = ["explain", "envoy/envoy.yaml", "--request", "/public/a", "--token", "x"];
    for arguments in [claims, unread] {
        let ran = jwtguard(&arguments);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        assert!(!ran.out.contains("opinion"), "{}", ran.out);
        let json: Value =
            serde_json::from_str(&jwtguard(&[&arguments[..], &["--json"]].concat()).out).unwrap();
        assert_eq!((&json["second_opinion"], &json["second_token_opinions"]), (&Value::Null, &json!({})));
    }
}
