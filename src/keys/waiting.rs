//! Requests that wait for keys: bounded, each with a deadline, left when the client leaves.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::{Control, Need, SetId, was_written_ahead};
use crate::issuer_index::IssuerIndex;
use crate::time::UnixTime;

/// So many requests of a worker may wait for first keys.
const ROOM_FOR_FIRST_KEYS: usize = 1000;
/// So many for a kid that nobody has seen yet: anyone can make those up.
const ROOM_FOR_UNKNOWN_KIDS: usize = 64;
/// So many are judged in one round. A thousand signatures at once would hold up whatever else the worker serves:
/// 50 µs each where the host verifies, 1 ms where the module does.
const ROUND: usize = 32;

/// What a change of keys changes. A request is judged again when its issuer's stamp is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    set: SetId,
    failures: u32,
    fetched_at: UnixTime,
    in_flight: bool,
}

impl Stamp {
    /// Of that record.
    pub fn of(control: &Control, now: UnixTime) -> Self {
        Self {
            set: control.set,
            failures: control.failures,
            fetched_at: control.fetched_at,
            in_flight: control.in_flight(now),
        }
    }
}

/// What became of a parked request; its context reads it when more of the request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet: nothing of the request may go on.
    Pending,
    /// It goes on.
    Passed,
    /// It was answered, or is gone.
    Answered,
}

/// Why a request is judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There may be something new to judge it by; if not, it may wait on.
    News,
    /// Its time is over.
    Over,
}

/// What a request waits for, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Whose keys.
    pub issuer: IssuerIndex,
    /// Why.
    pub need: Need,
    /// From when.
    pub since: UnixTime,
    /// For how long at most.
    pub patience: Duration,
}

struct Guest {
    wait: Wait,
    stamp: Stamp,
    verdict: Rc<Cell<Verdict>>,
}

impl Guest {
    /// How much longer it may wait. Nothing where the clock was set back: the deadline would move away with it.
    fn left(&self, now: UnixTime) -> Duration {
        match was_written_ahead(self.wait.since, now) {
            true => Duration::ZERO,
            false => self.wait.patience.saturating_sub(now.since(self.wait.since)),
        }
    }
}

/// The requests of one worker that wait.
#[derive(Default)]
pub struct WaitingRoom {
    guests: BTreeMap<u32, Guest>,
}

impl WaitingRoom {
    /// Whether anyone waits for that.
    pub fn anyone(&self, issuer: IssuerIndex, need: Need) -> bool {
        self.guests.values().any(|guest| guest.wait.issuer == issuer && guest.wait.need == need)
    }

    /// Lets a request in, if there is room.
    pub fn enter(&mut self, context: u32, wait: Wait, stamp: Stamp) -> Option<Rc<Cell<Verdict>>> {
        if !self.has_room(wait.need) {
            return None;
        }
        let verdict = Rc::new(Cell::new(Verdict::Pending));
        self.guests.insert(context, Guest { wait, stamp, verdict: Rc::clone(&verdict) });
        Some(verdict)
    }

    /// A request that was judged again and still waits, now perhaps for something else. Whether it may: a thousand
    /// that waited for first keys may all turn out to name a kid that nobody has seen.
    pub fn stay(&mut self, context: u32, issuer: IssuerIndex, need: Need, stamp: Stamp) -> bool {
        let has_room = self.has_room(need);
        match self.guests.get_mut(&context) {
            Some(guest) if guest.wait.need == need || has_room => {
                (guest.wait.issuer, guest.wait.need, guest.stamp) = (issuer, need, stamp);
                true
            }
            _ => false,
        }
    }

    /// Lets a request out; what it had to read its verdict from.
    pub fn leave(&mut self, context: u32) -> Option<Rc<Cell<Verdict>>> {
        self.guests.remove(&context).map(|guest| guest.verdict)
    }

    /// Whom to judge again, at most so many at a time: whose time is over, whose issuer's keys changed, whom nobody
    /// fetches for.
    pub fn ready(&self, now: UnixTime, stamp: impl Fn(IssuerIndex) -> Stamp) -> Vec<(u32, Turn)> {
        let guests = self.guests.iter().filter_map(|(context, guest)| {
            let current = stamp(guest.wait.issuer);
            match (guest.left(now).is_zero(), current != guest.stamp || !current.in_flight) {
                (true, _) => Some((*context, Turn::Over)),
                (false, true) => Some((*context, Turn::News)),
                (false, false) => None,
            }
        });
        guests.take(ROUND).collect()
    }

