//! Why text is not read as JSON.

use crate::jose::limits::MAX_DEPTH;

/// Why bytes are not the JSON that is asked for. Never quotes the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// Not one JSON text in UTF-8.
    Syntax,
    /// A name stands twice in one object.
    DuplicateName,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax => f.write_str("not valid JSON"),
            Self::DuplicateName => f.write_str("an object has the same name twice"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH}"),
        }
    }
}
