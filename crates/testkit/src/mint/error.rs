//! Why there is no key or no signature.

use jwt_guard::jose::algorithm::{Algorithm, UnknownAlgorithm};

/// Why a key cannot be made, read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// No algorithm of that name.
    #[error("{0}")]
    UnknownAlgorithm(UnknownAlgorithm),
    /// The key is of another type than the algorithm asks for.
    #[error("the key is not one for {0}")]
    WrongKeyType(Algorithm),
    /// Outside of 1024 to 8192 bits.
    #[error("an RSA key of {0} bits; 1024 to 8192 are possible")]
    RsaBits(usize),
    /// The text is not a JSON object.
    #[error("the key is not a JSON object")]
    JwkNotAnObject,
    /// A member of the JWK is absent or is not what it must be.
    #[error("the JWK's {0:?} is missing or is not what it must be")]
    JwkMember(&'static str),
    /// The members are there, but make no key.
    #[error("the JWK's members make no private key")]
    JwkNoKey,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The key cannot sign this.
    #[error("the key cannot sign this")]
    Signing,
}
