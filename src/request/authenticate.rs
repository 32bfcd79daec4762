//! From a request to an identity: extract the token, find its issuer, get the issuer's keys, verify.

use std::rc::Rc;
use std::time::Duration;

use super::cached_token::CachedToken;
use super::token_outcome::{TokenFailure, TokenOutcome, Unfetched};
use super::wait::Wait;
use crate::config::{Config, Issuer};
use crate::confirmation::{Binding, Connection, NoConnection};
use crate::dpop::{ReplayStore, UsedProof, WithoutReplayStore};
use crate::http::HeaderMap;
use crate::issuer_index::IssuerIndex;
use crate::jose::algorithm::Verifier;
use crate::jose::claims::AdmittedToken;
use crate::jose::error::TokenError;
use crate::jose::jwks::KeySet;
use crate::jose::token::UnverifiedToken;
use crate::keys::RefreshReason;
use crate::keys::{KeyLookup, KeySource, NoRevocationLists, RevocationSource};
use crate::policy::Identity;
use crate::revocation::RevocationList;
use crate::time::UnixTime;
use crate::token_cache::TokenCache;
use crate::token_role::TokenRole;
use crate::token_source::{self, ExtractedToken, MalformedCredential, TokenSource};

/// The context in which a request is decided and its tokens are verified, at one point in time.
#[derive(Clone, Copy)]
pub struct AuthContext<'a, 'r> {
    /// The configuration: its issuers and the rules for their tokens.
    pub config: &'r Config,
    /// The keys of the issuers.
    pub keys: &'a dyn KeySource,
    /// The signature verifier.
    pub verifier: &'a dyn Verifier,
    /// The cache of verified tokens.
    pub cache: &'a TokenCache<CachedToken>,
    /// The current time.
    pub now: UnixTime,
    /// Whether the request may wait for keys.
    pub wait: Wait,
    /// The client's connection.
    pub connection: &'a dyn Connection,
    /// The record of used DPoP proofs.
    pub replays: &'a dyn ReplayStore,
    /// The revocation lists of the issuers.
    pub revocations: &'a dyn RevocationSource,
    /// The token of the request that is verified.
    pub role: TokenRole,
}

impl<'a, 'r> AuthContext<'a, 'r> {
    /// Creates the context for the first token, for a connection without a client certificate, without a record of used
    /// DPoP proofs, and without revocation lists: a token of an issuer that has a list is refused.
    pub fn new(
        config: &'r Config,
        keys: &'a dyn KeySource,
        verifier: &'a dyn Verifier,
        cache: &'a TokenCache<CachedToken>,
        now: UnixTime,
        wait: Wait,
    ) -> Self {
        let (connection, replays, revocations) = (&NoConnection, &WithoutReplayStore, &NoRevocationLists);
        let role = TokenRole::First;
        Self { config, keys, verifier, cache, now, wait, connection, replays, revocations, role }
    }
}

/// The token of a request, and the DPoP proof that has to be marked as used if the request is forwarded.
#[derive(Debug)]
pub struct Authenticated<'r> {
    /// The token.
    pub token: TokenOutcome<'r>,
    /// The proof, if the token is valid and bound to a DPoP key.
    pub proof: Option<Box<UsedProof>>,
}

impl<'r> From<TokenOutcome<'r>> for Authenticated<'r> {
    fn from(token: TokenOutcome<'r>) -> Self {
        Self { token, proof: None }
    }
}

