//! Whether a request may wait for keys.

/// Whether the request may (still) wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It may.
    Waits,
    /// Its time is over: what is there decides.
    Over,
    /// It may not: too many do already. What is there decides.
    NoRoom,
}
