//! Entries whose content was overwritten.

use super::*;

#[test]
fn keys_that_cannot_be_read_are_fetched_again_once_a_cooldown() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 64]] {
        let host = SimulatedHost::new();
        let [mut a, _] = warm(&host, "one");
        let mut fetches = 0;
        for _ in 0..100 {
            host.write(&entries().keys, garbage);
            let mut newcomer = host.vm(9);
            newcomer.sync(&host);
            assert!(newcomer.current(host.now()).is_none());
            if newcomer.take_lease(&host, false) {
                fetches += 1;
                answered(&mut newcomer, &host, "one");
                assert!(knows(&newcomer, &host, "one"));
            }
            a.sync(&host);
            assert!(knows(&a, &host, "one"), "a VM that has the keys keeps them");
            host.pass(0.25);
        }
        assert_eq!(fetches, 3, "in 25 s with a cooldown of 10 s");
    }
}

#[test]
fn last_good_keys_serve_in_their_own_time_where_newer_ones_cannot_be_read() {
    let host = SimulatedHost::new();
    let [mut a, mut b] = warm(&host, "old");
    host.pass(240.0);
    assert!(a.take_lease(&host, false));
    assert_eq!(answered(&mut a, &host, "new"), StoreOutcome::Replaced);
    host.write(&entries().keys, b"garbage");
    b.sync(&host);
    assert!(knows(&b, &host, "old") && !knows(&b, &host, "new"));
    assert!(b.take_lease(&host, false), "it fetches at once");
    b.failed(&host);
    host.pass(14_700.0 - 240.0);
    assert!(!knows(&b, &host, "old"), "the newer record does not lengthen their time");
}

#[test]
fn a_record_that_cannot_be_read_is_written_anew() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 88], &[0xFF; 64]] {
        let host = SimulatedHost::new();
        let [mut a, mut b] = warm(&host, "one");
        host.write(&entries().state, garbage);
        a.sync(&host);
        assert!(knows(&a, &host, "one"), "the last good keys stay in use meanwhile");
        assert!(a.take_lease(&host, false), "{garbage:?}");
        assert_eq!(answered(&mut a, &host, "two"), StoreOutcome::Replaced);
        b.sync(&host);
        assert!(knows(&b, &host, "two") && !knows(&b, &host, "one"));
    }
}

#[test]
fn a_count_that_starts_again_is_not_taken_for_the_old_one() {
    let host = SimulatedHost::new();
    let [mut a, mut b] = warm(&host, "one");
    host.entries.borrow_mut().clear();
    assert!(a.take_lease(&host, false));
    assert_eq!(answered(&mut a, &host, "two"), StoreOutcome::Replaced);
    assert_eq!(host.record().set.generation, 1);
    b.sync(&host);
    assert!(knows(&b, &host, "two") && !knows(&b, &host, "one"), "generation 1 again, but another set");
}
