//! The defined names that a requirement can refer to.

use std::collections::BTreeMap;

use crate::headers::{ClaimHeaders, CredentialHeaders};
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
    /// The names of the second tokens, sorted.
    pub second_tokens: Vec<String>,
    /// The claim headers, which a claim cannot be compared with.
    pub claim_headers: ClaimHeaders,
    /// The headers that carry tokens, which a claim cannot be compared with.
    pub token_headers: CredentialHeaders,
    /// Whether `dpop` is configured.
    pub reads_dpop: bool,
    /// Whether an issuer is invalid, so that names and audiences may be missing above.
    pub lacks_issuers: bool,
}

impl DefinedNames {
    /// Whether the filter sets or removes the header, in any spelling.
    pub(super) fn is_header_of_filter(&self, name: &str) -> bool {
        self.claim_headers.is_removed(name) || self.token_headers.may_be(name)
    }
}
