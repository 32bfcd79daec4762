//! Checks of the claims of a token with a valid signature.

use std::time::Duration;

use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::error::TokenError;
use jwt_guard::jose::json::Json;
use jwt_guard::jose::pointer::Pointer;
use jwt_guard::jose::rules::RefusedClaim;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_guard::time::UnixTime;
use serde_json::{Value, json};

use super::fixture::{Attempt, MAX_TOKEN_BYTES, NOW, assert_result};

const EXP: u64 = 1_700_003_600;

/// Verifies a token with a claim as JSON text, for numbers that a general JSON type would round or reject.
fn verify_claim_text(name: &str, text: &str) -> Result<jwt_guard::jose::claims::VerifiedClaims, TokenError> {
    let mut attempt = Attempt::good();
    attempt.claims.as_object_mut().unwrap().remove(name);
    let claims = attempt.claims.to_string();
    let claims = format!("{{\"{name}\":{text},{}", &claims[1..]);
    attempt
        .verify_token(attempt.sign_texts(attempt.header.to_string().as_bytes(), claims.as_bytes()).as_bytes())
}

#[test]
fn verified_claims_equal_the_claims_of_the_token() {
    let attempt = Attempt::good().claim("aud", json!(["x", "orders", "y"]));
    let token = attempt.token();
    let verified = attempt.verify_token(token.as_bytes()).unwrap();
    assert_eq!(verified.issuer(), IssuerIndex(0));
    assert_eq!(verified.audiences(), ["orders"], "only the audiences of the token that are configured");
    assert_eq!(verified.payload(), token.split('.').nth(1).unwrap());
    assert_eq!(verified.claims().member("sub").and_then(Json::as_str), Some("user-1"));
}

#[test]
fn iss_is_the_issuer_to_the_letter() {
    let unknown = Some(TokenError::UnknownIssuer);
    for (label, iss) in [
        ("another", json!("https://other.example")),
        ("a slash more", json!("https://issuer.example/")),
        ("another case", json!("https://ISSUER.example")),
        ("a space before", json!(" https://issuer.example")),
        ("NUL after", json!("https://issuer.example\0")),
        ("a prefix", json!("https://issuer")),
        ("a list", json!(["https://issuer.example"])),
        ("null", Value::Null),
        ("empty", json!("")),
    ] {
        assert_result(label, Attempt::good().claim("iss", iss).verify(), unknown.clone());
    }
    assert_result("absent", Attempt::good().without_claim("iss").verify(), unknown);
}

#[test]
fn registered_claims_have_their_types() {
    let wrong = |claim| Some(TokenError::ClaimType { claim });
    let rows: Vec<(&'static str, &str, Option<TokenError>)> = vec![
        ("sub", "\"\"", None),
        ("sub", "1", wrong("sub")),
        ("sub", "null", wrong("sub")),
        ("sub", "[\"a\"]", wrong("sub")),
        ("sub", "{}", wrong("sub")),
        ("jti", "\"a\"", None),
        ("jti", "7", wrong("jti")),
        ("aud", "\"orders\"", None),
        ("aud", "[\"orders\"]", None),
        ("aud", "1", wrong("aud")),
        ("aud", "null", wrong("aud")),
        ("aud", "{\"orders\":1}", wrong("aud")),
        ("aud", "[\"orders\",1]", wrong("aud")),
        ("aud", "[[\"orders\"]]", wrong("aud")),
        ("exp", "\"1700003600\"", wrong("exp")),
        ("exp", "null", wrong("exp")),
        ("exp", "true", wrong("exp")),
        ("exp", "[1700003600]", wrong("exp")),
        ("exp", "1e999", wrong("exp")),
        ("exp", "-1e999", wrong("exp")),
        ("exp", "1700003600.5", None),
        ("exp", "1.7000036e9", None),
        ("exp", "1e308", None),
        ("exp", "99999999999999999999999999999999999999999", None),
        ("exp", "-1", Some(TokenError::Expired)),
        ("exp", "-1e308", Some(TokenError::Expired)),
        ("exp", "0", Some(TokenError::Expired)),
        ("exp", "-0", Some(TokenError::Expired)),
        ("exp", "1e-400", Some(TokenError::Expired)),
        ("nbf", "\"0\"", wrong("nbf")),
        ("nbf", "-1e308", None),
        ("nbf", "1e308", Some(TokenError::NotYetValid)),
        ("nbf", "1e999", wrong("nbf")),
        ("nbf", "1700000160", None),
        ("nbf", "1700000160.001", Some(TokenError::NotYetValid)),
        ("iat", "false", wrong("iat")),
        ("iat", "-5", None),
        ("iat", "1700000160", None),
        ("iat", "1700000161", Some(TokenError::NotYetValid)),
        ("iat", "18446744073709551616", Some(TokenError::NotYetValid)),
    ];
    for (claim, text, expected) in rows {
        assert_result(&format!("{claim}: {text}"), verify_claim_text(claim, text), expected);
    }
}

