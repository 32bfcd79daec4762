//! A cache of verified tokens, limited in entries and in bytes.
//!
//! The complete token and its role are the key: a token that is valid as one of `second_tokens` need not be valid as
//! the first token. The hash only selects the slot: two tokens with the same hash replace each other. The cache does not know when an entry becomes invalid; the caller checks that after each look-up
//! (`request/authenticate.rs`).
//!
//! Eviction uses CLOCK: a hit only sets a mark, and an entry that was hit since the clock hand last passed it
//! survives another round. When the cache is full, a token is inserted only when it arrives for the second
//! time: otherwise tokens that arrive once would cost their insertion and evict tokens that are in use.
//!
//! This is not `quick_cache` (0.7), which limits the total weight but not also the number of entries, and
//! inserts every new key at once. A client that sends each valid token only once would then cause an eviction
//! for every request.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::rc::Rc;

use crate::token_role::{SecondTokenIndex, TokenRole};

/// The average bytes per entry: three times the size of an entry for a token of 700 bytes with ten claims. This
/// makes 8 MiB for the default of 1024 entries, half of a worker's budget.
const BYTES_PER_ENTRY: usize = 8 * 1024;
/// The minimum size in bytes, even for a cache of one entry.
const MIN_BYTES: usize = 256 * 1024;
/// The number of bytes at the end of a token that are hashed; they contain the signature. Hashing 4 KB would
/// dominate the cost of a hit. An attacker cannot aim at collisions: only verified tokens are inserted, and
/// only the issuer's key creates them.
const HASHED_SUFFIX: usize = 96;
/// The number of sets of tokens remembered as seen once, per entry of the cache.
const DOORKEEPER_SETS_PER_ENTRY: usize = 2;

/// A map from tokens to values.
#[derive(Debug)]
pub struct TokenCache<V> {
    entries: usize,
    bytes: usize,
    hasher: RandomState,
    store: RefCell<Store<V>>,
    hits: Cell<u32>,
    misses: Cell<u32>,
}

#[derive(Debug)]
struct Store<V> {
    slots: Vec<Option<Slot<V>>>,
    free: Vec<usize>,
    places: HashMap<u64, usize, BuildHasherDefault<PrehashedHasher>>,
    clock_hand: usize,
    bytes: usize,
    /// The tokens seen once while the cache was full: the upper half of each hash, in the set with the index from the lower
    /// half, the later token first. A third token of a set overwrites the earlier one. With sets of one, two tokens that
    /// arrive in turn would overwrite each other for ever and never be cached. Empty until the cache is full.
    seen_once: Vec<[u32; 2]>,
}

#[derive(Debug)]
struct Slot<V> {
    hash: u64,
    role: TokenRole,
    token: Box<[u8]>,
    value: Rc<V>,
    bytes: usize,
    referenced: Cell<bool>,
}

impl<V> TokenCache<V> {
    /// A cache for at most this many tokens; 0 disables it.
    pub fn new(entries: usize) -> Self {
        let store = Store {
            slots: Vec::new(),
            free: Vec::new(),
            places: HashMap::default(),
            clock_hand: 0,
            bytes: 0,
            seen_once: Vec::new(),
        };
        Self {
            entries,
            bytes: entries.saturating_mul(BYTES_PER_ENTRY).max(MIN_BYTES),
            hasher: RandomState::new(),
            store: RefCell::new(store),
            hits: Cell::new(0),
            misses: Cell::new(0),
        }
    }

    /// Whether the cache is disabled.
    pub fn is_off(&self) -> bool {
        self.entries == 0
    }

    /// The cached value of exactly this token in this role.
    pub fn find(&self, role: TokenRole, token: &[u8]) -> Option<Rc<V>> {
        if self.is_off() {
            return None;
        }
        let store = self.store.try_borrow().ok()?;
        let place = *store.places.get(&self.hash(role, token))?;
        let slot = store.slots.get(place)?.as_ref().filter(|slot| slot.is(role, token))?;
        slot.referenced.set(true);
        Some(Rc::clone(&slot.value))
    }

    /// Inserts a token; `bytes` is the size of the value. A full cache inserts a token only at its second
    /// arrival. An entry larger than the whole cache is not inserted.
    pub fn insert(&self, role: TokenRole, token: &[u8], value: Rc<V>, bytes: usize) {
        let bytes = bytes.saturating_add(token.len()).saturating_add(size_of::<Slot<V>>());
        let Ok(mut store) = self.store.try_borrow_mut() else { return };
        if self.is_off() || bytes > self.bytes {
            return;
        }
        let hash = self.hash(role, token);
        if let Some(place) = store.places.get(&hash).copied() {
            store.evict(place);
        }
        let is_full = |store: &Store<V>| {
            store.places.len() >= self.entries || store.bytes.saturating_add(bytes) > self.bytes
        };
        if is_full(&store) && !store.was_seen_once(hash, self.entries) {
            return;
        }
        while is_full(&store) {
            if !store.advance() {
                return;
            }
        }
        store.store(Slot { hash, role, token: token.into(), value, bytes, referenced: Cell::new(false) });
    }

