//! Requests that wait for keys, without I/O: a bounded number, each with a deadline.
//!
//! [`ParkedRequests::poll_ready`] says which requests to decide again and why. The caller decides each, and then parks
//! it again with [`ParkedRequests::repark`] or ends its wait with [`ParkedRequests::remove`].

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::{RefreshReason, RefreshState, SetId, was_written_ahead};
use crate::issuer_index::IssuerIndex;
use crate::time::UnixTime;

/// So many requests of a worker may wait for first keys.
const MAX_WAITING_FOR_FIRST_KEYS: usize = 1000;
/// So many for a kid that the keys lack: anyone can make those up.
const MAX_WAITING_FOR_UNKNOWN_KIDS: usize = 64;
/// So many are decided in one round. A thousand signatures at once would hold up whatever else the worker serves:
/// 50 µs each where the host verifies, 1 ms where the module does.
const ROUND: usize = 32;

/// The state of an issuer's keys that a parked request was decided by. It is decided again when this is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyVersion {
    set: SetId,
    failures: u32,
    fetched_at: UnixTime,
    in_flight: bool,
}

impl KeyVersion {
    /// Of that record.
    pub fn of(state: &RefreshState, now: UnixTime) -> Self {
        Self {
            set: state.set,
            failures: state.failures,
            fetched_at: state.fetched_at,
            in_flight: state.in_flight(now),
        }
    }
}

/// The state of a request that was parked. Its context reads it when more of the request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkState {
    /// It waits: nothing of the request may go on.
    Pending,
    /// It goes on.
    Passed,
    /// It was answered, or its client has left.
    Answered,
}

/// Why a request is decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReason {
    /// The keys may be others; if they do not help, it may wait on.
    KeysChanged,
    /// Its time is over.
    TimedOut,
}

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// Whose keys.
    pub issuer: IssuerIndex,
    /// Why.
    pub reason: RefreshReason,
}

struct Parked {
    awaited: Awaited,
    version: KeyVersion,
    since: UnixTime,
    timeout: Duration,
    state: Rc<Cell<ParkState>>,
}

impl Parked {
    /// How much longer it may wait. Nothing where the clock was set back: the deadline would move away with it.
    fn remaining(&self, now: UnixTime) -> Duration {
        match was_written_ahead(self.since, now) {
            true => Duration::ZERO,
            false => self.timeout.saturating_sub(now.since(self.since)),
        }
    }

    /// A request does not wait when no fetch is under way.
    fn wake_reason(&self, now: UnixTime, current: KeyVersion) -> Option<WakeReason> {
        if self.remaining(now).is_zero() {
            return Some(WakeReason::TimedOut);
        }
        (current != self.version || !current.in_flight).then_some(WakeReason::KeysChanged)
    }
}

/// The parked requests of one worker.
#[derive(Default)]
pub struct ParkedRequests {
    requests: BTreeMap<u32, Parked>,
}

impl ParkedRequests {
    /// Whether any request waits for that.
    pub fn is_awaited(&self, awaited: Awaited) -> bool {
        self.requests.values().any(|parked| parked.awaited == awaited)
    }

    /// Parks a request for `timeout` at most. `None` where too many wait already.
    pub fn park(
        &mut self,
        context: u32,
        awaited: Awaited,
        version: KeyVersion,
        since: UnixTime,
        timeout: Duration,
    ) -> Option<Rc<Cell<ParkState>>> {
        if !self.has_room(awaited.reason) {
            return None;
        }
        let state = Rc::new(Cell::new(ParkState::Pending));
        let parked = Parked { awaited, version, since, timeout, state: Rc::clone(&state) };
        self.requests.insert(context, parked);
        Some(state)
    }

    /// Parks a request again that was decided again and still waits, now perhaps for something else. Its deadline
    /// stays. `None` where too many wait already: a thousand that waited for first keys may all turn out to name an
    /// unknown kid.
    pub fn repark(
        &mut self,
        context: u32,
        awaited: Awaited,
        version: KeyVersion,
    ) -> Option<Rc<Cell<ParkState>>> {
        let has_room = self.has_room(awaited.reason);
        let parked = self.requests.get_mut(&context)?;
        if parked.awaited.reason != awaited.reason && !has_room {
            return None;
        }
        (parked.awaited, parked.version) = (awaited, version);
        Some(Rc::clone(&parked.state))
    }

