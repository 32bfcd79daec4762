//! One issuer, one upstream and one Envoy a test, on free ports: any number can run at once.
//!
//! [`Stack::builder`] starts them; dropping the [`Stack`] ends them. The issuer and the upstream live in the test's
//! own process, so a test sets what they answer and reads what they saw. Envoy runs with a configuration made by
//! [`Bootstrap`], and a failing test prints the end of its log.

#![allow(dead_code, unused_imports, reason = "a kit: not every test needs every tool")]

mod bootstrap;
mod dns;
mod envoy;
mod prometheus;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey, Token, shared_key};
use serde_json::{Value, json};

pub use bootstrap::{Bootstrap, CLAIM_HEADERS, ConfigAs, REASONS_LOG, cluster, look_up, typed};
pub use dns::NameServer;
pub use envoy::{Envoy, Refused};
pub use jwt_guard_testkit::client::{Connection, H2Client, H2Response, Request, Response, TIMEOUT};
pub use jwt_guard_testkit::issuer::{Answer, Issuer, JWKS_PATH};
pub use jwt_guard_testkit::upstream::{Seen, Upstream};
pub use jwt_guard_testkit::{now, repository as root};
pub use prometheus::{Prometheus, Target};
pub use tls::Authority;

/// The smallest plugin configuration: [`ISSUER`], [`AUDIENCE`] and the issuer's cluster. Tests add keys to it.
pub fn plugin() -> Value {
    json!({ "issuer": ISSUER, "audience": AUDIENCE, "jwks_cluster": "issuer" })
}

/// [`plugin`] with those members added or replaced.
pub fn plugin_with(members: Value) -> Value {
    let mut plugin = plugin();
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    plugin.as_object_mut().unwrap().extend(members);
    plugin
}

/// Polls until it holds; panics with `what` when patience ends.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(TIMEOUT, waiting).await.is_ok(), "waited {TIMEOUT:?} in vain until {what}");
}

/// Issuer, upstream and Envoy.
///
/// Fields are dropped in this order: Envoy goes first, so that it logs no failures of the others.
pub struct Stack {
    pub envoy: Envoy,
    pub issuer: Issuer,
    pub upstream: Upstream,
    /// The key that the issuer published at the start, RS256 with the kid `first`.
    pub key: SigningKey,
    bootstrap: Bootstrap,
}

/// What to start.
pub struct StackBuilder {
    bootstrap: Bootstrap,
    keys: Option<Vec<SigningKey>>,
    issuer_up: bool,
    change_answer: Option<fn(Answer) -> Answer>,
    paths: Vec<(String, Answer)>,
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Stack {
    /// Nothing but defaults: one worker, no filter, an issuer that publishes one RS256 key.
    pub fn builder() -> StackBuilder {
        StackBuilder {
            bootstrap: Bootstrap::new(),
            keys: None,
            issuer_up: true,
            change_answer: None,
            paths: vec![],
            tls: None,
        }
    }

    /// A stack whose filter has that configuration.
    pub async fn with_plugin(plugin: Value) -> Self {
        Self::builder().plugin(plugin).start().await
    }

    /// A token that passes, before it is signed.
    pub fn token(&self) -> Token {
        Token::new(now())
    }

    /// A token that passes, signed by [`key`](Self::key).
    pub fn good_token(&self) -> String {
        self.token().sign(&self.key).unwrap()
    }

    /// A request to Envoy over HTTP/1.1; `.send().await` sends it.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.envoy.address(), method, path)
    }

    /// GET without a token.
    pub async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await
    }

    /// GET with that token as Bearer.
    pub async fn get_with(&self, path: &str, token: &str) -> Response {
        self.request("GET", path).bearer(token).send().await
    }

    /// How often requests were denied for that reason.
    pub async fn denied(&self, reason: &str) -> u64 {
        self.envoy.stat(&format!("wasmcustom.jwt_guard.denied.{reason}")).await
    }

    /// How often report-only or a shadow would have denied for that reason.
    pub async fn would_deny(&self, reason: &str) -> u64 {
        self.envoy.stat(&format!("wasmcustom.jwt_guard.would_deny.{reason}")).await
    }

    /// A connection for bytes that no client library would send.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.envoy.address()).await
    }

    /// An HTTP/2 connection.
    pub async fn h2(&self) -> H2Client {
        H2Client::open(self.envoy.address()).await
    }

    /// What it was started with, to be changed and handed to [`Envoy::reconfigure`].
    pub fn bootstrap(&self) -> Bootstrap {
        self.bootstrap.clone()
    }

    /// Where Envoy listens.
    pub fn address(&self) -> SocketAddr {
        self.envoy.address()
    }
}

