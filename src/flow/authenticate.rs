//! From the bytes of a request to an identity: the token found, its issuer known, its keys at hand.

use std::rc::Rc;
use std::time::Duration;

use super::governing::Governing;
use super::{Judge, KeyLookup, Known, Patience};
use crate::bearer::{self, MalformedCredential, Presented};
use crate::config::Issuer;
use crate::denial::Reason;
use crate::issuer_index::IssuerIndex;
use crate::jose::claims::AdmittedToken;
use crate::jose::error::TokenError;
use crate::jose::jwks::KeySet;
use crate::jose::token::UnverifiedToken;
use crate::keys::Need;
use crate::policy::Identity;

/// Why no identity came of a token.
pub(super) enum Failure {
    /// The token is not valid.
    Token {
        error: TokenError,
        /// The configured name of its issuer.
        issuer: Option<String>,
        kid: Option<String>,
        /// Why no key of its kid is fetched now.
        unfetched: Option<Unfetched>,
    },
    /// There is no telling which token is meant.
    Credential(MalformedCredential),
    /// Nothing to judge it with.
    NoKeys { issuer: String, reason: Reason, retry_after: Duration },
    /// Something to judge it with may come.
    Wait { issuer: IssuerIndex, need: Need },
}

/// Why nothing is fetched for a kid that the keys do not have.
pub(super) enum Unfetched {
    /// It is too early: `jwks_refresh_cooldown_seconds`, or the pause after a failure.
    TooEarly { fetched_ago: Duration, retry_after: Duration },
    /// Its issuer's keys have no kid: a fetch would bring others without.
    NamelessKeys,
}

impl<'r> Judge<'r> {
    /// The identity that the request brings, or `None` where it brings no token.
    pub(super) fn credential(
        &self,
        governing: &Governing<'_>,
        may_wait: bool,
    ) -> Result<Option<Rc<Known>>, Failure> {
        match bearer::present(&governing.places, self.headers) {
            Presented::Missing => Ok(None),
            Presented::Malformed(malformed) => Err(Failure::Credential(malformed)),
            Presented::Token { token, place } => {
                let place = governing.places.get(place);
                if place.is_some_and(|place| governing.is_shared(place)) || self.is_shared(&token, governing)
                {
                    return self.authenticate(&token, may_wait).map(Some);
                }
                Err(Failure::Credential(MalformedCredential::Misplaced))
            }
        }
    }

    /// Whether the token stands in another place as well, where every reading looks for one.
    fn is_shared(&self, token: &[u8], governing: &Governing<'_>) -> bool {
        match bearer::present(governing.shared_places(), self.headers) {
            Presented::Token { token: shared, .. } => *shared == *token,
            Presented::Missing | Presented::Malformed(_) => false,
        }
    }

    fn authenticate(&self, token: &[u8], may_wait: bool) -> Result<Rc<Known>, Failure> {
        if let Some(known) = self.recall(token)? {
            return Ok(known);
        }
        let verified = self.verify(token, may_wait);
        match &verified {
            Ok(known) => self.cache.remember(token, Rc::clone(known), known.bytes()),
            // It comes again.
            Err(Failure::Wait { .. }) => return verified,
            Err(_) => {}
        }
        self.cache.count_miss();
        verified
    }

    /// A token that was verified before. What the moment decides is judged again: whether its issuer's keys may be
    /// used and are the same, whether its time has come and not gone. All else was decided by the token itself and a
    /// configuration that has not changed since; what the route asks is judged by the caller, for every request.
    fn recall(&self, token: &[u8]) -> Result<Option<Rc<Known>>, Failure> {
        let Some(known) = self.cache.find(token) else { return Ok(None) };
        let index = known.identity().issuer();
        let (Some(issuer), Some(keys)) = (self.config.issuers.get(index.0), self.keys.current(index)) else {
            return Ok(None);
        };
        if !known.stands_with(&keys, &issuer.rules) {
            self.cache.forget(token);
            return Ok(None);
        }
        self.cache.count_hit();
        let in_time = known.identity().claims().check_time(&issuer.rules, self.now);
        let failed = |error| failed(error, Some(issuer), known.kid().cloned());
        in_time.map_err(failed).map(|()| Some(known))
    }

