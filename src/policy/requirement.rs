//! The requirements that an operator configures. The types rule out empty lists.
//!
//! These types hold configuration only. A [`Permit`](super::Permit) proves that a request was evaluated.

use std::rc::Rc;

use super::any_all::AnyAll;
use super::claim_test::ClaimTest;
use super::non_empty::NonEmpty;
use super::request_value::RequestValue;
use super::step_up::StepUp;
use crate::issuer_index::IssuerIndex;
use crate::jose::pointer::Pointer;
use crate::token_role::SecondTokenIndex;

/// The requirement of a route, a default policy or route metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The rule that decides.
    pub rule: Rule,
    /// A requirement that is evaluated and counted but never denies a request. A shadow's own shadow is not
    /// evaluated.
    pub shadow: Option<Box<Requirement>>,
    /// Its name in `policies`, if any, for logs and `explain`.
    pub policy: Option<Rc<str>>,
    /// `requires_token`: the requirements for second tokens, each token at most once. Only a requirement that is not a
    /// shadow and not inside another one has them.
    pub tokens: Vec<(SecondTokenIndex, Requirement)>,
}

/// The part of a requirement that decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// `allow_anonymous`: every request passes. The token is read only for a shadow, or for the requirement of another
    /// path variant.
    Anonymous,
    /// `deny`: every request is denied, whatever its token.
    Deny,
    /// `allow_missing_or_failed`: an invalid token is treated as no token.
    AllowMissingOrFailed,
    /// `allow_missing`: a request without a token passes; a token must be valid and meet every issuer or
    /// audience restriction.
    AllowMissing(Vec<IssuerOrAudience>),
    /// `allow_authenticated` and the conditions: a valid token that meets every condition. Without conditions
    /// (`{}`, `allow_authenticated`), any valid token passes.
    Authenticated(Conditions),
}

/// Conditions on a valid token, all of which must be met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions(pub Vec<Condition>);

/// One condition, from one key of a requirement.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `requires_issuer` or `requires_audience`.
    IssuerOrAudience(IssuerOrAudience),
    /// `requires_role`.
    Role(AnyAll<String>),
    /// `requires_group`.
    Group(AnyAll<String>),
    /// `requires_scope`.
    Scope(AnyAll<String>),
    /// One entry of `requires_claim`.
    Claim(ClaimCondition),
    /// `requires_step_up`.
    StepUp(StepUp),
    /// `any_of`: at least one of these.
    AnyOf(NonEmpty<Conditions>),
}

/// A restriction to some of the configured issuers or audiences.
#[derive(Debug, Clone, PartialEq)]
pub enum IssuerOrAudience {
    /// `requires_issuer`: the token's issuer is one of these.
    Issuer(NonEmpty<IssuerIndex>),
    /// `requires_audience`: one of the token's audiences is one of these.
    Audience(NonEmpty<String>),
}

/// A condition on one claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimCondition {
    /// The path of the claim.
    pub pointer: Pointer,
    /// The test of its value.
    pub test: ClaimTest,
}

impl Requirement {
    /// A requirement without a shadow.
    pub fn new(rule: Rule) -> Self {
        Self { rule, shadow: None, policy: None, tokens: Vec::new() }
    }

    /// Every value of the request that a condition compares with a claim, also in the shadow and for second tokens.
    pub fn request_values(&self) -> Vec<&RequestValue> {
        let mut values = Vec::new();
        if let Rule::Authenticated(conditions) = &self.rule {
            conditions.add_request_values_to(&mut values);
        }
        values.extend(self.shadow.iter().flat_map(|shadow| shadow.request_values()));
        values.extend(self.tokens.iter().flat_map(|(_, requirement)| requirement.request_values()));
        values
    }

    /// Any valid token, the meaning of `{}`.
    pub fn any_valid_token() -> Self {
        Self::new(Rule::Authenticated(Conditions::default()))
    }
}

impl Conditions {
    fn add_request_values_to<'a>(&'a self, values: &mut Vec<&'a RequestValue>) {
        for condition in &self.0 {
            match condition {
                Condition::Claim(ClaimCondition { test: ClaimTest::Equals(value), .. }) => values.push(value),
                Condition::AnyOf(alternatives) => {
                    alternatives.iter().for_each(|alternative| alternative.add_request_values_to(values));
                }
                _ => {}
            }
        }
    }
}
