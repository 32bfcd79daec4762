//! Where tokens name things: pointers to claims, and sources of roles, groups and scopes.

use super::parsed::parsed;
use super::reader::{Errors, Node};
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;
use crate::policy::Source;

/// A claim name or a JSON Pointer.
pub(super) fn pointer(node: &Node<'_>, errors: &mut Errors) -> Option<Pointer> {
    parsed(node, "a claim name or a JSON Pointer", errors, Pointer::parse)
}

/// Pointers, or `{claim, prefix}`; an empty list means that the tokens have none.
pub(super) fn sources(node: Option<Node<'_>>, default: &[&str], errors: &mut Errors) -> Vec<Source> {
    let Some(node) = node else {
        let pointers = default.iter().filter_map(|name| Pointer::parse(name).ok());
        return pointers.map(|pointer| Source { pointer, prefix: None }).collect();
    };
    node.one_or_many().iter().filter_map(|item| source(item, errors)).collect()
}

fn source(node: &Node<'_>, errors: &mut Errors) -> Option<Source> {
    if !matches!(node.value(), Json::Object(_)) {
        return pointer(node, errors).map(|pointer| Source { pointer, prefix: None });
    }
    let mut object = node.object("a claim", errors)?;
    let claim = object.take("claim");
    let prefix = object.take("prefix").and_then(|node| node.text("a prefix", errors)).map(str::to_owned);
    if claim.is_none() && !object.has_unknown() {
        object.refuse("claim", "expected a claim name or a JSON Pointer", errors);
    }
    let pointer = claim.and_then(|node| pointer(&node, errors));
    object.finish(errors);
    Some(Source { pointer: pointer?, prefix })
}
