//! How a request looks up the keys of an issuer.

use std::rc::Rc;
use std::time::Duration;

use super::RefreshReason;
use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::KeySet;

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

/// The result of [`KeySource::sync_and_look_up`].
#[derive(Debug, Clone)]
pub enum KeyLookup {
    /// There are other keys than those that [`KeySource::current`] gave before.
    Updated(Rc<KeySet>),
    /// A fetch is under way, or is allowed now.
    Pending,
    /// No fetch is allowed yet.
    Unavailable {
        /// The time until a fetch is allowed; the client gets it as `Retry-After`.
        retry_after: Duration,
    },
}
