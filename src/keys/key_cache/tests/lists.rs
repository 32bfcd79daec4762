//! Revocation lists in the cache: one VM fetches, and the others load what it has stored.

use super::*;
use crate::endpoint::Endpoint;
use crate::jose::json::Json;
use crate::keys::answer::{HttpAnswer, parse_response};
use crate::keys::simulated_host::times;
use crate::keys::{Location, Source};
use crate::revocation::RevocationList;

const LIST: &str = "https://a/revocations";

fn vm(number: u64) -> KeyCache<RevocationList> {
    let location = Location::Endpoint(Endpoint::parse(LIST).unwrap());
    let source = Source { cluster: "cluster".to_owned(), location };
    let entries = EntryNames::of_revocation_list(b"plugin", "https://a", &source);
    let times =
        RefreshTimings { ttl: Duration::from_secs(15), max_stale: Duration::from_secs(600), ..times() };
    KeyCache::new(times, VmIdentity(number), entries, Jitter::from_bits(0))
}

fn fetch(vm: &mut KeyCache<RevocationList>, host: &SimulatedHost, body: &str) -> StoreOutcome {
    assert!(vm.take_lease(host, false));
    let headers = [(":status", "200"), ("etag", "\"v\"")].into_iter().collect();
    let answer = HttpAnswer { headers: &headers, length: body.len(), body: body.as_bytes().into() };
    let good = parse_response(&answer, false, vm.hash_key(host)).unwrap();
    vm.succeeded(host, &good, None, LIST, body.as_bytes())
}

fn revokes(vm: &KeyCache<RevocationList>, host: &SimulatedHost, jti: &str) -> Option<bool> {
    let claims = Json::parse(format!(r#"{{"jti":"{jti}"}}"#).as_bytes()).unwrap();
    vm.current(host.now()).map(|list| list.revokes(&claims))
}

#[test]
fn another_vm_loads_the_list_that_one_fetched() {
    let (host, [mut a, mut b]) = (SimulatedHost::new(), [vm(1), vm(2)]);
    assert_eq!(revokes(&b, &host, "x"), None);
    assert_eq!(fetch(&mut a, &host, r#"["x","y","token-one"]"#), StoreOutcome::Replaced);
    b.sync(&host);
    for vm in [&a, &b] {
        assert_eq!([revokes(vm, &host, "x"), revokes(vm, &host, "z")], [Some(true), Some(false)]);
    }
    assert_eq!(b.validator(LIST).map(|(etag, _)| etag).as_deref(), Some("\"v\""));
    assert_eq!(a.current_set(), b.current_set());
    let entries = host.entries.borrow();
    let has_jti = |bytes: &[u8]| bytes.windows(9).any(|window| window == b"token-one");
    assert!(!entries.values().any(|(bytes, _)| has_jti(bytes)), "the shared data has no jti");
}

#[test]
fn the_same_items_by_another_vm_in_another_order_change_nothing() {
    let (host, [mut a, mut b]) = (SimulatedHost::new(), [vm(1), vm(2)]);
    assert_eq!(fetch(&mut a, &host, r#"["x","y"]"#), StoreOutcome::Replaced);
    host.pass(14.0);
    let unchanged = StoreOutcome::Unchanged { recovered: false };
    assert_eq!(fetch(&mut b, &host, r#"{"items":[{"jti":"y"},{"jti":"x"}]}"#), unchanged);
    let before = b.current_set();
    host.pass(14.0);
    assert_eq!(fetch(&mut b, &host, r#"["x"]"#), StoreOutcome::Replaced);
    a.sync(&host);
    assert!(a.current_set() != before && revokes(&a, &host, "y") == Some(false));
}

#[test]
fn the_last_good_list_is_used_while_fetches_fail_until_it_is_too_old() {
    let (host, mut a) = (SimulatedHost::new(), vm(1));
    assert_eq!(fetch(&mut a, &host, r#"["x"]"#), StoreOutcome::Replaced);
    host.pass(14.0);
    assert!(a.take_lease(&host, false));
    assert_eq!(a.failed(&host), FailureOutcome::First(Freshness::Fresh));
    host.pass(600.0);
    assert_eq!(revokes(&a, &host, "x"), Some(true));
    assert!(a.take_lease(&host, false));
    assert_eq!(a.failed(&host), FailureOutcome::Repeated);
    host.pass(1.5);
    assert_eq!(revokes(&a, &host, "x"), None);
}

#[test]
fn a_list_that_another_module_overwrote_is_not_loaded_and_is_fetched_again() {
    let (host, [mut a, mut b]) = (SimulatedHost::new(), [vm(1), vm(2)]);
    assert_eq!(fetch(&mut a, &host, r#"["x"]"#), StoreOutcome::Replaced);
    host.write(&b.entries.keys, b"overwritten");
    b.sync(&host);
    assert_eq!(revokes(&b, &host, "x"), None);
    assert_eq!(revokes(&a, &host, "x"), Some(true), "the other VM keeps its list");
    assert_eq!(fetch(&mut b, &host, r#"["x"]"#), StoreOutcome::Replaced);
    assert_eq!(revokes(&b, &host, "x"), Some(true));
}
