//! The keys of one issuer in one process: how long they are fresh, when they are fetched, and which VM fetches them.
//!
//! All VMs of the process share one small record, the refresh state ([`RefreshState`]), and change it by compare-and-swap.
//! This file decides on that record without I/O: at most one fetch at a time in the process (a lease that expires), one
//! refresh per cooldown for unknown kids, back-off after failures, and how long stale keys are used. The time, the
//! jitter and the identity of the VM are arguments.
//!
//! | module | contents |
//! | --- | --- |
//! | [`store`] | the keys of all issuers of a configuration |
//! | [`document`] | the documents that are fetched: key sets and revocation lists |
//! | [`fetcher`] | the fetches of one document: the next request, and the result of each answer |
//! | [`key_cache`] | the key cache of one VM, synchronized with the other VMs |
//! | [`parked`] | the requests that wait for keys |
//! | [`tick`] | how often the host calls the module for this |

pub mod answer;
pub mod bearer_token;
pub mod discovery;
pub mod document;
pub mod fetch_error;
pub mod fetch_event;
pub mod fetcher;
mod fetchers;
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

pub use bearer_token::BearerToken;
pub use document::{DocumentId, DocumentKind};
pub use lookup::{KeyLookup, KeySource, NoRevocationLists, RevocationSource};
pub use source::{Location, Source};

use crate::time::UnixTime;

/// The pause after the first failed fetch. Each further failure doubles it.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause between attempts, without jitter.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// How much longer a lease is than the timeouts of its fetches.
const LEASE_MARGIN: Duration = Duration::from_secs(1);
/// The longest lease: the longest `jwks_timeout_ms` for each of the three fetches of a discovery, and the margin. This
/// version writes no longer lease, so a longer one in the record is ignored.
const LONGEST_LEASE: Duration = Duration::from_secs(3 * 60 + 1);
/// How far in the future a time in the record may be. A time further ahead was written before the clock was set back. A
/// smaller difference comes from two workers that read the clock at the same moment, or from a clock that is being
/// adjusted. If such a difference counted as a clock that was set back, the keys would be fetched twice.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// The configured times for the keys of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTimings {
    /// `jwks_ttl_seconds`
    pub ttl: Duration,
    /// `jwks_max_stale_seconds`
    pub max_stale: Duration,
    /// `jwks_refresh_cooldown_seconds`
    pub cooldown: Duration,
    /// `jwks_timeout_ms`: the timeout of one fetch, and the longest time that a request waits.
    pub timeout: Duration,
    /// The largest number of fetches in one refresh: three with `discovery`, one without.
    pub fetches: u32,
}

/// The identity of a VM: a random number, drawn when its root context was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmIdentity(pub u64);

/// Jitter: a random number from 0 to below 1, drawn anew for each use, so that VMs and processes do not act at the same
/// time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// Creates the number from random bits.
    pub fn from_bits(bits: u32) -> Self {
        Self(f64::from(bits) / (f64::from(u32::MAX) + 1.0))
    }
}

/// The identity of a stored key set. Sets with equal identities have the same text, so that a VM does not load a set
/// again that it already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetId {
    /// The number of sets that were stored up to this one; 0 if there is none yet.
    pub generation: u64,
    /// The fingerprint of the text. The generation alone is not enough: a VM that has lost its lease may have stored
    /// another text with the same number, and the count starts again if the record is lost.
    pub fingerprint: u64,
}

impl SetId {
    /// There is no set yet.
    pub const NONE: Self = Self { generation: 0, fingerprint: 0 };
}

/// The refresh state of one issuer's keys, which all VMs of a process share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshState {
    /// The current key set.
    pub set: SetId,
    /// When the last good answer arrived.
    pub fetched_at: UnixTime,
    /// How long that answer is fresh.
    pub fresh_for: Duration,
    /// The VM that fetches, until `lease_until`.
    pub lease_holder: u64,
    /// When the lease was taken.
    pub lease_from: UnixTime,
    /// When the lease expires; the epoch if there is no lease.
    pub lease_until: UnixTime,
    /// When unknown kids last forced a refresh; the epoch if they never did.
    pub forced_at: UnixTime,
    /// The number of fetches that failed since the last good answer.
    pub failures: u32,
    /// When the last of them failed; the epoch after a good answer.
    pub failed_at: UnixTime,
    /// The earliest time of the next attempt; the epoch after a good answer.
    pub retry_at: UnixTime,
}

/// The reason for a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshReason {
    /// There are no keys yet, or they are due for a refresh.
    Scheduled,
    /// A token has a kid that no key has.
    UnknownKid,
}

/// What a VM does for a refresh reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// Swap this record in, and fetch if the swap succeeds.
    Fetch(RefreshState),
    /// A VM is fetching. It is worth waiting for the result.
    InFlight,
    /// No fetch is allowed before this time.
    NotBefore(UnixTime),
    /// The keys are fresh. No refresh is due before this time.
    FreshUntil(UnixTime),
}

/// Whether stored keys may verify tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The keys are within their TTL.
    Fresh,
    /// The keys are past their TTL, and still within `jwks_max_stale_seconds`.
    Stale,
    /// There are no keys, or they are too old.
    Unusable,
}

impl RefreshState {
    /// The state before the first fetch.
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

    /// Whether the current keys may verify tokens now.
    pub fn freshness(&self, times: &RefreshTimings, now: UnixTime) -> Freshness {
        let age = now.since(self.fetched_at);
        let fresh_for = self.fresh_for(times);
        if self.set == SetId::NONE || age >= fresh_for.saturating_add(times.max_stale) {
            Freshness::Unusable
        } else if age < fresh_for {
            Freshness::Fresh
        } else {
            Freshness::Stale
        }
    }

