//! Requests that wait for keys.

use super::*;

#[test]
fn a_parked_request_goes_on_when_the_keys_come() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    vm.host.take_done();
    let (mut filter, action) = vm.begin(REQUEST, Some(&good()));
    assert_eq!(action, Action::Pause);
    assert_eq!(vm.host.take_done(), [""; 0]);
    assert_eq!((vm.host.queued.get(), vm.host.metric("jwt_guard.waiting")), (1, 1));
    vm.host.context.set(ROOT);
    vm.root.on_queue_ready(QUEUE);
    assert_eq!(vm.host.take_done(), ["1: tick 20 ms"], "it is watched more closely");
    assert_eq!(filter.on_http_request_body(0, true), Action::Pause, "nothing of it goes on meanwhile");
    vm.respond("200", &key_set([key()]));
    let done = vm.host.take_done();
    assert!(done[0].starts_with("10: edit Request "), "{done:?}");
    assert_eq!(done[1..], ["10: resume", "1: tick 500 ms"]);
    assert_eq!(filter.on_http_request_body(0, true), Action::Continue);
    assert_eq!(vm.host.metric("jwt_guard.waiting"), 0);
    assert_eq!(vm.host.metric("jwt_guard.allowed.verified"), 1);
    vm.end(REQUEST, filter);
    assert_eq!(vm.host.metric("jwt_guard.waiting"), 0, "it is counted once");
}

#[test]
fn a_parked_request_that_the_keys_refuse_is_answered() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    let (mut filter, _) = vm.begin(REQUEST, Some(&Token::new(NOW).sign(other_key()).unwrap()));
    vm.host.take_done();
    vm.respond("200", &key_set([key()]));
    assert_eq!(
        vm.host.take_done(),
        ["1: tick 1 ms"],
        "the key that it names may come with a refresh, which is due"
    );
    vm.tick();
    assert_eq!(vm.host.take_done()[0], "1: fetch https://issuer.example/api/v1/auth/jwks");
    vm.respond("200", &key_set([key()]));
    assert!(vm.host.take_done().contains(&"10: answer 401".to_owned()));
    assert_eq!(filter.on_http_request_body(0, true), Action::Pause);
    assert_eq!(vm.host.metric("jwt_guard.denied.unknown_kid"), 1);
    assert_eq!(vm.host.metric("jwt_guard.waiting"), 0);
}

#[test]
fn a_parked_request_is_answered_when_its_time_is_over() {
    let mut vm = Vm::start(json!({"jwks_timeout_ms": 2000}));
    vm.tick();
    let (mut filter, _) = vm.begin(REQUEST, Some(&good()));
    vm.tick();
    vm.host.take_done();
    vm.host.pass(1.99);
    vm.tick();
    assert_eq!(vm.host.take_done(), ["1: tick 10 ms"], "what is left of its time");
    vm.host.pass(0.01);
    vm.tick();
    assert_eq!(vm.host.take_done()[0], "10: answer 503");
    assert_eq!(filter.on_http_request_body(0, true), Action::Pause);
    assert_eq!((vm.host.metric("jwt_guard.denied.no_keys"), vm.host.metric("jwt_guard.waiting")), (1, 0));
    vm.respond("200", &key_set([key()]));
    assert!(!vm.host.take_done().iter().any(|done| done.starts_with("10:")), "it is decided once");
}

#[test]
fn a_failed_fetch_answers_whoever_waits_and_is_logged() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    let _parked = vm.begin(REQUEST, Some(&good()));
    vm.host.take_log();
    vm.host.take_done();
    vm.respond("500", &json!({}));
    assert_eq!(vm.host.take_done()[0], "10: answer 503");
    assert_eq!(
        vm.host.take_log()[0],
        "issuer issuer_example: fetching keys failed: status 500; the filter has no keys for this issuer, \
         and requests with its tokens get 503; requested the key set \
         \"https://issuer.example/api/v1/auth/jwks\" through the cluster \"issuer\""
    );
    assert_eq!(vm.host.metric("jwt_guard.jwks.issuer_example.refresh_failed"), 1);
}

#[test]
fn a_client_that_leaves_while_its_request_waits_is_forgotten() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    let (filter, _) = vm.begin(REQUEST, Some(&good()));
    vm.end(REQUEST, filter);
    assert_eq!(vm.host.metric("jwt_guard.waiting"), 0);

    // The host has no such context any more, and has not dropped it yet.
    let (filter, _) = vm.begin(REQUEST, Some(&good()));
    vm.host.requests.borrow_mut().clear();
    vm.host.take_done();
    vm.respond("200", &key_set([key()]));
    assert!(!vm.host.take_done().iter().any(|done| done.starts_with("10:")));
    assert_eq!(vm.host.metric("jwt_guard.waiting"), 0);
    drop(filter);
    assert_eq!(vm.host.metric("jwt_guard.waiting"), 0);
}

#[test]
fn a_thousand_wait_and_the_next_is_answered() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    vm.host.take_done();
    let token = good();
    let parked: Vec<_> = (100..1100).map(|context| vm.begin(context, Some(&token))).collect();
    assert!(parked.iter().all(|(_, action)| *action == Action::Pause));
    assert_eq!(vm.host.take_done(), [""; 0]);
    let (_filter, action) = vm.begin(REQUEST, Some(&token));
    assert_eq!(action, Action::Pause);
    assert_eq!(vm.host.take_done(), ["10: answer 503"]);
    assert_eq!(vm.counter("jwt_guard.denied.waiting_full"), 1);
    assert_eq!(vm.host.metric("jwt_guard.waiting"), 1000);
    vm.respond("200", &key_set([key()]));
    let done = vm.host.take_done();
    assert_eq!(done.iter().filter(|done| done.ends_with("resume")).count(), 32, "a round");
    assert_eq!(done.last().unwrap(), "1: tick 1 ms", "the next round follows at once");
}

#[test]
fn a_queue_that_holds_nothing_wakes_nobody() {
    let mut vm = Vm::start(json!({}));
    vm.host.take_done();
    vm.root.on_queue_ready(QUEUE);
    assert_eq!(vm.host.take_done(), [""; 0]);
}

/// A host without shared queues is called at its shortest tick, and at the usual one afterwards.
#[test]
fn without_a_queue_a_parked_request_is_attended_to_at_the_next_tick() {
    let host = Double::new(&configuration(json!({})), NOW);
    host.registers_queue.set(false);
    let mut vm = Vm::on(host);
    vm.tick();
    vm.host.take_done();
    let _first = vm.begin(REQUEST, Some(&good()));
    assert_eq!(vm.host.take_done(), ["10: tick 1 ms"]);
    vm.tick();
    assert_eq!(vm.host.take_done(), ["1: tick 20 ms"]);
    let _second = vm.begin(REQUEST + 1, Some(&good()));
    assert_eq!(vm.host.take_done(), ["11: tick 1 ms"]);
    vm.tick();
    assert_eq!(
        vm.host.take_done(),
        ["1: tick 20 ms"],
        "not a thousand ticks a second for as long as they wait"
    );
}
