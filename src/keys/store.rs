//! The keys of all issuers of one configuration, in one VM.
//!
//! This module does no I/O: see [`fetcher`](super::fetcher) for how requests are sent and answered.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::answer::HttpAnswer;
use super::fetch_event::FetchEvent;
use super::fetcher::{FetchRequest, Fetcher};
use super::key_cache::SharedData;
use super::parked::{Awaited, KeyVersion, ParkedRequests};
use super::{KeyLookup, KeySource, RefreshReason, RefreshState};
use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::KeySet;
use crate::time::UnixTime;

/// The keys of all issuers.
#[derive(Debug)]
pub struct KeyStore {
    issuers: Vec<IssuerKeys>,
}

/// The keys of one issuer.
#[derive(Debug)]
pub enum IssuerKeys {
    /// The keys are in the configuration (`jwks_inline`).
    Inline(Rc<KeySet>),
    /// The keys are fetched.
    Fetched(Box<RefCell<Fetcher>>),
}

/// The present state of an issuer's keys in this VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyStatus {
    /// The number of usable keys.
    pub keys: usize,
    /// The time since they were fetched.
    pub age: Duration,
    /// Whether they are past their TTL.
    pub stale: bool,
}

impl KeyStore {
    /// Creates the store. The keys are in the order of [`IssuerIndex`].
    pub fn new(issuers: impl Iterator<Item = IssuerKeys>) -> Self {
        Self { issuers: issuers.collect() }
    }

    /// The issuers whose keys are fetched.
    pub fn fetched(&self) -> impl Iterator<Item = IssuerIndex> {
        self.fetchers().map(|(issuer, _)| issuer)
    }

    /// The request that is due for an issuer, if one is.
    pub fn poll_send(
        &self,
        issuer: IssuerIndex,
        parked: &ParkedRequests,
        host: &impl SharedData,
    ) -> Option<FetchRequest> {
        let unknown_kid = parked.is_awaited(Awaited { issuer, reason: RefreshReason::UnknownKid });
        self.fetcher(issuer)?.borrow_mut().poll_send(host, unknown_kid)
    }

    /// The host accepted the request of the issuer. Its answer will have this number.
    pub fn on_sent(&self, issuer: IssuerIndex, call: u32) {
        if let Some(fetcher) = self.fetcher(issuer) {
            fetcher.borrow_mut().on_sent(call);
        }
    }

    /// The host did not accept the request of the issuer.
    pub fn on_not_sent(&self, issuer: IssuerIndex, host: &impl SharedData) -> Option<FetchEvent> {
        self.fetcher(issuer)?.borrow_mut().on_not_sent(host)
    }

    /// The issuer that waits for the answer to this call. `None` if its lease has expired since.
    pub fn awaiting(&self, call: u32) -> Option<IssuerIndex> {
        let awaits = |(_, fetcher): &(IssuerIndex, &RefCell<Fetcher>)| fetcher.borrow().awaits(call);
        self.fetchers().find(awaits).map(|(issuer, _)| issuer)
    }

    /// The answer to the call of the issuer. It may lead to another request: see [`Self::poll_send`].
    pub fn on_response(
        &self,
        issuer: IssuerIndex,
        host: &impl SharedData,
        answer: HttpAnswer<'_>,
    ) -> Option<FetchEvent> {
        self.fetcher(issuer)?.borrow_mut().on_response(host, answer)
    }

    /// Releases the leases of this VM, because the configuration is removed together with its calls under way.
    pub fn release(&self, host: &impl SharedData) {
        for (_, fetcher) in self.fetchers() {
            fetcher.borrow_mut().release(host);
        }
    }

    /// The time until a scheduled request is due, if it is known.
    pub fn poll_timeout(&self, now: UnixTime) -> Option<Duration> {
        self.fetchers().filter_map(|(_, fetcher)| fetcher.borrow().poll_timeout(now)).min()
    }

    /// How long a request waits for the keys of an issuer.
    pub fn timeout(&self, issuer: IssuerIndex) -> Duration {
        self.fetcher(issuer).map_or(Duration::ZERO, |fetcher| fetcher.borrow().cache().times().timeout)
    }

