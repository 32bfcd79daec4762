//! Requests that wait for keys: bounded, each with a deadline, left when the client leaves.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::flow::Patience;
use crate::jose::claims::IssuerIndex;
use crate::keys::Need;
use crate::time::UnixTime;

/// So many requests of a worker may wait for first keys.
const ROOM_FOR_FIRST_KEYS: usize = 1000;
/// So many for a kid that nobody has seen yet: anyone can make those up.
const ROOM_FOR_UNKNOWN_KIDS: usize = 64;

/// What a change of keys changes. A request is judged again when its issuer's stamp is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The generation of the keys that this VM has.
    pub generation: u64,
    /// Fetches that failed in a row.
    pub failures: u32,
    /// When the last good answer came.
    pub fetched_at: UnixTime,
    /// Whether somebody fetches.
    pub in_flight: bool,
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

struct Guest {
    issuer: IssuerIndex,
    need: Need,
    deadline: UnixTime,
    stamp: Stamp,
    verdict: Rc<Cell<Verdict>>,
}

/// The requests of one worker that wait.
#[derive(Default)]
pub struct WaitingRoom {
    guests: BTreeMap<u32, Guest>,
}

impl WaitingRoom {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.guests.is_empty()
    }

    /// Whether anyone waits for that.
    pub fn anyone(&self, issuer: IssuerIndex, need: Need) -> bool {
        self.guests.values().any(|guest| guest.issuer == issuer && guest.need == need)
    }

    /// Lets a request in, if there is room.
    pub fn enter(
        &mut self,
        context: u32,
        issuer: IssuerIndex,
        need: Need,
        deadline: UnixTime,
        stamp: Stamp,
    ) -> Option<Rc<Cell<Verdict>>> {
        let room = match need {
            Need::Scheduled => ROOM_FOR_FIRST_KEYS,
            Need::UnknownKid => ROOM_FOR_UNKNOWN_KIDS,
        };
        if self.guests.values().filter(|guest| guest.need == need).count() >= room {
            return None;
        }
        let verdict = Rc::new(Cell::new(Verdict::Pending));
        self.guests.insert(context, Guest { issuer, need, deadline, stamp, verdict: Rc::clone(&verdict) });
        Some(verdict)
    }

    /// A request that was judged again and still waits.
    pub fn stay(&mut self, context: u32, issuer: IssuerIndex, need: Need, stamp: Stamp) {
        if let Some(guest) = self.guests.get_mut(&context) {
            (guest.issuer, guest.need, guest.stamp) = (issuer, need, stamp);
        }
    }

    /// Lets a request out; what it had to read its verdict from.
    pub fn leave(&mut self, context: u32) -> Option<Rc<Cell<Verdict>>> {
        self.guests.remove(&context).map(|guest| guest.verdict)
    }

    /// Whom to judge again: whose issuer's keys changed, whom nobody fetches for, whose time is over.
    pub fn ready(&self, now: UnixTime, stamp: impl Fn(IssuerIndex) -> Stamp) -> Vec<(u32, Patience)> {
        let guests = self.guests.iter().filter_map(|(context, guest)| {
            let current = stamp(guest.issuer);
            match (now >= guest.deadline, current != guest.stamp || !current.in_flight) {
                (true, _) => Some((*context, Patience::Over)),
                (false, true) => Some((*context, Patience::Waits)),
                (false, false) => None,
            }
        });
        guests.collect()
    }
}
