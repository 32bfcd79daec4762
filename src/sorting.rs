//! Sorts lists with little code. The standard library compiles its sort again for each type and each comparison, 2 to
//! 7 kB each time, and Envoy compiles all of the module before it serves requests.

use std::cmp::Ordering;

/// Up to this length, sorting by insertion takes less time, and no memory.
const SHORT: usize = 16;

/// Sorts in ascending order. Equal items stay in their order.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts by this comparison, in O(n log n). Equal items stay in their order.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let is_less = |one: usize, other: usize| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other).is_lt(),
        _ => false,
    };
    if items.len() > SHORT {
        let places = places(items.len(), &is_less);
        permute(items, places);
        return;
    }
    for end in 1..items.len() {
        let mut at = end;
        while let Some(before) = at.checked_sub(1) {
            match items.get(before..=at) {
                Some([one, other]) if compare(other, one).is_lt() => items.swap(before, at),
                _ => break,
            }
            at = before;
        }
    }
}

/// The indices of the items in their new order: a merge sort, from runs of one item to one run.
fn places(length: usize, is_less: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let (mut runs, mut merged) = ((0..length).collect::<Vec<_>>(), Vec::with_capacity(length));
    let mut width = 1;
    while width < length {
        merged.clear();
        for pair in runs.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([one, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
                if is_less(*other, *one) {
                    merged.push(*other);
                    right = right_rest;
                } else {
                    merged.push(*one);
                    left = left_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut runs, &mut merged);
        width *= 2;
    }
    runs
}

/// Moves the item at `places[index]` to `index`, for each index, along the cycles of the permutation.
fn permute<T>(items: &mut [T], mut places: Vec<usize>) {
    for start in 0..places.len() {
        let mut at = start;
        while let Some(place) = places.get_mut(at) {
            let from = std::mem::replace(place, at);
            if from == start || from == at {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_a_stable_sort(keys in prop::collection::vec(0_u8..40, 0..100)) {
            let mut sorted: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
            let mut expected = sorted.clone();
            sort_by(&mut sorted, |(one, _), (other, _)| one.cmp(other));
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(sorted, expected);
        }

        #[test]
        fn texts_are_in_ascending_order(texts in prop::collection::vec("[a-c]{0,3}", 0..60)) {
            let (mut sorted, mut expected) = (texts.clone(), texts);
            sort(&mut sorted);
            expected.sort();
            prop_assert_eq!(sorted, expected);
        }
    }
}
