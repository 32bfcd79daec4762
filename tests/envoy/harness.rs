//! One issuer, one upstream and one Envoy per test, on free ports, so that tests can run concurrently.
//!
//! [`Stack::builder`] starts them, and dropping the [`Stack`] stops them. The issuer and the upstream run in the test's
//! process, so a test can set their responses and read the requests that they received. Envoy runs with a configuration
//! from [`Bootstrap`]. A failing test prints the end of Envoy's log.

#![allow(dead_code, unused_imports, reason = "shared helpers: not every test uses all of them")]

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
pub use tls::{Authority, ClientCertificate, Protocol, TlsClient, Version};

/// The minimal plugin configuration: [`ISSUER`], [`AUDIENCE`] and the issuer's cluster.
pub fn plugin() -> Value {
    json!({ "issuer": ISSUER, "audience": AUDIENCE, "jwks_cluster": "issuer" })
}

/// [`plugin`] with members added or replaced.
pub fn plugin_with(members: Value) -> Value {
    let mut plugin = plugin();
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    plugin.as_object_mut().unwrap().extend(members);
    plugin
}

/// Polls until the condition holds; panics with `what` after a timeout.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(
        tokio::time::timeout(TIMEOUT, waiting).await.is_ok(),
        "timeout after {TIMEOUT:?} while waiting until {what}"
    );
}

/// Issuer, upstream and Envoy.
///
/// Fields are dropped in this order: Envoy stops first, so that it logs no failures of the others.
pub struct Stack {
    pub envoy: Envoy,
    pub issuer: Issuer,
    pub upstream: Upstream,
    /// The key that the issuer published at the start, RS256 with the kid `first`.
    pub key: SigningKey,
    bootstrap: Bootstrap,
}

/// The options of a [`Stack`].
pub struct StackBuilder {
    bootstrap: Bootstrap,
    keys: Option<Vec<SigningKey>>,
    issuer_up: bool,
    change_answer: Option<fn(Answer) -> Answer>,
    paths: Vec<(String, Answer)>,
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Stack {
    /// The defaults: one worker, no filter, an issuer that publishes one RS256 key.
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

    /// A stack whose filter has this configuration.
    pub async fn with_plugin(plugin: Value) -> Self {
        Self::builder().plugin(plugin).start().await
    }

    /// A valid token, before it is signed.
    pub fn token(&self) -> Token {
        Token::new(now())
    }

    /// A valid token, signed by [`key`](Self::key).
    pub fn good_token(&self) -> String {
        self.token().sign(&self.key).unwrap()
    }

    /// A request to Envoy over HTTP/1.1; `.send().await` sends it.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.envoy.address(), method, path)
    }

    /// Sends a GET without a token.
    pub async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await
    }

    /// Sends a GET with a bearer token.
    pub async fn get_with(&self, path: &str, token: &str) -> Response {
        self.request("GET", path).bearer(token).send().await
    }

    /// The number of requests denied with that reason, without those of the last half second.
    pub async fn denied(&self, reason: &str) -> u64 {
        self.envoy.stat(&format!("wasmcustom.jwt_guard.denied.{reason}")).await
    }

    /// The number of requests that report-only mode or a shadow would have denied with that reason, without those of the
    /// last half second.
    pub async fn would_deny(&self, reason: &str) -> u64 {
        self.envoy.stat(&format!("wasmcustom.jwt_guard.would_deny.{reason}")).await
    }

    /// Waits until that many requests were denied with that reason, and asserts that there are no more.
    pub async fn counted_denied(&self, reason: &str, count: u64) {
        self.envoy.counted(&format!("wasmcustom.jwt_guard.denied.{reason}"), count).await;
    }

    /// Waits until report-only mode or a shadow would have denied that many requests with that reason, and asserts that
    /// there are no more.
    pub async fn counted_would_deny(&self, reason: &str, count: u64) {
        self.envoy.counted(&format!("wasmcustom.jwt_guard.would_deny.{reason}"), count).await;
    }

    /// A connection for arbitrary bytes.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.envoy.address()).await
    }

    /// An HTTP/2 connection.
    pub async fn h2(&self) -> H2Client {
        H2Client::open(self.envoy.address()).await
    }

    /// The configuration at the start, which a test can change and pass to [`Envoy::reconfigure`].
    pub fn bootstrap(&self) -> Bootstrap {
        self.bootstrap.clone()
    }

    /// The address of Envoy's listener.
    pub fn address(&self) -> SocketAddr {
        self.envoy.address()
    }
}

