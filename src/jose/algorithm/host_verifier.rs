//! Which of the two ways to check a signature is taken: the host's native code where it has shown that it both
//! accepts and refuses, this module's crates for everything else.

use super::{Algorithm, HostCheck, SignatureCheck, Verifier, WasmVerifier, known_answer_test};

/// The host's function that checks signatures.
pub trait HostFunction {
    /// The host's verdict; `None` where it has no such function, or cannot use the key.
    fn verify_signature(&self, check: &HostCheck<'_>) -> Option<bool>;
}

/// Asks the host for the algorithms that it was seen to get right.
#[derive(Debug)]
pub struct HostVerifier<H> {
    host: H,
    host_algorithms: Vec<Algorithm>,
}

impl<H: HostFunction> HostVerifier<H> {
    /// Puts known answers of every algorithm to the host. One that it lacks, or gets wrong, is left to the module:
    /// hosts are built with different libraries, and none may turn a forged token into a good one.
    pub fn self_tested(host: H) -> Self {
        let right = |algorithm: &Algorithm| known_answer_test(&OnlyHost(&host), *algorithm);
        let host_algorithms = Algorithm::ALL.into_iter().filter(right).collect();
        Self { host, host_algorithms }
    }

    /// The algorithms that the host is asked for.
    pub fn host_algorithms(&self) -> &[Algorithm] {
        &self.host_algorithms
    }
}

impl<H: HostFunction> Verifier for HostVerifier<H> {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        let check_for_host = check.for_host().filter(|_| self.host_algorithms.contains(&check.algorithm()));
        let result = check_for_host.and_then(|check| self.host.verify_signature(&check));
        // A key that the host cannot use is one that the module can, and it decides as the host would have.
        result.unwrap_or_else(|| WasmVerifier.verify(check))
    }
}

/// The host or nobody: what known answers are put to.
struct OnlyHost<'h, H>(&'h H);

impl<H: HostFunction> Verifier for OnlyHost<'_, H> {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        check.for_host().and_then(|check| self.0.verify_signature(&check)) == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers whatever it is asked the same.
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
                assert!(known_answer_test(&verifier, algorithm), "{answer:?}: the module does {algorithm:?}");
            }
        }
    }
}
