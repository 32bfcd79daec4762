//! Whether a request may wait for keys.

/// Whether a request may wait for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// The request may wait.
    Waits,
    /// The timeout has passed: decide with the available keys.
    Over,
    /// The limit of parked requests is reached: decide with the available keys.
    NoRoom,
}
