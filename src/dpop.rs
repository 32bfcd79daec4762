//! DPoP: a proof in each request that the client holds the key of its token (RFC 9449).
//!
//! | module | contents |
//! | --- | --- |
//! | [`proof`] | the checks of one proof (section 4.3) |
//! | [`target`] | the URI of a proof, compared with the request |
//! | [`replay`] | the marks of used proofs, which all VMs of a process share |

mod error;
pub mod proof;
pub mod replay;
pub mod target;

pub use error::{ProofError, ReplayError};
pub use proof::{Proof, ProofContext};
pub use replay::{ReplayStore, UsedProof, WithoutReplayStore};
pub use target::Origin;

use std::time::Duration;

use crate::jose::algorithm::Algorithm;

/// The header that carries the proof.
pub const HEADER: &str = "dpop";

/// The algorithms that proofs can have, by their `alg`. The key and the signature of ML-DSA do not fit into a proof of
/// [`MAX_PROOF_BYTES`](crate::jose::limits::MAX_PROOF_BYTES).
pub const ALGORITHM_NAMES: [&str; 11] = [
    Algorithm::Rs256.name(),
    Algorithm::Rs384.name(),
    Algorithm::Rs512.name(),
    Algorithm::Ps256.name(),
    Algorithm::Ps384.name(),
    Algorithm::Ps512.name(),
    Algorithm::Es256.name(),
    Algorithm::Es384.name(),
    Algorithm::Es512.name(),
    Algorithm::Ed25519.name(),
    "Ed25519",
];

/// `dpop`: how proofs are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpopRules {
    /// `origin`: the origins at which clients reach the service; at least one.
    pub origins: Vec<Origin>,
    /// `algorithms`
    pub algorithms: Vec<Algorithm>,
    /// `max_age_seconds`
    pub max_age: Duration,
    /// The algorithms as a challenge lists them (RFC 9449 section 5.1).
    pub algs: String,
}

impl DpopRules {
    /// Creates the rules.
    pub fn new(origins: Vec<Origin>, algorithms: Vec<Algorithm>, max_age: Duration) -> Self {
        let algs = algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(" ");
        Self { origins, algorithms, max_age, algs }
    }
}
