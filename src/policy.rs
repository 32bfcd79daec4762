//! Evaluates a credential against [`Requirements`]: the result is a [`Permit`] or a [`Refusal`].
//!
//! This module does not depend on HTTP or routes. A request may have several path variants, each with its own
//! requirement; all of them must be met.

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
