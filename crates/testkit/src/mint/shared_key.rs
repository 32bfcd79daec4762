//! Keys shared by all tests of a process.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::{Algorithm, SigningKey};

/// The key with that algorithm and kid. All tests of a process share it, because generating an RSA key takes longer
/// than most tests.
#[expect(clippy::expect_used, reason = "test code: a test without a key fails")]
pub fn shared_key(algorithm: Algorithm, kid: &'static str) -> &'static SigningKey {
    type Keys = HashMap<(Algorithm, &'static str), &'static SigningKey>;
    static KEYS: LazyLock<Mutex<Keys>> = LazyLock::new(Mutex::default);
    KEYS.lock().unwrap_or_else(PoisonError::into_inner).entry((algorithm, kid)).or_insert_with(|| {
        let key = SigningKey::generate(algorithm).expect("the system provides random numbers");
        Box::leak(Box::new(key.with_kid(kid)))
    })
}
