//! Tests of the token cache.

use proptest::prelude::*;

use super::*;

const FIRST: TokenRole = TokenRole::First;

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
    cache.insert(FIRST, &token, Rc::new(1), 0);
    assert_eq!(cache.find(FIRST, &token).as_deref(), Some(&1));
    for changed in 0..500 {
        let mut other = token;
        other[changed] = b'b';
        // A token that is changed before its last 96 bytes even has the same hash.
        assert_eq!(cache.find(FIRST, &other), None, "byte {changed}");
    }
    for shorter in 0..500 {
        assert_eq!(cache.find(FIRST, &token[shorter + 1..]), None, "without {} bytes", shorter + 1);
    }
    assert_eq!(cache.find(FIRST, &[token.as_slice(), b"a"].concat()), None);
    assert_eq!(cache.find(FIRST, b""), None);
}

#[test]
fn each_role_has_its_own_entry() {
    let cache = TokenCache::new(8);
    let agent = TokenRole::Second(SecondTokenIndex(0));
    let user = TokenRole::Second(SecondTokenIndex(1));
    cache.insert(agent, b"token", Rc::new(2), 0);
    assert_eq!(cache.find(FIRST, b"token"), None);
    assert_eq!(cache.find(user, b"token"), None);
    cache.insert(FIRST, b"token", Rc::new(1), 0);
    assert_eq!(cache.find(FIRST, b"token").as_deref(), Some(&1));
    assert_eq!(cache.find(agent, b"token").as_deref(), Some(&2));
    cache.remove(FIRST, b"token");
    assert_eq!((cache.find(FIRST, b"token"), cache.find(agent, b"token").as_deref()), (None, Some(&2)));
    assert_eq!(cached(&cache), 1);
}

#[test]
fn tokens_of_one_hash_replace_each_other() {
    let cache = TokenCache::new(8);
    let (mut one, two) = ([b'a'; 200], [b'a'; 200]);
    one[0] = b'b';
    cache.insert(FIRST, &one, Rc::new(1), 10);
    cache.insert(FIRST, &two, Rc::new(2), 10);
    assert_eq!((cache.find(FIRST, &one), cache.find(FIRST, &two).as_deref()), (None, Some(&2)));
    cache.remove(FIRST, &one);
    assert_eq!(cached(&cache), 1, "another token with the same hash stays");
    cache.remove(FIRST, &two);
    assert_eq!((cached(&cache), cache.find(FIRST, &two)), (0, None));
}

#[test]
fn what_is_found_stays_longer() {
    let cache = TokenCache::new(3);
    for token in ["a", "b", "c"] {
        cache.insert(FIRST, token.as_bytes(), Rc::new(0), 0);
    }
    for round in 0..20 {
        assert!(cache.find(FIRST, b"a").is_some(), "round {round}");
        twice(&cache, format!("new {round}").as_bytes(), 0);
        assert_eq!(cached(&cache), 3);
    }
}

/// Inserts a token the way a full cache requires: at its second arrival.
fn twice(cache: &TokenCache<u32>, token: &[u8], bytes: usize) {
    for _ in 0..2 {
        cache.insert(FIRST, token, Rc::new(0), bytes);
    }
}

#[test]
fn what_comes_once_puts_nothing_out() {
    let cache = TokenCache::new(3);
    for token in ["a", "b", "c"] {
        cache.insert(FIRST, token.as_bytes(), Rc::new(0), 0);
        assert!(cache.find(FIRST, token.as_bytes()).is_some(), "there is room: {token}");
    }
    for number in 0..10_000_u32 {
        cache.insert(FIRST, &number.to_le_bytes(), Rc::new(1), 0);
    }
    let kept = ["a", "b", "c"].iter().filter(|token| cache.find(FIRST, token.as_bytes()).is_some()).count();
    assert_eq!((kept, cached(&cache)), (3, 3));
    twice(&cache, b"d", 0);
    assert_eq!((cache.find(FIRST, b"d").is_some(), cached(&cache)), (true, 3));
}

#[test]
fn two_tokens_that_arrive_in_turn_are_both_cached() {
    const ENTRIES: usize = 4;
    let cache = TokenCache::new(ENTRIES);
    for token in 0..ENTRIES as u32 {
        cache.insert(FIRST, &token.to_le_bytes(), Rc::new(0), 0);
    }
    let set = |token: &[u8]| cache.hash(FIRST, token) % (ENTRIES * DOORKEEPER_SETS_PER_ENTRY) as u64;
    let one = *b"one ";
    let mut others = (1000_u32..).map(u32::to_le_bytes);
    let other = others.find(|other| set(other) == set(&one)).unwrap();
    for token in [&one, &other, &one, &other] {
        cache.insert(FIRST, token, Rc::new(0), 0);
    }
    assert!(cache.find(FIRST, &one).is_some() && cache.find(FIRST, &other).is_some());
    assert_eq!(cached(&cache), ENTRIES);
}

#[test]
fn bytes_are_bounded_too() {
    let cache = TokenCache::new(1024);
    let third = cache.bytes / 3;
    for number in 0..10_u32 {
        twice(&cache, &number.to_le_bytes(), third);
        assert!(cached(&cache) <= 2);
    }
    assert!(cache.find(FIRST, &9_u32.to_le_bytes()).is_some());
    cache.insert(FIRST, b"too much", Rc::new(0), usize::MAX);
    assert_eq!((cache.find(FIRST, b"too much"), cached(&cache)), (None, 2));
}

#[test]
fn off_means_off() {
    let cache = TokenCache::new(0);
    cache.insert(FIRST, b"a", Rc::new(1), 0);
    cache.count_miss();
    assert_eq!((cache.find(FIRST, b"a"), cached(&cache), cache.take_counts()), (None, 0, (0, 0)));
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
    /// Compares with a map that never evicts: a hit returns the value that was inserted last for exactly
    /// that token.
    #[test]
    fn never_another_tokens_value(
        entries in 0_usize..6,
        steps in proptest::collection::vec((0_u8..3, 0_u8..10, any::<bool>(), 0_usize..200_000), 0..200),
    ) {
        let cache = TokenCache::new(entries);
        let mut model = HashMap::new();
        for (number, (step, name, long, bytes)) in (0_u32..).zip(steps) {
            // Long tokens share their last bytes, and so their hash.
            let token = if long { [&[name][..], &[0; HASHED_SUFFIX]].concat() } else { vec![name] };
            match step {
                0 => {
                    cache.insert(FIRST, &token, Rc::new(number), bytes);
                    model.insert(token, number);
                }
                1 => {
                    cache.remove(FIRST, &token);
                    prop_assert_eq!(cache.find(FIRST, &token), None);
                }
                _ => if let Some(referenced) = cache.find(FIRST, &token) {
                    prop_assert_eq!(model.get(&token), Some(&*referenced));
                },
            }
            cached(&cache);
        }
    }
}
