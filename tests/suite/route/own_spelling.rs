//! A route grants what it says, and its other spellings what all their readings say: over generated policies.

use proptest::prelude::*;

proptest! {
    #![proptest_config(super::properties::config())]

    #[test]
    fn a_path_in_its_own_spelling_needs_only_its_own_route(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        jwt_guard_fuzz::own_spelling::holds(&bytes);
    }
}
