//! The encoding of the records that the VMs share. The encoding has a version, and a record that does not decode
//! exactly counts as absent.
//!
//! Shared data has no schema and no owner: any module with the same `vm_id` can write it, also an older or newer
//! version of this one.

use std::time::Duration;

use super::source::{Source, encode_fields};
use super::{RefreshState, SetId};
use crate::digest::digest;
use crate::time::UnixTime;

/// The version of the format, in the names of the entries. A version with another encoding uses other names.
const FORMAT: &str = "jwt_guard/1";

const STATE_LENGTH: usize = 11 * 8;

/// The names of the entries of one document of an issuer in shared data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryNames {
    /// The entry with the [`RefreshState`]. It is small and read at each tick.
    pub state: String,
    /// The entry with the [`StoredKeys`]. It is read when the refresh state names another set.
    pub keys: String,
}

impl EntryNames {
    /// The names depend on everything that determines the keys of the issuer: the name of the plugin, the `iss` and the
    /// source. Plugins that differ in one of them share no keys. If the encoding changes, the names change, and the
    /// keys are fetched once more.
    pub fn of(plugin: &[u8], iss: &str, source: &Source) -> Self {
        let origin = digest(&encode_fields(&[plugin, iss.as_bytes(), &source.encode()]));
        Self { state: format!("{FORMAT}/{origin}/control"), keys: format!("{FORMAT}/{origin}/keys") }
    }

    /// The names for the revocation list of the issuer.
    pub fn of_revocation_list(plugin: &[u8], iss: &str, source: &Source) -> Self {
        let fields = [plugin, iss.as_bytes(), &source.encode(), b"revocations"];
        let origin = digest(&encode_fields(&fields));
        Self { state: format!("{FORMAT}/{origin}/control"), keys: format!("{FORMAT}/{origin}/revocations") }
    }
}

impl RefreshState {
    /// The bytes of the record.
    pub fn encode(&self) -> Vec<u8> {
        let words: [u64; STATE_LENGTH / 8] = [
            self.set.generation,
            self.set.fingerprint,
            self.fetched_at.as_millis(),
            u64::try_from(self.fresh_for.as_millis()).unwrap_or(u64::MAX),
            self.lease_holder,
            self.lease_from.as_millis(),
            self.lease_until.as_millis(),
            self.forced_at.as_millis(),
            u64::from(self.failures),
            self.failed_at.as_millis(),
            self.retry_at.as_millis(),
        ];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Decodes a record. `None` if the bytes are not exactly one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != STATE_LENGTH {
            return None;
        }
        let mut words = bytes.chunks_exact(8).map(|word| word.try_into().map(u64::from_le_bytes));
        let mut word = || words.next()?.ok();
        Some(Self {
            set: SetId { generation: word()?, fingerprint: word()? },
            fetched_at: UnixTime::from_millis(word()?),
            fresh_for: Duration::from_millis(word()?),
            lease_holder: word()?,
            lease_from: UnixTime::from_millis(word()?),
            lease_until: UnixTime::from_millis(word()?),
            forced_at: UnixTime::from_millis(word()?),
            failures: word()?.try_into().ok()?,
            failed_at: UnixTime::from_millis(word()?),
            retry_at: UnixTime::from_millis(word()?),
        })
    }
}

/// A stored document: its bytes, and the URL and `ETag` for the next request. The bytes of a key set are its text as the
/// issuer sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKeys {
    /// The generation of the document.
    pub generation: u64,
    /// The URL that the document was fetched from. The `ETag` is valid only for this URL.
    pub source: String,
    /// The `ETag` of the answer, if it had one.
    pub etag: Option<String>,
    /// The text of the JWKS, or the bytes of the revocation list.
    pub text: Vec<u8>,
}

impl StoredKeys {
    /// The identity of the set.
    pub fn id(&self) -> SetId {
        SetId { generation: self.generation, fingerprint: fingerprint(&self.text) }
    }

    /// The bytes of the set.
    pub fn encode(&self) -> Vec<u8> {
        Self::encode_parts(self.generation, &self.source, self.etag.as_deref(), &self.text)
    }

    /// The bytes of the document with these fields.
    pub fn encode_parts(generation: u64, source: &str, etag: Option<&str>, content: &[u8]) -> Vec<u8> {
        let etag = etag.unwrap_or_default();
        let mut bytes = Vec::with_capacity(16 + source.len() + etag.len() + content.len());
        bytes.extend_from_slice(&generation.to_le_bytes());
        for text in [source, etag] {
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(content);
        bytes
    }

    /// Decodes a set. The text is not validated here; it is parsed like an answer.
    pub fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        let (generation, rest) = bytes.split_first_chunk::<8>()?;
        let (source, rest) = split_text(rest)?;
        let (etag, text) = split_text(rest)?;
        let generation = u64::from_le_bytes(*generation);
        let source = source.to_owned();
        let etag = (!etag.is_empty()).then(|| etag.to_owned());
        // The text stays in its buffer, because a copy of a list takes most of a megabyte.
        let before = bytes.len().saturating_sub(text.len());
        bytes.drain(..before);
        Some(Self { generation, source, etag, text: bytes })
    }
}

