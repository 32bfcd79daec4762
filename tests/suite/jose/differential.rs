//! The same tokens as PyJWT and joserfc judged them; `tests/data/jose/differential.py` makes them. A difference without
//! a reason fails, and so does a reason without a difference.

use std::collections::BTreeSet;

use jwt_guard::jose::algorithm::{Algorithm, WasmVerifier};
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::token::UnverifiedToken;
use serde_json::Value;

use super::fixture::{MAX_TOKEN_BYTES, NOW, key_set};

/// Kinds of tokens that some library accepts and ours refuses.
const STRICTER: &[(&str, &str)] = &[
    ("character after the token", "padding: a token has one spelling (RFC 7515 section 2)"),
    ("claim twice", "two readers may take one each (RFC 8725 section 2.4)"),
    (
        "claims with a lone surrogate",
        "no Unicode text, and so none that could be forwarded (RFC 8259 section 8.2)",
    ),
    ("crit", "an empty list or null, which must not be sent (RFC 7515 section 4.1.11)"),
    ("exp of another type", "a date in a string (RFC 7519 section 4.1.4)"),
    ("iat of another type", "a date in a string, or true for 1 (RFC 7519 section 4.1.6)"),
    ("member of the header twice", "two readers may take one each (RFC 7515 section 4)"),
    ("nbf of another type", "a date in a string, or true for 1 (RFC 7519 section 4.1.5)"),
    ("nested deeply", "32 levels are enough for claims"),
    ("token of another use", "refresh and ID tokens are no access tokens (RFC 8725 section 3.11)"),
    ("typ of something else", "a token of another type was not made for this (RFC 8725 section 3.11)"),
    ("typ that is no text", "typ is a string (RFC 7515 section 4.1.9)"),
];

/// Kinds that ours accepts and some library refuses.
const WIDER: &[(&str, &str, &str)] = &[(
    "member that is passed over",
    "joserfc",
    "it reads x5c, jwk and the like before it leaves them alone; ours never looks at what a token brings as a key",
)];

#[test]
fn every_difference_from_other_libraries_has_a_reason() {
    let document: Value = serde_json::from_str(include_str!("../../data/jose/differential.json")).unwrap();
    let keys = key_set(document["keys"].as_array().unwrap());
    let mut rules = super::fixture::rules();
    rules.accepted_algorithms = ["EdDSA", "RS256"].into_iter().filter_map(Algorithm::from_name).collect();
    let (mut stricter, mut wider, mut alike) = (BTreeSet::new(), BTreeSet::new(), 0);
    for row in document["tokens"].as_array().unwrap() {
        let (kind, token) = (row["kind"].as_str().unwrap(), row["token"].as_str().unwrap());
        let parsed = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES);
        let passes = parsed.is_ok_and(|parsed| verify(parsed, &rules, &keys, &WasmVerifier, NOW).is_ok());
        for library in ["PyJWT", "joserfc"] {
            match (passes, row[library].as_bool().unwrap()) {
                (false, true) => drop(stricter.insert(kind)),
                (true, false) => drop(wider.insert((kind, library))),
                _ => alike += 1,
            }
        }
    }
    assert!(alike > 400, "{alike}");
    assert_eq!(stricter, STRICTER.iter().map(|(kind, _)| *kind).collect(), "stricter than some library");
    let listed = WIDER.iter().map(|(kind, library, _)| (*kind, *library)).collect();
    assert_eq!(wider, listed, "wider than some library");
}
