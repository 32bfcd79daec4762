//! The marks of used proofs, which all VMs of a process share: no proof passes twice.
//!
//! 4,096 buckets in shared data, each of at most 4 KiB. The issuer and the subject of the token choose a group of 64
//! buckets; the key and the `jti` of the proof choose the bucket in the group and a mark of 8 bytes. So a client that
//! floods fills its own group, a sixty-fourth of the store. The hashes are keyed with a random key that the first VM of
//! the process creates, so that no client can aim at a bucket.
//!
//! The names of the entries depend on the format alone, so that all configurations of a process share the marks: a
//! proof that was used under one configuration is refused under the next.
//!
//! A bucket has a floor: the latest time that any VM saw, minus the age limit of its configuration. A proof that is older than
//! the floor is refused, and marks below the floor are dropped. The floor never falls, so neither a clock that is set
//! back nor a configuration with a longer limit lets a proof pass whose mark was dropped.

use std::cell::OnceCell;
use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher24;

use super::ReplayError;
use super::proof::Proof;
use crate::jose::public_jwk::Thumbprint;
use crate::keys::key_cache::{SharedData, Swap};
use crate::time::UnixTime;

/// The version of the format, in the names of the entries.
const FORMAT: &str = "jwt_guard/dpop/1";
const GROUPS: u64 = 64;
const BUCKETS_PER_GROUP: u64 = 64;
/// The longest bucket, in bytes.
const MAX_BYTES: usize = 4096;
/// The bytes of the floor.
const FLOOR: usize = 8;
/// The bytes of a mark: the hash, and the `iat` of the proof in seconds.
const MARK: usize = 8 + 4;
const MAX_MARKS: usize = (MAX_BYTES - FLOOR) / MARK;
/// The number of attempts at a swap while other VMs keep winning.
const SWAP_ATTEMPTS: usize = 8;
/// The length of the key of the hashes, in bytes.
const KEY: usize = 16;

/// A valid proof that is about to be used, with what its token says.
#[derive(Debug, Clone)]
pub struct UsedProof {
    /// The proof.
    pub proof: Proof,
    /// The thumbprint of its key.
    pub key: Thumbprint,
    /// The `iss` of the token.
    pub issuer: String,
    /// The `sub` of the token, if it has one.
    pub subject: Option<String>,
    /// `max_age_seconds`
    pub max_age: Duration,
}

/// The record of used proofs.
pub trait ReplayStore {
    /// Marks the proof as used.
    ///
    /// # Errors
    /// The proof was used before, or it cannot be recorded. The request must be refused.
    fn mark(&self, used: &UsedProof, now: UnixTime) -> Result<(), ReplayError>;
}

/// A store that records nothing, for tools that decide one request.
#[derive(Debug, Clone, Copy)]
pub struct WithoutReplayStore;

impl ReplayStore for WithoutReplayStore {
    fn mark(&self, _: &UsedProof, _: UnixTime) -> Result<(), ReplayError> {
        Ok(())
    }
}

/// The store in the shared data of a host.
#[derive(Debug)]
pub struct SharedReplayStore<H> {
    host: H,
    key: OnceCell<[u8; KEY]>,
}

/// The content of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Bucket {
    /// Proofs with an earlier `iat` are refused, in seconds.
    floor: u64,
    /// The hash and the `iat` of each mark.
    marks: Vec<(u64, u32)>,
}

impl<H: SharedData> SharedReplayStore<H> {
    /// Creates the store of a VM.
    pub fn new(host: H) -> Self {
        Self { host, key: OnceCell::new() }
    }

    /// The key that all VMs of the process use. The first VM that needs the key creates it.
    fn key(&self) -> Option<[u8; KEY]> {
        if let Some(key) = self.key.get() {
            return Some(*key);
        }
        let name = format!("{FORMAT}/key");
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.host.read(&name);
            if let Some(key) = shared.bytes.as_deref().and_then(|bytes| bytes.try_into().ok()) {
                return Some(*self.key.get_or_init(|| key));
            }
            let key = self.host.secret()?;
            if self.host.swap(&name, &shared, &key) == Swap::Done {
                return Some(*self.key.get_or_init(|| key));
            }
        }
        None
    }
}

impl<H: SharedData> ReplayStore for SharedReplayStore<H> {
    fn mark(&self, used: &UsedProof, now: UnixTime) -> Result<(), ReplayError> {
        let key = self.key().ok_or(ReplayError::Unavailable)?;
        let subject = used.subject.as_deref();
        let group = hash(&key, &[b"group", used.issuer.as_bytes(), subject.unwrap_or_default().as_bytes()]);
        let bucket = hash(&key, &[b"bucket", &used.key, used.proof.id.as_bytes()]);
        let mark = hash(&key, &[b"mark", &used.key, used.proof.id.as_bytes()]);
        let bucket = group % GROUPS * BUCKETS_PER_GROUP + bucket % BUCKETS_PER_GROUP;
        let name = format!("{FORMAT}/{bucket:03x}");
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.host.read(&name);
            let mut bucket = match &shared.bytes {
                None if shared.cas.is_none() => Bucket::default(),
                // Another module changed the entry, so the marks are lost. A host may read an empty entry as none.
                bytes => {
                    Bucket::decode(bytes.as_deref().unwrap_or_default()).ok_or(ReplayError::Unavailable)?
                }
            };
            bucket.add(mark, used.proof.issued_at, used.max_age, now)?;
            if self.host.swap(&name, &shared, &bucket.encode()) == Swap::Done {
                return Ok(());
            }
        }
        Err(ReplayError::Unavailable)
    }
}

/// A keyed hash of the fields, each after its length.
fn hash(key: &[u8; KEY], fields: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(key);
    for field in fields {
        hasher.write(&(field.len() as u64).to_le_bytes());
        hasher.write(field);
    }
    hasher.finish()
}

impl Bucket {
    fn add(
        &mut self,
        mark: u64,
        issued_at: u64,
        max_age: Duration,
        now: UnixTime,
    ) -> Result<(), ReplayError> {
        let seen = now.as_millis() / 1000;
        self.floor = self.floor.max(seen.saturating_sub(max_age.as_secs()));
        if issued_at < self.floor {
            return Err(ReplayError::Forgotten);
        }
        self.marks.retain(|(_, issued_at)| u64::from(*issued_at) >= self.floor);
        if self.marks.iter().any(|(known, _)| *known == mark) {
            return Err(ReplayError::Replayed);
        }
        if self.marks.len() >= MAX_MARKS {
            return Err(ReplayError::Full);
        }
        self.marks.push((mark, u32::try_from(issued_at).unwrap_or(u32::MAX)));
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FLOOR + self.marks.len() * MARK);
        bytes.extend_from_slice(&self.floor.to_le_bytes());
        for (mark, issued_at) in &self.marks {
            bytes.extend_from_slice(&mark.to_le_bytes());
            bytes.extend_from_slice(&issued_at.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (floor, rest) = bytes.split_first_chunk::<FLOOR>()?;
        let (marks, []) = rest.as_chunks::<MARK>() else { return None };
        let mark = |bytes: &[u8; MARK]| {
            let (mark, issued_at) = bytes.split_first_chunk()?;
            Some((u64::from_le_bytes(*mark), u32::from_le_bytes(issued_at.try_into().ok()?)))
        };
        let marks = marks.iter().map(mark).collect::<Option<Vec<_>>>()?;
        (marks.len() <= MAX_MARKS).then_some(Self { floor: u64::from_le_bytes(*floor), marks })
    }
}

#[cfg(test)]
mod tests;
