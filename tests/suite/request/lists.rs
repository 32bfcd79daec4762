//! A source of a revocation list for tests.

use std::rc::Rc;
use std::time::Duration;

use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::request::{KeyLookup, RevocationSource};
use jwt_guard::revocation::{HashKey, RevocationList};
use serde_json::Value;

use super::fixture::Keys;

/// A source of a revocation list with configured results.
#[derive(Clone)]
pub struct List {
    pub current: Option<Rc<RevocationList>>,
    pub lookup: KeyLookup<RevocationList>,
    /// Whether a fetch failed.
    pub failed: bool,
}

impl List {
    /// No list, with that result of `sync_and_look_up_list`.
    pub fn none(lookup: KeyLookup<RevocationList>) -> Self {
        Self { current: None, lookup, failed: false }
    }
}

pub fn list(document: &Value) -> Rc<RevocationList> {
    let key = HashKey::from_bits([1, 2]);
    Rc::new(RevocationList::parse(document.to_string().as_bytes(), key).unwrap())
}

/// No list, and no fetch is pending or allowed.
pub const NO_LIST: List = List {
    current: None,
    lookup: KeyLookup::Unavailable { retry_after: Duration::from_millis(6500) },
    failed: true,
};

impl RevocationSource for Keys {
    fn current_list(&self, _: IssuerIndex) -> Option<Rc<RevocationList>> {
        self.list.current.clone()
    }

    fn sync_and_look_up_list(&self, _: IssuerIndex) -> KeyLookup<RevocationList> {
        self.list.lookup.clone()
    }

    fn list_fetch_failed(&self, _: IssuerIndex) -> bool {
        self.list.failed
    }
}
