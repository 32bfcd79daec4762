//! A valid DPoP proof that tests can change in every detail (RFC 9449 section 4.2).

use jwt_guard::jose::base64url;
use jwt_guard::time::UnixTime;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::MintError;
use super::key::SigningKey;

/// A proof before it is signed. A new one is valid for its request: `typ` `dpop+jwt`, the public key of the signer in
/// `jwk`, a random `jti`, issued now.
#[derive(Debug, Clone)]
pub struct Proof {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Proof {
    /// A proof for a request with this access token.
    pub fn new(
        method: &str,
        uri: &str,
        token: &str,
        key: &SigningKey,
        now: UnixTime,
    ) -> Result<Self, MintError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| MintError::Random)?;
        let proof = Self { header: Map::new(), claims: Map::new() };
        let proof = proof
            .header("typ", "dpop+jwt")
            .header("alg", key.algorithm().name())
            .header("jwk", key.bare_public_jwk());
        Ok(proof
            .claim("jti", base64url::encode(&id))
            .claim("htm", method)
            .claim("htu", uri)
            .claim("iat", now.as_millis() / 1000)
            .claim("ath", base64url::encode(&Sha256::digest(token))))
    }

    /// Sets any header parameter.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a header parameter.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Sets any claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Signs the proof.
    pub fn sign(&self, key: &SigningKey) -> Result<String, MintError> {
        key.sign(
            Value::Object(self.header.clone()).to_string(),
            Value::Object(self.claims.clone()).to_string(),
        )
    }
}
