//! Headers that an upstream may take for a token source although the filter does not read them.

use crate::headers::{grpc_metadata, header_names_match};
use crate::http::HeaderMap;
use crate::token_source::TokenSource;

/// The headers whose name an upstream may take for a source's name: an upstream that reads `x_token` as
/// `x-token`, or one that gets its metadata from grpc-gateway, would find a second, unverified token there.
/// Headers that are themselves token sources are not included.
pub(super) fn other_spellings<'r, 'p>(
    headers: &'r HeaderMap,
    token_sources: &'p [TokenSource],
) -> impl Iterator<Item = &'r str> + use<'r, 'p> {
    let is_read = |name: &str, prefix: &str| {
        token_sources.iter().filter_map(TokenSource::header).any(|read| read == (name, prefix))
    };
    let is_another = move |name: &str, source: &TokenSource| {
        let Some((header_name, prefix)) = source.header() else { return false };
        // `authorization` and `cookie` have no other spelling.
        let is_it = matches!(source, TokenSource::Header { .. }) && header_names_match(name, header_name)
            || grpc_metadata(name).is_some_and(|metadata| header_names_match(metadata, header_name));
        is_it && !is_read(name, prefix)
    };
    let names = headers.names();
    names.filter(move |name| token_sources.iter().any(|source| is_another(name, source)))
}