    /// The state of an issuer's keys, which a parked request compares.
    pub fn version(&self, issuer: IssuerIndex, now: UnixTime) -> KeyVersion {
        match self.fetcher(issuer) {
            Some(fetcher) => KeyVersion::of(fetcher.borrow().cache().state(), now),
            None => KeyVersion::of(&RefreshState::UNKNOWN, now),
        }
    }

    /// The state of an issuer's keys in this VM. `None` if its keys are not fetched.
    pub fn status(&self, issuer: IssuerIndex, now: UnixTime) -> Option<KeyStatus> {
        let (keys, age, stale) = self.fetcher(issuer)?.borrow().cache().status(now);
        Some(KeyStatus { keys, age, stale })
    }

    /// The keys of all issuers at one moment.
    pub fn at<'a, H: SharedData>(&'a self, now: UnixTime, host: &'a H) -> KeysAt<'a, H> {
        KeysAt { store: self, host, now }
    }

    fn fetcher(&self, issuer: IssuerIndex) -> Option<&RefCell<Fetcher>> {
        self.issuers.get(issuer.0)?.fetcher()
    }

    fn fetchers(&self) -> impl Iterator<Item = (IssuerIndex, &RefCell<Fetcher>)> {
        let issuers = self.issuers.iter().enumerate();
        issuers.filter_map(|(index, keys)| keys.fetcher().map(|fetcher| (IssuerIndex(index), fetcher)))
    }
}

impl IssuerKeys {
    fn fetcher(&self) -> Option<&RefCell<Fetcher>> {
        match self {
            Self::Inline(_) => None,
            Self::Fetched(fetcher) => Some(fetcher),
        }
    }
}

/// The keys of a [`KeyStore`] at one moment.
#[derive(Debug)]
pub struct KeysAt<'a, H> {
    store: &'a KeyStore,
    host: &'a H,
    now: UnixTime,
}

