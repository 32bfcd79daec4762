//! A doubt about a configuration.

use crate::inspect::path::of_keys;
use jwt_guard::config::Path;
use jwt_guard::config::keys::configuration;

/// What a configuration may say and probably should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// Where; the root for the whole configuration.
    pub path: Path,
    /// The sentence.
    pub problem: String,
}

impl Lint {
    /// A doubt about the value at that path.
    pub fn new(path: &Path<&str>, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into() }
    }
}

/// The path of a route.
pub(super) fn route(index: usize) -> Path<&'static str> {
    of_keys(&[configuration::ROUTES]).index(index)
}