fn split_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// A hash that distinguishes texts. 64 bits are enough, because the hash protects against mix-ups and not against
/// attackers: anyone who can write the text can write the hash as well.
pub fn fingerprint(text: &[u8]) -> u64 {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::super::source::Location;
    use super::*;
    use crate::endpoint::Endpoint;

    #[test]
    fn what_is_written_is_read_again() {
        let state = RefreshState {
            set: SetId { generation: 3, fingerprint: u64::MAX },
            fetched_at: UnixTime::from_millis(1_700_000_000_123),
            fresh_for: Duration::from_secs(300),
            lease_holder: u64::MAX,
            lease_from: UnixTime::from_millis(4),
            lease_until: UnixTime::from_millis(5),
            forced_at: UnixTime::from_millis(6),
            failures: 7,
            failed_at: UnixTime::from_millis(8),
            retry_at: UnixTime::from_millis(9),
        };
        assert_eq!(RefreshState::decode(&state.encode()), Some(state));
        for etag in [None, Some("\"v1\"".to_owned())] {
            let source = "https://a/keys".to_owned();
            let stored = StoredKeys { generation: 9, source, etag, text: b"{\"keys\":[]}".to_vec() };
            assert_eq!(StoredKeys::decode(stored.encode()), Some(stored));
        }
    }

    #[test]
    fn what_was_not_written_here_counts_as_absent() {
        let state = RefreshState::UNKNOWN.encode();
        assert_eq!(RefreshState::decode(&[]), None);
        assert_eq!(RefreshState::decode(state.split_last().unwrap().1), None, "a byte short");
        assert_eq!(RefreshState::decode(&[state.as_slice(), b"x"].concat()), None, "a byte long");
        let mut too_many_failures = state;
        too_many_failures[8 * 8 + 7] = 1;
        assert_eq!(RefreshState::decode(&too_many_failures), None, "failures over 32 bits");

        let stored =
            StoredKeys { generation: 1, source: "s".into(), etag: Some("e".into()), text: vec![] }.encode();
        for length in 0..stored.len() {
            assert_eq!(StoredKeys::decode(stored[..length].to_vec()), None, "cut off after {length} bytes");
        }
        for place in [12, 17] {
            let mut not_text = stored.clone();
            not_text[place] = 0xFF;
            assert_eq!(StoredKeys::decode(not_text), None, "byte {place} is not text");
        }
        let mut endless = stored;
        endless[8..12].fill(0xFF);
        assert_eq!(StoredKeys::decode(endless), None, "a length beyond the end");
    }

    fn source(cluster: &str, url: &str) -> Source {
        Source { cluster: cluster.to_owned(), location: Location::Endpoint(Endpoint::parse(url).unwrap()) }
    }

    #[test]
    fn entries_differ_in_whatever_decides_which_keys_are_the_issuers() {
        let base = EntryNames::of(b"p", "https://a", &source("c", "https://a/k"));
        assert_eq!(base, EntryNames::of(b"p", "https://a", &source("c", "https://a/k")));
        assert_ne!(base.state, base.keys);
        let others = [
            ("plugin", EntryNames::of(b"q", "https://a", &source("c", "https://a/k"))),
            ("iss", EntryNames::of(b"p", "https://b", &source("c", "https://a/k"))),
            ("source", EntryNames::of(b"p", "https://a", &source("d", "https://a/k"))),
            ("document", EntryNames::of_revocation_list(b"p", "https://a", &source("c", "https://a/k"))),
            ("a letter moved", EntryNames::of(b"ph", "ttps://a", &source("c", "https://a/k"))),
        ];
        for (label, other) in others {
            assert!(other.state != base.state && other.keys != base.keys, "{label}");
        }
    }

    /// Versions of the filter that run side by side share keys under these names. Therefore a change of the names must
    /// be deliberate.
    #[test]
    fn the_names_of_entries_stay() {
        let direct = EntryNames::of(b"jwt_guard", "https://a", &source("idp", "https://a/keys?x"));
        assert_eq!(direct.state, "jwt_guard/1/918e92f1aa72e48c12b2f65fe1455373/control");
        assert_eq!(direct.keys, "jwt_guard/1/918e92f1aa72e48c12b2f65fe1455373/keys");
        let location = Location::Discovery {
            cluster: "discovery".to_owned(),
            other_host: true,
            iss: "https://a".to_owned(),
            issuer: Endpoint::parse("https://a").unwrap(),
        };
        let discovered =
            EntryNames::of(b"jwt_guard", "https://a", &Source { cluster: "idp".to_owned(), location });
        assert_eq!(discovered.state, "jwt_guard/1/32adfcb113bdd51c4b7cbc2214348bbc/control");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_decode_to_nothing_or_to_themselves(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            if let Some(state) = RefreshState::decode(&bytes) {
                proptest::prop_assert_eq!(state.encode(), bytes.clone());
            }
            if let Some(stored) = StoredKeys::decode(bytes.clone()) {
                proptest::prop_assert_eq!(stored.encode(), bytes);
            }
        }
    }
}
