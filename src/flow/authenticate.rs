//! From the bytes of a request to an identity: the token found, its issuer known, its keys at hand.

use std::rc::Rc;
use std::time::Duration;

use super::governing::Governing;
use super::{Judge, Known, Patience, Prospect};
use crate::bearer::{self, MalformedCredential, Presented};
use crate::config::Issuer;
use crate::denial::Reason;
use crate::jose::claims::{self, IssuerIndex};
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
    },
    /// There is no telling which token is meant.
    Credential(MalformedCredential),
    /// Nothing to judge it with.
    NoKeys { issuer: String, reason: Reason, retry_after: Duration },
    /// Something to judge it with may come.
    Wait { issuer: IssuerIndex, need: Need },
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
            Presented::Token { place, .. }
                if !governing.places.get(place).is_some_and(|place| governing.is_shared(place)) =>
            {
                Err(Failure::Credential(MalformedCredential::Misplaced))
            }
            Presented::Token { token, .. } => self.authenticate(&token, may_wait).map(Some),
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
        let failed =
            |error| Failure::Token { error, issuer: Some(issuer.name.clone()), kid: known.kid().cloned() };
        in_time.map_err(failed).map(|()| Some(known))
    }

    /// Shape, issuer and what else needs no key come first: nothing is fetched for a token that they refuse.
    fn verify(&self, token: &[u8], may_wait: bool) -> Result<Rc<Known>, Failure> {
        let parse = || UnverifiedToken::parse(token, self.config.max_token_bytes);
        let unverified = parse().map_err(|error| Failure::Token { error, issuer: None, kid: None })?;
        let kid = unverified.unverified_kid().map(str::to_owned);
        let issuer = unverified.unverified_issuer().and_then(|iss| self.issuer(iss));
        let Some((index, issuer)) = issuer else {
            return Err(Failure::Token { error: TokenError::UnknownIssuer, issuer: None, kid });
        };
        let failed = |error| Failure::Token { error, issuer: Some(issuer.name.clone()), kid: kid.clone() };
        unverified.admit(&issuer.rules).map_err(failed)?;

        let mut keys = match self.keys.current(index) {
            Some(keys) => keys,
            None => self.first_keys(index, issuer, may_wait)?,
        };
        let verify = |unverified, keys: &KeySet| {
            claims::verify(unverified, &issuer.rules, keys, self.verifier, self.now)
        };
        let mut verified = verify(unverified, &keys);
        // Another worker's newer keys may lack the kid as well; that is no reason not to ask the issuer. Twice at
        // most: nobody's keys are to hold up a worker.
        for _ in 0..2 {
            if !matches!(verified, Err(TokenError::UnknownKid)) {
                break;
            }
            let Some(newer) = self.newer_keys(index, may_wait)? else { break };
            keys = newer;
            verified = verify(parse().map_err(failed)?, &keys);
        }
        let identity = Rc::new(Identity::new(verified.map_err(failed)?, &issuer.sources));
        let prepared = self.config.claim_headers.prepare(&identity);
        Ok(Rc::new(Known::new(prepared, &keys, kid)))
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
            Prospect::Newer(keys) => return Ok(keys),
            Prospect::Worthwhile if self.waits(may_wait) => {
                return Err(Failure::Wait { issuer: index, need: Need::Scheduled });
            }
            Prospect::Worthwhile if self.patience == Patience::NoRoom => {
                (Reason::WaitingFull, Duration::ZERO)
            }
            Prospect::Worthwhile => (Reason::NoKeys, Duration::ZERO),
            Prospect::Hopeless { retry_after } => (Reason::NoKeys, retry_after),
        };
        Err(Failure::NoKeys { issuer: issuer.name.clone(), reason, retry_after })
    }

    fn newer_keys(&self, index: IssuerIndex, may_wait: bool) -> Result<Option<Rc<KeySet>>, Failure> {
        match self.keys.look_again(index, Need::UnknownKid) {
            Prospect::Newer(keys) => Ok(Some(keys)),
            Prospect::Worthwhile if self.waits(may_wait) => {
                Err(Failure::Wait { issuer: index, need: Need::UnknownKid })
            }
            Prospect::Worthwhile | Prospect::Hopeless { .. } => Ok(None),
        }
    }
}
