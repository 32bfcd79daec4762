//! What the VMs share, as bytes: versioned, and refused when anything about it is odd.
//!
//! Shared data has no schema and no owner: any module with the same `vm_id` can write it, and an older or newer
//! version of this one may have. What does not decode exactly counts as absent.

use std::time::Duration;

use super::Control;
use crate::time::UnixTime;

/// Stands in the names of the entries: a version that reads the bytes otherwise uses other names.
pub const FORMAT: &str = "jwt_guard/1";

const CONTROL_LENGTH: usize = 8 * 8;

impl Control {
    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let words = [
            self.generation,
            self.fetched_at.as_millis(),
            u64::try_from(self.fresh_for.as_millis()).unwrap_or(u64::MAX),
            self.lease_holder,
            self.lease_until.as_millis(),
            self.forced_at.as_millis(),
            u64::from(self.failures),
            self.retry_at.as_millis(),
        ];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Reads the bytes again.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != CONTROL_LENGTH {
            return None;
        }
        let mut words = bytes.chunks_exact(8).map(|word| word.try_into().map(u64::from_le_bytes));
        let mut word = || words.next()?.ok();
        Some(Self {
            generation: word()?,
            fetched_at: UnixTime::from_millis(word()?),
            fresh_for: Duration::from_millis(word()?),
            lease_holder: word()?,
            lease_until: UnixTime::from_millis(word()?),
            forced_at: UnixTime::from_millis(word()?),
            failures: word()?.try_into().ok()?,
            retry_at: UnixTime::from_millis(word()?),
        })
    }
}

/// A stored key set: its text as the issuer sent it, and the validator to ask again with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKeys {
    /// The generation that it became.
    pub generation: u64,
    /// `ETag` of the answer, where it had one.
    pub etag: Option<String>,
    /// The JWKS text.
    pub text: Vec<u8>,
}

impl StoredKeys {
    /// The set's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let etag = self.etag.as_deref().unwrap_or_default().as_bytes();
        let length = u32::try_from(etag.len()).unwrap_or_default();
        let mut bytes = Vec::with_capacity(12 + etag.len() + self.text.len());
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(etag);
        bytes.extend_from_slice(&self.text);
        bytes
    }

    /// Reads the bytes again. The text is not judged here: it is parsed like an answer.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (generation, rest) = bytes.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (etag, text) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let etag = std::str::from_utf8(etag).ok()?;
        Some(Self {
            generation: u64::from_le_bytes(*generation),
            etag: (!etag.is_empty()).then(|| etag.to_owned()),
            text: text.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let control = Control {
            generation: 3,
            fetched_at: UnixTime::from_millis(1_700_000_000_123),
            fresh_for: Duration::from_secs(300),
            lease_holder: u64::MAX,
            lease_until: UnixTime::from_millis(5),
            forced_at: UnixTime::from_millis(6),
            failures: 7,
            retry_at: UnixTime::from_millis(8),
        };
        assert_eq!(Control::decode(&control.encode()), Some(control));
        for etag in [None, Some("\"v1\"".to_owned())] {
            let stored = StoredKeys { generation: 9, etag, text: b"{\"keys\":[]}".to_vec() };
            assert_eq!(StoredKeys::decode(&stored.encode()), Some(stored));
        }
    }

    #[test]
    fn what_was_not_written_here_counts_as_absent() {
        let control = Control::UNKNOWN.encode();
        assert_eq!(Control::decode(&[]), None);
        assert_eq!(Control::decode(control.split_last().unwrap().1), None, "a byte short");
        assert_eq!(Control::decode(&[control.as_slice(), b"x"].concat()), None, "a byte long");
        let mut too_many_failures = control;
        too_many_failures[55] = 1;
        assert_eq!(Control::decode(&too_many_failures), None, "failures over 32 bits");

        let stored = StoredKeys { generation: 1, etag: Some("e".into()), text: vec![] }.encode();
        assert_eq!(StoredKeys::decode(&stored[..12]), None, "the validator is cut off");
        assert_eq!(StoredKeys::decode(&stored[..11]), None, "its length is cut off");
        let mut not_text = stored;
        not_text[12] = 0xFF;
        assert_eq!(StoredKeys::decode(&not_text), None, "the validator is not text");
    }
}
