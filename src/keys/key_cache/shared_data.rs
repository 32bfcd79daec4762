//! The host as the keys see it: a map that all VMs of a process share, a clock, and chance.

use crate::keys::Jitter;
use crate::time::UnixTime;

/// What the VMs of a process share, and what a VM has of its own: time and chance.
pub trait SharedData {
    /// The time. Read after the record, so that it is not before what the record says.
    fn now(&self) -> UnixTime;
    /// Chance for one decision.
    fn jitter(&self) -> Jitter;
    /// What stands under a name.
    fn read(&self, name: &str) -> SharedEntry;
    /// Writes whatever stands there.
    fn write(&self, name: &str, bytes: &[u8]);
    /// Writes if it still is what `seen` says.
    fn swap(&self, name: &str, seen: &SharedEntry, bytes: &[u8]) -> Swap;
}

/// What stands in shared data under a name, and the token that a swap of it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedEntry {
    /// The bytes, if there are any.
    pub bytes: Option<Vec<u8>>,
    /// The host's token of this version; none where nothing stands.
    pub cas: Option<u32>,
}

/// The outcome of a write that depends on nobody else having written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// Written.
    Done,
    /// Somebody was quicker: read again.
    Lost,
}