impl<H: SharedData> KeySource for KeysAt<'_, H> {
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>> {
        match self.store.issuers.get(issuer.0)? {
            IssuerKeys::Inline(keys) => Some(Rc::clone(keys)),
            IssuerKeys::Fetched(fetcher) => fetcher.borrow().cache().keys(self.now),
        }
    }

    fn sync_and_look_up(&self, issuer: IssuerIndex, reason: RefreshReason) -> KeyLookup {
        match self.store.fetcher(issuer) {
            Some(fetcher) => fetcher.borrow_mut().cache_mut().sync_and_look_up(self.host, reason),
            None => KeyLookup::Unavailable { retry_after: Duration::ZERO },
        }
    }

    fn age(&self, issuer: IssuerIndex) -> Option<Duration> {
        self.store.fetcher(issuer)?.borrow().cache().age(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::http::HeaderMap;
    use crate::jose::jwks::ParsedKeySet;
    use crate::keys::key_cache::KeyCache;
    use crate::keys::record::EntryNames;
    use crate::keys::simulated_host::{SimulatedHost, set, times};
    use crate::keys::{Jitter, Location, Source, VmIdentity};

    const INLINE: IssuerIndex = IssuerIndex(0);
    const FIRST: IssuerIndex = IssuerIndex(1);
    const SECOND: IssuerIndex = IssuerIndex(2);
    const UNKNOWN: IssuerIndex = IssuerIndex(3);

    fn fetched(url: &str) -> IssuerKeys {
        let location = Location::Endpoint(Endpoint::parse(url).unwrap());
        let source = Source { cluster: "keys".to_owned(), location };
        let entries = EntryNames::of(b"plugin", url, &source);
        let cache = KeyCache::new(times(), VmIdentity(1), entries, Jitter::from_bits(0));
        IssuerKeys::Fetched(Box::new(RefCell::new(Fetcher::new(source, cache))))
    }

    fn store() -> KeyStore {
        let ParsedKeySet { keys, .. } = KeySet::parse(&set("inline")).unwrap();
        let inline = IssuerKeys::Inline(Rc::new(keys));
        KeyStore::new([inline, fetched("https://a/keys"), fetched("https://b/keys")].into_iter())
    }

    /// The issuers whose keys have this kid.
    fn knowing(store: &KeyStore, host: &SimulatedHost, kid: &str) -> Vec<IssuerIndex> {
        let keys = store.at(host.now(), host);
        let issuers = [INLINE, FIRST, SECOND, UNKNOWN].into_iter();
        issuers.filter(|issuer| keys.current(*issuer).is_some_and(|keys| keys.has_kid(Some(kid)))).collect()
    }

    #[test]
    fn each_issuer_has_its_own_keys_and_its_own_fetch() {
        let (host, store, parked) = (SimulatedHost::new(), store(), ParkedRequests::default());
        assert_eq!(store.fetched().collect::<Vec<_>>(), [FIRST, SECOND]);
        assert_eq!(store.poll_timeout(host.now()), Some(Duration::ZERO));
        for (issuer, call) in [(FIRST, 1), (SECOND, 2)] {
            assert!(store.poll_send(issuer, &parked, &host).is_some());
            store.on_sent(issuer, call);
        }
        assert_eq!(store.poll_timeout(host.now()), None);
        assert_eq!(
            (store.awaiting(1), store.awaiting(2), store.awaiting(3)),
            (Some(FIRST), Some(SECOND), None)
        );
        let mut headers = HeaderMap::new();
        headers.append(":status", "200");
        let body = set("second");
        let answer = HttpAnswer { headers: &headers, length: body.len(), body: &body };
        assert!(store.on_response(SECOND, &host, answer).is_some_and(|event| event.is_success()));
        assert_eq!(knowing(&store, &host, "inline"), [INLINE]);
        assert_eq!(knowing(&store, &host, "second"), [SECOND]);
        assert_eq!(store.awaiting(1), Some(FIRST), "the store still waits for the other answer");
        assert_ne!(store.version(FIRST, host.now()), store.version(SECOND, host.now()));
        let status = KeyStatus { keys: 1, age: Duration::ZERO, stale: false };
        assert_eq!(store.status(SECOND, host.now()), Some(status));
        store.release(&host);
        assert_eq!(store.awaiting(1), None);
    }

    #[test]
    fn nothing_is_fetched_for_an_issuer_whose_keys_are_configured() {
        let (host, store, parked) = (SimulatedHost::new(), store(), ParkedRequests::default());
        for issuer in [INLINE, UNKNOWN] {
            assert_eq!(store.poll_send(issuer, &parked, &host), None);
            assert_eq!(store.status(issuer, host.now()), None);
            assert_eq!(store.timeout(issuer), Duration::ZERO);
            let lookup = store.at(host.now(), &host).sync_and_look_up(issuer, RefreshReason::UnknownKid);
            assert!(matches!(lookup, KeyLookup::Unavailable { retry_after: Duration::ZERO }));
        }
        assert_eq!(store.timeout(FIRST), times().timeout);
    }

    #[test]
    fn a_parked_request_for_an_unknown_kid_makes_its_issuer_be_asked() {
        let (host, store, mut parked) = (SimulatedHost::new(), store(), ParkedRequests::default());
        let body = set("one");
        for issuer in [FIRST, SECOND] {
            assert!(store.poll_send(issuer, &parked, &host).is_some());
            store.on_sent(issuer, 1);
            let mut headers = HeaderMap::new();
            headers.append(":status", "200");
            let answer = HttpAnswer { headers: &headers, length: body.len(), body: &body };
            assert!(store.on_response(issuer, &host, answer).is_some());
            assert_eq!(store.poll_send(issuer, &parked, &host), None, "its keys are fresh");
        }
        let awaited = Awaited { issuer: SECOND, reason: RefreshReason::UnknownKid };
        let version = store.version(SECOND, host.now());
        assert!(parked.park(9, awaited, version, host.now(), store.timeout(SECOND)).is_some());
        assert_eq!(store.poll_send(FIRST, &parked, &host), None);
        assert!(store.poll_send(SECOND, &parked, &host).is_some());
    }
}
