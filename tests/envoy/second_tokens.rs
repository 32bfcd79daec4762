//! Requests with two identities in a real Envoy: a service's token, and the token of the agent that it acts for.

use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token};
use serde_json::{Value, json};

use crate::harness::{Answer, Issuer, Request, Stack, cluster, now, wait_until};
use crate::outcome::{self, assert_no_crash, expose_reasons};

const SERVICES: &str = "https://services.example";
const AGENTS: &str = "https://agents.example";
const PLACE: &str = "x-agent-authorization";

struct World {
    stack: Stack,
    /// It answers as long as the test runs.
    _services: Issuer,
    agents: Issuer,
    service_key: SigningKey,
    agent_key: SigningKey,
}

fn configuration(global: Value) -> Value {
    let issuer = |iss: &str, name: &str| {
        json!({
            "issuer": iss, "name": name, "audience": "treasury", "jwks_cluster": name,
            "jwks_endpoint": format!("{iss}/keys"), "accepted_algorithms": "ES256", "jwks_timeout_ms": 5000,
            "jwks_refresh_cooldown_seconds": 1,
        })
    };
    let mut plugin = json!({
        "issuers": [issuer(SERVICES, "services"), issuer(AGENTS, "agents")],
        "second_tokens": { "agent": {
            "token_from": { "header": PLACE, "prefix": "Bearer " },
            "issuers": "agents",
            "claim_headers": { "x-agent-sub": "sub", "x-agent-scopes": "$scopes" },
        } },
        "scope_wildcards": true,
        "routes": [{
            "path": "/treasury/payments",
            "requires_role": "treasury-service",
            "requires_token": { "agent": { "requires_scope": "treasury:write:payments" } },
        }],
    });
    plugin.as_object_mut().unwrap().extend(global.as_object().unwrap().clone());
    plugin
}

impl World {
    async fn start(global: Value) -> Self {
        Self::start_with(global, |answer| answer).await
    }

    /// `change` changes the first answer of the agents' issuer.
    async fn start_with(global: Value, change: fn(Answer) -> Answer) -> Self {
        let key = |kid| SigningKey::generate(Algorithm::Es256).unwrap().with_kid(kid);
        let (service_key, agent_key) = (key("service"), key("agent"));
        let [services, agents] = [(); 2].map(|()| Issuer::reserve());
        services.answer("/keys", Answer::keys([&service_key]));
        agents.answer("/keys", change(Answer::keys([&agent_key])));
        services.up().await;
        agents.up().await;
        let builder =
            Stack::builder().plugin(configuration(global)).issuer_down().workers(2).envoy(|envoy| {
                let of = |name, issuer: &Issuer| cluster(name, issuer.address(), false);
                envoy.clusters = vec![of("services", &services), of("agents", &agents)];
                envoy.access_log = "%RESPONSE_CODE% %FILTER_STATE(wasm.jwt_guard.reason:PLAIN)% \
                                token=%FILTER_STATE(wasm.jwt_guard.token:PLAIN)%\n"
                    .to_owned();
                expose_reasons(envoy);
            });
        let stack = builder.start().await;
        wait_until("both key sets are requested", async || {
            services.count("/keys") == 1 && agents.count("/keys") == 1
        })
        .await;
        wait_until("the services have keys", async || {
            stack.envoy.stat("wasmcustom.jwt_guard.jwks.services.keys").await == 1
        })
        .await;
        Self { stack, _services: services, agents, service_key, agent_key }
    }

    fn service(&self) -> Token {
        let token = Token::new(now()).issuer(SERVICES).audience("treasury").subject("billing");
        token.claim("roles", json!(["treasury-service"]))
    }

    fn agent(&self) -> Token {
        let token = Token::new(now()).issuer(AGENTS).audience("treasury").subject("agent-7");
        token.claim("scope", "treasury:*")
    }

    /// A request with these tokens.
    fn request(&self, path: &str, service: Option<&str>, agent: Option<&str>) -> Request {
        let mut request = self.stack.request("POST", path);
        if let Some(service) = service {
            request = request.bearer(service);
        }
        match agent {
            Some(agent) => request.header(PLACE, format!("Bearer {agent}")),
            None => request,
        }
    }

