//! The parked requests, which wait for keys or a revocation list: a limited number, each with a deadline. This module
//! does no I/O.
//!
//! [`ParkedRequests::poll_ready`] gives the requests to decide again, and the reason for each. The caller decides them
//! and then either parks them again with [`ParkedRequests::repark`] or ends their wait with [`ParkedRequests::remove`].

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::{DocumentId, RefreshReason, RefreshState, SetId, is_in_future};
use crate::time::UnixTime;

/// How many requests of a worker can wait for the first keys or the first revocation list.
const MAX_WAITING_FOR_FIRST_KEYS: usize = 1000;
/// How many requests of a worker can wait for an unknown kid. The limit is lower because anyone can make up kids.
const MAX_WAITING_FOR_UNKNOWN_KIDS: usize = 64;
/// How many requests are decided in one round. A thousand signatures at once would delay the other requests of the
/// worker: one signature takes 50 µs if the host verifies it, and 1 ms in the wasm module.
const ROUND: usize = 32;

/// The state of a document when a parked request was decided. The request is decided again when the state
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyVersion {
    set: SetId,
    failures: u32,
    fetched_at: UnixTime,
    in_flight: bool,
}

impl KeyVersion {
    /// The state that the record has at `now`.
    pub fn of(state: &RefreshState, now: UnixTime) -> Self {
        Self {
            set: state.set,
            failures: state.failures,
            fetched_at: state.fetched_at,
            in_flight: state.in_flight(now),
        }
    }
}

/// The state of a parked request. Its context reads it when more of the request arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkState {
    /// The request waits. No part of it may be forwarded.
    Pending,
    /// The request is forwarded.
    Passed,
    /// The request was answered, or its client disconnected.
    Answered,
}

/// The reason to decide a parked request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReason {
    /// The keys may have changed. If they do not help, the request can wait on.
    KeysChanged,
    /// The deadline has passed.
    TimedOut,
}

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// The document that is needed.
    pub document: DocumentId,
    /// Why it is fetched.
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
    /// How much longer the request can wait. Zero if the clock was set back, because the deadline would otherwise be
    /// later than intended.
    fn remaining(&self, now: UnixTime) -> Duration {
        match is_in_future(self.since, now) {
            true => Duration::ZERO,
            false => self.timeout.saturating_sub(now.since(self.since)),
        }
    }

    /// Why the request is decided again now, if it is. A request does not wait if no fetch is under way.
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
    /// Whether a request waits for this document.
    pub fn is_awaited(&self, awaited: Awaited) -> bool {
        self.requests.values().any(|parked| parked.awaited == awaited)
    }

    /// Parks a request for at most `timeout`. `None` if too many requests wait already.
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

    /// Parks a request again after a decision that still needs keys, perhaps other ones. The deadline does not change.
    /// `None` if too many requests wait for such keys already: after the first keys arrive, a thousand requests that
    /// waited for them may all turn out to have an unknown kid.
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

    /// Ends the wait of a request. Returns whether it was parked.
    pub fn remove(&mut self, context: u32, state: ParkState) -> bool {
        let removed = self.requests.remove(&context);
        removed.map(|parked| parked.state.set(state)).is_some()
    }

    /// The requests to decide again, a limited number at a time: those whose deadline has passed, those whose
    /// document changed, and those for which no fetch is under way. `version` gives the present state of a document.
    pub fn poll_ready(
        &self,
        now: UnixTime,
        version: impl Fn(DocumentId) -> KeyVersion,
    ) -> Vec<(u32, WakeReason)> {
        self.ready(now, &version).take(ROUND).collect()
    }

    /// The time until a request has to be decided again, as far as it is known. `None` if no request is parked.
    pub fn poll_timeout(
        &self,
        now: UnixTime,
        version: impl Fn(DocumentId) -> KeyVersion,
    ) -> Option<Duration> {
        let shortest = self.requests.values().map(|parked| parked.remaining(now)).min()?;
        Some(if self.ready(now, &version).next().is_some() { Duration::ZERO } else { shortest })
    }

    fn ready(
        &self,
        now: UnixTime,
        version: &impl Fn(DocumentId) -> KeyVersion,
    ) -> impl Iterator<Item = (u32, WakeReason)> {
        self.requests.iter().filter_map(move |(context, parked)| {
            let reason = parked.wake_reason(now, version(parked.awaited.document))?;
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
    use crate::issuer_index::IssuerIndex;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const KEYS: DocumentId = DocumentId::keys(IssuerIndex(0));
    const FIRST_KEYS: Awaited = Awaited { document: KEYS, reason: RefreshReason::Scheduled };
    const UNKNOWN_KID: Awaited = Awaited { document: KEYS, reason: RefreshReason::UnknownKid };
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
        assert!(parked.repark(0, UNKNOWN_KID, fetching()).is_some(), "it keeps its place");
        assert!(parked.repark(7777, FIRST_KEYS, fetching()).is_none(), "it was not parked");
    }

    #[test]
    fn a_parked_request_is_decided_again_when_the_keys_change() {
        let rows = [
            ("nothing changed", fetching(), false),
            ("keys arrived", replaced(), true),
            ("the fetch failed", KeyVersion { failures: 1, ..fetching() }, true),
            ("the same keys arrived", KeyVersion { fetched_at: NOW, ..fetching() }, true),
            ("no fetch is under way", KeyVersion { in_flight: false, ..fetching() }, true),
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
    fn only_requests_that_wait_for_the_changed_document_are_decided_again() {
        let mut parked = parked(1, FIRST_KEYS);
        let others = [DocumentId::keys(IssuerIndex(1)), DocumentId::revocation_list(IssuerIndex(0))];
        for (context, document) in (9..).zip(others) {
            let other = Awaited { document, ..FIRST_KEYS };
            assert!(park(&mut parked, context, other).is_some());
            let version = |changed| if changed == document { replaced() } else { fetching() };
            assert_eq!(parked.poll_ready(later(1.0), version), [(context, WakeReason::KeysChanged)]);
            assert!(parked.is_awaited(other) && !parked.is_awaited(UNKNOWN_KID));
        }
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
            assert!(!parked.remove(1, ParkState::Answered), "it is not parked any more");
            assert_eq!(read.get(), state, "a client that disconnects later changes nothing");
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
