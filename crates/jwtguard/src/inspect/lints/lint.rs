//! A warning about a configuration.

use crate::inspect::path::of_keys;
use crate::inspect::tree::Tree;
use jwt_guard::config::Path;
use jwt_guard::config::keys::{Name, configuration};

/// A warning about a setting that is valid and probably unintended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The path of the value; the root for the whole configuration.
    pub path: Path,
    /// A sentence that says what is unintended and what to write instead.
    pub problem: String,
}

impl Lint {
    /// Creates a warning about the value at a path.
    pub fn new(path: &Path<&str>, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into() }
    }
}

/// The path of a key of an issuer, by the issuer's index in the configuration.
pub(super) fn issuer_key(tree: &Tree, index: usize, key: Name) -> Path<&'static str> {
    let base = match tree.get(configuration::ISSUERS.as_str()) {
        Some(_) => of_keys(&[configuration::ISSUERS]).index(index),
        None => Path::root(),
    };
    base.key(key.as_str())
}

/// The path of a route, by its index in the configuration.
pub(super) fn route(index: usize) -> Path<&'static str> {
    of_keys(&[configuration::ROUTES]).index(index)
}
