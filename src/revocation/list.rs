//! A revocation list as sorted hashes.
//!
//! The bytes are the form in memory and in shared data. The worker that fetched the list writes them, and the other
//! workers search them as they are.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::MAX_ITEMS;
use crate::jose::json::Json;

/// The members of an item that name tokens, in the order of the bits of a [`Members`].
pub(super) const NAMES: [&str; 3] = ["jti", "sub", "sid"];
/// The number of combinations of these members.
const COMBINATIONS: u8 = 1 << NAMES.len();

/// The version of the bytes.
const VERSION: u8 = 1;
/// The version, the combinations that occur, the hash key and the number of items of the document.
const HEADER: usize = 1 + 1 + 16 + 4;
/// A hash and the time until which it revokes, both in big-endian order.
const ENTRY: usize = 16;

/// The random key of the hashes of one list. Only the host knows the key, so a token cannot be made to collide with an item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; 16]);

impl HashKey {
    /// A key of random bits.
    pub fn from_bits(bits: [u64; 2]) -> Self {
        let [low, high] = bits;
        Self(((u128::from(high) << 64) | u128::from(low)).to_le_bytes())
    }
}

/// Does not show the key.
impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}

/// A list of revoked tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    /// The header, and then the entries in the order of their hashes. No two entries have the same hash.
    bytes: Vec<u8>,
    key: HashKey,
    combinations: u8,
    items: u32,
}

/// The values of one item or token that name tokens. `None`: there is no such member.
pub(super) type Members<'a> = [Option<&'a str>; NAMES.len()];

/// A list under construction. It has one buffer, which becomes that of the list: the memory of a wasm module never
/// shrinks.
pub(super) struct ListBuilder {
    key: HashKey,
    combinations: u8,
    items: u32,
    bytes: Vec<u8>,
}

impl ListBuilder {
    /// `expected` is the number of items for which memory is reserved.
    pub fn new(key: HashKey, expected: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + expected * ENTRY);
        bytes.resize(HEADER, 0);
        Self { key, combinations: 0, items: 0, bytes }
    }

    /// Adds an item. Without `issued_before` it revokes tokens of any age.
    pub fn push(&mut self, members: Members<'_>, issued_before: Option<f64>) {
        let combination = combination(members);
        self.combinations |= 1 << combination;
        self.items = self.items.saturating_add(1);
        let hash = hash(self.key, combination, members);
        let until = order(issued_before.unwrap_or(f64::INFINITY));
        let entry = u128::from(hash) << 64 | u128::from(until);
        self.bytes.extend_from_slice(&entry.to_be_bytes());
    }

    pub fn len(&self) -> usize {
        usize::try_from(self.items).unwrap_or(usize::MAX)
    }

    pub fn build(mut self) -> RevocationList {
        let Self { key, combinations, items, .. } = self;
        let (header, entries) = self.bytes.split_at_mut(HEADER);
        let fields = [VERSION, combinations].into_iter().chain(key.0).chain(items.to_le_bytes());
        header.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        let (entries, _) = entries.as_chunks_mut::<ENTRY>();
        // Comparing numbers takes less time in wasm than comparing bytes.
        entries.sort_unstable_by_key(|entry| u128::from_be_bytes(*entry));
        let kept = keep_last_of_equal(entries);
        self.bytes.truncate(HEADER + kept * ENTRY);
        self.bytes.shrink_to_fit();
        RevocationList { bytes: self.bytes, key, combinations, items }
    }
}

/// Moves the last entry of each hash to the front, and returns their number. The last one has the greatest time.
fn keep_last_of_equal(entries: &mut [[u8; ENTRY]]) -> usize {
    let mut kept = 0;
    for index in 0..entries.len() {
        let is_last = entries.get(index).map(hash_of) != entries.get(index + 1).map(hash_of);
        if is_last {
            entries.swap(kept, index);
            kept += 1;
        }
    }
    kept
}

