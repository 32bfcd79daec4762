//! The rules for the tokens of one issuer (RFC 8725 section 3).

use std::time::Duration;

use super::algorithm::Algorithm;
use super::json::Json;
use super::pointer::Pointer;
use super::tenants::TenantIssuer;
use crate::issuer_index::IssuerIndex;

/// The rules for the tokens of one issuer. Each field corresponds to a configuration key of the issuer.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// The issuer.
    pub issuer: IssuerIndex,
    /// The exact `iss` of its tokens; with `tenants`, the form of their `iss`.
    pub iss: String,
    /// The tenants of the issuer, if the `iss` of its tokens contains a tenant.
    pub tenants: Option<TenantIssuer>,
    /// The algorithms that `alg` may name.
    pub accepted_algorithms: Vec<Algorithm>,
    /// The `kid`s of keys that are no longer trusted. Tokens that name them are refused.
    pub refused_kids: Vec<String>,
    /// The accepted values of `typ`.
    pub accepted_types: AcceptedTypes,
    /// The accepted audiences. A token must have one of them; if the list is empty, no token passes.
    pub audiences: Vec<String>,
    /// The claims that hold the audiences. The values of all that are present are merged.
    pub audience_from: Vec<Pointer>,
    /// How far the clocks of the issuer and of Envoy may differ.
    pub clock_skew: Duration,
    /// Whether a token must have an `exp`.
    pub require_expiration: bool,
    /// Whether a token must have a `jti`.
    pub require_jti: bool,
    /// The longest time from `iat` to `exp`. If set, both are required.
    pub max_lifetime: Option<Duration>,
    /// Claim values that mark a token as something else than an access token.
    pub refused_claims: Vec<RefusedClaim>,
}

impl TokenRules {
    /// Whether the issuer's tokens can have this `iss`.
    pub fn accept_issuer(&self, iss: &str) -> bool {
        match &self.tenants {
            None => self.iss == iss,
            Some(form) => form.tenant_in(iss).is_some(),
        }
    }

    /// The default rules for an issuer and its audiences: RS256, 60 s of skew, `exp` required, the audience in `aud`,
    /// and the default types and refused claims.
    pub fn new(issuer: IssuerIndex, iss: String, audiences: Vec<String>) -> Self {
        Self {
            issuer,
            iss,
            tenants: None,
            accepted_algorithms: vec![Algorithm::Rs256],
            refused_kids: Vec::new(),
            accepted_types: AcceptedTypes::default(),
            audiences,
            audience_from: Pointer::parse("aud").into_iter().collect(),
            clock_skew: Duration::from_secs(60),
            require_expiration: true,
            require_jti: false,
            max_lifetime: None,
            refused_claims: RefusedClaim::defaults(),
        }
    }
}

/// The accepted values of `typ`, and whether a token without `typ` is accepted (RFC 8725 section 3.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTypes {
    absent: bool,
    /// The values in the form that [`media_type`] gives.
    media_types: Vec<String>,
}

impl AcceptedTypes {
    /// Creates the set from the words of the configuration. `absent` means a token without `typ`; every other word is a
    /// type.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let (absent, types): (Vec<_>, Vec<_>) = words.into_iter().partition(|word| *word == "absent");
        Self { absent: !absent.is_empty(), media_types: types.into_iter().map(media_type).collect() }
    }

    /// Whether a token with this `typ` is accepted. The entry `absent` accepts a token without `typ`, not a
    /// token with the `typ` `absent`.
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

/// The normalized media type. Media types are case-insensitive, and `application/` may be left out if no other slash
/// follows (RFC 7515 section 4.1.9).
fn media_type(typ: &str) -> String {
    let folded = typ.to_ascii_lowercase();
    match folded.strip_prefix("application/") {
        Some(subtype) if !subtype.contains('/') => subtype.to_owned(),
        _ => folded,
    }
}

/// A claim and the values that it must not have.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedClaim {
    /// The location of the claim.
    pub pointer: Pointer,
    /// The refused values. If the claim is an array, each of its items is compared.
    pub values: Vec<Json>,
}

impl RefusedClaim {
    /// The default: the values that common issuers write into refresh, ID, offline and logout tokens.
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
