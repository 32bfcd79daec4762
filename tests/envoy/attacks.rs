//! Every attack on tokens that has a name, each one change away from a token that passes.
//!
//! One table, seen twice: by way of the host's `verify_signature`, and inside the module. What each attack comes to
//! is told by its answer and by the counters; what it leaves behind, by the log and by the next good token.

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

/// What the tokens say of a person, and nothing else does.
const SECRETS: [&str; 3] = ["person-4711", "person@secret.example", "role-of-that-person"];

/// One token: `passed`, or the reason why it is refused.
struct Row {
    label: String,
    expected: &'static str,
    token: Vec<u8>,
}

fn row(label: impl Into<String>, expected: &'static str, token: impl Into<Vec<u8>>) -> Row {
    Row { label: label.into(), expected, token: token.into() }
}

/// The issuer's keys, a stranger's, and where the stranger publishes his.
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

    /// A token that passes.
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

/// Those bytes as header and claims, signed by that key.
fn signed(key: &SigningKey, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    key.sign(header, claims).unwrap()
}

/// The JSON object with a member before its own.
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
            // A filter that follows where a token points would get there.
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
            surprises.push(format!("{label}: {seen}, not {outcome}"));
        }
        *expected.entry(outcome.trim_start_matches("400 ")).or_default() += 1;
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(paths.verify("a good one after all that", world.good()).await, "passed");

    let refused = rows.len() as u64 - expected["passed"];
    assert!(refused > 200, "{refused} attacks");
    for stack in &paths.stacks {
        let stats = stack.envoy.stats().await;
        for reason in Reason::ALL.map(|reason| reason.to_string()) {
            let count = expected.get(reason.as_str()).copied().unwrap_or(0);
            assert_eq!(stats[&format!("wasmcustom.jwt_guard.denied.{reason}")], count, "{reason}");
        }
        assert_eq!(stack.upstream.count() as u64, expected["passed"] + 1);
        assert_eq!(stack.envoy.stat("http.http.downstream_rq_5xx").await, 0);
        assert_eq!(stack.issuer.requests().len(), 0);
        assert_no_crash(stack);
        assert_log_has_no_secrets(stack, &rows).await;
    }

    assert!(stranger.requests().is_empty(), "nobody asked the stranger: {:?}", stranger.requests());
    let asked = Request::new(stranger.address(), "GET", "/jwks").send().await;
    assert_eq!((asked.status, stranger.requests().len()), (200, 1), "who asks him gets his keys");
}

/// Every reason is logged, and with none of them a part of a token or what it says of a person. Few lines a second
/// are, so a token whose reason was not told is sent until it is.
async fn assert_log_has_no_secrets(stack: &Stack, rows: &[Row]) {
    let mut of_reason: BTreeMap<&str, &Row> = BTreeMap::new();
    let told = |row: &&Row| Reason::ALL.iter().any(|reason| reason.to_string() == row.expected);
    for row in rows.iter().filter(told) {
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
        assert!(!log.contains(secret), "the log has {secret}");
    }
    for Row { label, token, .. } in rows {
        // What a client calls a header, claims or a signature; shorter ones are names that may stand anywhere.
        let parts = token.split(|byte| *byte == b'.').filter(|part| part.len() > 30);
        for part in parts.filter_map(|part| std::str::from_utf8(part).ok()) {
            assert!(!log.contains(part), "{label}: the log has a part of the token");
        }
    }
}

/// With Envoy's own limits, a header of a mebibyte does not come as far as the filter.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_mebibyte_is_denied_by_envoy_or_the_filter() {
    let stack = Stack::with_plugin(plugin_with(json!({}))).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    let answer = stack.get_with("/", &"A".repeat(1 << 20)).await;
    assert_eq!(answer.status, 431);
    assert_eq!(stack.denied("too_long").await, 0);
    assert_eq!(stack.get_with("/", &"A".repeat(16_385)).await.status, 401);
    assert_eq!(stack.denied("too_long").await, 1);
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    assert_no_crash(&stack);
}
