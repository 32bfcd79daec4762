//! Entries that hold something other than what was written.

use super::*;

#[test]
fn keys_that_cannot_be_read_are_fetched_again_once_a_cooldown() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 64]] {
        let world = SimulatedHost::new();
        let [mut a, _] = warm(&world, "one");
        let mut fetches = 0;
        for _ in 0..100 {
            world.write(&entries().keys, garbage);
            let mut newcomer = world.vm(9);
            newcomer.sync(&world);
            assert!(newcomer.keys(world.now()).is_none());
            if newcomer.take_lease(&world, false) {
                fetches += 1;
                answered(&mut newcomer, &world, "one");
                assert!(knows(&newcomer, &world, "one"));
            }
            a.sync(&world);
            assert!(knows(&a, &world, "one"), "who has them keeps them");
            world.pass(0.25);
        }
        assert_eq!(fetches, 3, "in 25 s with a cooldown of 10 s");
    }
}

#[test]
fn last_good_keys_serve_in_their_own_time_where_newer_ones_cannot_be_read() {
    let world = SimulatedHost::new();
    let [mut a, mut b] = warm(&world, "old");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "new"), StoreOutcome::Replaced);
    world.write(&entries().keys, b"garbage");
    b.sync(&world);
    assert!(knows(&b, &world, "old") && !knows(&b, &world, "new"));
    assert!(b.take_lease(&world, false), "it asks at once");
    b.failed(&world);
    world.pass(14_700.0 - 240.0);
    assert!(!knows(&b, &world, "old"), "the newer record does not lengthen their life");
}

#[test]
fn a_record_that_cannot_be_read_is_written_anew() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 88], &[0xFF; 64]] {
        let world = SimulatedHost::new();
        let [mut a, mut b] = warm(&world, "one");
        world.write(&entries().state, garbage);
        a.sync(&world);
        assert!(knows(&a, &world, "one"), "last-good keys serve meanwhile");
        assert!(a.take_lease(&world, false), "{garbage:?}");
        assert_eq!(answered(&mut a, &world, "two"), StoreOutcome::Replaced);
        b.sync(&world);
        assert!(knows(&b, &world, "two") && !knows(&b, &world, "one"));
    }
}

#[test]
fn a_count_that_starts_again_is_not_taken_for_the_old_one() {
    let world = SimulatedHost::new();
    let [mut a, mut b] = warm(&world, "one");
    world.entries.borrow_mut().clear();
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "two"), StoreOutcome::Replaced);
    assert_eq!(world.record().set.generation, 1);
    b.sync(&world);
    assert!(knows(&b, &world, "two") && !knows(&b, &world, "one"), "generation 1 again, another set");
}
