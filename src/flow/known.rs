//! A cached token: the result of verification, which later requests with the same token reuse.

use std::rc::{Rc, Weak};

use crate::headers::Prepared;
use crate::jose::jwks::KeySet;
use crate::jose::rules::TokenRules;
use crate::policy::Identity;

/// A verified token's identity and encoded headers, and the keys that verified the token.
#[derive(Debug)]
pub struct Known {
    prepared: Prepared,
    /// A weak reference does not keep the keys alive, but it prevents the reuse of their address for another
    /// key set.
    keys: Weak<KeySet>,
    kid: Option<String>,
}

impl Known {
    /// Creates the entry for a token whose signature `keys` verified.
    pub(super) fn new(prepared: Prepared, keys: &Rc<KeySet>, kid: Option<String>) -> Self {
        Self { prepared, keys: Rc::downgrade(keys), kid }
    }

    /// Whether the token may still be accepted: `keys` are the very set that verified it, and its `kid` is not
    /// in `refused_kids`. A cached token must not outlive the removal of its key from the issuer's set.
    pub(super) fn stands_with(&self, keys: &Rc<KeySet>, rules: &TokenRules) -> bool {
        let refused = self.kid.as_ref().is_some_and(|kid| rules.refused_kids.contains(kid));
        std::ptr::eq(self.keys.as_ptr(), Rc::as_ptr(keys)) && !refused
    }

    /// The token's identity.
    pub fn identity(&self) -> &Rc<Identity> {
        self.prepared.identity()
    }

    /// The encoded claim headers.
    pub(super) fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The token's `kid`.
    pub(super) fn kid(&self) -> Option<&String> {
        self.kid.as_ref()
    }

    /// The memory used, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.prepared.bytes() + self.kid.as_ref().map_or(0, String::capacity)
    }
}
