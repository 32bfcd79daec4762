//! A requirement as operators write it: on a route, as the default, as a named policy, or in route metadata.

mod claim;
mod comparison;
mod defined_names;
mod issuer_or_audience;
mod names;
mod second_tokens;
mod step_up;

use super::keys::{Name, requirement as key};
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors, preview};
use super::second_token_error::SecondTokenError;
use crate::policy::{Condition, Conditions, IssuerOrAudience, NonEmpty, Requirement, Rule};
use crate::token_role::SecondTokenIndex;
use claim::claims;
pub(super) use claim::values;
pub use defined_names::DefinedNames;
use issuer_or_audience::issuer_and_audience;
use names::{any_or_all, scopes};
use second_tokens::second_requirements;
use step_up::step_up;

/// The meaning of an object without any condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyRequirement {
    /// Any valid token: `default_policy: {}`.
    AnyValidToken,
    /// A mistake: the operator could have meant that every request passes, or that none does.
    Refused,
    /// The same mistake in a guard.
    RefusedForGuard,
    /// The same mistake in the requirement for a second token.
    RefusedForSecondToken,
}

/// A requirement that is an object of its own.
pub fn requirement(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    empty: EmptyRequirement,
    errors: &mut Errors,
) -> Option<Requirement> {
    let mut object = node.object("a requirement, such as {requires_role: [admin]}", errors)?;
    let read = read(&mut object, names, empty, errors);
    object.deny_unknown(errors);
    read
}

/// A requirement that applies to more than the requests of one route, so that there are no parameters to compare: the
/// default policy, or one in route metadata.
pub fn requirement_without_parameters(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    empty: EmptyRequirement,
    errors: &mut Errors,
) -> Option<Requirement> {
    let read = requirement(node, names, empty, errors)?;
    let before = errors.len();
    comparison::refuse_parameters(&read, node, errors);
    (errors.len() == before).then_some(read)
}

/// The keys of a requirement beside other keys, as in a route. The caller then calls [`ConfigObject::deny_unknown`].
pub fn read(
    object: &mut ConfigObject<'_>,
    names: &DefinedNames,
    empty: EmptyRequirement,
    errors: &mut Errors,
) -> Option<Requirement> {
    let before = errors.len();
    let written = WrittenRequirement::take(object, names, errors);
    let is_alone = !written.has_companions();
    let requirement = match (written.deciding.into_iter().next(), written.policy) {
        (Some((key, _)), _) if !is_alone => {
            object.refuse(key, Problem::StandsAlone, errors);
            None
        }
        (Some((_, rule)), _) => Some(Requirement { shadow: written.shadow, ..Requirement::new(rule) }),
        (None, Some(node)) if !is_alone => {
            node.refuse(Problem::PolicyStandsAlone, errors);
            None
        }
        (None, Some(node)) => by_name(&node, written.shadow, names, errors),
        (None, None) => {
            let tokens = written.tokens.unwrap_or_default();
            let rule = match written.allow_missing {
                true => {
                    let has_conditions = !written.conditions.is_empty() || !tokens.is_empty();
                    missing(object, written.issuer_and_audience, has_conditions, errors)
                }
                false => {
                    let conditions = all_of(written.issuer_and_audience, written.conditions);
                    let is_empty = conditions.0.is_empty() && tokens.is_empty();
                    if is_empty && errors.len() == before {
                        refuse_empty_requirement(object, empty, errors);
                    }
                    Some(Rule::Authenticated(conditions))
                }
            };
            rule.map(|rule| Requirement { shadow: written.shadow, tokens, ..Requirement::new(rule) })
        }
    };
    requirement.filter(|_| errors.len() == before)
}

