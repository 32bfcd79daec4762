//! Chooses between the two verifiers: the native code of the host for each algorithm that passed a self-test, and the
//! crates in this wasm module for all others.

use super::{Algorithm, HostCheck, InModule, SignatureCheck, Verifier, known_answer_test};

/// The host function that verifies signatures.
pub trait HostFunction {
    /// Whether the host accepts the signature; `None` if it has no such function or cannot use the key.
    fn verify_signature(&self, check: &HostCheck<'_>) -> Option<bool>;
}

/// Verifies signatures with the host for the algorithms that passed the self-test, and in this module for the others.
#[derive(Debug)]
pub struct HostFirst<H> {
    host: H,
    by_host: Vec<Algorithm>,
}

impl<H: HostFunction> HostFirst<H> {
    /// Tests the host with known answers for every algorithm. An algorithm that the host does not support, or gets
    /// wrong, is verified in this module. Hosts are built with different libraries, and a faulty one must not make a
    /// forged token valid.
    pub fn tried(host: H) -> Self {
        let right = |algorithm: &Algorithm| known_answer_test(&HostOnly(&host), *algorithm);
        let by_host = Algorithm::ALL.into_iter().filter(right).collect();
        Self { host, by_host }
    }

    /// The algorithms that the host verifies.
    pub fn by_host(&self) -> &[Algorithm] {
        &self.by_host
    }
}

impl<H: HostFunction> Verifier for HostFirst<H> {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        let asked = check.for_host().filter(|_| self.by_host.contains(&check.algorithm()));
        let verdict = asked.and_then(|check| self.host.verify_signature(&check));
        // If the host cannot use a key, this module verifies the signature by the same rules.
        verdict.unwrap_or_else(|| InModule.verify(check))
    }
}

/// Verifies with the host only, for the self-test.
struct HostOnly<'h, H>(&'h H);

impl<H: HostFunction> Verifier for HostOnly<'_, H> {
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
            let verifier = HostFirst::tried(Always(answer));
            assert_eq!(verifier.by_host(), [], "{answer:?}");
            for algorithm in Algorithm::ALL {
                assert!(
                    known_answer_test(&verifier, algorithm),
                    "{answer:?}: the wasm module verifies {algorithm:?}"
                );
            }
        }
    }
}
