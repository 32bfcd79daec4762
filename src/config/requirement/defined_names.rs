//! The names that a requirement may refer to.

use std::collections::BTreeMap;

use crate::policy::Requirement;

/// What a requirement may refer to by name.
#[derive(Debug, Clone, Default)]
pub struct DefinedNames {
    /// The issuers' names, in the order of the configuration.
    pub issuers: Vec<String>,
    /// Every audience of every issuer.
    pub audiences: Vec<String>,
    /// The named policies.
    pub policies: BTreeMap<String, Requirement>,
    /// The names of policies with a mistake in them, which is told where they stand and not where they are named.
    pub broken_policies: Vec<String>,
    /// Whether an issuer has a mistake in it, so that names and audiences may be missing above.
    pub lacks_issuers: bool,
}
