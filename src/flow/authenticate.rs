//! From the bytes of a request to an identity: the token found, its issuer known, its keys at hand.

use std::rc::Rc;
use std::time::Duration;

use super::{Judge, Patience, Prospect};
use crate::bearer::{self, MalformedCredential, Place, Presented};
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
        places: &[Place],
        may_wait: bool,
    ) -> Result<Option<Rc<Identity>>, Failure> {
        match bearer::present(places, self.headers) {
            Presented::Missing => Ok(None),
            Presented::Malformed(malformed) => Err(Failure::Credential(malformed)),
            Presented::Token { token, .. } => self.authenticate(&token, may_wait).map(Some),
        }
    }

    /// Shape, issuer and what else needs no key come first: nothing is fetched for a token that they refuse.
    fn authenticate(&self, token: &[u8], may_wait: bool) -> Result<Rc<Identity>, Failure> {
        let parse = || UnverifiedToken::parse(token, self.config.max_token_bytes);
        let unverified = parse().map_err(|error| Failure::Token { error, issuer: None, kid: None })?;
        let kid = unverified.unverified_kid().map(str::to_owned);
        let issuer = unverified.unverified_issuer().and_then(|iss| self.issuer(iss));
        let Some((index, issuer)) = issuer else {
            return Err(Failure::Token { error: TokenError::UnknownIssuer, issuer: None, kid });
        };
        let failed = |error| Failure::Token { error, issuer: Some(issuer.name.clone()), kid: kid.clone() };
        unverified.admit(&issuer.rules).map_err(failed)?;

        let keys = match self.keys.current(index) {
            Some(keys) => keys,
            None => self.first_keys(index, issuer, may_wait)?,
        };
        let verify = |unverified, keys: &KeySet| {
            claims::verify(unverified, &issuer.rules, keys, self.verifier, self.now)
        };
        let mut verified = verify(unverified, &keys);
        // Another worker's newer keys may lack the kid as well; that is no reason not to ask the issuer.
        while matches!(verified, Err(TokenError::UnknownKid)) {
            match self.newer_keys(index, may_wait)? {
                Some(keys) => verified = verify(parse().map_err(failed)?, &keys),
                None => break,
            }
        }
        Ok(Rc::new(Identity::new(verified.map_err(failed)?, &issuer.sources)))
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
