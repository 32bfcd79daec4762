//! The exact order of numbers, whatever their notation: `9007199254740993` is greater than `9007199254740992.0`,
//! although both have the same nearest double.

use std::cmp::Ordering;

use super::Number;

/// A number as sign, decimal exponent and digits: ± 0.DIGITS × 10^exponent. The first digit is not zero, and zero has
/// no digits.
struct Decimal<'a> {
    is_negative: bool,
    exponent: i64,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl Number {
    /// Compares the values exactly. It allocates nothing, because it compares a claim of each request with a bound.
    pub fn exact_cmp(&self, other: &Self) -> Ordering {
        let (one, other) = (Decimal::of(self.text()), Decimal::of(other.text()));
        match (one.sign(), other.sign()) {
            (1, 1) => one.magnitude_cmp(&other),
            (-1, -1) => other.magnitude_cmp(&one),
            (one, other) => one.cmp(&other),
        }
    }
}

impl<'a> Decimal<'a> {
    /// The decimal of a JSON number (RFC 8259 section 6). An exponent beyond 64 bits counts as the nearest one.
    fn of(text: &'a str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent_of(exponent);
        let whole = whole.trim_start_matches('0');
        let significant = fraction.trim_start_matches('0');
        if !whole.is_empty() {
            let exponent = exponent.saturating_add(length(whole));
            return Self { is_negative, exponent, whole: whole.as_bytes(), fraction: fraction.as_bytes() };
        }
        let zeros = length(fraction) - length(significant);
        let exponent = exponent.saturating_sub(zeros);
        Self { is_negative, exponent, whole: &[], fraction: significant.as_bytes() }
    }

    fn digits(&self) -> impl Iterator<Item = &'a u8> {
        self.whole.iter().chain(self.fraction)
    }

    fn digits_padded_to(&self, length: usize) -> impl Iterator<Item = u8> {
        self.digits().copied().chain(std::iter::repeat(b'0')).take(length)
    }

    fn sign(&self) -> i8 {
        match (self.digits().next(), self.is_negative) {
            (None, _) => 0,
            (Some(_), true) => -1,
            (Some(_), false) => 1,
        }
    }

    /// The order of two magnitudes that are not zero.
    fn magnitude_cmp(&self, other: &Self) -> Ordering {
        self.exponent.cmp(&other.exponent).then_with(|| {
            let longest =
                (self.whole.len() + self.fraction.len()).max(other.whole.len() + other.fraction.len());
            self.digits_padded_to(longest).cmp(other.digits_padded_to(longest))
        })
    }
}

fn exponent_of(text: &str) -> i64 {
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    text.parse().unwrap_or(limit)
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::json::Json;

    fn number(text: &str) -> Number {
        match Json::parse(text.as_bytes()) {
            Ok(Json::Number(number)) => number,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn numbers_are_ordered_by_their_exact_value() {
        // Each row is greater than the row before it; the texts of a row are equal.
        let rows: [&[&str]; 16] = [
            &["-1e400"],
            &["-100", "-1e2", "-100.0", "-10.0e+1"],
            &["-99.9"],
            &["-0.001", "-1e-3"],
            &["0", "-0", "0.0", "0e9", "-0.000e-7", "0e99999999999999999999"],
            &["1e-99999999999999999999"],
            &["0.001", "1e-3", "0.0010"],
            &["0.01"],
            &["1", "1.0", "1e0", "0.1e1", "10e-1"],
            &["1.0000000000000000000000001"],
            &["9.99"],
            &["10", "1e1"],
            &["9007199254740992", "9007199254740992.0", "9.007199254740992e15"],
            &["9007199254740993"],
            &["1e400", "10e399"],
            &["1e99999999999999999999"],
        ];
        for (place, row) in rows.iter().enumerate() {
            for (other_place, other_row) in rows.iter().enumerate() {
                for (one, other) in row.iter().flat_map(|one| other_row.iter().map(move |other| (one, other)))
                {
                    let order = number(one).exact_cmp(&number(other));
                    assert_eq!(order, place.cmp(&other_place), "{one} and {other}");
                }
            }
        }
    }
}
