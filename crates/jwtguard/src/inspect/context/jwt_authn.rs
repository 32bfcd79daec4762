//! Checks Envoy's `jwt_authn` beside jwt-guard: the filter that runs first removes the token, unless it is set to forward it.

use super::token_places::{TokenLocation, header_places, query_places, removed_places};
use super::{Diagnostic, Subject};
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;

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
