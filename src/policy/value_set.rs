//! The values of a claim, indexed by hash if there are many look-ups. A token may contain thousands of roles,
//! and a requirement may list as many; without an index, one request could cost the product of both in
//! comparisons.

use std::collections::HashMap;

use crate::jose::json::Json;

/// The number of comparisons up to which no index is built, because the comparisons cost less than the index.
const LINEAR_SCAN_MAX: usize = 2048;

/// The number of look-ups up to which no index is built, however many values there are: adding a value to the
/// index costs about as much as this many comparisons with it.
const INDEX_THRESHOLD: usize = 16;

/// The values of one claim.
pub(super) struct ValueSet<'a, T> {
    values: &'a [T],
    by_key: Option<HashMap<HashKey<'a>, Vec<&'a T>>>,
}

/// The hash key of a value. Equal values have equal keys.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum HashKey<'a> {
    Text(&'a str),
    /// The bits of the nearest double, which are the same for equal integers in any notation.
    Number(u64),
    Other,
    /// The value `null`.
    Null,
}

/// A value with a hash key.
pub(super) trait ToHashKey: PartialEq {
    /// The hash key. Equal values have equal keys.
    fn key(&self) -> HashKey<'_>;
}

impl<'a, T: ToHashKey> ValueSet<'a, T> {
    /// The values, prepared for `lookups` look-ups.
    pub fn new(values: &'a [T], lookups: usize) -> Self {
        let many = lookups > INDEX_THRESHOLD && values.len().saturating_mul(lookups) > LINEAR_SCAN_MAX;
        let by_key = many.then(|| {
            let mut by_key: HashMap<HashKey<'a>, Vec<&'a T>> = HashMap::with_capacity(values.len());
            for value in values {
                by_key.entry(value.key()).or_default().push(value);
            }
            by_key
        });
        Self { values, by_key }
    }

    /// Whether the value is one of them. A `null` is never found, because a `null` in a claim counts as absent.
    pub fn contains(&self, value: &T) -> bool {
        if value.key() == HashKey::Null {
            return false;
        }
        match &self.by_key {
            None => self.values.contains(value),
            Some(by_key) => by_key.get(&value.key()).is_some_and(|same| same.contains(&value)),
        }
    }
}

impl ToHashKey for String {
    fn key(&self) -> HashKey<'_> {
        HashKey::Text(self)
    }
}

impl ToHashKey for Json {
    fn key(&self) -> HashKey<'_> {
        match self {
            Self::String(text) => HashKey::Text(text),
            // 0 and -0 are equal but have different bits.
            Self::Number(number) => match number.as_f64() {
                Some(0.0) => HashKey::Number(0),
                Some(double) => HashKey::Number(double.to_bits()),
                None => HashKey::Other,
            },
            Self::Null => HashKey::Null,
            _ => HashKey::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arranged_values_are_what_they_were() {
        let text = r#"["a", "1", 1, 1.0, 10e-1, 0, -0, -0.0, 1e999, 9007199254740993, 9007199254740992, 1.5, true,
            false, null, {"a": 1}, {"a": 1.0}, {}, [1], [], "", "\u0000", 1e308, 123456789012345678901234567890]"#;
        let Ok(Json::Array(values)) = Json::parse(text.as_bytes()) else { panic!("{text}") };
        for (index, value) in values.iter().enumerate() {
            // Also look up the value in a list without it: an equal value may be written differently.
            let mut others = values.clone();
            others.remove(index);
            for held in [&values, &others] {
                let arranged = ValueSet::new(held, LINEAR_SCAN_MAX);
                assert!(arranged.by_key.is_some());
                let expected = *value != Json::Null && held.contains(value);
                assert_eq!(arranged.contains(value), expected, "{value} in {held:?}");
                assert_eq!(ValueSet::new(held, 1).contains(value), expected, "{value} in {held:?}");
            }
        }
    }
}
