//! The keys and the revocation lists of all issuers of one configuration, in one VM.
//!
//! This module does no I/O: see [`fetcher`](super::fetcher) for how requests are sent and answered.

use std::rc::Rc;
use std::time::Duration;

use super::answer::HttpAnswer;
use super::document::DocumentStatus;
use super::fetch_event::FetchEvent;
use super::fetcher::{FetchRequest, Fetcher};
use super::fetchers::Fetchers;
use super::key_cache::SharedData;
use super::parked::{Awaited, KeyVersion, ParkedRequests};
use super::{DocumentId, DocumentKind, KeyLookup, KeySource, RefreshReason, RevocationSource};
use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::KeySet;
use crate::revocation::RevocationList;
use crate::time::UnixTime;

/// The keys and the revocation lists of all issuers.
#[derive(Debug)]
pub struct KeyStore {
    inline: Vec<Option<Rc<KeySet>>>,
    keys: Fetchers<KeySet>,
    lists: Fetchers<RevocationList>,
}

/// The keys of one issuer.
#[derive(Debug)]
pub enum IssuerKeys {
    /// The keys are in the configuration (`jwks_inline`).
    Inline(Rc<KeySet>),
    /// The keys are fetched.
    Fetched(Box<Fetcher>),
}

/// Calls a method of the fetchers of a document's kind.
macro_rules! of_kind {
    ($store:ident, $document:ident, |$fetchers:ident| $call:expr) => {
        match $document.kind {
            DocumentKind::Keys => {
                let $fetchers = &$store.keys;
                $call
            }
            DocumentKind::RevocationList => {
                let $fetchers = &$store.lists;
                $call
            }
        }
    };
}

impl KeyStore {
    /// Creates the store. The keys and the fetchers of lists are in the order of [`IssuerIndex`].
    pub fn new(
        keys: impl Iterator<Item = IssuerKeys>,
        lists: impl Iterator<Item = Option<Fetcher<RevocationList>>>,
    ) -> Self {
        let split = |keys| match keys {
            IssuerKeys::Inline(keys) => (Some(keys), None),
            IssuerKeys::Fetched(fetcher) => (None, Some(*fetcher)),
        };
        let (inline, fetched): (Vec<_>, Vec<_>) = keys.map(split).unzip();
        Self { inline, keys: Fetchers::new(fetched.into_iter()), lists: Fetchers::new(lists) }
    }

    /// The documents that are fetched.
    pub fn fetched(&self) -> impl Iterator<Item = DocumentId> {
        let keys = self.keys.issuers().map(DocumentId::keys);
        keys.chain(self.lists.issuers().map(DocumentId::revocation_list))
    }

    /// The request that is due for a document, if one is.
    pub fn poll_send(
        &self,
        document: DocumentId,
        parked: &ParkedRequests,
        host: &impl SharedData,
    ) -> Option<FetchRequest> {
        let unknown_kid = parked.is_awaited(Awaited { document, reason: RefreshReason::UnknownKid });
        of_kind!(self, document, |fetchers| fetchers.poll_send(document.issuer, host, unknown_kid))
    }

    /// The host accepted the request for the document. Its answer will have this number.
    pub fn on_sent(&self, document: DocumentId, call: u32) {
        of_kind!(self, document, |fetchers| fetchers.on_sent(document.issuer, call));
    }

    /// The host did not accept the request for the document.
    pub fn on_not_sent(&self, document: DocumentId, host: &impl SharedData) -> Option<FetchEvent> {
        of_kind!(self, document, |fetchers| fetchers.on_not_sent(document.issuer, host))
    }

    /// The document that the answer to this call is awaited for. `None` if its lease has expired since.
    pub fn awaiting(&self, call: u32) -> Option<DocumentId> {
        let keys = self.keys.awaiting(call).map(DocumentId::keys);
        keys.or_else(|| self.lists.awaiting(call).map(DocumentId::revocation_list))
    }

    /// The answer to the call for the document. It may lead to another request: see [`Self::poll_send`].
    pub fn on_response(
        &self,
        document: DocumentId,
        host: &impl SharedData,
        answer: HttpAnswer<'_>,
    ) -> Option<FetchEvent> {
        of_kind!(self, document, |fetchers| fetchers.on_response(document.issuer, host, answer))
    }

