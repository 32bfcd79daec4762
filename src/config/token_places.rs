//! The token sources of the whole configuration: which of them meet each other, claim headers, or compared headers.

use std::rc::Rc;

use super::bound_tokens::BoundTokens;
use super::comparison_error::ComparisonError;
use super::error::ConfigError;
use super::issuer::Issuer;
use super::issuer_error::IssuerError;
use super::keys::{self, configuration as key};
use super::path::Path;
use super::problem::Problem;
use super::routes::Route;
use super::second_token_error::SecondTokenError;
use super::second_tokens::SecondToken;
use crate::headers::{ClaimHeaders, CredentialHeaders, grpc_metadata, header_names_match};
use crate::route::Table;
use crate::token_source::TokenSource;

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
        let list = Path::root().key(key::ISSUERS.as_str()).index(issuer.rules.issuer.0);
        let list = list.key(keys::listed_issuer::TOKEN_FROM.as_str());
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

/// The headers that carry tokens, or what confirms them.
pub(super) fn token_headers(
    token_from: &[TokenSource],
    second_tokens: &[SecondToken],
    routes: Option<&Table<Rc<Route>>>,
    bound_tokens: &BoundTokens,
) -> CredentialHeaders {
    let of_routes =
        routes.iter().flat_map(|routes| routes.rules()).filter_map(|route| route.token_from.as_ref());
    let of_second = second_tokens.iter().flat_map(|token| &token.token_from);
    let token_sources = token_from.iter().chain(of_routes.flatten()).chain(of_second);
    let names = token_sources.filter_map(TokenSource::header).map(|(name, _)| name);
    let of_bound_tokens = bound_tokens.headers().map(|name| -> &str { name });
    names.chain(of_bound_tokens).collect()
}

/// Refuses the token sources of second tokens that the first token or another second token also has. A token would
/// otherwise be judged as two identities, or removed together with another token.
pub(super) fn shared_places(
    second_tokens: &[SecondToken],
    token_from: &[TokenSource],
    routes: &Table<Rc<Route>>,
) -> Vec<ConfigError> {
    let of_routes = routes.rules().filter_map(|route| route.token_from.as_ref());
    let of_first: Vec<&TokenSource> = token_from.iter().chain(of_routes.flatten()).collect();
    let mut errors = Vec::new();
    for (index, token) in second_tokens.iter().enumerate() {
        let of_first = of_first.iter().map(|source| ("the first token", *source));
        let earlier = second_tokens.iter().take(index);
        let of_earlier =
            earlier.flat_map(|token| token.token_from.iter().map(|own| (token.name.as_str(), own)));
        let mut others = of_first.chain(of_earlier);
        let shared = others.find_map(|(other, source)| {
            token.token_from.iter().find(|own| may_be_same(own, source)).map(|own| (own, other))
        });
        if let Some((place, other)) = shared {
            let error = SecondTokenError::SharedPlace { place: written(place), other: other.to_owned() };
            errors.push(ConfigError { path: token.path().to_owned(), problem: Problem::SecondToken(error) });
        }
    }
    errors
}

fn written(source: &TokenSource) -> String {
    match source {
        TokenSource::Authorization | TokenSource::Dpop => "{header: authorization}".to_owned(),
        TokenSource::Header { name, .. } => format!("{{header: {name}}}"),
        TokenSource::Query { name } => format!("{{query: {name}}}"),
        TokenSource::Cookie { name } => format!("{{cookie: {name}}}"),
    }
}

/// Whether an upstream may take one source for the other.
fn may_be_same(one: &TokenSource, other: &TokenSource) -> bool {
    use TokenSource::{Cookie, Query};
    match (one, other) {
        (Cookie { .. }, Cookie { .. }) | (Query { .. }, Query { .. }) => one.may_be_parameter(other),
        (Query { .. }, _) | (_, Query { .. }) => false,
        _ => one.header().zip(other.header()).is_some_and(|((one, _), (other, _))| {
            let is_metadata = |name, of| grpc_metadata(name).is_some_and(|name| header_names_match(name, of));
            header_names_match(one, other) || is_metadata(one, other) || is_metadata(other, one)
        }),
    }
}
