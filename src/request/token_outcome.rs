//! The outcome for the token of a request.

use std::rc::Rc;
use std::time::Duration;

use super::cached_token::CachedToken;
use crate::config::Issuer;
use crate::confirmation::ConfirmationError;
use crate::denial::{Reason, whole_seconds};
use crate::issuer_index::IssuerIndex;
use crate::jose::error::TokenError;
use crate::keys::parked::Awaited;
use crate::keys::{DocumentId, RefreshReason};
use crate::policy::Credential;
use crate::token_source::MalformedCredential;

/// The outcome for the token of a request.
#[derive(Debug)]
pub enum TokenOutcome<'r> {
    /// No requirement depends on the token, so it was not read.
    NotRead,
    /// The request has no token.
    Absent,
    /// The token is valid.
    Verified(Rc<CachedToken>),
    /// The token is invalid or cannot be verified.
    Failed(TokenFailure<'r>),
}

/// Why a token yields no identity.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenFailure<'r> {
    /// The token is not valid.
    #[error("{error}{}", behind(unfetched.as_ref()))]
    Invalid {
        /// The error.
        error: TokenError,
        /// The token's issuer, if it is a configured one.
        issuer: Option<&'r Issuer>,
        /// The token's `kid`. Unverified.
        kid: Option<String>,
        /// Why no key with this `kid` is fetched now.
        unfetched: Option<Unfetched>,
    },
    /// The request does not contain exactly one token.
    #[error("{0}")]
    Malformed(MalformedCredential),
    /// The token is valid, but in a source that its issuer's `token_from` does not list.
    #[error("{}", MalformedCredential::NotFromIssuer)]
    Misplaced {
        /// The token's issuer.
        issuer: &'r Issuer,
    },
    /// The token is valid, but its issuer's `paths` do not cover every variant of the request's path.
    #[error("the path, or another reading of the path, is not among the paths of the token's issuer")]
    OutsidePaths {
        /// The token's issuer.
        issuer: &'r Issuer,
        /// The token's `kid`.
        kid: Option<String>,
    },
    /// The token is valid, but the request does not confirm its binding.
    #[error("{error}")]
    Unconfirmed {
        /// The error.
        error: ConfirmationError,
        /// The token's issuer.
        issuer: Option<&'r Issuer>,
        /// The token's `kid`.
        kid: Option<String>,
    },
    /// No key is available to verify the token.
    #[error("{}", if *.waiting_full { WAITING_FULL } else { NO_KEYS })]
    NoKeys {
        /// The issuer whose key is missing.
        issuer: &'r Issuer,
        /// A fetch is in progress or allowed, but too many requests are already waiting for it.
        waiting_full: bool,
        /// The value of `Retry-After`.
        retry_after: Duration,
    },
    /// The issuer's revocation list names the token.
    #[error("the issuer's revocation list names the token")]
    Revoked {
        /// The token's issuer.
        issuer: &'r Issuer,
        /// The token's `kid`.
        kid: Option<String>,
    },
    /// There is no usable revocation list of the issuer, so the token may be revoked.
    #[error("{}", if *.waiting_full { WAITING_FOR_LIST_FULL } else { NO_LIST })]
    NoRevocationList {
        /// The token's issuer.
        issuer: &'r Issuer,
        /// A fetch is in progress or allowed, but too many requests are already waiting for it.
        waiting_full: bool,
        /// The value of `Retry-After`.
        retry_after: Duration,
    },
    /// The revocation list may still arrive.
    #[error("{NO_LIST}")]
    AwaitsRevocationList {
        /// The token's issuer.
        issuer: IssuerIndex,
    },
    /// The key may still arrive.
    #[error("{NO_KEYS}")]
    AwaitsKeys {
        /// The issuer whose key is missing.
        issuer: IssuerIndex,
        /// Why the key has to be fetched.
        reason: RefreshReason,
    },
}

const NO_KEYS: &str = "there are no keys to verify the token with";
const NO_LIST: &str = "there is no usable revocation list of the token's issuer";
const WAITING_FOR_LIST_FULL: &str =
    "too many requests are already waiting for the issuer's first keys or first revocation list";
const WAITING_FULL: &str = "too many requests are already waiting for the issuer's first keys";

/// Why no fetch is made for a `kid` that the keys lack.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unfetched {
    /// Too early: `jwks_refresh_cooldown_seconds` or the back-off after a failure has not passed.
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
    /// None of the issuer's keys has a `kid`, so a fetch is not expected to help.
    #[error(
        "none of the issuer's keys has a kid, so every token with a kid is denied and no keys are fetched for it"
    )]
    NamelessKeys,
}

