//! Verifies one signature with one key (RFC 7515 section 5.2).
//!
//! There are two verifiers: the native code of the host, if it has any, and the crates in this wasm module. They must
//! accept the same signatures. Therefore [`SignatureCheck::new`] checks the form of a signature before either of them
//! verifies it.

use std::borrow::Cow;
use std::fmt::{Debug, Formatter};

use ed25519_dalek::ed25519;
use sha2::{Sha256, Sha384, Sha512};

use super::public_key::{Material, MlDsaKey, PublicKey};
use super::{Algorithm, der};

/// A signature whose form fits its algorithm and key. The signature itself is not verified yet.
#[derive(Clone, Copy)]
pub struct SignatureCheck<'a> {
    algorithm: Algorithm,
    key: &'a PublicKey,
    message: &'a [u8],
    signature: &'a [u8],
}

/// The arguments of the host function `verify_signature`.
#[derive(Clone, PartialEq, Eq)]
pub struct HostCheck<'a> {
    /// `sha256`, `sha384` or `sha512`
    pub hash_function: &'static str,
    /// SubjectPublicKeyInfo in DER.
    pub public_key: &'a [u8],
    /// For RSA, the signature as in the token. For EC, Ecdsa-Sig-Value in DER.
    pub signature: Cow<'a, [u8]>,
    /// The signed text.
    pub text: &'a [u8],
}

/// Verifies signatures: in this wasm module, or with the host.
pub trait Verifier {
    /// Whether the signature is valid.
    fn verify(&self, check: &SignatureCheck<'_>) -> bool;
}

impl<'a> SignatureCheck<'a> {
    /// `None` if the signature cannot be valid: the key is of another kind, the length does not fit the algorithm and
    /// the key, or a number is out of range.
    ///
    /// The check of the length stops ECDSA signatures in DER, and padded or truncated ones. The check of the range
    /// stops the blank signature (r = s = 0), which would be valid for every message in a library where division by
    /// zero gives zero. It also stops a second encoding of a valid signature as r + n.
    pub fn new(
        algorithm: Algorithm,
        key: &'a PublicKey,
        message: &'a [u8],
        signature: &'a [u8],
    ) -> Option<Self> {
        let well_formed = key.fits(algorithm)
            && match &key.material {
                // RFC 8017 section 8.2.2: as long as the modulus, and less than it. Byte strings of equal length
                // compare as numbers.
                Material::Rsa(_, modulus) => {
                    signature.len() == modulus.len() && signature < modulus.as_slice()
                }
                Material::Ec(key) => key.is_signature(signature),
                Material::Ed25519(_) => signature.len() == ed25519::Signature::BYTE_SIZE,
                // FIPS 204 section 4, table 2
                Material::MlDsa44(_) => signature.len() == 2420,
                Material::MlDsa65(_) => signature.len() == 3309,
                Material::MlDsa87(_) => signature.len() == 4627,
            };
        well_formed.then_some(Self { algorithm, key, message, signature })
    }

    /// The algorithm of the signature.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The arguments for the host; `None` if the host has no function for the algorithm.
    pub fn for_host(&self) -> Option<HostCheck<'a>> {
        let hash_function = match self.algorithm {
            Algorithm::Rs256 | Algorithm::Es256 => "sha256",
            Algorithm::Rs384 | Algorithm::Es384 => "sha384",
            Algorithm::Rs512 | Algorithm::Es512 => "sha512",
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 | Algorithm::Ed25519 => return None,
            Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => return None,
        };
        let signature = match &self.key.material {
            Material::Ec(_) => Cow::Owned(der::ecdsa_signature(self.signature)),
            _ => Cow::Borrowed(self.signature),
        };
        let public_key = self.key.spki.as_deref()?;
        Some(HostCheck { hash_function, public_key, signature, text: self.message })
    }
}

/// Shows neither message nor signature, which together are the token.
impl Debug for SignatureCheck<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignatureCheck").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Shows neither message nor signature, which together are the token.
impl Debug for HostCheck<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCheck").field("hash_function", &self.hash_function).finish_non_exhaustive()
    }
}

/// Verifies signatures in this wasm module, with the linked crates.
#[derive(Debug, Clone, Copy, Default)]
pub struct WasmVerifier;

impl Verifier for WasmVerifier {
    fn verify(&self, check: &SignatureCheck<'_>) -> bool {
        let SignatureCheck { algorithm, key, message, signature } = *check;
        match &key.material {
            Material::Rsa(key, _) => verify_rsa(algorithm, key, message, signature),
            Material::Ec(key) => key.verify(message, signature),
            Material::Ed25519(key) => ed25519::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Material::MlDsa44(key) => ml_dsa_accepts(key, message, signature),
            Material::MlDsa65(key) => ml_dsa_accepts(key, message, signature),
            Material::MlDsa87(key) => ml_dsa_accepts(key, message, signature),
        }
    }
}

fn verify_rsa(algorithm: Algorithm, key: &rsa::PublicKey, message: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        Algorithm::Rs256 => key.pkcs1v15_verify::<Sha256>(message, signature).is_ok(),
        Algorithm::Rs384 => key.pkcs1v15_verify::<Sha384>(message, signature).is_ok(),
        Algorithm::Rs512 => key.pkcs1v15_verify::<Sha512>(message, signature).is_ok(),
        Algorithm::Ps256 => key.pss_verify::<Sha256>(message, signature).is_ok(),
        Algorithm::Ps384 => key.pss_verify::<Sha384>(message, signature).is_ok(),
        Algorithm::Ps512 => key.pss_verify::<Sha512>(message, signature).is_ok(),
        _ => false,
    }
}

/// Pure ML-DSA with an empty context (RFC 9964).
fn ml_dsa_accepts<P: ml_dsa::MlDsaParams>(key: &MlDsaKey<P>, message: &[u8], signature: &[u8]) -> bool {
    ml_dsa::Signature::<P>::try_from(signature)
        .is_ok_and(|signature| key.expanded().verify_with_context(message, &[], &signature))
}
