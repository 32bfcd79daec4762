//! Several VMs on one map and on virtual time, with events between any two of their steps.

mod same_set;
mod sequences;
mod unreadable;

use super::*;
use crate::keys::world::{SOURCE, World, answered, entries, good, knows, set, warm};

#[test]
fn one_fetches_and_the_others_get_it() {
    let world = World::new();
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    assert!(!b.take_lease(&world, false) && !b.take_lease(&world, true));
    assert!(matches!(b.look_again(&world, Need::Scheduled), KeyLookup::Pending));
    assert_eq!(answered(&mut a, &world, "one"), Stored::Changed);
    assert!(knows(&a, &world, "one") && !knows(&b, &world, "one"));
    assert!(matches!(b.look_again(&world, Need::Scheduled), KeyLookup::Updated(_)));
    assert!(knows(&b, &world, "one"));
    assert_eq!(a.held(), b.held());
}

#[test]
fn a_vm_that_cannot_send_leaves_it_to_the_others() {
    for attempts in [1, 2, 3] {
        let world = World::new();
        let [mut a, mut b] = [world.vm(1), world.vm(2)];
        for attempt in 1..=attempts {
            assert!(a.take_lease(&world, false));
            let told = a.not_sent(&world);
            assert_eq!(told.is_some(), attempt > 1, "attempt {attempt}");
            assert!(!a.take_lease(&world, false), "this VM does not try again at once");
            assert!(matches!(a.look_again(&world, Need::Scheduled), KeyLookup::Unavailable { .. }));
            if attempt < attempts {
                world.pass(2.4 * f64::from(attempt));
            }
        }
        assert!(b.take_lease(&world, false), "after {attempts} attempts");
        b.sent();
        assert!(matches!(a.look_again(&world, Need::Scheduled), KeyLookup::Pending), "another VM fetches");
        assert_eq!(answered(&mut b, &world, "one"), Stored::Changed);
        a.synchronise(&world);
        assert!(knows(&a, &world, "one"));
    }
}

#[test]
fn who_cannot_send_pauses_longer_each_time_until_something_is_sent() {
    let world = World::new();
    let mut a = world.vm(1);
    for (pause, told) in
        [(1.2, None), (2.4, Some(Kept::BeganToFail(Usable::No))), (4.8, Some(Kept::StillFailing))]
    {
        assert!(a.take_lease(&world, false));
        assert_eq!(a.not_sent(&world), told);
        world.pass(pause / 1.2 * 0.79);
        assert!(!a.take_lease(&world, false), "a pause of {pause} s at most");
        world.pass(pause / 1.2 * 0.42);
    }
    assert!(a.take_lease(&world, false));
    a.sent();
    assert_eq!(a.failed(&world), Kept::StillFailing);
    world.pass(12.1);
    assert!(a.take_lease(&world, false));
    assert_eq!(a.not_sent(&world), None, "the count started again");
}

/// For example, the discovery document is fetched, but the cluster for the keys accepts no request.
#[test]
fn a_document_that_leads_nowhere_is_told_and_asked_for_ever_more_rarely() {
    let world = World::new();
    let mut vms = [world.vm(1), world.vm(2), world.vm(3)];
    let (mut told, mut documents) = (0, 0);
    for _ in 0..600 {
        for vm in &mut vms {
            if vm.take_lease(&world, false) {
                documents += 1;
                told += usize::from(vm.not_sent(&world).is_some());
            }
        }
        world.pass(0.1);
    }
    assert!(told > 0 && documents <= 3 * 12, "{documents} documents in a minute, {told} failures reported");
}

#[test]
fn a_forced_refresh_that_was_not_sent_costs_nobody_the_cooldown() {
    for earlier in [1, 0] {
        let world = World::new();
        let [mut a, mut b] = warm(&world, "one");
        a.sent();
        world.pass(20.0);
        for _ in 0..earlier {
            assert!(a.take_lease(&world, true));
            assert_eq!(a.not_sent(&world), None);
            world.pass(1.3);
        }
        // The second failure in a row is reported, the first is not. Neither starts the cooldown.
        assert!(a.take_lease(&world, true));
        assert_eq!(a.not_sent(&world).is_some(), earlier == 1);
        assert!(!a.take_lease(&world, true), "this VM pauses");
        assert!(matches!(b.look_again(&world, Need::UnknownKid), KeyLookup::Pending));
        assert!(b.take_lease(&world, true), "{:?}", world.record());
        b.sent();
        let _ = b.failed(&world);
        world.pass(3.0);
        assert!(!b.take_lease(&world, true), "a request that was sent starts the cooldown");
    }
}

#[test]
fn of_two_that_want_the_lease_at_once_one_gets_it() {
    let world = World::new();
    world.interfere(|world| assert!(world.vm(2).take_lease(world, false)));
    assert!(!world.vm(1).take_lease(&world, false));
    assert_eq!(world.record().lease_holder, 2);
}

#[test]
fn a_vm_that_died_with_the_lease_costs_the_lease_and_its_late_answer_counts_for_nothing() {
    let world = World::new();
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    world.pass(5.9);
    assert!(!b.take_lease(&world, false));
    world.pass(0.1);
    assert!(b.take_lease(&world, false));
    assert!(!a.holds_lease(world.now()));
    assert_eq!(answered(&mut a, &world, "late"), Stored::TooLate);
    assert_eq!(a.failed(&world), Kept::TooLate);
    assert_eq!(answered(&mut b, &world, "right"), Stored::Changed);
    a.synchronise(&world);
    assert!(knows(&a, &world, "right") && !knows(&a, &world, "late"));
}

