//! The lease of a fetch: when it is released, and what happens after it has expired.

use super::*;

#[test]
fn keys_whose_cluster_takes_no_request_give_the_lease_back() {
    let world = World::new();
    let mut a = discovering(&world);
    assert!(sends(&mut a, &world).is_some());
    assert_eq!(status(&mut a, &world, "200", DOCUMENT), None);
    assert!(a.poll_send(&world, false).is_some());
    assert_eq!(a.on_not_sent(&world), None);
    assert!(!world.record().in_flight(world.now()), "another VM can take the lease");
    world.pass(1.2);
    assert_eq!(sends(&mut a, &world), Some(format!("discovery {OPENID}")), "the refresh starts again");
    assert_eq!(status(&mut a, &world, "200", DOCUMENT), None);
    assert!(a.poll_send(&world, false).is_some());
    let (error, kept) = failure(a.on_not_sent(&world));
    assert_eq!((error, kept), (FetchError::NotSent, Kept::BeganToFail(Usable::No)));
}

#[test]
fn an_answer_after_the_lease_has_ended_changes_nothing() {
    let good = |vm: &mut Fetcher, world: &World| status(vm, world, "200", &set("late"));
    let bad = |vm: &mut Fetcher, world: &World| status(vm, world, "500", b"");
    let world = World::new();
    let mut a = fetcher(&world);
    assert!(sends(&mut a, &world).is_some());
    world.pass(6.0);
    assert_eq!(good(&mut a, &world), Some(FetchEvent::Late));
    assert!(sends(&mut a, &world).is_some());
    world.pass(6.0);
    assert_eq!(failure(bad(&mut a, &world)).1, Kept::TooLate);
    assert_eq!(a.share().keys(world.now()).map(|keys| keys.len()), None);
}

#[test]
fn a_call_whose_lease_has_ended_is_awaited_no_more() {
    let world = World::new();
    let mut a = fetcher(&world);
    let mut b = Fetcher::new(source(Location::Endpoint(endpoint(KEYS))), world.vm(2));
    assert!(sends(&mut a, &world).is_some());
    world.pass(6.0);
    assert!(sends(&mut b, &world).is_some(), "another VM takes the lease");
    assert_eq!(a.poll_send(&world, false), None);
    assert!(!a.awaits(CALL));
    assert_eq!(status(&mut a, &world, "200", &set("late")), None, "the call is not awaited any more");
    assert_eq!(status(&mut b, &world, "200", &set("right")), Some(refreshed()));
    assert_eq!(a.poll_send(&world, false), None, "the keys are fresh");
    assert!(knows(&a, &world, "right"));
}

#[test]
fn a_call_whose_lease_has_ended_is_made_again_where_no_other_vm_fetches() {
    let world = World::new();
    let mut a = discovering(&world);
    assert!(sends(&mut a, &world).is_some());
    world.pass(16.0);
    assert_eq!(a.poll_send(&world, false).map(|request| request.endpoint), Some(endpoint(OPENID)));
    assert!(!a.awaits(CALL));
    a.on_sent(CALL + 1);
    assert!(a.awaits(CALL + 1));
}

#[test]
fn a_configuration_that_goes_gives_up_the_lease_of_a_call_under_way() {
    let world = World::new();
    let mut a = fetcher(&world);
    a.release(&world);
    assert!(sends(&mut a, &world).is_some());
    assert!(world.record().in_flight(world.now()));
    a.release(&world);
    assert!(!world.record().in_flight(world.now()));
    assert!(!a.awaits(CALL));
}

#[test]
fn a_request_that_was_handed_out_and_never_reported_costs_the_lease() {
    let world = World::new();
    let mut a = fetcher(&world);
    assert!(a.poll_send(&world, false).is_some());
    assert_eq!(a.poll_send(&world, false), None);
    world.pass(6.0);
    assert!(a.poll_send(&world, false).is_some());
}
