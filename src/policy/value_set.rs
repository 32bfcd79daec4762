//! What a token holds, arranged so that many questions cost little: its sender may have thousands of roles, and an
//! operator may name as many, but one request must not compare each with each.

use std::collections::HashMap;

use crate::jose::json::Json;

/// Comparisons that cost less than arranging the values does.
const LINEAR_SCAN_MAX: usize = 2048;

/// Questions for which arranging the values does not pay, however many they are: that costs about as much for a
/// value as it does to compare it with so many.
const INDEX_THRESHOLD: usize = 16;

/// The values of one claim.
pub(super) struct ValueSet<'a, T> {
    values: &'a [T],
    by_key: Option<HashMap<HashKey<'a>, Vec<&'a T>>>,
}

/// What values that are equal have in common.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum HashKey<'a> {
    Text(&'a str),
    /// The bits of the nearest double: equal integers have the same one, however they are written.
    Number(u64),
    Other,
    /// Null.
    Null,
}

/// A value that can be arranged.
pub(super) trait ToHashKey: PartialEq {
    /// Equal values have equal keys.
    fn key(&self) -> HashKey<'_>;
}

impl<'a, T: ToHashKey> ValueSet<'a, T> {
    /// The values, about to be asked for so many.
    pub fn new(values: &'a [T], questions: usize) -> Self {
        let many = questions > INDEX_THRESHOLD && values.len().saturating_mul(questions) > LINEAR_SCAN_MAX;
        let by_key = many.then(|| {
            let mut by_key: HashMap<HashKey<'a>, Vec<&'a T>> = HashMap::with_capacity(values.len());
            for value in values {
                by_key.entry(value.key()).or_default().push(value);
            }
            by_key
        });
        Self { values, by_key }
    }

    /// Whether the value is one of them. A null among them is no more present than a null claim, whatever is asked
    /// for.
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
            // 0 and -0 are equal, and have not the same bits.
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
            // Without the value itself as well: what is equal to it may be written otherwise.
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
