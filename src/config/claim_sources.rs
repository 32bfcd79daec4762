//! The claims that a configuration refers to: pointers, and the sources of roles, groups and scopes.

use super::keys::{Claims, source as key};
use super::parsed::parsed;
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors, preview};
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;
use crate::policy::{ClaimForm, ClaimSource};

/// The longest separator of `split`, in bytes.
const MAX_SEPARATOR: usize = 16;

/// A claim name or a JSON Pointer.
pub(super) fn pointer(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Pointer> {
    parsed(node, "a claim name or a JSON Pointer", errors, Pointer::parse, Problem::Pointer)
}

/// The sources of a key, or its default.
pub(super) fn sources(object: &mut ConfigObject<'_>, key: &Claims, errors: &mut Errors) -> Vec<ClaimSource> {
    given_sources(object, key, errors).unwrap_or_else(|| {
        let pointers = key.default.iter().filter_map(|name| Pointer::parse(name).ok());
        pointers.map(ClaimSource::new).collect()
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
        return pointer(node, errors).map(ClaimSource::new);
    }
    let mut object = node.object("a claim", errors)?;
    let claim = object.take(key::CLAIM);
    let prefix = object.take(key::PREFIX).and_then(|node| node.text("a prefix", errors)).map(str::to_owned);
    if claim.is_none() && !object.has_unknown() {
        object.refuse(key::CLAIM, Problem::Required { what: "a claim name or a JSON Pointer" }, errors);
    }
    let pointer = claim.and_then(|node| pointer(&node, errors));
    let form = form(&mut object, errors);
    object.deny_unknown(errors);
    Some(ClaimSource { pointer: pointer?, prefix, form: form? })
}

/// The form of the claim: at most one of `keys`, `member` and `split`.
fn form(object: &mut ConfigObject<'_>, errors: &mut Errors) -> Option<ClaimForm> {
    let keys = object.flag(&key::KEYS_OF_OBJECT, errors).then_some(ClaimForm::Keys);
    let member = object.take(key::MEMBER).map(|node| {
        let name = node.text("the name of a member that contains the value", errors);
        name.map(|name| ClaimForm::Member(name.to_owned()))
    });
    let split = object.take(key::SPLIT).map(|node| separator(&node, errors).map(ClaimForm::Split));
    match (keys, member, split) {
        (None, None, None) => Some(ClaimForm::Texts),
        (Some(form), None, None) => Some(form),
        (None, Some(form), None) | (None, None, Some(form)) => form,
        _ => {
            object.refuse_whole(Problem::SeveralForms, errors);
            None
        }
    }
}

/// A separator may be a space, so it is not read as a text that must not be blank.
fn separator(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<String> {
    match node.value() {
        Json::String(text) if (1..=MAX_SEPARATOR).contains(&text.len()) => Some(text.clone()),
        other => {
            let what = "a separator of 1 to 16 bytes, such as \",\"";
            node.refuse(Problem::Expected { what, got: preview(other) }, errors);
            None
        }
    }
}
