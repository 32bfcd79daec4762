//! Envoy's own `jwt_authn` beside our filter: the one that stands first removes the token, unless it is told not to.

use super::{Remark, Subject};
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::token_source::TokenSource;

/// The type of the filter.
pub const TYPE: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";

/// Whether an entry of `http_filters` is one.
fn is_jwt_authn(filter: &Tree) -> bool {
    match filter.get("typed_config") {
        Some(config) => config.is_type(TYPE),
        None => filter.text_of("name") == Some("envoy.filters.http.jwt_authn"),
    }
}

/// Every `jwt_authn` in the list of filters that our filter stands in.
pub fn neighbours(filters: &[Tree], ours: Option<usize>, config: &Config, remarks: &mut Vec<Remark>) {
    let Some(ours) = ours.filter(|_| config.enabled) else { return };
    for (index, other) in filters.iter().enumerate().filter(|(_, other)| is_jwt_authn(other)) {
        let providers = other.get("typed_config").and_then(|config| config.get("providers"));
        let providers = providers.map(Tree::members).unwrap_or_default();
        if index < ours {
            for (name, provider) in providers {
                if !provider.get("forward").is_some_and(Tree::is_true)
                    && reads(provider, &header_places(config))
                {
                    let problem = format!(
                        "jwt_authn stands before jwt-guard and its provider {name} removes the token: jwt-guard finds \
                         none and answers 401; set forward: true in the provider"
                    );
                    remarks.push(Remark::warning(provider, Subject::Value, problem));
                }
            }
        } else if !config.report_only {
            let removed = removed_places(config);
            let removed_from = providers.iter().filter(|(_, provider)| reads(provider, &removed));
            let names: Vec<&str> = removed_from.map(|(name, _)| name.as_str()).collect();
            // Without providers in sight (they may come by discovery) the usual place counts.
            let is_unknown = providers.is_empty() && removed.contains(&RouteFound::Header("authorization"));
            if !names.is_empty() || is_unknown {
                let of = if names.is_empty() {
                    String::new()
                } else {
                    format!(" (provider {})", names.join(", "))
                };
                let problem = format!(
                    "jwt_authn{of} stands after jwt-guard, which removes the token: jwt_authn finds none; set \
                     forward_token: true in jwt-guard's configuration, or remove jwt_authn"
                );
                remarks.push(Remark::warning(other, Subject::Value, problem));
            }
        }
    }
}

/// A place of a token that both filters have a name for.
#[derive(Debug, PartialEq, Eq)]
enum RouteFound<'a> {
    Header(&'a str),
    Query(&'a str),
    Cookie(&'a str),
}

impl<'a> RouteFound<'a> {
    fn of(place: &'a TokenSource) -> Self {
        match place {
            TokenSource::Authorization => Self::Header("authorization"),
            TokenSource::Header { name, .. } => Self::Header(name),
            TokenSource::Query { name } => Self::Query(name),
            TokenSource::Cookie { name } => Self::Cookie(name),
        }
    }
}

/// The headers that our filter reads tokens from. A `jwt_authn` before it removes nothing else.
fn header_places(config: &Config) -> Vec<RouteFound<'_>> {
    let of_routes = config.routes.rules().filter_map(|route| route.token_from.as_deref()).flatten();
    let places = config.token_from.iter().chain(of_routes).map(RouteFound::of);
    places.filter(|place| matches!(place, RouteFound::Header(_))).collect()
}

/// The places that our filter takes the token out of, on some route at least. A parameter of the query always goes.
fn removed_places(config: &Config) -> Vec<RouteFound<'_>> {
    let of_routes = config.routes.rules().map(|route| {
        let places = route.token_from.as_deref().unwrap_or(&config.token_from);
        (places, route.forward_token.unwrap_or(config.forward_token))
    });
    let all = std::iter::once((config.token_from.as_slice(), config.forward_token)).chain(of_routes);
    let removed = all.flat_map(|(places, forwarded)| {
        places.iter().filter(move |place| !forwarded || matches!(place, TokenSource::Query { .. }))
    });
    removed.map(RouteFound::of).collect()
}

/// Whether a provider looks for tokens in one of the places: in those that it names, else in Authorization and in the
/// parameter `access_token`.
fn reads(provider: &Tree, places: &[RouteFound<'_>]) -> bool {
    let (headers, params, cookies) =
        (provider.list("from_headers"), provider.list("from_params"), provider.list("from_cookies"));
    if headers.is_empty() && params.is_empty() && cookies.is_empty() {
        return places.contains(&RouteFound::Header("authorization"))
            || places.contains(&RouteFound::Query("access_token"));
    }
    let header = |header: &Tree| {
        let name = header.text_of("name").unwrap_or_default().to_ascii_lowercase();
        places.contains(&RouteFound::Header(&name))
    };
    headers.iter().any(header)
        || params.iter().filter_map(Tree::text).any(|name| places.contains(&RouteFound::Query(name)))
        || cookies.iter().filter_map(Tree::text).any(|name| places.contains(&RouteFound::Cookie(name)))
}
