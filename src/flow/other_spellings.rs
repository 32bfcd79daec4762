//! Headers that an upstream may take for a token source although the filter does not read them.

use crate::bearer::Place;
use crate::headers::{folds_alike, grpc_metadata};
use crate::http::HeaderMap;

/// The headers whose name an upstream may take for a source's name: an upstream that reads `x_token` as
/// `x-token`, or one that gets its metadata from grpc-gateway, would find a second, unverified token there.
/// Headers that are themselves token sources are not included.
pub(super) fn other_spellings<'r, 'p>(
    headers: &'r HeaderMap,
    places: &'p [Place],
) -> impl Iterator<Item = &'r str> + use<'r, 'p> {
    let is_read =
        |name: &str, prefix: &str| places.iter().filter_map(Place::header).any(|read| read == (name, prefix));
    let is_another = move |name: &str, place: &Place| {
        let Some((known, prefix)) = place.header() else { return false };
        // `authorization` and `cookie` have no other spelling.
        let is_it = matches!(place, Place::Header { .. }) && folds_alike(name, known)
            || grpc_metadata(name).is_some_and(|metadata| folds_alike(metadata, known));
        is_it && !is_read(name, prefix)
    };
    let names = headers.names();
    names.filter(move |name| places.iter().any(|place| is_another(name, place)))
}
