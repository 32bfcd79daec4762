//! ECDSA on the NIST curves, each with its hash: SHA-256, SHA-384 or SHA-512.
//!
//! A package of its own, because cargo optimizes a whole package in one way. Envoy verifies these signatures itself if
//! it can, so this code is compiled for size, and the algorithms that only the module verifies for speed.

mod curve;

use p256::ecdsa::signature::Verifier;

pub use curve::Curve;

/// A point on one of the curves, as a public key.
#[derive(Clone)]
pub enum PublicKey {
    /// On P-256.
    P256(Box<p256::ecdsa::VerifyingKey>),
    /// On P-384.
    P384(Box<p384::ecdsa::VerifyingKey>),
    /// On P-521.
    P521(Box<p521::ecdsa::VerifyingKey>),
}

impl PublicKey {
    /// Parses an uncompressed point. `None` if it is not on the curve, or is the identity: it would be on a weaker curve.
    pub fn parse(curve: Curve, point: &[u8]) -> Option<Self> {
        let key = match curve {
            Curve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Box::new).map(Self::P256),
            Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Box::new).map(Self::P384),
            Curve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Box::new).map(Self::P521),
        };
        key.ok()
    }

    /// The curve of the key.
    pub fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
        }
    }

    /// Whether this is the concatenation of R and S in the length of the curve, both from 1 to n - 1.
    pub fn is_signature(&self, signature: &[u8]) -> bool {
        signature.len() == 2 * self.curve().size()
            && match self {
                Self::P256(_) => p256::ecdsa::Signature::from_slice(signature).is_ok(),
                Self::P384(_) => p384::ecdsa::Signature::from_slice(signature).is_ok(),
                Self::P521(_) => p521::ecdsa::Signature::from_slice(signature).is_ok(),
            }
    }

    /// Whether the signature is valid for the message.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}
