//! Tokens that were verified before: what is judged again for each request that brings one.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::http::HeaderMap;
use jwt_guard::jose::algorithm::{SignatureCheck, Verifier, WasmVerifier};
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::request::{self, CachedToken, Metadata, Request, Wait};
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use serde_json::json;

use super::fixture::{Ask, HOPELESS, Keys, NOW, config, get, good, key, other_key, published, token, told};

fn with(keys: &Rc<KeySet>) -> Keys {
    Keys { current: Some(Rc::clone(keys)), ..Keys::there() }
}

/// The decisions of one worker whose cache remembers what it verified.
struct Worker {
    cache: TokenCache<CachedToken>,
    keys: Rc<KeySet>,
}

impl Worker {
    fn new(entries: usize) -> Self {
        Self { cache: TokenCache::new(entries), keys: published([key()]) }
    }

    fn told(&self, ask: &Ask, members: serde_json::Value, now: UnixTime) -> String {
        told(&ask.decide(&config(members), &with(&self.keys), &self.cache, now, Wait::Allowed))
    }
}

#[test]
fn a_token_that_was_verified_is_not_verified_again() {
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
            let request = Request { headers: &headers, metadata: Metadata::Absent };
            let decision = request::decide(&config, &request, &keys, &counting, &cache, NOW, Wait::Allowed);
            assert_eq!(told(&decision.into()), subject, "{entries} entries");
        }
        assert_eq!(counting.0.get(), expected, "{entries} entries");
    }
}

#[test]
fn what_the_route_asks_is_asked_of_a_remembered_token() {
    let worker = Worker::new(8);
    let members = || {
        json!({ "routes": [
        { "path": "/admin", "requires_role": "admin" },
        { "path": "/nobody", "deny": true },
        { "path": "/open", "allow_anonymous": true },
    ] })
    };
    let ask = |path: &str| get(path).bearer(&good());
    for _ in 0..2 {
        assert_eq!(worker.told(&ask("/"), members(), NOW), "user-1");
        assert_eq!(worker.told(&ask("/admin"), members(), NOW), "403 role");
        assert_eq!(worker.told(&ask("/nobody"), members(), NOW), "403 denied");
        assert_eq!(worker.told(&ask("/open"), members(), NOW), "anonymous");
    }
}

#[test]
fn a_remembered_token_expires() {
    let worker = Worker::new(8);
    let ask = get("/").bearer(&good());
    let later = NOW.saturating_add(Duration::from_secs(10 * 86_400));
    assert_eq!(worker.told(&ask, json!({}), NOW), "user-1");
    assert_eq!(worker.told(&ask, json!({}), later), "401 expired");
    // A clock that was put back.
    assert_eq!(worker.told(&ask, json!({}), NOW), "user-1");
    assert_eq!(
        worker.told(&ask, json!({}), NOW.saturating_sub(Duration::from_secs(86_400))),
        "401 not_yet_valid"
    );
}

#[test]
fn a_remembered_token_goes_with_its_key() {
    let mut worker = Worker::new(8);
    let ask = get("/").bearer(&good());
    assert_eq!(worker.told(&ask, json!({}), NOW), "user-1");
    // The key is gone.
    worker.keys = published([other_key()]);
    assert_eq!(worker.told(&ask, json!({}), NOW), "401 unknown_kid");
    // It is another one under the same kid.
    worker.keys = published([&other_key().clone().with_kid("first")]);
    assert_eq!(worker.told(&ask, json!({}), NOW), "401 signature");
    worker.keys = published([key(), other_key()]);
    assert_eq!(worker.told(&ask, json!({}), NOW), "user-1");
    // No keys at all: what is remembered is no key.
    let none = Keys { current: None, ..Keys::none(HOPELESS) };
    let step = ask.decide(&config(json!({})), &none, &worker.cache, NOW, Wait::Allowed);
    assert_eq!(told(&step), "503 no_keys");
}

#[test]
fn a_remembered_token_is_that_token_to_the_last_byte() {
    let worker = Worker::new(8);
    let good = good();
    assert_eq!(worker.told(&get("/").bearer(&good), json!({}), NOW), "user-1");
    for at in [0, good.len() / 2, good.len() - 100, good.len() - 20] {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let answer = worker.told(&get("/").bearer(&changed), json!({}), NOW);
        assert!(answer.starts_with("401 "), "byte {at}: {answer}");
    }
    let longer = worker.told(&get("/").bearer(&format!("{good}A")), json!({}), NOW);
    assert!(longer.starts_with("401 "), "{longer}");
    assert_eq!(worker.told(&get("/").bearer(&good), json!({}), NOW), "user-1");
}
