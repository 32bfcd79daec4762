//! A token that was verified: what every later request with it may use again.

use std::rc::{Rc, Weak};

use crate::headers::EncodedHeaders;
use crate::jose::jwks::KeySet;
use crate::jose::rules::TokenRules;
use crate::policy::Identity;

/// What a verified token is worth: its identity with the headers made of it, and by which keys it was verified.
#[derive(Debug)]
pub struct CachedToken {
    encoded_headers: EncodedHeaders,
    /// Not kept alive by this; no other set of keys has its address as long as this is here.
    keys: Weak<KeySet>,
    kid: Option<String>,
}

impl CachedToken {
    /// Of a token whose signature those keys verified.
    pub(super) fn new(encoded_headers: EncodedHeaders, keys: &Rc<KeySet>, kid: Option<String>) -> Self {
        Self { encoded_headers, keys: Rc::downgrade(keys), kid }
    }

    /// Whether its issuer's keys are still the very set that verified it. A key that is gone from a newer set must
    /// not go on through what is remembered of it.
    pub(super) fn is_verified_by(&self, keys: &Rc<KeySet>, rules: &TokenRules) -> bool {
        let refused = self.kid.as_ref().is_some_and(|kid| rules.refused_kids.contains(kid));
        std::ptr::eq(self.keys.as_ptr(), Rc::as_ptr(keys)) && !refused
    }

    /// Who it speaks for.
    pub fn identity(&self) -> &Rc<Identity> {
        self.encoded_headers.identity()
    }

    /// Its headers.
    pub(super) fn encoded_headers(&self) -> &EncodedHeaders {
        &self.encoded_headers
    }

    /// The `kid` that it names.
    pub(super) fn kid(&self) -> Option<&String> {
        self.kid.as_ref()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.encoded_headers.bytes() + self.kid.as_ref().map_or(0, String::capacity)
    }
}