#[test]
fn times_are_checked_with_the_skew() {
    let at = |now| {
        let mut attempt = Attempt::good();
        attempt.now = now;
        attempt
    };
    let strict = |attempt: Attempt| attempt.rules(|rules| rules.clock_skew = Duration::ZERO);
    let last = UnixTime::from_millis((EXP + 60) * 1000 - 1);
    let rows: Vec<(&str, Attempt, Option<TokenError>)> = vec![
        ("the last millisecond", at(last), None),
        ("exp and the skew", at(UnixTime::from_secs(EXP + 60)), Some(TokenError::Expired)),
        ("no skew, before", strict(at(UnixTime::from_millis(EXP * 1000 - 1))), None),
        ("no skew, at exp", strict(at(UnixTime::from_secs(EXP))), Some(TokenError::Expired)),
        ("the first moment for iat", at(UnixTime::from_secs(1_699_999_940)), None),
        ("before it", at(UnixTime::from_millis(1_699_999_939_999)), Some(TokenError::NotYetValid)),
        ("the end of time", at(UnixTime::from_millis(u64::MAX)), Some(TokenError::Expired)),
        ("the beginning", at(UnixTime::from_millis(0)), Some(TokenError::NotYetValid)),
        ("no exp", Attempt::good().without_claim("exp"), Some(TokenError::NoExpiration)),
        (
            "no exp, not required",
            Attempt::good().without_claim("exp").rules(|rules| rules.require_expiration = false),
            None,
        ),
        (
            "expired, though exp is not required",
            Attempt::good().claim("exp", json!(1)).rules(|rules| rules.require_expiration = false),
            Some(TokenError::Expired),
        ),
        ("no iat", Attempt::good().without_claim("iat"), None),
    ];
    for (label, attempt, expected) in rows {
        assert_result(label, attempt.verify(), expected);
    }
}

/// The times of a cached token are checked again.
#[test]
fn cached_claims_expire() {
    let attempt = Attempt::good();
    let verified = attempt.verify().unwrap();
    assert_eq!(verified.check_time(&attempt.rules, NOW), Ok(()));
    let last = UnixTime::from_millis((EXP + 60) * 1000 - 1);
    assert_eq!(verified.check_time(&attempt.rules, last), Ok(()));
    assert_eq!(verified.check_time(&attempt.rules, UnixTime::from_secs(EXP + 60)), Err(TokenError::Expired));
    let before = UnixTime::from_secs(1_600_000_000);
    assert_eq!(verified.check_time(&attempt.rules, before), Err(TokenError::NotYetValid), "a clock set back");

    let without_skew = Attempt::good().rules(|rules| rules.clock_skew = Duration::ZERO).rules;
    let rows = [
        ("1e308", u64::MAX, Ok(())),
        ("1700003600.25", EXP * 1000 + 249, Ok(())),
        ("1700003600.25", EXP * 1000 + 250, Err(TokenError::Expired)),
    ];
    for (exp, now, expected) in rows {
        let verified = verify_claim_text("exp", exp).unwrap();
        assert_eq!(
            verified.check_time(&without_skew, UnixTime::from_millis(now)),
            expected,
            "{exp} at {now}"
        );
    }
    let endless = Attempt::good().without_claim("exp").rules(|rules| rules.require_expiration = false);
    let verified = endless.verify().unwrap();
    assert_eq!(verified.check_time(&endless.rules, UnixTime::from_millis(u64::MAX)), Ok(()));
}

