//! Chooses between the two verifiers: the native code of the host for each algorithm that passed a self-test, and the
//! crates in this wasm module for all others.

use super::{Algorithm, HostCheck, SignatureCheck, Verifier, WasmVerifier, known_answer_test};

/// The host function that verifies signatures.
pub trait HostFunction {
    /// Whether the host accepts the signature; `None` if it has no such function or cannot use the key.
    fn verify_signature(&self, check: &HostCheck<'_>) -> Option<bool>;
}

/// Verifies signatures with the host for the algorithms that passed the self-test, and in this module for the others.
#[derive(Debug)]
pub struct HostVerifier<H> {
    host: H,
    host_algorithms: Vec<Algorithm>,
}

impl<H: HostFunction> HostVerifier<H> {
    /// Tests the host with known answers for every algorithm. An algorithm that the host does not support, or gets
    /// wrong, is verified in this module. Hosts are built with different libraries, and a faulty one must not make a
    /// forged token valid.
    pub fn self_tested(host: H) -> Self {
        let right = |algorithm: &Algorithm| known_answer_test(&OnlyHost(&host), *algorithm);
        let host_algorithms = Algorithm::ALL.into_iter().filter(right).collect();
        Self { host, host_algorithms }
    }

    /// The algorithms that the host verifies.
    pub fn host_algorithms(&self) -> &[Algorithm] {
        &self.host_algorithms
    }
}

impl<H: HostFunction> Verifier for HostVerifier<H> {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        let check_for_host = check.for_host().filter(|_| self.host_algorithms.contains(&check.algorithm()));
        let result = check_for_host.and_then(|check| self.host.verify_signature(&check));
        // If the host cannot use a key, this module verifies the signature by the same rules.
        result.unwrap_or_else(|| WasmVerifier.verify(check))
    }
}

/// Verifies with the host only, for the self-test.
struct OnlyHost<'h, H>(&'h H);

impl<H: HostFunction> Verifier for OnlyHost<'_, H> {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        check.for_host().and_then(|check| self.0.verify_signature(&check)) == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the same answer for every signature.
    struct Always(Option<bool>);

    impl HostFunction for Always {
        fn verify_signature(&self, _: &HostCheck<'_>) -> Option<bool> {
            self.0
        }
    }

    #[test]
    fn a_host_that_answers_wrongly_is_not_asked_again() {
        for answer in [None, Some(false), Some(true)] {
            let verifier = HostVerifier::self_tested(Always(answer));
            assert_eq!(verifier.host_algorithms(), [], "{answer:?}");
            for algorithm in Algorithm::ALL {
                assert!(
                    known_answer_test(&verifier, algorithm),
                    "{answer:?}: the wasm module verifies {algorithm:?}"
                );
            }
        }
    }
}
