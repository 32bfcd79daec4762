//! The documents that are fetched: key sets and revocation lists. This file has everything in which they differ.

use std::fmt::Debug;
use std::time::Duration;

use super::fetch_error::{FetchError, MAX_BYTES};
use super::fetch_event::FetchEvent;
use super::requested::RequestedDocument;
use crate::issuer_index::IssuerIndex;
use crate::jose::error::KeySetError;
use crate::jose::json::JsonError;
use crate::jose::jwks::{KeySet, ParsedKeySet, SkippedKey};
use crate::revocation::{HashKey, ListError, MAX_LIST_BYTES, RevocationList};

/// The kind of a fetched document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// The key set of an issuer.
    Keys,
    /// The revocation list of an issuer.
    RevocationList,
}

/// A document that is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentId {
    /// The issuer.
    pub issuer: IssuerIndex,
    /// The kind of the document.
    pub kind: DocumentKind,
}

/// The present state of a document in this VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentStatus {
    /// The number of usable keys or items.
    pub count: usize,
    /// The time since they were fetched.
    pub age: Duration,
    /// Whether they are past their TTL.
    pub stale: bool,
}

impl DocumentId {
    /// The keys of an issuer.
    pub const fn keys(issuer: IssuerIndex) -> Self {
        Self { issuer, kind: DocumentKind::Keys }
    }

    /// The revocation list of an issuer.
    pub const fn revocation_list(issuer: IssuerIndex) -> Self {
        Self { issuer, kind: DocumentKind::RevocationList }
    }

    /// How many bytes to read of a body with this length: 0 if it is over the limit.
    pub fn readable(self, length: usize) -> usize {
        let limit = match self.kind {
            DocumentKind::Keys => KeySet::MAX_BYTES,
            DocumentKind::RevocationList => RevocationList::MAX_BYTES,
        };
        if length > limit { 0 } else { length }
    }
}

/// Why a body is not a document of its kind.
#[derive(Debug)]
pub enum DocumentError {
    /// The body is not JSON.
    NotJson,
    /// The body is JSON, and is refused.
    Refused(FetchError),
}

/// A document that one VM fetches and all VMs of the process use.
pub trait FetchedDocument: Debug + Sized {
    /// The kind.
    const KIND: DocumentKind;
    /// The largest body, in bytes.
    const MAX_BYTES: usize;
    /// Whether the body itself is stored in shared data.
    const STORES_BODY: bool;

    /// Parses the body of an answer. `key` is used only by documents that consist of hashes.
    ///
    /// # Errors
    /// If the body is not such a document.
    fn parse(body: &[u8], key: HashKey) -> Result<(Self, Vec<SkippedKey>), DocumentError>;
    /// The bytes for shared data. `body` is the body that the document was parsed from.
    fn stored<'s>(&'s self, body: &'s [u8]) -> &'s [u8];
    /// Loads the bytes from shared data. They are validated, because every module with the same `vm_id` can write them.
    fn load(stored: Vec<u8>) -> Option<Self>;
    /// Whether the documents have the same content, perhaps in another order.
    fn equals(&self, other: &Self) -> bool;
    /// The number of keys or items.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The key of the document's hashes, if it consists of hashes.
    fn hash_key(&self) -> Option<HashKey>;
    /// The event that the document is new. `previous` is the number of keys or items of the document before.
    fn refreshed(&self, previous: usize, skipped: Vec<SkippedKey>) -> FetchEvent;
    /// The document at the configured URL, for the log.
    fn requested(url: String) -> RequestedDocument;
    /// Why each key of a body is not used, if that is the error.
    fn skipped(error: &FetchError, body: &[u8]) -> Vec<SkippedKey>;
}

impl FetchedDocument for KeySet {
    const KIND: DocumentKind = DocumentKind::Keys;
    const MAX_BYTES: usize = MAX_BYTES;
    const STORES_BODY: bool = true;

    fn parse(body: &[u8], _: HashKey) -> Result<(Self, Vec<SkippedKey>), DocumentError> {
        match Self::parse(body) {
            Ok(ParsedKeySet { keys, skipped }) => Ok((keys, skipped)),
            Err(KeySetError::Json(JsonError::Syntax)) => Err(DocumentError::NotJson),
            Err(error) => Err(DocumentError::Refused(FetchError::KeySet(error))),
        }
    }

    fn stored<'s>(&'s self, body: &'s [u8]) -> &'s [u8] {
        body
    }

    fn load(stored: Vec<u8>) -> Option<Self> {
        Self::parse(&stored).ok().map(|ParsedKeySet { keys, .. }| keys)
    }

    fn equals(&self, other: &Self) -> bool {
        self.equals(other)
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn hash_key(&self) -> Option<HashKey> {
        None
    }

    fn refreshed(&self, _: usize, skipped: Vec<SkippedKey>) -> FetchEvent {
        FetchEvent::Refreshed { keys: self.len(), has_kids: self.has_any_kid(), skipped }
    }

    fn requested(url: String) -> RequestedDocument {
        RequestedDocument::KeySet(url)
    }

    fn skipped(error: &FetchError, body: &[u8]) -> Vec<SkippedKey> {
        match error {
            FetchError::KeySet(KeySetError::NoUsableKey) => Self::skipped(body),
            _ => Vec::new(),
        }
    }
}

impl FetchedDocument for RevocationList {
    const KIND: DocumentKind = DocumentKind::RevocationList;
    const MAX_BYTES: usize = MAX_LIST_BYTES;
    const STORES_BODY: bool = false;

    fn parse(body: &[u8], key: HashKey) -> Result<(Self, Vec<SkippedKey>), DocumentError> {
        match Self::parse(body, key) {
            Ok(list) => Ok((list, Vec::new())),
            Err(ListError::Json) => Err(DocumentError::NotJson),
            Err(error) => Err(DocumentError::Refused(FetchError::RevocationList(error))),
        }
    }

    fn stored<'s>(&'s self, _: &'s [u8]) -> &'s [u8] {
        self.stored()
    }

    fn load(stored: Vec<u8>) -> Option<Self> {
        Self::load(stored)
    }

    fn equals(&self, other: &Self) -> bool {
        self == other
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn hash_key(&self) -> Option<HashKey> {
        Some(self.key())
    }

    fn refreshed(&self, previous: usize, _: Vec<SkippedKey>) -> FetchEvent {
        FetchEvent::ListRefreshed { items: self.len(), previous }
    }

    fn requested(url: String) -> RequestedDocument {
        RequestedDocument::RevocationList(url)
    }

    fn skipped(_: &FetchError, _: &[u8]) -> Vec<SkippedKey> {
        Vec::new()
    }
}
