//! Decisions on virtual time, without a host. The clock and the jitter are arguments.

use super::*;
use proptest::prelude::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const LOW: Jitter = Jitter(0.0);
const HIGH: Jitter = Jitter(0.999_999);
const A: VmIdentity = VmIdentity(1);
const B: VmIdentity = VmIdentity(2);

fn times() -> RefreshTimings {
    RefreshTimings {
        ttl: Duration::from_secs(300),
        max_stale: Duration::from_secs(14_400),
        cooldown: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        fetches: 1,
    }
}

fn later(seconds: f64) -> UnixTime {
    NOW.saturating_add(Duration::from_secs_f64(seconds))
}

/// A set that was fetched at `NOW`, in a scheduled refresh.
fn fetched() -> RefreshState {
    RefreshState::UNKNOWN.succeeded(&times(), Some(1), None, NOW)
}

fn lease(decision: RefreshDecision) -> RefreshState {
    match decision {
        RefreshDecision::Fetch(state) => state,
        other => panic!("expected a fetch, got {other:?}"),
    }
}

#[test]
fn without_keys_one_vm_fetches_and_the_others_wait_for_it() {
    let taken = lease(RefreshState::UNKNOWN.decide(&times(), RefreshReason::Scheduled, A, NOW, LOW));
    assert_eq!(
        taken.decide(&times(), RefreshReason::Scheduled, B, later(1.0), LOW),
        RefreshDecision::InFlight
    );
    assert_eq!(
        taken.decide(&times(), RefreshReason::UnknownKid, B, later(1.0), LOW),
        RefreshDecision::InFlight
    );
    assert!(taken.is_held_by(A, later(5.0)) && !taken.is_held_by(B, later(5.0)));
}

#[test]
fn a_vm_that_dies_with_the_lease_delays_the_others_by_the_lease() {
    let taken = lease(RefreshState::UNKNOWN.decide(&times(), RefreshReason::Scheduled, A, NOW, LOW));
    assert_eq!(
        taken.decide(&times(), RefreshReason::Scheduled, B, later(5.999), LOW),
        RefreshDecision::InFlight
    );
    assert!(matches!(
        taken.decide(&times(), RefreshReason::Scheduled, B, later(6.0), LOW),
        RefreshDecision::Fetch(_)
    ));
    assert!(!taken.is_held_by(A, later(6.0)), "an answer that arrives now is dropped");
}

#[test]
fn a_discovered_endpoint_holds_the_lease_for_both_fetches() {
    let two = RefreshTimings { fetches: 2, ..times() };
    let taken = lease(RefreshState::UNKNOWN.decide(&two, RefreshReason::Scheduled, A, NOW, LOW));
    assert!(taken.in_flight(later(10.9)) && !taken.in_flight(later(11.0)));
}

#[test]
fn keys_are_renewed_before_their_time_is_up() {
    let keys = fetched();
    assert_eq!(
        keys.decide(&times(), RefreshReason::Scheduled, A, NOW, LOW),
        RefreshDecision::FreshUntil(later(240.0))
    );
    assert!(matches!(
        keys.decide(&times(), RefreshReason::Scheduled, A, later(239.0), LOW),
        RefreshDecision::FreshUntil(_)
    ));
    assert!(matches!(
        keys.decide(&times(), RefreshReason::Scheduled, A, later(240.0), LOW),
        RefreshDecision::Fetch(_)
    ));
    assert!(matches!(
        keys.decide(&times(), RefreshReason::Scheduled, A, later(240.0), HIGH),
        RefreshDecision::FreshUntil(_)
    ));
    assert!(matches!(
        keys.decide(&times(), RefreshReason::Scheduled, A, later(270.0), HIGH),
        RefreshDecision::Fetch(_)
    ));
}

