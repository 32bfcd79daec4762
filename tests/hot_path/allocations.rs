//! Counts the allocations of the core per request.

use std::rc::Rc;

use jwt_guard::config::Config;
use jwt_guard::http::HeaderMap;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::keys::RefreshReason;
use jwt_guard::request::{
    self, Annotations, AuthContext, CachedToken, KeyLookup, KeySource, Metadata, Request, Wait,
};
use jwt_guard::token_cache::TokenCache;
use serde_json::json;

use crate::requests::{NOW, configuration, get, good, keys, large, roleless};

struct Keys(Rc<KeySet>);

impl KeySource for Keys {
    fn current(&self, _: IssuerIndex) -> Option<Rc<KeySet>> {
        Some(Rc::clone(&self.0))
    }

    fn sync_and_look_up(&self, _: IssuerIndex, _: RefreshReason) -> KeyLookup {
        KeyLookup::Unavailable { retry_after: std::time::Duration::ZERO }
    }
}

/// The core with a token cache and all its inputs.
struct Core {
    config: Config,
    keys: Keys,
    cache: TokenCache<CachedToken>,
}

impl Core {
    fn new() -> Self {
        let config = Config::parse(configuration(json!({})).as_bytes()).unwrap();
        let cache = TokenCache::new(config.token_cache_entries);
        Self { config, keys: Keys(keys()), cache }
    }

    fn decide(&self, headers: &HeaderMap) {
        let request = Request { headers, metadata: Metadata::Absent, annotations: Annotations::default() };
        let wait = Wait::Allowed;
        let with = AuthContext::new(&self.config, &self.keys, &WasmVerifier, &self.cache, NOW, wait);
        drop(request::decide(&with, &request));
    }

    /// The allocations of a request after equal requests.
    fn allocations(&self, headers: &HeaderMap) -> u64 {
        self.decide(headers);
        allocation_counter::measure(|| self.decide(headers)).count_total
    }
}

/// Each row is an exact count. If a request allocates less, lower its row.
#[test]
fn what_a_request_allocates() {
    let core = Core::new();
    let (good, large, roleless) = (good(), large(), roleless());
    let rows = [
        ("cached token", "/orders/42", Some(&good), 3),
        ("cached token, 4 KB", "/orders/42", Some(&large), 3),
        ("denied, cached token", "/orders/42", Some(&roleless), 3),
        ("anonymous route", "/open", None, 0),
        ("no token", "/orders/42", None, 3),
    ];
    let counted = rows.map(|(label, path, token, _)| {
        (label, core.allocations(&get(path, token.map(String::as_str)).into_iter().collect()))
    });
    let expected = rows.map(|(label, _, _, bound)| (label, bound));
    assert_eq!(counted, expected);
}
