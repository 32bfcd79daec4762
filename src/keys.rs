//! The keys of one issuer in one process: when they are fresh, when they are fetched, and by whom.
//!
//! Pure decisions over one small record that every VM of the process shares and edits by compare-and-swap
//! ([`Control`]). Knows nothing of the host: time, chance and the VM's identity are arguments. What is
//! decided here: one fetch at a time for the process (a lease with an expiry), one refresh forced by unknown
//! kids per cooldown, back-off after failures, and how long last-good keys serve.

pub mod answer;
pub mod discovery;
pub mod record;

use std::time::Duration;

use crate::time::UnixTime;

/// The first pause after a failed fetch; doubled by each further failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause between attempts.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// What a lease lasts beyond the time-outs of the fetch that it covers.
const LEASE_MARGIN: Duration = Duration::from_secs(1);

/// What the operator set for one issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTimes {
    /// `jwks_ttl_seconds`
    pub ttl: Duration,
    /// `jwks_max_stale_seconds`
    pub max_stale: Duration,
    /// `jwks_refresh_cooldown_seconds`
    pub cooldown: Duration,
    /// `jwks_timeout_ms`: of one fetch, and the longest that a request waits.
    pub timeout: Duration,
    /// Fetches in a row that one refresh takes: two where the endpoint is discovered, else one.
    pub fetches: u32,
}

/// A VM, told from the others of the process by a number drawn when its root context was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmIdentity(pub u64);

/// A number from 0 to below 1, drawn anew for each use, so that VMs and processes do not act in step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance(f64);

impl Chance {
    /// From random bits.
    pub fn from_bits(bits: u32) -> Self {
        Self(f64::from(bits) / (f64::from(u32::MAX) + 1.0))
    }
}

/// What the VMs of a process share about one issuer's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// Counts the sets that were stored; 0 means none yet. A set read from the cache belongs to one generation.
    pub generation: u64,
    /// When the last good answer came.
    pub fetched_at: UnixTime,
    /// How long that answer counts as fresh.
    pub fresh_for: Duration,
    /// Who fetches, while `lease_until` is ahead.
    pub lease_holder: u64,
    /// When the lease ends by itself; the epoch when nobody holds it.
    pub lease_until: UnixTime,
    /// When unknown kids last forced a refresh; the epoch when they never did.
    pub forced_at: UnixTime,
    /// Fetches that failed since the last good answer.
    pub failures: u32,
    /// No attempt before this moment; the epoch after a good answer.
    pub retry_at: UnixTime,
}

/// Why a refresh is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// There are no keys yet, or it is time to renew them.
    Scheduled,
    /// A token names a kid that the keys do not have.
    UnknownKid,
}

/// What a VM does about a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Swap this record in; if nobody was quicker, fetch.
    Fetch(Control),
    /// A fetch is under way elsewhere: its outcome is worth waiting for.
    InFlight,
    /// No fetch is allowed before that moment.
    NotBefore(UnixTime),
    /// The keys are fresh: nothing to do before that moment.
    FreshUntil(UnixTime),
}

/// Whether stored keys may judge a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usable {
    /// Within their time.
    Fresh,
    /// Past it, while refreshes fail, within `jwks_max_stale_seconds`.
    Stale,
    /// None, or too old.
    No,
}

impl Control {
    /// Nothing is known yet.
    pub const UNKNOWN: Self = Self {
        generation: 0,
        fetched_at: UnixTime::from_millis(0),
        fresh_for: Duration::ZERO,
        lease_holder: 0,
        lease_until: UnixTime::from_millis(0),
        forced_at: UnixTime::from_millis(0),
        failures: 0,
        retry_at: UnixTime::from_millis(0),
    };

    /// Whether the keys of this generation may judge a token now.
    pub fn usable(&self, times: &KeyTimes, now: UnixTime) -> Usable {
        let age = now.since(self.fetched_at);
        if self.generation == 0 || age >= self.fresh_for.saturating_add(times.max_stale) {
            Usable::No
        } else if age < self.fresh_for {
            Usable::Fresh
        } else {
            Usable::Stale
        }
    }