#[test]
fn a_max_age_shortens_and_never_lengthens() {
    let rows = [(None, 300), (Some(60), 60), (Some(3600), 300), (Some(0), 10)];
    for (max_age, fresh) in rows {
        let keys = RefreshState::UNKNOWN.succeeded(&times(), Some(1), max_age.map(Duration::from_secs), NOW);
        assert_eq!(keys.fresh_for, Duration::from_secs(fresh), "{max_age:?}");
    }
}

#[test]
fn last_good_keys_serve_until_they_are_too_stale() {
    let keys = fetched();
    let rows = [
        (0.0, Freshness::Fresh),
        (299.9, Freshness::Fresh),
        (300.0, Freshness::Stale),
        (14_699.9, Freshness::Stale),
        (14_700.0, Freshness::Unusable),
    ];
    for (seconds, freshness) in rows {
        assert_eq!(keys.freshness(&times(), later(seconds)), freshness, "after {seconds} s");
    }
    assert_eq!(RefreshState::UNKNOWN.freshness(&times(), NOW), Freshness::Unusable);
}

#[test]
fn unknown_kids_force_one_refresh_a_cooldown() {
    let forced = lease(fetched().decide(&times(), RefreshReason::UnknownKid, A, later(1.0), LOW));
    let after = forced.succeeded(&times(), Some(1), None, later(1.1));
    let second = after.decide(&times(), RefreshReason::UnknownKid, B, later(10.9), LOW);
    assert_eq!(second, RefreshDecision::NotBefore(later(11.0)));
    assert!(matches!(
        after.decide(&times(), RefreshReason::UnknownKid, B, later(11.0), LOW),
        RefreshDecision::Fetch(_)
    ));
}

#[test]
fn start_and_renewal_do_not_count_against_the_cooldown() {
    assert!(matches!(
        fetched().decide(&times(), RefreshReason::UnknownKid, A, NOW, LOW),
        RefreshDecision::Fetch(_)
    ));
}

#[test]
fn failures_back_off_by_doubling_up_to_the_longest_pause_and_never_past_the_ttl() {
    let mut state = RefreshState::UNKNOWN;
    for seconds in [1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10] {
        state = state.failed(&times(), NOW, LOW);
        assert_eq!(state.retry_at, later(f64::from(seconds) * 0.8));
    }
    assert_eq!(
        state.decide(&times(), RefreshReason::Scheduled, A, NOW, LOW),
        RefreshDecision::NotBefore(later(8.0))
    );
    assert_eq!(
        state.decide(&times(), RefreshReason::UnknownKid, A, NOW, LOW),
        RefreshDecision::NotBefore(later(8.0))
    );
    assert!(matches!(
        state.decide(&times(), RefreshReason::Scheduled, A, later(8.0), LOW),
        RefreshDecision::Fetch(_)
    ));

    let short = RefreshTimings { ttl: Duration::from_secs(3), ..times() };
    assert_eq!(state.failed(&short, NOW, LOW).retry_at, later(2.4));
    assert!(state.failed(&times(), NOW, HIGH).retry_at <= later(12.0));
}

#[test]
fn a_pause_is_never_longer_than_the_ttl_jitter_included() {
    let short = RefreshTimings { ttl: Duration::from_secs(1), ..times() };
    for _ in 0..4 {
        assert!(RefreshState::UNKNOWN.failed(&short, NOW, HIGH).retry_at <= later(1.0));
    }
}

#[test]
fn a_good_answer_ends_the_back_off_and_the_same_text_keeps_the_generation() {
    let failed = fetched().failed(&times(), NOW, LOW);
    for same in [None, Some(1)] {
        let unchanged = failed.succeeded(&times(), same, None, later(2.0));
        assert_eq!((unchanged.set, unchanged.failures), (fetched().set, 0), "{same:?}");
        assert_eq!(
            (unchanged.retry_at, unchanged.failed_at),
            (UnixTime::from_millis(0), UnixTime::from_millis(0))
        );
    }
    let changed = failed.succeeded(&times(), Some(2), None, later(2.0)).set;
    assert_eq!(changed, SetId { generation: 2, fingerprint: 2 });
    let nothing = RefreshState::UNKNOWN.succeeded(&times(), Some(0), None, NOW).set;
    assert_eq!(nothing.generation, 1, "0 is a valid fingerprint");
}

