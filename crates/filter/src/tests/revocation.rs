//! The revocation list of an issuer: its fetch, the requests that wait for it, and the token that it is fetched with.

use super::*;

const LIST: &str = "https://issuer.example/revocations";

/// A configuration with the keys inline, so that only the list is fetched.
fn with_list(members: Value) -> String {
    let mut configuration = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "jwks_inline": key_set([key()]), "accepted_algorithms": "ES256",
        "revocation_list_endpoint": "/revocations", "revocation_list_cluster": "lists",
    });
    configuration.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    configuration.to_string()
}

fn start(members: Value) -> Vm {
    Vm::on(Double::new(&with_list(members), NOW))
}

fn token(jti: &str) -> String {
    Token::new(NOW).claim("jti", jti).sign(key()).unwrap()
}

#[test]
fn a_request_waits_for_the_first_list_and_is_then_judged_by_it() {
    for (jti, done) in [("a", "10: answer 401"), ("b", "10: resume")] {
        let mut vm = start(json!({}));
        let (filter, action) = vm.begin(REQUEST, Some(&token(jti)));
        assert_eq!(action, Action::Pause);
        vm.tick();
        assert!(vm.host.take_done().contains(&format!("1: fetch {LIST}")));
        vm.respond("200", &json!({"items": [{"jti": "a"}]}));
        let log = vm.host.take_done();
        assert!(log.iter().any(|entry| entry == done), "{log:?}");
        vm.end(REQUEST, filter);
    }
}

#[test]
fn a_request_is_denied_when_the_first_list_does_not_come() {
    let mut vm = start(json!({}));
    let (_filter, _) = vm.begin(REQUEST, Some(&good()));
    vm.tick();
    vm.host.take_done();
    vm.respond("500", &json!({}));
    assert!(vm.host.take_done().contains(&"10: answer 503".to_owned()));
    assert_eq!(vm.counter("jwt_guard.denied.no_revocation_list"), 1);
    assert_eq!(vm.host.metric("jwt_guard.revocation_list.issuer_example.refresh_failed"), 1);
}

#[test]
fn a_failed_fetch_lets_requests_pass_and_is_counted_if_the_operator_wants_it() {
    let mut vm = start(json!({"revocation_list_fail_open": true}));
    vm.tick();
    vm.respond("500", &json!({}));
    let (filter, action) = vm.begin(REQUEST, Some(&good()));
    assert_eq!(action, Action::Continue);
    vm.end(REQUEST, filter);
    assert_eq!(vm.counter("jwt_guard.revocation_list.issuer_example.fail_open"), 1);
    assert_eq!(vm.counter("jwt_guard.would_deny.no_revocation_list"), 1);
}

#[test]
fn a_cached_token_is_refused_after_the_next_fetch() {
    let mut vm = start(json!({}));
    vm.tick();
    vm.respond("200", &json!({"items": []}));
    let token = token("a");
    let action = |vm: &Vm| {
        let (filter, action) = vm.begin(REQUEST, Some(&token));
        vm.end(REQUEST, filter);
        action
    };
    assert_eq!([action(&vm), action(&vm)], [Action::Continue; 2]);
    vm.host.pass(13.6);
    vm.tick();
    vm.respond("200", &json!({"items": [{"jti": "a"}]}));
    assert_eq!(action(&vm), Action::Pause);
    assert_eq!(vm.counter("jwt_guard.denied.revoked"), 1);
    vm.tick();
    assert_eq!(vm.host.metric("jwt_guard.revocation_list.issuer_example.items"), 1);
    vm.host.pass(13.6);
    vm.tick();
    vm.host.take_log();
    vm.respond("200", &json!({"items": []}));
    let log = vm.host.take_log();
    assert!(log[0].contains("fetched a revocation list without items, and the list before had 1"), "{log:?}");
    assert_eq!(action(&vm), Action::Continue);
}

#[test]
fn the_environment_gives_the_token_and_a_missing_variable_refuses_the_configuration() {
    let mut vm = start(json!({"revocation_list_token_env": "LIST_TOKEN"}));
    vm.tick();
    assert_eq!(*vm.host.authorization.borrow(), Some("Bearer secret".to_owned()));
    assert!(!vm.host.take_log().iter().any(|line| line.contains("secret")));
    let mut vm = start(json!({}));
    vm.tick();
    assert_eq!(*vm.host.authorization.borrow(), None);
    let host = Double::new(&with_list(json!({"revocation_list_token_env": "ABSENT"})), NOW);
    assert!(!Root::new(ROOT, host.clone()).on_configure(0));
    let expected =
        "invalid configuration: revocation_list_token_env: the environment variable ABSENT is not set";
    assert!(host.take_log()[0].starts_with(expected));
}

#[test]
fn a_list_may_be_longer_than_keys_and_not_longer_than_its_limit() {
    let mut vm = start(json!({}));
    vm.tick();
    let items: Vec<Value> = (0..30_000).map(|index| json!({"jti": format!("{index:032}")})).collect();
    let document = json!({ "items": items });
    assert!(document.to_string().len() > 1 << 20);
    vm.respond("200", &document);
    assert_eq!(vm.host.metric("jwt_guard.revocation_list.issuer_example.items"), 30_000);
    vm.host.pass(13.6);
    vm.tick();
    vm.host.take_log();
    // The double has no body of that length, so reading it would panic.
    vm.root.on_http_call_response(CALL, 1, (2 << 20) + 1, 0);
    assert!(vm.host.take_log()[0].contains("the body has 2097153 bytes; the limit is 2097152"));
}
