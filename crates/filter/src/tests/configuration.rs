//! A configuration that begins, and one that goes.

use super::*;

#[test]
fn a_good_configuration_is_announced_and_fetches_at_the_first_tick() {
    let mut vm = Vm::start(json!({}));
    assert_eq!(vm.host.take_done(), ["1: tick 1 ms"], "nothing is fetched for a canary");
    let log = vm.host.take_log();
    assert!(log[0].starts_with("version 0.1.0 configured: digest "), "{log:?}");
    assert!(log[0].ends_with(", issuers issuer_example, signatures verified in the wasm module"), "{log:?}");
    assert_eq!(
        vm.host.metric("jwt_guard.jwks.issuer_example.keys"),
        0,
        "every metric is there from the start"
    );
    vm.tick();
    assert_eq!(vm.host.take_done(), ["1: fetch https://issuer.example/api/v1/auth/jwks", "1: tick 500 ms"]);
}

#[test]
fn a_bad_configuration_is_refused_with_each_mistake() {
    let host = Double::new(r#"{"issuer":"x","audiences":"y"}"#, NOW);
    let mut root = Root::new(ROOT, host.clone());
    assert!(!root.on_configure(0));
    let log = host.log.borrow();
    assert!(log.len() > 1, "{log:?}");
    assert!(
        log.iter().all(|(level, line)| *level == Level::Error && line.starts_with("invalid configuration: "))
    );
    assert!(host.metrics.borrow().is_empty());
}

#[test]
fn warnings_of_a_configuration_are_told() {
    for (members, expected) in [
        (
            json!({"enabled": false}),
            "enabled: false: requests pass without a check and without identity headers",
        ),
        (json!({"report_only": true}), "report_only: true: the filter denies no request"),
    ] {
        let vm = Vm::start(members);
        let log = vm.host.log.borrow();
        assert!(log.contains(&(Level::Warning, expected.to_owned())), "{log:?}");
    }
}

#[test]
fn a_request_without_a_configuration_goes_nowhere() {
    let host = Double::new("", NOW);
    let mut filter = Root::new(ROOT, host.clone()).filter(REQUEST);
    host.take_done();
    assert_eq!(filter.on_http_request_headers(0, true), Action::Pause);
    assert_eq!(filter.on_http_request_body(0, true), Action::Pause);
    assert_eq!(filter.on_http_request_trailers(0), Action::Pause);
    assert_eq!(host.take_done(), ["1: answer 503"]);
}

#[test]
fn a_configuration_that_goes_gives_up_its_lease_and_turns_the_tick_off() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    let host = vm.host.clone();
    host.take_done();
    drop(vm);
    assert_eq!(host.take_done(), ["1: tick 0 ms"]);
    let mut next = Vm::on(host);
    next.tick();
    let done = next.host.take_done();
    assert!(done.contains(&"1: fetch https://issuer.example/api/v1/auth/jwks".to_owned()), "{done:?}");
}

#[test]
fn a_disabled_configuration_fetches_nothing_and_lets_requests_pass() {
    let mut vm = Vm::start(json!({"enabled": false}));
    vm.host.take_done();
    vm.tick();
    assert_eq!(vm.host.take_done(), ["1: tick 500 ms"]);
    *vm.host.metadata.borrow_mut() = [None, None];
    assert_eq!(vm.begin(REQUEST, None).1, Action::Continue, "no metadata is read either");
}
