//! The cache of one VM for one document of an issuer, synchronized with the other VMs of the process. The document is a
//! key set or a revocation list.
//!
//! This file has all concurrent changes to the shared record. The host is a trait ([`SharedData`]), so that tests can
//! run several VMs on one map. The [`fetcher`](super::fetcher) makes the requests to the issuer.

mod outcome;
mod shared_data;

use std::rc::Rc;
use std::time::Duration;

pub use outcome::{FailureOutcome, StoreOutcome};
pub use shared_data::{SharedData, SharedEntry, Swap};

use super::answer::GoodAnswer;
use super::document::FetchedDocument;
use super::record::{EntryNames, StoredKeys, fingerprint};
use super::{
    Freshness, Jitter, KeyLookup, RefreshDecision, RefreshReason, RefreshState, RefreshTimings, SetId,
    VmIdentity, if_in_future, pause,
};
use crate::jose::jwks::KeySet;
use crate::revocation::HashKey;
use crate::time::UnixTime;

/// The number of attempts at a swap while other VMs keep winning. After that, the next tick tries again.
const SWAP_ATTEMPTS: usize = 8;

/// The cache of one VM for one document of an issuer.
#[derive(Debug)]
pub struct KeyCache<D = KeySet> {
    times: RefreshTimings,
    vm: VmIdentity,
    entries: EntryNames,
    state: RefreshState,
    loaded: Option<LoadedDocument<D>>,
    jitter: Jitter,
    /// A token had an unknown kid, whether or not its request waits.
    unknown_kid_pending: bool,
    /// The requests that this VM could not send since it last sent one.
    send_failures: Option<SendFailures>,
    /// The value of `forced_at` before this VM took its lease.
    previous_forced_at: UnixTime,
}

#[derive(Debug, Clone, Copy)]
struct SendFailures {
    /// The number of consecutive failures before the last one.
    previous: u32,
    /// When the last one failed.
    at: UnixTime,
    /// How long this VM does not fetch, while other VMs can.
    pause: Duration,
}

#[derive(Debug)]
struct LoadedDocument<D> {
    /// The record when it last named this document. It has the times in which the document may be used. If the document
    /// of a newer record cannot be read, this one is used within its own times.
    state: RefreshState,
    source: String,
    etag: Option<String>,
    document: Rc<D>,
}

impl<D: FetchedDocument> KeyCache<D> {
    /// An empty cache.
    pub fn new(times: RefreshTimings, vm: VmIdentity, entries: EntryNames, jitter: Jitter) -> Self {
        Self {
            times,
            vm,
            entries,
            state: RefreshState::UNKNOWN,
            loaded: None,
            jitter,
            unknown_kid_pending: false,
            send_failures: None,
            previous_forced_at: RefreshState::UNKNOWN.forced_at,
        }
    }

    /// The configured times.
    pub fn times(&self) -> &RefreshTimings {
        &self.times
    }

    /// The record as this VM last read it.
    pub fn state(&self) -> &RefreshState {
        &self.state
    }

    /// The document that may be used now.
    pub fn current(&self, now: UnixTime) -> Option<Rc<D>> {
        let loaded = self.loaded.as_ref()?;
        (loaded.state.freshness(&self.times, now) != Freshness::Unusable).then(|| Rc::clone(&loaded.document))
    }

    /// The number of usable keys or items of this VM, their age, and whether they are stale.
    pub fn status(&self, now: UnixTime) -> (usize, Duration, bool) {
        self.loaded.as_ref().map_or((0, Duration::ZERO, false), |loaded| {
            let freshness = loaded.state.freshness(&self.times, now);
            let count = if freshness == Freshness::Unusable { 0 } else { loaded.document.len() };
            (count, now.since(loaded.state.fetched_at), freshness != Freshness::Fresh)
        })
    }

