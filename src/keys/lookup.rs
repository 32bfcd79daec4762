//! How a request asks for an issuer's keys.

use std::rc::Rc;
use std::time::Duration;

use super::RefreshReason;
use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::KeySet;

/// The keys of every issuer at one moment.
pub trait KeySource {
    /// The keys that verify the issuer's tokens now.
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>>;
    /// Looks once more: another worker may have fetched since, or a fetch may be under way.
    fn look_again(&self, issuer: IssuerIndex, reason: RefreshReason) -> KeyLookup;
    /// How long ago the current keys were fetched, where they were fetched.
    fn age(&self, _: IssuerIndex) -> Option<Duration> {
        None
    }
}

/// What [`KeySource::look_again`] found.
#[derive(Debug, Clone)]
pub enum KeyLookup {
    /// Other keys than [`KeySource::current`] gave before.
    Updated(Rc<KeySet>),
    /// A fetch is under way or allowed now.
    Pending,
    /// No fetch is allowed yet.
    Unavailable {
        /// How long until a fetch is allowed; `Retry-After` for the client.
        retry_after: Duration,
    },
}
