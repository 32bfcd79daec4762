//! Public keys, checked when they are parsed (RFC 7518 section 6, RFC 8037, RFC 9964). A [`PublicKey`] always has a
//! point on its curve or a modulus of an accepted size, so that verifying a signature needs no further check of the
//! key.

use std::fmt::{Debug, Formatter};
use std::sync::OnceLock;

use jwt_guard_ecdsa as ecdsa;
use jwt_guard_ecdsa::Curve;

use super::{Algorithm, der};
use crate::jose::error::KeyError;
use crate::jose::limits::RSA_BITS;

/// A public key that can verify signatures.
#[derive(Clone)]
pub struct PublicKey {
    pub(super) material: Material,
    /// SubjectPublicKeyInfo in DER, if the host supports this kind of key.
    pub(super) spki: Option<Vec<u8>>,
}

#[derive(Clone)]
pub(super) enum Material {
    /// The key, and its modulus without leading zeros, which signatures are compared with.
    Rsa(Box<rsa::PublicKey>, Vec<u8>),
    Ec(ecdsa::PublicKey),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    MlDsa44(Box<MlDsaKey<ml_dsa::MlDsa44>>),
    MlDsa65(Box<MlDsaKey<ml_dsa::MlDsa65>>),
    MlDsa87(Box<MlDsaKey<ml_dsa::MlDsa87>>),
}

/// An ML-DSA key that is expanded at its first use. An expanded key takes up to 70 KiB, and a set may contain many keys
/// that no token uses.
#[derive(Clone)]
pub(super) struct MlDsaKey<P: ml_dsa::MlDsaParams> {
    encoded: ml_dsa::EncodedVerifyingKey<P>,
    expanded: OnceLock<Box<ml_dsa::VerifyingKey<P>>>,
}

impl<P: ml_dsa::MlDsaParams> MlDsaKey<P> {
    fn parse(bytes: &[u8]) -> Result<Box<Self>, KeyError> {
        let encoded = ml_dsa::EncodedVerifyingKey::<P>::try_from(bytes).map_err(|_| KeyError::Length)?;
        Ok(Box::new(Self { encoded, expanded: OnceLock::new() }))
    }

    pub(super) fn expanded(&self) -> &ml_dsa::VerifyingKey<P> {
        self.expanded.get_or_init(|| Box::new(ml_dsa::VerifyingKey::decode(&self.encoded)))
    }
}

impl PublicKey {
    /// An RSA key from its big-endian modulus and exponent.
    ///
    /// Leading zeros are removed. RFC 7518 section 6.3.1 forbids them, but some issuers send the sign byte of their
    /// ASN.1 encoder. Removing it does not change the number.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        let bits = bits(modulus);
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        // The product of two odd primes is odd. An even modulus has the known factor 2.
        if modulus.last().is_none_or(|byte| byte % 2 == 0) {
            return Err(KeyError::RsaModulusEven);
        }
        // With the exponent 1 every number is its own signature. An even exponent has no inverse. With an exponent
        // above 2^33 verification becomes slow, and BoringSSL refuses it too.
        let value = exponent.iter().try_fold(0_u64, |value, byte| {
            value.checked_mul(256).map(|value| value | u64::from(*byte)).filter(|value| *value < 1 << 33)
        });
        if value.is_none_or(|value| value < 3 || value % 2 == 0) {
            return Err(KeyError::RsaExponent);
        }
        let number = rsa::BoxedUint::from_be_slice_vartime;
        let key =
            rsa::PublicKey::new(number(modulus), number(exponent)).map_err(|_| KeyError::RsaSize { bits })?;
        let spki = Some(der::rsa_public_key(modulus, exponent));
        Ok(Self { material: Material::Rsa(Box::new(key), modulus.to_vec()), spki })
    }

    /// A key on one of the NIST curves from its big-endian coordinates. Both must have the length of the curve (RFC
    /// 7518 section 6.2.1.2).
    pub fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != curve.size() || y.len() != curve.size() {
            return Err(KeyError::Length);
        }
        let point = [&[4], x, y].concat();
        // A point that is not on the curve would be on a weaker one. The crates refuse such a point, and the identity.
        let key = ecdsa::PublicKey::parse(curve, &point).ok_or(KeyError::OffCurve)?;
        Ok(Self { material: Material::Ec(key), spki: Some(der::ec_public_key(curve, &point)) })
    }

    /// An Ed25519 key from its 32 bytes (RFC 8032 section 5.1.3).
    pub fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::Length)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::OffCurve)?;
        // The crate reduces y modulo p. RFC 8032 requires y to be less than p, so that a key has one encoding.
        if key.to_edwards().compress().to_bytes() != *bytes {
            return Err(KeyError::OffCurve);
        }
        // With a key of small order, one signature is valid for almost every message.
        if key.is_weak() {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self { material: Material::Ed25519(Box::new(key)), spki: None })
    }

    /// An ML-DSA-44 key from its encoded form (FIPS 204 section 7.2). All bytes of the right length are a key.
    pub fn ml_dsa_44(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self { material: Material::MlDsa44(MlDsaKey::parse(bytes)?), spki: None })
    }

    /// An ML-DSA-65 key from its encoded form.
    pub fn ml_dsa_65(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self { material: Material::MlDsa65(MlDsaKey::parse(bytes)?), spki: None })
    }

    /// An ML-DSA-87 key from its encoded form.
    pub fn ml_dsa_87(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self { material: Material::MlDsa87(MlDsaKey::parse(bytes)?), spki: None })
    }

    /// The size of the modulus in bits, if it is an RSA key.
    pub fn rsa_bits(&self) -> Option<usize> {
        match &self.material {
            Material::Rsa(_, modulus) => Some(bits(modulus)),
            _ => None,
        }
    }

    /// Whether the kind of key and its curve fit the algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{Ed25519, Es256, Es384, Es512, MlDsa44, MlDsa65, MlDsa87};
        use Algorithm::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match &self.material {
            Material::Rsa(..) => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Material::Ec(key) => match key.curve() {
                Curve::P256 => algorithm == Es256,
                Curve::P384 => algorithm == Es384,
                Curve::P521 => algorithm == Es512,
            },
            Material::Ed25519(_) => algorithm == Ed25519,
            Material::MlDsa44(_) => algorithm == MlDsa44,
            Material::MlDsa65(_) => algorithm == MlDsa65,
            Material::MlDsa87(_) => algorithm == MlDsa87,
        }
    }
}

/// Shows only the kind of key. Key material does not belong in logs.
impl Debug for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.material {
            Material::Rsa(..) => "PublicKey(RSA)",
            Material::Ec(key) => match key.curve() {
                Curve::P256 => "PublicKey(P-256)",
                Curve::P384 => "PublicKey(P-384)",
                Curve::P521 => "PublicKey(P-521)",
            },
            Material::Ed25519(_) => "PublicKey(Ed25519)",
            Material::MlDsa44(_) => "PublicKey(ML-DSA-44)",
            Material::MlDsa65(_) => "PublicKey(ML-DSA-65)",
            Material::MlDsa87(_) => "PublicKey(ML-DSA-87)",
        })
    }
}

/// The number of bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    match number.first() {
        Some(first) => number.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize),
        None => 0,
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number.get(first..).unwrap_or_default()
}