    /// The number of keys or items of the document that this VM has loaded, whether or not it may be used.
    pub fn loaded_len(&self) -> usize {
        self.loaded.as_ref().map_or(0, |loaded| loaded.document.len())
    }

    /// The key for the hashes of the next document: that of the loaded one, so that equal documents have equal bytes.
    pub fn hash_key(&self, host: &impl SharedData) -> HashKey {
        let loaded = self.loaded.as_ref().and_then(|loaded| loaded.document.hash_key());
        loaded.unwrap_or_else(|| HashKey::from_bits([host.random_bits(), host.random_bits()]))
    }

    /// The time since the document of this VM was fetched, if it has any.
    pub fn age(&self, now: UnixTime) -> Option<Duration> {
        self.loaded.as_ref().map(|loaded| now.since(loaded.state.fetched_at))
    }

    /// The set that this VM has loaded.
    pub fn current_set(&self) -> SetId {
        self.loaded.as_ref().map_or(SetId::NONE, |loaded| loaded.state.set)
    }

    /// Reads the shared record, and the keys if the record names another set. The keys are validated like an answer of
    /// the issuer, because every module with the same `vm_id` can write them.
    pub fn sync(&mut self, host: &impl SharedData) -> SharedEntry {
        let shared = host.read(&self.entries.state);
        self.state = shared.bytes.as_deref().and_then(RefreshState::decode).unwrap_or(RefreshState::UNKNOWN);
        let named = self.state.set;
        if named == SetId::NONE {
            return shared;
        }
        match &mut self.loaded {
            Some(loaded) if loaded.state.set == named => loaded.state = self.state,
            _ => {
                let stored = host.read(&self.entries.keys).bytes;
                if let Some(loaded) = stored.and_then(|bytes| load(bytes, self.state)) {
                    self.loaded = Some(loaded);
                    self.jitter = host.jitter();
                }
            }
        }
        shared
    }

    /// Takes the lease if a fetch is due, and returns whether it did. `unknown_kids` means that requests wait for an
    /// unknown kid.
    pub fn take_lease(&mut self, host: &impl SharedData, unknown_kids: bool) -> bool {
        let unknown_kids = std::mem::take(&mut self.unknown_kid_pending) || unknown_kids;
        self.take_lease_for(host, RefreshReason::Scheduled)
            || (unknown_kids && self.take_lease_for(host, RefreshReason::UnknownKid))
    }