#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    let taken = lease(fetched().decide(&times(), RefreshReason::UnknownKid, A, later(100_000.0), LOW));
    let failed = taken.failed(&times(), later(100_000.0), HIGH);
    for state in [taken, failed, RefreshState { failures: 0, retry_at: UnixTime::from_millis(0), ..failed }] {
        assert!(matches!(
            state.decide(&times(), RefreshReason::UnknownKid, B, NOW, LOW),
            RefreshDecision::Fetch(_)
        ));
    }
    let from_the_future = RefreshState { fetched_at: later(100_000.0), ..fetched() };
    assert!(matches!(
        from_the_future.decide(&times(), RefreshReason::Scheduled, A, NOW, LOW),
        RefreshDecision::Fetch(_)
    ));
}

#[test]
fn keys_from_before_the_clock_was_set_back_do_not_outlive_their_stale_time() {
    let state = RefreshState { fetched_at: later(100_000.0), ..fetched() }.failed(&times(), NOW, LOW);
    assert_eq!(state.freshness(&times(), NOW), Freshness::Stale);
    assert_eq!(state.freshness(&times(), later(14_399.9)), Freshness::Stale);
    assert_eq!(state.freshness(&times(), later(14_400.0)), Freshness::Unusable);
    assert!(matches!(
        state.decide(&times(), RefreshReason::Scheduled, A, later(1.0), LOW),
        RefreshDecision::Fetch(_)
    ));
}

#[test]
fn workers_whose_clocks_are_a_moment_apart_agree() {
    let a_moment_ago = NOW.saturating_sub(Duration::from_millis(3));
    let taken = lease(RefreshState::UNKNOWN.decide(&times(), RefreshReason::Scheduled, A, NOW, LOW));
    assert_eq!(
        taken.decide(&times(), RefreshReason::Scheduled, B, a_moment_ago, LOW),
        RefreshDecision::InFlight
    );
    let keys = fetched();
    assert_eq!(
        keys.decide(&times(), RefreshReason::Scheduled, B, a_moment_ago, LOW),
        RefreshDecision::FreshUntil(later(240.0))
    );
    let failed = taken.failed(&times(), NOW, LOW);
    assert_eq!(
        failed.decide(&times(), RefreshReason::Scheduled, B, a_moment_ago, LOW),
        RefreshDecision::NotBefore(later(0.8))
    );
    let forced = lease(keys.decide(&times(), RefreshReason::UnknownKid, A, NOW, LOW)).released();
    assert_eq!(
        forced.decide(&times(), RefreshReason::UnknownKid, B, a_moment_ago, LOW),
        RefreshDecision::NotBefore(later(10.0))
    );
}

#[test]
fn a_record_written_under_other_times_is_read_under_ones_own() {
    let day = RefreshTimings { ttl: Duration::from_secs(86_400), ..times() };
    let keys = RefreshState::UNKNOWN.succeeded(&day, Some(1), None, NOW);
    assert_eq!(keys.freshness(&times(), later(299.0)), Freshness::Fresh);
    assert_eq!(keys.freshness(&times(), later(300.0)), Freshness::Stale);
    assert_eq!(keys.freshness(&times(), later(14_700.0)), Freshness::Unusable);
    assert!(matches!(
        keys.decide(&times(), RefreshReason::Scheduled, A, later(270.0), HIGH),
        RefreshDecision::Fetch(_)
    ));

    let patient = RefreshTimings { timeout: Duration::from_secs(60), fetches: 3, ..times() };
    let taken = lease(RefreshState::UNKNOWN.decide(&patient, RefreshReason::Scheduled, A, NOW, LOW));
    let hasty = RefreshTimings { timeout: Duration::from_millis(10), ..times() };
    assert_eq!(
        taken.decide(&hasty, RefreshReason::Scheduled, B, later(100.0), LOW),
        RefreshDecision::InFlight
    );
}

