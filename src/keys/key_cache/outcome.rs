//! The outcomes of storing a good answer and of recording a failed fetch.

use crate::keys::Freshness;

/// The outcome of storing a good answer. For each change, one VM of the process gets [`StoreOutcome::Replaced`]: the VM that
/// made the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOutcome {
    /// The answer was dropped: the lease was lost, or a 304 confirms another set than the current one.
    LeaseLost,
    /// The set did not change.
    Unchanged {
        /// Whether fetches had failed since the last good answer.
        recovered: bool,
    },
    /// The set was replaced, or it is the first.
    Replaced,
}

/// The outcome of recording a failed fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureOutcome {
    /// The lease was lost, or all swaps failed. The VM that holds the lease reports its own outcome.
    LeaseLost,
    /// The fetch before failed as well, and whether there are usable keys did not change.
    Repeated,
    /// The first failure, and whether there are usable keys meanwhile.
    First(Freshness),
    /// The last good keys have expired since the failure before.
    KeysExpired,
}
