//! The name that one configured issuer has inside the program.

/// The place of an issuer in the configuration's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerIndex(pub usize);
