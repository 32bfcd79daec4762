//! Answers that bring the set that is held already.

use super::*;
use crate::keys::simulated_host::NOT_MODIFIED;

#[test]
fn a_304_renews_the_set_that_was_asked_about_and_no_other() {
    let world = SimulatedHost::new();
    let [mut a, mut b] = warm(&world, "one");
    let (etag, asked) = a.validator(SOURCE).unwrap();
    assert_eq!(etag, "\"v\"");
    assert_eq!(a.validator("https://a/moved"), None, "a validator means nothing to another URL");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(
        a.succeeded(&world, &NOT_MODIFIED, Some(asked), SOURCE, b""),
        StoreOutcome::Unchanged { recovered: false }
    );
    b.sync(&world);
    assert_eq!(world.record().fetched_at, world.now());
    assert_eq!(b.status(world.now()), (1, Duration::ZERO, false), "the other VM counts from there too");

    world.pass(240.0);
    assert!(b.take_lease(&world, false));
    let other = SetId { generation: 7, fingerprint: 7 };
    assert_eq!(b.succeeded(&world, &NOT_MODIFIED, Some(other), SOURCE, b""), StoreOutcome::LeaseLost);
    assert_eq!(b.succeeded(&world, &NOT_MODIFIED, None, SOURCE, b""), StoreOutcome::LeaseLost);
}

#[test]
fn the_same_text_again_leaves_the_set_as_it_is() {
    let world = SimulatedHost::new();
    let [mut a, _] = warm(&world, "one");
    let before = a.keys(world.now()).unwrap();
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "one"), StoreOutcome::Unchanged { recovered: false });
    assert!(Rc::ptr_eq(&before, &a.keys(world.now()).unwrap()), "nothing that hangs on the set is lost");
}

/// Some issuers answer in another order each time. A VM that took that for news would warn of each key again, and forget
/// which tokens it verified.
#[test]
fn the_same_keys_in_another_order_leave_the_set_as_it_is() {
    let world = SimulatedHost::new();
    let ordered = |kids: &[&str]| {
        let one = |kid: &&str| {
            let text = String::from_utf8(set(kid)).unwrap();
            text.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").to_owned()
        };
        format!(r#"{{"keys":[{}]}}"#, kids.iter().map(one).collect::<Vec<_>>().join(",")).into_bytes()
    };
    let store = |vm: &mut KeyCache, kids: &[&str], etag: &str| {
        let body = ordered(kids);
        vm.succeeded(&world, &good(&body, Some(etag)), None, SOURCE, &body)
    };
    let stored = || {
        let bytes = world.read(&entries().keys).bytes.unwrap();
        StoredKeys::decode(&bytes).unwrap()
    };
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    assert_eq!(store(&mut a, &["one", "two"], "\"v1\""), StoreOutcome::Replaced);
    b.sync(&world);
    let (first, text) = (world.record().set, stored().text);
    let keys = [a.keys(world.now()).unwrap(), b.keys(world.now()).unwrap()];

    for (label, fails) in [("after a good answer", false), ("after a failure", true)] {
        world.pass(295.0);
        assert!(b.take_lease(&world, false), "{label}");
        if fails {
            assert!(matches!(b.failed(&world), FailureOutcome::First(_)));
            world.pass(3.0);
            assert!(b.take_lease(&world, false), "{label}");
        }
        let outcome = store(&mut b, &["two", "one"], "\"v2\"");
        assert_eq!(outcome, StoreOutcome::Unchanged { recovered: fails }, "{label}");
        assert_eq!((world.record().set, world.record().fetched_at), (first, world.now()), "{label}");
        assert_eq!(stored().text, text, "{label}: what the record names can still be read");
        assert_eq!(b.validator(SOURCE), Some(("\"v1\"".to_owned(), first)), "{label}");
        a.sync(&world);
        for (vm, keys) in [&a, &b].into_iter().zip(&keys) {
            assert!(Rc::ptr_eq(&vm.keys(world.now()).unwrap(), keys), "{label}: no keys are made anew");
        }
    }
    let mut late = world.vm(3);
    late.sync(&world);
    assert!(knows(&late, &world, "one") && knows(&late, &world, "two"));

    // One that cannot read what the record names takes what it fetched.
    world.write(&entries().keys, b"another module's");
    let mut blind = world.vm(4);
    assert!(blind.take_lease(&world, false));
    assert_eq!(store(&mut blind, &["two", "one"], "\"v3\""), StoreOutcome::Replaced);
    assert!(knows(&blind, &world, "one"));

    world.pass(300.0);
    assert!(b.take_lease(&world, false));
    assert_eq!(store(&mut b, &["two", "three"], "\"v4\""), StoreOutcome::Replaced, "other keys");
    assert!(knows(&b, &world, "three") && !knows(&b, &world, "one"));
}
