//! Headers that an upstream may take for a token's place, though the filter does not.

use crate::bearer::Place;
use crate::headers::{folds_alike, grpc_metadata};
use crate::http::HeaderMap;

/// An upstream that reads `x_token` as `x-token` would find a second token there, which nobody verified, and so would
/// one that grpc-gateway hands its metadata. Not those where that token would have been read.
pub(super) fn other_spellings<'r, 'p>(
    headers: &'r HeaderMap,
    places: &'p [Place],
) -> impl Iterator<Item = &'r str> + use<'r, 'p> {
    let is_read =
        |name: &str, prefix: &str| places.iter().filter_map(Place::header).any(|read| read == (name, prefix));
    let is_another = move |name: &str, place: &Place| {
        let Some((known, prefix)) = place.header() else { return false };
        // Neither `authorization` nor `cookie` has another spelling.
        let is_it = matches!(place, Place::Header { .. }) && folds_alike(name, known)
            || grpc_metadata(name).is_some_and(|metadata| folds_alike(metadata, known));
        is_it && !is_read(name, prefix)
    };
    let names = headers.names();
    names.filter(move |name| places.iter().any(|place| is_another(name, place)))
}
