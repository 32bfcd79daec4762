//! Verification of a token by `jwt-simple`, which shares no code with the checks of the core.
//!
//! It verifies the signature, the times, the issuer and the audience. It does not know ES512, and it has no rule of the
//! core for the header, the key id or other claims.

use std::time::Duration;

use jwt_simple::JWTError;
use jwt_simple::prelude::*;
use serde_json::Value;

use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard::time::UnixTime;

/// What a token must have.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The time of the verification.
    pub now: UnixTime,
    /// How far the clocks of the issuer and of the verifier may differ.
    pub clock_skew: Duration,
    /// The exact `iss`.
    pub issuer: String,
    /// The accepted values of `aud`; `None` if `aud` is not verified.
    pub audiences: Option<Vec<String>>,
}

/// The members of the header that choose a key. Unverified.
#[derive(Debug, Clone)]
pub struct UnverifiedHeader {
    /// The text of `alg`.
    pub algorithm: String,
    /// The `kid`.
    pub kid: Option<String>,
}

/// Why `jwt-simple` does not accept a token.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// `jwt-simple` has no such algorithm.
    #[error("the algorithm {0} is not known")]
    UnknownAlgorithm(Algorithm),
    /// `jwt-simple` cannot represent the time: it has 32 bits for the seconds.
    #[error("a time after the year 2105 is not known")]
    UnknownTime,
    /// `jwt-simple` does not accept the key, such as an RSA key of more than 4096 bits.
    #[error("the key is not accepted: {0}")]
    Key(jwt_simple::Error),
    /// The key does not verify the signature.
    #[error("the signature is not valid")]
    Signature,
    /// `typ` is neither `JWT` nor a type that ends with `+JWT`.
    #[error("the typ is not that of a JWT")]
    Type,
    /// The token is not valid for another reason.
    #[error("{0}")]
    Token(jwt_simple::Error),
}

impl From<jwt_simple::Error> for Refusal {
    fn from(error: jwt_simple::Error) -> Self {
        match error.downcast_ref() {
            Some(JWTError::InvalidSignature) => Self::Signature,
            Some(JWTError::NotJWT) => Self::Type,
            _ => Self::Token(error),
        }
    }
}

/// Reads the header of a token.
///
/// # Errors
/// [`Refusal::Token`] if `jwt-simple` cannot read the header.
pub fn read_header(token: &str) -> Result<UnverifiedHeader, Refusal> {
    let metadata = Token::decode_metadata(token)?;
    let kid = metadata.key_id().map(str::to_owned);
    Ok(UnverifiedHeader { algorithm: metadata.algorithm().to_owned(), kid })
}

/// Verifies a token with a public JWK. Returns the claims other than the registered ones.
///
/// # Errors
/// The reason why `jwt-simple` does not accept the token.
pub fn verify(algorithm: Algorithm, jwk: &str, token: &str, expected: &Expected) -> Result<Value, Refusal> {
    let options = options(expected)?;
    macro_rules! verified_by {
        ($key:ty) => {{
            let key = <$key>::from_jwk(jwk).map_err(Refusal::Key)?;
            key.verify_token::<Value>(token, Some(options))?.custom
        }};
    }
    Ok(match algorithm {
        Algorithm::Rs256 => verified_by!(RS256PublicKey),
        Algorithm::Rs384 => verified_by!(RS384PublicKey),
        Algorithm::Rs512 => verified_by!(RS512PublicKey),
        Algorithm::Ps256 => verified_by!(PS256PublicKey),
        Algorithm::Ps384 => verified_by!(PS384PublicKey),
        Algorithm::Ps512 => verified_by!(PS512PublicKey),
        Algorithm::Es256 => verified_by!(ES256PublicKey),
        Algorithm::Es384 => verified_by!(ES384PublicKey),
        Algorithm::Ed25519 => verified_by!(Ed25519PublicKey),
        Algorithm::MlDsa44 => verified_by!(MLDSA44PublicKey),
        Algorithm::MlDsa65 => verified_by!(MLDSA65PublicKey),
        Algorithm::MlDsa87 => verified_by!(MLDSA87PublicKey),
        Algorithm::Es512 => return Err(Refusal::UnknownAlgorithm(algorithm)),
    })
}

