//! Whether a request may wait for keys.

/// Whether the request may (still) wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It may.
    Allowed,
    /// Its time is over: what is there decides.
    TimedOut,
    /// It may not: too many do already. What is there decides.
    QueueFull,
}
