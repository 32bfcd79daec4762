//! The mistakes in keys that the rules for bound tokens affect.

use crate::jose::algorithm::Algorithm;
use crate::jose::limits::MAX_PROOF_BYTES;

/// A mistake in a key that the rules for bound tokens affect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundTokenError {
    /// An origin with a path or a query.
    #[error("found {got}; an origin has no path and no query; write it as in https://api.example.com")]
    OriginWithPath {
        /// The value, shortened.
        got: String,
    },
    /// An algorithm whose proofs are longer than the limit.
    #[error(
        "a proof with {algorithm} is longer than {MAX_PROOF_BYTES} bytes, which is the limit; remove it, or write ES256 \
         or EdDSA"
    )]
    LongProof {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A header that carries the proof or the certificate, used for something else.
    #[error("{name} carries the proof or the certificate of bound tokens; use another header here")]
    ReservedHeader {
        /// The name.
        name: &'static str,
    },
    /// A token source with the scheme DPoP beside `dpop`.
    #[error(
        "dpop reads tokens from Authorization: DPoP wherever {{header: authorization}} is a token source; remove this source"
    )]
    SchemeOfDpop,
}
