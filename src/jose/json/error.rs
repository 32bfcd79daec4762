//! Why text is not read as JSON.

use crate::jose::limits::MAX_DEPTH;

/// Why bytes are not the JSON that is asked for. Never quotes the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not one JSON text in UTF-8.
    #[error("not valid JSON")]
    Syntax,
    /// A name stands twice in one object.
    #[error("an object has the same name twice")]
    DuplicateName,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
}
