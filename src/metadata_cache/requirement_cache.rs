//! Decoded requirements by their bytes in the metadata, within a bound on their memory.

use std::collections::HashMap;

use crate::request::Metadata;

/// The memory that the values of one cache may take, as estimated by [`memory_of`]. A cache that is full is cleared,
/// and values are decoded again: a party that can write annotations in a cluster must not grow the memory of a proxy by
/// changing them again and again.
const MAX_MEMORY: usize = 2 * 1024 * 1024;

/// The requirements that were decoded, by the bytes that they were decoded from.
#[derive(Debug, Default)]
pub(super) struct RequirementCache {
    decoded: HashMap<Vec<u8>, Metadata>,
    memory: usize,
}

impl RequirementCache {
    /// The requirement that was decoded from these bytes before.
    pub(super) fn get(&self, bytes: &[u8]) -> Option<Metadata> {
        self.decoded.get(bytes).cloned()
    }

    /// Keeps a requirement. One value is kept even if it is larger than the whole bound, so that no request decodes the
    /// metadata of its route again.
    pub(super) fn insert(&mut self, bytes: &[u8], metadata: Metadata) {
        let memory = memory_of(bytes);
        if self.memory.saturating_add(memory) > MAX_MEMORY {
            self.decoded = HashMap::new();
            self.memory = 0;
        }
        self.memory = self.memory.saturating_add(memory);
        self.decoded.insert(bytes.to_vec(), metadata);
    }
}

/// An upper estimate of the memory of one value. A list of short texts takes about eight times its JSON; 512 bytes are
/// the entry of the map and the requirement without conditions.
fn memory_of(bytes: &[u8]) -> usize {
    bytes.len().saturating_mul(9).saturating_add(512)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_all_values_is_bounded() {
        let mut cache = RequirementCache::default();
        for length in [1, 100, 16 * 1024] {
            for index in 0..10_000_u32 {
                let mut bytes = vec![b'x'; length];
                bytes.extend(index.to_be_bytes());
                cache.insert(&bytes, Metadata::Absent);
                let memory: usize = cache.decoded.keys().map(|bytes| memory_of(bytes)).sum();
                assert!(memory == cache.memory && memory <= MAX_MEMORY, "{memory} bytes after {index}");
                assert!(cache.get(&bytes).is_some(), "the newest value is kept");
            }
        }
    }

    #[test]
    fn a_value_beyond_the_bound_is_kept_alone() {
        let mut cache = RequirementCache::default();
        let (large, small) = (vec![b'x'; MAX_MEMORY], b"x");
        cache.insert(small, Metadata::Absent);
        cache.insert(&large, Metadata::Absent);
        assert!(cache.get(&large).is_some() && cache.get(small).is_none());
        cache.insert(small, Metadata::Absent);
        assert!(cache.get(&large).is_none() && cache.get(small).is_some());
    }
}
