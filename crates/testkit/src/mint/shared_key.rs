//! Keys that the tests of a process share.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::{Algorithm, SigningKey};

/// The key of that algorithm and kid, one for all tests of a run: to make an RSA key takes longer than most tests.
#[expect(clippy::expect_used, reason = "only tests use it: a test without a key has failed")]
pub fn shared_key(algorithm: Algorithm, kid: &'static str) -> &'static SigningKey {
    type Keys = HashMap<(Algorithm, &'static str), &'static SigningKey>;
    static KEYS: LazyLock<Mutex<Keys>> = LazyLock::new(Mutex::default);
    KEYS.lock().unwrap_or_else(PoisonError::into_inner).entry((algorithm, kid)).or_insert_with(|| {
        let key = SigningKey::generate(algorithm).expect("the system makes keys");
        Box::leak(Box::new(key.with_kid(kid)))
    })
}
