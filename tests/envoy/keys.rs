//! Keys: first fetch, refresh, rotation, unknown kids and outages, with one file per behaviour.

mod answers;
mod cold;
mod discovery;
mod expired;
mod faults;
mod nameless;
mod outage;
mod reconfiguration;
mod renewal;
mod reordered;
mod rotation;
mod shared_data;
mod tls;
mod unknown_kids;
mod waiting;

use std::time::Duration;

use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, SigningKey, compact};
use serde_json::{Value, json};

use crate::harness::Stack;

/// A key that the issuer has not published yet.
pub fn another(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::Rs256).unwrap().with_kid(kid)
}

/// A metric of an issuer's keys.
pub async fn figure(stack: &Stack, issuer: &str, figure: &str) -> u64 {
    stack.envoy.stat(&format!("wasmcustom.jwt_guard.jwks.{issuer}.{figure}")).await
}

/// The number of requests that wait for keys.
pub async fn waiting(stack: &Stack) -> u64 {
    stack.envoy.stat("wasmcustom.jwt_guard.waiting").await
}

/// An issuer `https://NAME.example`, whose keys are at `/NAME` of the mock issuer.
pub fn issuer(name: &str, members: Value) -> Value {
    let mut issuer = json!({
        "issuer": format!("https://{name}.example"),
        "name": name,
        "audience": AUDIENCE,
        "jwks_cluster": "issuer",
        "jwks_endpoint": format!("https://{name}.example/{name}"),
    });
    issuer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    issuer
}

/// A valid token of such an issuer.
pub fn token_of(stack: &Stack, name: &str) -> String {
    stack.token().issuer(&format!("https://{name}.example")).sign(&stack.key).unwrap()
}

/// A token with an unknown kid. It has no valid signature, because the signature is not verified.
pub fn made_up(stack: &Stack, kid: &str) -> String {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid }).to_string();
    compact(header.as_bytes(), stack.token().claims_json().as_bytes(), &[7; 256])
}

/// The number of lines of Envoy's log that contain the text.
pub fn lines(stack: &Stack, words: &str) -> usize {
    stack.envoy.log().lines().filter(|line| line.contains(words)).count()
}

/// Asserts that no VM has crashed.
pub fn assert_no_crash(stack: &Stack) {
    for words in ["panicked", "wasm failed", "Wasm VM failed", "runtime error", "[critical]"] {
        assert!(!stack.envoy.log_contains(words), "the log contains {words:?}");
    }
}

/// A duration as seconds, for messages.
fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