/// The keys of a requirement as written, before the check that they can be combined.
struct WrittenRequirement<'a> {
    /// The keys that decide alone, and the rule of each.
    deciding: Vec<(Name, Rule)>,
    allow_missing: bool,
    policy: Option<ConfigNode<'a>>,
    shadow: Option<Box<Requirement>>,
    issuer_and_audience: Vec<IssuerOrAudience>,
    conditions: Vec<Condition>,
    tokens: Option<Vec<(SecondTokenIndex, Requirement)>>,
}

impl<'a> WrittenRequirement<'a> {
    fn take(object: &mut ConfigObject<'a>, names: &DefinedNames, errors: &mut Errors) -> Self {
        let mut deciding = vec![
            (&key::ALLOW_ANONYMOUS, Rule::Anonymous),
            (&key::ALLOW_AUTHENTICATED, Rule::Authenticated(Conditions::default())),
            (&key::ALLOW_MISSING_OR_FAILED, Rule::AllowMissingOrFailed),
            (&key::DENY, Rule::Deny),
        ];
        deciding.retain(|(key, _)| object.flag(key, errors));
        let allow_missing = object.flag(&key::ALLOW_MISSING, errors);
        let policy = object.take(key::POLICY);
        let shadow = object.take(key::SHADOW);
        let issuer_and_audience = issuer_and_audience(object, names, errors);
        let conditions = conditions(object, names, errors);
        let tokens = object.take(key::REQUIRES_TOKEN);
        let read_second = |object: &mut ConfigObject<'_>, has_error: bool, errors: &mut Errors| {
            let empty = if has_error {
                EmptyRequirement::AnyValidToken
            } else {
                EmptyRequirement::RefusedForSecondToken
            };
            read(object, names, empty, errors)
        };
        let tokens = tokens.map(|node| second_requirements(&node, names, read_second, errors));
        let shadow = shadow.and_then(|node| requirement(&node, names, EmptyRequirement::Refused, errors));
        if shadow.as_ref().is_some_and(|shadow| shadow.shadow.is_some()) {
            object.refuse(key::SHADOW, Problem::ShadowOfShadow, errors);
        }
        if shadow.as_ref().is_some_and(|shadow| !shadow.tokens.is_empty()) {
            let problem = Problem::SecondToken(SecondTokenError::InShadow);
            object.refuse(key::SHADOW, problem, errors);
        }
        Self {
            deciding: deciding.into_iter().map(|(key, rule)| (key.name, rule)).collect(),
            allow_missing,
            policy,
            shadow: shadow.map(Box::new),
            issuer_and_audience,
            conditions,
            tokens,
        }
    }

    /// Whether an exclusive key, if there is one, is combined with another condition.
    fn has_companions(&self) -> bool {
        let ways = self.deciding.len() + usize::from(self.allow_missing) + usize::from(self.policy.is_some());
        let has_conditions = !self.conditions.is_empty() || !self.issuer_and_audience.is_empty();
        ways > 1 || has_conditions || self.tokens.is_some()
    }
}

/// `policy`: the requirement with this name. Its shadow is replaced by `shadow` if there is one.
fn by_name(
    node: &ConfigNode<'_>,
    shadow: Option<Box<Requirement>>,
    names: &DefinedNames,
    errors: &mut Errors,
) -> Option<Requirement> {
    let named = named_policy(node, names, errors)?;
    Some(Requirement {
        rule: named.rule.clone(),
        shadow: shadow.or_else(|| named.shadow.clone()),
        policy: node.value().as_str().map(Into::into),
        tokens: named.tokens.clone(),
    })
}

/// `allow_missing`: a token is optional. If there is one, it may have to be from certain issuers or for certain
/// audiences.
fn missing(
    object: &ConfigObject<'_>,
    issuer_and_audience: Vec<IssuerOrAudience>,
    has_conditions: bool,
    errors: &mut Errors,
) -> Option<Rule> {
    if has_conditions {
        object.refuse(key::ALLOW_MISSING.name, Problem::AllowMissingWithConditions, errors);
        return None;
    }
    Some(Rule::AllowMissing(issuer_and_audience))
}

