//! The key cache of one VM for one issuer, synchronized with the other VMs of the process.
//!
//! This file has all concurrent changes to the shared record. The host is a trait ([`SharedData`]), so that tests can
//! run several VMs on one map. The [`fetcher`](super::fetcher) makes the requests to the issuer.

mod port;

use std::rc::Rc;
use std::time::Duration;

pub use port::{Shared, SharedData, Swap};

use super::answer::GoodAnswer;
use super::record::{Entries, StoredKeys, fingerprint};
use super::{Chance, Control, Decision, KeyLookup, KeyTimes, Need, SetId, Usable, VmIdentity, ahead, pause};
use crate::jose::jwks::{KeySet, ParsedKeySet};
use crate::time::UnixTime;

/// The number of attempts at a swap while other VMs keep winning. After that, the next tick tries again.
const SWAP_ATTEMPTS: usize = 8;

/// The outcome of storing a good answer. For each change, one VM of the process gets [`Stored::Changed`]: the VM that
/// made the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// The answer was dropped: the lease was lost, or a 304 confirms another set than the current one.
    TooLate,
    /// The set did not change.
    Same {
        /// Whether fetches had failed since the last good answer.
        recovered: bool,
    },
    /// The set was replaced, or it is the first.
    Changed,
}

/// The outcome of recording a failed fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The lease was lost. The VM that holds it reports its own outcome.
    TooLate,
    /// The fetch before failed as well, and whether there are usable keys did not change.
    StillFailing,
    /// The first failure, and whether there are usable keys meanwhile.
    BeganToFail(Usable),
    /// The last good keys have expired since the failure before.
    RanOut,
}

/// The key cache of one VM for one issuer.
#[derive(Debug)]
pub struct Share {
    times: KeyTimes,
    vm: VmIdentity,
    entries: Entries,
    control: Control,
    loaded: Option<Loaded>,
    chance: Chance,
    /// A token had an unknown kid, whether or not its request waits.
    wanted: bool,
    /// The requests that this VM could not send since it last sent one.
    unsent: Option<Unsent>,
    /// The value of `forced_at` before this VM took its lease.
    forced_before: UnixTime,
}

#[derive(Debug, Clone, Copy)]
struct Unsent {
    /// The number of such requests before the last one.
    times: u32,
    /// When the last one failed.
    at: UnixTime,
    /// How long this VM does not fetch, while other VMs can.
    pause: Duration,
}

#[derive(Debug)]
struct Loaded {
    /// The record when it last named this set. It has the times in which the set may be used. If the set of a newer
    /// record cannot be read, this set is used within its own times.
    control: Control,
    source: String,
    etag: Option<String>,
    keys: Rc<KeySet>,
}

impl Share {
    /// An empty cache.
    pub fn new(times: KeyTimes, vm: VmIdentity, entries: Entries, chance: Chance) -> Self {
        Self {
            times,
            vm,
            entries,
            control: Control::UNKNOWN,
            loaded: None,
            chance,
            wanted: false,
            unsent: None,
            forced_before: Control::UNKNOWN.forced_at,
        }
    }

    /// The configured times.
    pub fn times(&self) -> &KeyTimes {
        &self.times
    }

    /// The record as this VM last read it.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The keys that may verify tokens now.
    pub fn keys(&self, now: UnixTime) -> Option<Rc<KeySet>> {
        let loaded = self.loaded.as_ref()?;
        (loaded.control.usable(&self.times, now) != Usable::No).then(|| Rc::clone(&loaded.keys))
    }

    /// The number of usable keys of this VM, their age, and whether they are stale.
    pub fn holding(&self, now: UnixTime) -> (usize, Duration, bool) {
        self.loaded.as_ref().map_or((0, Duration::ZERO, false), |loaded| {
            let usable = loaded.control.usable(&self.times, now);
            let keys = if usable == Usable::No { 0 } else { loaded.keys.len() };
            (keys, now.since(loaded.control.fetched_at), usable != Usable::Fresh)
        })
    }

    /// The time since the keys of this VM were fetched, if it has any.
    pub fn age(&self, now: UnixTime) -> Option<Duration> {
        self.loaded.as_ref().map(|loaded| now.since(loaded.control.fetched_at))
    }

    /// The set that this VM has loaded.
    pub fn held(&self) -> SetId {
        self.loaded.as_ref().map_or(SetId::NONE, |loaded| loaded.control.set)
    }

    /// Reads the shared record, and the keys if the record names another set. The keys are validated like an answer of
    /// the issuer, because every module with the same `vm_id` can write them.
    pub fn synchronise(&mut self, host: &impl SharedData) -> Shared {
        let shared = host.read(&self.entries.control);
        self.control = shared.bytes.as_deref().and_then(Control::decode).unwrap_or(Control::UNKNOWN);
        let named = self.control.set;
        if named == SetId::NONE {
            return shared;
        }
        match &mut self.loaded {
            Some(loaded) if loaded.control.set == named => loaded.control = self.control,
            _ => {
                let stored = host.read(&self.entries.keys).bytes;
                if let Some(loaded) = stored.and_then(|bytes| load(&bytes, self.control)) {
                    self.loaded = Some(loaded);
                    self.chance = host.chance();
                }
            }
        }
        shared
    }

