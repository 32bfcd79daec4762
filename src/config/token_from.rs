//! `token_from`: the token sources of a request.

use super::keys::token_source as key;
use super::problem::Problem;
use super::reader::{ConfigNode, Errors};
use super::token_source_error::TokenSourceError;
use crate::http::is_token;
use crate::jose::json::Json;
use crate::token_source::TokenSource;

/// Reads a list of token sources. With `dpop`, `Authorization: Bearer` stands for `Authorization: DPoP` as well.
pub(super) fn token_sources(
    node: &ConfigNode<'_>,
    reads_dpop: bool,
    errors: &mut Errors,
) -> Option<Vec<TokenSource>> {
    let items = node.one_or_many();
    if items.is_empty() {
        node.refuse(Problem::NoItems { what: "token source, such as {header: authorization}" }, errors);
    }
    let mut token_sources = Vec::with_capacity(items.len());
    for item in &items {
        let Some(token_source) = token_source(item, errors) else { continue };
        if token_sources.contains(&token_source) {
            item.refuse(Problem::TokenSource(TokenSourceError::RepeatedPlace), errors);
        }
        token_sources.push(token_source);
    }
    let is_complete = !token_sources.is_empty() && token_sources.len() == items.len();
    is_complete.then(|| with_dpop(token_sources, reads_dpop))
}

/// Adds the scheme DPoP to a list that reads `Authorization: Bearer`.
pub(super) fn with_dpop(mut token_sources: Vec<TokenSource>, reads_dpop: bool) -> Vec<TokenSource> {
    if reads_dpop && token_sources.contains(&TokenSource::Authorization) {
        token_sources.push(TokenSource::Dpop);
    }
    token_sources
}

fn token_source(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<TokenSource> {
    let mut object = node.object("a token source, such as {header: authorization}", errors)?;
    let mut name = |key, errors: &mut Errors| {
        let node = object.take(key)?;
        let name = node.text("a name", errors)?;
        if !is_token(name.as_bytes()) {
            node.refuse(Problem::TokenSource(TokenSourceError::InvalidName), errors);
            return None;
        }
        Some(name.to_owned())
    };
    let header = name(key::HEADER, errors).map(|name| name.to_ascii_lowercase());
    let (query, cookie) = (name(key::QUERY, errors), name(key::COOKIE, errors));
    let is_named = [key::HEADER, key::QUERY, key::COOKIE].iter().filter(|key| object.has(**key)).count() == 1;
    let prefix = object.take(key::PREFIX).map(|node| match node.value() {
        Json::String(prefix) if prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => prefix.clone(),
        _ => {
            node.refuse(Problem::TokenSource(TokenSourceError::InvalidPrefix), errors);
            String::new()
        }
    });
    if prefix.is_some() && header.is_none() {
        object.refuse(key::PREFIX, Problem::TokenSource(TokenSourceError::PrefixWithoutHeader), errors);
    }
    let has_slip = object.has_unknown();
    object.deny_unknown(errors);
    match (header, query, cookie) {
        (Some(name), None, None) if name == "authorization" && prefix.is_none() => {
            Some(TokenSource::Authorization)
        }
        (Some(name), None, None) => Some(TokenSource::Header { name, prefix: prefix.unwrap_or_default() }),
        (None, Some(name), None) => Some(TokenSource::Query { name }),
        (None, None, Some(name)) => Some(TokenSource::Cookie { name }),
        (None, None, None) if has_slip || is_named => None,
        _ => {
            node.refuse(Problem::TokenSource(TokenSourceError::NotOnePlace), errors);
            None
        }
    }
}
