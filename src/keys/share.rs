//! One VM's part in the keys of an issuer: what it holds, and how it keeps in step with the others.
//!
//! Everything that several VMs do to the shared record at once is here, over a port to the host
//! ([`SharedData`]), so that tests run several VMs over one map. The requests to the issuer are the
//! [`fetcher`](super::fetcher)'s.

mod port;

use std::rc::Rc;
use std::time::Duration;

pub use port::{Shared, SharedData, Swap};

use super::answer::GoodAnswer;
use super::record::{Entries, StoredKeys, fingerprint};
use super::{Chance, Control, Decision, KeyLookup, KeyTimes, Need, SetId, Usable, VmIdentity, ahead, pause};
use crate::jose::jwks::{KeySet, ParsedKeySet};
use crate::time::UnixTime;

/// Attempts at a swap that others keep winning; then the next round tries.
const SWAP_ATTEMPTS: usize = 8;

/// What became of a good answer. One VM of the process learns of each change: the one that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// The lease had ended: somebody else's answer counts.
    TooLate,
    /// The same set as before; `recovered` says that refreshes failed before.
    Same {
        /// After failures.
        recovered: bool,
    },
    /// Another set, or the first.
    Changed,
}

/// What a failure changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The lease had ended: it is somebody else's to tell.
    TooLate,
    /// It failed before, and nothing changed by that.
    StillFailing,
    /// The first failure, with what there is meanwhile.
    BeganToFail(Usable),
    /// The last good keys have become too old since the failure before.
    RanOut,
}

/// One VM's part.
#[derive(Debug)]
pub struct Share {
    times: KeyTimes,
    vm: VmIdentity,
    entries: Entries,
    control: Control,
    loaded: Option<Loaded>,
    chance: Chance,
    /// A token asked for another kid, whether or not its request waits.
    wanted: bool,
    /// The requests that this VM could not send, if it has sent none since.
    unsent: Option<Unsent>,
    /// When unknown kids had last forced a refresh as this VM took its lease.
    forced_before: UnixTime,
}

#[derive(Debug, Clone, Copy)]
struct Unsent {
    /// Before the last one.
    times: u32,
    /// The last one.
    at: UnixTime,
    /// How long this VM leaves the fetching to others.
    pause: Duration,
}

#[derive(Debug)]
struct Loaded {
    /// The record when it last named this set: with it go the times in which the set may be used. Where the set of
    /// a newer record cannot be read, this one serves in its own time.
    control: Control,
    source: String,
    etag: Option<String>,
    keys: Rc<KeySet>,
}

impl Share {
    /// Before anything was read.
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

    /// The operator's times.
    pub fn times(&self) -> &KeyTimes {
        &self.times
    }

    /// The record as it was read last.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The keys that judge now.
    pub fn keys(&self, now: UnixTime) -> Option<Rc<KeySet>> {
        let loaded = self.loaded.as_ref()?;
        (loaded.control.usable(&self.times, now) != Usable::No).then(|| Rc::clone(&loaded.keys))
    }

    /// What this VM has to judge with: the number of keys, their age, and whether they are past their time.
    pub fn holding(&self, now: UnixTime) -> (usize, Duration, bool) {
        self.loaded.as_ref().map_or((0, Duration::ZERO, false), |loaded| {
            let usable = loaded.control.usable(&self.times, now);
            let keys = if usable == Usable::No { 0 } else { loaded.keys.len() };
            (keys, now.since(loaded.control.fetched_at), usable != Usable::Fresh)
        })
    }

    /// How long ago the keys of this VM were fetched, if it has any.
    pub fn age(&self, now: UnixTime) -> Option<Duration> {
        self.loaded.as_ref().map(|loaded| now.since(loaded.control.fetched_at))
    }

    /// The set that this VM holds.
    pub fn held(&self) -> SetId {
        self.loaded.as_ref().map_or(SetId::NONE, |loaded| loaded.control.set)
    }

    /// Reads the shared record, and the keys where it names others. These are judged like an answer: anything with
    /// the same `vm_id` can write them.
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

    /// Whether this VM is to fetch now: it takes the lease if so. `unknown_kids` says that requests wait for one.
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

    /// A set that the record names and that cannot be read is missed like an unknown kid: at once, but once a
    /// cooldown, or whatever keeps writing over it would make us flood the issuer.
    fn decide(&self, need: Need, now: UnixTime) -> Decision {
        let unreadable = self.control.set != SetId::NONE && self.held() != self.control.set;
        let need = if unreadable { Need::UnknownKid } else { need };
        let decision = self.control.decide(&self.times, need, self.vm, now, self.chance);
        match (decision, self.pause_after_unsent(now)) {
            (Decision::Fetch(_), Some(moment)) => Decision::NotBefore(moment),
            (decision, _) => decision,
        }
    }

    /// Until when this VM leaves the fetching to others.
    fn pause_after_unsent(&self, now: UnixTime) -> Option<UnixTime> {
        let Unsent { at, pause, .. } = self.unsent?;
        ahead(at, at.saturating_add(pause), pause, now)
    }

    /// The request that is to bring keys is under way; one for a document that only names their place is not that.
    pub fn sent(&mut self) {
        self.unsent = None;
    }

    /// The host did not take the request. That says nothing about the issuer: Envoy's main thread ticks before it
    /// knows the clusters, and a back-off that it caused would be everybody's at every start. So only this VM
    /// pauses. `None` where it is the first time in a row: nothing to tell anybody yet.
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

    /// Whether an answer to this VM would still count.
    pub fn holds_lease(&self, now: UnixTime) -> bool {
        self.control.is_held_by(self.vm, now)
    }

    /// Gives the lease back, as where the configuration goes while its callout is under way.
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

    /// The validator of the set that the record names, and which set that is, for a request to `source`.
    pub fn validator(&self, source: &str) -> Option<(String, SetId)> {
        let loaded = self.loaded.as_ref()?;
        let fits = loaded.control.set == self.control.set && loaded.source == source;
        loaded.etag.clone().filter(|_| fits).map(|etag| (etag, loaded.control.set))
    }

    /// Stores what came from `source`, unless the lease was lost meanwhile. `asked` is the set that a validator
    /// was sent of.
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
            // A 304 speaks of the set that was asked about and of no other.
            if !self.holds_lease(now) || (set.is_none() && asked != Some(before.set)) {
                return Stored::TooLate;
            }
            // In another order they are the same keys: the text that is stored stays, and with it its validator.
            let set = set.filter(|(keys, _)| text == before.set.fingerprint || !self.holds(before.set, keys));
            let next = before.succeeded(&self.times, set.map(|_| text), max_age, now);
            if let Some((_, etag)) = set {
                let stored = StoredKeys {
                    generation: next.set.generation,
                    source: source.to_owned(),
                    etag: etag.clone(),
                    text: body.to_vec(),
                };
                // Before the record that names it. Where the swap is lost, the record's fingerprint tells
                // that this is not the text that it means.
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

    /// Whether this VM holds that set, and it is of those keys.
    fn holds(&self, set: SetId, keys: &KeySet) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.control.set == set && loaded.keys.equals(keys))
    }

    /// Puts the next attempt off, unless the lease was lost meanwhile.
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

    /// Looks once more for a request that found no keys, or not the one that its token names.
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

    /// How long until there is something to do that no request asks for.
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