fn options(expected: &Expected) -> Result<VerificationOptions, Refusal> {
    let now = expected.now.as_millis() / 1000;
    let skew = expected.clock_skew.as_secs();
    // jwt-simple adds the two. A sum beyond 32 bits overflows.
    if now.saturating_add(skew) > u64::from(u32::MAX) {
        return Err(Refusal::UnknownTime);
    }
    Ok(VerificationOptions {
        artificial_time: Some(UnixTimeStamp::from_secs(now)),
        time_tolerance: Some(jwt_simple::prelude::Duration::from_secs(skew)),
        allowed_issuers: Some([expected.issuer.clone()].into()),
        allowed_audiences: expected.audiences.clone().map(|audiences| audiences.into_iter().collect()),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::{AUDIENCE, ISSUER, LIFETIME, SigningKey, Token};

    const NOW: u64 = 1_700_000_000;

    fn expected() -> Expected {
        Expected {
            now: UnixTime::from_secs(NOW),
            clock_skew: Duration::from_secs(60),
            issuer: ISSUER.to_owned(),
            audiences: Some(vec![AUDIENCE.to_owned()]),
        }
    }

    fn token() -> Token {
        Token::new(UnixTime::from_secs(NOW)).claim("roles", vec!["admin"])
    }

    #[test]
    fn another_library_accepts_the_tokens_and_rejects_those_of_another_key() {
        let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
        let other_rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
        for algorithm in Algorithm::ALL {
            let key_of = |rsa: &SigningKey| {
                let rsa = rsa.clone().with_algorithm(algorithm);
                rsa.unwrap_or_else(|_| SigningKey::generate(algorithm).unwrap())
            };
            let (key, other) = (key_of(&rsa), key_of(&other_rsa));
            let other = other.with_kid(key.kid());
            let token = token().sign(&key).unwrap();
            let verified =
                |key: &SigningKey| verify(algorithm, &key.public_jwk().to_string(), &token, &expected());
            if algorithm == Algorithm::Es512 {
                assert!(matches!(verified(&key), Err(Refusal::UnknownAlgorithm(Algorithm::Es512))));
                continue;
            }
            assert_eq!(verified(&key).unwrap()["roles"], serde_json::json!(["admin"]), "{algorithm}");
            let refused = verified(&other).unwrap_err();
            assert!(matches!(refused, Refusal::Signature), "{algorithm}: {refused:?}");
        }
    }

    #[test]
    fn each_expectation_is_verified() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwk = key.public_jwk().to_string();
        let token = token().sign(&key).unwrap();
        let verified = |expected: &Expected| verify(Algorithm::Es256, &jwk, &token, expected);
        let now = |seconds| Expected { now: UnixTime::from_secs(seconds), ..expected() };
        let end = NOW + LIFETIME.as_secs();
        for accepted in [expected(), now(end + 59), now(NOW - 60), Expected { audiences: None, ..expected() }]
        {
            assert!(verified(&accepted).is_ok(), "{accepted:?}");
        }
        for (refused, why) in [
            (now(end + 61), "Token has expired"),
            (now(NOW - 61), "Clock drift detected"),
            (Expected { clock_skew: Duration::ZERO, ..now(end + 1) }, "Token has expired"),
            (
                Expected { issuer: "https://other.example".to_owned(), ..expected() },
                "Required issuer mismatch",
            ),
            (
                Expected { audiences: Some(vec!["other".to_owned()]), ..expected() },
                "Required audience mismatch",
            ),
            (now(u64::from(u32::MAX) - 59), "a time after the year 2105 is not known"),
            (now(u64::MAX / 1000), "a time after the year 2105 is not known"),
        ] {
            assert_eq!(verified(&refused).unwrap_err().to_string(), why, "{refused:?}");
        }
    }

    #[test]
    fn a_header_chooses_the_key() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("k1");
        let header = read_header(&token().sign(&key).unwrap()).unwrap();
        assert_eq!((header.algorithm.as_str(), header.kid.as_deref()), ("ES256", Some("k1")));
        assert!(read_header("not a token").is_err());
    }
}
