//! The values of a claim, indexed by hash if there are many look-ups. A token may contain thousands of roles,
//! and a requirement may list as many; without an index, one request could cost the product of both in
//! comparisons.

use std::collections::HashMap;

use crate::jose::json::Json;

/// The number of comparisons up to which no index is built, because the comparisons cost less than the index.
const FEW: usize = 2048;

/// The number of look-ups up to which no index is built, however many values there are: adding a value to the
/// index costs about as much as this many comparisons with it.
const FEW_QUESTIONS: usize = 16;

/// The values of one claim.
pub(super) struct Held<'a, T> {
    values: &'a [T],
    by_key: Option<HashMap<Key<'a>, Vec<&'a T>>>,
}

/// The hash key of a value. Equal values have equal keys.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Text(&'a str),
    /// The bits of the nearest double, which are the same for equal integers in any notation.
    Number(u64),
    Other,
    /// The value `null`.
    Nothing,
}

/// A value with a hash key.
pub(super) trait Keyed: PartialEq {
    /// The hash key. Equal values have equal keys.
    fn key(&self) -> Key<'_>;
}

impl<'a, T: Keyed> Held<'a, T> {
    /// The values, prepared for `questions` look-ups.
    pub fn new(values: &'a [T], questions: usize) -> Self {
        let many = questions > FEW_QUESTIONS && values.len().saturating_mul(questions) > FEW;
        let by_key = many.then(|| {
            let mut by_key: HashMap<Key<'a>, Vec<&'a T>> = HashMap::with_capacity(values.len());
            for value in values {
                by_key.entry(value.key()).or_default().push(value);
            }
            by_key
        });
        Self { values, by_key }
    }

    /// Whether the value is one of them. A `null` is never found, because a `null` in a claim counts as absent.
    pub fn contains(&self, value: &T) -> bool {
        if value.key() == Key::Nothing {
            return false;
        }
        match &self.by_key {
            None => self.values.contains(value),
            Some(by_key) => by_key.get(&value.key()).is_some_and(|same| same.contains(&value)),
        }
    }
}

impl Keyed for String {
    fn key(&self) -> Key<'_> {
        Key::Text(self)
    }
}

impl Keyed for Json {
    fn key(&self) -> Key<'_> {
        match self {
            Self::String(text) => Key::Text(text),
            // 0 and -0 are equal but have different bits.
            Self::Number(number) => match number.as_f64() {
                Some(0.0) => Key::Number(0),
                Some(double) => Key::Number(double.to_bits()),
                None => Key::Other,
            },
            Self::Null => Key::Nothing,
            _ => Key::Other,
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
                let arranged = Held::new(held, FEW);
                assert!(arranged.by_key.is_some());
                let expected = *value != Json::Null && held.contains(value);
                assert_eq!(arranged.contains(value), expected, "{value} in {held:?}");
                assert_eq!(Held::new(held, 1).contains(value), expected, "{value} in {held:?}");
            }
        }
    }
}