    /// How long the keys are fresh: at most the TTL of this configuration, because the record may have been written
    /// under another configuration.
    fn fresh_for(&self, times: &RefreshTimings) -> Duration {
        self.fresh_for.min(times.ttl)
    }

    /// Whether a VM is fetching.
    pub fn in_flight(&self, now: UnixTime) -> bool {
        if_in_future(self.lease_from, self.lease_until, LONGEST_LEASE, now).is_some()
    }

    /// What `vm` does for the reason `reason`. `jitter` spreads the refreshes of several processes.
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
        if let Some(retry_at) = if_in_future(self.failed_at, self.retry_at, LONGEST_BACKOFF.mul_f64(1.2), now)
        {
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
                match if_in_future(self.forced_at, allowed, times.cooldown, now) {
                    Some(allowed) => RefreshDecision::NotBefore(allowed),
                    None => RefreshDecision::Fetch(lease),
                }
            }
        }
    }

    /// When the next refresh is due: after 80 to 90 % of the time in which the keys are fresh. `None` if it is due now.
    fn renewal(&self, times: &RefreshTimings, now: UnixTime, jitter: Jitter) -> Option<UnixTime> {
        if self.set == SetId::NONE || is_in_future(self.fetched_at, now) {
            return None;
        }
        let due = self.fetched_at.saturating_add(self.fresh_for(times).mul_f64(0.8 + 0.1 * jitter.0));
        (now < due).then_some(due)
    }

    /// Whether `vm` still holds its lease. If not, its answer came too late and is dropped.
    pub fn is_held_by(&self, vm: VmIdentity, now: UnixTime) -> bool {
        self.lease_holder == vm.0 && self.in_flight(now)
    }

    /// The record without a lease.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            lease_holder: 0,
            lease_from: Self::UNKNOWN.lease_from,
            lease_until: Self::UNKNOWN.lease_until,
            ..*self
        }
    }

    /// The record after a good answer. `fingerprint` is that of the set in the answer; a `304` has none. The generation
    /// changes only if the text is different. `max_age` can shorten the time in which the keys are fresh.
    #[must_use]
    pub fn succeeded(
        &self,
        times: &RefreshTimings,
        fingerprint: Option<u64>,
        max_age: Option<Duration>,
        now: UnixTime,
    ) -> Self {
        // A max-age of 0 must not cause endless refreshes: an issuer can cause at most one per cooldown.
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

    /// The record after a failure: the lease is released, and the next attempt has to wait.
    #[must_use]
    pub fn failed(&self, times: &RefreshTimings, now: UnixTime, jitter: Jitter) -> Self {
        let pause = pause(self.failures, times, jitter);
        Self { failed_at: now, retry_at: now.saturating_add(pause), ..self.given_up(times, now) }
    }

    /// The record after a request that this VM could not send: the lease is released, and another VM can try at once.
    /// The cause may affect only one thread of Envoy, such as a thread that does not know the cluster yet.
    /// `previous_forced_at` is the value of `forced_at` before the lease was taken.
    #[must_use]
    pub fn not_sent(&self, times: &RefreshTimings, now: UnixTime, previous_forced_at: UnixTime) -> Self {
        Self { forced_at: self.withdrawn(previous_forced_at).forced_at, ..self.given_up(times, now) }
    }

    /// The record without a lease under which no request was sent. Such a lease starts no cooldown.
    #[must_use]
    pub fn withdrawn(&self, previous_forced_at: UnixTime) -> Self {
        let forced_at = if self.forced_at == self.lease_from { previous_forced_at } else { self.forced_at };
        Self { forced_at, ..self.released() }
    }

    fn given_up(&self, times: &RefreshTimings, now: UnixTime) -> Self {
        // `fetched_at` is in the future, so the clock was set back since. The keys count as stale from now on.
        // Otherwise they would be used for longer than allowed, by as much as the clock was off.
        let fetched_at = match is_in_future(self.fetched_at, now) {
            true => now.saturating_sub(self.fresh_for(times)),
            false => self.fetched_at,
        };
        Self { fetched_at, failures: self.failures.saturating_add(1), ..self.released() }
    }
}

/// The pause after a failure that follows `failures` other ones.
fn pause(failures: u32, times: &RefreshTimings, jitter: Jitter) -> Duration {
    let backoff = FIRST_BACKOFF.saturating_mul(1 << failures.min(8)).min(LONGEST_BACKOFF).min(times.ttl);
    backoff.mul_f64(0.8 + 0.4 * jitter.0).min(times.ttl)
}

/// How long a VM holds the lease. After that, another VM can take it, because the holder may have crashed.
fn lease_duration(times: &RefreshTimings) -> Duration {
    times.timeout.saturating_mul(times.fetches.max(1)).saturating_add(LEASE_MARGIN).min(LONGEST_LEASE)
}

/// Whether `moment` is so far in the future that the clock must have been set back since it was written.
fn is_in_future(moment: UnixTime, now: UnixTime) -> bool {
    moment > now.saturating_add(CLOCK_TOLERANCE)
}

/// `until`, if it is in the future. A period counts as over if it was written before the clock was set back, or if it
/// is longer than `longest`. Otherwise it could prevent fetches for as long as the clock was off.
fn if_in_future(from: UnixTime, until: UnixTime, longest: Duration, now: UnixTime) -> Option<UnixTime> {
    let holds = !is_in_future(from, now) && now < until && until.since(from) <= longest;
    holds.then_some(until)
}

#[cfg(test)]
pub(crate) mod simulated_host;
#[cfg(test)]
mod tests;