    /// Releases the leases of this VM, because the configuration is removed together with its calls under way.
    pub fn release(&self, host: &impl SharedData) {
        self.keys.release(host);
        self.lists.release(host);
    }

    /// The time until a scheduled request is due, if it is known.
    pub fn poll_timeout(&self, now: UnixTime) -> Option<Duration> {
        self.keys.poll_timeout(now).into_iter().chain(self.lists.poll_timeout(now)).min()
    }

    /// How long a request waits for a document.
    pub fn timeout(&self, document: DocumentId) -> Duration {
        of_kind!(self, document, |fetchers| fetchers.timeout(document.issuer))
    }

    /// The state of a document, which a parked request compares.
    pub fn version(&self, document: DocumentId, now: UnixTime) -> KeyVersion {
        of_kind!(self, document, |fetchers| fetchers.version(document.issuer, now))
    }

    /// The state of a document in this VM. `None` if it is not fetched.
    pub fn status(&self, document: DocumentId, now: UnixTime) -> Option<DocumentStatus> {
        of_kind!(self, document, |fetchers| fetchers.status(document.issuer, now))
    }

    /// The keys and the revocation lists of all issuers at one moment.
    pub fn at<'a, H: SharedData>(&'a self, now: UnixTime, host: &'a H) -> KeysAt<'a, H> {
        KeysAt { store: self, host, now }
    }
}

/// The keys and the lists of a [`KeyStore`] at one moment.
#[derive(Debug)]
pub struct KeysAt<'a, H> {
    store: &'a KeyStore,
    host: &'a H,
    now: UnixTime,
}

impl<H: SharedData> KeySource for KeysAt<'_, H> {
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>> {
        match self.store.inline.get(issuer.0)? {
            Some(keys) => Some(Rc::clone(keys)),
            None => self.store.keys.current(issuer, self.now),
        }
    }

    fn sync_and_look_up(&self, issuer: IssuerIndex, reason: RefreshReason) -> KeyLookup {
        self.store.keys.sync_and_look_up(issuer, self.host, reason)
    }

    fn age(&self, issuer: IssuerIndex) -> Option<Duration> {
        self.store.keys.age(issuer, self.now)
    }
}

