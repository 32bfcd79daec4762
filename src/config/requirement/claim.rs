//! `requires_claim`: conditions on claims.

use crate::config::claim_sources::pointer;
use crate::config::keys::claim_condition as key;
use crate::config::problem::Problem;
use crate::config::reader::{ConfigNode, Errors};
use crate::jose::json::Json;
use crate::policy::{AnyAll, ClaimCondition, ClaimTest, NonEmpty};

/// One condition or a list of them.
pub(super) fn claims(node: &ConfigNode<'_>, errors: &mut Errors) -> Vec<ClaimCondition> {
    let items = node.one_or_many();
    if items.is_empty() {
        node.refuse(Problem::NoItems { what: "condition, such as {claim: tier, any: [gold]}" }, errors);
    }
    items.iter().filter_map(|item| claim(item, errors)).collect()
}

fn claim(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<ClaimCondition> {
    let mut object = node.object("a condition on a claim, such as {claim: tier, any: [gold]}", errors)?;
    let name = object.take(key::CLAIM);
    let present = object.flag(&key::PRESENT, errors);
    let (any, all) = (object.take(key::ANY), object.take(key::ALL));
    if name.is_none() && !object.has_unknown() {
        object.refuse(key::CLAIM, Problem::Required { what: "a claim name or a JSON Pointer" }, errors);
    }
    let pointer = name.and_then(|node| pointer(&node, errors));
    let test = match (any, all, present) {
        (Some(any), None, false) => values(&any, errors).map(|values| ClaimTest::Values(AnyAll::Any(values))),
        (None, Some(all), false) => values(&all, errors).map(|values| ClaimTest::Values(AnyAll::All(values))),
        (None, None, true) => Some(ClaimTest::Present),
        (None, None, false) if object.has_unknown() => None,
        _ => {
            node.refuse(Problem::NotOneTest, errors);
            None
        }
    };
    object.deny_unknown(errors);
    Some(ClaimCondition { pointer: pointer?, test: test? })
}

/// The values to compare a claim with.
pub(in crate::config) fn values(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<NonEmpty<Json>> {
    let items = node.one_or_many();
    if items.is_empty() {
        node.refuse(Problem::NoItems { what: "value" }, errors);
    }
    for item in &items {
        if matches!(item.value(), Json::Null | Json::Array(_)) {
            item.refuse(Problem::NeverEqual, errors);
            return None;
        }
    }
    NonEmpty::new(items.into_iter().map(|item| item.value().clone()))
}
