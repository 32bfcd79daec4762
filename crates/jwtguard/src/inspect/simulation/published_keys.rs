//! The JWKS of each issuer as text, for a verification that does not use the keys that the core parsed.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::inspect::tree::{Tree, TreeValue};
use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard::jose::json::without_byte_order_mark;
use jwt_guard::jose::jwks::KeySet;

/// The keys of one issuer, each as the JSON text of a JWK.
#[derive(Debug, Clone, Default)]
pub(super) struct PublishedKeys(Vec<String>);

impl PublishedKeys {
    /// Takes the keys from a JWKS. Text that is not a JWKS has none.
    pub(super) fn parse(jwks: &str) -> Self {
        #[derive(Deserialize)]
        struct Jwks<'a> {
            #[serde(borrow)]
            keys: Vec<&'a RawValue>,
        }
        let parsed = serde_json::from_slice::<Jwks<'_>>(without_byte_order_mark(jwks.as_bytes()));
        Self(parsed.map(|jwks| jwks.keys.iter().map(ToString::to_string).collect()).unwrap_or_default())
    }

    /// Takes the keys from `jwks_inline` of the issuer with this index.
    pub(super) fn inline(tree: &Tree, issuer: usize) -> Self {
        let own = match tree.get("issuers") {
            Some(issuers) if matches!(issuers.value, TreeValue::List(_)) => issuers.items().get(issuer),
            Some(one) => Some(one),
            None => Some(tree),
        };
        match own.and_then(|own| own.get("jwks_inline")) {
            Some(inline) => Self::parse(&inline.text().map_or_else(|| inline.to_json(), str::to_owned)),
            None => Self::default(),
        }
    }

    /// The keys that fit the `kid` and the algorithm of a token, whether or not `refused_kids` names them.
    pub(super) fn fitting(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &str> {
        let fits = move |key: &&String| {
            let alone = KeySet::parse(format!("{{\"keys\":[{key}]}}").as_bytes());
            alone.is_ok_and(|parsed| parsed.keys.candidates(kid, algorithm, &[]).is_ok())
        };
        self.0.iter().filter(fits).map(String::as_str)
    }
}
