//! Generated policies: a path in its own spelling needs only its own route; another spelling needs the routes of all
//! its path variants.

use proptest::prelude::*;

proptest! {
    #![proptest_config(super::properties::config())]

    #[test]
    fn a_path_in_its_own_spelling_needs_only_its_own_route(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        jwt_guard_fuzz::own_spelling::holds(&bytes);
    }
}
