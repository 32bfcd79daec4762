//! Which keys of a set are tried for a token.

use std::cell::Cell;

use jwt_guard::jose::algorithm::{Algorithm, SignatureCheck, Verifier, WasmVerifier};
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::error::TokenError;
use jwt_guard::jose::token::UnverifiedToken;
use serde_json::{Value, json};

use super::fixture::{Attempt, MAX_TOKEN_BYTES, assert_result, key_set, public_key};
use super::keys::{with, without};

#[test]
fn kid_and_algorithm_choose_the_key() {
    let nameless = |kid: &str| without(public_key(kid), "kid");
    let renamed = |kid: &str, name: &str| with(public_key(kid), "kid", json!(name));
    let token = || Attempt::good();
    let kidless = || Attempt::good().without_header("kid");
    let rows: Vec<(&str, Attempt, Vec<Value>, Option<TokenError>)> = vec![
        ("the one key", token(), vec![public_key("rsa-1")], None),
        (
            "the kid of a key of another kind",
            token(),
            vec![renamed("p256-1", "rsa-1")],
            Some(TokenError::BadKey),
        ),
        (
            "the kid of a key of another alg",
            token(),
            vec![with(public_key("rsa-1"), "alg", json!("PS256"))],
            Some(TokenError::BadKey),
        ),
        (
            "two keys of that kid, the second fits",
            token(),
            vec![renamed("p256-1", "rsa-1"), public_key("rsa-1")],
            None,
        ),
        (
            "two that fit, the second verifies",
            token(),
            vec![renamed("rsa-2", "rsa-1"), public_key("rsa-1")],
            None,
        ),
        ("with a kid, never a key without", token(), vec![nameless("rsa-1")], Some(TokenError::UnknownKid)),
        (
            "with a kid, never a key of another",
            token(),
            vec![renamed("rsa-1", "x")],
            Some(TokenError::UnknownKid),
        ),
        ("without a kid, a key without", kidless(), vec![nameless("rsa-1")], None),
        (
            "without a kid, a key with one",
            kidless(),
            vec![public_key("p256-1"), public_key("rsa-2"), public_key("rsa-1")],
            None,
        ),
        ("without a kid, none that fits", kidless(), vec![public_key("p256-1")], Some(TokenError::BadKey)),
        (
            "without a kid, none that verifies",
            kidless(),
            vec![public_key("rsa-2")],
            Some(TokenError::Signature),
        ),
        (
            "the fourth candidate",
            kidless(),
            [vec![public_key("rsa-2"); 3], vec![public_key("rsa-1")]].concat(),
            None,
        ),
        (
            "the fifth candidate",
            kidless(),
            [vec![public_key("rsa-2"); 4], vec![public_key("rsa-1")]].concat(),
            Some(TokenError::SignatureOfTried { fitting: 5 }),
        ),
        (
            "the fifth of one kid",
            token(),
            [vec![renamed("rsa-2", "rsa-1"); 4], vec![public_key("rsa-1")]].concat(),
            Some(TokenError::SignatureOfTried { fitting: 5 }),
        ),
        (
            "none of four candidates, and all are tried",
            kidless(),
            [vec![public_key("rsa-2"); 4], vec![public_key("p256-1"); 3]].concat(),
            Some(TokenError::Signature),
        ),
        (
            "keys of other algorithms do not count",
            kidless(),
            [vec![public_key("p256-1"); 9], vec![public_key("rsa-1")]].concat(),
            None,
        ),
    ];
    for (label, mut attempt, keys, expected) in rows {
        attempt.keys = keys;
        assert_result(label, attempt.verify(), expected);
    }
}

struct Counting(Cell<usize>);

impl Verifier for Counting {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        self.0.set(self.0.get() + 1);
        WasmVerifier.verify(check)
    }
}

#[test]
fn a_token_costs_four_signature_checks_at_most() {
    let attempt = Attempt::good().without_header("kid");
    let token = attempt.token();
    let parsed = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES).unwrap();
    let counting = Counting(Cell::new(0));
    let keys = key_set(&vec![public_key("rsa-2"); 100]);
    let result = verify(parsed, &attempt.rules, &keys, &counting, attempt.now);
    assert_result("a hundred keys", result, Some(TokenError::SignatureOfTried { fitting: 100 }));
    assert_eq!(counting.0.get(), 4);
}

/// Two issuers use the same kid: the keys of one issuer must not verify tokens of the other.
#[test]
fn issuers_do_not_share_keys() {
    let mut attempt = Attempt::good();
    attempt.keys = vec![with(public_key("rsa-2"), "kid", json!("rsa-1"))];
    assert_result("the other's token, this one's name", attempt.verify(), Some(TokenError::Signature));
    let other = Attempt::good().claim("iss", json!("https://other.example"));
    assert_result("the other's name, this one's rules", other.verify(), Some(TokenError::UnknownIssuer));
}

/// The `alg` of a key restricts the key, even if the issuer accepts more algorithms.
#[test]
fn a_key_is_bound_to_its_algorithm() {
    let mut attempt = Attempt::good_with(Algorithm::Ps256, "rsa-1");
    attempt.keys = vec![with(public_key("rsa-1"), "alg", json!("PS256"))];
    assert_result("its own", attempt.verify(), None);
    attempt.keys = vec![with(public_key("rsa-1"), "alg", json!("RS256"))];
    assert_result("another of its kind", attempt.verify(), Some(TokenError::BadKey));
}
