//! The defined names that a requirement can refer to.

use std::collections::BTreeMap;

use crate::policy::Requirement;

/// The names that the configuration defines and that a requirement can refer to.
#[derive(Debug, Clone, Default)]
pub struct DefinedNames {
    /// The names of the issuers, in the order of the configuration.
    pub issuers: Vec<String>,
    /// The audiences of all issuers.
    pub audiences: Vec<String>,
    /// The named policies.
    pub policies: BTreeMap<String, Requirement>,
    /// The names of invalid policies. Their mistakes are reported in `policies`; a reference to them is not reported as
    /// well.
    pub broken_policies: Vec<String>,
    /// Whether an issuer is invalid, so that names and audiences may be missing above.
    pub lacks_issuers: bool,
}
