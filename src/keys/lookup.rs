//! How a request looks up the keys and the revocation list of an issuer.

use std::rc::Rc;
use std::time::Duration;

use super::RefreshReason;
use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::KeySet;
use crate::revocation::RevocationList;

/// The keys of all issuers at one moment.
pub trait KeySource {
    /// The current keys of the issuer.
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>>;
    /// Looks again: another worker may have fetched keys since, or a fetch may be under way.
    fn sync_and_look_up(&self, issuer: IssuerIndex, reason: RefreshReason) -> KeyLookup;
    /// The time since the current keys were fetched. `None` if they were not fetched.
    fn age(&self, _: IssuerIndex) -> Option<Duration> {
        None
    }
}

/// The revocation lists of all issuers at one moment.
pub trait RevocationSource {
    /// The current list of the issuer.
    fn current_list(&self, issuer: IssuerIndex) -> Option<Rc<RevocationList>>;
    /// Looks again: another worker may have fetched a list since, or a fetch may be under way.
    fn sync_and_look_up_list(&self, issuer: IssuerIndex) -> KeyLookup<RevocationList>;
    /// Whether a fetch of the list failed since the last good answer.
    fn list_fetch_failed(&self, issuer: IssuerIndex) -> bool;
}

/// No revocation lists: no issuer has one, or the lists cannot be fetched here.
#[derive(Debug, Clone, Copy)]
pub struct NoRevocationLists;

impl RevocationSource for NoRevocationLists {
    fn current_list(&self, _: IssuerIndex) -> Option<Rc<RevocationList>> {
        None
    }

    fn sync_and_look_up_list(&self, _: IssuerIndex) -> KeyLookup<RevocationList> {
        KeyLookup::Unavailable { retry_after: Duration::ZERO }
    }

    fn list_fetch_failed(&self, _: IssuerIndex) -> bool {
        true
    }
}

/// The result of [`KeySource::sync_and_look_up`] and [`RevocationSource::sync_and_look_up_list`].
#[derive(Debug, Clone)]
pub enum KeyLookup<D = KeySet> {
    /// There is another document than the one that the source gave before.
    Updated(Rc<D>),
    /// A fetch is under way, or is allowed now.
    Pending,
    /// No fetch is allowed yet.
    Unavailable {
        /// The time until a fetch is allowed; the client gets it as `Retry-After`.
        retry_after: Duration,
    },
}