impl StackBuilder {
    /// Sets the filter's configuration. Without it, Envoy runs without the filter.
    pub fn plugin(mut self, plugin: Value) -> Self {
        self.bootstrap.plugin = Some(plugin);
        self
    }

    /// Sets the form of the filter's configuration; a Struct by default.
    pub fn config_as(mut self, form: ConfigAs) -> Self {
        self.bootstrap.config_as = form;
        self
    }

    /// Changes any other part of Envoy's configuration.
    pub fn envoy(mut self, change: impl FnOnce(&mut Bootstrap)) -> Self {
        change(&mut self.bootstrap);
        self
    }

    /// Sets the number of Envoy's worker threads; one by default.
    pub fn workers(mut self, workers: u32) -> Self {
        self.bootstrap.workers = workers;
        self
    }

    /// Sets the keys that the issuer publishes; the first becomes [`Stack::key`].
    pub fn keys(mut self, keys: impl IntoIterator<Item = SigningKey>) -> Self {
        self.keys = Some(keys.into_iter().collect());
        self
    }

    /// The issuer refuses connections until [`Issuer::up`].
    pub fn issuer_down(mut self) -> Self {
        self.issuer_up = false;
        self
    }

    /// Changes the issuer's JWKS response before Envoy's first fetch, for example with [`Answer::held`].
    pub fn issuer_answers(mut self, change: fn(Answer) -> Answer) -> Self {
        self.change_answer = Some(change);
        self
    }

    /// Loads the listeners from a file, so that [`Envoy::reconfigure`] can change them.
    pub fn reconfigurable(mut self) -> Self {
        self.bootstrap.reconfigurable = true;
        self
    }

    /// Sets the issuer's response at another path before Envoy's first request.
    pub fn issuer_path(mut self, path: &str, answer: Answer) -> Self {
        self.paths.push((path.to_owned(), answer));
        self
    }

    /// The issuer uses TLS. [`Bootstrap::issuer_cluster`] must be set accordingly.
    pub fn issuer_tls(mut self, tls: tokio_rustls::TlsAcceptor) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Starts issuer, upstream and Envoy, and returns when Envoy is ready.
    pub async fn start(self) -> Stack {
        let (issuer, upstream, key) = self.servers().await;
        let envoy = Envoy::start(&self.bootstrap, issuer.address(), upstream.address()).await;
        Stack { envoy, issuer, upstream, key, bootstrap: self.bootstrap }
    }

    /// Starts an Envoy that must reject its configuration, and returns its log. Panics if Envoy starts.
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
        let key = keys.into_iter().next().expect("the issuer needs at least one key");
        (issuer, Upstream::start().await, key)
    }
}

/// One key for all tests of a run: generating an RSA key takes longer than starting Envoy.
fn first_key() -> &'static SigningKey {
    shared_key(Algorithm::Rs256, "first")
}

/// Asserts that Envoy rejects the plugin configuration in both forms and logs all the given texts.
pub async fn expect_rejected_start(plugin: Value, words: &[&str]) {
    for form in [ConfigAs::Struct, ConfigAs::Text] {
        let refused = Stack::builder().plugin(plugin.clone()).config_as(form.clone()).start_rejected().await;
        for word in words {
            assert!(refused.log.contains(word), "as {form:?}, the log lacks {word:?}:\n{}", refused.tail());
        }
    }
}
