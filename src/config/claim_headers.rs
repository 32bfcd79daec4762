//! `claim_headers`: the headers that the filter sets from claims.

use super::claim_sources::pointer;
use super::problem::Problem;
use super::reader::{ConfigNode, Errors};
use crate::headers::{ClaimHeaders, HeaderSource};

pub(super) fn claim_headers(node: Option<ConfigNode<'_>>, errors: &mut Errors) -> Option<ClaimHeaders> {
    let Some(node) = node else { return Some(ClaimHeaders::default()) };
    let before = errors.len();
    let entries = node.entries("an object of header names and claims", errors)?;
    let entries =
        entries.into_iter().filter_map(|(name, node)| Some((name.to_owned(), header_source(&node, errors)?)));
    let entries: Vec<_> = entries.collect();
    if errors.len() > before {
        return None;
    }
    ClaimHeaders::new(entries).map_err(|error| node.refuse(Problem::ClaimHeaders(error), errors)).ok()
}

fn header_source(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<HeaderSource> {
    match node.value().as_str() {
        Some("$roles") => return Some(HeaderSource::Roles),
        Some("$groups") => return Some(HeaderSource::Groups),
        Some("$scopes") => return Some(HeaderSource::Scopes),
        Some("$payload") => return Some(HeaderSource::Payload),
        Some("$none") => return Some(HeaderSource::Nothing),
        _ => {}
    }
    let what = "a claim, a JSON Pointer, a list of them, $roles, $groups, $scopes, $payload or $none";
    let string_list = node.string_list(what, errors)?;
    if let Some(unknown) = string_list.iter().find(|text| text.starts_with('$')) {
        node.refuse(Problem::Expected { what, got: format!("\"{unknown}\"") }, errors);
        return None;
    }
    let pointers = node.one_or_many();
    pointers.iter().map(|item| pointer(item, errors)).collect::<Option<Vec<_>>>().map(HeaderSource::Pointers)
}
