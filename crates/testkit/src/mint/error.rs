//! Errors of keys and signatures.

use jwt_guard::jose::algorithm::{Algorithm, UnknownAlgorithm};

/// The reason why a key cannot be generated, parsed or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// No algorithm of that name.
    #[error("{0}")]
    UnknownAlgorithm(UnknownAlgorithm),
    /// The type of the key does not fit the algorithm.
    #[error("the type of the key does not fit {0}")]
    WrongKeyType(Algorithm),
    /// The size is not in the range of 1024 to 8192 bits.
    #[error("the RSA key has {0} bits; expected 1024 to 8192")]
    RsaBits(usize),
    /// The text is not a JSON object.
    #[error("the key is not a JSON object")]
    JwkNotAnObject,
    /// A member of the JWK is absent or invalid.
    #[error("the member {0:?} of the JWK is missing or invalid")]
    JwkMember(&'static str),
    /// The members are present, but do not form a key.
    #[error("the members of the JWK do not form a private key")]
    JwkNoKey,
    /// The system provides no random numbers.
    #[error("the system provides no random numbers")]
    Random,
    /// The key cannot sign the message.
    #[error("the key cannot sign the message")]
    Signing,
}