impl StackBuilder {
    /// The filter's configuration. Without it there is no filter.
    pub fn plugin(mut self, plugin: Value) -> Self {
        self.bootstrap.plugin = Some(plugin);
        self
    }

    /// How the configuration reaches the filter; a Struct unless told otherwise.
    pub fn config_as(mut self, form: ConfigAs) -> Self {
        self.bootstrap.config_as = form;
        self
    }

    /// Anything else about Envoy's configuration.
    pub fn envoy(mut self, change: impl FnOnce(&mut Bootstrap)) -> Self {
        change(&mut self.bootstrap);
        self
    }

    /// Worker threads of Envoy; one unless told otherwise.
    pub fn workers(mut self, workers: u32) -> Self {
        self.bootstrap.workers = workers;
        self
    }

    /// The keys that the issuer publishes; the first becomes [`Stack::key`].
    pub fn keys(mut self, keys: impl IntoIterator<Item = SigningKey>) -> Self {
        self.keys = Some(keys.into_iter().collect());
        self
    }

    /// The issuer refuses connections until [`Issuer::up`].
    pub fn issuer_down(mut self) -> Self {
        self.issuer_up = false;
        self
    }

    /// Changes the issuer's answer with its keys before Envoy first asks for it, as by [`Answer::held`].
    pub fn issuer_answers(mut self, change: fn(Answer) -> Answer) -> Self {
        self.change_answer = Some(change);
        self
    }

    /// The listeners come from a file, so that [`Envoy::reconfigure`] can change them.
    pub fn reconfigurable(mut self) -> Self {
        self.bootstrap.reconfigurable = true;
        self
    }

    /// What the issuer answers at another path, before Envoy first asks for it.
    pub fn issuer_path(mut self, path: &str, answer: Answer) -> Self {
        self.paths.push((path.to_owned(), answer));
        self
    }

    /// The issuer speaks TLS. Its cluster must be told: [`Bootstrap::issuer_cluster`].
    pub fn issuer_tls(mut self, tls: tokio_rustls::TlsAcceptor) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Starts all three and returns when Envoy serves.
    pub async fn start(self) -> Stack {
        let (issuer, upstream, key) = self.servers().await;
        let envoy = Envoy::start(&self.bootstrap, issuer.address(), upstream.address()).await;
        Stack { envoy, issuer, upstream, key, bootstrap: self.bootstrap }
    }

    /// Starts an Envoy that must not come up, and returns what it logged on its way out. Panics when it serves.
    pub async fn start_rejected(self) -> Refused {
        let (issuer, upstream, _) = self.servers().await;
        Envoy::start_rejected(&self.bootstrap, issuer.address(), upstream.address()).await
    }

    async fn servers(&self) -> (Issuer, Upstream, SigningKey) {
        let keys = self.keys.clone().unwrap_or_else(|| vec![first_key().clone()]);
        let issuer = self.tls.clone().map_or_else(Issuer::reserve, Issuer::reserve_tls);
        issuer.publish(&keys);
        for (path, answer) in &self.paths {
            issuer.answer(path, answer.clone());
        }
        if let Some(change) = self.change_answer {
            issuer.answer(JWKS_PATH, change(Answer::keys(&keys)));
        }
        if self.issuer_up {
            issuer.up().await;
        }
        let key = keys.into_iter().next().expect("an issuer has at least one key");
        (issuer, Upstream::start().await, key)
    }
}

/// One for all tests of a run: making an RSA key takes longer than starting an Envoy.
fn first_key() -> &'static SigningKey {
    shared_key(Algorithm::Rs256, "first")
}

/// Envoy must refuse to start with that plugin configuration, in both forms, and log all those words.
pub async fn expect_rejected_start(plugin: Value, words: &[&str]) {
    for form in [ConfigAs::Struct, ConfigAs::Text] {
        let refused = Stack::builder().plugin(plugin.clone()).config_as(form.clone()).start_rejected().await;
        for word in words {
            assert!(refused.log.contains(word), "as {form:?}, the log lacks {word:?}:\n{}", refused.tail());
        }
    }
}
