//! Second tokens that wait for keys, and cached ones.

use super::*;

#[test]
fn a_second_token_with_an_unknown_kid_waits_for_its_issuer() {
    let config = config();
    let request = with_agent(get("/pay").bearer(&service()), &agent_token().sign(other_key()).unwrap());
    let keys = Keys { lookup: KeyLookup::Pending, ..Keys::available() };
    let step = request.step(&config, &keys, Wait::Allowed);
    assert_eq!(describe(&step), "wait for a kid");
    assert!(matches!(step, Outcome::Await(awaited) if awaited.document.issuer == IssuerIndex(1)));
    assert_eq!(describe(&request.step(&config, &keys, Wait::NotAllowed)), "401 unknown_kid");
    // The keys arrive: the whole request is decided again, with the first token.
    let arrived = Keys { current: Some(published([key(), other_key()])), ..Keys::available() };
    let forward = forwarded(request.step(&config, &arrived, Wait::Allowed));
    let sub = forward.identity.as_ref().map(|identity| identity.claims().claims().member("sub").cloned());
    assert!(format!("{sub:?}").contains("user-1"));
    assert_eq!(forward.other_issuers, [IssuerIndex(1)]);
    // A request that the first token denies does not wait.
    let poor = with_agent(
        get("/pay").bearer(&token().sign(key()).unwrap()),
        &agent_token().sign(other_key()).unwrap(),
    );
    assert_eq!(describe(&poor.step(&config, &keys, Wait::Allowed)), "403 role");
    // Nor does one whose second token no requirement asks for.
    let unread = with_agent(get("/").bearer(&service()), &agent_token().sign(other_key()).unwrap());
    assert_eq!(describe(&unread.step(&config, &keys, Wait::Allowed)), "user-1");
    let refused = denied(request.step(&config, &Keys::available(), Wait::Allowed));
    assert_eq!(refused.record.reason, Reason::UnknownKid);
}

#[test]
fn without_keys_the_second_token_cannot_be_verified() {
    let config = config();
    let keys = Keys::none(UNAVAILABLE);
    let refused = denied(both("/pay").step(&config, &keys, Wait::Allowed));
    assert_eq!((refused.denial.status, refused.record.reason), (503, Reason::NoKeys));
}

#[test]
fn a_cached_second_token_is_judged_again() {
    let config = config_with(
        json!({}),
        json!({ "routes": [{ "path": "/**",
        "requires_token": { "agent": { "requires_claim": { "claim": "sub", "equals": { "header": "x-for" } } } } }] }),
    );
    let cache = TokenCache::new(16);
    let keys = Keys::available();
    let at = |request: &TestRequest, now: UnixTime| {
        describe(&request.decide(&config, &keys, &cache, now, Wait::Allowed))
    };
    let request = |of: &str| both("/x").header("x-for", of);
    assert_eq!(at(&request("agent-1"), NOW), "user-1");
    assert_eq!(at(&request("agent-2"), NOW), "403 claim");
    assert_eq!(at(&request("agent-1"), NOW), "user-1");
    // An agent's token that is in the cache is no first token.
    assert_eq!(at(&get("/x").bearer(&agent()), NOW), "401 unknown_issuer");
    assert_eq!(at(&request("agent-1"), NOW.saturating_add(Duration::from_secs(86_400))), "401 expired");
}
