//! Bound tokens: the claim `cnf` names the key of the client that may use the token (RFC 7800).
//!
//! Two kinds of keys are supported: the certificate of the client (`x5t#S256`, RFC 8705 section 3.1), and a key for
//! which each request carries a DPoP proof (`jkt`, RFC 9449 section 6.1). A token with a `cnf` is no bearer token: a
//! thief who has the token does not have the key.

mod certificate;
mod error;

pub use certificate::{
    CertificateSource, Connection, FORWARDED_CERTIFICATE, ForwardedCertificateError, NoConnection,
    certificate,
};
pub use error::ConfirmationError;

use crate::jose::base64url;
use crate::jose::json::Json;
use crate::jose::public_jwk::Thumbprint;

/// `confirmation`: how the tokens of an issuer are checked for a `cnf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirmation {
    /// Each supported member of a `cnf` must be met, and at least one must be supported. A token without a `cnf` is a
    /// bearer token.
    #[default]
    Enforce,
    /// In addition, a token without a `cnf` is refused.
    Require,
    /// The `cnf` is not read.
    Ignore,
}

/// The keys that a token is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Binding {
    /// `x5t#S256`: the digest of the client's certificate in DER.
    pub certificate: Option<Thumbprint>,
    /// `jkt`: the JWK thumbprint of the client's DPoP key (RFC 7638).
    pub key: Option<Thumbprint>,
}

const CERTIFICATE: &str = "x5t#S256";
const KEY: &str = "jkt";

impl Binding {
    /// Reads the `cnf` of verified claims.
    ///
    /// # Errors
    /// The `cnf` is not an object, has no supported member, or has a supported member of another form; or it is absent
    /// and required.
    pub fn of(claims: &Json, confirmation: Confirmation) -> Result<Self, ConfirmationError> {
        let cnf = match (confirmation, claims.member("cnf")) {
            (Confirmation::Ignore, _) | (Confirmation::Enforce, None) => return Ok(Self::default()),
            (Confirmation::Require, None) => return Err(ConfirmationError::Unbound),
            (_, Some(cnf @ Json::Object(_))) => cnf,
            (_, Some(_)) => return Err(ConfirmationError::NotAnObject),
        };
        let thumbprint = |name| match cnf.member(name) {
            None => Ok(None),
            Some(value) => {
                let bytes = value.as_str().and_then(|text| base64url::decode(text.as_bytes()));
                let digest = bytes.and_then(|bytes| bytes.try_into().ok());
                digest.map(Some).ok_or(ConfirmationError::Member(name))
            }
        };
        let binding = Self { certificate: thumbprint(CERTIFICATE)?, key: thumbprint(KEY)? };
        match binding.is_none() {
            true => Err(ConfirmationError::Unsupported),
            false => Ok(binding),
        }
    }

    /// Whether the token is a bearer token.
    pub fn is_none(&self) -> bool {
        self.certificate.is_none() && self.key.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cnf_is_met_as_a_whole_or_refused() {
        const DIGEST: &str = "ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs";
        let digest: Thumbprint =
            base64url::decode(DIGEST.as_bytes()).map_or([0; 32], |bytes| bytes.try_into().unwrap_or([0; 32]));
        let both = format!(r#"{{"cnf":{{"x5t#S256":"{DIGEST}","jkt":"{DIGEST}","kid":"a"}}}}"#);
        let key = format!(r#"{{"cnf":{{"jkt":"{DIGEST}"}}}}"#);
        let rows = [
            ("{}", Confirmation::Enforce, Ok(Binding::default())),
            ("{}", Confirmation::Require, Err(ConfirmationError::Unbound)),
            ("{}", Confirmation::Ignore, Ok(Binding::default())),
            (&both, Confirmation::Enforce, Ok(Binding { certificate: Some(digest), key: Some(digest) })),
            (&both, Confirmation::Ignore, Ok(Binding::default())),
            (&key, Confirmation::Require, Ok(Binding { certificate: None, key: Some(digest) })),
            (r#"{"cnf":{}}"#, Confirmation::Enforce, Err(ConfirmationError::Unsupported)),
            (r#"{"cnf":{"kid":"a"}}"#, Confirmation::Enforce, Err(ConfirmationError::Unsupported)),
            (r#"{"cnf":{"jwk":{}}}"#, Confirmation::Require, Err(ConfirmationError::Unsupported)),
            (r#"{"cnf":null}"#, Confirmation::Enforce, Err(ConfirmationError::NotAnObject)),
            (r#"{"cnf":"a"}"#, Confirmation::Enforce, Err(ConfirmationError::NotAnObject)),
            (r#"{"cnf":[]}"#, Confirmation::Enforce, Err(ConfirmationError::NotAnObject)),
            (r#"{"cnf":{"jkt":"a"}}"#, Confirmation::Enforce, Err(ConfirmationError::Member(KEY))),
            (r#"{"cnf":{"jkt":7}}"#, Confirmation::Enforce, Err(ConfirmationError::Member(KEY))),
            (
                r#"{"cnf":{"x5t#S256":null}}"#,
                Confirmation::Enforce,
                Err(ConfirmationError::Member(CERTIFICATE)),
            ),
        ];
        for (claims, confirmation, expected) in rows {
            let claims_json = Json::parse(claims.as_bytes()).unwrap();
            assert_eq!(Binding::of(&claims_json, confirmation), expected, "{claims} {confirmation:?}");
        }
    }
}
