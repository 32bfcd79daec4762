//! A valid token, and methods to change one thing about it.

use std::sync::OnceLock;

use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::{Algorithm, WasmVerifier};
use jwt_guard::jose::base64url;
use jwt_guard::jose::claims::{VerifiedClaims, verify};
use jwt_guard::jose::error::TokenError;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::rules::TokenRules;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_guard::time::UnixTime;
use p256::ecdsa::signature::Signer;
use rsa::sha2::{Sha256, Sha384, Sha512};
use serde_json::{Value, json};

/// A time between `iat` and `exp` of [`claims`].
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_100);

pub const MAX_TOKEN_BYTES: usize = 16384;

pub fn claims() -> Value {
    json!({
        "iss": "https://issuer.example",
        "aud": "orders",
        "sub": "user-1",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
    })
}

pub fn rules() -> TokenRules {
    TokenRules::new(IssuerIndex(0), "https://issuer.example".to_owned(), vec!["orders".to_owned()])
}

/// The test keys, private halves included.
pub fn private_keys() -> &'static [Value] {
    static KEYS: OnceLock<Vec<Value>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let file: Value = serde_json::from_str(include_str!("../../data/jose/keys.json")).unwrap();
        file["keys"].as_array().unwrap().clone()
    })
}

fn private_key(kid: &str) -> &'static Value {
    private_keys().iter().find(|jwk| jwk["kid"] == kid).unwrap()
}

/// The public half of a test key.
pub fn public_key(kid: &str) -> Value {
    let mut jwk = private_key(kid).clone();
    for private in ["d", "p", "q", "dp", "dq", "qi", "priv"] {
        jwk.as_object_mut().unwrap().remove(private);
    }
    jwk
}

pub fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap().keys
}

/// Each algorithm with the kid of a key that fits it.
pub const SIGNERS: [(Algorithm, &str); 13] = [
    (Algorithm::Rs256, "rsa-1"),
    (Algorithm::Rs384, "rsa-1"),
    (Algorithm::Rs512, "rsa-1"),
    (Algorithm::Ps256, "rsa-1"),
    (Algorithm::Ps384, "rsa-1"),
    (Algorithm::Ps512, "rsa-1"),
    (Algorithm::Es256, "p256-1"),
    (Algorithm::Es384, "p384-1"),
    (Algorithm::Es512, "p521-1"),
    (Algorithm::Ed25519, "ed25519-1"),
    (Algorithm::MlDsa44, "mldsa44-1"),
    (Algorithm::MlDsa65, "mldsa65-1"),
    (Algorithm::MlDsa87, "mldsa87-1"),
];

fn member(kid: &str, name: &str) -> Vec<u8> {
    base64url::decode(private_key(kid)[name].as_str().unwrap().as_bytes()).unwrap()
}

