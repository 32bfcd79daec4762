//! A double of the host's `verify_signature`: like the real function, it only sees the DER of the key and signature.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

use jwt_guard::jose::algorithm::{HostCheck, SignatureCheck, Verifier, WasmVerifier};
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey;
use rsa::sha2::{Sha256, Sha384, Sha512};

/// Verifies with the host double if the host supports the algorithm, otherwise inside the module, as the filter does.
pub struct HostDouble;

impl Verifier for HostDouble {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        match check.for_host() {
            Some(check) => verify_signature(&check),
            None => WasmVerifier.verify(check),
        }
    }
}

/// The host function.
pub fn verify_signature(check: &HostCheck<'_>) -> bool {
    let HostCheck { hash_function, public_key, signature, text } = check;
    if let Ok(key) = rsa::PublicKey::from_public_key_der(public_key) {
        return match *hash_function {
            "sha256" => key.pkcs1v15_verify::<Sha256>(text, signature).is_ok(),
            "sha384" => key.pkcs1v15_verify::<Sha384>(text, signature).is_ok(),
            "sha512" => key.pkcs1v15_verify::<Sha512>(text, signature).is_ok(),
            other => panic!("no host supports {other}"),
        };
    }
    match *hash_function {
        "sha256" => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(public_key).unwrap();
            let signature = p256::ecdsa::Signature::from_der(signature).expect("a signature in valid DER");
            key.verify(text, &signature).is_ok()
        }
        "sha384" => {
            let key = p384::ecdsa::VerifyingKey::from_public_key_der(public_key).unwrap();
            let signature = p384::ecdsa::Signature::from_der(signature).expect("a signature in valid DER");
            key.verify(text, &signature).is_ok()
        }
        "sha512" => {
            let key = p521::ecdsa::VerifyingKey::from_public_key_der(public_key).unwrap();
            let signature = p521::ecdsa::Signature::from_der(signature).expect("a signature in valid DER");
            key.verify(text, &signature).is_ok()
        }
        other => panic!("no host supports {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::jose::algorithm::{Algorithm, known_answer_test};

    #[test]
    fn the_host_passes_the_known_answers() {
        use Algorithm::{Es256, Es384, Es512, Rs256, Rs384, Rs512};
        for algorithm in [Rs256, Rs384, Rs512, Es256, Es384, Es512] {
            assert!(known_answer_test(&HostDouble, algorithm), "{algorithm:?}");
        }
    }
}
