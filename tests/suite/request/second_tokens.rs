//! Requests with two identities: a service, and the agent that it acts for.

mod arbitrary;
mod bound;
mod keys;
mod places;
mod revoked;

use std::time::Duration;

use jwt_guard::config::Config;
use jwt_guard::denial::Reason;
use jwt_guard::http::HeaderMap;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::request::{KeyLookup, Wait, credential_headers};
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::{AUDIENCE, ISSUER, Token};
use serde_json::{Value, json};

use super::fixture::{
    Keys, NOW, Outcome, TestRequest, UNAVAILABLE, denied, describe, forwarded, get, key, metadata,
    new_request, other_key, published, token,
};

const AGENTS: &str = "https://agents.example";
const PLACE: &str = "x-agent-authorization";

/// The issuers `users` and `agents`, the second token `agent` with these members, and these global members. `/pay` needs
/// both tokens, and every other path only the first.
fn config_with(agent: Value, global: Value) -> Config {
    let issuer = |iss: &str, name: &str| {
        json!({
            "issuer": iss, "name": name, "audience": AUDIENCE, "jwks_cluster": "issuer", "accepted_algorithms": "ES256",
        })
    };
    let extend = |value: &mut Value, more: Value| {
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    };
    let mut second = json!({
        "token_from": { "header": PLACE, "prefix": "Bearer " },
        "issuers": "agents",
        "claim_headers": { "x-agent-sub": "sub", "x-agent-scopes": "$scopes" },
    });
    extend(&mut second, agent);
    let mut plugin = json!({
        "issuers": [issuer(ISSUER, "users"), issuer(AGENTS, "agents")],
        "second_tokens": { "agent": second },
        "routes": [
            { "path": "/pay", "requires_role": "service", "requires_token": { "agent": { "requires_scope": "pay" } } },
            { "path": "/optional", "requires_token": { "agent": { "allow_missing": true } } },
            { "path": "/open", "allow_anonymous": true },
        ],
    });
    extend(&mut plugin, global);
    Config::parse(plugin.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn config() -> Config {
    config_with(json!({}), json!({}))
}

fn service_token() -> Token {
    token().claim("roles", json!(["service"]))
}

fn agent_token() -> Token {
    token().issuer(AGENTS).subject("agent-1").claim("scope", "pay")
}

fn service() -> String {
    service_token().sign(key()).unwrap()
}

fn agent() -> String {
    agent_token().sign(key()).unwrap()
}

fn with_agent(request: TestRequest, token: &str) -> TestRequest {
    request.header(PLACE, format!("Bearer {token}"))
}

/// A request to this path with both tokens.
fn both(path: &str) -> TestRequest {
    with_agent(get(path).bearer(&service()), &agent())
}

/// The values of these headers that the upstream receives.
fn received(config: &Config, request: &TestRequest, names: &[&str]) -> Vec<(String, String)> {
    let forward = forwarded(request.decide_with_keys(config));
    let upstream = request.upstream(&forward);
    upstream.into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect()
}

#[test]
fn both_tokens_are_needed_and_each_in_its_place() {
    let config = config();
    let step = |request: TestRequest| describe(&request.decide_with_keys(&config));
    let of_agent = |agent: Token| with_agent(get("/pay").bearer(&service()), &agent.sign(key()).unwrap());
    let of_service = |service: Token| with_agent(get("/pay").bearer(&service.sign(key()).unwrap()), &agent());
    assert_eq!(step(both("/pay")), "user-1");
    for (label, request, expected) in [
        ("none", get("/pay"), "401 missing_token"),
        ("only the service", get("/pay").bearer(&service()), "401 missing_token"),
        ("only the agent", with_agent(get("/pay"), &agent()), "401 missing_token"),
        ("only the agent, as the service", get("/pay").bearer(&agent()), "401 unknown_issuer"),
        ("only the agent, on a path for users", get("/").bearer(&agent()), "401 unknown_issuer"),
        ("the wrong way round", with_agent(get("/pay").bearer(&agent()), &service()), "401 unknown_issuer"),
        ("two services", of_agent(service_token().subject("user-2")), "401 unknown_issuer"),
        ("the same service twice", of_agent(service_token()), "400 bad_request"),
        ("the same agent twice", with_agent(get("/pay").bearer(&agent()), &agent()), "401 unknown_issuer"),
        ("an expired agent", of_agent(agent_token().expired_for(Duration::from_secs(600))), "401 expired"),
        (
            "an expired service",
            of_service(service_token().expired_for(Duration::from_secs(600))),
            "401 expired",
        ),
        ("another scope of the agent", of_agent(agent_token().claim("scope", "read")), "403 scope"),
        ("no role of the service", of_service(token()), "403 role"),
        ("both fail: the first decides", of_service(token()).without(PLACE), "403 role"),
        (
            "another scheme of the agent",
            both("/pay").without(PLACE).header(PLACE, "Basic a"),
            "401 missing_token",
        ),
        ("no token after the scheme", both("/pay").without(PLACE).header(PLACE, "Bearer"), "400 bad_request"),
        ("two agents", with_agent(both("/pay"), &agent()), "400 bad_request"),
        (
            "an agent with a forged signature",
            with_agent(
                get("/pay").bearer(&service()),
                &agent_token().header("kid", "first").sign(other_key()).unwrap(),
            ),
            "401 signature",
        ),
        (
            "an agent of an unknown issuer",
            of_agent(agent_token().issuer("https://evil.example")),
            "401 unknown_issuer",
        ),
        ("an agent with another audience", of_agent(agent_token().audience("other")), "401 audience"),
    ] {
        assert_eq!(step(request), expected, "{label}");
    }
    for path in ["/", "/optional"] {
        assert_eq!(step(get(path).bearer(&service())), "user-1", "{path}: the agent is optional");
        assert_eq!(step(both(path)), "user-1", "{path}");
    }
    let bad = || agent_token().claim("aud", "other").sign(key()).unwrap();
    assert_eq!(step(with_agent(get("/optional").bearer(&service()), &bad())), "401 audience");
    assert_eq!(step(with_agent(get("/").bearer(&service()), &bad())), "user-1", "it is not read");
    assert_eq!(step(with_agent(get("/open"), "x")), "anonymous", "it is not read");
}

#[test]
fn an_issuer_can_vouch_for_both_tokens() {
    let text = |first: Value| {
        json!({
            "issuers": [{
                "issuer": ISSUER, "name": "users", "audience": AUDIENCE, "jwks_cluster": "issuer",
                "accepted_algorithms": "ES256", "first_token": first,
            }],
            "second_tokens": { "agent": { "token_from": { "header": PLACE }, "issuers": "users" } },
            "default_policy": { "requires_token": { "agent": { "requires_role": "agent" } } },
        })
        .to_string()
    };
    assert!(Config::parse(text(json!(null)).as_bytes()).is_err());
    let config = Config::parse(text(json!(true)).as_bytes()).unwrap();
    let other = token().subject("agent-1").claim("roles", json!(["agent"])).sign(key()).unwrap();
    let request = |second: &str| get("/").bearer(&service()).header(PLACE, second);
    assert_eq!(describe(&request(&other).decide_with_keys(&config)), "user-1");
    // One token for two identities.
    assert_eq!(describe(&request(&service()).decide_with_keys(&config)), "400 bad_request");
    // An ES256 signature of the same token with another nonce: each signature is valid.
    let (signed, _) =
        service().rsplit_once('.').map(|(signed, rest)| (signed.to_owned(), rest.to_owned())).unwrap();
    let again = format!("{signed}.AAAA");
    assert_eq!(describe(&request(&again).decide_with_keys(&config)), "400 bad_request");
}

#[test]
fn one_token_cannot_be_two_second_tokens() {
    let config = config_with(
        json!({}),
        json!({
            "second_tokens": {
                "agent": { "token_from": { "header": PLACE, "prefix": "Bearer " }, "issuers": "agents" },
                "caller": { "token_from": { "header": "x-caller" }, "issuers": "agents" },
            },
            "routes": [{
                "path": "/pay",
                "requires_token": { "agent": { "requires_scope": "pay" }, "caller": { "allow_authenticated": true } },
            }],
        }),
    );
    let caller = agent_token().subject("caller-1").sign(key()).unwrap();
    let step = |request: TestRequest| describe(&request.decide_with_keys(&config));
    assert_eq!(step(both("/pay").header("x-caller", &caller)), "user-1");
    assert_eq!(step(both("/pay").header("x-caller", agent())), "400 bad_request");
    assert_eq!(step(both("/pay")), "401 missing_token");
}

#[test]
fn the_answer_to_a_second_token_has_no_challenge() {
    let config = config();
    let expired = agent_token().expired_for(Duration::from_secs(600)).sign(key()).unwrap();
    let poor = agent_token().claim("scope", "read").sign(key()).unwrap();
    let first = || get("/pay").bearer(&service());
    for (request, status, detail, line) in [
        (
            first(),
            401,
            "Missing or invalid x-agent-authorization header",
            "reason=missing_token detail=\"a token is required and none was sent\" token=agent rule=routes[0]",
        ),
        (
            with_agent(first(), &expired),
            401,
            "x-agent-authorization: Token has expired",
            "reason=expired detail=\"the token has expired\" token=agent issuer=agents kid=\"first\" rule=routes[0]",
        ),
        (
            with_agent(first(), &poor),
            403,
            "x-agent-authorization: Access to this resource is not permitted",
            "reason=scope detail=\"a scope is missing; required: pay\" token=agent rule=routes[0]",
        ),
        (
            with_agent(first(), &service()),
            400,
            "x-agent-authorization: Malformed or repeated credentials",
            "reason=bad_request detail=\"the same token is sent for two identities\" token=agent rule=routes[0]",
        ),
    ] {
        let refused = denied(request.decide_with_keys(&config));
        assert_eq!((refused.denial.status, refused.denial.detail.as_ref()), (status, detail));
        assert!(!refused.denial.headers.iter().any(|(name, _)| name == "www-authenticate"), "{detail}");
        let text = refused.record.to_string();
        assert!(text.starts_with(line), "{text}");
    }
    // The first token keeps its challenge, and its line does not name a second token.
    let refused = denied(with_agent(get("/pay"), &agent()).decide_with_keys(&config));
    let challenge = refused.denial.headers.iter().find(|(name, _)| name == "www-authenticate").unwrap();
    assert_eq!(challenge.1, "Bearer realm=\"orders\"".replace("orders", AUDIENCE));
    assert!(!refused.record.to_string().contains("token=agent"));
}

#[test]
fn every_reading_guard_and_metadata_adds_its_requirement() {
    let config = config_with(
        json!({}),
        json!({
            "routes": [
                { "path": "/a/**", "requires_token": { "agent": { "requires_scope": "pay" } } },
                { "path": "/b", "requires_token": { "agent": { "requires_scope": "read" } } },
            ],
            "guards": [{ "path": "/c/**", "requires_token": { "agent": { "requires_scope": "pay" } } }],
            "policies": { "paying": { "requires_token": { "agent": { "requires_scope": "pay" } } } },
        }),
    );
    let step = |path: &str, scope: &str| {
        let agent = agent_token().claim("scope", scope).sign(key()).unwrap();
        describe(&with_agent(get(path).bearer(&service()), &agent).decide_with_keys(&config))
    };
    for (path, scope, expected) in [
        ("/a", "pay", "user-1"),
        ("/a", "read", "403 scope"),
        ("/b", "read", "user-1"),
        ("/b", "pay", "403 scope"),
        // Some upstreams serve /b, and others a path below /a.
        ("/a/%2e%2e/b", "pay read", "user-1"),
        ("/a/%2e%2e/b", "read", "403 scope"),
        ("/a/%2e%2e/b", "pay", "403 scope"),
        ("/c/d", "pay", "user-1"),
        ("/c/d", "read", "403 scope"),
        ("/d", "none", "user-1"),
    ] {
        assert_eq!(step(path, scope), expected, "{path} {scope}");
    }
    // The line names the rule that requires the token.
    for (agent, reason) in
        [(agent_token().claim("scope", "read").sign(key()).unwrap(), "scope"), (service(), "bad_request")]
    {
        let refused = denied(with_agent(get("/c/d").bearer(&service()), &agent).decide_with_keys(&config));
        let line = refused.record.to_string();
        assert!(
            line.starts_with(&format!("reason={reason} ")) && line.contains(" rule=guards[0] "),
            "{line}"
        );
    }
    let of_metadata = |says: Value, scope: &str| {
        let agent = agent_token().claim("scope", scope).sign(key()).unwrap();
        let request = with_agent(get("/d").bearer(&service()), &agent).metadata(metadata(&config, says));
        describe(&request.decide_with_keys(&config))
    };
    for says in
        [json!({ "requires_token": { "agent": { "requires_scope": "pay" } } }), json!({ "policy": "paying" })]
    {
        assert_eq!(of_metadata(says.clone(), "pay"), "user-1");
        assert_eq!(of_metadata(says, "read"), "403 scope");
    }
}

#[test]
fn a_denied_path_reads_no_second_token() {
    let config = config_with(json!({}), json!({ "guards": [{ "path": "/pay", "deny": true }] }));
    assert_eq!(describe(&both("/pay").decide_with_keys(&config)), "403 denied");
}

#[test]
fn an_issuer_limits_its_second_tokens_to_its_paths() {
    let mut text = json!({
        "issuers": [
            { "issuer": ISSUER, "name": "users", "audience": AUDIENCE, "jwks_cluster": "c", "accepted_algorithms": "ES256" },
            { "issuer": AGENTS, "name": "agents", "audience": AUDIENCE, "jwks_cluster": "c",
              "accepted_algorithms": "ES256", "paths": "/agents/**" },
        ],
        "second_tokens": { "agent": { "token_from": { "header": PLACE, "prefix": "Bearer " }, "issuers": "agents" } },
        "default_policy": { "requires_token": { "agent": { "allow_authenticated": true } } },
    });
    let parsed = |text: &Value| Config::parse(text.to_string().as_bytes()).unwrap();
    let config = parsed(&text);
    assert_eq!(describe(&both("/agents/x").decide_with_keys(&config)), "user-1");
    assert_eq!(describe(&both("/x").decide_with_keys(&config)), "403 issuer_not_allowed");
    // token_from of an issuer narrows the first token only.
    text["issuers"][1] = json!({ "issuer": AGENTS, "name": "agents", "audience": AUDIENCE, "jwks_cluster": "c",
        "accepted_algorithms": "ES256", "first_token": true, "token_from": { "header": "authorization" } });
    assert_eq!(describe(&both("/x").decide_with_keys(&parsed(&text))), "user-1");
}

#[test]
fn a_granted_wildcard_covers_the_scope_of_a_route() {
    let route = json!([{ "path": "/pay", "requires_token": { "agent": { "requires_scope": "treasury:write:payments" } } }]);
    let step = |wildcards: bool, scope: &str| {
        let config = config_with(json!({}), json!({ "routes": route, "scope_wildcards": wildcards }));
        let agent = agent_token().claim("scope", scope).sign(key()).unwrap();
        let request = with_agent(get("/pay").bearer(&service()), &agent);
        let granted = match request.decide_with_keys(&config) {
            Outcome::Forward(_) => received(&config, &request, &["x-agent-scopes"]),
            _ => Vec::new(),
        };
        (
            describe(&request.decide_with_keys(&config)),
            granted.into_iter().map(|(_, value)| value).collect::<String>(),
        )
    };
    assert_eq!(step(true, "treasury:*"), ("user-1".to_owned(), "treasury:*".to_owned()));
    assert_eq!(step(false, "treasury:*").0, "403 scope");
    assert_eq!(step(true, "treasury:read:*").0, "403 scope");
    assert_eq!(step(false, "treasury:write:payments").0, "user-1");
}
