//! Faults of the proxy and its clients under load: no wrong decision, no hang, no unexpected response, and no request
//! at the upstream that should have been denied.

mod bodies;
pub mod clock;
mod crash;
mod draining;
mod listeners;
mod memory;
mod modules;
mod slow_clients;
mod streams;
mod variant;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, SigningKey};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::harness::{Connection, Request, Response, Stack, plugin_with, wait_until};

pub use crash::fatal;
pub use variant::{ON_REQUEST, Variant};

/// The policy for the requests of [`kinds`].
pub fn policy(more: Value) -> Value {
    let mut plugin = plugin_with(json!({ "routes": [
        { "path": "/public/**", "allow_anonymous": true },
        { "path": "/admin/**", "requires_role": "admin" },
        { "path": "/closed", "deny": true },
    ] }));
    plugin.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    plugin
}

/// A kind of request with its expected outcome.
#[derive(Clone)]
pub struct Kind {
    pub label: &'static str,
    pub request: Request,
    /// The expected statuses.
    pub statuses: Vec<u16>,
    /// The expected `error` of a denial.
    pub error: &'static str,
}

impl Kind {
    fn new(label: &'static str, request: Request, status: u16, error: &'static str) -> Self {
        Self { label, request, statuses: vec![status], error }
    }
}

/// Requests of all kinds, each with a forged claim header.
pub fn kinds(stack: &Stack) -> Vec<Kind> {
    // An elliptic curve key is generated fast, and has another type than the issuer's key.
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("first");
    let good = stack.good_token();
    let admin = stack.token().claim("roles", json!(["admin"])).sign(&stack.key).unwrap();
    let expired = stack.token().expired_for(Duration::from_secs(600)).sign(&stack.key).unwrap();
    let forged = {
        let (message, _) = admin.rsplit_once('.').unwrap();
        let (_, signature) = good.rsplit_once('.').unwrap();
        format!("{message}.{signature}")
    };
    let strange = stack.token().sign(&stranger).unwrap();
    let get = |path: &str| stack.request("GET", path).header("x-auth-sub", "root");
    vec![
        Kind::new("good", get("/orders").bearer(&good), 200, ""),
        Kind::new("anonymous", get("/public/a"), 200, ""),
        Kind::new("admin", get("/admin/a").bearer(&admin), 200, ""),
        Kind::new("no token", get("/orders"), 401, "missing_token"),
        Kind::new("no role", get("/admin/a").bearer(&good), 403, "insufficient_scope"),
        Kind::new("closed", get("/closed").bearer(&admin), 403, "insufficient_scope"),
        Kind::new("expired", get("/orders").bearer(&expired), 401, "invalid_token"),
        Kind::new("forged", get("/admin/a").bearer(&forged), 401, "invalid_token"),
        Kind::new("another algorithm", get("/orders").bearer(&strange), 401, "invalid_token"),
        Kind::new("garbage", get("/orders").bearer("a.b"), 401, "invalid_token"),
    ]
}

/// The results of the requests of a [`Load`].
#[derive(Debug, Default)]
pub struct Tally {
    /// The number of responses by kind and status.
    answers: BTreeMap<(&'static str, u16), usize>,
    /// Unexpected responses.
    pub wrong: Vec<String>,
    /// The number of requests without a response because the proxy closed the connection.
    pub cut: usize,
}

impl Tally {
    pub fn count(&self, label: &str, status: u16) -> usize {
        self.answers.iter().filter(|(key, _)| **key == (label, status)).map(|(_, count)| count).sum()
    }

    pub fn all(&self) -> usize {
        self.answers.values().sum()
    }

    fn passed(&self) -> usize {
        self.answers.iter().filter(|((_, status), _)| *status == 200).map(|(_, count)| count).sum()
    }

