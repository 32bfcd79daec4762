//! Texts that other modules of the core read, with their own words for what is wrong.

use super::problem::Problem;
use super::reader::{ConfigNode, Errors};

/// A text that a type of the core reads, with its own words for what is wrong.
pub(super) fn parsed<T, E>(
    node: &ConfigNode<'_>,
    what: &'static str,
    errors: &mut Errors,
    parse: fn(&str) -> Result<T, E>,
    problem: fn(E) -> Problem,
) -> Option<T> {
    parse(node.text(what, errors)?).map_err(|error| node.refuse(problem(error), errors)).ok()
}

/// One text or a list of them; an absent key is an empty list, an empty list is refused.
pub(super) fn parsed_list<T, E>(
    node: Option<ConfigNode<'_>>,
    what: &'static str,
    errors: &mut Errors,
    parse: fn(&str) -> Result<T, E>,
    problem: fn(E) -> Problem,
) -> Option<Vec<T>> {
    let Some(node) = node else { return Some(Vec::new()) };
    node.string_list(what, errors)?;
    node.one_or_many().iter().map(|item| parsed(item, what, errors, parse, problem)).collect()
}
