//! The identifier of a configured issuer inside the program.

/// The index of an issuer in the configuration's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerIndex(pub usize);