    /// Removes the token's entry.
    pub fn remove(&self, role: TokenRole, token: &[u8]) {
        if let Ok(mut store) = self.store.try_borrow_mut()
            && let Some(place) = store.places.get(&self.hash(role, token)).copied()
            && store.slots.get(place).and_then(Option::as_ref).is_some_and(|slot| slot.is(role, token))
        {
            store.evict(place);
        }
    }

    /// Counts a hit: a cached token that is still valid.
    pub fn count_hit(&self) {
        self.hits.set(self.hits.get().saturating_add(1));
    }

    /// Counts a miss: a token that had to be verified.
    pub fn count_miss(&self) {
        self.misses.set(self.misses.get().saturating_add(u32::from(!self.is_off())));
    }

    /// The hits and misses since the last call.
    pub fn take_counts(&self) -> (u32, u32) {
        (self.hits.take(), self.misses.take())
    }

    fn hash(&self, role: TokenRole, token: &[u8]) -> u64 {
        let end = token.get(token.len().saturating_sub(HASHED_SUFFIX)..).unwrap_or_default();
        self.hasher.hash_one(end) ^ role_bits(role)
    }
}

/// A token has a slot for each of its roles. Multiplication by an odd number gives each role other bits.
fn role_bits(role: TokenRole) -> u64 {
    match role {
        TokenRole::First => 0,
        TokenRole::Second(SecondTokenIndex(index)) => (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

impl<V> Slot<V> {
    fn is(&self, role: TokenRole, token: &[u8]) -> bool {
        self.role == role && is_same(&self.token, token)
    }
}

/// Whether two tokens are equal, compared eight bytes at a time: in the module, `==` compares byte by byte,
/// which dominates the cost of a hit for a token of 4 KB.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((one, one_rest), (other, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| u64::from_le_bytes(*one) == u64::from_le_bytes(*other))
        && one_rest == other_rest
}

/// A hasher that passes an existing hash through. That hash is keyed, so that an attacker cannot choose tokens
/// that collide.
#[derive(Debug, Default)]
struct PrehashedHasher(u64);

impl Hasher for PrehashedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<V> Store<V> {
    fn store(&mut self, slot: Slot<V>) {
        self.bytes += slot.bytes;
        let hash = slot.hash;
        let place = match self.free.pop() {
            Some(place) => {
                if let Some(free) = self.slots.get_mut(place) {
                    *free = Some(slot);
                }
                place
            }
            None => {
                self.slots.push(Some(slot));
                self.slots.len() - 1
            }
        };
        self.places.insert(hash, place);
    }

    fn evict(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place).and_then(Option::take) {
            self.bytes -= slot.bytes;
            self.places.remove(&slot.hash);
            self.free.push(place);
        }
    }

    /// Whether a token with this hash was seen before; records that it is seen now. If two tokens are confused
    /// here, one of them is inserted too early, with no other effect.
    fn was_seen_once(&mut self, hash: u64, entries: usize) -> bool {
        if self.seen_once.is_empty() {
            let sets = entries.saturating_mul(DOORKEEPER_SETS_PER_ENTRY).next_power_of_two();
            self.seen_once = vec![[0; 2]; sets];
        }
        let sets = self.seen_once.len() as u64;
        // Zero marks an unused element.
        let mark = (hash >> 32) as u32 | 1;
        let Some(set) = usize::try_from(hash % sets).ok().and_then(|set| self.seen_once.get_mut(set)) else {
            return false;
        };
        let seen = set.contains(&mark);
        if !seen {
            *set = [mark, set[0]];
        }
        seen
    }

    /// Advances the clock hand by one slot: clears the slot's mark or, if it has none, evicts the entry.
    /// Returns false if there is no entry to evict.
    fn advance(&mut self) -> bool {
        if self.places.is_empty() {
            return false;
        }
        self.clock_hand = if self.clock_hand + 1 < self.slots.len() { self.clock_hand + 1 } else { 0 };
        if self
            .slots
            .get(self.clock_hand)
            .and_then(Option::as_ref)
            .is_some_and(|slot| !slot.referenced.replace(false))
        {
            self.evict(self.clock_hand);
        }
        true
    }
}
