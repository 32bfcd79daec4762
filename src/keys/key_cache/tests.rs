//! Several VMs on one map and on virtual time, with events between any two of their steps.

mod lists;
mod same_set;
mod sequences;
mod unreadable;

use super::*;
use crate::keys::simulated_host::{SOURCE, SimulatedHost, answered, entries, good, knows, set, warm};

#[test]
fn one_fetches_and_the_others_get_it() {
    let host = SimulatedHost::new();
    let [mut a, mut b] = [host.vm(1), host.vm(2)];
    assert!(a.take_lease(&host, false));
    assert!(!b.take_lease(&host, false) && !b.take_lease(&host, true));
    assert!(matches!(b.sync_and_look_up(&host, RefreshReason::Scheduled), KeyLookup::Pending));
    assert_eq!(answered(&mut a, &host, "one"), StoreOutcome::Replaced);
    assert!(knows(&a, &host, "one") && !knows(&b, &host, "one"));
    assert!(matches!(b.sync_and_look_up(&host, RefreshReason::Scheduled), KeyLookup::Updated(_)));
    assert!(knows(&b, &host, "one"));
    assert_eq!(a.current_set(), b.current_set());
}

#[test]
fn a_vm_that_cannot_send_leaves_it_to_the_others() {
    for attempts in [1, 2, 3] {
        let host = SimulatedHost::new();
        let [mut a, mut b] = [host.vm(1), host.vm(2)];
        for attempt in 1..=attempts {
            assert!(a.take_lease(&host, false));
            let reported = a.not_sent(&host);
            assert_eq!(reported.is_some(), attempt > 1, "attempt {attempt}");
            assert!(!a.take_lease(&host, false), "this VM does not try again at once");
            assert!(matches!(
                a.sync_and_look_up(&host, RefreshReason::Scheduled),
                KeyLookup::Unavailable { .. }
            ));
            if attempt < attempts {
                host.pass(2.4 * f64::from(attempt));
            }
        }
        assert!(b.take_lease(&host, false), "after {attempts} attempts");
        b.sent();
        assert!(
            matches!(a.sync_and_look_up(&host, RefreshReason::Scheduled), KeyLookup::Pending),
            "another VM fetches"
        );
        assert_eq!(answered(&mut b, &host, "one"), StoreOutcome::Replaced);
        a.sync(&host);
        assert!(knows(&a, &host, "one"));
    }
}

#[test]
fn who_cannot_send_pauses_longer_each_time_until_something_is_sent() {
    let host = SimulatedHost::new();
    let mut a = host.vm(1);
    for (pause, reported) in [
        (1.2, None),
        (2.4, Some(FailureOutcome::First(Freshness::Unusable))),
        (4.8, Some(FailureOutcome::Repeated)),
    ] {
        assert!(a.take_lease(&host, false));
        assert_eq!(a.not_sent(&host), reported);
        host.pass(pause / 1.2 * 0.79);
        assert!(!a.take_lease(&host, false), "a pause of {pause} s at most");
        host.pass(pause / 1.2 * 0.42);
    }
    assert!(a.take_lease(&host, false));
    a.sent();
    assert_eq!(a.failed(&host), FailureOutcome::Repeated);
    host.pass(12.1);
    assert!(a.take_lease(&host, false));
    assert_eq!(a.not_sent(&host), None, "the count started again");
}

/// For example, the discovery document is fetched, but the cluster for the keys accepts no request.
#[test]
fn a_document_that_leads_nowhere_is_told_and_asked_for_ever_more_rarely() {
    let host = SimulatedHost::new();
    let mut vms = [host.vm(1), host.vm(2), host.vm(3)];
    let (mut reported, mut documents) = (0, 0);
    for _ in 0..600 {
        for vm in &mut vms {
            if vm.take_lease(&host, false) {
                documents += 1;
                reported += usize::from(vm.not_sent(&host).is_some());
            }
        }
        host.pass(0.1);
    }
    assert!(
        reported > 0 && documents <= 3 * 12,
        "{documents} documents in a minute, {reported} failures reported"
    );
}

