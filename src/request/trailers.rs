//! The trailers that are removed because they may carry a token.

use crate::config::Config;
use crate::dpop;
use crate::headers::CredentialHeaders;
use crate::token_source::TokenSource;

/// The names that are removed from trailers: `authorization`, `cookie`, the header of every token source in the
/// configuration, also of second tokens, and every header that a requirement compares with a claim. All routes count, because the route is no
/// longer known when trailers arrive. The set is empty if the filter is disabled or only reports: in these modes the
/// filter promises to remove claim headers and nothing else.
///
/// Call this once and keep the result, because it visits every route.
pub fn credential_headers(config: &Config) -> CredentialHeaders {
    if config.report_only || !config.enabled {
        return CredentialHeaders::default();
    }
    let routes = config.routes.rules().filter_map(|route| route.token_from.as_ref());
    let second = config.second_tokens.iter().flat_map(|token| &token.token_from);
    let token_sources = config.token_from.iter().chain(routes.flatten()).chain(second);
    let names = token_sources.filter_map(TokenSource::header).map(|(name, _)| name);
    let proof = config.dpop.as_ref().map(|_| dpop::HEADER);
    names.chain(["authorization", "cookie"]).chain(proof).chain(config.compared_headers.names()).collect()
}
