//! Claims whose signature, issuer, audience and times were verified (RFC 7519 section 4.1, RFC 8725 section 3).
//!
//! The rules and keys of one issuer are arguments. Other modules choose the issuer and fetch its keys.

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

/// Claims that were verified. Only the check in this file creates a value of this type.
#[derive(Clone)]
pub struct VerifiedClaims {
    issuer: IssuerIndex,
    claims: Json,
    audiences: Vec<String>,
    payload: String,
    times: Times,
}

/// A token whose issuer, header and times meet the rules of that issuer. Its signature was not verified. Anyone may
/// have written the token, so this type gives no access to its claims.
pub struct AdmittedToken<'a, 'r> {
    token: UnverifiedToken<'a>,
    rules: &'r TokenRules,
    algorithm: Algorithm,
    times: Times,
}

impl<'a, 'r> AdmittedToken<'a, 'r> {
    /// Checks, in this order and before any key is needed: issuer, refused `kid`, algorithm, type, critical extensions,
    /// times and lifetime. For a token that fails here, no keys are fetched and no signature is computed.
    ///
    /// # Errors
    /// The error of the first check that fails.
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

    /// Finds the keys that may have signed the token, verifies the signature, and then checks the other claims.
    ///
    /// # Errors
    /// The error of the first check that fails. If no key verifies the signature, the error is
    /// [`TokenError::Signature`], or [`TokenError::SignatureOfTried`] if more keys fit than are tried.
    pub fn verify(self, keys: &KeySet, verifier: &dyn Verifier) -> Result<VerifiedClaims, TokenError> {
        let Self { token, rules, algorithm, times } = self;
        // A key that its issuer binds to one tenant must not sign tokens of another one.
        let may_sign = |issuer: &str| {
            let Some((form, iss)) = rules.tenants.as_ref().zip(token.unverified_issuer()) else {
                return true;
            };
            form.tenant_in(iss).is_some_and(|tenant| form.signs(issuer, iss, tenant))
        };
        let kid = token.unverified_kid();
        let candidates = keys.candidates_that(kid, algorithm, &rules.refused_kids, may_sign)?;
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

/// Shows only the algorithm. A log must not contain the token.
impl std::fmt::Debug for AdmittedToken<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdmittedToken").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// [Admits](AdmittedToken::admit) a token and [verifies](AdmittedToken::verify) it.
///
/// # Errors
/// The error of the first check that fails.
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
    /// Checks the remaining claims, after the times and the signature.
    fn check(token: UnverifiedToken<'_>, times: Times, rules: &TokenRules) -> Result<Self, TokenError> {
        let claims = token.claims;
        check_types(&claims)?;
        if rules.require_jti && claims.member("jti").is_none() {
            return Err(TokenError::NoJti);
        }
        let mut audiences: Vec<String> =
            rules.audience_from.iter().filter_map(|place| texts(place.find(&claims)?)).flatten().collect();
        if audiences.is_empty() {
            return Err(TokenError::NoAudience);
        }
        // An issuer can issue tokens only for the audiences that are configured for it. Other audiences in the token
        // are ignored.
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

    /// Checks the times again: a token may have expired since it was cached.
    pub fn check_time(&self, rules: &TokenRules, now: UnixTime) -> Result<(), TokenError> {
        self.times.check(rules, now)
    }

    /// The configured issuer whose key signed the token.
    pub fn issuer(&self) -> IssuerIndex {
        self.issuer
    }

    /// All claims. The value is always an object.
    pub fn claims(&self) -> &Json {
        &self.claims
    }

    /// The values of `audience_from` that are configured audiences of the issuer, in the order of the token.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// The payload segment of the token, in base64url as the client sent it.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// The heap memory of the claims, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.claims.heap_bytes()
            + self.payload.capacity()
            + self.audiences.iter().map(|audience| size_of::<String>() + audience.capacity()).sum::<usize>()
    }

    /// Claims without any check, for tests of code that takes verified claims.
    #[cfg(test)]
    pub(crate) fn unchecked(issuer: IssuerIndex, claims: &str, audiences: &[&str]) -> Self {
        let payload = super::base64url::encode(claims.as_bytes());
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        let claims = Json::parse(claims.as_bytes()).unwrap();
        let times = Times::read(&claims).unwrap();
        Self { issuer, claims, audiences, payload, times }
    }
}

/// Shows only the issuer. The claims are personal data, and the payload is most of a token.
impl std::fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedClaims").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Checks that the registered claims `iss`, `sub` and `jti` are strings, and `aud` a string or an array of strings. An
/// upstream that gets an array as `sub` could take its first item, or its JSON text, for the name of a user.
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

/// The strings of a string or of an array of strings. `None` for every other value.
fn texts(value: &Json) -> Option<Vec<String>> {
    match value {
        Json::String(text) => Some(vec![text.clone()]),
        Json::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
