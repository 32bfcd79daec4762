//! What was verified before, found again by the token: bounded in entries and in bytes.
//!
//! The whole token is the key. Its hash finds the place and decides nothing: two tokens with one hash replace each
//! other. Knows nothing of what makes an entry still good; who finds one checks that (`flow/authenticate.rs`).
//!
//! CLOCK chooses what goes: a hit sets a mark and moves nothing, and a token that was found since the hand last
//! came by stays for another round. Once the cache is full, a token is let in when it comes for the second time:
//! tokens that come once would cost what it takes to store them and to drop others that are asked for.
//!
//! Own code: `quick_cache` (0.7) has one bound, a weight, and no second one for entries. It stores every new key at once,
//! and so evicts another: a client that sends valid tokens once each would make every request pay for that.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::rc::Rc;

/// Room for an entry, on average: three times what a token of 700 bytes with ten claims takes. 8 MiB for the
/// default of 1024 entries, half of what a worker may use.
const BYTES_PER_ENTRY: usize = 8 * 1024;
/// Room that even a cache of one entry has.
const MIN_BYTES: usize = 256 * 1024;
/// What of a token is hashed: its end, where the signature is. Hashing 4 KB would cost more than all else that a hit
/// does. Nobody without the issuer's key makes tokens that are let in, let alone with the same end.
const HASHED_SUFFIX: usize = 96;
/// How many tokens that came once are noted for each that there is room for.
const DOORKEEPER_SLOTS_PER_ENTRY: usize = 4;

/// Tokens and what each is worth.
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
    /// The upper halves of the hashes of tokens that came once while there was no room, each in the place that the
    /// lower half gives; a later one takes an earlier one's place. Empty until the cache is full.
    seen_once: Vec<u32>,
}

#[derive(Debug)]
struct Slot<V> {
    hash: u64,
    token: Box<[u8]>,
    value: Rc<V>,
    bytes: usize,
    referenced: Cell<bool>,
}

impl<V> TokenCache<V> {
    /// For at most that many tokens; 0 remembers nothing.
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

    /// Whether nothing is ever remembered.
    pub fn is_off(&self) -> bool {
        self.entries == 0
    }

    /// What was remembered of exactly this token.
    pub fn find(&self, token: &[u8]) -> Option<Rc<V>> {
        if self.is_off() {
            return None;
        }
        let store = self.store.try_borrow().ok()?;
        let place = *store.places.get(&self.hash(token))?;
        let slot = store.slots.get(place)?.as_ref().filter(|slot| is_same(&slot.token, token))?;
        slot.referenced.set(true);
        Some(Rc::clone(&slot.value))
    }

    /// Remembers a token, `bytes` being what the value takes; where there is no room, from the second time on. What
    /// takes more than the whole cache is not remembered.
    pub fn remember(&self, token: &[u8], value: Rc<V>, bytes: usize) {
        let bytes = bytes.saturating_add(token.len()).saturating_add(size_of::<Slot<V>>());
        let Ok(mut store) = self.store.try_borrow_mut() else { return };
        if self.is_off() || bytes > self.bytes {
            return;
        }
        let hash = self.hash(token);
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
        store.insert(Slot { hash, token: token.into(), value, bytes, referenced: Cell::new(false) });
    }

    /// Drops what is remembered of this token.
    pub fn forget(&self, token: &[u8]) {
        if let Ok(mut store) = self.store.try_borrow_mut()
            && let Some(place) = store.places.get(&self.hash(token)).copied()
            && store.slots.get(place).and_then(Option::as_ref).is_some_and(|slot| *slot.token == *token)
        {
            store.evict(place);
        }
    }

    /// Counts a token that was found and good.
    pub fn count_hit(&self) {
        self.hits.set(self.hits.get().saturating_add(1));
    }

    /// Counts a token that had to be verified.
    pub fn count_miss(&self) {
        self.misses.set(self.misses.get().saturating_add(u32::from(!self.is_off())));
    }

    /// Hits and misses since they were last taken.
    pub fn take_counts(&self) -> (u32, u32) {
        (self.hits.take(), self.misses.take())
    }

    fn hash(&self, token: &[u8]) -> u64 {
        let end = token.get(token.len().saturating_sub(HASHED_SUFFIX)..).unwrap_or_default();
        self.hasher.hash_one(end)
    }
}

/// Whether the two are one token. Eight bytes at a time: in the module `==` goes byte by byte, which for a token of
/// 4 KB takes longer than all else that a hit does.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((one, one_rest), (other, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| u64::from_le_bytes(*one) == u64::from_le_bytes(*other))
        && one_rest == other_rest
}

