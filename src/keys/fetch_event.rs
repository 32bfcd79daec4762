//! The outcome of a fetch, as facts for the metrics and the log.

use super::fetch_error::FetchError;
use super::key_cache::FailureOutcome;
use super::requested::Requested;
use crate::jose::jwks::SkippedKey;

/// The outcome of one refresh of an issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEvent {
    /// Other keys than before, or the first ones.
    Refreshed {
        /// The number of usable keys.
        keys: usize,
        /// Whether any of them has a kid. Where none has, a token with a kid never passes.
        has_kids: bool,
        /// The keys of the set that cannot be used.
        skipped: Vec<SkippedKey>,
    },
    /// The same keys as before, after failures.
    Recovered,
    /// The same keys as before.
    Unchanged,
    /// A good answer that came after the lease had ended. It changed nothing.
    Late,
    /// No usable answer.
    Failed {
        /// Why.
        error: FetchError,
        /// What the failure changed.
        outcome: FailureOutcome,
        /// What was asked for.
        requested: Requested,
        /// Why each key of the answer cannot be used, where that is the reason and the failure is the first.
        skipped: Vec<SkippedKey>,
    },
}

impl FetchEvent {
    /// Whether the answer was a good one.
    pub fn is_success(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}
