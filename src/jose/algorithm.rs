//! The signature algorithms, each bound to one type of key, and signature verification (RFC 7518, RFC 8037, RFC 9864,
//! RFC 9964).
//!
//! Only this module uses crypto crates. The enum has neither `none` nor the HMAC algorithms. A token with one of them
//! has an unknown algorithm, and no configuration can allow it.

mod der;
mod host_verifier;
mod public_key;
mod signature;

use std::fmt;
use std::str::FromStr;

pub use jwt_guard_ecdsa::Curve;

pub use super::known_answers::known_answer_test;
pub use host_verifier::{HostFunction, HostVerifier};
pub use public_key::PublicKey;
pub use signature::{HostCheck, SignatureCheck, Verifier, WasmVerifier};

/// A signature algorithm with a private and a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes
    Ps256,
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes
    Ps384,
    /// RSASSA-PSS with SHA-512 and a salt of 64 bytes
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// ECDSA on P-521 with SHA-512
    Es512,
    /// Ed25519, with the names `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864)
    Ed25519,
    /// ML-DSA-44 (FIPS 204)
    MlDsa44,
    /// ML-DSA-65 (FIPS 204)
    MlDsa65,
    /// ML-DSA-87 (FIPS 204)
    MlDsa87,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Every `alg` that names an algorithm: the name of each, and the second name of Ed25519 (RFC 9864).
    pub const NAMES: [&'static str; 14] = [
        Self::Rs256.name(),
        Self::Rs384.name(),
        Self::Rs512.name(),
        Self::Ps256.name(),
        Self::Ps384.name(),
        Self::Ps512.name(),
        Self::Es256.name(),
        Self::Es384.name(),
        Self::Es512.name(),
        Self::Ed25519.name(),
        "Ed25519",
        Self::MlDsa44.name(),
        Self::MlDsa65.name(),
        Self::MlDsa87.name(),
    ];

    /// The algorithm with this `alg`. Names are case-sensitive (RFC 7515 section 4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "Ed25519" => Some(Self::Ed25519),
            _ => Self::ALL.into_iter().find(|algorithm| algorithm.name() == name),
        }
    }

    /// The `alg` of the algorithm. For Ed25519 it is `EdDSA`, the older and more widely known name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ed25519 => "EdDSA",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::from_name(name).ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

/// A name that no algorithm has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm {0:?}; expected one of {known}", known = Algorithm::ALL.map(Algorithm::name).join(", "))]
pub struct UnknownAlgorithm(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            assert!(Algorithm::NAMES.contains(&algorithm.name()));
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::Ed25519));
        assert!(Algorithm::NAMES.into_iter().all(|name| Algorithm::from_name(name).is_some()));
        assert_eq!("none".parse::<Algorithm>(), Err(UnknownAlgorithm("none".to_owned())));
        for name in [
            "",
            "none",
            "None",
            "NONE",
            "nOnE",
            " none",
            "HS256",
            "HS384",
            "HS512",
            "rs256",
            "RS256 ",
            "RS256\0",
            "RS-256",
            "ES256K",
            "ES521",
            "Ed448",
            "eddsa",
            "ML-DSA-44\n",
            "ML-DSA-66",
            "RSA-OAEP",
            "dir",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }
}
