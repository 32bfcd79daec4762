//! `requires_claim`: conditions on claims.

use super::comparison::request_value;
use super::defined_names::DefinedNames;
use crate::config::claim_sources::pointer;
use crate::config::keys::{MAX_AFFIXES, claim_condition as key};
use crate::config::problem::Problem;
use crate::config::reader::{ConfigNode, ConfigObject, Errors, preview};
use crate::jose::json::{Json, Number};
use crate::policy::{AnyAll, ClaimCondition, ClaimTest, NonEmpty, NumberRange};

/// One condition or a list of them.
pub(super) fn claims(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    errors: &mut Errors,
) -> Vec<ClaimCondition> {
    let items = node.one_or_many();
    if items.is_empty() {
        node.refuse(Problem::NoItems { what: "condition, such as {claim: tier, any: [gold]}" }, errors);
    }
    items.iter().filter_map(|item| claim(item, names, errors)).collect()
}

fn claim(node: &ConfigNode<'_>, names: &DefinedNames, errors: &mut Errors) -> Option<ClaimCondition> {
    let mut object = node.object("a condition on a claim, such as {claim: tier, any: [gold]}", errors)?;
    let name = object.take(key::CLAIM);
    let tests = tests(&mut object, names, errors);
    if name.is_none() && !object.has_unknown() {
        object.refuse(key::CLAIM, Problem::Required { what: "a claim name or a JSON Pointer" }, errors);
    }
    let pointer = name.and_then(|node| pointer(&node, errors));
    let has_unknown = object.has_unknown();
    object.deny_unknown(errors);
    let test = match <[_; 1]>::try_from(tests) {
        Ok([test]) => test,
        Err(tests) => {
            if !tests.is_empty() || !has_unknown {
                node.refuse(Problem::NotOneTest, errors);
            }
            None
        }
    };
    Some(ClaimCondition { pointer: pointer?, test: test? })
}

/// Every test of the condition; `None` is one with an error in it. Exactly one is right.
fn tests(object: &mut ConfigObject<'_>, names: &DefinedNames, errors: &mut Errors) -> Vec<Option<ClaimTest>> {
    let mut tests = Vec::new();
    if let Some(node) = object.take(key::ANY) {
        tests.push(values(&node, errors).map(|values| ClaimTest::Values(AnyAll::Any(values))));
    }
    if let Some(node) = object.take(key::ALL) {
        tests.push(values(&node, errors).map(|values| ClaimTest::Values(AnyAll::All(values))));
    }
    if let Some(node) = object.take(key::NONE) {
        tests.push(values_of_one_type(&node, errors).map(ClaimTest::NoneOf));
    }
    if let Some(node) = object.take(key::PREFIX) {
        tests.push(texts(&node, "the text that the claim starts with", errors).map(ClaimTest::StartsWith));
    }
    if let Some(node) = object.take(key::SUFFIX) {
        tests.push(texts(&node, "the text that the claim ends with", errors).map(ClaimTest::EndsWith));
    }
    let bounds = (object.take(key::AT_LEAST), object.take(key::AT_MOST));
    if !matches!(bounds, (None, None)) {
        tests.push(range(bounds.0.as_ref(), bounds.1.as_ref(), errors).map(ClaimTest::Within));
    }
    if let Some(node) = object.take(key::EQUALS) {
        tests.push(request_value(&node, names, errors).map(ClaimTest::Equals));
    }
    if object.flag(&key::PRESENT, errors) {
        tests.push(Some(ClaimTest::Present));
    }
    tests
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

fn values_of_one_type(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<NonEmpty<Json>> {
    let values = values(node, errors)?;
    let of_type = std::mem::discriminant(values.first());
    if values.iter().any(|value| std::mem::discriminant(value) != of_type) {
        node.refuse(Problem::MixedTypes, errors);
        return None;
    }
    Some(values)
}

fn texts(node: &ConfigNode<'_>, what: &'static str, errors: &mut Errors) -> Option<NonEmpty<String>> {
    let texts = node.string_list(what, errors)?;
    if texts.len() > MAX_AFFIXES {
        node.refuse(Problem::TooManyTexts { count: texts.len(), most: MAX_AFFIXES }, errors);
        return None;
    }
    NonEmpty::new(texts.into_iter().map(str::to_owned))
}

fn range(
    at_least: Option<&ConfigNode<'_>>,
    at_most: Option<&ConfigNode<'_>>,
    errors: &mut Errors,
) -> Option<NumberRange> {
    let before = errors.len();
    let mut bound = |node: Option<&ConfigNode<'_>>| node.and_then(|node| number(node, errors));
    let range = NumberRange { at_least: bound(at_least), at_most: bound(at_most) };
    if let (Some(least), Some(most), Some(node)) = (&range.at_least, &range.at_most, at_least)
        && least.exact_cmp(most).is_gt()
    {
        let (least, most) = (least.text().to_owned(), most.text().to_owned());
        node.refuse(Problem::EmptyRange { least, most }, errors);
    }
    (errors.len() == before).then_some(range)
}

fn number(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Number> {
    match node.value() {
        Json::Number(number) => Some(number.clone()),
        text @ Json::String(digits) if digits.parse::<f64>().is_ok() => {
            node.refuse(Problem::NumberAsText { got: preview(text) }, errors);
            None
        }
        other => {
            node.refuse(Problem::Expected { what: "a number", got: preview(other) }, errors);
            None
        }
    }
}
