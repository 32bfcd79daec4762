//! Checks of the header, and members of the header that are ignored.

use jwt_guard::jose::algorithm::{Algorithm, SignatureCheck, Verifier};
use jwt_guard::jose::base64url;
use jwt_guard::jose::claims::{AdmittedToken, verify};
use jwt_guard::jose::error::{Malformed, TokenError};
use jwt_guard::jose::rules::AcceptedTypes;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_simple::prelude::{Claims, Duration, HS256Key, MACLike};
use serde_json::{Value, json};

use super::fixture::{Attempt, MAX_TOKEN_BYTES, NOW, assert_result, key_set, public_key};

const MEMBER: fn(&'static str) -> Option<TokenError> =
    |name| Some(TokenError::Malformed(Malformed::HeaderMember(name)));

#[test]
fn alg_is_one_that_the_issuer_accepts() {
    for alg in
        ["none", "None", "NONE", "nOnE", "none ", "", "HS256", "hs256", "rs256", "RS256\0", "RS1", "dir"]
    {
        let attempt = Attempt::good().header("alg", json!(alg));
        assert_result(alg, attempt.verify(), Some(TokenError::Algorithm));
    }
    let rows: &[(&str, Attempt, Option<TokenError>)] = &[
        ("absent", Attempt::good().without_header("alg"), Some(TokenError::Algorithm)),
        ("null", Attempt::good().header("alg", Value::Null), MEMBER("alg")),
        ("a list", Attempt::good().header("alg", json!(["RS256"])), MEMBER("alg")),
        (
            "known but not accepted",
            Attempt::good().header("alg", json!("RS384")),
            Some(TokenError::Algorithm),
        ),
        ("in another case of the name", Attempt::good().header("Alg", json!("none")), None),
        (
            "none accepted",
            Attempt::good().rules(|rules| rules.accepted_algorithms.clear()),
            Some(TokenError::Algorithm),
        ),
        (
            "the new name of Ed25519",
            Attempt::good_with(Algorithm::Ed25519, "ed25519-1").header("alg", json!("Ed25519")),
            None,
        ),
    ];
    for (label, attempt, expected) in rows {
        assert_result(label, attempt.verify(), expected.clone());
    }
}

/// The classic attack: no signature, in both forms, and with an arbitrary signature.
#[test]
fn unsigned_tokens_are_refused() {
    let good = Attempt::good();
    let claims = base64url::encode(good.claims.to_string().as_bytes());
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = base64url::encode(json!({ "alg": alg }).to_string().as_bytes());
        let parts = Some(TokenError::Malformed(Malformed::Parts));
        assert_result(alg, good.verify_token(format!("{header}.{claims}").as_bytes()), parts.clone());
        assert_result(alg, good.verify_token(format!("{header}.{claims}.").as_bytes()), parts);
        let with_signature = format!("{header}.{claims}.AAAA");
        assert_result(alg, good.verify_token(with_signature.as_bytes()), Some(TokenError::Algorithm));
    }
}

/// An attacker names an HMAC algorithm and uses the public key as its secret.
#[test]
fn a_public_key_is_not_an_hmac_secret() {
    let mut good = Attempt::good();
    good.rules.accepted_algorithms = Algorithm::ALL.to_vec();
    let jwk = public_key("rsa-1");
    let secrets =
        [jwk.to_string().into_bytes(), base64url::decode(jwk["n"].as_str().unwrap().as_bytes()).unwrap()];
    for secret in secrets {
        let claims = Claims::create(Duration::from_secs(3600)).with_issuer("https://issuer.example");
        let token = HS256Key::from_bytes(&secret).with_key_id("rsa-1").authenticate(claims).unwrap();
        assert_result("HS256", good.verify_token(token.as_bytes()), Some(TokenError::Algorithm));
    }
}

/// A token that contains its own key, or a URL for it, is verified with the issuer's keys only.
#[test]
fn keys_in_the_header_are_ignored() {
    let own = public_key("rsa-2");
    let embedded = [
        ("jwk", own.clone()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!(7)),
    ];
    for (name, value) in embedded {
        let good = Attempt::good().header(name, value.clone());
        assert_result(&format!("{name}, signed by the issuer"), good.verify(), None);
        let mut forged = Attempt::good().header(name, value);
        forged.signer = (Algorithm::Rs256, "rsa-2");
        assert_result(
            &format!("{name}, signed by its own key"),
            forged.verify(),
            Some(TokenError::Signature),
        );
        let forged = forged.without_header("kid");
        assert_result(&format!("{name}, and no kid"), forged.verify(), Some(TokenError::Signature));
    }
}

