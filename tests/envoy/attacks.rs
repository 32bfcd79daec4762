//! All known attacks on tokens. Each row changes one thing in a valid token.
//!
//! All rows run with the host verifier and with the wasm verifier. The tests check the response and the counters of
//! each attack, and afterwards the log and a valid token.

mod algorithms;
mod keys;
mod members;
mod objects;
mod signatures;
mod spellings;

use std::collections::BTreeMap;

use jwt_guard::denial::Reason;
use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token, key_set};
use serde_json::json;

use crate::algorithms::{ALL, Paths};
use crate::harness::{Answer, Issuer, Request, Stack, cluster, now, plugin_with, wait_until};
use crate::outcome::assert_no_crash;

/// Personal data that occurs only in the tokens.
const SECRETS: [&str; 3] = ["person-4711", "person@secret.example", "role-of-that-person"];

/// A token with its expected outcome: `passed` or the denial reason.
struct Row {
    label: String,
    expected: &'static str,
    token: Vec<u8>,
}

fn row(label: impl Into<String>, expected: &'static str, token: impl Into<Vec<u8>>) -> Row {
    Row { label: label.into(), expected, token: token.into() }
}

/// The keys of the issuer, the keys of an attacker, and the URL where the attacker publishes them.
struct World {
    rsa: SigningKey,
    p256: SigningKey,
    p521: SigningKey,
    ed25519: SigningKey,
    stranger: SigningKey,
    strangers_keys: String,
}

impl World {
    fn new(stranger: &Issuer) -> Self {
        let key = |algorithm, kid| SigningKey::generate(algorithm).unwrap().with_kid(kid);
        let world = Self {
            rsa: key(Algorithm::Rs256, "rsa"),
            p256: key(Algorithm::Es256, "p256"),
            p521: key(Algorithm::Es512, "p521"),
            ed25519: key(Algorithm::Ed25519, "ed25519"),
            stranger: key(Algorithm::Rs256, "stranger"),
            strangers_keys: format!("http://{}/jwks", stranger.address()),
        };
        stranger.answer("/jwks", Answer::keys([&world.stranger]));
        world
    }

    /// A valid token.
    fn token(&self) -> Token {
        let [subject, email, role] = SECRETS;
        Token::new(now()).subject(subject).claim("email", email).claim("roles", json!([role]))
    }

    fn good(&self) -> String {
        self.token().sign(&self.rsa).unwrap()
    }

    fn header_json(&self) -> String {
        self.token().header_json(&self.rsa)
    }

    fn rows(&self) -> Vec<Row> {
        let tables =
            [algorithms::rows, keys::rows, signatures::rows, spellings::rows, objects::rows, members::rows];
        tables.into_iter().flat_map(|rows| rows(self)).collect()
    }
}

/// A signed token with the given bytes as header and claims.
fn signed(key: &SigningKey, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    key.sign(header, claims).unwrap()
}

/// The JSON object with an additional first member.
fn with(object: &str, member: &str) -> String {
    format!("{{{member},{}", &object[1..])
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_named_attack_passes() {
    let stranger = Issuer::reserve();
    stranger.up().await;
    let world = World::new(&stranger);
    let published = key_set([&world.rsa, &world.p256, &world.p521, &world.ed25519]);
    let mut plugin = plugin_with(json!({ "accepted_algorithms": ALL, "jwks_inline": published }));
    plugin.as_object_mut().unwrap().remove("jwks_cluster");
    let mut paths = Paths::of(|| {
        Stack::builder().plugin(plugin.clone()).issuer_down().envoy(|envoy| {
            // If the filter followed a URL in a token, it could reach this cluster.
            envoy.clusters = vec![cluster("stranger", stranger.address(), false)];
            envoy.connection_manager["max_request_headers_kb"] = json!(4096);
        })
    })
    .await;
    for stack in &paths.stacks {
        assert_eq!(stack.envoy.ask_admin("POST", "/logging?wasm=debug").await.status, 200);
    }

    let rows = world.rows();
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    let mut surprises = Vec::new();
    for Row { label, expected: outcome, token } in &rows {
        let seen = paths.verify(label, token).await;
        if seen != *outcome {
            surprises.push(format!("{label}: {seen}, expected {outcome}"));
        }
        *expected.entry(outcome.trim_start_matches("400 ")).or_default() += 1;
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(paths.verify("a valid token after all attacks", world.good()).await, "passed");

    let refused = rows.len() as u64 - expected["passed"];
    assert!(refused > 200, "{refused} attacks");
    for stack in &paths.stacks {
        for reason in Reason::ALL.map(|reason| reason.to_string()) {
            let count = expected.get(reason.as_str()).copied().unwrap_or(0);
            stack.counted_denied(&reason, count).await;
        }
        assert_eq!(stack.upstream.count() as u64, expected["passed"] + 1);
        assert_eq!(stack.envoy.stat("http.http.downstream_rq_5xx").await, 0);
        assert_eq!(stack.issuer.requests().len(), 0);
        assert_no_crash(stack);
        assert_log_has_no_secrets(stack, &rows).await;
    }

    assert!(
        stranger.requests().is_empty(),
        "the attacker's server received requests: {:?}",
        stranger.requests()
    );
    let fetched = Request::new(stranger.address(), "GET", "/jwks").send().await;
    assert_eq!((fetched.status, stranger.requests().len()), (200, 1), "the attacker's server works");
}

/// Every reason is logged, without any part of a token and without personal data. The log is rate-limited, so a token
/// is sent again until its reason is logged.
async fn assert_log_has_no_secrets(stack: &Stack, rows: &[Row]) {
    let mut of_reason: BTreeMap<&str, &Row> = BTreeMap::new();
    let is_reason = |row: &&Row| Reason::ALL.iter().any(|reason| reason.to_string() == row.expected);
    for row in rows.iter().filter(is_reason) {
        of_reason.entry(row.expected).or_insert(row);
    }
    for (reason, row) in of_reason {
        let words = format!("jwt_guard: denied: reason={reason} ");
        wait_until(&format!("{reason} is logged"), async || {
            let token = std::str::from_utf8(&row.token).unwrap();
            let refused = stack.get_with("/", token).await;
            let body = String::from_utf8(refused.body).unwrap();
            assert!(SECRETS.iter().all(|secret| !body.contains(secret)), "{}: {body}", row.label);
            stack.envoy.log_contains(&words)
        })
        .await;
    }
    let log = stack.envoy.log();
    for secret in SECRETS {
        assert!(!log.contains(secret), "the log contains {secret}");
    }
    for Row { label, token, .. } in rows {
        // Long parts of the token. Shorter parts are words that may occur anywhere in the log.
        let parts = token.split(|byte| *byte == b'.').filter(|part| part.len() > 30);
        for part in parts.filter_map(|part| std::str::from_utf8(part).ok()) {
            assert!(!log.contains(part), "{label}: the log contains a part of the token");
        }
    }
}

/// With Envoy's default limits, a header of a mebibyte does not reach the filter.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_mebibyte_is_denied_by_envoy_or_the_filter() {
    let stack = Stack::with_plugin(plugin_with(json!({}))).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    let answer = stack.get_with("/", &"A".repeat(1 << 20)).await;
    assert_eq!(answer.status, 431);
    stack.counted_denied("too_long", 0).await;
    assert_eq!(stack.get_with("/", &"A".repeat(16_385)).await.status, 401);
    stack.counted_denied("too_long", 1).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    assert_no_crash(&stack);
}
