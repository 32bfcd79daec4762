//! Whether a request may wait for keys.

/// Whether a request may wait for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The request may wait.
    Allowed,
    /// The timeout has passed: decide with the available keys.
    NotAllowed,
    /// The limit of parked requests is reached: decide with the available keys.
    QueueFull,
}