fn behind(unfetched: Option<&Unfetched>) -> String {
    unfetched.map(|unfetched| format!("; {unfetched}")).unwrap_or_default()
}

impl<'r> TokenOutcome<'r> {
    /// The credential for the evaluation of the policy.
    pub fn credential(&self) -> Credential<'_> {
        match self {
            Self::NotRead | Self::Absent => Credential::Absent,
            Self::Verified(cached) => Credential::Verified(cached.identity()),
            Self::Failed(_) => Credential::Failed,
        }
    }

    /// The cached token, if the token is valid.
    pub fn verified(&self) -> Option<&CachedToken> {
        match self {
            Self::Verified(cached) => Some(cached),
            _ => None,
        }
    }

    /// The configured issuer that the token names. The token may be forged.
    pub fn named_issuer(&self) -> Option<IssuerIndex> {
        match self {
            Self::NotRead | Self::Absent => None,
            Self::Verified(cached) => Some(cached.identity().issuer()),
            Self::Failed(
                TokenFailure::AwaitsKeys { issuer, .. } | TokenFailure::AwaitsRevocationList { issuer },
            ) => Some(*issuer),
            Self::Failed(failure) => failure.configured_issuer().map(|issuer| issuer.rules.issuer),
        }
    }

    /// The failure, if the token failed.
    pub fn failure(&self) -> Option<&TokenFailure<'r>> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

impl<'r> TokenFailure<'r> {
    /// The reason in counters and logs.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Invalid { error, .. } => Reason::from(error),
            Self::Malformed(_) | Self::Misplaced { .. } => Reason::BadRequest,
            Self::OutsidePaths { .. } => Reason::IssuerNotAllowed,
            Self::Revoked { .. } => Reason::Revoked,
            Self::Unconfirmed { error, .. } => Reason::from(error),
            Self::NoKeys { waiting_full: true, .. } | Self::NoRevocationList { waiting_full: true, .. } => {
                Reason::WaitingFull
            }
            Self::NoRevocationList { .. } | Self::AwaitsRevocationList { .. } => Reason::NoRevocationList,
            Self::NoKeys { .. } | Self::AwaitsKeys { .. } => Reason::NoKeys,
        }
    }

    /// The document that the request waits for, if it can wait.
    pub fn awaited(&self) -> Option<Awaited> {
        match self {
            Self::AwaitsKeys { issuer, reason } => {
                Some(Awaited { document: DocumentId::keys(*issuer), reason: *reason })
            }
            Self::AwaitsRevocationList { issuer } => {
                let document = DocumentId::revocation_list(*issuer);
                Some(Awaited { document, reason: RefreshReason::Scheduled })
            }
            _ => None,
        }
    }

    /// The fault of the credential for which every route that reads tokens denies the request.
    pub fn malformed(&self) -> Option<MalformedCredential> {
        match self {
            Self::Malformed(malformed) => Some(*malformed),
            Self::Misplaced { .. } => Some(MalformedCredential::NotFromIssuer),
            _ => None,
        }
    }

    /// The configured name of the token's issuer, if the token names a configured one.
    pub fn issuer(&self) -> Option<&'r str> {
        self.configured_issuer().map(|issuer| issuer.name.as_str())
    }

    /// The configured issuer that the token names.
    pub fn issuer_index(&self) -> Option<IssuerIndex> {
        self.configured_issuer().map(|issuer| issuer.rules.issuer)
    }

    fn configured_issuer(&self) -> Option<&'r Issuer> {
        match self {
            Self::Invalid { issuer, .. } | Self::Unconfirmed { issuer, .. } => *issuer,
            Self::NoKeys { issuer, .. } | Self::Misplaced { issuer } | Self::OutsidePaths { issuer, .. } => {
                Some(issuer)
            }
            Self::Revoked { issuer, .. } | Self::NoRevocationList { issuer, .. } => Some(issuer),
            Self::Malformed(_) | Self::AwaitsKeys { .. } | Self::AwaitsRevocationList { .. } => None,
        }
    }

    /// The token's `kid`. Unverified.
    pub fn kid(&self) -> Option<&str> {
        match self {
            Self::Invalid { kid, .. }
            | Self::OutsidePaths { kid, .. }
            | Self::Revoked { kid, .. }
            | Self::Unconfirmed { kid, .. } => kid.as_deref(),
            _ => None,
        }
    }
}
