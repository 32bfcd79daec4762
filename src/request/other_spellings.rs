//! Headers that an upstream may take for a token's place, though the filter does not.

use crate::headers::{grpc_metadata, header_names_match};
use crate::http::HeaderMap;
use crate::token_source::TokenSource;

/// An upstream that reads `x_token` as `x-token` would find a second token there, which nobody verified, and so would
/// one that grpc-gateway hands its metadata. Not those where that token would have been read.
pub(super) fn other_spellings<'r, 'p>(
    headers: &'r HeaderMap,
    token_sources: &'p [TokenSource],
) -> impl Iterator<Item = &'r str> + use<'r, 'p> {
    let is_read = |name: &str, prefix: &str| {
        token_sources.iter().filter_map(TokenSource::header).any(|read| read == (name, prefix))
    };
    let is_another = move |name: &str, source: &TokenSource| {
        let Some((cached, prefix)) = source.header() else { return false };
        // Neither `authorization` nor `cookie` has another spelling.
        let is_it = matches!(source, TokenSource::Header { .. }) && header_names_match(name, cached)
            || grpc_metadata(name).is_some_and(|metadata| header_names_match(metadata, cached));
        is_it && !is_read(name, prefix)
    };
    let names = headers.names();
    names.filter(move |name| token_sources.iter().any(|source| is_another(name, source)))
}
