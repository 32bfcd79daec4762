//! Cached tokens: the checks that run again for each request with a cached token.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::http::HeaderMap;
use jwt_guard::jose::algorithm::{SignatureCheck, Verifier, WasmVerifier};
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::request::{self, Annotations, AuthContext, CachedToken, Metadata, Request, Wait};
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use serde_json::json;

use super::fixture::{
    Keys, NOW, TestRequest, UNAVAILABLE, config, describe, get, good, key, other_key, published, token,
};

fn with(keys: &Rc<KeySet>) -> Keys {
    Keys { current: Some(Rc::clone(keys)), ..Keys::available() }
}

/// A worker with a token cache.
struct Worker {
    cache: TokenCache<CachedToken>,
    keys: Rc<KeySet>,
}

impl Worker {
    fn new(entries: usize) -> Self {
        Self { cache: TokenCache::new(entries), keys: published([key()]) }
    }

    fn describe(&self, request: &TestRequest, members: serde_json::Value, now: UnixTime) -> String {
        describe(&request.decide(&config(members), &with(&self.keys), &self.cache, now, Wait::Allowed))
    }
}

#[test]
fn a_cached_token_is_not_verified_again() {
    struct Counting(Cell<u32>);
    impl Verifier for Counting {
        fn verify(&self, check: &SignatureCheck<'_>) -> bool {
            self.0.set(self.0.get() + 1);
            WasmVerifier.verify(check)
        }
    }
    for (entries, expected) in [(0, 6), (1, 4), (1024, 2)] {
        let (cache, counting) = (TokenCache::new(entries), Counting(Cell::new(0)));
        let (config, keys) = (config(json!({})), with(&published([key()])));
        let tokens = [good(), token().subject("user-2").sign(key()).unwrap()];
        for (token, subject) in
            [(0, "user-1"), (0, "user-1"), (1, "user-2"), (1, "user-2"), (0, "user-1"), (1, "user-2")]
        {
            let value = format!("Bearer {}", tokens[token]);
            let headers =
                [(":authority", "a"), (":method", "GET"), (":path", "/"), ("authorization", &value)];
            let headers: HeaderMap = headers.into_iter().collect();
            let request = Request {
                headers: &headers,
                metadata: Metadata::Absent,
                annotations: Annotations::default(),
            };
            let with = AuthContext::new(&config, &keys, &counting, &cache, NOW, Wait::Allowed);
            let decision = request::decide(&with, &request);
            assert_eq!(describe(&decision.into()), subject, "{entries} entries");
        }
        assert_eq!(counting.0.get(), expected, "{entries} entries");
    }
}

#[test]
fn requirements_are_checked_for_a_cached_token() {
    let worker = Worker::new(8);
    let members = || {
        json!({ "routes": [
        { "path": "/admin", "requires_role": "admin" },
        { "path": "/nobody", "deny": true },
        { "path": "/open", "allow_anonymous": true },
    ] })
    };
    let request = |path: &str| get(path).bearer(&good());
    for _ in 0..2 {
        assert_eq!(worker.describe(&request("/"), members(), NOW), "user-1");
        assert_eq!(worker.describe(&request("/admin"), members(), NOW), "403 role");
        assert_eq!(worker.describe(&request("/nobody"), members(), NOW), "403 denied");
        assert_eq!(worker.describe(&request("/open"), members(), NOW), "anonymous");
    }
}

#[test]
fn a_cached_token_expires() {
    let worker = Worker::new(8);
    let request = get("/").bearer(&good());
    let later = NOW.saturating_add(Duration::from_secs(10 * 86_400));
    assert_eq!(worker.describe(&request, json!({}), NOW), "user-1");
    assert_eq!(worker.describe(&request, json!({}), later), "401 expired");
    // A clock that was set back.
    assert_eq!(worker.describe(&request, json!({}), NOW), "user-1");
    assert_eq!(
        worker.describe(&request, json!({}), NOW.saturating_sub(Duration::from_secs(86_400))),
        "401 not_yet_valid"
    );
}

#[test]
fn a_cached_token_is_invalid_without_its_key() {
    let mut worker = Worker::new(8);
    let request = get("/").bearer(&good());
    assert_eq!(worker.describe(&request, json!({}), NOW), "user-1");
    // The key was removed.
    worker.keys = published([other_key()]);
    assert_eq!(worker.describe(&request, json!({}), NOW), "401 unknown_kid");
    // Another key has the same kid.
    worker.keys = published([&other_key().clone().with_kid("first")]);
    assert_eq!(worker.describe(&request, json!({}), NOW), "401 signature");
    worker.keys = published([key(), other_key()]);
    assert_eq!(worker.describe(&request, json!({}), NOW), "user-1");
    // Without any keys, a cached token does not pass.
    let none = Keys { current: None, ..Keys::none(UNAVAILABLE) };
    let step = request.decide(&config(json!({})), &none, &worker.cache, NOW, Wait::Allowed);
    assert_eq!(describe(&step), "503 no_keys");
}

#[test]
fn a_cached_token_is_compared_to_the_last_byte() {
    let worker = Worker::new(8);
    let good = good();
    assert_eq!(worker.describe(&get("/").bearer(&good), json!({}), NOW), "user-1");
    for at in [0, good.len() / 2, good.len() - 100, good.len() - 20] {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let answer = worker.describe(&get("/").bearer(&changed), json!({}), NOW);
        assert!(answer.starts_with("401 "), "byte {at}: {answer}");
    }
    let longer = worker.describe(&get("/").bearer(&format!("{good}A")), json!({}), NOW);
    assert!(longer.starts_with("401 "), "{longer}");
    assert_eq!(worker.describe(&get("/").bearer(&good), json!({}), NOW), "user-1");
}
