//! Tests of the root context and its requests with a test double of the host, on virtual time.
//!
//! Callbacks are called directly on the types, not through trait objects: the default methods of the SDK's
//! traits call host functions that exist only in wasm.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test and shows the place; clippy recognizes only #[test] functions as tests"
)]

mod configuration;
mod double;
mod fetches;
mod parked;
mod requests;
mod revocation;

use std::time::Duration;

use jwt_guard::report::Level;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SUBJECT, SigningKey, Token, key_set, shared_key};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::Action;
use serde_json::{Value, json};

use crate::filter::Filter;
use crate::root::Root;
use double::{CALL, Double, QUEUE, ROOT};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const REQUEST: u32 = 10;

/// The key that the issuer publishes.
fn key() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "first")
}

fn other_key() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "second")
}

fn good() -> String {
    Token::new(NOW).sign(key()).unwrap()
}

/// A configuration with fetched keys and these additional members.
fn configuration(members: Value) -> String {
    let mut configuration = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "jwks_cluster": "issuer", "accepted_algorithms": "ES256",
    });
    configuration.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    configuration.to_string()
}

/// A host and its configured root context.
struct Vm {
    host: Double,
    root: Root<Double>,
}

impl Vm {
    fn start(members: Value) -> Self {
        Self::on(Double::new(&configuration(members), NOW))
    }

    fn on(host: Double) -> Self {
        let mut root = Root::new(ROOT, host.clone());
        assert!(root.on_configure(0), "{:?}", host.take_log());
        Self { host, root }
    }

    /// A VM that has fetched the issuer's keys.
    fn warm(members: Value) -> Self {
        let mut vm = Self::start(members);
        vm.tick();
        vm.respond("200", &key_set([key()]));
        vm.host.take_done();
        vm.host.take_log();
        vm
    }

    fn tick(&mut self) {
        self.host.context.set(ROOT);
        self.root.on_tick();
    }

    /// The value of a counter of requests after a tick, which brings it up to date.
    fn counter(&mut self, name: &str) -> i64 {
        self.tick();
        self.host.metric(name)
    }

    /// Delivers the issuer's response to the fetch.
    fn respond(&mut self, status: &str, body: &Value) {
        let body = body.to_string().into_bytes();
        let length = body.len();
        *self.host.response.borrow_mut() = ([(":status", status)].into_iter().collect(), body);
        self.host.context.set(ROOT);
        self.root.on_http_call_response(CALL, 1, length, 0);
    }

    /// Starts a request.
    fn begin(&self, context: u32, token: Option<&str>) -> (Filter<Double>, Action) {
        let mut headers =
            vec![(":method".to_owned(), b"GET".to_vec()), (":path".to_owned(), b"/orders".to_vec())];
        headers
            .extend(token.map(|token| ("authorization".to_owned(), format!("Bearer {token}").into_bytes())));
        self.host.requests.borrow_mut().insert(context, headers.into_iter().collect());
        self.host.context.set(context);
        let mut filter = self.root.filter(context);
        let action = filter.on_http_request_headers(0, true);
        (filter, action)
    }

    /// Drops a request's context, as the host does.
    fn end(&self, context: u32, filter: Filter<Double>) {
        self.host.requests.borrow_mut().remove(&context);
        drop(filter);
    }
}
