//! What the upstream receives: claim headers of both identities, and empty places.

use super::*;

#[test]
fn claim_headers_come_from_the_verified_tokens_only() {
    let config = config();
    let spoofed = |request: TestRequest| {
        let names = ["x-auth-sub", "x_auth_sub", "x-agent-sub", "X_Agent_Sub", "grpc-metadata-x-agent-sub"];
        names.into_iter().fold(request, |request, name| request.header(name, "root"))
    };
    let names = [
        "x-auth-sub",
        "x_auth_sub",
        "x-agent-sub",
        "x_agent_sub",
        "X_Agent_Sub",
        "grpc-metadata-x-agent-sub",
        "x-agent-scopes",
    ];
    let mut found = received(&config, &spoofed(both("/pay")), &names);
    found.sort();
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [of("x-agent-scopes", "pay"), of("x-agent-sub", "agent-1"), of("x-auth-sub", "user-1")];
    assert_eq!(found, expected);
    // Where no requirement asks for it, the agent has no headers. Neither has an absent one.
    for request in [both("/"), get("/optional").bearer(&service())] {
        assert_eq!(received(&config, &spoofed(request), &names), [of("x-auth-sub", "user-1")]);
    }
    assert_eq!(received(&config, &spoofed(both("/open")), &names), []);
}

#[test]
fn a_claim_of_the_second_token_that_is_too_long_refuses() {
    let config = config_with(json!({}), json!({ "max_claim_header_bytes": 64 }));
    let request = |sub: &str| {
        with_agent(get("/pay").bearer(&service()), &agent_token().subject(sub).sign(key()).unwrap())
    };
    assert_eq!(describe(&request(&"a".repeat(64)).decide_with_keys(&config)), "user-1");
    let refused = denied(request(&"a".repeat(65)).decide_with_keys(&config));
    assert_eq!((refused.denial.status, refused.record.reason), (403, Reason::HeaderOversize));
    assert!(refused.record.to_string().contains(" token=agent "));
}

#[test]
fn the_place_of_a_second_token_is_emptied() {
    let places = [PLACE, "x_agent_authorization", "grpc-metadata-x-agent-authorization", "authorization"];
    let forwards = config_with(json!({ "forward_token": true }), json!({}));
    let bearer = format!("Bearer {}", agent());
    let spellings = |request: TestRequest| {
        let request = request.header("x_agent_authorization", "Bearer forged");
        request.header("grpc-metadata-x-agent-authorization", "Bearer forged")
    };
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (path, forwarding) in [("/pay", vec![named(PLACE, &bearer)]), ("/", vec![])] {
        assert_eq!(received(&config(), &spellings(both(path)), &places), [], "{path}");
        assert_eq!(received(&forwards, &spellings(both(path)), &places), forwarding, "{path}");
    }
    // The place is emptied whatever its content is, also if nothing is read.
    for config in [&config(), &forwards] {
        let request = || spellings(get("/optional").bearer(&service()).header(PLACE, "Basic x"));
        assert_eq!(received(config, &request(), &places), []);
        let request = || spellings(get("/open").header(PLACE, "Basic x").header(PLACE, "Bearer y"));
        assert_eq!(received(config, &request(), &places), []);
    }
}

#[test]
fn cookies_and_parameters_of_both_tokens_are_removed() {
    let config = config_with(
        json!({ "token_from": [{ "query": "agent" }, { "cookie": "agent" }] }),
        json!({ "token_from": [{ "query": "token" }, { "cookie": "token" }] }),
    );
    let names = [":path", "cookie"];
    let named = |path: &str, cookie: &str| {
        [(":path".to_owned(), path.to_owned()), ("cookie".to_owned(), cookie.to_owned())]
    };
    let cookies = format!("token={}; a=1; agent={}", service(), agent());
    let (service, agent) = (service(), agent());
    let request = get(&format!("/pay?a=1&agent={agent}&token={service}&b=2")).header("cookie", &cookies);
    let mut found = received(&config, &request, &names);
    found.sort();
    assert_eq!(found, named("/pay?a=1&b=2", "a=1"));
    // Not asked for: removed all the same.
    let request = get(&format!("/?a=1&agent=x&token={service}&b=2")).header("cookie", "a=1; agent=y");
    let mut found = received(&config, &request, &names);
    found.sort();
    assert_eq!(found, named("/?a=1&b=2", "a=1"));
    assert_eq!(received(&config, &get("/open?agent=x&b=2"), &[":path"])[0].1, "/open?b=2");
}

#[test]
fn report_only_judges_and_keeps_both_tokens() {
    let config = config_with(json!({}), json!({ "report_only": true }));
    let places = [PLACE, "authorization", "x-agent-sub"];
    let passing = received(&config, &both("/pay"), &places);
    assert_eq!(passing.len(), 3, "{passing:?}");
    assert_eq!(describe(&both("/pay").decide_with_keys(&config)), "user-1");
    let request = get("/pay").bearer(&service()).header("x-agent-sub", "root");
    assert_eq!(describe(&request.decide_with_keys(&config)), "anonymous, would deny missing_token");
    let forward = forwarded(request.decide_with_keys(&config));
    assert!(forward.would_deny[0].to_string().contains(" token=agent "));
    let kept: Vec<_> = request.upstream(&forward).into_iter().map(|(name, _)| name).collect();
    assert!(
        kept.iter().any(|name| name == "authorization") && !kept.iter().any(|name| name == "x-agent-sub")
    );
    // A request does not wait for the keys of the second token.
    let unknown = with_agent(get("/pay").bearer(&service()), &agent_token().sign(other_key()).unwrap());
    let keys = Keys { lookup: KeyLookup::Pending, ..Keys::available() };
    let step = unknown.step(&config, &keys, Wait::Allowed);
    assert_eq!(describe(&step), "anonymous, would deny unknown_kid");
}

#[test]
fn a_preflight_has_no_second_token() {
    let config = config_with(json!({}), json!({ "bypass_cors_preflight": true }));
    let preflight = || {
        let request = new_request("OPTIONS", "/pay").header("origin", "https://app.example");
        request.header("access-control-request-method", "POST")
    };
    assert_eq!(describe(&preflight().decide_with_keys(&config)), "anonymous");
    for name in [PLACE, "x_agent_authorization", "grpc-metadata-x-agent-authorization"] {
        let request = preflight().header(name, "Bearer x");
        assert_eq!(describe(&request.decide_with_keys(&config)), "401 missing_token", "{name}");
    }
}

#[test]
fn trailers_carry_no_second_token_and_none_of_its_claims() {
    let config = config();
    let trailers: HeaderMap = [PLACE, "x_agent_authorization", "x-agent-sub", "x-agent.scopes", "x-agent"]
        .into_iter()
        .map(|name| (name, "x"))
        .collect();
    let edits =
        config.claim_headers.strip_trailers(&trailers, |name| credential_headers(&config).may_be(name));
    let left: Vec<_> = edits.apply(&trailers).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(left, ["x-agent"]);
}
