//! Why a text is refused as JSON.

use crate::jose::limits::MAX_DEPTH;

/// Why bytes are refused as JSON. The messages never quote the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The bytes are not one JSON text in UTF-8.
    #[error("not valid JSON")]
    Syntax,
    /// An object has two members with the same name.
    #[error("an object has the same member twice")]
    DuplicateName,
    /// The text is nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}