    /// When the next of them has waited long enough, if anyone waits.
    pub fn shortest_wait(&self, now: UnixTime) -> Option<Duration> {
        self.guests.values().map(|guest| guest.left(now)).min()
    }

    fn has_room(&self, need: Need) -> bool {
        let room = match need {
            Need::Scheduled => ROOM_FOR_FIRST_KEYS,
            Need::UnknownKid => ROOM_FOR_UNKNOWN_KIDS,
        };
        self.guests.values().filter(|guest| guest.wait.need == need).count() < room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const ISSUER: IssuerIndex = IssuerIndex(0);

    fn later(seconds: f64) -> UnixTime {
        NOW.saturating_add(Duration::from_secs_f64(seconds))
    }

    fn wait(need: Need) -> Wait {
        Wait { issuer: ISSUER, need, since: NOW, patience: Duration::from_secs(5) }
    }

    fn fetching() -> Stamp {
        Stamp { set: SetId::NONE, failures: 0, fetched_at: UnixTime::from_secs(0), in_flight: true }
    }

    fn room_of(guests: u32, need: Need) -> WaitingRoom {
        let mut room = WaitingRoom::default();
        for context in 0..guests {
            assert!(room.enter(context, wait(need), fetching()).is_some(), "guest {context}");
        }
        room
    }

    #[test]
    fn there_is_room_for_so_many_of_each_kind() {
        let mut room = room_of(1000, Need::Scheduled);
        assert!(room.enter(5000, wait(Need::Scheduled), fetching()).is_none());
        for context in 1000..1064 {
            assert!(room.enter(context, wait(Need::UnknownKid), fetching()).is_some());
        }
        assert!(room.enter(5000, wait(Need::UnknownKid), fetching()).is_none());
        assert!(room.leave(3).is_some());
        assert!(room.enter(5000, wait(Need::Scheduled), fetching()).is_some());
    }

    #[test]
    fn who_turns_out_to_wait_for_an_unknown_kid_needs_a_place_of_that_kind() {
        let mut room = room_of(1000, Need::Scheduled);
        let stayed =
            (0..1000).filter(|context| room.stay(*context, ISSUER, Need::UnknownKid, fetching())).count();
        assert_eq!(stayed, 64);
        assert!(room.stay(0, ISSUER, Need::UnknownKid, fetching()), "who has a place keeps it");
        assert!(!room.stay(7777, ISSUER, Need::Scheduled, fetching()), "who is not there does not stay");
    }

    #[test]
    fn nobody_is_judged_while_nothing_changes() {
        let room = room_of(3, Need::Scheduled);
        assert_eq!(room.ready(later(4.999), |_| fetching()), []);
        let changes = [
            ("keys came", Stamp { set: SetId { generation: 1, fingerprint: 1 }, ..fetching() }),
            ("the fetch failed", Stamp { failures: 1, ..fetching() }),
            ("the same keys came", Stamp { fetched_at: NOW, ..fetching() }),
            ("nobody fetches", Stamp { in_flight: false, ..fetching() }),
        ];
        for (label, stamp) in changes {
            let ready = room.ready(later(1.0), |_| stamp);
            assert_eq!(ready, [(0, Turn::News), (1, Turn::News), (2, Turn::News)], "{label}");
        }
    }

    #[test]
    fn nobody_waits_beyond_the_deadline_whatever_the_clock_does() {
        let room = room_of(1, Need::Scheduled);
        assert_eq!(room.shortest_wait(later(1.0)), Some(Duration::from_secs(4)));
        for moment in [later(5.0), later(500.0), UnixTime::from_secs(1_700_000_000)] {
            assert_eq!(room.ready(moment, |_| fetching()), [(0, Turn::Over)]);
            assert_eq!(room.shortest_wait(moment), Some(Duration::ZERO));
        }
        assert_eq!(WaitingRoom::default().shortest_wait(NOW), None);
    }

    #[test]
    fn a_thousand_are_judged_in_rounds() {
        let mut room = room_of(100, Need::Scheduled);
        let mut rounds = 0;
        loop {
            let ready = room.ready(later(5.0), |_| fetching());
            if ready.is_empty() {
                break;
            }
            assert!(ready.len() <= ROUND);
            for (context, _) in ready {
                room.leave(context);
            }
            rounds += 1;
        }
        assert_eq!((rounds, room.shortest_wait(NOW)), (4, None));
    }
}
