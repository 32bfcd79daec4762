//! `requires_issuer` and `requires_audience`.

use super::defined_names::DefinedNames;
use crate::config::keys::requirement as key;
use crate::config::problem::Problem;
use crate::config::reader::{ConfigObject, Errors};
use crate::issuer_index::IssuerIndex;
use crate::policy::{IssuerOrAudience, NonEmpty};

pub(super) fn issuer_and_audience(
    object: &mut ConfigObject<'_>,
    names: &DefinedNames,
    errors: &mut Errors,
) -> Vec<IssuerOrAudience> {
    let issuer = object.take(key::REQUIRES_ISSUER).and_then(|node| {
        let string_list = node.string_list("the name of an issuer", errors)?;
        let mut known = |text: &&str| {
            let index = names.issuers.iter().position(|name| name == text);
            if index.is_none() && !names.lacks_issuers {
                node.refuse(
                    Problem::UnknownIssuer { name: (*text).to_owned(), configured: names.issuers.clone() },
                    errors,
                );
            }
            index.map(IssuerIndex)
        };
        NonEmpty::new(string_list.iter().map(&mut known).collect::<Option<Vec<_>>>()?)
            .map(IssuerOrAudience::Issuer)
    });
    let audience = object.take(key::REQUIRES_AUDIENCE).and_then(|node| {
        let string_list = node.string_list("an audience", errors)?;
        let is_unknown =
            |text: &&&str| !names.lacks_issuers && !names.audiences.iter().any(|audience| audience == **text);
        for text in string_list.iter().filter(is_unknown) {
            node.refuse(
                Problem::UnknownAudience {
                    audience: (*text).to_owned(),
                    configured: names.audiences.clone(),
                },
                errors,
            );
        }
        NonEmpty::new(string_list.into_iter().map(str::to_owned)).map(IssuerOrAudience::Audience)
    });
    issuer.into_iter().chain(audience).collect()
}