#[test]
fn lifetime_is_bounded_where_it_is_set() {
    let bounded =
        |seconds| Attempt::good().rules(|rules| rules.max_lifetime = Some(Duration::from_secs(seconds)));
    let lifetime = Some(TokenError::Lifetime);
    assert_result("as long as allowed", bounded(3600).verify(), None);
    assert_result("a second longer", bounded(3599).verify(), lifetime.clone());
    assert_result("no iat", bounded(3600).without_claim("iat").verify(), lifetime.clone());
    let endless = bounded(3600).without_claim("exp").rules(|rules| rules.require_expiration = false);
    assert_result("no exp", endless.verify(), lifetime.clone());
    let huge = bounded(3600).claim("exp", json!(1e308)).claim("iat", json!(-1e308));
    assert_result("an infinite difference", huge.verify(), lifetime);
}

#[test]
fn one_audience_must_be_configured() {
    let audience = Some(TokenError::Audience);
    let rows: Vec<(&str, Attempt, Option<TokenError>)> = vec![
        ("one of several", Attempt::good().claim("aud", json!(["a", "orders"])), None),
        ("another", Attempt::good().claim("aud", json!("payments")), audience.clone()),
        ("none", Attempt::good().claim("aud", json!([])), Some(TokenError::NoAudience)),
        ("absent", Attempt::good().without_claim("aud"), Some(TokenError::NoAudience)),
        ("another case", Attempt::good().claim("aud", json!("Orders")), audience.clone()),
        ("a longer name", Attempt::good().claim("aud", json!("orders2")), audience.clone()),
        ("a list in a string", Attempt::good().claim("aud", json!("a orders")), audience.clone()),
        ("none configured", Attempt::good().rules(|rules| rules.audiences.clear()), audience),
        (
            "no claim configured",
            Attempt::good().rules(|rules| rules.audience_from.clear()),
            Some(TokenError::NoAudience),
        ),
    ];
    for (label, attempt, expected) in rows {
        assert_result(label, attempt.verify(), expected);
    }
}

#[test]
fn audiences_come_from_the_configured_claims() {
    let from = |attempt: Attempt, places: &[&str]| {
        let places: Vec<Pointer> = places.iter().map(|place| Pointer::parse(place).unwrap()).collect();
        attempt.rules(|rules| rules.audience_from = places)
    };
    let cognito = || Attempt::good().without_claim("aud").claim("client_id", json!("orders"));
    let audience = Some(TokenError::NoAudience);
    let rows: Vec<(&str, Attempt, Option<TokenError>)> = vec![
        ("client_id", from(cognito(), &["client_id"]), None),
        ("client_id, with only aud configured", from(cognito(), &["aud"]), audience.clone()),
        ("both claims", from(cognito(), &["aud", "client_id"]), None),
        ("a pointer", from(cognito().claim("x", json!({ "a": ["orders"] })), &["/x/a"]), None),
        ("a number there", from(cognito().claim("client_id", json!(7)), &["client_id"]), audience.clone()),
        (
            "a mixed list there",
            from(cognito().claim("client_id", json!(["orders", 7])), &["client_id"]),
            audience,
        ),
        (
            "aud of the wrong type, though not configured",
            from(cognito().claim("aud", json!(7)), &["client_id"]),
            Some(TokenError::ClaimType { claim: "aud" }),
        ),
    ];
    for (label, attempt, expected) in rows {
        assert_result(label, attempt.verify(), expected);
    }
    let merged = from(cognito().claim("aud", json!(["b", "c"])), &["client_id", "aud"]);
    let merged = merged.rules(|rules| rules.audiences.push("b".to_owned())).verify().unwrap();
    assert_eq!(merged.audiences(), ["orders", "b"]);
}

