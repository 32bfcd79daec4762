//! Whether the request confirms the binding of its token: by the client's certificate, or by a DPoP proof.

use super::authenticate::{AuthContext, is_in_an_accepted_source};
use super::cached_token::CachedToken;
use super::token_outcome::TokenFailure;
use crate::confirmation::{Binding, ConfirmationError, certificate};
use crate::dpop::{Proof, ProofContext, UsedProof};
use crate::http::HeaderMap;
use crate::jose::json::Json;
use crate::jose::public_jwk::Thumbprint;
use crate::token_role::TokenRole;
use crate::token_source::TokenSource;

impl<'r> AuthContext<'_, 'r> {
    /// Checks the `cnf` of a valid token. The result depends on the request, so the cache does not contain it. Returns
    /// the DPoP proof, if there is one. The proof is marked as used only when the request is forwarded: a parked request
    /// is decided again with the same proof.
    pub(super) fn check_confirmation(
        &self,
        cached: &CachedToken,
        token: &[u8],
        headers: &HeaderMap,
        accepted_token_sources: &[TokenSource],
    ) -> Result<Option<Box<UsedProof>>, TokenFailure<'r>> {
        let binding = cached.binding().as_ref();
        // Most tokens: a bearer token, and no other scheme that it could have been sent with.
        if self.config.dpop.is_none() && binding.is_ok_and(Binding::is_none) {
            return Ok(None);
        }
        let confirmed = binding.map_err(Clone::clone).and_then(|binding| {
            self.check_certificate(binding, headers)?;
            let reads_dpop = accepted_token_sources.contains(&TokenSource::Dpop);
            let is_dpop = reads_dpop
                && is_in_an_accepted_source(token, headers, std::slice::from_ref(&TokenSource::Dpop));
            match binding.key {
                Some(key) => self.check_proof(cached, key, token, headers, is_dpop).map(Some),
                None if is_dpop => Err(ConfirmationError::SentAsDpop),
                None => Ok(None),
            }
        });
        confirmed.map_err(|error| self.unconfirmed(cached, error))
    }

    /// The failure of a token whose binding the request does not confirm.
    pub(super) fn unconfirmed(&self, cached: &CachedToken, error: ConfirmationError) -> TokenFailure<'r> {
        let issuer = self.config.issuers.get(cached.identity().issuer().0);
        TokenFailure::Unconfirmed { error, issuer, kid: cached.kid().cloned() }
    }

    fn check_certificate(&self, binding: &Binding, headers: &HeaderMap) -> Result<(), ConfirmationError> {
        let Some(expected) = binding.certificate else { return Ok(()) };
        match certificate(self.config.client_certificate_from, headers, self.connection)? {
            None => Err(ConfirmationError::NoCertificate),
            Some(found) if found == expected => Ok(()),
            Some(_) => Err(ConfirmationError::OtherCertificate),
        }
    }

    fn check_proof(
        &self,
        cached: &CachedToken,
        key: Thumbprint,
        token: &[u8],
        headers: &HeaderMap,
        is_dpop: bool,
    ) -> Result<Box<UsedProof>, ConfirmationError> {
        if self.role != TokenRole::First {
            return Err(ConfirmationError::SecondToken);
        }
        let rules = self.config.dpop.as_ref().ok_or(ConfirmationError::NoDpop)?;
        if !is_dpop {
            return Err(ConfirmationError::NotSentAsDpop);
        }
        let context = ProofContext { rules, headers, token, key, verifier: self.verifier, now: self.now };
        let proof = Proof::check(&context)?;
        let claim = |name| cached.identity().claims().claims().member(name).and_then(Json::as_str);
        Ok(Box::new(UsedProof {
            proof,
            key,
            issuer: claim("iss").unwrap_or_default().to_owned(),
            subject: claim("sub").map(str::to_owned),
            max_age: rules.max_age,
        }))
    }
}
