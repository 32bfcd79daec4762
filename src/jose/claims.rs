//! Claims whose signature, issuer, audience and times were checked (RFC 7519 section 4.1, RFC 8725 section 3).

use super::json::Json;

/// The place of an issuer in the configuration's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerIndex(pub usize);

/// Claims that were verified. There is one way to make them: the check in this file.
#[derive(Debug, Clone)]
pub struct VerifiedClaims {
    issuer: IssuerIndex,
    claims: Json,
    audiences: Vec<String>,
    payload: String,
}

impl VerifiedClaims {
    /// The configured issuer whose key signed them.
    pub fn issuer(&self) -> IssuerIndex {
        self.issuer
    }

    /// All claims: always an object.
    pub fn claims(&self) -> &Json {
        &self.claims
    }

    /// The values of `audience_from`, in the token's order.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// The token's own payload segment, base64url as it was sent.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Claims that nobody checked, for the tests of what is decided from checked ones.
    #[cfg(test)]
    pub(crate) fn unchecked(issuer: IssuerIndex, claims: &str, audiences: &[&str]) -> Self {
        use base64::Engine;
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        Self { issuer, claims: Json::parse(claims.as_bytes()).unwrap(), audiences, payload }
    }
}
