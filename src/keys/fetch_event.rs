//! The outcome of a fetch, for the metrics and the log.

use super::fetch_error::FetchError;
use super::key_cache::FailureOutcome;
use super::requested::Requested;
use crate::jose::jwks::SkippedKey;

/// The outcome of one refresh of an issuer's keys or revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEvent {
    /// The first keys, or different keys than before.
    Refreshed {
        /// The number of usable keys.
        keys: usize,
        /// Whether any key has a kid. If none has, a token with a kid never passes.
        has_kids: bool,
        /// The keys of the set that are not used.
        skipped: Vec<SkippedKey>,
    },
    /// The first revocation list, or another one than before.
    ListRefreshed {
        /// The number of items.
        items: usize,
        /// The number of items of the list before.
        previous: usize,
    },
    /// The same document as before, after failed fetches.
    Recovered,
    /// The same document as before.
    Unchanged,
    /// A good answer that was not stored: the lease was lost, all swaps failed, or the 304 is for another set.
    Late,
    /// No usable answer.
    Failed {
        /// The cause.
        error: FetchError,
        /// The outcome of recording the failure.
        outcome: FailureOutcome,
        /// The document and the cluster of the request.
        requested: Requested,
        /// Why each key of the answer is not used, if that is the cause and the failure is the first.
        skipped: Vec<SkippedKey>,
    },
}

impl FetchEvent {
    /// Whether the answer was good.
    pub fn is_success(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}
