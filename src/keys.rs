//! The keys of one issuer in one process: when they are fresh, when they are fetched, and by whom.
//!
//! Pure decisions over one small record that every VM of the process shares and edits by compare-and-swap
//! ([`RefreshState`]): one fetch at a time for the process (a lease with an expiry), one refresh forced by unknown kids per
//! cooldown, back-off after failures, and how long last-good keys serve. Time, chance and the VM's identity are
//! arguments.
//!
//! | module | holds |
//! | --- | --- |
//! | [`store`] | the keys of all issuers of a configuration |
//! | [`fetcher`] | the fetches of one issuer: what to ask for next, what an answer leads to |
//! | [`cache`] | what one VM holds of an issuer's keys, in step with the other VMs |
//! | [`parked`] | the requests that wait for keys |
//! | [`tick`] | how often the host calls for all that |

pub mod answer;
pub mod discovery;
pub mod fetch_error;
pub mod fetch_event;
pub mod fetcher;
pub mod key_cache;
mod lookup;
mod not_json;
pub mod parked;
pub mod record;
pub mod requested;
pub mod source;
pub mod store;
pub mod tick;

use std::time::Duration;

pub use lookup::{KeyLookup, KeySource};
pub use source::{Location, Source};

use crate::time::UnixTime;

/// The first pause after a failed fetch; doubled by each further failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause between attempts, before jitter.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// What a lease lasts beyond the time-outs of the fetch that it covers.
const LEASE_MARGIN: Duration = Duration::from_secs(1);
/// No lease is longer: the longest `jwks_timeout_ms`, for the three fetches of a discovery. One that says so was
/// not written by this version.
const LONGEST_LEASE: Duration = Duration::from_secs(3 * 60 + 1);
/// What was written further ahead than this was written before the clock was set back. Less is two workers that
/// read the clock at once, or a clock that is being adjusted: taking that for a clock set back would fetch twice.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// What the operator set for one issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTimings {
    /// `jwks_ttl_seconds`
    pub ttl: Duration,
    /// `jwks_max_stale_seconds`
    pub max_stale: Duration,
    /// `jwks_refresh_cooldown_seconds`
    pub cooldown: Duration,
    /// `jwks_timeout_ms`: of one fetch, and the longest that a request waits.
    pub timeout: Duration,
    /// Fetches in a row that one refresh takes: three where the endpoint is discovered, else one.
    pub fetches: u32,
}

/// A VM, told from the others of the process by a number drawn when its root context was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmIdentity(pub u64);

/// A number from 0 to below 1, drawn anew for each use, so that VMs and processes do not act in step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// From random bits.
    pub fn from_bits(bits: u32) -> Self {
        Self(f64::from(bits) / (f64::from(u32::MAX) + 1.0))
    }
}

/// A stored key set. Equal ones have the same text: a VM that holds one of them needs no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetId {
    /// Counts the sets that were stored; 0 means none yet.
    pub generation: u64,
    /// Of the text. The generation alone would not do: a VM whose answer came too late may have stored another
    /// text under the same number, and the count starts again where the record was lost.
    pub fingerprint: u64,
}

impl SetId {
    /// No set yet.
    pub const NONE: Self = Self { generation: 0, fingerprint: 0 };
}

/// What the VMs of a process share about one issuer's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshState {
    /// The set that counts.
    pub set: SetId,
    /// When the last good answer came.
    pub fetched_at: UnixTime,
    /// How long that answer counts as fresh.
    pub fresh_for: Duration,
    /// Who fetches, while `lease_until` is ahead.
    pub lease_holder: u64,
    /// When the lease was taken.
    pub lease_from: UnixTime,
    /// When the lease ends by itself; the epoch when nobody holds it.
    pub lease_until: UnixTime,
    /// When unknown kids last forced a refresh; the epoch when they never did.
    pub forced_at: UnixTime,
    /// Fetches that failed since the last good answer.
    pub failures: u32,
    /// When the last of them failed; the epoch after a good answer.
    pub failed_at: UnixTime,
    /// No attempt before this moment; the epoch after a good answer.
    pub retry_at: UnixTime,
}

