//! Requests that are decided immediately.

use super::*;

#[test]
fn nothing_of_a_request_goes_on_before_its_headers_are_decided() {
    let vm = Vm::warm(json!({}));
    assert_eq!(vm.root.filter(REQUEST).on_http_request_body(0, true), Action::Pause);
}

#[test]
fn a_verified_request_goes_on_with_edits_and_is_counted() {
    let mut vm = Vm::warm(json!({"identity_in_filter_state": true, "claim_headers": {"x-user": "sub"}}));
    for (count, hits, misses) in [(1, 0, 1), (2, 1, 1), (3, 2, 1)] {
        let (mut filter, action) = vm.begin(REQUEST, Some(&good()));
        assert_eq!(action, Action::Continue);
        assert_eq!(filter.on_http_request_body(0, true), Action::Continue);
        let done = vm.host.take_done();
        assert!(done[0].starts_with("10: edit Request ") && done[0].contains("+x-user"), "{done:?}");
        assert_eq!(done.len(), 1);
        assert_eq!(vm.counter("jwt_guard.allowed.verified"), count);
        assert_eq!(vm.counter("jwt_guard.token_cache.hit"), hits);
        assert_eq!(vm.counter("jwt_guard.token_cache.miss"), misses);
        let state = vm.host.filter_state.borrow();
        assert_eq!(state["jwt_guard.sub"], SUBJECT);
        assert_eq!(state["jwt_guard.issuer"], "issuer_example");
        assert_eq!(state["jwt_guard.policy"], "default_policy");
        drop(state);
        vm.end(REQUEST, filter);
    }
    assert_eq!(vm.counter("jwt_guard.allowed.anonymous"), 0);
    assert!(vm.host.take_log().is_empty());
}

#[test]
fn a_refused_request_is_answered_counted_and_logged() {
    let mut vm = Vm::warm(json!({}));
    let expired = Token::new(NOW).expired_for(Duration::from_secs(600)).sign(key()).unwrap();
    for (token, reason) in
        [(None, "missing_token"), (Some("x"), "malformed"), (Some(expired.as_str()), "expired")]
    {
        let (mut filter, action) = vm.begin(REQUEST, token);
        assert_eq!(action, Action::Pause);
        assert_eq!(filter.on_http_request_body(0, true), Action::Pause);
        assert_eq!(vm.host.take_done(), ["10: answer 401"]);
        assert_eq!(vm.counter(&format!("jwt_guard.denied.{reason}")), 1);
        assert_eq!(vm.host.filter_state.borrow()["jwt_guard.reason"], reason);
        let log = vm.host.take_log();
        assert!(log[0].starts_with(&format!("denied: reason={reason} ")), "{log:?}");
    }
}

#[test]
fn report_only_lets_the_request_pass_and_says_so() {
    let mut vm = Vm::warm(json!({"report_only": true}));
    let (_filter, action) = vm.begin(REQUEST, None);
    assert_eq!(action, Action::Continue);
    assert_eq!(vm.counter("jwt_guard.would_deny.missing_token"), 1);
    assert_eq!(vm.counter("jwt_guard.allowed.anonymous"), 1);
    assert!(vm.host.take_log()[0].starts_with("would deny: reason=missing_token "));
}

/// The counters of the issuer: accepted and refused.
fn of_issuer(vm: &Vm) -> [i64; 2] {
    ["accepted", "refused"].map(|what| vm.host.metric(&format!("jwt_guard.issuer.issuer_example.{what}")))
}

#[test]
fn requests_are_counted_by_the_issuer_of_their_token_with_the_next_tick() {
    let forged = Token::new(NOW).header("kid", "first").sign(other_key()).unwrap();
    let foreign = Token::new(NOW).issuer("https://other.example").sign(key()).unwrap();
    let good = good();
    let admins = json!({"default_policy": {"requires_role": "admin"}});
    let optional = json!({"default_policy": {"allow_missing_or_failed": true}});
    let anonymous = json!({"default_policy": {"allow_anonymous": true}});
    let rows = [
        ("verified", json!({}), Some(&good), [1, 0]),
        ("forged", json!({}), Some(&forged), [0, 1]),
        ("without the role", admins.clone(), Some(&good), [0, 1]),
        ("of another issuer", json!({}), Some(&foreign), [0, 0]),
        ("without a token", json!({}), None, [0, 0]),
        ("a token that is not read", anonymous, Some(&good), [0, 0]),
        ("a failed token that is ignored", optional, Some(&forged), [0, 0]),
        (
            "report only",
            json!({"report_only": true, "default_policy": {"requires_role": "admin"}}),
            Some(&good),
            [0, 0],
        ),
    ];
    for (label, members, token, expected) in rows {
        let mut vm = Vm::warm(members);
        for _ in 0..3 {
            let (filter, _) = vm.begin(REQUEST, token.map(String::as_str));
            vm.end(REQUEST, filter);
        }
        assert_eq!(of_issuer(&vm), [0, 0], "{label}: a request makes no call for these counters");
        vm.tick();
        assert_eq!(of_issuer(&vm), expected.map(|count| 3 * count), "{label}");
        vm.tick();
        assert_eq!(of_issuer(&vm), expected.map(|count| 3 * count), "{label}: each request counts once");
    }
}