/// Passes a hash on that is one already, keyed so that nobody outside can aim at a place.
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
    fn insert(&mut self, slot: Slot<V>) {
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

    /// Whether a token of that hash came before; it is noted that one did. Two tokens that are taken for one cost
    /// one of them its room and nothing else.
    fn was_seen_once(&mut self, hash: u64, entries: usize) -> bool {
        if self.seen_once.is_empty() {
            self.seen_once = vec![0; entries.saturating_mul(DOORKEEPER_SLOTS_PER_ENTRY).next_power_of_two()];
        }
        let places = self.seen_once.len() as u64;
        // Zero is a place where nothing was noted.
        let mark = (hash >> 32) as u32 | 1;
        let seen_once = usize::try_from(hash % places).ok().and_then(|place| self.seen_once.get_mut(place));
        seen_once.is_some_and(|seen_once| std::mem::replace(seen_once, mark) == mark)
    }

    /// Moves the hand one place on: unmarks what it points at, or drops it. False where there is nothing to drop.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cached(cache: &TokenCache<u32>) -> usize {
        let store = cache.store.borrow();
        let slots: Vec<_> = store.slots.iter().flatten().collect();
        assert_eq!(slots.len(), store.places.len());
        assert_eq!(slots.len() + store.free.len(), store.slots.len());
        assert_eq!(slots.iter().map(|slot| slot.bytes).sum::<usize>(), store.bytes);
        assert!(slots.len() <= cache.entries && store.bytes <= cache.bytes);
        slots.len()
    }

    #[test]
    fn the_whole_token_decides() {
        let cache = TokenCache::new(8);
        let token = [b'a'; 500];
        cache.remember(&token, Rc::new(1), 0);
        assert_eq!(cache.find(&token).as_deref(), Some(&1));
        for changed in 0..500 {
            let mut other = token;
            other[changed] = b'b';
            // Before its last 96 bytes a changed token even has the same hash.
            assert_eq!(cache.find(&other), None, "byte {changed}");
        }
        for shorter in 0..500 {
            assert_eq!(cache.find(&token[shorter + 1..]), None, "without {} bytes", shorter + 1);
        }
        assert_eq!(cache.find(&[token.as_slice(), b"a"].concat()), None);
        assert_eq!(cache.find(b""), None);
    }

    #[test]
    fn tokens_of_one_hash_replace_each_other() {
        let cache = TokenCache::new(8);
        let (mut one, two) = ([b'a'; 200], [b'a'; 200]);
        one[0] = b'b';
        cache.remember(&one, Rc::new(1), 10);
        cache.remember(&two, Rc::new(2), 10);
        assert_eq!((cache.find(&one), cache.find(&two).as_deref()), (None, Some(&2)));
        cache.forget(&one);
        assert_eq!(cached(&cache), 1, "another token of the same hash is not forgotten");
        cache.forget(&two);
        assert_eq!((cached(&cache), cache.find(&two)), (0, None));
    }

    #[test]
    fn what_is_found_stays_longer() {
        let cache = TokenCache::new(3);
        for token in ["a", "b", "c"] {
            cache.remember(token.as_bytes(), Rc::new(0), 0);
        }
        for round in 0..20 {
            assert!(cache.find(b"a").is_some(), "round {round}");
            twice(&cache, format!("new {round}").as_bytes(), 0);
            assert_eq!(cached(&cache), 3);
        }
    }

    /// As a token that comes again although it was not remembered.
    fn twice(cache: &TokenCache<u32>, token: &[u8], bytes: usize) {
        for _ in 0..2 {
            cache.remember(token, Rc::new(0), bytes);
        }
    }

    #[test]
    fn what_comes_once_puts_nothing_out() {
        let cache = TokenCache::new(3);
        for token in ["a", "b", "c"] {
            cache.remember(token.as_bytes(), Rc::new(0), 0);
            assert!(cache.find(token.as_bytes()).is_some(), "there is room: {token}");
        }
        for number in 0..10_000_u32 {
            cache.remember(&number.to_le_bytes(), Rc::new(1), 0);
        }
        let kept = ["a", "b", "c"].iter().filter(|token| cache.find(token.as_bytes()).is_some()).count();
        assert_eq!((kept, cached(&cache)), (3, 3));
        twice(&cache, b"d", 0);
        assert_eq!((cache.find(b"d").is_some(), cached(&cache)), (true, 3));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let cache = TokenCache::new(1024);
        let third = cache.bytes / 3;
        for number in 0..10_u32 {
            twice(&cache, &number.to_le_bytes(), third);
            assert!(cached(&cache) <= 2);
        }
        assert!(cache.find(&9_u32.to_le_bytes()).is_some());
        cache.remember(b"too much", Rc::new(0), usize::MAX);
        assert_eq!((cache.find(b"too much"), cached(&cache)), (None, 2));
    }

    #[test]
    fn off_means_off() {
        let cache = TokenCache::new(0);
        cache.remember(b"a", Rc::new(1), 0);
        cache.count_miss();
        assert_eq!((cache.find(b"a"), cached(&cache), cache.take_counts()), (None, 0, (0, 0)));
    }

    #[test]
    fn counts_are_taken_once() {
        let cache: TokenCache<u32> = TokenCache::new(1);
        cache.count_hit();
        cache.count_miss();
        cache.count_miss();
        assert_eq!([cache.take_counts(), cache.take_counts()], [(1, 2), (0, 0)]);
    }

    proptest! {
        /// Against a map that never forgets: what is found is what was put in last under exactly that token.
        #[test]
        fn never_another_tokens_value(
            entries in 0_usize..6,
            steps in proptest::collection::vec((0_u8..3, 0_u8..10, any::<bool>(), 0_usize..200_000), 0..200),
        ) {
            let cache = TokenCache::new(entries);
            let mut model = HashMap::new();
            for (number, (step, name, long, bytes)) in (0_u32..).zip(steps) {
                // Long tokens share their end, and so their hash.
                let token = if long { [&[name][..], &[0; HASHED_SUFFIX]].concat() } else { vec![name] };
                match step {
                    0 => {
                        cache.remember(&token, Rc::new(number), bytes);
                        model.insert(token, number);
                    }
                    1 => {
                        cache.forget(&token);
                        prop_assert_eq!(cache.find(&token), None);
                    }
                    _ => if let Some(referenced) = cache.find(&token) {
                        prop_assert_eq!(model.get(&token), Some(&*referenced));
                    },
                }
                cached(&cache);
            }
        }
    }
}