    fn signed(&self) -> (String, String) {
        let service = self.service().sign(&self.service_key).unwrap();
        (service, self.agent().sign(&self.agent_key).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_needs_the_service_and_the_agent() {
    let world = World::start(json!({})).await;
    let (service, agent) = world.signed();
    let by_agent = |token: Token| token.sign(&world.agent_key).unwrap();
    let expired = by_agent(world.agent().expired_for(std::time::Duration::from_secs(600)));
    let reader = by_agent(world.agent().claim("scope", "treasury:read:*"));
    let forged = world.agent().header("kid", "agent").sign(&world.service_key).unwrap();
    let pay = "/treasury/payments";
    for (label, path, service, agent, expected) in [
        ("both", pay, Some(&service), Some(&agent), "passed"),
        ("both, from the cache", pay, Some(&service), Some(&agent), "passed"),
        ("only the service", pay, Some(&service), None, "missing_token"),
        ("only the agent", pay, None, Some(&agent), "missing_token"),
        ("none", pay, None, None, "missing_token"),
        ("the wrong way round", pay, Some(&agent), Some(&service), "unknown_issuer"),
        ("the service twice", pay, Some(&service), Some(&service), "400 bad_request"),
        ("the agent as a user", "/", Some(&agent), None, "unknown_issuer"),
        ("an expired agent", pay, Some(&service), Some(&expired), "expired"),
        ("a forged agent", pay, Some(&service), Some(&forged), "signature"),
        ("an agent that only reads", pay, Some(&service), Some(&reader), "403 scope"),
        ("an agent where nothing asks for it", "/", Some(&service), Some(&forged), "passed"),
    ] {
        let request = world.request(path, service.map(String::as_str), agent.map(String::as_str));
        let response = request.send().await;
        assert_eq!(outcome::of(&response), expected, "{label}");
        let is_challenge_of_first = ["none", "only the agent", "the wrong way round", "the agent as a user"];
        let has_challenge = response.text("www-authenticate").is_some();
        assert_eq!(has_challenge, is_challenge_of_first.contains(&label), "{label}");
    }
    let stack = &world.stack;
    stack
        .envoy
        .logged("reason=scope detail=\"a scope is missing; required: treasury:write:payments\" token=agent")
        .await;
    wait_until("the access log has the token", async || {
        let log = stack.envoy.access_log();
        log.iter().any(|line| line == "403 scope token=agent")
            && log.iter().any(|line| line == "401 missing_token token=-")
    })
    .await;
    let counted = async |issuer: &str, what: &str| {
        stack.envoy.stat(&format!("wasmcustom.jwt_guard.issuer.{issuer}.{what}")).await
    };
    wait_until("both issuers are counted", async || {
        counted("services", "accepted").await == 3 && counted("agents", "accepted").await == 2
    })
    .await;
    assert_no_crash(stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_gets_both_identities_and_no_copies() {
    let world = World::start(json!({})).await;
    let (service, agent) = world.signed();
    let spoofed = |request: Request| {
        let names = ["x-agent-sub", "x_agent_sub", "x-auth-sub", "grpc-metadata-x-agent-sub"];
        let request = names.into_iter().fold(request, |request, name| request.header(name, "root"));
        request.header("x_agent_authorization", "Bearer forged")
    };
    for (path, expected) in [
        (
            "/treasury/payments",
            vec![("x-agent-scopes", "treasury:*"), ("x-agent-sub", "agent-7"), ("x-auth-sub", "billing")],
        ),
        ("/", vec![("x-auth-sub", "billing")]),
    ] {
        let response = spoofed(world.request(path, Some(&service), Some(&agent))).send().await;
        assert_eq!(response.status, 200, "{path}");
        let seen = world.stack.upstream.last();
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let mut found: Vec<(&str, String)> = seen
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), text(value)))
            .filter(|(name, _)| {
                name.contains("agent") && *name != "user-agent"
                    || *name == "x-auth-sub"
                    || *name == "authorization"
            })
            .collect();
        found.sort_unstable();
        let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_a_new_key_waits_for_it() {
    let world = World::start(json!({})).await;
    let (service, agent) = world.signed();
    let passes = world.request("/treasury/payments", Some(&service), Some(&agent)).send().await;
    assert_eq!(outcome::of(&passes), "passed");
    let new_key = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("rotated");
    world.agents.answer("/keys", Answer::keys([&world.agent_key, &new_key]));
    let rotated = world.agent().subject("agent-8").sign(&new_key).unwrap();
    // The cooldown is one second.
    wait_until("the new key is fetched", async || {
        let response = world.request("/treasury/payments", Some(&service), Some(&rotated)).send().await;
        outcome::of(&response) == "passed"
    })
    .await;
    let unknown = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("not-published");
    let unknown = world.agent().sign(&unknown).unwrap();
    let response = world.request("/treasury/payments", Some(&service), Some(&unknown)).send().await;
    assert_eq!(outcome::of(&response), "unknown_kid");
    assert_no_crash(&world.stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_the_first_keys_of_the_agents_without_losing_the_service() {
    let world = World::start_with(json!({}), Answer::held).await;
    let (service, agent) = world.signed();
    let pay = "/treasury/payments";
    // Neither needs the agents' keys.
    let poor = world.service().claim("roles", json!(["reader"])).sign(&world.service_key).unwrap();
    let refused = world.request(pay, Some(&poor), Some(&agent)).send().await;
    assert_eq!(outcome::of(&refused), "403 role");
    assert_eq!(outcome::of(&world.request("/", Some(&service), Some(&agent)).send().await), "passed");
    let request = world.request(pay, Some(&service), Some(&agent));
    let waiting = tokio::spawn(async move { request.send().await });
    wait_until("the request waits", async || {
        world.stack.envoy.stat("wasmcustom.jwt_guard.waiting").await == 1
    })
    .await;
    world.agents.release();
    let response = waiting.await.unwrap();
    assert_eq!(outcome::of(&response), "passed");
    let seen = world.stack.upstream.last();
    assert_eq!((seen.header("x-auth-sub"), seen.header("x-agent-sub")), (Some("billing"), Some("agent-7")));
    assert!(!seen.has("authorization") && !seen.has(PLACE));
    assert_no_crash(&world.stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn report_only_counts_the_second_token_and_keeps_it() {
    let world = World::start(json!({ "report_only": true })).await;
    let (service, agent) = world.signed();
    let response = world.request("/treasury/payments", Some(&service), None).send().await;
    assert_eq!(response.status, 200);
    wait_until("the denial is counted", async || world.stack.would_deny("missing_token").await == 1).await;
    let response = world.request("/treasury/payments", Some(&service), Some(&agent)).send().await;
    assert_eq!(response.status, 200);
    let seen = world.stack.upstream.last();
    let kept = seen.headers.iter().filter(|(name, _)| name == PLACE || name == "authorization").count();
    assert_eq!(kept, 2);
}