#[test]
fn tokens_for_another_purpose_are_rejected() {
    let refused = |pointer: &str| Some(TokenError::RefusedClaim { pointer: pointer.to_owned() });
    let rows: Vec<(&str, Value, Option<TokenError>)> = vec![
        ("type", json!("refresh"), refused("type")),
        ("type", json!("access"), None),
        ("type", json!(["access", "refresh"]), refused("type")),
        ("typ", json!("Refresh"), refused("typ")),
        ("typ", json!("ID"), refused("typ")),
        ("typ", json!("Offline"), refused("typ")),
        ("typ", json!("Logout"), refused("typ")),
        ("typ", json!("Bearer"), None),
        ("token_use", json!("id"), refused("token_use")),
        ("token_use", json!("access"), None),
    ];
    for (claim, value, expected) in rows {
        assert_result(&format!("{claim}: {value}"), Attempt::good().claim(claim, value).verify(), expected);
    }

    let configured = |text: &str| {
        let values = vec![Json::parse(text.as_bytes()).unwrap()];
        vec![RefusedClaim { pointer: Pointer::parse("/act/level").unwrap(), values }]
    };
    let attempt = |text: &str, level: Value| {
        let rules = configured(text);
        Attempt::good()
            .claim("act", json!({ "level": level }))
            .rules(|own| own.refused_claims = rules)
            .verify()
    };
    assert_result("a number", attempt("1", json!(1.0)), refused("/act/level"));
    assert_result("a number does not equal text", attempt("1", json!("1")), None);
    assert_result("true", attempt("true", json!(true)), refused("/act/level"));
    assert_result("true does not equal text", attempt("true", json!("true")), None);
    let off = Attempt::good().claim("type", json!("refresh")).rules(|rules| rules.refused_claims.clear());
    assert_result("turned off", off.verify(), None);
}

/// Of several faults, the first one in the order of the checks is reported. The times come before the signature, and an
/// invalid signature hides the faults of the checks after it.
#[test]
fn times_are_checked_before_the_signature_and_the_other_claims_after_it() {
    let mut attempt = Attempt::good()
        .claim("sub", json!(7))
        .claim("exp", json!(1))
        .claim("nbf", json!(1e15))
        .claim("aud", json!("payments"))
        .claim("type", json!("refresh"))
        .rules(|rules| rules.max_lifetime = Some(Duration::from_secs(1)));
    attempt.signer.1 = "rsa-2";
    let steps: [(TokenError, fn(Attempt) -> Attempt); 8] = [
        (TokenError::Expired, |attempt| attempt.claim("exp", json!("soon"))),
        (TokenError::ClaimType { claim: "exp" }, |attempt| attempt.claim("exp", json!(EXP))),
        (TokenError::NotYetValid, |attempt| attempt.without_claim("nbf")),
        (TokenError::Lifetime, |attempt| attempt.rules(|rules| rules.max_lifetime = None)),
        (TokenError::Signature, |mut attempt| {
            attempt.signer.1 = "rsa-1";
            attempt
        }),
        (TokenError::ClaimType { claim: "sub" }, |attempt| attempt.without_claim("sub")),
        (TokenError::Audience, |attempt| attempt.claim("aud", json!("orders"))),
        (TokenError::RefusedClaim { pointer: "type".to_owned() }, |attempt| attempt.without_claim("type")),
    ];
    for (expected, repair) in steps {
        assert_result("in order", attempt.verify(), Some(expected));
        attempt = repair(attempt);
    }
    assert_result("repaired", attempt.verify(), None);
}

/// An error names configuration keys, but contains nothing from the token.
#[test]
fn errors_do_not_repeat_the_token() {
    let secret = "s3cr3t";
    let attempts = [
        Attempt::good().claim("iss", json!(secret)),
        Attempt::good().header("alg", json!(secret)),
        Attempt::good().header("typ", json!(secret)),
        Attempt::good().header("kid", json!(secret)),
        Attempt::good().header("kid", json!([secret])),
        Attempt::good().claim("aud", json!(secret)),
        Attempt::good().claim("sub", json!([secret])),
        Attempt::good().claim("exp", json!(secret)),
    ];
    let passing = Attempt::good().claim("sub", json!(secret));
    let token = passing.token();
    let parsed = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES).unwrap();
    assert_eq!(format!("{:?}", passing.verify().unwrap()), "VerifiedClaims { issuer: IssuerIndex(0), .. }");
    assert!(!format!("{parsed:?}").contains(secret));
    for attempt in attempts {
        let error = attempt.verify().unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
        assert!(!format!("{error:?}").contains(secret), "{error:?}");
    }
}