#[test]
fn the_last_counts_of_an_issuer_are_reported_when_the_configuration_is_released() {
    let vm = Vm::warm(json!({}));
    let (filter, _) = vm.begin(REQUEST, Some(&good()));
    vm.end(REQUEST, filter);
    let Vm { host, root } = vm;
    drop(root);
    assert_eq!(host.metric("jwt_guard.issuer.issuer_example.accepted"), 1);
}

#[test]
fn refusals_past_the_limit_are_told_by_their_number_when_the_second_is_over() {
    let mut vm = Vm::warm(json!({}));
    for _ in 0..25 {
        let _ = vm.begin(REQUEST, None);
    }
    assert_eq!(vm.host.take_log().len(), 10);
    vm.tick();
    assert_eq!(vm.host.take_log(), [""; 0]);
    vm.host.pass(1.0);
    vm.tick();
    assert_eq!(vm.host.take_log(), ["15 more lines about denied requests were not logged"]);
}

/// A length-delimited field of a protocol buffer message.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// A serialized `Metadata` whose `jwt_guard` has only this member.
fn metadata(name: &str, value: &str) -> Vec<u8> {
    let member = [field(1, name.as_bytes()), field(2, &field(3, value.as_bytes()))].concat();
    let entry = [field(1, b"jwt_guard"), field(2, &field(1, &member))].concat();
    field(1, &entry)
}

#[test]
fn the_requirement_in_the_metadata_of_the_route_counts() {
    let role = || Some(metadata("requires_role", "admin"));
    let none = || Some(Vec::new());
    let rows = [
        ("none", [none(), none()], Ok(())),
        ("from the route", [role(), none()], Err((403, "role"))),
        ("from the virtual host", [none(), role()], Err((403, "role"))),
        (
            "an invalid requirement",
            [Some(metadata("requires_rule", "admin")), none()],
            Err((503, "bad_metadata")),
        ),
        ("withheld", [None, none()], Err((503, "bad_metadata"))),
        ("withheld for the virtual host", [none(), None], Err((503, "bad_metadata"))),
        ("not protobuf", [Some(b"\xFF".to_vec()), none()], Err((503, "bad_metadata"))),
    ];
    for (label, metadata, expected) in rows {
        let mut vm = Vm::warm(json!({}));
        *vm.host.metadata.borrow_mut() = metadata;
        for _ in 0..2 {
            let (_filter, action) = vm.begin(REQUEST, Some(&good()));
            assert_eq!(action == Action::Continue, expected.is_ok(), "{label}");
        }
        if let Err((status, reason)) = expected {
            assert_eq!(vm.host.take_done(), vec![format!("10: answer {status}"); 2], "{label}");
            assert_eq!(vm.counter(&format!("jwt_guard.denied.{reason}")), 2, "{label}");
            let log = vm.host.take_log();
            let warnings = log.iter().filter(|line| line.contains("are denied: ")).count();
            assert_eq!(warnings, usize::from(reason == "bad_metadata"), "{label}: {log:?}");
        }
    }
}

#[test]
fn claim_headers_and_tokens_are_stripped_from_trailers() {
    let vm = Vm::warm(json!({"claim_headers": {"x-user": "sub"}}));
    let (mut filter, _) = vm.begin(REQUEST, Some(&good()));
    vm.host.take_done();
    *vm.host.trailers.borrow_mut() =
        ["x-user", "authorization", "grpc-status"].into_iter().map(|name| (name, "x")).collect();
    assert_eq!(filter.on_http_request_trailers(3), Action::Continue);
    assert_eq!(vm.host.take_done(), ["10: edit Trailers -x-user -authorization"]);
}

#[test]
fn a_request_whose_headers_the_host_withholds_is_denied() {
    let open = json!({ "default_policy": { "allow_anonymous": true } });
    let vm = Vm::warm(open);
    assert_eq!(vm.begin(REQUEST, None).1, Action::Continue);
    vm.host.take_done();
    vm.host.withholds_headers.set(true);
    assert_eq!(vm.begin(REQUEST, None).1, Action::Pause);
    assert_eq!(vm.host.take_done(), ["10: answer 503"]);
}

#[test]
fn trailers_that_the_host_withholds_are_not_forwarded() {
    let vm = Vm::warm(json!({}));
    let (mut filter, action) = vm.begin(REQUEST, Some(&good()));
    assert_eq!(action, Action::Continue);
    assert_eq!(filter.on_http_request_trailers(1), Action::Continue);
    vm.host.take_done();
    vm.host.withholds_headers.set(true);
    assert_eq!(filter.on_http_request_trailers(1), Action::Pause);
    assert_eq!(vm.host.take_done(), ["10: answer 503"]);
}
