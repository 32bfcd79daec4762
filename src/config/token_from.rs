//! `token_from`: the token sources of a request.

use std::rc::Rc;

use super::comparison_error::ComparisonError;
use super::error::ConfigError;
use super::issuer::Issuer;
use super::issuer_error::IssuerError;
use super::keys::{configuration, listed_issuer, token_source as key};
use super::path::Path;
use super::problem::Problem;
use super::reader::{ConfigNode, Errors};
use super::routes::Route;
use crate::headers::{ClaimHeaders, CredentialHeaders};
use crate::http::is_token;
use crate::jose::json::Json;
use crate::route::Table;
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
            item.refuse(Problem::RepeatedPlace, errors);
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
            node.refuse(Problem::InvalidName, errors);
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
            node.refuse(Problem::InvalidPrefix, errors);
            String::new()
        }
    });
    if prefix.is_some() && header.is_none() {
        object.refuse(key::PREFIX, Problem::PrefixWithoutHeader, errors);
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
            node.refuse(Problem::NotOnePlace, errors);
            None
        }
    }
}

/// Refuses the token sources of issuers that neither the global list nor the list of a route contains.
pub(super) fn sources_of_issuers(
    issuers: &[Issuer],
    token_from: &[TokenSource],
    routes: &Table<Rc<Route>>,
) -> Vec<ConfigError> {
    let is_read = |source: &TokenSource| {
        let of_routes = routes.rules().filter_map(|route| route.token_from.as_ref());
        token_from.contains(source) || of_routes.into_iter().any(|own| own.contains(source))
    };
    let mut errors = Vec::new();
    for issuer in issuers {
        let list = Path::root().key(configuration::ISSUERS.as_str()).index(issuer.rules.issuer.0);
        let list = list.key(listed_issuer::TOKEN_FROM.as_str());
        let sources = issuer.token_from.iter().flatten().enumerate();
        for (index, _) in sources.filter(|(_, source)| !is_read(source)) {
            let path = list.index(index).to_owned();
            errors.push(ConfigError { path, problem: Problem::Issuer(IssuerError::SourceIsNotRead) });
        }
    }
    errors
}

/// Refuses a token source that is also a claim header. The filter would remove the header before it reads the token, or
/// remove the claim together with the token.
pub(super) fn claim_header_among(token_sources: &[TokenSource], headers: &ClaimHeaders) -> Option<Problem> {
    token_sources.iter().find_map(|token_source| match token_source {
        TokenSource::Header { name, .. } if headers.is_removed(name) => {
            Some(Problem::TokenInClaimHeader { header: name.clone() })
        }
        _ => None,
    })
}

/// Refuses a token source that is also a header which a claim is compared with.
pub(super) fn compared_header_among(
    token_sources: &[TokenSource],
    compared: &CredentialHeaders,
) -> Option<Problem> {
    let names = token_sources.iter().filter_map(TokenSource::header).map(|(name, _)| name);
    let name = names.into_iter().find(|name| compared.may_be(name))?;
    let error = ComparisonError::HeaderOfFilter { name: name.to_owned() };
    Some(Problem::Comparison(error))
}