#[test]
fn a_forced_refresh_that_was_not_sent_costs_nobody_the_cooldown() {
    for earlier in [1, 0] {
        let host = SimulatedHost::new();
        let [mut a, mut b] = warm(&host, "one");
        a.sent();
        host.pass(20.0);
        for _ in 0..earlier {
            assert!(a.take_lease(&host, true));
            assert_eq!(a.not_sent(&host), None);
            host.pass(1.3);
        }
        // The second failure in a row is reported, the first is not. Neither starts the cooldown.
        assert!(a.take_lease(&host, true));
        assert_eq!(a.not_sent(&host).is_some(), earlier == 1);
        assert!(!a.take_lease(&host, true), "this VM pauses");
        assert!(matches!(b.sync_and_look_up(&host, RefreshReason::UnknownKid), KeyLookup::Pending));
        assert!(b.take_lease(&host, true), "{:?}", host.record());
        b.sent();
        let _ = b.failed(&host);
        host.pass(3.0);
        assert!(!b.take_lease(&host, true), "a request that was sent starts the cooldown");
    }
}

#[test]
fn of_two_that_want_the_lease_at_once_one_gets_it() {
    let host = SimulatedHost::new();
    host.interfere(|host| assert!(host.vm(2).take_lease(host, false)));
    assert!(!host.vm(1).take_lease(&host, false));
    assert_eq!(host.record().lease_holder, 2);
}

#[test]
fn a_vm_that_died_with_the_lease_costs_the_lease_and_its_late_answer_counts_for_nothing() {
    let host = SimulatedHost::new();
    let [mut a, mut b] = [host.vm(1), host.vm(2)];
    assert!(a.take_lease(&host, false));
    host.pass(5.9);
    assert!(!b.take_lease(&host, false));
    host.pass(0.1);
    assert!(b.take_lease(&host, false));
    assert!(!a.holds_lease(host.now()));
    assert_eq!(answered(&mut a, &host, "late"), StoreOutcome::LeaseLost);
    assert_eq!(a.failed(&host), FailureOutcome::LeaseLost);
    assert_eq!(answered(&mut b, &host, "right"), StoreOutcome::Replaced);
    a.sync(&host);
    assert!(knows(&a, &host, "right") && !knows(&a, &host, "late"));
}

#[test]
fn a_lease_that_ends_while_its_answer_is_being_stored_leaves_everybody_with_the_winners_set() {
    let host = SimulatedHost::new();
    let mut a = host.vm(1);
    assert!(a.take_lease(&host, false));
    // Between the read and the swap the lease expires, another VM fetches and stores a set, and in the end the entry has
    // the text of the VM that lost the lease.
    host.interfere(|host| {
        let losers_text = host.read(&entries().keys).bytes.unwrap();
        host.pass(6.0);
        let mut b = host.vm(2);
        assert!(b.take_lease(host, false));
        assert_eq!(answered(&mut b, host, "winner"), StoreOutcome::Replaced);
        host.write(&entries().keys, &losers_text);
    });
    assert_eq!(answered(&mut a, &host, "loser"), StoreOutcome::LeaseLost);
    let mut c = host.vm(3);
    c.sync(&host);
    assert!(!knows(&c, &host, "loser"), "the record names another text");
    assert!(
        matches!(c.sync_and_look_up(&host, RefreshReason::Scheduled), KeyLookup::Pending),
        "the set is fetched again"
    );
    assert!(c.take_lease(&host, false));
    assert_eq!(answered(&mut c, &host, "winner"), StoreOutcome::Unchanged { recovered: false });
    for vm in [&mut a, &mut c] {
        vm.sync(&host);
        assert!(knows(vm, &host, "winner"));
    }
}

