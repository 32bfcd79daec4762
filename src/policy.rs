//! Whether a credential meets what is asked: [`Requirements`] in, a [`Permit`] or a [`Refusal`] out.
//!
//! Knows no HTTP and no routes. A request may be read in several ways, each with a requirement of its own; all of
//! them must be met.

mod evaluation;
mod identity;
mod refusal;
mod requirement;
#[cfg(test)]
mod tests;
mod value_set;

pub use evaluation::{Credential, Permit, Requirements};
pub use identity::{ClaimSource, ClaimSources, Identity};
pub use refusal::{Refusal, Unmet};
pub use requirement::{
    AnyAll, ClaimCondition, ClaimTest, Condition, Conditions, IssuerOrAudience, NonEmpty, Requirement, Rule,
};
