//! A self-test for a [`Verifier`] with known signatures, before the filter relies on it.

use super::algorithm::{Algorithm, SignatureCheck, Verifier};
use super::base64url;
use super::json::Json;
use super::jwks::KeySet;

/// Created by `tests/data/jose/mint.py known-answers`. The private keys were not kept.
///
/// The module has the answers for the algorithms of a host. The others, which only this module verifies, are 23 kB: they
/// are in the unit tests.
const KNOWN_ANSWERS: &[&str] = &[
    include_str!("known_answers.json"),
    #[cfg(test)]
    include_str!("../../tests/data/jose/known_answers.json"),
];

/// Whether the verifier accepts a valid signature with this algorithm, and refuses it after a change of the message or
/// of the signature. No verifier passes with an algorithm that hosts do not have ([`SignatureCheck::for_host`]).
///
/// A host may have no such function, or not support a curve or a hash. A broken host may accept every signature.
pub fn known_answer_test(verifier: &dyn Verifier, algorithm: Algorithm) -> bool {
    KNOWN_ANSWERS.iter().any(|known| passes(known, verifier, algorithm).unwrap_or(false))
}

fn passes(known: &str, verifier: &dyn Verifier, algorithm: Algorithm) -> Option<bool> {
    let keys = KeySet::parse(known.as_bytes()).ok()?.keys;
    let known = Json::parse(known.as_bytes()).ok()?;
    let answer = known.member("answers")?.member(algorithm.name())?;
    let candidates = keys.candidates(answer.member("kid")?.as_str(), algorithm, &[]).ok()?;
    let key = candidates.first()?;
    let message = known.member("message")?.as_str()?.as_bytes();
    let signature = base64url::decode(answer.member("signature")?.as_str()?.as_bytes())?;
    // In every algorithm the last byte is part of a number of the signature, and one changed bit keeps it in range.
    let (last, rest) = signature.split_last()?;
    let damaged = [rest, &[last ^ 1]].concat();

    let accepts = |message: &[u8], signature: &[u8]| {
        SignatureCheck::new(algorithm, key, message, signature).is_some_and(|check| verifier.verify(&check))
    };
    Some(
        accepts(message, &signature)
            && !accepts(b"another message", &signature)
            && !accepts(message, &damaged),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::algorithm::WasmVerifier;

    struct Always(bool);

    impl Verifier for Always {
        fn verify(&self, _: &SignatureCheck<'_>) -> bool {
            self.0
        }
    }

    #[test]
    fn the_module_passes_and_broken_verifiers_do_not() {
        for algorithm in Algorithm::ALL {
            assert!(known_answer_test(&WasmVerifier, algorithm), "{algorithm:?}");
            assert!(!known_answer_test(&Always(true), algorithm), "{algorithm:?} with all accepted");
            assert!(!known_answer_test(&Always(false), algorithm), "{algorithm:?} with all refused");
        }
    }

    /// The damaged signature must reach the verifier. If an earlier check refused it, a verifier that accepts
    /// everything would pass the test.
    struct IgnoresSignature;

    impl Verifier for IgnoresSignature {
        fn verify(&self, check: &SignatureCheck<'_>) -> bool {
            check.for_host().is_none_or(|check| check.text == b"jwt-guard")
        }
    }

    #[test]
    fn the_damaged_signature_is_well_formed() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
            assert!(!known_answer_test(&IgnoresSignature, algorithm), "{algorithm:?}");
        }
    }
}
