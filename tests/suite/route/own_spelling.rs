//! A route grants what it says, and its other spellings what all their readings say: over generated policies.

use super::{oracle, upstream};
use proptest::prelude::*;

#[allow(dead_code, reason = "fuzz/src looks for exceptions to the same property")]
#[path = "../../../fuzz/src/own_spelling.rs"]
mod property;

proptest! {
    #![proptest_config(super::properties::config())]

    #[test]
    fn a_route_grants_what_it_says(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        property::holds(&bytes);
    }
}
