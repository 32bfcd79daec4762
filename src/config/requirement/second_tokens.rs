//! `requires_token`: the requirements for second tokens.

use super::comparison::refuse_parameters;
use super::defined_names::DefinedNames;
use crate::config::keys::{Name, requirement as key};
use crate::config::problem::Problem;
use crate::config::reader::{ConfigNode, ConfigObject, Errors};
use crate::config::second_token_error::SecondTokenError;
use crate::policy::Requirement;
use crate::sorting;
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

/// Reads the requirements. `read` reads the keys of one; its second argument says whether an empty one has an error already.
pub(super) fn second_requirements(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    read: impl Fn(&mut ConfigObject<'_>, bool, &mut Errors) -> Option<Requirement>,
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
            node.refuse(Problem::SecondToken(SecondTokenError::Unknown { name, defined }), errors);
        }
        let requirement = second_requirement(&node, &read, errors);
        requirements.extend(index.zip(requirement));
    }
    sorting::sort_by(&mut requirements, |(one, _), (other, _)| one.cmp(other));
    requirements
}

fn second_requirement(
    node: &ConfigNode<'_>,
    read: impl Fn(&mut ConfigObject<'_>, bool, &mut Errors) -> Option<Requirement>,
    errors: &mut Errors,
) -> Option<Requirement> {
    let mut object = node.object("a requirement, such as {requires_scope: pay}", errors)?;
    let before = errors.len();
    for key in EXCLUDED {
        object.exclude(key, Problem::SecondToken(SecondTokenError::KeyOfFirst), errors);
    }
    let has_error = errors.len() > before;
    let requirement = read(&mut object, has_error, errors);
    object.deny_unknown(errors);
    let requirement = requirement?;
    refuse_parameters(&requirement, node, errors);
    (errors.len() == before).then_some(requirement)
}