    fn check(&mut self, kind: &Kind, id: &str, response: &Response) {
        *self.answers.entry((kind.label, response.status)).or_default() += 1;
        let status = response.status;
        let wrong = if !kind.statuses.contains(&status) {
            Some(format!("status {status}"))
        } else if status == 200 {
            let headers = response.json()["headers"].clone();
            let has = |name: &str, value: &str| {
                headers.as_array().unwrap().iter().any(|pair| pair == &json!([name, value]))
            };
            let identified = has("x-auth-sub", "user-1") != (kind.label == "anonymous");
            let right = has("x-id", id) && identified && !has("x-auth-sub", "root");
            (!right).then(|| format!("the upstream received {headers}"))
        } else {
            (!kind.error.is_empty() && response.error() != kind.error).then(|| response.error())
        };
        self.wrong.extend(wrong.map(|wrong| format!("{}: {wrong}", kind.label)));
    }
}

/// How long a connection is used. When Envoy replaces a filter chain, it closes the old connections at the end of the
/// drain time without notifying the clients, with or without this filter.
const CONNECTION_LIFETIME: Duration = Duration::from_millis(300);

/// A continuous load: each connection sends all kinds of requests in turn.
pub struct Load {
    done: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Tally>>,
}

impl Load {
    pub fn start(kinds: &[Kind], connections: usize) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let sender = |number| tokio::spawn(send(kinds.to_vec(), number, done.clone()));
        let senders = (0..connections).map(sender).collect();
        Self { done, senders }
    }

    pub async fn stop(self) -> Tally {
        self.done.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for sender in self.senders {
            let tally = sender.await.unwrap();
            for (key, count) in tally.answers {
                *all.answers.entry(key).or_default() += count;
            }
            all.wrong.extend(tally.wrong);
            all.cut += tally.cut;
        }
        all
    }

    /// Waits until that many more requests reached the upstream, so that the load has seen the previous change.
    pub async fn wait_for_more(&self, stack: &Stack, more: usize) {
        let before = stack.upstream.count();
        wait_until("more requests of the load reach the upstream", async || {
            stack.upstream.count() >= before + more
        })
        .await;
    }
}

async fn send(kinds: Vec<Kind>, sender: usize, done: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    let Some(first) = kinds.first() else { return tally };
    let open = async || (Connection::open(first.request.address()).await, Instant::now());
    let (mut connection, mut opened) = open().await;
    // Each sender starts with another kind.
    for (number, kind) in kinds.iter().cycle().skip(sender).enumerate() {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{sender}-{number}");
        let request = kind.request.clone().header("x-id", &id).to_bytes();
        connection.write_or_closed(&request).await;
        if !connection.is_answered().await {
            tally.cut += 1;
            (connection, opened) = open().await;
            continue;
        }
        let response = connection.response().await;
        tally.check(kind, &id, &response);
        if response.text("connection") == Some("close") || opened.elapsed() > CONNECTION_LIFETIME {
            (connection, opened) = open().await;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    tally
}

/// Asserts that no decision was wrong, no request was lost, and the upstream received exactly the allowed requests.
pub fn assert_right(stack: &Stack, tally: &Tally) {
    assert_right_but(stack, tally, 0);
}

/// Like [`assert_right`], but the responses of up to `lost` requests may be lost after they reached the upstream.
fn assert_right_but(stack: &Stack, tally: &Tally, lost: usize) {
    assert!(
        tally.wrong.is_empty(),
        "{} wrong: {:?}",
        tally.wrong.len(),
        &tally.wrong[..tally.wrong.len().min(5)]
    );
    assert_eq!(tally.cut, 0, "requests without a response");
    let seen = stack.upstream.seen();
    let of_load = seen.iter().filter(|seen| seen.has("x-id")).count();
    let passed = tally.passed();
    assert!(
        (passed..=passed + lost).contains(&of_load),
        "{of_load} requests arrived, {passed} passed, at most {lost} may be lost"
    );
    for seen in &seen {
        let expected = if seen.path.starts_with("/public/") { None } else { Some("user-1") };
        assert_eq!(seen.header("x-auth-sub"), expected, "{}", seen.path);
        assert_ne!(seen.path, "/closed");
    }
}

/// The number of requests that wait for keys.
async fn waiting(stack: &Stack) -> u64 {
    stack.envoy.stat("wasmcustom.jwt_guard.waiting").await
}

/// The number of lines of Envoy's log that contain the text.
pub fn lines(stack: &Stack, words: &str) -> usize {
    stack.envoy.log().lines().filter(|line| line.contains(words)).count()
}