#[test]
fn a_lease_that_ends_while_its_answer_is_being_stored_leaves_everybody_with_the_winners_set() {
    let world = World::new();
    let mut a = world.vm(1);
    assert!(a.take_lease(&world, false));
    // Between the read and the swap the lease expires, another VM fetches and stores a set, and in the end the entry has
    // the text of the VM that lost the lease.
    world.interfere(|world| {
        let losers_text = world.read(&entries().keys).bytes.unwrap();
        world.pass(6.0);
        let mut b = world.vm(2);
        assert!(b.take_lease(world, false));
        assert_eq!(answered(&mut b, world, "winner"), Stored::Changed);
        world.write(&entries().keys, &losers_text);
    });
    assert_eq!(answered(&mut a, &world, "loser"), Stored::TooLate);
    let mut c = world.vm(3);
    c.synchronise(&world);
    assert!(!knows(&c, &world, "loser"), "the record names another text");
    assert!(matches!(c.look_again(&world, Need::Scheduled), KeyLookup::Pending), "the set is fetched again");
    assert!(c.take_lease(&world, false));
    assert_eq!(answered(&mut c, &world, "winner"), Stored::Same { recovered: false });
    for vm in [&mut a, &mut c] {
        vm.synchronise(&world);
        assert!(knows(vm, &world, "winner"));
    }
}

#[test]
fn each_change_is_told_once_for_the_process() {
    let world = World::new();
    let mut vms = [world.vm(1), world.vm(2)];
    let mut fail = |vm: usize, seconds| {
        world.pass(seconds);
        assert!(vms[vm].take_lease(&world, false));
        vms[vm].failed(&world)
    };
    assert_eq!(fail(0, 0.0), Kept::BeganToFail(Usable::No));
    assert_eq!(fail(1, 20.0), Kept::StillFailing);
    assert_eq!(fail(0, 20.0), Kept::StillFailing);
    world.pass(20.0);
    assert!(vms[1].take_lease(&world, false));
    assert_eq!(answered(&mut vms[1], &world, "one"), Stored::Changed);
    let mut fail = |vm: usize, seconds| {
        world.pass(seconds);
        assert!(vms[vm].take_lease(&world, false));
        vms[vm].failed(&world)
    };
    assert_eq!(
        fail(0, 280.0),
        Kept::BeganToFail(Usable::Fresh),
        "the first failure of each outage is reported, by the VM that has it"
    );
    assert_eq!(fail(1, 20.0), Kept::StillFailing);
    assert_eq!(fail(1, 14_300.0), Kept::StillFailing);
    assert_eq!(fail(0, 200.0), Kept::RanOut);
    assert_eq!(fail(1, 20.0), Kept::StillFailing);
    world.pass(20.0);
    assert!(vms[0].take_lease(&world, false));
    assert_eq!(answered(&mut vms[0], &world, "one"), Stored::Same { recovered: true });
}

#[test]
fn a_configuration_that_goes_gives_its_lease_back_and_no_other() {
    let world = World::new();
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    b.release(&world);
    assert!(a.holds_lease(world.now()), "a VM releases only its own lease");
    a.release(&world);
    assert!(b.take_lease(&world, false));
}

#[test]
fn a_kid_that_nobody_waits_for_is_looked_for_all_the_same() {
    let world = World::new();
    let [mut a, _] = warm(&world, "one");
    assert!(!a.take_lease(&world, false));
    assert!(matches!(a.look_again(&world, Need::UnknownKid), KeyLookup::Pending));
    assert!(
        a.take_lease(&world, false),
        "in report-only mode requests do not wait, and the client may have disconnected"
    );
    answered(&mut a, &world, "one");
    assert!(matches!(a.look_again(&world, Need::UnknownKid), KeyLookup::Unavailable { .. }));
    assert!(!a.take_lease(&world, false));
}

#[test]
fn a_worker_that_lags_behind_learns_of_newer_keys_and_then_of_the_cooldown() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "one");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    answered(&mut a, &world, "two");
    assert!(matches!(b.look_again(&world, Need::UnknownKid), KeyLookup::Updated(_)));
    assert!(
        matches!(b.look_again(&world, Need::UnknownKid), KeyLookup::Pending),
        "there may be newer keys already"
    );
}

#[test]
fn swaps_that_others_keep_winning_end() {
    struct Contended(World);
    impl SharedData for Contended {
        fn now(&self) -> UnixTime {
            self.0.now()
        }
        fn chance(&self) -> Chance {
            self.0.chance()
        }
        fn read(&self, name: &str) -> Shared {
            self.0.read(name)
        }
        fn write(&self, name: &str, bytes: &[u8]) {
            self.0.write(name, bytes);
        }
        fn swap(&self, _: &str, _: &Shared, _: &[u8]) -> Swap {
            Swap::Lost
        }
    }
    let world = Contended(World::new());
    let mut vm = world.0.vm(1);
    assert!(!vm.take_lease(&world, false));
    assert!(vm.take_lease(&world.0, false));
    assert_eq!(vm.succeeded(&world, &good(&set("a"), None), None, SOURCE, &set("a")), Stored::TooLate);
    assert_eq!(vm.failed(&world), Kept::TooLate);
    vm.release(&world);
}