    fn take_lease_for(&mut self, host: &impl SharedData, reason: RefreshReason) -> bool {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.sync(host);
            let RefreshDecision::Fetch(taken) = self.decide(reason, host.now()) else { return false };
            let previous_forced_at = self.state.forced_at;
            if host.swap(&self.entries.state, &shared, &taken.encode()) == Swap::Done {
                self.state = taken;
                self.previous_forced_at = previous_forced_at;
                return true;
            }
        }
        false
    }

    /// Decides on a fetch. If the set that the record names cannot be read, this counts as an unknown kid: it is
    /// fetched at once, but only once per cooldown. Otherwise another module that keeps overwriting the entry would
    /// make the filter flood the issuer.
    fn decide(&self, reason: RefreshReason, now: UnixTime) -> RefreshDecision {
        let unreadable = self.state.set != SetId::NONE && self.current_set() != self.state.set;
        let reason = if unreadable { RefreshReason::UnknownKid } else { reason };
        let decision = self.state.decide(&self.times, reason, self.vm, now, self.jitter);
        match (decision, self.pause_after_unsent(now)) {
            (RefreshDecision::Fetch(_), Some(moment)) => RefreshDecision::NotBefore(moment),
            (decision, _) => decision,
        }
    }

    /// The time until which this VM does not fetch, while other VMs can.
    fn pause_after_unsent(&self, now: UnixTime) -> Option<UnixTime> {
        let SendFailures { at, pause, .. } = self.send_failures?;
        if_in_future(at, at.saturating_add(pause), pause, now)
    }

    /// The request for the keys was sent. A request for a discovery document does not count.
    pub fn sent(&mut self) {
        self.send_failures = None;
    }

    /// The host did not accept the request. The cause is not the issuer: Envoy's main thread ticks before it knows the
    /// clusters. If this caused a back-off of the process, every start would be delayed. Therefore only this VM pauses.
    /// `None` for the first of consecutive failures, which is not reported.
    pub fn not_sent(&mut self, host: &impl SharedData) -> Option<FailureOutcome> {
        let previous = self.send_failures.map_or(0, |failures| failures.previous.saturating_add(1));
        let pause = pause(previous, &self.times, host.jitter());
        self.send_failures = Some(SendFailures { previous, at: host.now(), pause });
        let previous_forced_at = self.previous_forced_at;
        if previous == 0 {
            self.give_back(host, |held| held.withdrawn(previous_forced_at));
            return None;
        }
        Some(self.fail(host, |before, times, now| before.not_sent(times, now, previous_forced_at)))
    }

    /// Whether this VM holds the lease, so that an answer to it counts.
    pub fn holds_lease(&self, now: UnixTime) -> bool {
        self.state.is_held_by(self.vm, now)
    }

    /// Releases the lease, for example if the configuration is removed while a callout is under way.
    pub fn release(&mut self, host: &impl SharedData) {
        self.give_back(host, RefreshState::released);
    }

    fn give_back(&mut self, host: &impl SharedData, without: impl Fn(&RefreshState) -> RefreshState) {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.sync(host);
            let released = without(&self.state);
            if !self.holds_lease(host.now())
                || host.swap(&self.entries.state, &shared, &released.encode()) == Swap::Done
            {
                return;
            }
        }
    }

    /// The `ETag` and the identity of the set that the record names, for a request to `source`.
    pub fn validator(&self, source: &str) -> Option<(String, SetId)> {
        let loaded = self.loaded.as_ref()?;
        let fits = loaded.state.set == self.state.set && loaded.source == source;
        loaded.etag.clone().filter(|_| fits).map(|etag| (etag, loaded.state.set))
    }

    /// Stores a good answer from `source`, unless the lease was lost meanwhile. `conditional_on` is the set whose `ETag` was
    /// sent.
    pub fn succeeded(
        &mut self,
        host: &impl SharedData,
        good: &GoodAnswer<D>,
        conditional_on: Option<SetId>,
        source: &str,
        body: &[u8],
    ) -> StoreOutcome {
        let (set, max_age) = match good {
            GoodAnswer::Document { document, etag, max_age, .. } => (Some((document, etag)), *max_age),
            GoodAnswer::NotModified { max_age } => (None, *max_age),
        };
        let stored = set.map_or(body, |(document, _)| document.stored(body));
        let text = fingerprint(stored);
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.sync(host);
            let now = host.now();
            let before = self.state;
            // A 304 confirms only the set whose ETag was sent.
            if !self.holds_lease(now) || (set.is_none() && conditional_on != Some(before.set)) {
                return StoreOutcome::LeaseLost;
            }
            // The same keys in another order are the same set: the stored text and its ETag stay.
            let set = set
                .filter(|(document, _)| text == before.set.fingerprint || !self.holds(before.set, document));
            let next = before.succeeded(&self.times, set.map(|_| text), max_age, now);
            if let Some((_, etag)) = set {
                let generation = next.set.generation;
                let stored = StoredKeys::encode_parts(generation, source, etag.as_deref(), stored);
                // The text is written before the record that names it. If the swap is lost, the fingerprint in the
                // record does not match this text.
                host.write(&self.entries.keys, &stored);
            }
            if host.swap(&self.entries.state, &shared, &next.encode()) == Swap::Done {
                self.state = next;
                if let Some((document, etag)) = set {
                    let document = match self.loaded.take() {
                        Some(loaded) if loaded.state.set == next.set => loaded.document,
                        _ => Rc::clone(document),
                    };
                    let (source, etag) = (source.to_owned(), etag.clone());
                    self.loaded = Some(LoadedDocument { state: next, source, etag, document });
                } else if let Some(loaded) = &mut self.loaded {
                    loaded.state = next;
                }
                self.jitter = host.jitter();
                return match next.set == before.set {
                    true => StoreOutcome::Unchanged { recovered: before.failures > 0 },
                    false => StoreOutcome::Replaced,
                };
            }
        }
        StoreOutcome::LeaseLost
    }

    /// Whether this VM has loaded this set, and the set has the content of this document.
    fn holds(&self, set: SetId, document: &D) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.state.set == set && loaded.document.equals(document))
    }

    /// Records a failed fetch and delays the next attempt, unless the lease was lost meanwhile.
    pub fn failed(&mut self, host: &impl SharedData) -> FailureOutcome {
        let jitter = host.jitter();
        self.fail(host, |before, times, now| before.failed(times, now, jitter))
    }

    fn fail(
        &mut self,
        host: &impl SharedData,
        after: impl Fn(&RefreshState, &RefreshTimings, UnixTime) -> RefreshState,
    ) -> FailureOutcome {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.sync(host);
            let now = host.now();
            if !self.holds_lease(now) {
                return FailureOutcome::LeaseLost;
            }
            let before = self.state;
            let next = after(&before, &self.times, now);
            if host.swap(&self.entries.state, &shared, &next.encode()) == Swap::Done {
                self.state = next;
                if let Some(loaded) = self.loaded.as_mut().filter(|loaded| loaded.state.set == next.set) {
                    loaded.state = next;
                }
                let freshness = next.freshness(&self.times, now);
                let ran_out = freshness == Freshness::Unusable
                    && before.freshness(&self.times, before.failed_at) != Freshness::Unusable;
                return match before.failures {
                    0 => FailureOutcome::First(freshness),
                    _ if ran_out => FailureOutcome::KeysExpired,
                    _ => FailureOutcome::Repeated,
                };
            }
        }
        FailureOutcome::LeaseLost
    }

    /// Looks again for a request that found no keys, or no key with the kid of its token.
    pub fn sync_and_look_up(&mut self, host: &impl SharedData, reason: RefreshReason) -> KeyLookup<D> {
        let had = self.current_set();
        self.sync(host);
        let now = host.now();
        if let Some(document) =
            self.current(now).filter(|_| reason == RefreshReason::Scheduled || self.current_set() != had)
        {
            return KeyLookup::Updated(document);
        }
        let decision = self.decide(reason, now);
        self.unknown_kid_pending |=
            reason == RefreshReason::UnknownKid && matches!(decision, RefreshDecision::Fetch(_));
        match decision {
            RefreshDecision::Fetch(_) | RefreshDecision::InFlight => KeyLookup::Pending,
            RefreshDecision::NotBefore(moment) | RefreshDecision::FreshUntil(moment) => {
                KeyLookup::Unavailable { retry_after: moment.since(now) }
            }
        }
    }

    /// The time until a scheduled fetch is due. `None` while a fetch is under way.
    pub fn idle_for(&self, now: UnixTime) -> Option<Duration> {
        match self.decide(RefreshReason::Scheduled, now) {
            RefreshDecision::Fetch(_) => Some(Duration::ZERO),
            RefreshDecision::InFlight => None,
            RefreshDecision::NotBefore(moment) | RefreshDecision::FreshUntil(moment) => {
                Some(moment.since(now))
            }
        }
    }
}

fn load<D: FetchedDocument>(bytes: Vec<u8>, state: RefreshState) -> Option<LoadedDocument<D>> {
    let stored = StoredKeys::decode(bytes).filter(|stored| stored.id() == state.set)?;
    let document = Rc::new(D::load(stored.text)?);
    Some(LoadedDocument { state, source: stored.source, etag: stored.etag, document })
}

#[cfg(test)]
mod tests;
