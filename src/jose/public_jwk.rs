//! A single public key as a JWK, and its thumbprint (RFC 7638).

use super::algorithm::{Algorithm, PublicKey};
use super::error::KeyError;
use super::json::Json;
use super::jwks::Jwk;

/// A SHA-256 digest of a public key or of a certificate.
pub type Thumbprint = [u8; 32];

/// A public key that came as a JWK.
#[derive(Debug, Clone)]
pub struct PublicJwk {
    public: PublicKey,
    algorithm: Option<Algorithm>,
    thumbprint: Thumbprint,
}

impl PublicJwk {
    /// Reads a JWK by the rules for the keys of a set. Empty `key_ops` are allowed: browsers export them for the public key
    /// of a pair that was generated for signing alone (Web Cryptography API, `generateKey`).
    ///
    /// # Errors
    /// The key is not usable; or it contains private or symmetric material.
    pub fn read(jwk: &Json) -> Result<Self, KeyError> {
        let jwk = Jwk(jwk);
        let is_empty =
            |jwk: &Jwk<'_>| matches!(jwk.0.member("key_ops"), Some(Json::Array(items)) if items.is_empty());
        let (algorithm, public) =
            jwk.read_with(|jwk| if is_empty(jwk) { Ok(()) } else { jwk.check_operations() })?;
        Ok(Self { public, algorithm, thumbprint: thumbprint(&jwk)? })
    }

    /// The key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether the key is for this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.public.fits(algorithm)
    }

    /// The size of the modulus, if it is an RSA key.
    pub fn rsa_bits(&self) -> Option<usize> {
        self.public.rsa_bits()
    }

    /// The SHA-256 thumbprint of the key.
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }
}

/// The digest of the required members, in alphabetical order and without spaces (RFC 7638 section 3.2; RFC 8037 section
/// 2; RFC 9964 section 6). Their values are base64url or names, so they need no escapes.
fn thumbprint(jwk: &Jwk<'_>) -> Result<Thumbprint, KeyError> {
    use sha2::{Digest, Sha256};
    let members: &[&'static str] = match jwk.text("kty")? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "AKP" => &["alg", "kty", "pub"],
        _ => return Err(KeyError::Type),
    };
    let members: Result<Vec<String>, KeyError> =
        members.iter().map(|name| Ok(format!(r#""{name}":"{}""#, jwk.text(name)?))).collect();
    Ok(Sha256::digest(format!("{{{}}}", members?.join(","))).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url;

    #[test]
    fn the_thumbprint_is_that_of_the_rfcs() {
        for (jwk, thumbprint) in [
            // RFC 7638 section 3.1
            (
                r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            ),
            // RFC 8037 appendix A.3
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
                "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            ),
            // RFC 9449 section 6.1
            (
                r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#,
                "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            ),
        ] {
            let key = PublicJwk::read(&Json::parse(jwk.as_bytes()).unwrap()).unwrap();
            assert_eq!(base64url::encode(&key.thumbprint()), thumbprint, "{jwk}");
        }
    }
}
