//! Whether a request may wait for keys.

/// Whether a request may wait for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The request may wait.
    Allowed,
    /// The request may not wait, because its timeout has passed or because no requirement depends on the token: decide
    /// with the available keys.
    NotAllowed,
    /// The limit of parked requests is reached: decide with the available keys.
    QueueFull,
}
