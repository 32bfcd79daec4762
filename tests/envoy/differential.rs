//! Compares the filter with Envoy's `jwt_authn` in the same Envoy, and with PyJWT and joserfc, for the same tokens and
//! policy.
//!
//! Only `jwt_authn` decides `/native`, and only the filter decides `/ours`. A table gives the reason of each
//! difference: a difference without a reason fails, and so does a reason without a difference.

mod corpus;
mod reasons;

use std::collections::{BTreeMap, BTreeSet};

use jwt_guard_testkit::mint::{AUDIENCE, ISSUER};
use serde_json::{Value, json};

use self::corpus::{ALGORITHMS, KINDS, Random, World};
use self::reasons::{STRICTER, WIDER};
use crate::harness::{Request, Stack, now, plugin_with, typed};
use crate::outcome::{Tries, assert_no_crash, expose_reasons, of};
use jwt_guard_testkit::pinned_python::pinned_python;

/// The number of tokens; `JWT_GUARD_DIFFERENTIAL` overrides it.
const TOKENS: usize = 10_000;
/// The number of connections.
const CONNECTIONS: usize = 4;
/// The allowed clock skew of all four.
const SKEW_SECONDS: u64 = 60;

fn tokens() -> usize {
    std::env::var("JWT_GUARD_DIFFERENTIAL").map_or(TOKENS, |count| count.parse().unwrap())
}

async fn start(world: &World) -> Stack {
    let names = ALGORITHMS.map(|algorithm| algorithm.name());
    let mut plugin = plugin_with(json!({
        "jwks_inline": world.key_set(),
        "accepted_algorithms": names,
        "routes": [{ "path": "/native", "allow_anonymous": true }],
    }));
    plugin.as_object_mut().unwrap().remove("jwks_cluster");
    let provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": world.key_set().to_string() },
        "clock_skew_seconds": SKEW_SECONDS,
        "require_expiration": true,
        "from_headers": [{ "name": "Authorization", "value_prefix": "Bearer " }],
    });
    let native = json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", json!({
            "providers": { "issuer": provider },
            "rules": [{ "match": { "path": "/native" }, "requires": { "provider_name": "issuer" } }],
        })),
    });
    let stack = Stack::builder().plugin(plugin).issuer_down().envoy(|envoy| {
        expose_reasons(envoy);
        envoy.filters_before = vec![native];
        envoy.routes = vec![json!({
            "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "ok" } },
        })];
    });
    stack.start().await
}

/// The results for one token.
struct TokenResult {
    kind: &'static str,
    authorization: String,
    /// `passed`, or the filter's denial reason.
    ours: String,
    /// Whether each of the others accepts it, if the other can run.
    others: BTreeMap<&'static str, bool>,
}

