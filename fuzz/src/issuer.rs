//! The issuer of the tokens: keys and tokens from tests/data/jose.

use std::sync::OnceLock;

use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::{Algorithm, SignatureCheck, Verifier};
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::rules::TokenRules;
use jwt_guard::time::UnixTime;
use serde_json::{Value, json};

pub const ISSUER: &str = "https://issuer.example";
pub const AUDIENCE: &str = "orders";
pub const MAX_TOKEN_BYTES: usize = 16384;

/// A time between `iat` and `exp` of the tokens.
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_100);

/// Rules that accept every algorithm.
pub fn rules() -> TokenRules {
    let mut rules = TokenRules::new(IssuerIndex(0), ISSUER.to_owned(), vec![AUDIENCE.to_owned()]);
    rules.accepted_algorithms = Algorithm::ALL.to_vec();
    rules
}

/// The public halves of the test keys, as the issuer publishes them.
pub fn jwks() -> &'static Value {
    static JWKS: OnceLock<Value> = OnceLock::new();
    JWKS.get_or_init(|| {
        let mut jwks: Value = serde_json::from_str(include_str!("../../tests/data/jose/keys.json")).unwrap();
        for jwk in jwks["keys"].as_array_mut().unwrap() {
            let members = jwk.as_object_mut().unwrap();
            members.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi", "priv"].contains(&name.as_str()));
        }
        json!({ "keys": jwks["keys"] })
    })
}

pub fn keys() -> KeySet {
    static KEYS: OnceLock<KeySet> = OnceLock::new();
    KEYS.get_or_init(|| KeySet::parse(jwks().to_string().as_bytes()).unwrap().keys).clone()
}

/// Tokens signed by other libraries, at least one for every algorithm.
pub fn tokens() -> &'static [String] {
    static TOKENS: OnceLock<Vec<String>> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let rows: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/data/jose/tokens.json")).unwrap();
        rows.iter().map(|row| row["token"].as_str().unwrap().to_owned()).collect()
    })
}

/// Accepts every signature, so that the checks after the signature are reached without a private key.
pub struct AcceptAll;

impl Verifier for AcceptAll {
    fn verify(&self, _: &SignatureCheck<'_>) -> bool {
        true
    }
}
