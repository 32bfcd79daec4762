//! Checks Envoy's `jwt_authn` beside jwt-guard: the filter that runs first removes the token, unless it is set to forward it.

use super::{Diagnostic, Subject};
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::token_source::TokenSource;

/// The type of the `jwt_authn` filter.
pub const TYPE: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";

/// Whether an entry of `http_filters` is a `jwt_authn` filter.
fn is_jwt_authn(filter: &Tree) -> bool {
    match filter.get("typed_config") {
        Some(config) => config.is_type(TYPE),
        None => filter.text_of("name") == Some("envoy.filters.http.jwt_authn"),
    }
}

/// Checks every `jwt_authn` in the filter list that contains jwt-guard.
pub fn check(filters: &[Tree], own_index: Option<usize>, config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    let Some(own_index) = own_index.filter(|_| config.enabled) else { return };
    for (index, other) in filters.iter().enumerate().filter(|(_, other)| is_jwt_authn(other)) {
        let providers = other.get("typed_config").and_then(|config| config.get("providers"));
        let providers = providers.map(Tree::members).unwrap_or_default();
        if index < own_index {
            for (name, provider) in providers {
                if !provider.get("forward").is_some_and(Tree::is_true)
                    && reads(provider, &header_places(config))
                {
                    let problem = format!(
                        "jwt_authn runs before jwt-guard, and its provider {name} removes the token: jwt-guard finds no \
                         token and answers 401; set forward: true in the provider"
                    );
                    diagnostics.push(Diagnostic::warning(provider, Subject::Value, problem));
                }
            }
        } else {
            if !config.report_only {
                let removed = removed_places(config);
                let names = providers_that_read(providers, &removed);
                // Providers can be discovered. If the file shows none, `jwt_authn` is assumed to read Authorization.
                let is_unknown =
                    providers.is_empty() && removed.contains(&TokenLocation::Header("authorization"));
                if !names.is_empty() || is_unknown {
                    let problem = format!(
                        "jwt_authn{} runs after jwt-guard, which removes the token: jwt_authn finds no token; set \
                         forward_token: true in jwt-guard's configuration, or remove jwt_authn",
                        shown(&names)
                    );
                    diagnostics.push(Diagnostic::warning(other, Subject::Value, problem));
                }
            }
            let names = providers_that_read(providers, &query_places(config));
            if !names.is_empty() {
                let problem = format!(
                    "jwt_authn{} runs after jwt-guard and reads a token from the query: when jwt-guard enforces, it \
                     removes a query token even with forward_token: true, and jwt_authn answers 401; enforce jwt-guard \
                     and remove jwt_authn in one change",
                    shown(&names)
                );
                diagnostics.push(Diagnostic::warning(other, Subject::Value, problem));
            }
        }
    }
}

fn providers_that_read<'t>(providers: &'t [(String, Tree)], places: &[TokenLocation<'_>]) -> Vec<&'t str> {
    let reading = providers.iter().filter(|(_, provider)| reads(provider, places));
    reading.map(|(name, _)| name.as_str()).collect()
}

fn shown(providers: &[&str]) -> String {
    match providers {
        [] => String::new(),
        names => format!(" (provider {})", names.join(", ")),
    }
}

/// A token source that both filters support.
#[derive(Debug, PartialEq, Eq)]
enum TokenLocation<'a> {
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
fn header_places(config: &Config) -> Vec<TokenLocation<'_>> {
    let of_routes = config.routes.rules().filter_map(|route| route.token_from.as_deref()).flatten();
    let of_second = config.second_tokens.iter().flat_map(|token| &token.token_from);
    let places = config.token_from.iter().chain(of_routes).chain(of_second).map(TokenLocation::of);
    places.filter(|place| matches!(place, TokenLocation::Header(_))).collect()
}

/// The headers and cookies from which jwt-guard removes the token on at least one route.
fn removed_places(config: &Config) -> Vec<TokenLocation<'_>> {
    let removed = places_of_routes(config)
        .filter(|(place, is_forwarded)| !is_forwarded && !matches!(place, TokenSource::Query { .. }));
    removed.map(|(place, _)| TokenLocation::of(place)).collect()
}

/// The query parameters in which jwt-guard looks for tokens. It removes them even with `forward_token`.
fn query_places(config: &Config) -> Vec<TokenLocation<'_>> {
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

/// Whether a provider reads tokens from one of the sources. By default, a provider reads Authorization and the query
/// parameter `access_token`.
fn reads(provider: &Tree, places: &[TokenLocation<'_>]) -> bool {
    let (headers, params, cookies) =
        (provider.list("from_headers"), provider.list("from_params"), provider.list("from_cookies"));
    if headers.is_empty() && params.is_empty() && cookies.is_empty() {
        return places.contains(&TokenLocation::Header("authorization"))
            || places.contains(&TokenLocation::Query("access_token"));
    }
    let header = |header: &Tree| {
        let name = header.text_of("name").unwrap_or_default().to_ascii_lowercase();
        places.contains(&TokenLocation::Header(&name))
    };
    headers.iter().any(header)
        || params.iter().filter_map(Tree::text).any(|name| places.contains(&TokenLocation::Query(name)))
        || cookies.iter().filter_map(Tree::text).any(|name| places.contains(&TokenLocation::Cookie(name)))
}
