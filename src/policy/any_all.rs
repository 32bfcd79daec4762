//! Names or values of which one is required, or all.

use super::non_empty::NonEmpty;
use super::value_set::{ToHashKey, ValueSet};

/// A match of at least one of the values, or of all.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyAll<T> {
    /// At least one value must match.
    Any(NonEmpty<T>),
    /// Every value must match.
    All(NonEmpty<T>),
}

/// Whether the values that are present are enough.
pub(super) fn is_met<T: ToHashKey>(required: &AnyAll<T>, present: &[T]) -> bool {
    is_met_or_covered(required, present, |_| false)
}

/// [`is_met`], with another test for each value that is not present.
pub(super) fn is_met_or_covered<T: ToHashKey>(
    required: &AnyAll<T>,
    present: &[T],
    covered: impl Fn(&T) -> bool,
) -> bool {
    let (AnyAll::Any(listed) | AnyAll::All(listed)) = required;
    let present = ValueSet::new(present, listed.count());
    match required {
        AnyAll::Any(listed) => listed.iter().any(|value| present.contains(value) || covered(value)),
        AnyAll::All(listed) => listed.iter().all(|value| present.contains(value) || covered(value)),
    }
}
