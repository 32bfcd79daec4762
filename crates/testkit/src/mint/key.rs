//! A private key and its algorithm.

use std::fmt;

use getrandom::SysRng;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer};
use rsa::{pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};

use super::compact::compact;
use super::error::MintError;
use jwt_guard::jose::algorithm::Algorithm;

/// A private key with its `kid` and its algorithm.
#[derive(Clone)]
pub struct SigningKey {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) material: Material,
}

/// Large keys are boxed: an expanded ML-DSA key takes tens of kilobytes.
#[derive(Clone)]
pub(super) enum Material {
    Rsa(Box<rsa::PrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    MlDsa44(Box<ml_dsa::SigningKey<ml_dsa::MlDsa44>>),
    MlDsa65(Box<ml_dsa::SigningKey<ml_dsa::MlDsa65>>),
    MlDsa87(Box<ml_dsa::SigningKey<ml_dsa::MlDsa87>>),
}

impl fmt::Debug for SigningKey {
    /// Omits the key, because printed text ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Generates a key; RSA with 2048 bits. Its `kid` is its thumbprint (RFC 7638).
    pub fn generate(algorithm: Algorithm) -> Result<Self, MintError> {
        if is_rsa(algorithm) {
            return Self::generate_rsa(algorithm, 2048);
        }
        // At most about one candidate in 2^32 is not a valid scalar of its curve.
        for _ in 0..8 {
            let mut secret = [0; 66];
            let secret = secret.get_mut(..secret_length(algorithm)).unwrap_or_default();
            getrandom::fill(secret).map_err(|_| MintError::Random)?;
            if let (Algorithm::Es512, Some(first)) = (algorithm, secret.first_mut()) {
                // P-521 uses 521 bits of 66 bytes.
                *first &= 1;
            }
            if let Ok(material) = Material::from_secret(algorithm, secret) {
                return Ok(Self::named_by_thumbprint(algorithm, material));
            }
        }
        Err(MintError::Random)
    }

    /// Generates an RSA key with 1024 to 8192 bits. Sizes that the filter rejects are possible, to test the rejection.
    pub fn generate_rsa(algorithm: Algorithm, bits: usize) -> Result<Self, MintError> {
        if !is_rsa(algorithm) {
            return Err(MintError::WrongKeyType(algorithm));
        }
        if !(1024..=8192).contains(&bits) {
            return Err(MintError::RsaBits(bits));
        }
        let key = rsa::PrivateKey::new(&mut SysRng, bits).map_err(|_| MintError::Random)?;
        Ok(Self::named_by_thumbprint(algorithm, Material::Rsa(Box::new(key))))
    }

    fn named_by_thumbprint(algorithm: Algorithm, material: Material) -> Self {
        let mut key = Self { kid: String::new(), algorithm, material };
        key.kid = key.thumbprint();
        key
    }

    /// Replaces the `kid`.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = kid.into();
        self
    }

