//! Claims whose signature, issuer, audience and times were checked (RFC 7519 section 4.1, RFC 8725 section 3).
//!
//! Knows one issuer's rules and keys; which issuer, and where its keys come from, is decided elsewhere.

use super::algorithm::{Algorithm, SignatureCheck, Verifier};
use super::error::TokenError;
use super::json::Json;
use super::jwks::KeySet;
use super::limits::MAX_CANDIDATES;
use super::rules::TokenRules;
use super::times::Times;
use super::token::UnverifiedToken;
use crate::issuer_index::IssuerIndex;
use crate::time::UnixTime;

/// Claims that were verified. There is one way to make them: the check in this file.
#[derive(Clone)]
pub struct VerifiedClaims {
    issuer: IssuerIndex,
    claims: Json,
    audiences: Vec<String>,
    payload: String,
    times: Times,
}

/// A token whose issuer, header and times fit the rules of that issuer. Its signature was not checked: anybody may
/// have written it, and there is nothing to read in it.
pub struct AdmittedToken<'a, 'r> {
    token: UnverifiedToken<'a>,
    rules: &'r TokenRules,
    algorithm: Algorithm,
    times: Times,
}

impl<'a, 'r> AdmittedToken<'a, 'r> {
    /// Refuses what needs no key to be refused, in the order issuer, refused `kid`, algorithm, type, critical
    /// extensions, times: nothing is fetched and no signature is computed for such a token.
    ///
    /// # Errors
    /// Of the first step that refuses.
    pub fn admit(
        token: UnverifiedToken<'a>,
        rules: &'r TokenRules,
        now: UnixTime,
    ) -> Result<Self, TokenError> {
        let algorithm = token.admitted_algorithm(rules)?;
        let times = Times::read(&token.claims)?;
        times.check(rules, now)?;
        times.check_lifetime(rules)?;
        Ok(Self { token, rules, algorithm, times })
    }

    /// Finds the keys that may have signed it, checks the signature and then the other claims.
    ///
    /// # Errors
    /// Of the first step that refuses. When several keys were tried, [`TokenError::Signature`]: that says more than
    /// the keys that did not even fit.
    pub fn verify(self, keys: &KeySet, verifier: &dyn Verifier) -> Result<VerifiedClaims, TokenError> {
        let Self { token, rules, algorithm, times } = self;
        let candidates = keys.candidates(token.unverified_kid(), algorithm, &rules.refused_kids)?;
        let signed = candidates.into_iter().any(|key| {
            SignatureCheck::new(algorithm, key, token.signing_input, &token.signature)
                .is_some_and(|check| verifier.verify(&check))
        });
        if !signed {
            let fitting = keys.fitting(token.unverified_kid(), algorithm, &rules.refused_kids);
            return Err(match fitting > MAX_CANDIDATES {
                true => TokenError::SignatureOfTried { fitting },
                false => TokenError::Signature,
            });
        }
        VerifiedClaims::check(token, times, rules)
    }
}

/// Without the token, as [`UnverifiedToken`].
impl std::fmt::Debug for AdmittedToken<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdmittedToken").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// [Admits](AdmittedToken::admit) a token and [verifies](AdmittedToken::verify) it.
///
/// # Errors
/// Of the first step that refuses.
pub fn verify(
    token: UnverifiedToken<'_>,
    rules: &TokenRules,
    keys: &KeySet,
    verifier: &dyn Verifier,
    now: UnixTime,
) -> Result<VerifiedClaims, TokenError> {
    AdmittedToken::admit(token, rules, now)?.verify(keys, verifier)
}

impl VerifiedClaims {
    /// The times were judged and the signature is good; the other claims are judged here.
    fn check(token: UnverifiedToken<'_>, times: Times, rules: &TokenRules) -> Result<Self, TokenError> {
        let claims = token.claims;
        check_types(&claims)?;
        let mut audiences: Vec<String> =
            rules.audience_from.iter().filter_map(|place| texts(place.find(&claims)?)).flatten().collect();
        if audiences.is_empty() {
            return Err(TokenError::NoAudience);
        }
        // An issuer speaks for the audiences that are configured for it, whatever else it writes into a token.
        audiences.retain(|audience| rules.audiences.contains(audience));
        if audiences.is_empty() {
            return Err(TokenError::Audience);
        }
        if let Some(refused) = rules.refused_claims.iter().find(|refused| refused.matches(&claims)) {
            return Err(TokenError::RefusedClaim { pointer: refused.pointer.as_str().to_owned() });
        }
        let payload = token.payload.to_owned();
        Ok(Self { issuer: rules.issuer, claims, audiences, payload, times })
    }

    /// Checks the times again: a token that was good when it was remembered may have expired since.
    pub fn check_time(&self, rules: &TokenRules, now: UnixTime) -> Result<(), TokenError> {
        self.times.check(rules, now)
    }

    /// The configured issuer whose key signed them.
    pub fn issuer(&self) -> IssuerIndex {
        self.issuer
    }

    /// All claims: always an object.
    pub fn claims(&self) -> &Json {
        &self.claims
    }

    /// Those values of `audience_from` that are audiences of the issuer's, in the token's order.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// The token's own payload segment, base64url as it was sent.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// The memory that they take beside themselves, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.claims.heap_bytes()
            + self.payload.capacity()
            + self.audiences.iter().map(|audience| size_of::<String>() + audience.capacity()).sum::<usize>()
    }

    /// Claims that nobody checked, for the tests of what is decided from checked ones.
    #[cfg(test)]
    pub(crate) fn unchecked(issuer: IssuerIndex, claims: &str, audiences: &[&str]) -> Self {
        let payload = super::base64url::encode(claims.as_bytes());
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        let claims = Json::parse(claims.as_bytes()).unwrap();
        let times = Times::read(&claims).unwrap();
        Self { issuer, claims, audiences, payload, times }
    }
}

/// Without the claims: they are about a person, and the payload is most of a token.
impl std::fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedClaims").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The registered claims that are text. An upstream that gets a `sub` as an array would take its first member, or
/// its JSON, for a user's name.
fn check_types(claims: &Json) -> Result<(), TokenError> {
    for claim in ["iss", "sub", "jti"] {
        if claims.member(claim).is_some_and(|value| value.as_str().is_none()) {
            return Err(TokenError::ClaimType { claim });
        }
    }
    if claims.member("aud").is_some_and(|audience| texts(audience).is_none()) {
        return Err(TokenError::ClaimType { claim: "aud" });
    }
    Ok(())
}

/// A string, or an array of nothing but strings.
fn texts(value: &Json) -> Option<Vec<String>> {
    match value {
        Json::String(text) => Some(vec![text.clone()]),
        Json::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