pub fn sign(algorithm: Algorithm, kid: &str, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Rs256 => rsa_key(kid).pkcs1v15_sign::<Sha256>(message).unwrap(),
        Algorithm::Rs384 => rsa_key(kid).pkcs1v15_sign::<Sha384>(message).unwrap(),
        Algorithm::Rs512 => rsa_key(kid).pkcs1v15_sign::<Sha512>(message).unwrap(),
        Algorithm::Ps256 => rsa_key(kid).pss_sign::<Sha256>(message).unwrap(),
        Algorithm::Ps384 => rsa_key(kid).pss_sign::<Sha384>(message).unwrap(),
        Algorithm::Ps512 => rsa_key(kid).pss_sign::<Sha512>(message).unwrap(),
        Algorithm::Es256 => {
            let key = p256::ecdsa::SigningKey::from_slice(&member(kid, "d")).unwrap();
            let signature: p256::ecdsa::Signature = key.sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es384 => {
            let key = p384::ecdsa::SigningKey::from_slice(&member(kid, "d")).unwrap();
            let signature: p384::ecdsa::Signature = key.sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es512 => {
            let key = p521::ecdsa::SigningKey::from_slice(&member(kid, "d")).unwrap();
            let signature: p521::ecdsa::Signature = key.sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::Ed25519 => {
            let seed: [u8; 32] = member(kid, "d").try_into().unwrap();
            ed25519_dalek::SigningKey::from_bytes(&seed).sign(message).to_bytes().to_vec()
        }
        Algorithm::MlDsa44 => sign_ml_dsa::<ml_dsa::MlDsa44>(kid, message),
        Algorithm::MlDsa65 => sign_ml_dsa::<ml_dsa::MlDsa65>(kid, message),
        Algorithm::MlDsa87 => sign_ml_dsa::<ml_dsa::MlDsa87>(kid, message),
    }
}

fn sign_ml_dsa<P: ml_dsa::MlDsaParams>(kid: &str, message: &[u8]) -> Vec<u8> {
    let seed = ml_dsa::Seed::try_from(member(kid, "priv").as_slice()).unwrap();
    ml_dsa::SigningKey::<P>::from_seed(&seed).sign(message).encode().to_vec()
}

fn rsa_key(kid: &str) -> rsa::PrivateKey {
    let number = |name| rsa::BoxedUint::from_be_slice_vartime(&member(kid, name));
    let primes = vec![number("p"), number("q")];
    rsa::PrivateKey::from_components(number("n"), number("e"), number("d"), primes).unwrap()
}

/// A token with the rules, keys and time for its verification. [`Attempt::good`] passes.
pub struct Attempt {
    pub header: Value,
    pub claims: Value,
    pub signer: (Algorithm, &'static str),
    pub rules: TokenRules,
    pub keys: Vec<Value>,
    pub now: UnixTime,
}

impl Attempt {
    pub fn good() -> Self {
        Self::good_with(Algorithm::Rs256, "rsa-1")
    }

    pub fn good_with(algorithm: Algorithm, kid: &'static str) -> Self {
        let keys = SIGNERS.iter().skip(5).map(|(_, kid)| public_key(kid)).collect();
        let mut rules = rules();
        rules.accepted_algorithms = vec![algorithm];
        Self {
            header: json!({ "alg": algorithm.name(), "kid": kid }),
            claims: claims(),
            signer: (algorithm, kid),
            rules,
            keys,
            now: NOW,
        }
    }

    pub fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.header.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    pub fn rules(mut self, change: impl FnOnce(&mut TokenRules)) -> Self {
        change(&mut self.rules);
        self
    }

    /// The signed token.
    pub fn token(&self) -> String {
        self.sign_texts(self.header.to_string().as_bytes(), self.claims.to_string().as_bytes())
    }

    /// A validly signed token with the given texts as header and claims.
    pub fn sign_texts(&self, header: &[u8], claims: &[u8]) -> String {
        self.sign_parts(&base64url::encode(header), &base64url::encode(claims))
    }

    /// A validly signed token with the given encoded parts.
    pub fn sign_parts(&self, header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        let (algorithm, kid) = self.signer;
        let signature = sign(algorithm, kid, message.as_bytes());
        format!("{message}.{}", base64url::encode(&signature))
    }

    pub fn verify(&self) -> Result<VerifiedClaims, TokenError> {
        self.verify_token(self.token().as_bytes())
    }

    pub fn verify_token(&self, token: &[u8]) -> Result<VerifiedClaims, TokenError> {
        let token = UnverifiedToken::parse(token, MAX_TOKEN_BYTES)?;
        verify(token, &self.rules, &key_set(&self.keys), &WasmVerifier, self.now)
    }
}

/// Asserts the result of a row; `None` means that the token passes.
#[track_caller]
pub fn assert_result(label: &str, result: Result<VerifiedClaims, TokenError>, expected: Option<TokenError>) {
    assert_eq!(result.err(), expected, "{label}");
}
