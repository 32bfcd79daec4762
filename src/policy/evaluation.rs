//! The evaluation of a credential against all requirements of a request.

use std::borrow::Cow;
use std::rc::Rc;

use super::any_all::{AnyAll, is_met, is_met_or_covered};
use super::identity::Identity;
use super::non_empty::NonEmpty;
use super::refusal::{Refusal, Unmet};
use super::request_value::{ConditionContext, EvaluationContext, RequestValue, RequestValues};
use super::requirement::{ClaimCondition, Condition, Conditions, IssuerOrAudience, Requirement, Rule};
use crate::token_role::SecondTokenIndex;

/// The credential of a request.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// No token.
    Absent,
    /// A token that is not valid.
    Failed,
    /// A valid token.
    Verified(&'a Rc<Identity>),
}

/// Proof that every requirement is met. Only [`Requirements::evaluate`] creates one.
#[derive(Debug)]
pub struct Permit {
    identity: Option<Rc<Identity>>,
}

impl Permit {
    /// The request's identity; `None` if the request passes without one.
    pub fn identity(&self) -> Option<&Rc<Identity>> {
        self.identity.as_ref()
    }
}

/// All requirements that apply to one request: at least one, and each of them must be met.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirements<'a>(NonEmpty<&'a Requirement>);

impl<'a> From<NonEmpty<&'a Requirement>> for Requirements<'a> {
    fn from(requirements: NonEmpty<&'a Requirement>) -> Self {
        Self(requirements)
    }
}

impl<'a> From<&'a Requirement> for Requirements<'a> {
    fn from(requirement: &'a Requirement) -> Self {
        Self(NonEmpty::one(requirement))
    }
}

impl<'a> Requirements<'a> {
    /// Evaluates the credential against every requirement.
    ///
    /// If several requirements are unmet, the first in this order is reported: `deny`, missing token, invalid token,
    /// issuer, audience, role, group, scope, claim, step-up. Among equals, the first requirement is reported.
    ///
    /// # Errors
    /// The requirement that is not met.
    pub fn evaluate(
        &self,
        credential: Credential<'_>,
        context: &EvaluationContext<'_>,
    ) -> Result<Permit, Refusal<'a>> {
        let unmet = self.iter().enumerate();
        let unmet = unmet.filter_map(|(requirement, one)| {
            let context = ConditionContext { of_request: *context, requirement };
            Some((requirement, one.rule.unmet(credential, &context)?))
        });
        if let Some((requirement, unmet)) = unmet.min_by_key(|(_, unmet)| unmet.rank()) {
            return Err(Refusal { requirement, unmet, scopes: self.required_scopes() });
        }
        let anonymous = self.iter().all(|requirement| requirement.rule == Rule::Anonymous);
        let identity = match credential {
            Credential::Verified(identity) if !anonymous => Some(Rc::clone(identity)),
            _ => None,
        };
        Ok(Permit { identity })
    }

    /// The denials of the shadow requirements, each once, under the first requirement with that shadow.
    pub fn shadow_refusals(
        &self,
        credential: Credential<'_>,
        context: &EvaluationContext<'_>,
    ) -> Vec<Refusal<'a>> {
        let mut refusals: Vec<Refusal<'a>> = Vec::new();
        for (requirement, shadow) in self.shadows() {
            let values = ValuesOfShadow { requirement, values: context.values };
            let context = EvaluationContext { values: &values, ..*context };
            if let Err(refusal) = shadow.evaluate(credential, &context)
                && !refusals.iter().any(|known| known.reads_like(&refusal))
            {
                refusals.push(Refusal { requirement, ..refusal });
            }
        }
        refusals
    }

    /// Whether the decision or the identity depends on a token. Neither does if every request is denied or if all
    /// requirements are anonymous.
    pub fn needs_token(&self) -> bool {
        !self.is_denied() && self.iter().any(|requirement| requirement.rule != Rule::Anonymous)
    }

    /// The requirements for a second token, with the index of the requirement that contains each. `None`: no requirement
    /// requires it, or the request is denied whatever its tokens.
    pub fn of_second_token(&self, token: SecondTokenIndex) -> Option<(Vec<usize>, Requirements<'a>)> {
        if self.is_denied() {
            return None;
        }
        let (mut indices, mut requirements) = (Vec::new(), Vec::new());
        for (index, requirement) in self.iter().enumerate() {
            let inner = requirement.tokens.iter().filter(|(asked, _)| *asked == token);
            for (_, inner) in inner {
                indices.push(index);
                requirements.push(inner);
            }
        }
        NonEmpty::new(requirements).map(|requirements| (indices, requirements.into()))
    }

    /// Whether a shadow depends on a token. On an anonymous route, a shadow is the only reason to read the
    /// token.
    pub fn shadow_needs_token(&self) -> bool {
        self.shadows().any(|(_, shadow)| shadow.needs_token())
    }

    /// Whether the request is denied with any credential.
    pub fn is_denied(&self) -> bool {
        self.iter().any(|requirement| requirement.rule == Rule::Deny)
    }

    /// The scopes that a client should request from its authorization server (RFC 6750 section 3, `scope`),
    /// each once: every name of an "all", the first of an "any", and of alternatives those of the first one
    /// that requires scopes.
    pub fn required_scopes(&self) -> Vec<&'a str> {
        let mut scopes = Vec::new();
        for requirement in self.iter() {
            if let Rule::Authenticated(conditions) = &requirement.rule {
                conditions.add_scopes_to(&mut scopes);
            }
        }
        scopes
    }

    fn iter(&self) -> impl Iterator<Item = &'a Requirement> {
        self.0.iter().copied()
    }

    /// The shadows of the requirements, each with its requirement's index. A shadow's own shadow is not
    /// evaluated.
    fn shadows(&self) -> impl Iterator<Item = (usize, Requirements<'a>)> {
        let shadows = self.iter().enumerate();
        shadows.filter_map(|(index, requirement)| Some((index, requirement.shadow.as_deref()?.into())))
    }
}

