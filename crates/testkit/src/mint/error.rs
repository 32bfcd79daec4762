//! Why there is no key or no signature.

use std::fmt;

use jwt_guard::jose::algorithm::{Algorithm, UnknownAlgorithm};

/// Why a key cannot be made, read or used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MintError {
    /// No algorithm of that name.
    UnknownAlgorithm(UnknownAlgorithm),
    /// The key is of another type than the algorithm asks for.
    WrongKeyType(Algorithm),
    /// Outside of 1024 to 8192 bits.
    RsaBits(usize),
    /// The text is not a JSON object.
    JwkNotAnObject,
    /// A member of the JWK is absent or is not what it must be.
    JwkMember(&'static str),
    /// The members are there, but make no key.
    JwkNoKey,
    /// The system gives no random numbers.
    Random,
    /// The key cannot sign this.
    Signing,
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAlgorithm(unknown) => write!(f, "{unknown}"),
            Self::WrongKeyType(algorithm) => write!(f, "the key is not one for {algorithm}"),
            Self::RsaBits(bits) => write!(f, "an RSA key of {bits} bits; 1024 to 8192 are possible"),
            Self::JwkNotAnObject => f.write_str("the key is not a JSON object"),
            Self::JwkMember(name) => write!(f, "the JWK's {name:?} is missing or is not what it must be"),
            Self::JwkNoKey => f.write_str("the JWK's members make no private key"),
            Self::Random => f.write_str("the system gives no random numbers"),
            Self::Signing => f.write_str("the key cannot sign this"),
        }
    }
}

impl std::error::Error for MintError {}