#[test]
fn a_record_that_stops_the_fetching_for_ever_was_not_written_here() {
    let never = UnixTime::from_millis(u64::MAX);
    let held = RefreshState { lease_holder: 7, lease_from: NOW, lease_until: never, ..RefreshState::UNKNOWN };
    assert!(matches!(
        held.decide(&times(), RefreshReason::Scheduled, A, later(1.0), LOW),
        RefreshDecision::Fetch(_)
    ));
    let failing = RefreshState { failures: 9, failed_at: NOW, retry_at: never, ..RefreshState::UNKNOWN };
    assert!(matches!(
        failing.decide(&times(), RefreshReason::Scheduled, A, later(1.0), LOW),
        RefreshDecision::Fetch(_)
    ));
    let fresh = RefreshState { fresh_for: Duration::MAX, ..fetched() };
    assert_eq!(fresh.freshness(&times(), later(14_700.0)), Freshness::Unusable);
    let lately = RefreshState { fetched_at: never, ..fetched() };
    assert!(matches!(
        lately.decide(&times(), RefreshReason::Scheduled, A, NOW, LOW),
        RefreshDecision::Fetch(_)
    ));
    let forced = RefreshState { forced_at: never, ..fetched() };
    assert!(matches!(
        forced.decide(&times(), RefreshReason::UnknownKid, A, NOW, LOW),
        RefreshDecision::Fetch(_)
    ));
}

/// An event for the keys of one issuer in a process with several VMs.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Ask(RefreshReason, u64),
    Answer { good: bool, max_age: Option<u64> },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (1_u64..20_000).prop_map(Event::Pass),
        4 => (any::<bool>(), 0_u64..4).prop_map(|(forced, vm)| {
            Event::Ask(if forced { RefreshReason::UnknownKid } else { RefreshReason::Scheduled }, vm)
        }),
        3 => (any::<bool>(), proptest::option::of(0_u64..600)).prop_map(|(good, max_age)| Event::Answer { good, max_age }),
    ];
    proptest::collection::vec(event, 1..200)
}

proptest! {
    #[test]
    fn no_sequence_of_events_fetches_twice_in_a_cooldown_or_uses_keys_outside_their_time(events in events()) {
        let times = times();
        let mut now = NOW;
        let mut state = RefreshState::UNKNOWN;
        let mut holder: Option<(VmIdentity, UnixTime)> = None;
        let mut last_forced: Option<UnixTime> = None;
        let mut last_good: Option<UnixTime> = None;
        for event in events {
            match event {
                Event::Pass(milliseconds) => now = now.saturating_add(Duration::from_millis(milliseconds)),
                Event::Ask(reason, vm) => {
                    let vm = VmIdentity(vm);
                    if let RefreshDecision::Fetch(taken) = state.decide(&times, reason, vm, now, LOW) {
                        if let Some((_, since)) = holder {
                            prop_assert!(now.since(since) >= Duration::from_secs(6), "two fetches at once");
                        }
                        if reason == RefreshReason::UnknownKid {
                            if let Some(last) = last_forced {
                                prop_assert!(now.since(last) >= times.cooldown, "two forced refreshes in a cooldown");
                            }
                            last_forced = Some(now);
                        }
                        state = taken;
                        holder = Some((vm, now));
                    }
                }
                Event::Answer { good, max_age } => {
                    if holder.take().is_some_and(|(vm, _)| state.is_held_by(vm, now)) {
                        state = if good {
                            last_good = Some(now);
                            state.succeeded(&times, Some(now.as_millis()), max_age.map(Duration::from_secs), now)
                        } else {
                            state.failed(&times, now, LOW)
                        };
                    }
                }
            }
            let longest = times.ttl + times.max_stale;
            let freshness = state.freshness(&times, now) != Freshness::Unusable;
            prop_assert!(!freshness || last_good.is_some_and(|at| now.since(at) < longest), "keys are used after their time");
        }
    }
}