fn all_of(issuer_and_audience: Vec<IssuerOrAudience>, conditions: Vec<Condition>) -> Conditions {
    let issuer_and_audience = issuer_and_audience.into_iter().map(Condition::IssuerOrAudience);
    Conditions(issuer_and_audience.chain(conditions).collect())
}

/// Reports an object without a condition. An object with a misspelled key, or with the name of an invalid issuer,
/// already has an error.
fn refuse_empty_requirement(object: &ConfigObject<'_>, empty: EmptyRequirement, errors: &mut Errors) {
    if object.has_unknown() || object.has(key::REQUIRES_ISSUER) || object.has(key::REQUIRES_AUDIENCE) {
        return;
    }
    let problem = match empty {
        EmptyRequirement::AnyValidToken => return,
        EmptyRequirement::Refused => Problem::NoCondition,
        EmptyRequirement::RefusedForGuard => Problem::EmptyGuard,
        EmptyRequirement::RefusedForSecondToken => Problem::SecondToken(SecondTokenError::NoCondition),
    };
    object.refuse_whole(problem, errors);
}

fn named_policy<'n>(
    node: &ConfigNode<'_>,
    names: &'n DefinedNames,
    errors: &mut Errors,
) -> Option<&'n Requirement> {
    let name = node.text("the name of a policy", errors)?;
    let found = names.policies.get(name);
    if found.is_none() && !names.broken_policies.iter().any(|broken| broken == name) {
        let defined = names.policies.keys().cloned().collect();
        node.refuse(Problem::UnknownPolicy { name: preview(node.value()), defined }, errors);
    }
    found
}

fn conditions(object: &mut ConfigObject<'_>, names: &DefinedNames, errors: &mut Errors) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if let Some(node) = object.take(key::REQUIRES_ROLE) {
        conditions.extend(any_or_all(&node, "a role name", errors).map(Condition::Role));
    }
    if let Some(node) = object.take(key::REQUIRES_GROUP) {
        conditions.extend(any_or_all(&node, "a group name", errors).map(Condition::Group));
    }
    if let Some(node) = object.take(key::REQUIRES_SCOPE) {
        conditions.extend(scopes(&node, errors).map(Condition::Scope));
    }
    if let Some(node) = object.take(key::REQUIRES_CLAIM) {
        conditions.extend(claims(&node, names, errors).into_iter().map(Condition::Claim));
    }
    if let Some(node) = object.take(key::REQUIRES_STEP_UP) {
        conditions.extend(step_up(&node, errors).map(Condition::StepUp));
    }
    if let Some(node) = object.take(key::ANY_OF) {
        conditions.extend(alternatives(&node, names, errors).map(Condition::AnyOf));
    }
    conditions
}

/// `any_of`
fn alternatives(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    errors: &mut Errors,
) -> Option<NonEmpty<Conditions>> {
    let items = node.list("a list of requirements", errors).unwrap_or_default();
    if items.is_empty() {
        node.refuse(Problem::NoItems { what: "requirement" }, errors);
    }
    NonEmpty::new(items.iter().filter_map(|item| alternative(item, names, errors)).collect::<Vec<_>>())
}

/// One entry of `any_of`: conditions on a token, or a named policy that contains only such conditions.
fn alternative(node: &ConfigNode<'_>, names: &DefinedNames, errors: &mut Errors) -> Option<Conditions> {
    let requirement = requirement(node, names, EmptyRequirement::Refused, errors)?;
    if requirement.shadow.is_some() {
        node.refuse(Problem::ShadowInAlternative, errors);
        return None;
    }
    if !requirement.tokens.is_empty() {
        node.refuse(Problem::SecondToken(SecondTokenError::InAlternative), errors);
        return None;
    }
    match requirement.rule {
        Rule::Authenticated(conditions) => Some(conditions),
        _ => {
            node.refuse(Problem::AlternativeWithoutToken, errors);
            None
        }
    }
}
