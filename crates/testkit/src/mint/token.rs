//! A valid token that tests can change in every detail.

use std::time::Duration;

use serde_json::{Map, Value};

use super::error::MintError;
use super::key::SigningKey;
use jwt_guard::time::UnixTime;

/// The default `iss`.
pub const ISSUER: &str = "https://issuer.example";
/// The default `aud`.
pub const AUDIENCE: &str = "orders-api";
/// The default `sub`.
pub const SUBJECT: &str = "user-1";
/// The default lifetime.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A token before it is signed. A new one is valid: [`ISSUER`], [`AUDIENCE`], [`SUBJECT`], issued now, expiring after
/// [`LIFETIME`]. `alg` and `kid` come from the signing key and `typ` is `JWT`, unless the test sets or removes them.
#[derive(Debug, Clone)]
pub struct Token {
    now: UnixTime,
    header: Map<String, Value>,
    without: Vec<String>,
    claims: Map<String, Value>,
}

impl Token {
    /// A token issued at `now`.
    pub fn new(now: UnixTime) -> Self {
        let token = Self { now, header: Map::new(), without: Vec::new(), claims: Map::new() };
        token
            .claim("iss", ISSUER)
            .claim("aud", AUDIENCE)
            .claim("sub", SUBJECT)
            .claim("iat", now.as_millis() / 1000)
            .lifetime(LIFETIME)
    }

    /// Sets `iss`.
    #[must_use]
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// Sets `aud`: one text, or several as a `Vec`.
    #[must_use]
    pub fn audience(self, audience: impl Into<Value>) -> Self {
        self.claim("aud", audience)
    }

    /// Sets `sub`.
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Sets `exp` to that long after `now`, in whole seconds.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        let expiry = self.now.saturating_add(lifetime).as_millis() / 1000;
        self.claim("exp", expiry)
    }

    /// Sets `iat` and `exp` to those of a token with [`LIFETIME`] that expired that long ago.
    #[must_use]
    pub fn expired_for(self, since: Duration) -> Self {
        let now = self.now.as_millis() / 1000;
        let expiry = now.saturating_sub(since.as_secs());
        self.claim("exp", expiry).claim("iat", expiry.saturating_sub(LIFETIME.as_secs()))
    }

    /// Sets any claim to any JSON value.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Sets all claims of the object; replaces existing ones.
    #[must_use]
    pub fn claims(mut self, claims: Map<String, Value>) -> Self {
        self.claims.extend(claims);
        self
    }

    /// Removes the claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Sets any header parameter, `alg` and `kid` included.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.without.retain(|without| without != name);
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes the header parameter, `alg` and `kid` included.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self.without.push(name.to_owned());
        self
    }

    /// The header that the key would sign.
    pub fn header_json(&self, key: &SigningKey) -> String {
        let mut header = Map::from_iter([
            ("alg".to_owned(), Value::from(key.algorithm().name())),
            ("kid".to_owned(), Value::from(key.kid())),
            ("typ".to_owned(), Value::from("JWT")),
        ]);
        header.extend(self.header.clone());
        header.retain(|name, _| !self.without.contains(name));
        Value::Object(header).to_string()
    }

    /// The claims as JSON.
    pub fn claims_json(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// Signs the token with the key.
    pub fn sign(&self, key: &SigningKey) -> Result<String, MintError> {
        key.sign(self.header_json(key), self.claims_json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::jose::algorithm::Algorithm;
    use jwt_guard::jose::base64url;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn parts(token: &str) -> (Value, Value) {
        let mut parts = token.split('.').map(|part| base64url::decode(part.as_bytes()).unwrap());
        let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
        (json(), json())
    }

    #[test]
    fn a_token_contains_what_the_test_set() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("k1");
        let plain = parts(&Token::new(NOW).sign(&key).unwrap());
        assert_eq!(plain.0, serde_json::json!({"alg": "ES256", "kid": "k1", "typ": "JWT"}));
        assert_eq!(
            plain.1,
            serde_json::json!({
                "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": 1_700_000_000, "exp": 1_700_000_900,
            })
        );

        let changed = Token::new(NOW)
            .audience(vec!["a", "b"])
            .claim("roles", vec!["admin"])
            .without("sub")
            .expired_for(Duration::from_secs(100))
            .header("alg", "none")
            .without_header("kid");
        let (header, claims) = parts(&changed.sign(&key).unwrap());
        assert_eq!(header, serde_json::json!({"alg": "none", "typ": "JWT"}));
        assert_eq!(
            claims,
            serde_json::json!({
                "iss": ISSUER, "aud": ["a", "b"], "roles": ["admin"], "iat": 1_699_999_000, "exp": 1_699_999_900,
            })
        );
    }

    #[test]
    fn any_bytes_are_signed() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let token = key.sign("not json", [0xff, 0x00]).unwrap();
        assert!(token.starts_with("bm90IGpzb24._wA."));
    }
}
