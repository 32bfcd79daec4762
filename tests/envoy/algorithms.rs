//! Every algorithm with the host verifier (the host's `verify_signature`) and with the wasm verifier.
//!
//! The same tokens go to two Envoys with the same keys. In one of them, the module requests a host function that does
//! not exist (`Bootstrap::host_function`), so it verifies every signature itself. Both must decide alike for every
//! token.

use std::collections::BTreeSet;

use jwt_guard::jose::base64url;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token};
use serde_json::{Value, json};

use crate::faults::clock::Clock;
use crate::harness::{Stack, StackBuilder, now};
use crate::outcome::{Tries, assert_no_crash, expose_reasons};

pub const ALL: [&str; 13] = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "ML-DSA-44",
    "ML-DSA-65",
    "ML-DSA-87",
];

const BY_HOST: &str = "verified by the host for RS256 RS384 RS512 ES256 ES384 ES512, in the wasm module for the other algorithms";
const IN_MODULE: &str = "signatures verified in the wasm module";

/// Two Envoys, with one connection to each.
pub struct Paths {
    pub stacks: [Stack; 2],
    tries: [Tries; 2],
}

impl Paths {
    /// Two Envoys with the given public keys, issuer and audience.
    async fn with_keys(keys: &[Value], issuer: &str, audience: &str) -> Self {
        let plugin = plugin(keys, issuer, audience);
        Self::of(|| Stack::builder().plugin(plugin.clone()).issuer_down()).await
    }

    /// Like [`with_keys`](Self::with_keys), with another clock.
    async fn by_clock(clock: &Clock, keys: &[Value], issuer: &str, audience: &str) -> Self {
        let plugin = plugin(keys, issuer, audience);
        Self::of(|| clock.of(Stack::builder().plugin(plugin.clone()).issuer_down())).await
    }

    /// Two stacks from the same builder.
    pub async fn of(builder: impl Fn() -> StackBuilder) -> Self {
        let start = async |function, announced| {
            let builder = builder().envoy(|envoy| {
                envoy.host_function = function;
                expose_reasons(envoy);
            });
            let stack = builder.start().await;
            stack.envoy.logged(announced).await;
            stack
        };
        let (host, module) = tokio::join!(start(None, BY_HOST), start(Some("verify_sIgnature"), IN_MODULE));
        let tries = [Tries::new(&host).await, Tries::new(&module).await];
        Self { stacks: [host, module], tries }
    }

    /// The outcome for the token; panics if the two Envoys differ.
    pub async fn verify(&mut self, label: &str, token: impl AsRef<[u8]>) -> String {
        let [host, module] = &mut self.tries;
        let (by_host, in_module) = tokio::join!(host.token(&token), module.token(&token));
        assert_eq!(by_host, in_module, "{label}: host verifier and wasm verifier differ");
        by_host
    }
}

fn plugin(keys: &[Value], issuer: &str, audience: &str) -> Value {
    json!({
        "issuer": issuer, "name": "edges", "audience": audience, "accepted_algorithms": ALL,
        "jwks_inline": { "keys": keys },
    })
}

fn keys() -> Vec<SigningKey> {
    let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
    let of = |algorithm: Algorithm| {
        let key = match rsa.clone().with_algorithm(algorithm) {
            Ok(key) => key,
            Err(_) => SigningKey::generate(algorithm).unwrap(),
        };
        key.with_kid(algorithm.name())
    };
    Algorithm::ALL.into_iter().map(of).collect()
}