#[test]
fn a_kid_is_only_compared() {
    let unknown = Some(TokenError::UnknownKid);
    let rows: Vec<(&str, Value, Option<TokenError>)> = vec![
        ("another", json!("rsa-9"), unknown.clone()),
        ("empty", json!(""), unknown.clone()),
        ("another case", json!("RSA-1"), unknown.clone()),
        ("a space after", json!("rsa-1 "), unknown.clone()),
        ("NUL after", json!("rsa-1\0"), unknown.clone()),
        ("a path", json!("../../../../dev/null"), unknown.clone()),
        ("SQL", json!("x' UNION SELECT 'secret' --"), unknown.clone()),
        ("a command", json!("key|/usr/bin/id"), unknown.clone()),
        ("a URL", json!("https://evil.example/key"), unknown.clone()),
        ("256 bytes", json!("a".repeat(256)), unknown),
        ("257 bytes", json!("a".repeat(257)), MEMBER("kid")),
        ("129 characters of 258 bytes", json!("\u{e9}".repeat(129)), MEMBER("kid")),
        ("a number", json!(1), MEMBER("kid")),
        ("null", Value::Null, MEMBER("kid")),
        ("an object", json!({ "rsa-1": 1 }), MEMBER("kid")),
        ("a list", json!(["rsa-1"]), MEMBER("kid")),
    ];
    for (label, kid, expected) in rows {
        assert_result(label, Attempt::good().header("kid", kid).verify(), expected);
    }
}

/// RFC 7515 section 4.1.11, RFC 7797.
#[test]
fn extensions_are_refused() {
    let critical = Some(TokenError::Critical);
    let rows: Vec<(&str, &str, Value, Option<TokenError>)> = vec![
        ("an extension", "crit", json!(["exp"]), critical.clone()),
        ("one that is known", "crit", json!(["b64"]), critical.clone()),
        ("none", "crit", json!([]), critical.clone()),
        ("null", "crit", Value::Null, critical.clone()),
        ("not a list", "crit", json!("exp"), critical.clone()),
        ("unencoded", "b64", json!(false), critical.clone()),
        ("unencoded, as text", "b64", json!("false"), critical.clone()),
        ("unencoded, as a number", "b64", json!(0), critical.clone()),
        ("unencoded, as null", "b64", Value::Null, critical),
        ("encoded, as always", "b64", json!(true), None),
    ];
    for (label, name, value, expected) in rows {
        assert_result(&format!("{name}: {label}"), Attempt::good().header(name, value).verify(), expected);
    }
}

/// RFC 8725 section 3.11, RFC 9068 section 4.
#[test]
fn typ_is_one_that_the_issuer_accepts() {
    let default = ["absent", "JWT", "at+jwt"];
    let refused = Some(TokenError::Type);
    let rows: &[(&str, &[&str], Option<&str>, Option<TokenError>)] = &[
        ("absent", &default, None, None),
        ("JWT", &default, Some("JWT"), None),
        ("another case", &default, Some("jWt"), None),
        ("an access token", &default, Some("at+jwt"), None),
        ("the whole media type", &default, Some("application/at+jwt"), None),
        ("the whole media type, another case", &default, Some("Application/AT+JWT"), None),
        ("the word absent", &default, Some("absent"), refused.clone()),
        ("empty", &default, Some(""), refused.clone()),
        ("a prefix alone", &default, Some("application/"), refused.clone()),
        ("the prefix twice", &default, Some("application/application/jwt"), refused.clone()),
        ("another tree", &default, Some("text/jwt"), refused.clone()),
        ("an ID token of some issuers", &default, Some("id_token+jwt"), refused.clone()),
        ("a logout token", &default, Some("logout+jwt"), refused.clone()),
        ("a security event", &default, Some("secevent+jwt"), refused.clone()),
        ("a proof of possession", &default, Some("dpop+jwt"), refused.clone()),
        ("a space after", &default, Some("JWT "), refused.clone()),
        ("RFC 9068 mode, an access token", &["at+jwt"], Some("at+jwt"), None),
        ("RFC 9068 mode, configured in full", &["application/at+jwt"], Some("at+jwt"), None),
        ("RFC 9068 mode, JWT", &["at+jwt"], Some("JWT"), refused.clone()),
        ("RFC 9068 mode, absent", &["at+jwt"], None, refused.clone()),
        ("nothing accepted", &[], None, refused),
    ];
    for (label, accepted, typ, expected) in rows {
        let attempt = Attempt::good().rules(|rules| {
            rules.accepted_types = AcceptedTypes::new(accepted.iter().copied());
        });
        let attempt = match typ {
            Some(typ) => attempt.header("typ", json!(typ)),
            None => attempt,
        };
        assert_result(label, attempt.verify(), expected.clone());
    }
    assert_result("null", Attempt::good().header("typ", Value::Null).verify(), MEMBER("typ"));
    assert_result("a list", Attempt::good().header("typ", json!(["JWT"])).verify(), MEMBER("typ"));
}

