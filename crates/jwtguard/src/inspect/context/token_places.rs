//! The places in which jwt-guard looks for tokens, and those from which it removes them.

use jwt_guard::config::Config;
use jwt_guard::token_source::TokenSource;

/// A place of a token, as other filters see it.
#[derive(Debug, PartialEq, Eq)]
pub enum TokenLocation<'a> {
    Header(&'a str),
    Query(&'a str),
    Cookie(&'a str),
}

impl<'a> TokenLocation<'a> {
    fn of(place: &'a TokenSource) -> Self {
        match place {
            TokenSource::Authorization | TokenSource::Dpop => Self::Header("authorization"),
            TokenSource::Header { name, .. } => Self::Header(name),
            TokenSource::Query { name } => Self::Query(name),
            TokenSource::Cookie { name } => Self::Cookie(name),
        }
    }
}

/// The headers in which jwt-guard looks for tokens. A `jwt_authn` before it removes tokens only from headers.
pub fn header_places(config: &Config) -> Vec<TokenLocation<'_>> {
    let of_routes = config.routes.rules().filter_map(|route| route.token_from.as_deref()).flatten();
    let of_second = config.second_tokens.iter().flat_map(|token| &token.token_from);
    let places = config.token_from.iter().chain(of_routes).chain(of_second).map(TokenLocation::of);
    places.filter(|place| matches!(place, TokenLocation::Header(_))).collect()
}

/// The headers and cookies from which jwt-guard removes the token on at least one route.
pub fn removed_places(config: &Config) -> Vec<TokenLocation<'_>> {
    let removed = places_of_routes(config)
        .filter(|(place, is_forwarded)| !is_forwarded && !matches!(place, TokenSource::Query { .. }));
    removed.map(|(place, _)| TokenLocation::of(place)).collect()
}

/// The query parameters in which jwt-guard looks for tokens. It removes them even with `forward_token`.
pub fn query_places(config: &Config) -> Vec<TokenLocation<'_>> {
    let query = places_of_routes(config).filter(|(place, _)| matches!(place, TokenSource::Query { .. }));
    query.map(|(place, _)| TokenLocation::of(place)).collect()
}

/// Each token source, global or of a route, and whether the token stays there for the upstream.
fn places_of_routes(config: &Config) -> impl Iterator<Item = (&TokenSource, bool)> {
    let of_routes = config.routes.rules().map(|route| {
        let places = route.token_from.as_deref().unwrap_or(&config.token_from);
        (places, route.forward_token.unwrap_or(config.forward_token))
    });
    let all = std::iter::once((config.token_from.as_slice(), config.forward_token)).chain(of_routes);
    // A second token is removed where no requirement asks for it, also with forward_token.
    let of_second = config.second_tokens.iter().map(|token| (token.token_from.as_slice(), false));
    all.chain(of_second)
        .flat_map(|(places, is_forwarded)| places.iter().map(move |place| (place, is_forwarded)))
}

/// Every place in which jwt-guard looks for tokens.
pub fn all_places(config: &Config) -> Vec<TokenLocation<'_>> {
    places_of_routes(config).map(|(place, _)| TokenLocation::of(place)).collect()
}
