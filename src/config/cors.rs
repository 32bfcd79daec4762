//! `cors_allow_origins`: the origins whose scripts may read denials.

use super::keys::configuration::CORS_ALLOW_ORIGINS;
use super::problem::Problem;
use super::reader::{ConfigObject, Errors};
use crate::cors::AllowedOrigins;

/// Reads the key. A list with a mistake counts as absent.
pub(super) fn allowed_origins(object: &mut ConfigObject<'_>, errors: &mut Errors) -> AllowedOrigins {
    let Some(node) = object.take(CORS_ALLOW_ORIGINS) else { return AllowedOrigins::None };
    let Some(texts) = node.string_list("an origin, such as https://app.example.com", errors) else {
        return AllowedOrigins::None;
    };
    AllowedOrigins::parse(&texts).unwrap_or_else(|mistakes| {
        let items = node.one_or_many();
        for (index, mistake) in mistakes {
            items.get(index).unwrap_or(&node).refuse(Problem::Origin(mistake), errors);
        }
        AllowedOrigins::None
    })
}
