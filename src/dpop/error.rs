//! Why a DPoP proof is refused.

use crate::jose::error::{KeyError, Malformed};
use crate::jose::limits::MAX_PROOF_BYTES;

/// Why a proof is not valid. Displays as a sentence for the operator's log, without any text of the proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The request has no `DPoP` header.
    #[error("the request has no DPoP header with a proof")]
    Absent,
    /// The request has several `DPoP` headers.
    #[error("the request has more than one DPoP header")]
    Several,
    /// The proof is too long.
    #[error("the DPoP proof has {bytes} bytes; the limit is {MAX_PROOF_BYTES}")]
    TooLong {
        /// The length of the header.
        bytes: usize,
    },
    /// The proof is not a JWT.
    #[error("the DPoP proof is not a JWT: {0}")]
    Malformed(Malformed),
    /// `typ` is not `dpop+jwt`.
    #[error("the typ of the DPoP proof is not dpop+jwt")]
    Type,
    /// `alg` is missing, unknown, or not in `dpop.algorithms`.
    #[error("the alg of the DPoP proof is missing, unknown, or not in dpop.algorithms")]
    Algorithm,
    /// A `crit` member, or `b64: false`.
    #[error("the header of the DPoP proof requires an extension (crit, b64), and the filter supports none")]
    Critical,
    /// `jwk` is missing.
    #[error("the DPoP proof has no jwk that is a JSON object")]
    NoKey,
    /// `jwk` is not usable.
    #[error("the jwk of the DPoP proof is not usable: {0}")]
    Key(KeyError),
    /// The key does not fit `alg`.
    #[error("the jwk of the DPoP proof does not fit its alg")]
    KeyOfOtherAlgorithm,
    /// The RSA key is larger than 4096 bits.
    #[error("the RSA key of the DPoP proof has more than 4096 bits")]
    RsaSize,
    /// The thumbprint of the key is not the `jkt` of the token.
    #[error("the token is bound to another key than that of the DPoP proof")]
    OtherKey,
    /// A claim is missing or has another type.
    #[error("the claim {0} of the DPoP proof is missing or has the wrong type")]
    Claim(&'static str),
    /// `htm` is not the method of the request.
    #[error("the htm of the DPoP proof is not the method of the request")]
    Method,
    /// `htu` is not the URI of the request.
    #[error("the htu of the DPoP proof is not the URI of the request at an origin of dpop.origin")]
    Target,
    /// `iat` is too long ago.
    #[error("the DPoP proof was issued {seconds} s ago; dpop.max_age_seconds is {limit}")]
    TooOld {
        /// The age of the proof.
        seconds: u64,
        /// The limit.
        limit: u64,
    },
    /// `iat` is too far in the future.
    #[error("the DPoP proof was issued {seconds} s in the future; dpop.max_age_seconds is {limit}")]
    InFuture {
        /// The time until the `iat`.
        seconds: u64,
        /// The limit.
        limit: u64,
    },
    /// `ath` is not the digest of the token.
    #[error("the ath of the DPoP proof is not the SHA-256 digest of the token")]
    Token,
    /// The signature is not valid.
    #[error("the signature of the DPoP proof is not valid")]
    Signature,
}

/// Why a valid proof does not count: it was used before, or it cannot be recorded as used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The proof was used before.
    #[error("the DPoP proof was used before")]
    Replayed,
    /// The proof is older than the marks that the process keeps, for example because the clock was set back.
    #[error(
        "the DPoP proof is older than the record of used proofs; check whether the clock of this proxy was set back"
    )]
    Forgotten,
    /// The record is full.
    #[error("the record of used DPoP proofs is full for this subject; it sends too many requests")]
    Full,
    /// The record could not be changed.
    #[error("the record of used DPoP proofs could not be changed; retry the request with a new proof")]
    Unavailable,
}