    /// Whether some VM is fetching.
    pub fn in_flight(&self, times: &KeyTimes, now: UnixTime) -> bool {
        // A lease that reaches further than one can was written before the clock was set back.
        now < self.lease_until && self.lease_until <= now.saturating_add(lease_duration(times))
    }

    /// What `vm` does about `need`. `chance` spreads the renewals of several processes.
    pub fn decide(
        &self,
        times: &KeyTimes,
        need: Need,
        vm: VmIdentity,
        now: UnixTime,
        chance: Chance,
    ) -> Decision {
        if self.in_flight(times, now) {
            return Decision::InFlight;
        }
        if let Some(retry_at) = bounded(self.retry_at, now, times.ttl.min(LONGEST_BACKOFF).mul_f64(1.2)) {
            return Decision::NotBefore(retry_at);
        }
        let lease = Self {
            lease_holder: vm.0,
            lease_until: now.saturating_add(lease_duration(times)),
            forced_at: if need == Need::UnknownKid { now } else { self.forced_at },
            ..*self
        };
        match need {
            Need::Scheduled => match self.renewal(now, chance) {
                Some(due) => Decision::FreshUntil(due),
                None => Decision::Fetch(lease),
            },
            Need::UnknownKid => {
                match bounded(self.forced_at.saturating_add(times.cooldown), now, times.cooldown) {
                    Some(allowed) => Decision::NotBefore(allowed),
                    None => Decision::Fetch(lease),
                }
            }
        }
    }

    /// When the keys are to be renewed, if that is ahead: after 80 to 90 % of their time.
    fn renewal(&self, now: UnixTime, chance: Chance) -> Option<UnixTime> {
        if self.generation == 0 || now < self.fetched_at {
            return None;
        }
        let due = self.fetched_at.saturating_add(self.fresh_for.mul_f64(0.8 + 0.1 * chance.0));
        (now < due).then_some(due)
    }

    /// Whether `vm` still holds the lease that it fetched under. If not, its answer came too late and is dropped.
    pub fn is_held_by(&self, vm: VmIdentity, now: UnixTime) -> bool {
        self.lease_holder == vm.0 && now < self.lease_until
    }

    /// After a good answer. `changed` says that it brought a set, not a `304`; `max_age` may shorten the time.
    pub fn succeeded(
        &self,
        times: &KeyTimes,
        changed: bool,
        max_age: Option<Duration>,
        now: UnixTime,
    ) -> Self {
        // A max-age of 0 must not turn renewal into a loop: the issuer cannot ask for more than one a cooldown.
        let shortest = times.cooldown.max(Duration::from_secs(1));
        let fresh_for = max_age.map_or(times.ttl, |max_age| max_age.max(shortest).min(times.ttl));
        Self {
            generation: if changed { self.generation.saturating_add(1) } else { self.generation },
            fetched_at: now,
            fresh_for,
            lease_holder: 0,
            lease_until: Self::UNKNOWN.lease_until,
            forced_at: self.forced_at,
            failures: 0,
            retry_at: Self::UNKNOWN.retry_at,
        }
    }

    /// After a failure: the lease is given up, the next attempt put off.
    pub fn failed(&self, times: &KeyTimes, now: UnixTime, chance: Chance) -> Self {
        let doublings = self.failures.min(8);
        let backoff = FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF).min(times.ttl);
        Self {
            lease_holder: 0,
            lease_until: Self::UNKNOWN.lease_until,
            failures: self.failures.saturating_add(1),
            retry_at: now.saturating_add(backoff.mul_f64(0.8 + 0.4 * chance.0)),
            ..*self
        }
    }

    /// Whole seconds until the next attempt, at least 1: the value of `Retry-After`.
    pub fn retry_after(&self, now: UnixTime) -> u64 {
        self.retry_at.since(now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
    }
}

/// How long a VM may hold the lease before others take it to be dead.
fn lease_duration(times: &KeyTimes) -> Duration {
    times.timeout.saturating_mul(times.fetches.max(1)).saturating_add(LEASE_MARGIN)
}

/// `moment`, if it is ahead by no more than it can be: further ahead means that the clock was set back.
fn bounded(moment: UnixTime, now: UnixTime, longest: Duration) -> Option<UnixTime> {
    (now < moment && moment <= now.saturating_add(longest)).then_some(moment)
}

#[cfg(test)]
mod tests;