#[test]
fn refused_kids_are_refused_before_and_without_a_kid() {
    let refuse = |attempt: Attempt| attempt.rules(|rules| rules.refused_kids.push("rsa-1".to_owned()));
    let refused = Some(TokenError::RefusedKid);
    assert_result("named", refuse(Attempt::good()).verify(), refused.clone());
    // An attacker with the stolen key omits the kid.
    let nameless = || refuse(Attempt::good().without_header("kid"));
    assert_result("the only key", nameless().verify(), refused.clone());
    let mut beside = nameless();
    beside.keys.push(public_key("rsa-2"));
    assert_result("beside another key", beside.verify(), Some(TokenError::Signature));
    beside.signer = (Algorithm::Rs256, "rsa-2");
    assert_result("signed with the other", beside.verify(), None);
    let mut gone = refuse(Attempt::good());
    gone.keys.retain(|jwk| jwk["kid"] != "rsa-1");
    assert_result("named, and gone from the set", gone.verify(), refused);
}

struct MustNotVerify;

impl Verifier for MustNotVerify {
    fn verify(&self, _: &SignatureCheck<'_>) -> bool {
        panic!("the verifier was called for a token that fails without a key")
    }
}

/// The order is shape, issuer, refused kid, algorithm, type, extensions, times. Of several faults the first one is
/// reported, and no key is looked up.
#[test]
fn checks_without_a_key_come_first_and_in_order() {
    let mut attempt = Attempt::good()
        .claim("iss", json!("https://evil.example"))
        .claim("iat", json!("now"))
        .claim("exp", json!(1))
        .claim("nbf", json!(1e15))
        .header("alg", json!("none"))
        .header("typ", json!("dpop+jwt"))
        .header("crit", json!(["x"]))
        .rules(|rules| {
            rules.refused_kids.push("rsa-1".to_owned());
            rules.max_lifetime = Some(std::time::Duration::from_secs(1));
        });
    // A key that does not fit, and faults in claims that are checked after the signature.
    attempt.keys = vec![public_key("p256-2")];
    attempt = attempt.claim("sub", json!(7)).claim("aud", json!("payments"));
    let steps: [(TokenError, fn(Attempt) -> Attempt); 9] = [
        (TokenError::UnknownIssuer, |attempt| attempt.claim("iss", json!("https://issuer.example"))),
        (TokenError::RefusedKid, |attempt| attempt.rules(|rules| rules.refused_kids.clear())),
        (TokenError::Algorithm, |attempt| attempt.header("alg", json!("RS256"))),
        (TokenError::Type, |attempt| attempt.header("typ", json!("JWT"))),
        (TokenError::Critical, |attempt| attempt.without_header("crit")),
        (TokenError::ClaimType { claim: "iat" }, |attempt| attempt.claim("iat", json!(1_700_000_000))),
        (TokenError::Expired, |attempt| attempt.claim("exp", json!(1_700_003_600))),
        (TokenError::NotYetValid, |attempt| attempt.without_claim("nbf")),
        (TokenError::Lifetime, |attempt| attempt.rules(|rules| rules.max_lifetime = None)),
    ];
    for (expected, repair) in steps {
        let token = attempt.token();
        let parsed = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES).unwrap();
        let admitted = AdmittedToken::admit(parsed.clone(), &attempt.rules, NOW);
        assert_eq!(admitted.err(), Some(expected.clone()));
        let result = verify(parsed, &attempt.rules, &key_set(&attempt.keys), &MustNotVerify, NOW);
        assert_result("verify", result, Some(expected));
        attempt = repair(attempt);
    }
    assert_result(
        "without these faults the key is looked up",
        attempt.verify(),
        Some(TokenError::UnknownKid),
    );
}
