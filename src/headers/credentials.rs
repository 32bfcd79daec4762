//! Headers that carry credentials. Trailers must not contain them (RFC 9110 section 6.5.1).

use std::collections::BTreeSet;

use super::names::{folded, grpc_metadata};

/// The headers of a configuration that may carry a token.
#[derive(Debug, Clone, Default)]
pub struct CredentialHeaders {
    folds: BTreeSet<String>,
}

impl<'n> FromIterator<&'n str> for CredentialHeaders {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        Self { folds: names.into_iter().map(folded).collect() }
    }
}

impl CredentialHeaders {
    /// Whether some upstreams may take the header for one of these.
    pub fn may_be(&self, name: &str) -> bool {
        let has = |name: &str| self.folds.contains(&folded(name));
        has(name) || grpc_metadata(name).is_some_and(has)
    }
}
