//! Where keys come from, and whether a request may wait for them.

use std::rc::Rc;
use std::time::Duration;

use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::KeySet;
use crate::keys::Need;

/// Where keys come from, and what may be hoped for where they are missing.
pub trait KeySource {
    /// The keys that judge the issuer's tokens now.
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>>;
    /// Looks once more: another worker may have fetched since, or a fetch may be worth waiting for.
    fn look_again(&self, issuer: IssuerIndex, need: Need) -> Prospect;
    /// How long ago the current keys were fetched, where they were.
    fn age(&self, _: IssuerIndex) -> Option<Duration> {
        None
    }
}

/// What [`KeySource::look_again`] found.
#[derive(Debug, Clone)]
pub enum Prospect {
    /// Other keys than [`KeySource::current`] gave before.
    Newer(Rc<KeySet>),
    /// A fetch is under way or allowed now.
    Worthwhile,
    /// No fetch before that time has passed.
    Hopeless {
        /// What a client is told to wait.
        retry_after: Duration,
    },
}

/// Whether the request may (still) wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It may.
    Waits,
    /// Its time is over: what is there decides.
    Over,
    /// It may not: too many do already. What is there decides.
    NoRoom,
}
