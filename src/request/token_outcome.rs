//! What became of a request's token.

use std::rc::Rc;
use std::time::Duration;

use super::cached_token::CachedToken;
use crate::config::Issuer;
use crate::denial::{Reason, whole_seconds};
use crate::issuer_index::IssuerIndex;
use crate::jose::error::TokenError;
use crate::keys::RefreshReason;
use crate::policy::Credential;
use crate::token_source::MalformedCredential;

/// What became of a request's token.
#[derive(Debug)]
pub enum TokenOutcome<'r> {
    /// Nothing depends on it.
    NotRead,
    /// None was sent.
    Absent,
    /// It is valid.
    Verified(Rc<CachedToken>),
    /// It is not, or cannot be verified.
    Failed(TokenFailure<'r>),
}

/// Why no identity came of a token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenFailure<'r> {
    /// The token is not valid.
    #[error("{error}{}", behind(unfetched.as_ref()))]
    Invalid {
        /// Why.
        error: TokenError,
        /// Its issuer, where it names a configured one.
        issuer: Option<&'r Issuer>,
        /// The kid that it names. Unverified.
        kid: Option<String>,
        /// Why no key of its kid is fetched now.
        unfetched: Option<Unfetched>,
    },
    /// The request does not tell which token is meant.
    #[error("{0}")]
    Malformed(MalformedCredential),
    /// There is no key to verify it with.
    #[error("{}", if *.waiting_full { WAITING_FULL } else { NO_KEYS })]
    NoKeys {
        /// Whose key.
        issuer: &'r Issuer,
        /// A fetch would be worth waiting for, but too many requests wait already.
        waiting_full: bool,
        /// What a client is told to wait.
        retry_after: Duration,
    },
    /// A key to verify it with may come.
    #[error("{NO_KEYS}")]
    AwaitsKeys {
        /// Whose key.
        issuer: IssuerIndex,
        /// Why it is fetched.
        reason: RefreshReason,
    },
}

const NO_KEYS: &str = "there are no keys to verify the token with";
const WAITING_FULL: &str = "too many requests wait for the first keys";

/// Why nothing is fetched for a kid that the keys do not have.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unfetched {
    /// It is too early: `jwks_refresh_cooldown_seconds`, or the pause after a failure.
    #[error(
        "the keys were fetched {} s ago, and the next fetch for an unknown kid is allowed in {} s",
        fetched_ago.as_secs(),
        whole_seconds(*retry_after)
    )]
    TooEarly {
        /// The age of the keys.
        fetched_ago: Duration,
        /// The time until the next fetch.
        retry_after: Duration,
    },
    /// Its issuer's keys have no kid: a fetch would bring others without.
    #[error("none of its keys has a kid, so no token with a kid passes, and no keys are fetched for it")]
    NamelessKeys,
}

fn behind(unfetched: Option<&Unfetched>) -> String {
    unfetched.map(|unfetched| format!("; {unfetched}")).unwrap_or_default()
}

impl<'r> TokenOutcome<'r> {
    /// As the policy judges it.
    pub fn credential(&self) -> Credential<'_> {
        match self {
            Self::NotRead | Self::Absent => Credential::Absent,
            Self::Verified(cached) => Credential::Verified(cached.identity()),
            Self::Failed(_) => Credential::Failed,
        }
    }

    /// The token, where it is valid.
    pub fn verified(&self) -> Option<&CachedToken> {
        match self {
            Self::Verified(cached) => Some(cached),
            _ => None,
        }
    }

    /// Why it is not.
    pub fn failure(&self) -> Option<&TokenFailure<'r>> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

impl TokenFailure<'_> {
    /// As counters and log say it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Invalid { error, .. } => Reason::from(error),
            Self::Malformed(_) => Reason::BadRequest,
            Self::NoKeys { waiting_full: true, .. } => Reason::WaitingFull,
            Self::NoKeys { .. } | Self::AwaitsKeys { .. } => Reason::NoKeys,
        }
    }

    /// The configured name of the token's issuer, where the token names a configured one.
    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::Invalid { issuer, .. } => issuer.map(|issuer| issuer.name.as_str()),
            Self::NoKeys { issuer, .. } => Some(&issuer.name),
            Self::Malformed(_) | Self::AwaitsKeys { .. } => None,
        }
    }

    /// The kid that the token names. Unverified.
    pub fn kid(&self) -> Option<&str> {
        match self {
            Self::Invalid { kid, .. } => kid.as_deref(),
            _ => None,
        }
    }
}
