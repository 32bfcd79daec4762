//! The claims that a configuration refers to: pointers, and the sources of roles, groups and scopes.

use super::keys::{Claims, source as key};
use super::parsed::parsed;
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors};
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;
use crate::policy::ClaimSource;

/// A claim name or a JSON Pointer.
pub(super) fn pointer(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Pointer> {
    parsed(node, "a claim name or a JSON Pointer", errors, Pointer::parse, Problem::Pointer)
}

/// The sources of a key, or its default.
pub(super) fn sources(object: &mut ConfigObject<'_>, key: &Claims, errors: &mut Errors) -> Vec<ClaimSource> {
    given_sources(object, key, errors).unwrap_or_else(|| {
        let pointers = key.default.iter().filter_map(|name| Pointer::parse(name).ok());
        pointers.map(|pointer| ClaimSource { pointer, prefix: None }).collect()
    })
}

/// The sources that the key lists, each a pointer or `{claim, prefix}`. An empty list means that tokens have no such
/// values. `None` if the key is absent.
pub(super) fn given_sources(
    object: &mut ConfigObject<'_>,
    key: &Claims,
    errors: &mut Errors,
) -> Option<Vec<ClaimSource>> {
    let node = object.take(key.name)?;
    Some(node.one_or_many().iter().filter_map(|item| source(item, errors)).collect())
}

fn source(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<ClaimSource> {
    if !matches!(node.value(), Json::Object(_)) {
        return pointer(node, errors).map(|pointer| ClaimSource { pointer, prefix: None });
    }
    let mut object = node.object("a claim", errors)?;
    let claim = object.take(key::CLAIM);
    let prefix = object.take(key::PREFIX).and_then(|node| node.text("a prefix", errors)).map(str::to_owned);
    if claim.is_none() && !object.has_unknown() {
        object.refuse(key::CLAIM, Problem::Required { what: "a claim name or a JSON Pointer" }, errors);
    }
    let pointer = claim.and_then(|node| pointer(&node, errors));
    object.deny_unknown(errors);
    Some(ClaimSource { pointer: pointer?, prefix })
}