    /// Ends the wait of a request. Whether it was parked.
    pub fn remove(&mut self, context: u32, state: ParkState) -> bool {
        let removed = self.requests.remove(&context);
        removed.map(|parked| parked.state.set(state)).is_some()
    }

    /// The requests to decide again, a limited number at a time: those whose time is over, whose issuer's keys
    /// changed, and those for which no fetch is under way. `version` is what the keys of an issuer are now.
    pub fn poll_ready(
        &self,
        now: UnixTime,
        version: impl Fn(IssuerIndex) -> KeyVersion,
    ) -> Vec<(u32, WakeReason)> {
        self.ready(now, &version).take(ROUND).collect()
    }

    /// How long until a request is to be decided again, as far as that is known. `None` where no request is parked.
    pub fn poll_timeout(
        &self,
        now: UnixTime,
        version: impl Fn(IssuerIndex) -> KeyVersion,
    ) -> Option<Duration> {
        let shortest = self.requests.values().map(|parked| parked.remaining(now)).min()?;
        Some(if self.ready(now, &version).next().is_some() { Duration::ZERO } else { shortest })
    }

    fn ready(
        &self,
        now: UnixTime,
        version: &impl Fn(IssuerIndex) -> KeyVersion,
    ) -> impl Iterator<Item = (u32, WakeReason)> {
        self.requests.iter().filter_map(move |(context, parked)| {
            let reason = parked.wake_reason(now, version(parked.awaited.issuer))?;
            Some((*context, reason))
        })
    }