/// Finds the token of a request in any of the `token_sources` and verifies it. The token must be in a source that the
/// routes of all path variants accept (`accepted_token_sources`): otherwise an upstream that reads the path differently
/// would find no token where it looks, or another one.
///
/// What an issuer adds (`token_from`, `paths`) is judged after the signature. A forged token is thus refused as forged,
/// whichever issuer it names.
pub fn authenticate<'r>(
    with: &AuthContext<'_, 'r>,
    headers: &HeaderMap,
    token_sources: &[TokenSource],
    accepted_token_sources: &[TokenSource],
) -> Authenticated<'r> {
    let verified = match token_source::extract(token_sources, headers) {
        ExtractedToken::Missing => return TokenOutcome::Absent.into(),
        ExtractedToken::Malformed(malformed) => Err(TokenFailure::Malformed(malformed)),
        ExtractedToken::Token { token, source } => {
            let is_in_accepted_source =
                token_sources.get(source).is_some_and(|source| accepted_token_sources.contains(source));
            if is_in_accepted_source || is_in_an_accepted_source(&token, headers, accepted_token_sources) {
                with.authenticate(&token).and_then(|cached| {
                    with.check_revocation(&cached)?;
                    let proof = with.check_confirmation(&cached, &token, headers, accepted_token_sources)?;
                    with.check_issuer(&cached, &token, headers, accepted_token_sources)?;
                    Ok((cached, proof))
                })
            } else {
                Err(TokenFailure::Malformed(MalformedCredential::LocationNotAllowed))
            }
        }
    };
    match verified {
        Ok((cached, proof)) => Authenticated { token: TokenOutcome::Verified(cached), proof },
        Err(failure) => TokenOutcome::Failed(failure).into(),
    }
}

/// Whether the same token is also in one of the shared sources.
pub(super) fn is_in_an_accepted_source(
    token: &[u8],
    headers: &HeaderMap,
    accepted_token_sources: &[TokenSource],
) -> bool {
    match token_source::extract(accepted_token_sources, headers) {
        ExtractedToken::Token { token: shared, .. } => *shared == *token,
        ExtractedToken::Missing | ExtractedToken::Malformed(_) => false,
    }
}