/// Sends every `CONNECTIONS`th token, starting with `first`.
async fn send_tokens(stack: &Stack, corpus: &[(&'static str, String)], first: usize) -> Vec<TokenResult> {
    let mut tries = Tries::new(stack).await;
    let mut results = Vec::new();
    for (kind, authorization) in corpus.iter().skip(first).step_by(CONNECTIONS) {
        let request =
            |path| Request::new(stack.address(), "GET", path).header("authorization", authorization);
        let native = tries.response(request("/native")).await.status;
        let ours = of(&tries.response(request("/ours")).await);
        let others = BTreeMap::from([("jwt_authn", native == 200)]);
        results.push(TokenResult { kind, authorization: authorization.clone(), ours, others });
    }
    results
}

/// Adds the results of the libraries for the tokens after `Bearer` and spaces, if Python is available.
fn verify_with_libraries(world: &World, results: &mut [TokenResult]) {
    let mut given: Vec<&mut TokenResult> =
        results.iter_mut().filter(|result| result.authorization.starts_with("Bearer ")).collect();
    let tokens: Vec<&str> =
        given.iter().map(|result| result.authorization["Bearer ".len()..].trim_start_matches(' ')).collect();
    let job = json!({
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "leeway": SKEW_SECONDS,
        "keys": world.key_set()["keys"],
        "tokens": tokens,
    });
    let Some((status, answer)) = pinned_python("jwt-libraries", &job.to_string()) else { return };
    assert_eq!(status, 0);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    for library in ["PyJWT", "joserfc"] {
        let accepted = answer[library].as_array().unwrap();
        assert_eq!(accepted.len(), given.len());
        for (result, accepted) in given.iter_mut().zip(accepted) {
            result.others.insert(library, accepted.as_bool().unwrap());
        }
    }
}

/// The errors in the tables for one of the others.
fn table_errors(other: &str, results: &[TokenResult]) -> Vec<String> {
    let (mut accepted, mut refused) = (0, 0);
    let mut stricter: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
    let mut wider: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for TokenResult { kind, authorization, ours, others } in results {
        let Some(theirs) = others.get(other) else { continue };
        match (*theirs, ours == "passed") {
            (true, true) => accepted += 1,
            (false, false) => refused += 1,
            (true, false) => stricter.entry((*kind, ours)).or_insert((0, authorization)).0 += 1,
            (false, true) => wider.entry(*kind).or_insert((0, authorization)).0 += 1,
        }
    }
    println!("{other}: accepted by both: {accepted}, rejected by both: {refused}");
    assert!(accepted > 0 && refused > 0);

    let stricter_listed: BTreeSet<_> = STRICTER
        .iter()
        .filter(|(_, _, others, _)| others.contains(&other))
        .map(|(kind, reason, ..)| (*kind, *reason))
        .collect();
    let wider_listed: BTreeSet<_> =
        WIDER.iter().filter(|(_, others, _)| others.contains(&other)).map(|(kind, ..)| *kind).collect();
    let mut complaints = Vec::new();
    for ((kind, reason), (count, sample)) in &stricter {
        println!("ours stricter than {other}: {kind}: {reason}: {count}");
        if !stricter_listed.contains(&(*kind, *reason)) {
            complaints.push(format!(
                "no reason in the table: ours rejects with {reason}, {other} accepts: {kind}: {sample}"
            ));
        }
    }
    for (kind, (count, sample)) in &wider {
        println!("{other} stricter than ours: {kind}: {count}");
        if !wider_listed.contains(kind) {
            complaints
                .push(format!("no reason in the table: OURS ACCEPTS, {other} rejects: {kind}: {sample}"));
        }
    }
    let stale = stricter_listed.iter().filter(|listed| !stricter.contains_key(*listed));
    complaints.extend(stale.map(|listed| format!("no difference: ours stricter than {other}: {listed:?}")));
    let stale = wider_listed.iter().filter(|kind| !wider.contains_key(*kind));
    complaints.extend(stale.map(|kind| format!("no difference: {other} stricter than ours: {kind}")));
    complaints
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_from_other_verifiers_has_a_reason() {
    let world = World::new(now());
    let stack = start(&world).await;
    let mut random = Random(0x6a77_745f_6775_6172);
    let corpus: Vec<(&str, String)> =
        KINDS.iter().cycle().take(tokens()).map(|(kind, make)| (*kind, make(&world, &mut random))).collect();

    let mut results = Vec::new();
    let lanes = tokio::join!(
        send_tokens(&stack, &corpus, 0),
        send_tokens(&stack, &corpus, 1),
        send_tokens(&stack, &corpus, 2),
        send_tokens(&stack, &corpus, 3),
    );
    results.extend(lanes.0.into_iter().chain(lanes.1).chain(lanes.2).chain(lanes.3));
    assert_eq!(results.len(), corpus.len());
    assert_no_crash(&stack);

    verify_with_libraries(&world, &mut results);
    let others: BTreeSet<&str> = results.iter().flat_map(|result| result.others.keys().copied()).collect();
    let complaints: Vec<String> = others.iter().flat_map(|other| table_errors(other, &results)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
