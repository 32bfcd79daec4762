//! Fetches and the issuer's responses.

use super::*;

#[test]
fn a_fetch_that_the_host_does_not_take_is_tried_again() {
    let mut vm = Vm::start(json!({}));
    vm.host.sends.set(false);
    vm.host.take_log();
    for (seconds, told) in [(0.0, 0), (1.2, 1), (2.4, 0)] {
        vm.host.pass(seconds);
        vm.tick();
        assert_eq!(vm.host.take_log().len(), told);
    }
    assert_eq!(vm.host.metric("jwt_guard.jwks.issuer_example.refresh_failed"), 2);
    vm.host.sends.set(true);
    vm.host.pass(4.8);
    vm.host.take_done();
    vm.tick();
    assert_eq!(vm.host.take_done()[0], "1: fetch https://issuer.example/api/v1/auth/jwks");
}

#[test]
fn a_discovered_endpoint_is_fetched_by_one_callback_after_another() {
    let mut vm = Vm::start(json!({"discovery": true}));
    vm.tick();
    vm.respond("404", &json!({}));
    vm.respond("200", &json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}/keys")}));
    vm.respond("200", &key_set([key()]));
    let done = vm.host.take_done();
    let fetches: Vec<&str> = done.iter().filter_map(|done| done.strip_prefix("1: fetch ")).collect();
    assert_eq!(
        fetches,
        [
            "https://issuer.example/.well-known/openid-configuration",
            "https://issuer.example/.well-known/oauth-authorization-server",
            "https://issuer.example/keys",
        ]
    );
    assert_eq!(vm.host.metric("jwt_guard.jwks.issuer_example.keys"), 1);
    assert_eq!(vm.host.metric("jwt_guard.jwks.issuer_example.refresh_ok"), 1);
}

#[test]
fn an_answer_that_is_too_long_or_to_another_call_is_not_read() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    vm.host.take_log();
    vm.root.on_http_call_response(CALL + 1, 1, 10, 0);
    assert!(vm.host.take_log().is_empty());
    // The double has no body of that length, so reading it would panic.
    vm.root.on_http_call_response(CALL, 1, (1 << 20) + 1, 0);
    assert!(vm.host.take_log()[0].contains("the body has 1048577 bytes; the limit is 1048576"));
}

#[test]
fn the_host_says_no_answer_by_no_headers() {
    let mut vm = Vm::start(json!({}));
    vm.tick();
    vm.host.take_log();
    vm.root.on_http_call_response(CALL, 0, 0, 0);
    assert!(
        vm.host.take_log()[0]
            .contains("fetching keys failed: no answer: the connection failed, or jwks_timeout_ms passed;")
    );
}
