//! Random sequences of events: VMs that fetch, fail, crash and start again, a clock that jumps, and corrupted entries.

use proptest::prelude::*;

use super::*;
use crate::keys::simulated_host::{SimulatedHost, answered, entries, times};

#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    /// The clock is set back.
    SetBack(u64),
    Attend {
        vm: usize,
        unknown_kids: bool,
    },
    Answer {
        vm: usize,
        outcome: Outcome,
    },
    Restart(usize),
    SpoilKeys,
    SpoilRecord,
}

#[derive(Debug, Clone)]
enum Outcome {
    Keys(u8),
    Failure,
    Never,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let vm = || 0_usize..4;
    let outcome = prop_oneof![4 => (0_u8..3).prop_map(Outcome::Keys), 3 => Just(Outcome::Failure), 1 => Just(Outcome::Never)];
    let event = prop_oneof![
        6 => (1_u64..8_000).prop_map(Event::Pass),
        1 => (200_000_u64..900_000).prop_map(Event::Pass),
        1 => (1_u64..3_000_000).prop_map(Event::SetBack),
        9 => (vm(), any::<bool>()).prop_map(|(vm, unknown_kids)| Event::Attend { vm, unknown_kids }),
        6 => (vm(), outcome).prop_map(|(vm, outcome)| Event::Answer { vm, outcome }),
        1 => vm().prop_map(Event::Restart),
        1 => Just(Event::SpoilKeys),
        1 => Just(Event::SpoilRecord),
    ];
    proptest::collection::vec(event, 1..250)
}

proptest! {
    #[test]
    fn whatever_happens_vms_agree_and_nobody_is_stuck(events in events()) {
        agree_and_are_not_stuck(events)?;
    }
}

/// A clock that was set back may reach a time at which an old lease is valid once more. That lease expires again.
#[test]
fn a_lease_that_the_clock_comes_back_to_ends_again() {
    let events =
        vec![Event::Attend { vm: 0, unknown_kids: false }, Event::Pass(799_421), Event::SetBack(993_422)];
    agree_and_are_not_stuck(events).unwrap();
}

fn agree_and_are_not_stuck(events: Vec<Event>) -> Result<(), TestCaseError> {
    let host = SimulatedHost::new();
    // A short stale time, so that sequences last longer.
    let times = || RefreshTimings { max_stale: Duration::from_secs(600), ..times() };
    let mut last_good: Option<UnixTime> = None;
    let mut vms: Vec<KeyCache> = (0..4).map(|number| host.vm_with(times(), number + 1)).collect();
    let mut names = 10;
    // Since when each VM fetches.
    let mut fetching: [Option<UnixTime>; 4] = [None; 4];
    let mut forced: Option<UnixTime> = None;
    let (mut undisturbed, mut clock_holds) = (true, true);
    for event in events {
        match event {
            Event::Pass(milliseconds) => host.pass(milliseconds as f64 / 1000.0),
            Event::SetBack(milliseconds) => {
                host.now.set(host.now().saturating_sub(Duration::from_millis(milliseconds)));
                (undisturbed, clock_holds) = (false, false);
            }
            Event::SpoilKeys => host.write(&entries().keys, b"spoiled"),
            Event::SpoilRecord => {
                host.write(&entries().state, b"spoiled");
                undisturbed = false;
            }
            Event::Restart(vm) => {
                names += 1;
                (vms[vm], fetching[vm]) = (host.vm_with(times(), names), None);
            }
            Event::Attend { vm, unknown_kids } => {
                if fetching[vm].is_some() && vms[vm].holds_lease(host.now()) {
                    continue;
                }
                fetching[vm] = None;
                if vms[vm].take_lease(&host, unknown_kids) {
                    let now = host.now();
                    let others =
                        fetching.iter().flatten().filter(|since| now.since(**since) < Duration::from_secs(6));
                    prop_assert!(!undisturbed || others.count() == 0, "two fetches at once");
                    let state = host.record();
                    if state.forced_at == now {
                        let too_soon = forced
                            .is_some_and(|last| last != now && now.since(last) < Duration::from_secs(10));
                        prop_assert!(!undisturbed || !too_soon, "two forced refreshes in a cooldown");
                        forced = Some(now);
                    }
                    fetching[vm] = Some(now);
                }
            }
            Event::Answer { vm, outcome } => {
                if fetching[vm].take().is_some() {
                    match outcome {
                        Outcome::Keys(kid) => {
                            if answered(&mut vms[vm], &host, &kid.to_string()) != StoreOutcome::LeaseLost {
                                last_good = Some(host.now());
                            }
                        }
                        Outcome::Failure => drop(vms[vm].failed(&host)),
                        Outcome::Never => {}
                    }
                }
            }
        }
        let in_time = last_good.is_some_and(|at| host.now().since(at) < Duration::from_secs(900));
        let some_vm_has_keys = vms.iter().any(|vm| vm.current(host.now()).is_some());
        prop_assert!(!clock_holds || in_time || !some_vm_has_keys, "keys are used after their time");
        // VMs that have the set that the record names have the same keys.
        let record = host.record();
        let holders: Vec<_> =
            vms.iter().filter(|vm| record.set != SetId::NONE && vm.current_set() == record.set).collect();
        for kid in ["0", "1", "2"] {
            let knowing = |vm: &&&KeyCache| {
                vm.loaded.as_ref().is_some_and(|loaded| {
                    loaded
                        .document
                        .candidates(Some(kid), crate::jose::algorithm::Algorithm::Rs256, &[])
                        .is_ok()
                })
            };
            let count = holders.iter().filter(knowing).count();
            prop_assert!(count == 0 || count == holders.len(), "VMs have different keys for one set");
        }
    }
    // After every sequence, a new VM gets keys within the longest lease, pause and cooldown, or at the end of these if the
    // clock was set back to their start.
    host.pass(200.0);
    let mut newcomer = host.vm_with(times(), 99);
    newcomer.sync(&host);
    if newcomer.current(host.now()).is_none() {
        let fetches = (0..200).any(|_| {
            let fetches = newcomer.take_lease(&host, false);
            if !fetches {
                host.pass(1.0);
            }
            fetches
        });
        prop_assert!(fetches, "stuck: {:?}", host.record());
        answered(&mut newcomer, &host, "0");
        prop_assert!(newcomer.current(host.now()).is_some());
    }
    Ok(())
}
