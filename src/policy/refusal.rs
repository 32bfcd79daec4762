//! Why a request is denied: the unmet requirement, the unmet condition, and the values that the condition
//! requires.

use std::fmt::{Display, Formatter, Result};
use std::mem::discriminant;

use super::any_all::AnyAll;
use super::claim_test::ClaimTest;
use super::non_empty::NonEmpty;
use super::requirement::ClaimCondition;
use super::step_up::StepUp;
use crate::issuer_index::IssuerIndex;

/// An unmet requirement. Only the scopes may be disclosed to the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal<'a> {
    /// The index of the requirement among all that apply.
    pub requirement: usize,
    /// The unmet condition.
    pub unmet: Unmet<'a>,
    /// The scopes that a client should request from its authorization server (RFC 6750 section 3, `scope`),
    /// each once.
    pub scopes: Vec<&'a str>,
}

/// An unmet condition. It borrows from the requirement, so that a failed alternative of `any_of` allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unmet<'a> {
    /// `deny`: every request is denied.
    Denied,
    /// A token is required, but the request has none.
    MissingToken,
    /// The request has a token, and the token is not valid.
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
    /// `requires_claim`: a claim does not have a required value.
    Claim(&'a ClaimCondition),
    /// `requires_step_up`: the authentication is not of the required kind, or too old.
    StepUp(&'a StepUp),
}

impl Refusal<'_> {
    /// Whether both denials have the same log text. Two path variants often have the same shadow.
    pub(super) fn reads_like(&self, other: &Refusal<'_>) -> bool {
        match (self.unmet, other.unmet) {
            (Unmet::Claim(one), Unmet::Claim(other)) => one.pointer == other.pointer,
            (Unmet::StepUp(one), Unmet::StepUp(other)) => one == other,
            (Unmet::Scope(_), Unmet::Scope(_)) => self.scopes == other.scopes,
            (one, other) => discriminant(&one) == discriminant(&other),
        }
    }
}

impl Unmet<'_> {
    /// The order in which unmet conditions are reported: the lowest first.
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
            // Last: a fresh login does not help a user whose role is missing.
            Self::StepUp(_) => 9,
        }
    }
}

impl Display for Refusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.unmet {
            Unmet::Denied => f.write_str("the rule denies every request"),
            Unmet::MissingToken => f.write_str("a token is required and none was sent"),
            Unmet::FailedToken => f.write_str("the token is not valid"),
            Unmet::Issuer(_) => f.write_str("the token's issuer is not allowed here"),
            Unmet::Audience(_) => f.write_str("no audience of the token is allowed here"),
            Unmet::Role(_) => f.write_str("a required role is missing"),
            Unmet::Group(_) => f.write_str("a required group is missing"),
            Unmet::Scope(_) => write!(f, "a scope is missing; required: {}", self.scopes.join(" ")),
            Unmet::Claim(ClaimCondition { pointer, test: ClaimTest::Equals(value) }) => {
                write!(f, "the claim {} does not equal {value}", pointer.as_str())
            }
            Unmet::Claim(claim) => {
                write!(f, "the claim {} is not what is required", claim.pointer.as_str())
            }
            Unmet::StepUp(step_up) => {
                f.write_str("another authentication is required; ")?;
                match (step_up.acr.as_slice(), step_up.max_age) {
                    ([], None) => Ok(()),
                    ([], Some(max_age)) => write!(f, "auth_time at most {max_age} s ago"),
                    (acr, None) => write!(f, "acr one of {}", acr.join(" ")),
                    (acr, Some(max_age)) => {
                        write!(f, "acr one of {}, auth_time at most {max_age} s ago", acr.join(" "))
                    }
                }
            }
        }
    }
}

impl std::error::Error for Refusal<'_> {}
