//! Answers with the set that is already cached.

use super::*;
use crate::keys::world::NOT_MODIFIED;

#[test]
fn a_304_renews_the_set_that_was_asked_about_and_no_other() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "one");
    let (etag, asked) = a.validator(SOURCE).unwrap();
    assert_eq!(etag, "\"v\"");
    assert_eq!(a.validator("https://a/moved"), None, "an ETag is valid only for its URL");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(
        a.succeeded(&world, &NOT_MODIFIED, Some(asked), SOURCE, b""),
        Stored::Same { recovered: false }
    );
    b.synchronise(&world);
    assert_eq!(world.record().fetched_at, world.now());
    assert_eq!(b.holding(world.now()), (1, Duration::ZERO, false), "the other VM uses the same time");

    world.pass(240.0);
    assert!(b.take_lease(&world, false));
    let other = SetId { generation: 7, fingerprint: 7 };
    assert_eq!(b.succeeded(&world, &NOT_MODIFIED, Some(other), SOURCE, b""), Stored::TooLate);
    assert_eq!(b.succeeded(&world, &NOT_MODIFIED, None, SOURCE, b""), Stored::TooLate);
}

#[test]
fn the_same_text_again_leaves_the_set_as_it_is() {
    let world = World::new();
    let [mut a, _] = warm(&world, "one");
    let before = a.keys(world.now()).unwrap();
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "one"), Stored::Same { recovered: false });
    assert!(
        Rc::ptr_eq(&before, &a.keys(world.now()).unwrap()),
        "the set in memory is the same, so the token cache stays valid"
    );
}

/// Some issuers answer in a different order each time. If a VM took this for a new set, it would log each warning about a
/// key again and empty its token cache.
#[test]
fn the_same_keys_in_another_order_leave_the_set_as_it_is() {
    let world = World::new();
    let ordered = |kids: &[&str]| {
        let one = |kid: &&str| {
            let text = String::from_utf8(set(kid)).unwrap();
            text.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").to_owned()
        };
        format!(r#"{{"keys":[{}]}}"#, kids.iter().map(one).collect::<Vec<_>>().join(",")).into_bytes()
    };
    let store = |vm: &mut Share, kids: &[&str], etag: &str| {
        let body = ordered(kids);
        vm.succeeded(&world, &good(&body, Some(etag)), None, SOURCE, &body)
    };
    let stored = || {
        let bytes = world.read(&entries().keys).bytes.unwrap();
        StoredKeys::decode(&bytes).unwrap()
    };
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    assert_eq!(store(&mut a, &["one", "two"], "\"v1\""), Stored::Changed);
    b.synchronise(&world);
    let (first, text) = (world.record().set, stored().text);
    let keys = [a.keys(world.now()).unwrap(), b.keys(world.now()).unwrap()];

    for (label, fails) in [("after a good answer", false), ("after a failure", true)] {
        world.pass(295.0);
        assert!(b.take_lease(&world, false), "{label}");
        if fails {
            assert!(matches!(b.failed(&world), Kept::BeganToFail(_)));
            world.pass(3.0);
            assert!(b.take_lease(&world, false), "{label}");
        }
        let outcome = store(&mut b, &["two", "one"], "\"v2\"");
        assert_eq!(outcome, Stored::Same { recovered: fails }, "{label}");
        assert_eq!((world.record().set, world.record().fetched_at), (first, world.now()), "{label}");
        assert_eq!(stored().text, text, "{label}: the set that the record names can still be read");
        assert_eq!(b.validator(SOURCE), Some(("\"v1\"".to_owned(), first)), "{label}");
        a.synchronise(&world);
        for (vm, keys) in [&a, &b].into_iter().zip(&keys) {
            assert!(
                Rc::ptr_eq(&vm.keys(world.now()).unwrap(), keys),
                "{label}: the keys in memory are the same"
            );
        }
    }
    let mut late = world.vm(3);
    late.synchronise(&world);
    assert!(knows(&late, &world, "one") && knows(&late, &world, "two"));

    // A VM that cannot read the set that the record names uses the set that it fetched.
    world.write(&entries().keys, b"another module's");
    let mut blind = world.vm(4);
    assert!(blind.take_lease(&world, false));
    assert_eq!(store(&mut blind, &["two", "one"], "\"v3\""), Stored::Changed);
    assert!(knows(&blind, &world, "one"));

    world.pass(300.0);
    assert!(b.take_lease(&world, false));
    assert_eq!(store(&mut b, &["two", "three"], "\"v4\""), Stored::Changed, "the keys are different");
    assert!(knows(&b, &world, "three") && !knows(&b, &world, "one"));
}
