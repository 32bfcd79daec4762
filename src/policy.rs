//! Evaluates a credential against [`Requirements`]: the result is a [`Permit`] or a [`Refusal`].
//!
//! This module does not depend on HTTP or routes. A request may have several path variants, each with its own
//! requirement; all of them must be met.

mod any_all;
mod claim_test;
mod evaluation;
mod identity;
mod non_empty;
mod refusal;
mod request_value;
mod requirement;
mod step_up;
#[cfg(test)]
mod tests;
mod value_set;

pub use any_all::AnyAll;
pub use claim_test::{ClaimTest, NumberRange};
pub use evaluation::{Credential, Permit, Requirements};
pub use identity::{ClaimForm, ClaimSource, ClaimSources, Identity};
pub use non_empty::NonEmpty;
pub use refusal::{Refusal, Unmet};
pub use request_value::{ConditionContext, EvaluationContext, NoRequestValues, RequestValue, RequestValues};
pub use requirement::{ClaimCondition, Condition, Conditions, IssuerOrAudience, Requirement, Rule};
pub use step_up::StepUp;