#[test]
fn each_change_is_told_once_for_the_process() {
    let host = SimulatedHost::new();
    let mut vms = [host.vm(1), host.vm(2)];
    let mut fail = |vm: usize, seconds| {
        host.pass(seconds);
        assert!(vms[vm].take_lease(&host, false));
        vms[vm].failed(&host)
    };
    assert_eq!(fail(0, 0.0), FailureOutcome::First(Freshness::Unusable));
    assert_eq!(fail(1, 20.0), FailureOutcome::Repeated);
    assert_eq!(fail(0, 20.0), FailureOutcome::Repeated);
    host.pass(20.0);
    assert!(vms[1].take_lease(&host, false));
    assert_eq!(answered(&mut vms[1], &host, "one"), StoreOutcome::Replaced);
    let mut fail = |vm: usize, seconds| {
        host.pass(seconds);
        assert!(vms[vm].take_lease(&host, false));
        vms[vm].failed(&host)
    };
    assert_eq!(
        fail(0, 280.0),
        FailureOutcome::First(Freshness::Fresh),
        "the first failure of each outage is reported, by the VM that has it"
    );
    assert_eq!(fail(1, 20.0), FailureOutcome::Repeated);
    assert_eq!(fail(1, 14_300.0), FailureOutcome::Repeated);
    assert_eq!(fail(0, 200.0), FailureOutcome::KeysExpired);
    assert_eq!(fail(1, 20.0), FailureOutcome::Repeated);
    host.pass(20.0);
    assert!(vms[0].take_lease(&host, false));
    assert_eq!(answered(&mut vms[0], &host, "one"), StoreOutcome::Unchanged { recovered: true });
}

#[test]
fn a_configuration_that_goes_gives_its_lease_back_and_no_other() {
    let host = SimulatedHost::new();
    let [mut a, mut b] = [host.vm(1), host.vm(2)];
    assert!(a.take_lease(&host, false));
    b.release(&host);
    assert!(a.holds_lease(host.now()), "a VM releases only its own lease");
    a.release(&host);
    assert!(b.take_lease(&host, false));
}

#[test]
fn a_kid_that_nobody_waits_for_is_looked_for_all_the_same() {
    let host = SimulatedHost::new();
    let [mut a, _] = warm(&host, "one");
    assert!(!a.take_lease(&host, false));
    assert!(matches!(a.sync_and_look_up(&host, RefreshReason::UnknownKid), KeyLookup::Pending));
    assert!(
        a.take_lease(&host, false),
        "in report-only mode requests do not wait, and the client may have disconnected"
    );
    answered(&mut a, &host, "one");
    assert!(matches!(a.sync_and_look_up(&host, RefreshReason::UnknownKid), KeyLookup::Unavailable { .. }));
    assert!(!a.take_lease(&host, false));
}

#[test]
fn a_worker_that_lags_behind_learns_of_newer_keys_and_then_of_the_cooldown() {
    let host = SimulatedHost::new();
    let [mut a, mut b] = warm(&host, "one");
    host.pass(240.0);
    assert!(a.take_lease(&host, false));
    answered(&mut a, &host, "two");
    assert!(matches!(b.sync_and_look_up(&host, RefreshReason::UnknownKid), KeyLookup::Updated(_)));
    assert!(
        matches!(b.sync_and_look_up(&host, RefreshReason::UnknownKid), KeyLookup::Pending),
        "there may be newer keys already"
    );
}

#[test]
fn swaps_that_others_keep_winning_end() {
    struct Contended(SimulatedHost);
    impl SharedData for Contended {
        fn now(&self) -> UnixTime {
            self.0.now()
        }
        fn jitter(&self) -> Jitter {
            self.0.jitter()
        }
        fn random_bits(&self) -> u64 {
            self.0.random_bits()
        }
        fn secret(&self) -> Option<[u8; 16]> {
            self.0.secret()
        }
        fn read(&self, name: &str) -> SharedEntry {
            self.0.read(name)
        }
        fn write(&self, name: &str, bytes: &[u8]) {
            self.0.write(name, bytes);
        }
        fn swap(&self, _: &str, _: &SharedEntry, _: &[u8]) -> Swap {
            Swap::Lost
        }
    }
    let host = Contended(SimulatedHost::new());
    let mut vm = host.0.vm(1);
    assert!(!vm.take_lease(&host, false));
    assert!(vm.take_lease(&host.0, false));
    assert_eq!(vm.succeeded(&host, &good(&set("a"), None), None, SOURCE, &set("a")), StoreOutcome::LeaseLost);
    assert_eq!(vm.failed(&host), FailureOutcome::LeaseLost);
    vm.release(&host);
}