    fn has_room(&self, reason: RefreshReason) -> bool {
        let limit = match reason {
            RefreshReason::Scheduled => MAX_WAITING_FOR_FIRST_KEYS,
            RefreshReason::UnknownKid => MAX_WAITING_FOR_UNKNOWN_KIDS,
        };
        self.requests.values().filter(|parked| parked.awaited.reason == reason).count() < limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const ISSUER: IssuerIndex = IssuerIndex(0);
    const FIRST_KEYS: Awaited = Awaited { issuer: ISSUER, reason: RefreshReason::Scheduled };
    const UNKNOWN_KID: Awaited = Awaited { issuer: ISSUER, reason: RefreshReason::UnknownKid };
    const TIMEOUT: Duration = Duration::from_secs(5);

    fn later(seconds: f64) -> UnixTime {
        NOW.saturating_add(Duration::from_secs_f64(seconds))
    }

    fn fetching() -> KeyVersion {
        KeyVersion { set: SetId::NONE, failures: 0, fetched_at: UnixTime::from_secs(0), in_flight: true }
    }

    fn replaced() -> KeyVersion {
        KeyVersion { set: SetId { generation: 1, fingerprint: 1 }, ..fetching() }
    }

    fn park(parked: &mut ParkedRequests, context: u32, awaited: Awaited) -> Option<Rc<Cell<ParkState>>> {
        parked.park(context, awaited, fetching(), NOW, TIMEOUT)
    }

    fn parked(requests: u32, awaited: Awaited) -> ParkedRequests {
        let mut parked = ParkedRequests::default();
        for context in 0..requests {
            assert!(park(&mut parked, context, awaited).is_some(), "request {context}");
        }
        parked
    }

    #[test]
    fn a_limited_number_of_each_kind_waits() {
        let mut parked = parked(1000, FIRST_KEYS);
        assert!(park(&mut parked, 5000, FIRST_KEYS).is_none());
        for context in 1000..1064 {
            assert!(park(&mut parked, context, UNKNOWN_KID).is_some());
        }
        assert!(park(&mut parked, 5000, UNKNOWN_KID).is_none());
        assert!(parked.remove(3, ParkState::Answered));
        assert!(park(&mut parked, 5000, FIRST_KEYS).is_some());
    }

    #[test]
    fn a_request_that_turns_out_to_wait_for_an_unknown_kid_needs_a_place_of_that_kind() {
        let mut parked = parked(1000, FIRST_KEYS);
        let reparked =
            (0..1000).filter(|context| parked.repark(*context, UNKNOWN_KID, fetching()).is_some()).count();
        assert_eq!(reparked, 64);
        assert!(parked.repark(0, UNKNOWN_KID, fetching()).is_some(), "it keeps the place that it has");
        assert!(parked.repark(7777, FIRST_KEYS, fetching()).is_none(), "it was not parked");
    }

    #[test]
    fn a_parked_request_is_decided_again_when_the_keys_change() {
        let rows = [
            ("nothing changed", fetching(), false),
            ("keys came", replaced(), true),
            ("the fetch failed", KeyVersion { failures: 1, ..fetching() }, true),
            ("the same keys came", KeyVersion { fetched_at: NOW, ..fetching() }, true),
            ("nobody fetches", KeyVersion { in_flight: false, ..fetching() }, true),
        ];
        for (label, version, wakes) in rows {
            let parked = parked(3, FIRST_KEYS);
            let ready = parked.poll_ready(later(1.0), |_| version);
            let expected: &[u32] = if wakes { &[0, 1, 2] } else { &[] };
            assert_eq!(ready.iter().map(|(context, _)| *context).collect::<Vec<_>>(), expected, "{label}");
            assert!(ready.iter().all(|(_, reason)| *reason == WakeReason::KeysChanged), "{label}");
            let due = if wakes { Duration::ZERO } else { Duration::from_secs(4) };
            assert_eq!(parked.poll_timeout(later(1.0), |_| version), Some(due), "{label}");
        }
    }

    #[test]
    fn only_requests_of_the_issuer_whose_keys_changed_are_decided_again() {
        let mut parked = parked(1, FIRST_KEYS);
        let other = Awaited { issuer: IssuerIndex(1), ..FIRST_KEYS };
        assert!(park(&mut parked, 9, other).is_some());
        let version = |issuer| if issuer == other.issuer { replaced() } else { fetching() };
        assert_eq!(parked.poll_ready(later(1.0), version), [(9, WakeReason::KeysChanged)]);
        assert!(parked.is_awaited(other) && !parked.is_awaited(UNKNOWN_KID));
    }

    #[test]
    fn a_reparked_request_waits_for_the_next_change_until_its_first_deadline() {
        let mut parked = parked(1, FIRST_KEYS);
        assert!(parked.repark(0, UNKNOWN_KID, replaced()).is_some());
        assert_eq!(parked.poll_ready(later(4.9), |_| replaced()), []);
        assert_eq!(parked.poll_ready(later(5.0), |_| replaced()), [(0, WakeReason::TimedOut)]);
        assert!(parked.is_awaited(UNKNOWN_KID) && !parked.is_awaited(FIRST_KEYS));
    }

    #[test]
    fn no_request_waits_beyond_its_deadline_when_the_clock_is_set_back_or_jumps() {
        let parked = parked(1, FIRST_KEYS);
        assert_eq!(parked.poll_ready(later(4.999), |_| fetching()), []);
        for moment in [later(5.0), later(500.0), UnixTime::from_secs(1_700_000_000)] {
            assert_eq!(parked.poll_ready(moment, |_| fetching()), [(0, WakeReason::TimedOut)]);
            assert_eq!(parked.poll_timeout(moment, |_| fetching()), Some(Duration::ZERO));
        }
        assert_eq!(ParkedRequests::default().poll_timeout(NOW, |_| fetching()), None);
    }

    #[test]
    fn the_context_reads_what_became_of_its_request() {
        for state in [ParkState::Passed, ParkState::Answered] {
            let mut parked = ParkedRequests::default();
            let read = park(&mut parked, 1, FIRST_KEYS).unwrap();
            assert_eq!(read.get(), ParkState::Pending);
            assert!(parked.remove(1, state));
            assert_eq!(read.get(), state);
            assert!(!parked.remove(1, ParkState::Answered), "it is gone");
            assert_eq!(read.get(), state, "its client leaving later changes nothing");
        }
    }

    #[test]
    fn a_thousand_are_decided_in_rounds() {
        let mut parked = parked(100, FIRST_KEYS);
        let mut rounds = 0;
        loop {
            let ready = parked.poll_ready(later(5.0), |_| fetching());
            if ready.is_empty() {
                break;
            }
            assert!(ready.len() <= ROUND);
            for (context, _) in ready {
                parked.remove(context, ParkState::Answered);
            }
            rounds += 1;
        }
        assert_eq!((rounds, parked.poll_timeout(NOW, |_| fetching())), (4, None));
    }
}
