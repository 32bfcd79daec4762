//! Answers with the set that is already cached.

use super::*;
use crate::keys::simulated_host::NOT_MODIFIED;

#[test]
fn a_304_renews_the_set_that_was_asked_about_and_no_other() {
    let host = SimulatedHost::new();
    let [mut a, mut b] = warm(&host, "one");
    let (etag, conditional_on) = a.validator(SOURCE).unwrap();
    assert_eq!(etag, "\"v\"");
    assert_eq!(a.validator("https://a/moved"), None, "an ETag is valid only for its URL");
    host.pass(240.0);
    assert!(a.take_lease(&host, false));
    assert_eq!(
        a.succeeded(&host, &NOT_MODIFIED, Some(conditional_on), SOURCE, b""),
        StoreOutcome::Unchanged { recovered: false }
    );
    b.sync(&host);
    assert_eq!(host.record().fetched_at, host.now());
    assert_eq!(b.status(host.now()), (1, Duration::ZERO, false), "the other VM uses the same time");

    host.pass(240.0);
    assert!(b.take_lease(&host, false));
    let other = SetId { generation: 7, fingerprint: 7 };
    assert_eq!(b.succeeded(&host, &NOT_MODIFIED, Some(other), SOURCE, b""), StoreOutcome::LeaseLost);
    assert_eq!(b.succeeded(&host, &NOT_MODIFIED, None, SOURCE, b""), StoreOutcome::LeaseLost);
}

#[test]
fn the_same_text_again_leaves_the_set_as_it_is() {
    let host = SimulatedHost::new();
    let [mut a, _] = warm(&host, "one");
    let before = a.current(host.now()).unwrap();
    host.pass(240.0);
    assert!(a.take_lease(&host, false));
    assert_eq!(answered(&mut a, &host, "one"), StoreOutcome::Unchanged { recovered: false });
    assert!(
        Rc::ptr_eq(&before, &a.current(host.now()).unwrap()),
        "the set in memory is the same, so the token cache stays valid"
    );
}

/// Some issuers answer in a different order each time. If a VM took this for a new set, it would log each warning about a
/// key again and empty its token cache.
#[test]
fn the_same_keys_in_another_order_leave_the_set_as_it_is() {
    let host = SimulatedHost::new();
    let ordered = |kids: &[&str]| {
        let one = |kid: &&str| {
            let text = String::from_utf8(set(kid)).unwrap();
            text.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").to_owned()
        };
        format!(r#"{{"keys":[{}]}}"#, kids.iter().map(one).collect::<Vec<_>>().join(",")).into_bytes()
    };
    let store = |vm: &mut KeyCache, kids: &[&str], etag: &str| {
        let body = ordered(kids);
        vm.succeeded(&host, &good(&body, Some(etag)), None, SOURCE, &body)
    };
    let stored = || {
        let bytes = host.read(&entries().keys).bytes.unwrap();
        StoredKeys::decode(bytes).unwrap()
    };
    let [mut a, mut b] = [host.vm(1), host.vm(2)];
    assert!(a.take_lease(&host, false));
    assert_eq!(store(&mut a, &["one", "two"], "\"v1\""), StoreOutcome::Replaced);
    b.sync(&host);
    let (first, text) = (host.record().set, stored().text);
    let keys = [a.current(host.now()).unwrap(), b.current(host.now()).unwrap()];

    for (label, fails) in [("after a good answer", false), ("after a failure", true)] {
        host.pass(295.0);
        assert!(b.take_lease(&host, false), "{label}");
        if fails {
            assert!(matches!(b.failed(&host), FailureOutcome::First(_)));
            host.pass(3.0);
            assert!(b.take_lease(&host, false), "{label}");
        }
        let outcome = store(&mut b, &["two", "one"], "\"v2\"");
        assert_eq!(outcome, StoreOutcome::Unchanged { recovered: fails }, "{label}");
        assert_eq!((host.record().set, host.record().fetched_at), (first, host.now()), "{label}");
        assert_eq!(stored().text, text, "{label}: the set that the record names can still be read");
        assert_eq!(b.validator(SOURCE), Some(("\"v1\"".to_owned(), first)), "{label}");
        a.sync(&host);
        for (vm, keys) in [&a, &b].into_iter().zip(&keys) {
            assert!(
                Rc::ptr_eq(&vm.current(host.now()).unwrap(), keys),
                "{label}: the keys in memory are the same"
            );
        }
    }
    let mut late = host.vm(3);
    late.sync(&host);
    assert!(knows(&late, &host, "one") && knows(&late, &host, "two"));

    // A VM that cannot read the set that the record names uses the set that it fetched.
    host.write(&entries().keys, b"another module's");
    let mut blind = host.vm(4);
    assert!(blind.take_lease(&host, false));
    assert_eq!(store(&mut blind, &["two", "one"], "\"v3\""), StoreOutcome::Replaced);
    assert!(knows(&blind, &host, "one"));

    host.pass(300.0);
    assert!(b.take_lease(&host, false));
    assert_eq!(store(&mut b, &["two", "three"], "\"v4\""), StoreOutcome::Replaced, "the keys are different");
    assert!(knows(&b, &host, "three") && !knows(&b, &host, "one"));
}
