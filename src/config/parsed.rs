//! Texts that other modules of the core parse, with error messages of their own.

use super::problem::Problem;
use super::reader::{ConfigNode, Errors};

/// Parses a text with `parse` and reports its error as `problem`.
pub(super) fn parsed<T, E>(
    node: &ConfigNode<'_>,
    what: &'static str,
    errors: &mut Errors,
    parse: fn(&str) -> Result<T, E>,
    problem: fn(E) -> Problem,
) -> Option<T> {
    parse(node.text(what, errors)?).map_err(|error| node.refuse(problem(error), errors)).ok()
}

/// Parses one text or a list of them. An absent key gives an empty list; an empty list is refused.
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
