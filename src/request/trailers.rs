//! Which trailers may not carry a token.

use crate::config::Config;
use crate::headers::CredentialHeaders;
use crate::token_source::TokenSource;

/// The headers that no trailer may be: `authorization`, `cookie`, and every place of the configuration, whichever
/// route has it, since trailers come when the route is no longer at hand. None where the filter only reports or is
/// disabled: it promises to remove claim headers and nothing else.
///
/// To be made once: it looks at every route.
pub fn credential_headers(config: &Config) -> CredentialHeaders {
    if config.report_only || !config.enabled {
        return CredentialHeaders::default();
    }
    let routes = config.routes.rules().filter_map(|route| route.token_from.as_ref());
    let token_sources = config.token_from.iter().chain(routes.flatten());
    let names = token_sources.filter_map(TokenSource::header).map(|(name, _)| name);
    names.chain(["authorization", "cookie"]).collect()
}
