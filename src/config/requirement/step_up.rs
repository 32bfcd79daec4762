//! `requires_step_up`: how and when the user must have been authenticated (RFC 9470).

use crate::config::keys::step_up as key;
use crate::config::problem::Problem;
use crate::config::reader::{ConfigNode, Errors};
use crate::policy::StepUp;

pub(super) fn step_up(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<StepUp> {
    let mut object = node.object("the authentication that is required, such as {acr: [phr]}", errors)?;
    let before = errors.len();
    let acr = object.take(key::ACR).map(|node| acr(&node, errors));
    let max_age = object.optional_integer(&key::MAX_AGE_SECONDS, errors);
    let is_empty = acr.is_none() && max_age.is_none();
    if is_empty && errors.len() == before && !object.has_unknown() {
        node.refuse(Problem::NoStepUp, errors);
    }
    object.deny_unknown(errors);
    let max_age = max_age.and_then(|seconds| u32::try_from(seconds).ok());
    (errors.len() == before).then(|| StepUp { acr: acr.unwrap_or_default(), max_age })
}

/// A challenge contains the values in quotes, separated by spaces (RFC 9470 section 3).
fn acr(node: &ConfigNode<'_>, errors: &mut Errors) -> Vec<String> {
    let values = node.string_list("a value of acr, such as phr", errors).unwrap_or_default();
    let is_valid = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if !values.iter().all(|value| value.bytes().all(is_valid)) {
        node.refuse(Problem::InvalidAcr, errors);
    }
    values.into_iter().map(str::to_owned).collect()
}