/// Why a refresh is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshReason {
    /// There are no keys yet, or it is time to renew them.
    Scheduled,
    /// A token names a kid that the keys do not have.
    UnknownKid,
}

/// What a VM does about a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// Swap this record in; if nobody was quicker, fetch.
    Fetch(RefreshState),
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

impl RefreshState {
    /// Nothing is known yet.
    pub const UNKNOWN: Self = Self {
        set: SetId::NONE,
        fetched_at: UnixTime::from_millis(0),
        fresh_for: Duration::ZERO,
        lease_holder: 0,
        lease_from: UnixTime::from_millis(0),
        lease_until: UnixTime::from_millis(0),
        forced_at: UnixTime::from_millis(0),
        failures: 0,
        failed_at: UnixTime::from_millis(0),
        retry_at: UnixTime::from_millis(0),
    };

    /// Whether the keys of this generation may judge a token now.
    pub fn usable(&self, times: &RefreshTimings, now: UnixTime) -> Usable {
        let age = now.since(self.fetched_at);
        let fresh_for = self.fresh_for(times);
        if self.set == SetId::NONE || age >= fresh_for.saturating_add(times.max_stale) {
            Usable::No
        } else if age < fresh_for {
            Usable::Fresh
        } else {
            Usable::Stale
        }
    }

    /// Never beyond the TTL of the configuration that asks: the record may have been written under another one.
    fn fresh_for(&self, times: &RefreshTimings) -> Duration {
        self.fresh_for.min(times.ttl)
    }

    /// Whether some VM is fetching.
    pub fn in_flight(&self, now: UnixTime) -> bool {
        ahead(self.lease_from, self.lease_until, LONGEST_LEASE, now).is_some()
    }

    /// What `vm` does about `reason`. `jitter` spreads the renewals of several processes.
    pub fn decide(
        &self,
        times: &RefreshTimings,
        reason: RefreshReason,
        vm: VmIdentity,
        now: UnixTime,
        jitter: Jitter,
    ) -> RefreshDecision {
        if self.in_flight(now) {
            return RefreshDecision::InFlight;
        }
        if let Some(retry_at) = ahead(self.failed_at, self.retry_at, LONGEST_BACKOFF.mul_f64(1.2), now) {
            return RefreshDecision::NotBefore(retry_at);
        }
        let lease = Self {
            lease_holder: vm.0,
            lease_from: now,
            lease_until: now.saturating_add(lease_duration(times)),
            forced_at: if reason == RefreshReason::UnknownKid { now } else { self.forced_at },
            ..*self
        };
        match reason {
            RefreshReason::Scheduled => match self.renewal(times, now, jitter) {
                Some(due) => RefreshDecision::FreshUntil(due),
                None => RefreshDecision::Fetch(lease),
            },
            RefreshReason::UnknownKid => {
                let allowed = self.forced_at.saturating_add(times.cooldown);
                match ahead(self.forced_at, allowed, times.cooldown, now) {
                    Some(allowed) => RefreshDecision::NotBefore(allowed),
                    None => RefreshDecision::Fetch(lease),
                }
            }
        }
    }

    /// When the keys are to be renewed, if that is ahead: after 80 to 90 % of their time.
    fn renewal(&self, times: &RefreshTimings, now: UnixTime, jitter: Jitter) -> Option<UnixTime> {
        if self.set == SetId::NONE || was_written_ahead(self.fetched_at, now) {
            return None;
        }
        let due = self.fetched_at.saturating_add(self.fresh_for(times).mul_f64(0.8 + 0.1 * jitter.0));
        (now < due).then_some(due)
    }

    /// Whether `vm` still holds the lease that it fetched under. If not, its answer came too late and is dropped.
    pub fn is_held_by(&self, vm: VmIdentity, now: UnixTime) -> bool {
        self.lease_holder == vm.0 && self.in_flight(now)
    }

