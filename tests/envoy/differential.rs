//! The same tokens and the same policy through Envoy's own `jwt_authn` and through ours, in one Envoy.
//!
//! `/native` is judged by `jwt_authn` alone, `/ours` by the filter alone. Where the two differ, a table says why: a
//! difference without a reason fails, and so does a reason without a difference.

mod corpus;
mod reasons;

use std::collections::{BTreeMap, BTreeSet};

use jwt_guard::mint::{AUDIENCE, ISSUER};
use serde_json::json;

use self::corpus::{ALGORITHMS, KINDS, Random, World};
use self::reasons::{NATIVE_STRICTER, OURS_STRICTER};
use crate::harness::{Request, Stack, now, plugin_with, typed};
use crate::outcome::{Tries, assert_unharmed, of, tell_reasons};

/// Tokens unless `JWT_GUARD_DIFFERENTIAL` says how many.
const TOKENS: usize = 10_000;
/// Connections that they are sent over.
const CONNECTIONS: usize = 4;

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
        "clock_skew_seconds": 60,
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
        tell_reasons(envoy);
        envoy.filters_before = vec![native];
        envoy.routes = vec![json!({
            "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "ok" } },
        })];
    });
    stack.start().await
}

/// What each made of a token.
struct Verdict {
    kind: &'static str,
    authorization: String,
    native: u16,
    ours: String,
}

/// Every `CONNECTIONS`th token, from that one on.
async fn judge(stack: &Stack, corpus: &[(&'static str, String)], first: usize) -> Vec<Verdict> {
    let mut tries = Tries::new(stack).await;
    let mut verdicts = Vec::new();
    for (kind, authorization) in corpus.iter().skip(first).step_by(CONNECTIONS) {
        let request =
            |path| Request::new(stack.address(), "GET", path).header("authorization", authorization);
        let native = tries.response(request("/native")).await.status;
        let ours = of(&tries.response(request("/ours")).await);
        verdicts.push(Verdict { kind, authorization: authorization.clone(), native, ours });
    }
    verdicts
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_from_the_native_filter_has_a_reason() {
    let world = World::new(now());
    let stack = start(&world).await;
    let mut random = Random(0x6a77_745f_6775_6172);
    let corpus: Vec<(&str, String)> =
        KINDS.iter().cycle().take(tokens()).map(|(kind, make)| (*kind, make(&world, &mut random))).collect();

    let mut verdicts = Vec::new();
    let lanes = tokio::join!(
        judge(&stack, &corpus, 0),
        judge(&stack, &corpus, 1),
        judge(&stack, &corpus, 2),
        judge(&stack, &corpus, 3),
    );
    verdicts.extend(lanes.0.into_iter().chain(lanes.1).chain(lanes.2).chain(lanes.3));
    assert_eq!(verdicts.len(), corpus.len());

    let (mut accepted, mut refused) = (0, 0);
    let mut ours_stricter: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
    let mut native_stricter: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for Verdict { kind, authorization, native, ours } in &verdicts {
        match (*native == 200, ours == "passed") {
            (true, true) => accepted += 1,
            (false, false) => refused += 1,
            (true, false) => ours_stricter.entry((*kind, ours)).or_insert((0, authorization)).0 += 1,
            (false, true) => native_stricter.entry(*kind).or_insert((0, authorization)).0 += 1,
        }
    }
    println!("{} tokens: accepted by both {accepted}, refused by both {refused}", verdicts.len());
    let mut unlisted = Vec::new();
    let ours_listed: BTreeSet<_> = OURS_STRICTER.iter().map(|(kind, reason, _)| (*kind, *reason)).collect();
    for ((kind, reason), (count, sample)) in &ours_stricter {
        println!("ours stricter: {kind}: {reason}: {count}");
        if !ours_listed.contains(&(*kind, *reason)) {
            unlisted.push(format!("ours refuses, {reason}: {kind}: {sample}"));
        }
    }
    let native_listed: BTreeSet<_> = NATIVE_STRICTER.iter().map(|(kind, _)| *kind).collect();
    for (kind, (count, sample)) in &native_stricter {
        println!("native stricter: {kind}: {count}");
        if !native_listed.contains(kind) {
            unlisted.push(format!("OURS ACCEPTS what native refuses: {kind}: {sample}"));
        }
    }
    let stale: Vec<_> = ours_listed
        .iter()
        .filter(|listed| !ours_stricter.contains_key(*listed))
        .map(|listed| format!("{listed:?}"))
        .chain(
            native_listed.iter().filter(|kind| !native_stricter.contains_key(*kind)).map(|k| (*k).to_owned()),
        )
        .collect();
    assert!(unlisted.is_empty(), "differences without a reason:\n{}", unlisted.join("\n"));
    assert!(stale.is_empty(), "reasons without a difference:\n{}", stale.join("\n"));
    assert!(accepted > 0 && refused > 0);
    assert_unharmed(&stack);
}
