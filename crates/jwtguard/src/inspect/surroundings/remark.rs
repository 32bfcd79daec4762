//! What is to be told of a value, before it is known in which file it stands.

use crate::inspect::Severity;
use crate::inspect::tree::{Source, Tree};

/// A finding before it is known in which file.
#[derive(Debug)]
pub struct Remark {
    /// How bad it is.
    pub severity: Severity,
    /// The value that it is about; `None` for the configuration itself.
    pub at: Option<Source>,
    /// The line.
    pub line: usize,
    /// Where.
    pub path: String,
    /// The sentence.
    pub problem: String,
}

impl Remark {
    /// What must not be.
    pub fn error(at: &Tree, path: &str, problem: String) -> Self {
        Self {
            severity: Severity::Error,
            at: at.source.clone(),
            line: at.line,
            path: path.to_owned(),
            problem,
        }
    }

    /// What is doubtful.
    pub fn warning(at: &Tree, path: &str, problem: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, path, problem) }
    }
}