    /// Without a lease: whoever held it goes.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            lease_holder: 0,
            lease_from: Self::UNKNOWN.lease_from,
            lease_until: Self::UNKNOWN.lease_until,
            ..*self
        }
    }

    /// After a good answer. `fingerprint` is that of the set that it brought; a `304` brings none, and the same
    /// text leaves the generation as it is. `max_age` may shorten the time.
    #[must_use]
    pub fn succeeded(
        &self,
        times: &RefreshTimings,
        fingerprint: Option<u64>,
        max_age: Option<Duration>,
        now: UnixTime,
    ) -> Self {
        // A max-age of 0 must not turn renewal into a loop: the issuer cannot ask for more than one a cooldown.
        let shortest = times.cooldown.max(Duration::from_secs(1));
        let fresh_for = max_age.map_or(times.ttl, |max_age| max_age.max(shortest).min(times.ttl));
        let set = match fingerprint {
            Some(fingerprint) if self.set == SetId::NONE || fingerprint != self.set.fingerprint => {
                SetId { generation: self.set.generation.saturating_add(1), fingerprint }
            }
            _ => self.set,
        };
        Self {
            set,
            fetched_at: now,
            fresh_for,
            failures: 0,
            failed_at: Self::UNKNOWN.failed_at,
            retry_at: Self::UNKNOWN.retry_at,
            ..self.released()
        }
    }

    /// After a failure: the lease is given up, the next attempt put off.
    #[must_use]
    pub fn failed(&self, times: &RefreshTimings, now: UnixTime, jitter: Jitter) -> Self {
        let pause = pause(self.failures, times, jitter);
        Self { failed_at: now, retry_at: now.saturating_add(pause), ..self.given_up(times, now) }
    }

    /// After a request that this VM could not send: the lease is given up, and others may try at once. What stops
    /// one thread of Envoy, such as not knowing the cluster yet, need not stop another. `previous_forced_at` is what the
    /// lease found as `forced_at`.
    #[must_use]
    pub fn not_sent(&self, times: &RefreshTimings, now: UnixTime, previous_forced_at: UnixTime) -> Self {
        Self { forced_at: self.withdrawn(previous_forced_at).forced_at, ..self.given_up(times, now) }
    }

    /// Without a lease under which nobody was asked: no cooldown follows from it.
    #[must_use]
    pub fn withdrawn(&self, previous_forced_at: UnixTime) -> Self {
        let forced_at = if self.forced_at == self.lease_from { previous_forced_at } else { self.forced_at };
        Self { forced_at, ..self.released() }
    }

    fn given_up(&self, times: &RefreshTimings, now: UnixTime) -> Self {
        // Fetched in the future: the clock was set back since. From now on the keys count as just past their
        // time, or they would outlive it by as much as the clock was off.
        let fetched_at = match was_written_ahead(self.fetched_at, now) {
            true => now.saturating_sub(self.fresh_for(times)),
            false => self.fetched_at,
        };
        Self { fetched_at, failures: self.failures.saturating_add(1), ..self.released() }
    }
}

/// How long to leave an issuer alone after that many failures and one more.
fn pause(failures: u32, times: &RefreshTimings, jitter: Jitter) -> Duration {
    let backoff = FIRST_BACKOFF.saturating_mul(1 << failures.min(8)).min(LONGEST_BACKOFF).min(times.ttl);
    backoff.mul_f64(0.8 + 0.4 * jitter.0).min(times.ttl)
}

/// How long a VM may hold the lease before others take it to be dead.
fn lease_duration(times: &RefreshTimings) -> Duration {
    times.timeout.saturating_mul(times.fetches.max(1)).saturating_add(LEASE_MARGIN).min(LONGEST_LEASE)
}

/// Whether `moment` cannot have been written at this clock.
fn was_written_ahead(moment: UnixTime, now: UnixTime) -> bool {
    moment > now.saturating_add(CLOCK_TOLERANCE)
}

/// `until`, while it is ahead. What was written under a clock that was set back since, or lasts longer than it can,
/// is over: it must not stop the fetching for as long as the clock was off.
fn ahead(from: UnixTime, until: UnixTime, longest: Duration, now: UnixTime) -> Option<UnixTime> {
    let holds = !was_written_ahead(from, now) && now < until && until.since(from) <= longest;
    holds.then_some(until)
}

#[cfg(test)]
mod simulated_host;
#[cfg(test)]
mod tests;
