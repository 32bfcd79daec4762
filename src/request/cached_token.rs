//! A cached token: the result of verification, which later requests with the same token reuse.

use std::rc::{Rc, Weak};

use crate::confirmation::{Binding, ConfirmationError};
use crate::headers::EncodedHeaders;
use crate::jose::jwks::KeySet;
use crate::jose::rules::TokenRules;
use crate::policy::Identity;

/// A verified token's identity and encoded headers, and the keys that verified the token.
#[derive(Debug)]
pub struct CachedToken {
    encoded_headers: EncodedHeaders,
    /// A weak reference does not keep the keys alive, but it prevents the reuse of their address for another
    /// key set.
    keys: Weak<KeySet>,
    kid: Option<String>,
    binding: Result<Binding, ConfirmationError>,
}

impl CachedToken {
    /// Creates the entry for a token whose signature `keys` verified.
    pub(super) fn new(
        encoded_headers: EncodedHeaders,
        keys: &Rc<KeySet>,
        kid: Option<String>,
        binding: Result<Binding, ConfirmationError>,
    ) -> Self {
        Self { encoded_headers, keys: Rc::downgrade(keys), kid, binding }
    }

    /// Whether the token may still be accepted: `keys` are the very set that verified it, and its `kid` is not
    /// in `refused_kids`. A cached token must not outlive the removal of its key from the issuer's set.
    pub(super) fn is_verified_by(&self, keys: &Rc<KeySet>, rules: &TokenRules) -> bool {
        let refused = self.kid.as_ref().is_some_and(|kid| rules.refused_kids.contains(kid));
        std::ptr::eq(self.keys.as_ptr(), Rc::as_ptr(keys)) && !refused
    }

    /// The token's identity.
    pub fn identity(&self) -> &Rc<Identity> {
        self.encoded_headers.identity()
    }

    /// The encoded claim headers.
    pub(super) fn encoded_headers(&self) -> &EncodedHeaders {
        &self.encoded_headers
    }

    /// The token's `kid`.
    pub(super) fn kid(&self) -> Option<&String> {
        self.kid.as_ref()
    }

    /// The keys that the token is bound to, or why its `cnf` is refused.
    pub(super) fn binding(&self) -> &Result<Binding, ConfirmationError> {
        &self.binding
    }

    /// The memory used, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.encoded_headers.bytes() + self.kid.as_ref().map_or(0, String::capacity)
    }
}