    /// Takes the lease if a fetch is due, and returns whether it did. `unknown_kids` means that requests wait for an
    /// unknown kid.
    pub fn take_lease(&mut self, host: &impl SharedData, unknown_kids: bool) -> bool {
        let unknown_kids = std::mem::take(&mut self.wanted) || unknown_kids;
        self.take_lease_for(host, Need::Scheduled)
            || (unknown_kids && self.take_lease_for(host, Need::UnknownKid))
    }

    fn take_lease_for(&mut self, host: &impl SharedData, need: Need) -> bool {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.synchronise(host);
            let Decision::Fetch(taken) = self.decide(need, host.now()) else { return false };
            let forced_before = self.control.forced_at;
            if host.swap(&self.entries.control, &shared, &taken.encode()) == Swap::Done {
                self.control = taken;
                self.forced_before = forced_before;
                return true;
            }
        }
        false
    }

    /// Decides on a fetch. If the set that the record names cannot be read, this counts as an unknown kid: it is
    /// fetched at once, but only once per cooldown. Otherwise another module that keeps overwriting the entry would
    /// make the filter flood the issuer.
    fn decide(&self, need: Need, now: UnixTime) -> Decision {
        let unreadable = self.control.set != SetId::NONE && self.held() != self.control.set;
        let need = if unreadable { Need::UnknownKid } else { need };
        let decision = self.control.decide(&self.times, need, self.vm, now, self.chance);
        match (decision, self.pause_after_unsent(now)) {
            (Decision::Fetch(_), Some(moment)) => Decision::NotBefore(moment),
            (decision, _) => decision,
        }
    }

    /// The time until which this VM does not fetch, while other VMs can.
    fn pause_after_unsent(&self, now: UnixTime) -> Option<UnixTime> {
        let Unsent { at, pause, .. } = self.unsent?;
        ahead(at, at.saturating_add(pause), pause, now)
    }

    /// The request for the keys was sent. A request for a discovery document does not count.
    pub fn sent(&mut self) {
        self.unsent = None;
    }

    /// The host did not accept the request. The cause is not the issuer: Envoy's main thread ticks before it knows the
    /// clusters. If this caused a back-off of the process, every start would be delayed. Therefore only this VM pauses.
    /// `None` if this is the first time in a row, which is not worth a report.
    pub fn not_sent(&mut self, host: &impl SharedData) -> Option<Kept> {
        let times = self.unsent.map_or(0, |unsent| unsent.times.saturating_add(1));
        let pause = pause(times, &self.times, host.chance());
        self.unsent = Some(Unsent { times, at: host.now(), pause });
        let forced_before = self.forced_before;
        if times == 0 {
            self.give_back(host, |held| held.withdrawn(forced_before));
            return None;
        }
        Some(self.fail(host, |before, times, now| before.not_sent(times, now, forced_before)))
    }

    /// Whether this VM holds the lease, so that an answer to it counts.
    pub fn holds_lease(&self, now: UnixTime) -> bool {
        self.control.is_held_by(self.vm, now)
    }

    /// Releases the lease, for example if the configuration is removed while a callout is under way.
    pub fn release(&mut self, host: &impl SharedData) {
        self.give_back(host, Control::released);
    }

    fn give_back(&mut self, host: &impl SharedData, without: impl Fn(&Control) -> Control) {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.synchronise(host);
            let released = without(&self.control);
            if !self.holds_lease(host.now())
                || host.swap(&self.entries.control, &shared, &released.encode()) == Swap::Done
            {
                return;
            }
        }
    }

    /// The `ETag` and the identity of the set that the record names, for a request to `source`.
    pub fn validator(&self, source: &str) -> Option<(String, SetId)> {
        let loaded = self.loaded.as_ref()?;
        let fits = loaded.control.set == self.control.set && loaded.source == source;
        loaded.etag.clone().filter(|_| fits).map(|etag| (etag, loaded.control.set))
    }

    /// Stores a good answer from `source`, unless the lease was lost meanwhile. `asked` is the set whose `ETag` was
    /// sent.
    pub fn succeeded(
        &mut self,
        host: &impl SharedData,
        good: &GoodAnswer,
        asked: Option<SetId>,
        source: &str,
        body: &[u8],
    ) -> Stored {
        let (set, max_age) = match good {
            GoodAnswer::Keys { keys, etag, max_age, .. } => (Some((keys, etag)), *max_age),
            GoodAnswer::NotModified { max_age } => (None, *max_age),
        };
        let text = fingerprint(body);
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.synchronise(host);
            let now = host.now();
            let before = self.control;
            // A 304 confirms only the set whose ETag was sent.
            if !self.holds_lease(now) || (set.is_none() && asked != Some(before.set)) {
                return Stored::TooLate;
            }
            // The same keys in another order are the same set: the stored text and its ETag stay.
            let set = set.filter(|(keys, _)| text == before.set.fingerprint || !self.holds(before.set, keys));
            let next = before.succeeded(&self.times, set.map(|_| text), max_age, now);
            if let Some((_, etag)) = set {
                let stored = StoredKeys {
                    generation: next.set.generation,
                    source: source.to_owned(),
                    etag: etag.clone(),
                    text: body.to_vec(),
                };
                // The text is written before the record that names it. If the swap is lost, the fingerprint in the
                // record does not match this text.
                host.write(&self.entries.keys, &stored.encode());
            }
            if host.swap(&self.entries.control, &shared, &next.encode()) == Swap::Done {
                self.control = next;
                if let Some((keys, etag)) = set {
                    let keys = match self.loaded.take() {
                        Some(loaded) if loaded.control.set == next.set => loaded.keys,
                        _ => Rc::new(keys.clone()),
                    };
                    let (source, etag) = (source.to_owned(), etag.clone());
                    self.loaded = Some(Loaded { control: next, source, etag, keys });
                } else if let Some(loaded) = &mut self.loaded {
                    loaded.control = next;
                }
                self.chance = host.chance();
                return match next.set == before.set {
                    true => Stored::Same { recovered: before.failures > 0 },
                    false => Stored::Changed,
                };
            }
        }
        Stored::TooLate
    }

    /// Whether this VM has loaded this set, and the set has these keys.
    fn holds(&self, set: SetId, keys: &KeySet) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.control.set == set && loaded.keys.equals(keys))
    }

    /// Records a failed fetch and delays the next attempt, unless the lease was lost meanwhile.
    pub fn failed(&mut self, host: &impl SharedData) -> Kept {
        let chance = host.chance();
        self.fail(host, |before, times, now| before.failed(times, now, chance))
    }

    fn fail(
        &mut self,
        host: &impl SharedData,
        after: impl Fn(&Control, &KeyTimes, UnixTime) -> Control,
    ) -> Kept {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.synchronise(host);
            let now = host.now();
            if !self.holds_lease(now) {
                return Kept::TooLate;
            }
            let before = self.control;
            let next = after(&before, &self.times, now);
            if host.swap(&self.entries.control, &shared, &next.encode()) == Swap::Done {
                self.control = next;
                if let Some(loaded) = self.loaded.as_mut().filter(|loaded| loaded.control.set == next.set) {
                    loaded.control = next;
                }
                let usable = next.usable(&self.times, now);
                let ran_out =
                    usable == Usable::No && before.usable(&self.times, before.failed_at) != Usable::No;
                return match before.failures {
                    0 => Kept::BeganToFail(usable),
                    _ if ran_out => Kept::RanOut,
                    _ => Kept::StillFailing,
                };
            }
        }
        Kept::TooLate
    }

    /// Looks again for a request that found no keys, or no key with the kid of its token.
    pub fn look_again(&mut self, host: &impl SharedData, need: Need) -> KeyLookup {
        let had = self.held();
        self.synchronise(host);
        let now = host.now();
        if let Some(keys) = self.keys(now).filter(|_| need == Need::Scheduled || self.held() != had) {
            return KeyLookup::Updated(keys);
        }
        let decision = self.decide(need, now);
        self.wanted |= need == Need::UnknownKid && matches!(decision, Decision::Fetch(_));
        match decision {
            Decision::Fetch(_) | Decision::InFlight => KeyLookup::Pending,
            Decision::NotBefore(moment) | Decision::FreshUntil(moment) => {
                KeyLookup::Unavailable { retry_after: moment.since(now) }
            }
        }
    }

    /// The time until a scheduled fetch is due. `None` while a fetch is under way.
    pub fn idle_for(&self, now: UnixTime) -> Option<Duration> {
        match self.decide(Need::Scheduled, now) {
            Decision::Fetch(_) => Some(Duration::ZERO),
            Decision::InFlight => None,
            Decision::NotBefore(moment) | Decision::FreshUntil(moment) => Some(moment.since(now)),
        }
    }
}

fn load(bytes: &[u8], control: Control) -> Option<Loaded> {
    let stored = StoredKeys::decode(bytes).filter(|stored| stored.id() == control.set)?;
    let ParsedKeySet { keys, .. } = KeySet::parse(&stored.text).ok()?;
    Some(Loaded { control, source: stored.source, etag: stored.etag, keys: Rc::new(keys) })
}

#[cfg(test)]
mod tests;