impl<'r> AuthContext<'_, 'r> {
    /// Checks what the issuer of a valid token demands of the request. The result depends on the request, so the
    /// cache does not contain it.
    fn check_issuer(
        &self,
        cached: &CachedToken,
        token: &[u8],
        headers: &HeaderMap,
        accepted_token_sources: &[TokenSource],
    ) -> Result<(), TokenFailure<'r>> {
        let Some(issuer) = self.config.issuers.get(cached.identity().issuer().0) else { return Ok(()) };
        // `token_from` of an issuer narrows the sources of the first token. A second token has sources of its own.
        if let Some(own) = issuer.token_from.as_ref().filter(|_| self.role == TokenRole::First) {
            let mut both = own.iter().filter(|source| accepted_token_sources.contains(source));
            if !both.any(|source| is_in_an_accepted_source(token, headers, std::slice::from_ref(source))) {
                return Err(TokenFailure::Misplaced { issuer });
            }
        }
        if let Some(paths) = &issuer.paths
            && !paths.cover(headers.get(":path"), self.config.routes.skipped())
        {
            return Err(TokenFailure::OutsidePaths { issuer, kid: cached.kid().cloned() });
        }
        Ok(())
    }

    /// Checks that the issuer's revocation list does not name the token.
    fn check_revocation(&self, cached: &CachedToken) -> Result<(), TokenFailure<'r>> {
        let Some(issuer) = self.config.issuers.get(cached.identity().issuer().0) else { return Ok(()) };
        let Some(origin) = &issuer.revocation_list else { return Ok(()) };
        let list = match self.revocations.current_list(issuer.rules.issuer) {
            Some(list) => list,
            None => match self.first_list(issuer, origin.fail_open) {
                Ok(list) => list,
                Err(TokenFailure::NoRevocationList { .. }) if origin.fail_open => return Ok(()),
                Err(failure) => return Err(failure),
            },
        };
        match list.revokes(cached.identity().claims().claims()) {
            true => Err(TokenFailure::Revoked { issuer, kid: cached.kid().cloned() }),
            false => Ok(()),
        }
    }

    /// With `fail_open`, a request waits only for the first fetch. During an outage it would otherwise wait for each
    /// attempt.
    fn first_list(
        &self,
        issuer: &'r Issuer,
        fail_open: bool,
    ) -> Result<Rc<RevocationList>, TokenFailure<'r>> {
        let index = issuer.rules.issuer;
        let no_list = |waiting_full, retry_after| {
            Err(TokenFailure::NoRevocationList { issuer, waiting_full, retry_after })
        };
        match self.revocations.sync_and_look_up_list(index) {
            KeyLookup::Updated(list) => Ok(list),
            KeyLookup::Unavailable { retry_after } => no_list(false, retry_after),
            KeyLookup::Pending if fail_open && self.revocations.list_fetch_failed(index) => {
                no_list(false, Duration::ZERO)
            }
            KeyLookup::Pending if self.wait == Wait::Allowed => {
                Err(TokenFailure::AwaitsRevocationList { issuer: index })
            }
            KeyLookup::Pending => no_list(self.wait == Wait::QueueFull, Duration::ZERO),
        }
    }

    /// The failure that `revocation_list_fail_open` ignored for a valid token.
    pub(super) fn ignored_failure(&self, token: &TokenOutcome<'_>) -> Option<TokenFailure<'r>> {
        let index = token.verified()?.identity().issuer();
        let issuer = self.config.issuers.get(index.0).filter(|issuer| issuer.passes_without_list())?;
        self.revocations.current_list(index).is_none().then_some(TokenFailure::NoRevocationList {
            issuer,
            waiting_full: false,
            retry_after: Duration::ZERO,
        })
    }

    fn authenticate(&self, token: &[u8]) -> Result<Rc<CachedToken>, TokenFailure<'r>> {
        if let Some(cached) = self.look_up(token)? {
            return Ok(cached);
        }
        let verified = self.verify(token);
        match &verified {
            Ok(cached) => self.cache.insert(self.role, token, Rc::clone(cached), cached.bytes()),
            // The request is decided again later; count only one miss for it.
            Err(TokenFailure::AwaitsKeys { .. }) => return verified,
            Err(_) => {}
        }
        self.cache.count_miss();
        verified
    }

    /// Whether tokens of the issuer are accepted in this role. Otherwise the token of an agent alone would pass as that of
    /// a user.
    fn accepts(&self, index: IssuerIndex, issuer: &Issuer) -> bool {
        match self.role {
            TokenRole::First => issuer.first_token,
            TokenRole::Second(token) => {
                let token = self.config.second_tokens.get(token.0);
                token.is_some_and(|token| token.issuers.contains(&index))
            }
        }
    }

    /// Looks up a cached token. Only what depends on the time and the keys is checked again: whether the
    /// issuer's keys are usable and still the same set, and whether the token is within its validity period.
    /// All other checks depend only on the token and the configuration, which has not changed. The caller
    /// evaluates the route's requirements for every request.
    fn look_up(&self, token: &[u8]) -> Result<Option<Rc<CachedToken>>, TokenFailure<'r>> {
        let Some(cached) = self.cache.find(self.role, token) else { return Ok(None) };
        let index = cached.identity().issuer();
        let (Some(issuer), Some(keys)) = (self.config.issuers.get(index.0), self.keys.current(index)) else {
            return Ok(None);
        };
        if !cached.is_verified_by(&keys, &issuer.rules) {
            self.cache.remove(self.role, token);
            return Ok(None);
        }
        self.cache.count_hit();
        let in_time = cached.identity().claims().check_time(&issuer.rules, self.now);
        let failed = |error| failed(error, Some(issuer), cached.kid().cloned());
        in_time.map_err(failed).map(|()| Some(cached))
    }

    /// The token's form, issuer, header and times are checked first, because they need no key: a token that
    /// fails these checks causes no fetch.
    fn verify(&self, token: &[u8]) -> Result<Rc<CachedToken>, TokenFailure<'r>> {
        let unverified = UnverifiedToken::parse(token, self.config.max_token_bytes);
        let unverified = unverified.map_err(|error| failed(error, None, None))?;
        let kid = unverified.unverified_kid().map(str::to_owned);
        let issuer = unverified.unverified_issuer().and_then(|iss| self.config.issuer_of(iss));
        let Some((index, issuer)) = issuer else {
            return Err(failed(TokenError::UnknownIssuer, None, kid));
        };
        if !self.accepts(index, issuer) {
            return Err(failed(TokenError::IssuerOfAnotherToken, Some(issuer), kid));
        }
        let admitted = AdmittedToken::admit(unverified, &issuer.rules, self.now)
            .map_err(|error| failed(error, Some(issuer), kid.clone()))?;

        let keys = match self.keys.current(index) {
            Some(keys) => keys,
            None => self.first_keys(index, issuer)?,
        };
        let (keys, unfetched) = self.keys_with(kid.as_deref(), index, keys)?;
        let verified = admitted.verify(&keys, self.verifier).map_err(|error| TokenFailure::Invalid {
            error,
            issuer: Some(issuer),
            kid: kid.clone(),
            unfetched,
        })?;
        let identity = Rc::new(Identity::new(verified, &issuer.sources));
        let encoded_headers = self.config.claim_headers.encode_for(self.role, &identity);
        let binding = Binding::of(identity.claims().claims(), issuer.confirmation);
        Ok(Rc::new(CachedToken::new(encoded_headers, &keys, kid, binding)))
    }

    /// Returns `keys`, or newer keys if `keys` lack the `kid`. Newer keys from another worker may lack the
    /// `kid` too; a request to the issuer is then still useful. At most two attempts, so that updates from
    /// other workers cannot delay this request indefinitely.
    ///
    /// No fetch is made if none of the keys has a `kid`: no such key ever matches a token with a `kid`, and a
    /// client could trigger a useless fetch in every cooldown period.
    fn keys_with(
        &self,
        kid: Option<&str>,
        issuer: IssuerIndex,
        mut keys: Rc<KeySet>,
    ) -> Result<(Rc<KeySet>, Option<Unfetched>), TokenFailure<'r>> {
        for _ in 0..2 {
            if keys.has_kid(kid) {
                return Ok((keys, None));
            }
            if !keys.has_any_kid() {
                return Ok((keys, Some(Unfetched::NamelessKeys)));
            }
            match self.keys.sync_and_look_up(issuer, RefreshReason::UnknownKid) {
                KeyLookup::Updated(newer) => keys = newer,
                KeyLookup::Pending if self.wait == Wait::Allowed => {
                    return Err(TokenFailure::AwaitsKeys { issuer, reason: RefreshReason::UnknownKid });
                }
                KeyLookup::Pending => return Ok((keys, None)),
                KeyLookup::Unavailable { retry_after } => {
                    let too_early = |fetched_ago| Unfetched::TooEarly { fetched_ago, retry_after };
                    return Ok((keys, self.keys.age(issuer).map(too_early)));
                }
            }
        }
        Ok((keys, None))
    }

    fn first_keys(&self, index: IssuerIndex, issuer: &'r Issuer) -> Result<Rc<KeySet>, TokenFailure<'r>> {
        let no_keys = |waiting_full, retry_after| TokenFailure::NoKeys { issuer, waiting_full, retry_after };
        match self.keys.sync_and_look_up(index, RefreshReason::Scheduled) {
            KeyLookup::Updated(keys) => Ok(keys),
            KeyLookup::Pending if self.wait == Wait::Allowed => {
                Err(TokenFailure::AwaitsKeys { issuer: index, reason: RefreshReason::Scheduled })
            }
            KeyLookup::Pending => Err(no_keys(self.wait == Wait::QueueFull, Duration::ZERO)),
            KeyLookup::Unavailable { retry_after } => Err(no_keys(false, retry_after)),
        }
    }
}

fn failed<'r>(error: TokenError, issuer: Option<&'r Issuer>, kid: Option<String>) -> TokenFailure<'r> {
    TokenFailure::Invalid { error, issuer, kid, unfetched: None }
}