impl RevocationList {
    /// Reads the bytes that [`stored`](Self::stored) gives. `None` if they are not exactly a list: every module with the
    /// same `vm_id` can write them.
    pub fn load(bytes: Vec<u8>) -> Option<Self> {
        let (header, entries) = bytes.split_first_chunk::<HEADER>()?;
        let ([version, combinations], rest) = header.split_first_chunk::<2>()?;
        let (key, items) = rest.split_first_chunk::<16>()?;
        let items = u32::from_le_bytes(items.try_into().ok()?);
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        let is_sorted = entries.is_sorted_by(|one, other| hash_of(one) < hash_of(other));
        let is_list = *version == VERSION && rest.is_empty() && entries.len() <= MAX_ITEMS && is_sorted;
        let (key, combinations) = (HashKey(*key), *combinations);
        is_list.then_some(Self { bytes, key, combinations, items })
    }

    /// The bytes for shared data. Lists with the same items and the same key have the same bytes.
    pub fn stored(&self) -> &[u8] {
        &self.bytes
    }

    /// The key of the hashes, for the next list of the issuer.
    pub fn key(&self) -> HashKey {
        self.key
    }

    /// The number of items of the document.
    pub fn len(&self) -> usize {
        usize::try_from(self.items).unwrap_or(usize::MAX)
    }

    /// Whether the list has no item.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Whether the list revokes the token with these claims. A list whose items have the same members costs one hash and
    /// one binary search.
    pub fn revokes(&self, claims: &Json) -> bool {
        let text = |name| claims.member(name).and_then(Json::as_str);
        let token: Members<'_> = NAMES.map(text);
        let in_list = (0..COMBINATIONS).filter(|combination| self.combinations & (1 << combination) != 0);
        in_list.into_iter().any(|wanted| {
            let members = only(token, wanted);
            combination(members) == wanted
                && self
                    .issued_before(hash(self.key, wanted, members))
                    .is_some_and(|until| is_met(claims, until))
        })
    }

    /// The time of the entry with this hash, if there is one.
    fn issued_before(&self, hash: u64) -> Option<f64> {
        let (entries, _) = self.bytes.get(HEADER..)?.as_chunks::<ENTRY>();
        let index = entries.binary_search_by_key(&hash, hash_of).ok()?;
        let entry = u128::from_be_bytes(*entries.get(index)?);
        Some(number(u64::try_from(entry & u128::from(u64::MAX)).ok()?))
    }
}

/// Shows only the size.
impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevocationList").field("items", &self.items).finish_non_exhaustive()
    }
}

/// Whether a token was issued at `until` or before, or may have been: a token without `iat` has no known age.
fn is_met(claims: &Json, until: f64) -> bool {
    match claims.member("iat") {
        Some(Json::Number(number)) => number.as_f64().is_none_or(|issued_at| issued_at <= until),
        _ => true,
    }
}

/// The members that are present, as bits.
fn combination(members: Members<'_>) -> u8 {
    members.iter().enumerate().map(|(bit, member)| u8::from(member.is_some()) << bit).sum()
}

/// The members whose bit is set.
fn only(members: Members<'_>, bits: u8) -> Members<'_> {
    let mut bit = 0;
    members.map(|member| {
        let is_set = bits & (1 << bit) != 0;
        bit += 1;
        member.filter(|_| is_set)
    })
}

/// Hashes each member after its length, so that different members have different input.
fn hash(key: HashKey, combination: u8, members: Members<'_>) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&key.0);
    hasher.write(&[combination]);
    for member in members.into_iter().flatten() {
        hasher.write(&(member.len() as u64).to_le_bytes());
        hasher.write(member.as_bytes());
    }
    hasher.finish()
}

fn hash_of(entry: &[u8; ENTRY]) -> u64 {
    u64::try_from(u128::from_be_bytes(*entry) >> 64).unwrap_or_default()
}

/// The bits of a number, in an order that is the order of the numbers.
fn order(number: f64) -> u64 {
    let bits = number.to_bits();
    if number.is_sign_negative() { !bits } else { bits | SIGN }
}

/// The inverse of [`order`].
fn number(order: u64) -> f64 {
    f64::from_bits(if order & SIGN == 0 { !order } else { order & !SIGN })
}

const SIGN: u64 = 1 << 63;

#[cfg(test)]
mod tests;
