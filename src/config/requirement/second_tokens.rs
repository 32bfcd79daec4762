//! `requires_token`: the requirements for second tokens.

use super::comparison::refuse_parameters;
use super::defined_names::DefinedNames;
use super::{EmptyRequirement, read};
use crate::config::keys::{Name, requirement as key};
use crate::config::problem::Problem;
use crate::config::reader::{ConfigNode, Errors};
use crate::config::second_token_error::SecondTokenError;
use crate::config::second_tokens::refuse;
use crate::policy::Requirement;
use crate::token_role::SecondTokenIndex;

/// The keys of a requirement that the requirement for a second token cannot have.
const EXCLUDED: [Name; 6] = [
    key::ALLOW_ANONYMOUS.name,
    key::ALLOW_MISSING_OR_FAILED.name,
    key::DENY.name,
    key::POLICY,
    key::REQUIRES_TOKEN,
    key::SHADOW,
];

pub(super) fn second_requirements(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    errors: &mut Errors,
) -> Vec<(SecondTokenIndex, Requirement)> {
    let what = "an object with the requirement for each second token, such as {agent: {requires_scope: pay}}";
    let Some(entries) = node.entries(what, errors) else { return Vec::new() };
    if entries.is_empty() {
        node.refuse(Problem::NoItems { what: "second token" }, errors);
    }
    let mut requirements = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        let index = names.second_tokens.iter().position(|token| token == name).map(SecondTokenIndex);
        if index.is_none() {
            let (name, defined) = (name.to_owned(), names.second_tokens.clone());
            refuse(&node, SecondTokenError::Unknown { name, defined }, errors);
        }
        let requirement = second_requirement(&node, names, errors);
        requirements.extend(index.zip(requirement));
    }
    requirements.sort_by_key(|(index, _)| *index);
    requirements
}

fn second_requirement(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    errors: &mut Errors,
) -> Option<Requirement> {
    let mut object = node.object("a requirement, such as {requires_scope: pay}", errors)?;
    let before = errors.len();
    for key in EXCLUDED {
        object.exclude(key, Problem::SecondToken(SecondTokenError::KeyOfFirst), errors);
    }
    let empty = match errors.len() > before {
        true => EmptyRequirement::AnyValidToken,
        false => EmptyRequirement::RefusedForSecondToken,
    };
    let requirement = read(&mut object, names, empty, errors);
    object.deny_unknown(errors);
    let requirement = requirement?;
    refuse_parameters(&requirement, node, errors);
    (errors.len() == before).then_some(requirement)
}