/// The values for the shadow of one requirement, which is evaluated alone.
struct ValuesOfShadow<'c> {
    requirement: usize,
    values: &'c dyn RequestValues,
}

impl RequestValues for ValuesOfShadow<'_> {
    fn value(&self, _: usize, value: &RequestValue) -> Option<Cow<'_, str>> {
        self.values.value(self.requirement, value)
    }
}

/// The condition with the lowest rank; among equals, the first.
fn first_ranked<'a>(unmet: impl Iterator<Item = Unmet<'a>>) -> Option<Unmet<'a>> {
    unmet.min_by_key(Unmet::rank)
}

impl Rule {
    fn unmet(&self, credential: Credential<'_>, context: &ConditionContext<'_>) -> Option<Unmet<'_>> {
        match (self, credential) {
            (Self::Anonymous | Self::AllowMissingOrFailed, _) => None,
            (Self::Deny, _) => Some(Unmet::Denied),
            (Self::AllowMissing(_), Credential::Absent) => None,
            (Self::Authenticated(_), Credential::Absent) => Some(Unmet::MissingToken),
            (Self::AllowMissing(_) | Self::Authenticated(_), Credential::Failed) => Some(Unmet::FailedToken),
            (Self::AllowMissing(restrictions), Credential::Verified(identity)) => {
                first_ranked(restrictions.iter().filter_map(|restriction| restriction.unmet(identity)))
            }
            (Self::Authenticated(conditions), Credential::Verified(identity)) => {
                conditions.unmet(identity, context)
            }
        }
    }
}

impl Conditions {
    fn unmet(&self, identity: &Identity, context: &ConditionContext<'_>) -> Option<Unmet<'_>> {
        first_ranked(self.0.iter().filter_map(|condition| condition.unmet(identity, context)))
    }

    fn add_scopes_to<'a>(&'a self, scopes: &mut Vec<&'a str>) {
        let mut add = |scope: &'a str| {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        };
        for condition in &self.0 {
            match condition {
                Condition::Scope(AnyAll::Any(any)) => add(any.first()),
                Condition::Scope(AnyAll::All(all)) => all.iter().for_each(|scope| add(scope)),
                Condition::AnyOf(alternatives) => {
                    let required = alternatives.iter().map(Conditions::required_scopes);
                    required
                        .into_iter()
                        .find(|required| !required.is_empty())
                        .into_iter()
                        .flatten()
                        .for_each(&mut add);
                }
                _ => {}
            }
        }
    }

    fn required_scopes(&self) -> Vec<&str> {
        let mut scopes = Vec::new();
        self.add_scopes_to(&mut scopes);
        scopes
    }
}

impl Condition {
    /// The part of the condition that the identity does not meet; `None` if the condition is met.
    pub fn unmet(&self, identity: &Identity, context: &ConditionContext<'_>) -> Option<Unmet<'_>> {
        let (met, unmet) = match self {
            Self::IssuerOrAudience(restriction) => return restriction.unmet(identity),
            Self::Role(roles) => (is_met(roles, identity.roles()), Unmet::Role(roles)),
            Self::Group(groups) => (is_met(groups, identity.groups()), Unmet::Group(groups)),
            Self::Scope(scopes) => {
                let covered = |scope: &String| identity.has_wildcard_for(scope);
                (is_met_or_covered(scopes, identity.scopes(), covered), Unmet::Scope(scopes))
            }
            Self::Claim(claim) => (claim.met_by(identity, context), Unmet::Claim(claim)),
            Self::StepUp(step_up) => (step_up.is_met(identity, context), Unmet::StepUp(step_up)),
            Self::AnyOf(alternatives) => return any_of(alternatives, identity, context),
        };
        (!met).then_some(unmet)
    }
}

/// `None` as soon as one alternative is met. Otherwise the result is that of the alternative that lacks least: one that
/// lacks only a step-up, because the client can do something about it; else the one with the lowest rank.
fn any_of<'a>(
    alternatives: &'a NonEmpty<Conditions>,
    identity: &Identity,
    context: &ConditionContext<'_>,
) -> Option<Unmet<'a>> {
    let mut least = alternatives.first().unmet(identity, context)?;
    for alternative in alternatives.iter().skip(1) {
        let unmet = alternative.unmet(identity, context)?;
        least = match (least, unmet) {
            (Unmet::StepUp(_), _) => least,
            (_, Unmet::StepUp(_)) => unmet,
            _ if unmet.rank() < least.rank() => unmet,
            _ => least,
        };
    }
    Some(least)
}

impl IssuerOrAudience {
    fn unmet(&self, identity: &Identity) -> Option<Unmet<'_>> {
        let (met, unmet) = match self {
            Self::Issuer(issuers) => (issuers.contains(&identity.issuer()), Unmet::Issuer(issuers)),
            Self::Audience(audiences) => {
                let present = identity.claims().audiences();
                (present.iter().any(|audience| audiences.contains(audience)), Unmet::Audience(audiences))
            }
        };
        (!met).then_some(unmet)
    }
}

impl ClaimCondition {
    fn met_by(&self, identity: &Identity, context: &ConditionContext<'_>) -> bool {
        let claims = identity.claims().claims();
        match self.pointer.find(claims) {
            Some(claim) => self.test.passes(Some(claim), context),
            // `{"account": "suspended"}` must not pass as a claim without `/account/status`.
            None => self.pointer.is_absent(claims) && self.test.passes(None, context),
        }
    }
}
