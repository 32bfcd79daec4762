//! Why a credential is refused: which requirement, which of its conditions, and what that asks for.

use std::fmt::{Display, Formatter, Result};
use std::mem::discriminant;

use super::requirement::{AnyAll, ClaimCondition, NonEmpty};
use crate::issuer_index::IssuerIndex;

/// A requirement that was not met. Only its scopes may be told to the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal<'a> {
    /// The place of the requirement among all that apply.
    pub requirement: usize,
    /// What it asks for and was not there.
    pub unmet: Unmet<'a>,
    /// The scopes that a client should ask its authorization server for (RFC 6750 section 3, `scope`), each once.
    pub scopes: Vec<&'a str>,
}

/// What was not met. Borrowed from the requirement: alternatives fail on the way to a success.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unmet<'a> {
    /// `deny`: nobody may.
    Denied,
    /// A token is needed and none came.
    MissingToken,
    /// A valid token is needed, or none at all, and an invalid one came.
    FailedToken,
    /// `requires_issuer`: the token's issuer is none of these.
    Issuer(&'a NonEmpty<IssuerIndex>),
    /// `requires_audience`: no audience of the token is one of these.
    Audience(&'a NonEmpty<String>),
    /// `requires_role`.
    Role(&'a AnyAll<String>),
    /// `requires_group`.
    Group(&'a AnyAll<String>),
    /// `requires_scope`.
    Scope(&'a AnyAll<String>),
    /// `requires_claim`: a claim is not what it must be.
    Claim(&'a ClaimCondition),
}

impl Refusal<'_> {
    /// Whether a log would say the same of both: two readings of a path often bring the same shadow.
    pub(super) fn reads_like(&self, other: &Refusal<'_>) -> bool {
        match (self.unmet, other.unmet) {
            (Unmet::Claim(one), Unmet::Claim(other)) => one.pointer == other.pointer,
            (Unmet::Scope(_), Unmet::Scope(_)) => self.scopes == other.scopes,
            (one, other) => discriminant(&one) == discriminant(&other),
        }
    }
}

impl Unmet<'_> {
    /// Of several that are not met the lowest is reported.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Denied => 0,
            Self::MissingToken => 1,
            Self::FailedToken => 2,
            Self::Issuer(_) => 3,
            Self::Audience(_) => 4,
            Self::Role(_) => 5,
            Self::Group(_) => 6,
            Self::Scope(_) => 7,
            Self::Claim(_) => 8,
        }
    }
}

impl Display for Refusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.unmet {
            Unmet::Denied => f.write_str("denied to everybody"),
            Unmet::MissingToken => f.write_str("a token is required and none was sent"),
            Unmet::FailedToken => f.write_str("the token is not valid"),
            Unmet::Issuer(_) => f.write_str("the token's issuer is not allowed here"),
            Unmet::Audience(_) => f.write_str("no audience of the token is allowed here"),
            Unmet::Role(_) => f.write_str("a required role is missing"),
            Unmet::Group(_) => f.write_str("a required group is missing"),
            Unmet::Scope(_) => write!(f, "a scope is missing; required: {}", self.scopes.join(" ")),
            Unmet::Claim(claim) => {
                write!(f, "the claim {} is not what is required", claim.pointer.as_str())
            }
        }
    }
}

impl std::error::Error for Refusal<'_> {}
