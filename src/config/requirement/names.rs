//! `requires_role`, `requires_group` and `requires_scope`: names of which one or all are required.

use crate::config::keys::{all_of_them, any_of_them};
use crate::config::problem::Problem;
use crate::config::reader::{ConfigNode, Errors};
use crate::jose::json::Json;
use crate::policy::{AnyAll, NonEmpty};

/// One name, a list of which one is enough, or `{all: […]}`.
pub(super) fn any_or_all(
    node: &ConfigNode<'_>,
    what: &'static str,
    errors: &mut Errors,
) -> Option<AnyAll<String>> {
    if !matches!(node.value(), Json::Object(_)) {
        return names_of(node, what, errors).map(AnyAll::Any);
    }
    let mut object = node.object(what, errors)?;
    let all = object.take(all_of_them::ALL);
    if all.is_none() && !object.has_unknown() {
        object.refuse(all_of_them::ALL, Problem::MissingNames { what }, errors);
    }
    object.deny_unknown(errors);
    names_of(&all?, what, errors).map(AnyAll::All)
}

/// One scope, `{any: […]}` or `{all: […]}`. A plain list is refused, because software differs on whether one or all of
/// its scopes are required.
pub(super) fn scopes(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<AnyAll<String>> {
    match node.value() {
        Json::Array(items) if items.len() > 1 => {
            node.refuse(Problem::ScopesWithoutAnyOrAll, errors);
            None
        }
        Json::Object(_) => {
            let mut object = node.object("a scope", errors)?;
            let (any, all) = (object.take(any_of_them::ANY), object.take(all_of_them::ALL));
            let chosen = match (any, all) {
                (Some(any), None) => names_of(&any, "a scope", errors).map(AnyAll::Any),
                (None, Some(all)) => names_of(&all, "a scope", errors).map(AnyAll::All),
                (None, None) if object.has_unknown() => None,
                _ => {
                    node.refuse(Problem::NotAnyOrAll, errors);
                    None
                }
            };
            object.deny_unknown(errors);
            chosen.filter(|chosen| are_scopes(chosen, node, errors))
        }
        _ => names_of(node, "a scope", errors)
            .map(AnyAll::Any)
            .filter(|chosen| are_scopes(chosen, node, errors)),
    }
}

/// RFC 6749 section 3.3: a scope consists of visible ASCII characters other than `"` and `\`. Challenges contain it in
/// quotes.
fn are_scopes(scopes: &AnyAll<String>, node: &ConfigNode<'_>, errors: &mut Errors) -> bool {
    let (AnyAll::Any(names) | AnyAll::All(names)) = scopes;
    let valid =
        |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    let all_valid = names.iter().all(valid);
    if !all_valid {
        node.refuse(Problem::InvalidScope, errors);
    }
    all_valid
}

fn names_of(node: &ConfigNode<'_>, what: &'static str, errors: &mut Errors) -> Option<NonEmpty<String>> {
    NonEmpty::new(node.string_list(what, errors)?.into_iter().map(str::to_owned))
}