    /// Shape, issuer, header and times need no key and come first: nothing is fetched for a token that they refuse.
    fn verify(&self, token: &[u8], may_wait: bool) -> Result<Rc<Known>, Failure> {
        let unverified = UnverifiedToken::parse(token, self.config.max_token_bytes);
        let unverified = unverified.map_err(|error| failed(error, None, None))?;
        let kid = unverified.unverified_kid().map(str::to_owned);
        let issuer = unverified.unverified_issuer().and_then(|iss| self.issuer(iss));
        let Some((index, issuer)) = issuer else {
            return Err(failed(TokenError::UnknownIssuer, None, kid));
        };
        let admitted = AdmittedToken::admit(unverified, &issuer.rules, self.now)
            .map_err(|error| failed(error, Some(issuer), kid.clone()))?;

        let keys = match self.keys.current(index) {
            Some(keys) => keys,
            None => self.first_keys(index, issuer, may_wait)?,
        };
        let (keys, unfetched) = self.keys_with(kid.as_deref(), index, keys, may_wait)?;
        let verified = admitted.verify(&keys, self.verifier).map_err(|error| Failure::Token {
            error,
            issuer: Some(issuer.name.clone()),
            kid: kid.clone(),
            unfetched,
        })?;
        let identity = Rc::new(Identity::new(verified, &issuer.sources));
        let prepared = self.config.claim_headers.prepare(&identity);
        Ok(Rc::new(Known::new(prepared, &keys, kid)))
    }

    /// Those keys, or newer ones where they lack the `kid`. Another worker's newer keys may lack it as well; that is
    /// no reason not to ask the issuer. Twice at most: other workers' keys must not hold up this one.
    ///
    /// Keys without any `kid` are not asked about: a token with one never gets any of them, and a client could make
    /// this proxy ask the issuer once a cooldown for nothing.
    fn keys_with(
        &self,
        kid: Option<&str>,
        index: IssuerIndex,
        mut keys: Rc<KeySet>,
        may_wait: bool,
    ) -> Result<(Rc<KeySet>, Option<Unfetched>), Failure> {
        for _ in 0..2 {
            if keys.has_kid(kid) {
                return Ok((keys, None));
            }
            if !keys.names_keys() {
                return Ok((keys, Some(Unfetched::NamelessKeys)));
            }
            match self.keys.look_again(index, Need::UnknownKid) {
                KeyLookup::Updated(newer) => keys = newer,
                KeyLookup::Pending if self.waits(may_wait) => {
                    return Err(Failure::Wait { issuer: index, need: Need::UnknownKid });
                }
                KeyLookup::Pending => return Ok((keys, None)),
                KeyLookup::Unavailable { retry_after } => {
                    let too_early = |fetched_ago| Unfetched::TooEarly { fetched_ago, retry_after };
                    return Ok((keys, self.keys.age(index).map(too_early)));
                }
            }
        }
        Ok((keys, None))
    }

    fn issuer(&self, iss: &str) -> Option<(IssuerIndex, &'r Issuer)> {
        let position = self.config.issuers.iter().position(|issuer| issuer.rules.issuer_name_value == iss)?;
        Some((IssuerIndex(position), self.config.issuers.get(position)?))
    }

    fn waits(&self, may_wait: bool) -> bool {
        may_wait && self.patience == Patience::Waits
    }

    fn first_keys(&self, index: IssuerIndex, issuer: &Issuer, may_wait: bool) -> Result<Rc<KeySet>, Failure> {
        let (reason, retry_after) = match self.keys.look_again(index, Need::Scheduled) {
            KeyLookup::Updated(keys) => return Ok(keys),
            KeyLookup::Pending if self.waits(may_wait) => {
                return Err(Failure::Wait { issuer: index, need: Need::Scheduled });
            }
            KeyLookup::Pending if self.patience == Patience::NoRoom => (Reason::WaitingFull, Duration::ZERO),
            KeyLookup::Pending => (Reason::NoKeys, Duration::ZERO),
            KeyLookup::Unavailable { retry_after } => (Reason::NoKeys, retry_after),
        };
        Err(Failure::NoKeys { issuer: issuer.name.clone(), reason, retry_after })
    }
}

fn failed(error: TokenError, issuer: Option<&Issuer>, kid: Option<String>) -> Failure {
    Failure::Token { error, issuer: issuer.map(|issuer| issuer.name.clone()), kid, unfetched: None }
}
