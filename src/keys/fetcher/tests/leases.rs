//! The lease of a fetch: when it is released, and what happens after it has expired.

use super::*;

#[test]
fn keys_whose_cluster_takes_no_request_give_the_lease_back() {
    let host = SimulatedHost::new();
    let mut a = discovering(&host);
    assert!(sends(&mut a, &host).is_some());
    assert_eq!(status(&mut a, &host, "200", DOCUMENT), None);
    assert!(a.poll_send(&host, false).is_some());
    assert_eq!(a.on_not_sent(&host), None);
    assert!(!host.record().in_flight(host.now()), "another VM can take the lease");
    host.pass(1.2);
    assert_eq!(sends(&mut a, &host), Some(format!("discovery {OPENID}")), "the refresh starts again");
    assert_eq!(status(&mut a, &host, "200", DOCUMENT), None);
    assert!(a.poll_send(&host, false).is_some());
    let (error, outcome) = failure(a.on_not_sent(&host));
    assert_eq!((error, outcome), (FetchError::NotSent, FailureOutcome::First(Freshness::Unusable)));
}

#[test]
fn an_answer_after_the_lease_has_ended_changes_nothing() {
    let good = |vm: &mut Fetcher, host: &SimulatedHost| status(vm, host, "200", &set("late"));
    let bad = |vm: &mut Fetcher, host: &SimulatedHost| status(vm, host, "500", b"");
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    assert!(sends(&mut a, &host).is_some());
    host.pass(6.0);
    assert_eq!(good(&mut a, &host), Some(FetchEvent::Late));
    assert!(sends(&mut a, &host).is_some());
    host.pass(6.0);
    assert_eq!(failure(bad(&mut a, &host)).1, FailureOutcome::LeaseLost);
    assert_eq!(a.cache().current(host.now()).map(|keys| keys.len()), None);
}

#[test]
fn a_call_whose_lease_has_ended_is_awaited_no_more() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    let mut b = Fetcher::new(source(Location::Endpoint(endpoint(KEYS))), host.vm(2));
    assert!(sends(&mut a, &host).is_some());
    host.pass(6.0);
    assert!(sends(&mut b, &host).is_some(), "another VM takes the lease");
    assert_eq!(a.poll_send(&host, false), None);
    assert!(!a.awaits(CALL));
    assert_eq!(status(&mut a, &host, "200", &set("late")), None, "the call is not awaited any more");
    assert_eq!(status(&mut b, &host, "200", &set("right")), Some(refreshed()));
    assert_eq!(a.poll_send(&host, false), None, "the keys are fresh");
    assert!(knows(&a, &host, "right"));
}

#[test]
fn a_call_whose_lease_has_ended_is_made_again_where_no_other_vm_fetches() {
    let host = SimulatedHost::new();
    let mut a = discovering(&host);
    assert!(sends(&mut a, &host).is_some());
    host.pass(16.0);
    assert_eq!(a.poll_send(&host, false).map(|request| request.endpoint), Some(endpoint(OPENID)));
    assert!(!a.awaits(CALL));
    a.on_sent(CALL + 1);
    assert!(a.awaits(CALL + 1));
}

#[test]
fn a_configuration_that_goes_gives_up_the_lease_of_a_call_under_way() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    a.release(&host);
    assert!(sends(&mut a, &host).is_some());
    assert!(host.record().in_flight(host.now()));
    a.release(&host);
    assert!(!host.record().in_flight(host.now()));
    assert!(!a.awaits(CALL));
}

#[test]
fn a_request_that_was_handed_out_and_never_reported_costs_the_lease() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    assert!(a.poll_send(&host, false).is_some());
    assert_eq!(a.poll_send(&host, false), None);
    host.pass(6.0);
    assert!(a.poll_send(&host, false).is_some());
}
