//! What one issuer's tokens must be, in the names of the configuration (RFC 8725 section 3).

use std::time::Duration;

use super::algorithm::Algorithm;
use super::json::Json;
use super::pointer::Pointer;
use crate::issuer_index::IssuerIndex;

/// What one issuer's tokens must be. The names are those of the configuration.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// Whose rules they are.
    pub issuer: IssuerIndex,
    /// The exact `iss`.
    pub iss: String,
    /// `alg` must be one of them.
    pub accepted_algorithms: Vec<Algorithm>,
    /// Keys that must not be used any more, and tokens that name them.
    pub refused_kids: Vec<String>,
    /// What `typ` may be.
    pub accepted_types: AcceptedTypes,
    /// One of them must be among the token's audiences; with none here no token passes.
    pub audiences: Vec<String>,
    /// Where the token's audiences stand; all that exist are merged.
    pub audience_from: Vec<Pointer>,
    /// How far the issuer's clock may be off.
    pub clock_skew: Duration,
    /// Whether a token must have an `exp`.
    pub require_expiration: bool,
    /// The longest from `iat` to `exp`; when set, both are required.
    pub max_lifetime: Option<Duration>,
    /// Claims that say the token is something other than an access token.
    pub refused_claims: Vec<RefusedClaim>,
}

impl TokenRules {
    /// The defaults for an issuer and its audiences: RS256, 60 s of skew, `exp` required, `aud`, the types
    /// and refused claims of an access token.
    pub fn new(issuer: IssuerIndex, iss: String, audiences: Vec<String>) -> Self {
        Self {
            issuer,
            iss,
            accepted_algorithms: vec![Algorithm::Rs256],
            refused_kids: Vec::new(),
            accepted_types: AcceptedTypes::default(),
            audiences,
            audience_from: Pointer::parse("aud").into_iter().collect(),
            clock_skew: Duration::from_secs(60),
            require_expiration: true,
            max_lifetime: None,
            refused_claims: RefusedClaim::defaults(),
        }
    }
}

/// The values of `typ` that are accepted, and whether it may be absent (RFC 8725 section 3.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTypes {
    absent: bool,
    /// As [`media_type`] folds them.
    media_types: Vec<String>,
}

impl AcceptedTypes {
    /// From the configuration's words: `absent` means a token without `typ`, anything else is a type.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let (absent, types): (Vec<_>, Vec<_>) = words.into_iter().partition(|word| *word == "absent");
        Self { absent: !absent.is_empty(), media_types: types.into_iter().map(media_type).collect() }
    }

    /// Whether a token of that `typ` is accepted. A `typ` that reads `absent` is not an absent one.
    pub fn contains(&self, typ: Option<&str>) -> bool {
        match typ {
            None => self.absent,
            Some(typ) => self.media_types.contains(&media_type(typ)),
        }
    }
}

/// The default: `absent`, `JWT`, `at+jwt`.
impl Default for AcceptedTypes {
    fn default() -> Self {
        Self::new(["absent", "JWT", "at+jwt"])
    }
}

/// RFC 7515 section 4.1.9: media types are case-insensitive, and `application/` may be left out where no other
/// slash follows.
fn media_type(typ: &str) -> String {
    let folded = typ.to_ascii_lowercase();
    match folded.strip_prefix("application/") {
        Some(subtype) if !subtype.contains('/') => subtype.to_owned(),
        _ => folded,
    }
}

/// A claim that must not have one of some values.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedClaim {
    /// Where the claim stands.
    pub pointer: Pointer,
    /// The values; of an array claim each member is compared.
    pub values: Vec<Json>,
}

impl RefusedClaim {
    /// The default: what common issuers write into refresh, ID, offline and logout tokens.
    pub fn defaults() -> Vec<Self> {
        let table: [(&str, &[&str]); 3] = [
            ("type", &["refresh"]),
            ("typ", &["Refresh", "ID", "Offline", "Logout"]),
            ("token_use", &["id"]),
        ];
        let rule = |(name, values): (&str, &[&str])| {
            let values = values.iter().map(|value| Json::String((*value).to_owned())).collect();
            Pointer::parse(name).ok().map(|pointer| Self { pointer, values })
        };
        table.into_iter().filter_map(rule).collect()
    }

    pub(super) fn matches(&self, claims: &Json) -> bool {
        match self.pointer.find(claims) {
            None => false,
            Some(Json::Array(items)) => items.iter().any(|item| self.values.contains(item)),
            Some(value) => self.values.contains(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_fold() {
        let rows: &[(&str, &str)] = &[
            ("JWT", "jwt"),
            ("application/at+JWT", "at+jwt"),
            ("APPLICATION/jwt", "jwt"),
            ("application/a/b", "application/a/b"),
            ("text/jwt", "text/jwt"),
        ];
        for (typ, folded) in rows {
            assert_eq!(media_type(typ), *folded, "{typ}");
        }
    }
}