impl<H: SharedData> RevocationSource for KeysAt<'_, H> {
    fn current_list(&self, issuer: IssuerIndex) -> Option<Rc<RevocationList>> {
        self.store.lists.current(issuer, self.now)
    }

    fn sync_and_look_up_list(&self, issuer: IssuerIndex) -> KeyLookup<RevocationList> {
        self.store.lists.sync_and_look_up(issuer, self.host, RefreshReason::Scheduled)
    }

    fn list_fetch_failed(&self, issuer: IssuerIndex) -> bool {
        self.store.lists.failed(issuer)
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

    const INLINE: DocumentId = DocumentId::keys(IssuerIndex(0));
    const FIRST: DocumentId = DocumentId::keys(IssuerIndex(1));
    const SECOND: DocumentId = DocumentId::keys(IssuerIndex(2));
    const UNKNOWN: DocumentId = DocumentId::keys(IssuerIndex(3));
    const LIST: DocumentId = DocumentId::revocation_list(IssuerIndex(2));

    fn fetched(url: &str) -> IssuerKeys {
        let location = Location::Endpoint(Endpoint::parse(url).unwrap());
        let source = Source { cluster: "keys".to_owned(), location };
        let entries = EntryNames::of(b"plugin", url, &source);
        let cache = KeyCache::new(times(), VmIdentity(1), entries, Jitter::from_bits(0));
        IssuerKeys::Fetched(Box::new(Fetcher::new(source, cache)))
    }

    fn store() -> KeyStore {
        let ParsedKeySet { keys, .. } = KeySet::parse(&set("inline")).unwrap();
        let inline = IssuerKeys::Inline(Rc::new(keys));
        let keys = [inline, fetched("https://a/keys"), fetched("https://b/keys")];
        KeyStore::new(keys.into_iter(), [None, None, None].into_iter())
    }

    /// A store whose last issuer has a revocation list.
    fn store_with_list() -> KeyStore {
        let keys = [fetched("https://a/keys"), fetched("https://a/keys"), fetched("https://b/keys")];
        let location = Location::Endpoint(Endpoint::parse("https://b/keys").unwrap());
        let source = Source { cluster: "keys".to_owned(), location };
        let entries = EntryNames::of_revocation_list(b"plugin", "https://b/keys", &source);
        let cache = KeyCache::new(times(), VmIdentity(1), entries, Jitter::from_bits(0));
        KeyStore::new(keys.into_iter(), [None, None, Some(Fetcher::new(source, cache))].into_iter())
    }

    /// The issuers whose keys have this kid.
    fn knowing(store: &KeyStore, host: &SimulatedHost, kid: &str) -> Vec<DocumentId> {
        let keys = store.at(host.now(), host);
        let issuers = [INLINE, FIRST, SECOND, UNKNOWN].into_iter();
        let has_kid = |keys: Rc<KeySet>| keys.has_kid(Some(kid));
        issuers.filter(|document| keys.current(document.issuer).is_some_and(has_kid)).collect()
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
        let answer = HttpAnswer { headers: &headers, length: body.len(), body: body.as_slice().into() };
        assert!(store.on_response(SECOND, &host, answer).is_some_and(|event| event.is_success()));
        assert_eq!(knowing(&store, &host, "inline"), [INLINE]);
        assert_eq!(knowing(&store, &host, "second"), [SECOND]);
        assert_eq!(store.awaiting(1), Some(FIRST), "the store still waits for the other answer");
        assert_ne!(store.version(FIRST, host.now()), store.version(SECOND, host.now()));
        let status = DocumentStatus { count: 1, age: Duration::ZERO, stale: false };
        assert_eq!(store.status(SECOND, host.now()), Some(status));
        store.release(&host);
        assert_eq!(store.awaiting(1), None);
    }

    #[test]
    fn the_keys_and_the_list_of_an_issuer_are_two_fetches() {
        let (host, store, parked) = (SimulatedHost::new(), store_with_list(), ParkedRequests::default());
        assert_eq!(store.fetched().last(), Some(LIST));
        for (document, call) in [(SECOND, 1), (LIST, 2)] {
            assert!(store.poll_send(document, &parked, &host).is_some());
            store.on_sent(document, call);
            assert_eq!(store.awaiting(call), Some(document));
        }
        let mut headers = HeaderMap::new();
        headers.append(":status", "200");
        let body = br#"{"items":[{"jti":"a"},{"jti":"b"}]}"#;
        let answer = HttpAnswer { headers: &headers, length: body.len(), body: body.as_slice().into() };
        let event = store.on_response(LIST, &host, answer);
        assert_eq!(event, Some(FetchEvent::ListRefreshed { items: 2, previous: 0 }));
        assert_eq!(store.awaiting(1), Some(SECOND), "the store still waits for the keys");
        let at = store.at(host.now(), &host);
        assert!(at.current_list(LIST.issuer).is_some() && at.current_list(FIRST.issuer).is_none());
        assert!(at.current(SECOND.issuer).is_none());
        let status = DocumentStatus { count: 2, age: Duration::ZERO, stale: false };
        assert_eq!(
            (store.status(LIST, host.now()), store.status(SECOND, host.now()).unwrap().count),
            (Some(status), 0)
        );
    }

    #[test]
    fn nothing_is_fetched_for_an_issuer_whose_keys_are_configured() {
        let (host, store, parked) = (SimulatedHost::new(), store(), ParkedRequests::default());
        for issuer in [INLINE, UNKNOWN] {
            assert_eq!(store.poll_send(issuer, &parked, &host), None);
            assert_eq!(store.status(issuer, host.now()), None);
            assert_eq!(store.timeout(issuer), Duration::ZERO);
            let lookup =
                store.at(host.now(), &host).sync_and_look_up(issuer.issuer, RefreshReason::UnknownKid);
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
            let answer = HttpAnswer { headers: &headers, length: body.len(), body: body.as_slice().into() };
            assert!(store.on_response(issuer, &host, answer).is_some());
            assert_eq!(store.poll_send(issuer, &parked, &host), None, "its keys are fresh");
        }
        let awaited = Awaited { document: SECOND, reason: RefreshReason::UnknownKid };
        let version = store.version(SECOND, host.now());
        assert!(parked.park(9, awaited, version, host.now(), store.timeout(SECOND)).is_some());
        assert_eq!(store.poll_send(FIRST, &parked, &host), None);
        assert!(store.poll_send(SECOND, &parked, &host).is_some());
    }
}
