//! Entries whose content was overwritten.

use super::*;

#[test]
fn keys_that_cannot_be_read_are_fetched_again_once_a_cooldown() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 64]] {
        let world = World::new();
        let [mut a, _] = warm(&world, "one");
        let mut fetches = 0;
        for _ in 0..100 {
            world.write(&entries().keys, garbage);
            let mut newcomer = world.vm(9);
            newcomer.synchronise(&world);
            assert!(newcomer.keys(world.now()).is_none());
            if newcomer.take_lease(&world, false) {
                fetches += 1;
                answered(&mut newcomer, &world, "one");
                assert!(knows(&newcomer, &world, "one"));
            }
            a.synchronise(&world);
            assert!(knows(&a, &world, "one"), "a VM that has the keys keeps them");
            world.pass(0.25);
        }
        assert_eq!(fetches, 3, "in 25 s with a cooldown of 10 s");
    }
}

#[test]
fn last_good_keys_serve_in_their_own_time_where_newer_ones_cannot_be_read() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "old");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "new"), Stored::Changed);
    world.write(&entries().keys, b"garbage");
    b.synchronise(&world);
    assert!(knows(&b, &world, "old") && !knows(&b, &world, "new"));
    assert!(b.take_lease(&world, false), "it fetches at once");
    b.failed(&world);
    world.pass(14_700.0 - 240.0);
    assert!(!knows(&b, &world, "old"), "the newer record does not lengthen their time");
}

#[test]
fn a_record_that_cannot_be_read_is_written_anew() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 88], &[0xFF; 64]] {
        let world = World::new();
        let [mut a, mut b] = warm(&world, "one");
        world.write(&entries().control, garbage);
        a.synchronise(&world);
        assert!(knows(&a, &world, "one"), "the last good keys stay in use meanwhile");
        assert!(a.take_lease(&world, false), "{garbage:?}");
        assert_eq!(answered(&mut a, &world, "two"), Stored::Changed);
        b.synchronise(&world);
        assert!(knows(&b, &world, "two") && !knows(&b, &world, "one"));
    }
}

#[test]
fn a_count_that_starts_again_is_not_taken_for_the_old_one() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "one");
    world.entries.borrow_mut().clear();
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "two"), Stored::Changed);
    assert_eq!(world.record().set.generation, 1);
    b.synchronise(&world);
    assert!(knows(&b, &world, "two") && !knows(&b, &world, "one"), "generation 1 again, but another set");
}
