//! The fetchers of all issuers for one kind of document.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::answer::HttpAnswer;
use super::document::{DocumentStatus, FetchedDocument};
use super::fetch_event::FetchEvent;
use super::fetcher::{FetchRequest, Fetcher};
use super::key_cache::SharedData;
use super::parked::KeyVersion;
use super::{KeyLookup, RefreshReason, RefreshState};
use crate::issuer_index::IssuerIndex;
use crate::time::UnixTime;

/// The fetchers of all issuers for one kind of document. `None`: the document of the issuer is not fetched.
#[derive(Debug)]
pub(super) struct Fetchers<D>(Vec<Option<RefCell<Fetcher<D>>>>);

impl<D: FetchedDocument> Fetchers<D> {
    /// The fetchers in the order of [`IssuerIndex`].
    pub fn new(fetchers: impl Iterator<Item = Option<Fetcher<D>>>) -> Self {
        Self(fetchers.map(|fetcher| fetcher.map(RefCell::new)).collect())
    }

    /// The issuers whose document is fetched.
    pub fn issuers(&self) -> impl Iterator<Item = IssuerIndex> {
        self.all().map(|(issuer, _)| issuer)
    }

    pub fn poll_send(
        &self,
        issuer: IssuerIndex,
        host: &impl SharedData,
        unknown_kid: bool,
    ) -> Option<FetchRequest> {
        self.of(issuer)?.borrow_mut().poll_send(host, unknown_kid)
    }

    pub fn on_sent(&self, issuer: IssuerIndex, call: u32) {
        if let Some(fetcher) = self.of(issuer) {
            fetcher.borrow_mut().on_sent(call);
        }
    }

    pub fn on_not_sent(&self, issuer: IssuerIndex, host: &impl SharedData) -> Option<FetchEvent> {
        self.of(issuer)?.borrow_mut().on_not_sent(host)
    }

    pub fn awaiting(&self, call: u32) -> Option<IssuerIndex> {
        self.all().find(|(_, fetcher)| fetcher.borrow().awaits(call)).map(|(issuer, _)| issuer)
    }

    pub fn on_response(
        &self,
        issuer: IssuerIndex,
        host: &impl SharedData,
        answer: HttpAnswer<'_>,
    ) -> Option<FetchEvent> {
        self.of(issuer)?.borrow_mut().on_response(host, answer)
    }

    pub fn release(&self, host: &impl SharedData) {
        for (_, fetcher) in self.all() {
            fetcher.borrow_mut().release(host);
        }
    }

    pub fn poll_timeout(&self, now: UnixTime) -> Option<Duration> {
        self.all().filter_map(|(_, fetcher)| fetcher.borrow().poll_timeout(now)).min()
    }

    pub fn timeout(&self, issuer: IssuerIndex) -> Duration {
        self.of(issuer).map_or(Duration::ZERO, |fetcher| fetcher.borrow().cache().times().timeout)
    }

    pub fn version(&self, issuer: IssuerIndex, now: UnixTime) -> KeyVersion {
        match self.of(issuer) {
            Some(fetcher) => KeyVersion::of(fetcher.borrow().cache().state(), now),
            None => KeyVersion::of(&RefreshState::UNKNOWN, now),
        }
    }

    pub fn status(&self, issuer: IssuerIndex, now: UnixTime) -> Option<DocumentStatus> {
        let (count, age, stale) = self.of(issuer)?.borrow().cache().status(now);
        Some(DocumentStatus { count, age, stale })
    }

    pub fn current(&self, issuer: IssuerIndex, now: UnixTime) -> Option<Rc<D>> {
        self.of(issuer)?.borrow().cache().current(now)
    }

    pub fn sync_and_look_up(
        &self,
        issuer: IssuerIndex,
        host: &impl SharedData,
        reason: RefreshReason,
    ) -> KeyLookup<D> {
        match self.of(issuer) {
            Some(fetcher) => fetcher.borrow_mut().cache_mut().sync_and_look_up(host, reason),
            None => KeyLookup::Unavailable { retry_after: Duration::ZERO },
        }
    }

    pub fn age(&self, issuer: IssuerIndex, now: UnixTime) -> Option<Duration> {
        self.of(issuer)?.borrow().cache().age(now)
    }

    /// Whether a fetch failed since the last good answer.
    pub fn failed(&self, issuer: IssuerIndex) -> bool {
        self.of(issuer).is_some_and(|fetcher| fetcher.borrow().cache().state().failures > 0)
    }

    fn of(&self, issuer: IssuerIndex) -> Option<&RefCell<Fetcher<D>>> {
        self.0.get(issuer.0)?.as_ref()
    }

    fn all(&self) -> impl Iterator<Item = (IssuerIndex, &RefCell<Fetcher<D>>)> {
        let fetchers = self.0.iter().enumerate();
        fetchers.filter_map(|(index, fetcher)| Some((IssuerIndex(index), fetcher.as_ref()?)))
    }
}
