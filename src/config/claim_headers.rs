//! `claim_headers`: the headers that the filter sets from claims.

use super::claim_sources::pointer;
use super::keys::header_value as key;
use super::problem::Problem;
use super::reader::{ConfigNode, Errors, preview};
use super::second_token_error::SecondTokenError;
use crate::headers::{ClaimHeaders, HeaderSource, header_names_match};
use crate::issuer_index::IssuerIndex;
use crate::jose::json::Json;

/// The longest fixed value of a claim header, in bytes.
const MAX_VALUE: usize = 256;

/// Headers of bound tokens (RFC 9449, and Envoy's header for client certificates).
const HEADERS_OF_BINDING: [&str; 2] = ["dpop", "x-forwarded-client-cert"];

/// The global map.
pub(super) fn claim_headers(node: Option<ConfigNode<'_>>, errors: &mut Errors) -> Option<ClaimHeaders> {
    let Some(node) = node else { return Some(ClaimHeaders::default()) };
    let entries = entries(&node, errors)?;
    ClaimHeaders::new(entries).map_err(|error| node.refuse(Problem::ClaimHeaders(error), errors)).ok()
}

/// The map of one issuer.
pub(super) fn of_issuer(
    node: Option<ConfigNode<'_>>,
    issuer: IssuerIndex,
    headers: &mut ClaimHeaders,
    errors: &mut Errors,
) {
    let Some(node) = node else { return };
    let Some(entries) = entries(&node, errors) else { return };
    if let Err(error) = headers.add_issuer(issuer, entries) {
        node.refuse(Problem::ClaimHeaders(error), errors);
    }
}

/// The map of the next second token. If it is absent, the filter sets no header from the token.
pub(super) fn of_second_token(node: Option<ConfigNode<'_>>, headers: &mut ClaimHeaders, errors: &mut Errors) {
    let entries = match &node {
        Some(node) => entries(node, errors).unwrap_or_default(),
        None => Vec::new(),
    };
    if let (Some(name), Some(node)) = (entries.iter().find_map(|(name, _)| header_of_binding(name)), &node) {
        node.refuse(
            Problem::SecondToken(SecondTokenError::HeaderOfBinding { name: name.to_owned() }),
            errors,
        );
    }
    if let (Err(error), Some(node)) = (headers.add_second_token(entries), &node) {
        node.refuse(Problem::ClaimHeaders(error), errors);
    }
}

fn entries(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Vec<(String, HeaderSource)>> {
    let before = errors.len();
    let entries = node.entries("an object of header names and claims", errors)?;
    let entries =
        entries.into_iter().filter_map(|(name, node)| Some((name.to_owned(), header_source(&node, errors)?)));
    let entries: Vec<_> = entries.collect();
    (errors.len() == before).then_some(entries)
}

fn header_source(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<HeaderSource> {
    match node.value() {
        Json::Object(_) => return fixed_value(node, errors),
        Json::String(text) => match text.as_str() {
            "$roles" => return Some(HeaderSource::Roles),
            "$groups" => return Some(HeaderSource::Groups),
            "$scopes" => return Some(HeaderSource::Scopes),
            "$payload" => return Some(HeaderSource::Payload),
            "$none" => return Some(HeaderSource::Nothing),
            _ => {}
        },
        _ => {}
    }
    let what =
        "a claim, a JSON Pointer, a list of them, $roles, $groups, $scopes, $payload, $none or {value: TEXT}";
    let string_list = node.string_list(what, errors)?;
    if let Some(unknown) = string_list.iter().find(|text| text.starts_with('$')) {
        node.refuse(Problem::Expected { what, got: format!("\"{unknown}\"") }, errors);
        return None;
    }
    let pointers = node.one_or_many();
    pointers.iter().map(|item| pointer(item, errors)).collect::<Option<Vec<_>>>().map(HeaderSource::Pointers)
}

/// `{value: TEXT}`
fn fixed_value(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<HeaderSource> {
    let mut object = node.object("a fixed value, such as {value: partner}", errors)?;
    let what = "a text of 1 to 256 visible ASCII characters without a space";
    let value = match object.take(key::VALUE) {
        Some(node) => match node.value().as_str().filter(|text| is_header_value(text)) {
            Some(text) => Some(HeaderSource::Value(text.to_owned())),
            None => {
                node.refuse(Problem::Expected { what, got: preview(node.value()) }, errors);
                None
            }
        },
        None if object.has_unknown() => None,
        None => {
            object.refuse(key::VALUE, Problem::Required { what }, errors);
            None
        }
    };
    object.deny_unknown(errors);
    value
}

fn is_header_value(text: &str) -> bool {
    (1..=MAX_VALUE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The name of the header of bound tokens that an upstream may take this one for.
pub(super) fn header_of_binding(name: &str) -> Option<&'static str> {
    HEADERS_OF_BINDING.into_iter().find(|binding| header_names_match(name, binding))
}