    /// Replaces the algorithm by another one of the same key type: an RSA key signs with all RS and PS algorithms.
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Self, MintError> {
        if !self.material.fits(algorithm) {
            return Err(MintError::WrongKeyType(algorithm));
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// Its `kid`.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A compact JWS over the header and the claims, both signed byte for byte: they may be invalid JSON.
    ///
    /// Fails only if an RSA key is too short for its hash.
    pub fn sign(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> Result<String, MintError> {
        let unsigned = compact(header.as_ref(), claims.as_ref(), &[]);
        let input = unsigned.strip_suffix('.').unwrap_or(&unsigned);
        let signature = self.signature(input.as_bytes())?;
        Ok(compact(header.as_ref(), claims.as_ref(), &signature))
    }

    /// The signature over the bytes in JWS form: R‖S for elliptic curves.
    pub fn signature(&self, message: &[u8]) -> Result<Vec<u8>, MintError> {
        match &self.material {
            Material::Rsa(key) => rsa_signature(key, self.algorithm, message),
            Material::P256(key) => deterministic::<_, p256::ecdsa::Signature>(key, message),
            Material::P384(key) => deterministic::<_, p384::ecdsa::Signature>(key, message),
            Material::P521(key) => deterministic::<_, p521::ecdsa::Signature>(key, message),
            Material::Ed25519(key) => deterministic::<_, ed25519_dalek::Signature>(key.as_ref(), message),
            Material::MlDsa44(key) => {
                deterministic::<_, ml_dsa::Signature<ml_dsa::MlDsa44>>(key.as_ref(), message)
            }
            Material::MlDsa65(key) => {
                deterministic::<_, ml_dsa::Signature<ml_dsa::MlDsa65>>(key.as_ref(), message)
            }
            Material::MlDsa87(key) => {
                deterministic::<_, ml_dsa::Signature<ml_dsa::MlDsa87>>(key.as_ref(), message)
            }
        }
    }
}

impl Material {
    /// Creates the key from its secret: a scalar, or the seed of Ed25519 and ML-DSA.
    pub(super) fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, MintError> {
        let no_key = MintError::JwkNoKey;
        if secret.len() != secret_length(algorithm) {
            return Err(no_key);
        }
        Ok(match algorithm {
            Algorithm::Es256 => Self::P256(p256::ecdsa::SigningKey::from_slice(secret).map_err(|_| no_key)?),
            Algorithm::Es384 => Self::P384(p384::ecdsa::SigningKey::from_slice(secret).map_err(|_| no_key)?),
            Algorithm::Es512 => Self::P521(p521::ecdsa::SigningKey::from_slice(secret).map_err(|_| no_key)?),
            Algorithm::Ed25519 => {
                let seed: &[u8; 32] = secret.try_into().map_err(|_| no_key)?;
                Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
            }
            Algorithm::MlDsa44 => Self::MlDsa44(Box::new(ml_dsa::SigningKey::from_seed(&seed(secret)?))),
            Algorithm::MlDsa65 => Self::MlDsa65(Box::new(ml_dsa::SigningKey::from_seed(&seed(secret)?))),
            Algorithm::MlDsa87 => Self::MlDsa87(Box::new(ml_dsa::SigningKey::from_seed(&seed(secret)?))),
            _ => return Err(MintError::WrongKeyType(algorithm)),
        })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa(_) => is_rsa(algorithm),
            Self::P256(_) => algorithm == Algorithm::Es256,
            Self::P384(_) => algorithm == Algorithm::Es384,
            Self::P521(_) => algorithm == Algorithm::Es512,
            Self::Ed25519(_) => algorithm == Algorithm::Ed25519,
            Self::MlDsa44(_) => algorithm == Algorithm::MlDsa44,
            Self::MlDsa65(_) => algorithm == Algorithm::MlDsa65,
            Self::MlDsa87(_) => algorithm == Algorithm::MlDsa87,
        }
    }
}

fn seed(secret: &[u8]) -> Result<ml_dsa::Seed, MintError> {
    secret.try_into().map_err(|_| MintError::JwkNoKey)
}

const fn is_rsa(algorithm: Algorithm) -> bool {
    use Algorithm::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512)
}

const fn secret_length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Es384 => 48,
        Algorithm::Es512 => 66,
        _ => 32,
    }
}

fn deterministic<K: Signer<S>, S: SignatureEncoding>(key: &K, message: &[u8]) -> Result<Vec<u8>, MintError> {
    let signature = key.try_sign(message).map_err(|_| MintError::Signing)?;
    Ok(signature.to_vec())
}

fn rsa_signature(key: &rsa::PrivateKey, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, MintError> {
    let key = key.clone();
    match algorithm {
        Algorithm::Rs256 => randomized(&pkcs1v15::SigningKey::<Sha256>::new(key), message),
        Algorithm::Rs384 => randomized(&pkcs1v15::SigningKey::<Sha384>::new(key), message),
        Algorithm::Rs512 => randomized(&pkcs1v15::SigningKey::<Sha512>::new(key), message),
        Algorithm::Ps256 => randomized(&pss::SigningKey::<Sha256>::new(key), message),
        Algorithm::Ps384 => randomized(&pss::SigningKey::<Sha384>::new(key), message),
        Algorithm::Ps512 => randomized(&pss::SigningKey::<Sha512>::new(key), message),
        other => Err(MintError::WrongKeyType(other)),
    }
}

/// PSS uses random numbers as salt. PKCS#1 v1.5 uses them only for blinding, so its signatures are deterministic.
fn randomized<K: RandomizedSigner<S>, S: SignatureEncoding>(
    key: &K,
    message: &[u8],
) -> Result<Vec<u8>, MintError> {
    let signature = key.try_sign_with_rng(&mut SysRng, message).map_err(|_| MintError::Signing)?;
    Ok(signature.to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, MintError, SigningKey};

    #[test]
    fn es512_verifies_with_its_curve() {
        use p521::ecdsa::signature::Verifier;
        let key = SigningKey::generate(Algorithm::Es512).unwrap();
        let super::Material::P521(secret) = &key.material else { panic!("{key:?}") };
        let signature = p521::ecdsa::Signature::from_slice(&key.signature(b"message").unwrap()).unwrap();
        assert!(secret.verifying_key().verify(b"message", &signature).is_ok());
        assert!(secret.verifying_key().verify(b"another", &signature).is_err());
    }

    #[test]
    fn a_key_signs_only_for_its_type() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let refused = key.with_algorithm(Algorithm::Rs256).unwrap_err();
        assert_eq!(refused, MintError::WrongKeyType(Algorithm::Rs256));
        assert_eq!(SigningKey::generate_rsa(Algorithm::Rs256, 512).unwrap_err(), MintError::RsaBits(512));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let secret = key.private_jwk()["d"].as_str().unwrap().to_owned();
        assert!(!format!("{key:?}").contains(&secret));
    }
}
