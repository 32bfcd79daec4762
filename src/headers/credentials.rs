//! Headers that carry credentials or are compared with a claim. Trailers must not contain them (RFC 9110 section
//! 6.5.1).

use std::collections::BTreeSet;

use super::names::{folded, grpc_metadata};

/// A set of header names that also finds their other spellings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialHeaders {
    folds: BTreeSet<String>,
}

impl<'n> FromIterator<&'n str> for CredentialHeaders {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        Self { folds: names.into_iter().map(folded).collect() }
    }
}

impl CredentialHeaders {
    /// The normalized names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.folds.iter().map(String::as_str)
    }

    /// Adds more names.
    pub fn extend<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        self.folds.extend(names.map(folded));
    }

    /// Whether some upstreams may take the header for one of these.
    pub fn may_be(&self, name: &str) -> bool {
        let has = |name: &str| self.folds.contains(&folded(name));
        has(name) || grpc_metadata(name).is_some_and(has)
    }
}
