//! Examples of RFCs, and tokens of other libraries.

use jwt_guard::jose::algorithm::{Algorithm, SignatureCheck, Verifier, WasmVerifier};
use jwt_guard::jose::base64url;
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::error::TokenError;
use jwt_guard::jose::token::UnverifiedToken;
use serde_json::Value;

use super::fixture::{Attempt, MAX_TOKEN_BYTES, NOW, assert_result, key_set};
use jwt_guard_testkit::host_double::HostDouble;

/// RFC 7515 A.2 to A.4, RFC 7520 4.1 to 4.3, RFC 8037 A.4.
#[test]
fn examples_of_rfcs_verify() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../../data/jose/rfc.json")).unwrap();
    assert_eq!(rows.len(), 7);
    for row in &rows {
        let source = &row["source"];
        let algorithm = Algorithm::from_name(row["algorithm"].as_str().unwrap()).unwrap();
        let keys = key_set(&[row["jwk"].clone()]);
        let key = keys.candidates(None, algorithm, &[]).unwrap()[0];
        let (message, signature) = row["jws"].as_str().unwrap().rsplit_once('.').unwrap();
        let signature = base64url::decode(signature.as_bytes()).unwrap();
        let check = SignatureCheck::new(algorithm, key, message.as_bytes(), &signature).unwrap();
        assert!(WasmVerifier.verify(&check), "{source}");
        assert!(HostDouble.verify(&check), "{source}, with the host verifier");
        let other = SignatureCheck::new(algorithm, key, b"another message", &signature).unwrap();
        assert!(!WasmVerifier.verify(&other), "{source}, another message");
    }
}

#[test]
fn tokens_of_other_libraries_pass() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../../data/jose/tokens.json")).unwrap();
    let mut seen = Vec::new();
    for row in &rows {
        let label = format!("{} {}", row["by"], row["algorithm"]);
        let algorithm = Algorithm::from_name(row["algorithm"].as_str().unwrap()).unwrap();
        seen.push(algorithm);
        let attempt = Attempt::good_with(algorithm, "");
        assert_result(&label, attempt.verify_token(row["token"].as_str().unwrap().as_bytes()), None);
    }
    for algorithm in Algorithm::ALL {
        assert!(seen.contains(&algorithm), "no token of {algorithm:?}");
    }
}

/// Edge cases of keys, paddings, points and scalars; `tests/data/jose/edges.py` has the list.
#[test]
fn both_verifiers_agree_on_edge_cases() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../../data/jose/edges.json")).unwrap();
    let jwks: Vec<Value> = rows.iter().filter_map(|row| row.get("jwk").cloned()).collect();
    let keys = key_set(&jwks);
    let mut rules = super::fixture::rules();
    rules.accepted_algorithms = Algorithm::ALL.to_vec();
    for row in &rows {
        let label = row["label"].as_str().unwrap();
        let expected = (row["accepted"] == false).then_some(TokenError::Signature);
        for verifier in [&WasmVerifier as &dyn Verifier, &HostDouble] {
            let token = row["token"].as_str().unwrap().as_bytes();
            let token = UnverifiedToken::parse(token, MAX_TOKEN_BYTES).unwrap();
            assert_result(label, verify(token, &rules, &keys, verifier, NOW), expected.clone());
        }
    }
}