/// The token with changed bytes of its signature.
pub fn with_signature(token: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = base64url::decode(signature.as_bytes()).unwrap();
    change(&mut signature);
    format!("{message}.{}", base64url::encode(&signature))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_algorithm_by_both_verifiers() {
    let (own, others) = (keys(), keys());
    let jwks: Vec<Value> = own.iter().map(SigningKey::public_jwk).collect();
    let mut paths =
        Paths::with_keys(&jwks, jwt_guard_testkit::mint::ISSUER, jwt_guard_testkit::mint::AUDIENCE).await;
    for (key, other) in own.iter().zip(&others) {
        let algorithm = key.algorithm();
        let token = Token::new(now());
        let good = token.sign(key).unwrap();
        let length = base64url::decode(good.rsplit('.').next().unwrap().as_bytes()).unwrap().len();
        let flipped = |at: usize| with_signature(&good, |signature| signature[at] ^= 1);
        let changed = {
            let claims = token.clone().subject("root").sign(key).unwrap();
            let [_, claims, _] = claims.split('.').collect::<Vec<_>>()[..] else { panic!() };
            let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
            format!("{header}.{claims}.{signature}")
        };
        // A key of another kind; for RSA, a key of the same kind that is bound to another algorithm.
        let wrong = own.iter().find(|wrong| wrong.algorithm() != algorithm).unwrap();
        let rows = [
            ("good", "passed", good.clone()),
            ("without a kid", "passed", token.clone().without_header("kid").sign(key).unwrap()),
            ("the first byte damaged", "signature", flipped(0)),
            ("a byte in the middle damaged", "signature", flipped(length / 2)),
            ("the last byte damaged", "signature", flipped(length - 1)),
            (
                "a byte less",
                "signature",
                with_signature(&good, |signature| signature.truncate(signature.len() - 1)),
            ),
            ("a byte more", "signature", with_signature(&good, |signature| signature.push(0))),
            ("a zero before", "signature", with_signature(&good, |signature| signature.insert(0, 0))),
            ("blank", "signature", with_signature(&good, |signature| signature.fill(0))),
            ("all ones", "signature", with_signature(&good, |signature| signature.fill(0xFF))),
            ("another claim", "signature", changed),
            ("another key under its kid", "signature", token.sign(other).unwrap()),
            (
                "the kid of another algorithm's key",
                "bad_key",
                token.clone().header("kid", wrong.kid()).sign(key).unwrap(),
            ),
            ("an unknown kid", "unknown_kid", token.clone().header("kid", "none").sign(key).unwrap()),
        ];
        for (label, expected, token) in rows {
            let label = format!("{algorithm}: {label}");
            assert_eq!(paths.verify(&label, &token).await, expected, "{label}");
        }
    }
    // The algorithm name of RFC 9864 with a key of RFC 8037; then the key with the new name and the token with the old
    // one.
    let ed25519 = own.iter().find(|key| key.algorithm() == Algorithm::Ed25519).unwrap();
    let renamed = Token::new(now()).header("alg", "Ed25519").sign(ed25519).unwrap();
    assert_eq!(paths.verify("Ed25519", &renamed).await, "passed");
    let damaged = with_signature(&renamed, |signature| signature[0] ^= 1);
    assert_eq!(paths.verify("Ed25519, damaged", &damaged).await, "signature");
    for stack in &paths.stacks {
        assert_no_crash(stack);
    }
}

/// Sizes, exponents, paddings, points and scalars on which libraries have differed, and tokens of other libraries.
#[tokio::test(flavor = "multi_thread")]
async fn both_verifiers_agree_on_edge_cases() {
    let edges: Vec<Value> = serde_json::from_str(include_str!("../data/jose/edges.json")).unwrap();
    let keys: Vec<Value> = edges.iter().filter_map(|edge| edge.get("jwk").cloned()).collect();
    let mut paths = Paths::with_keys(&keys, "https://issuer.example", "orders").await;
    let mut algorithms = BTreeSet::new();
    for edge in &edges {
        let label = edge["label"].as_str().unwrap();
        let expected = if edge["accepted"] == json!(true) { "passed" } else { "signature" };
        assert_eq!(paths.verify(label, edge["token"].as_str().unwrap()).await, expected, "{label}");
        algorithms.insert(label.split(':').next().unwrap());
    }
    assert!(algorithms.len() >= 11, "{algorithms:?}");
    for stack in &paths.stacks {
        assert_no_crash(stack);
    }
}

/// These tokens are old, so Envoy runs with a clock of that time: today they are expired.
#[tokio::test(flavor = "multi_thread")]
async fn both_verifiers_accept_tokens_of_other_libraries() {
    let file: Value = serde_json::from_str(include_str!("../data/jose/keys.json")).unwrap();
    let public = |jwk: &Value| {
        let mut jwk = jwk.clone();
        jwk.as_object_mut()
            .unwrap()
            .retain(|name, _| !["d", "p", "q", "dp", "dq", "qi", "priv"].contains(&name.as_str()));
        jwk
    };
    let keys: Vec<Value> = file["keys"].as_array().unwrap().iter().map(public).collect();
    let tokens: Vec<Value> = serde_json::from_str(include_str!("../data/jose/tokens.json")).unwrap();
    let rfc: Vec<Value> = serde_json::from_str(include_str!("../data/jose/rfc.json")).unwrap();
    // The other examples of the RFCs contain no claims.
    let joe: Vec<&Value> = rfc
        .iter()
        .filter(|row| {
            let source = row["source"].as_str().unwrap();
            source.contains("A.2") || source.contains("A.3")
        })
        .collect();
    assert_eq!(joe.len(), 2);

    let clock = Clock::at(UnixTime::from_secs(1_700_000_100));
    let mut paths = Paths::by_clock(&clock, &keys, "https://issuer.example", "orders").await;
    for row in &tokens {
        let label = format!("{} {}", row["by"], row["algorithm"]);
        let token = row["token"].as_str().unwrap();
        assert_eq!(paths.verify(&label, token).await, "passed", "{label}");
        let damaged = with_signature(token, |signature| signature[20] ^= 4);
        assert_eq!(paths.verify(&label, &damaged).await, "signature", "{label}, damaged");
    }
    let keys: Vec<Value> = joe.iter().map(|row| row["jwk"].clone()).collect();
    let clock = Clock::at(UnixTime::from_secs(1_300_819_000));
    let mut paths = Paths::by_clock(&clock, &keys, "joe", "anyone").await;
    for row in joe {
        let token = row["jws"].as_str().unwrap();
        // They have no audience, which is checked after the signature.
        assert_eq!(paths.verify("RFC 7515", token).await, "audience", "{}", row["source"]);
        let damaged = with_signature(token, |signature| signature[20] ^= 4);
        assert_eq!(paths.verify("RFC 7515", &damaged).await, "signature", "{}, damaged", row["source"]);
    }
}

/// `declare_property` accepts the same bytes and always returns nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_fails_its_self_test_is_not_used() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let plugin = crate::harness::plugin_with(json!({ "accepted_algorithms": "ES256" }));
    let stack = Stack::builder()
        .plugin(plugin)
        .keys([key.clone()])
        .envoy(|envoy| envoy.host_function = Some("declare_property"))
        .start()
        .await;
    stack.envoy.logged(IN_MODULE).await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    let damaged = with_signature(&good, |signature| signature[0] ^= 1);
    assert_eq!(stack.get_with("/", &damaged).await.status, 401);
    assert_no_crash(&stack);
}
