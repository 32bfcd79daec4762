//! The host functions that the keys need: a map that all VMs of a process share, a clock, and random numbers.

use crate::keys::Jitter;
use crate::time::UnixTime;

/// The shared data of the process, the clock, and random numbers.
pub trait SharedData {
    /// The time. It is read after the record, so that it is not earlier than the times in the record.
    fn now(&self) -> UnixTime;
    /// The jitter for one decision.
    fn jitter(&self) -> Jitter;
    /// Random bits.
    fn random_bits(&self) -> u64;
    /// Unpredictable random bytes; `None` if the host has none.
    fn secret(&self) -> Option<[u8; 16]>;
    /// Reads the entry with this name.
    fn read(&self, name: &str) -> SharedEntry;
    /// Writes the entry, whatever it contains.
    fn write(&self, name: &str, bytes: &[u8]);
    /// Writes the entry if it has not changed since `seen` was read.
    fn swap(&self, name: &str, seen: &SharedEntry, bytes: &[u8]) -> Swap;
}

/// The content of an entry in shared data, and its version for a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedEntry {
    /// The bytes, if the entry exists.
    pub bytes: Option<Vec<u8>>,
    /// The host's number for this version; `None` if the entry does not exist.
    pub cas: Option<u32>,
}

/// The outcome of [`SharedData::swap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// The entry was written.
    Done,
    /// Another VM wrote the entry first. Read it again.
    Lost,
}
