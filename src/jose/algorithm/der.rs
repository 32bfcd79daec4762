//! The three ASN.1 values that the host takes in DER: two kinds of public key (RFC 5280 section 4.1.2.7) and the ECDSA
//! signature (RFC 3279 section 2.2.3).
//!
//! The encoder is written by hand, because the encoder of `rsa` (its feature `encoding`, with `pkcs1` and `spki`) makes
//! the wasm module 14 kB larger for RSA keys alone.

use jwt_guard_ecdsa::Curve;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// rsaEncryption, 1.2.840.113549.1.1.1, with the parameters NULL.
const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];

/// id-ecPublicKey, 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// SubjectPublicKeyInfo of an RSA key, from its big-endian modulus and exponent.
pub fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[&unsigned(modulus), &unsigned(exponent)]);
    element(SEQUENCE, &[&element(SEQUENCE, &[RSA_ENCRYPTION]), &element(BIT_STRING, &[&[0], &key])])
}

/// SubjectPublicKeyInfo of a point on a named curve, from its uncompressed form.
pub fn ec_public_key(curve: Curve, point: &[u8]) -> Vec<u8> {
    let named_curve: &[u8] = match curve {
        // 1.2.840.10045.3.1.7
        Curve::P256 => &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
        // 1.3.132.0.34
        Curve::P384 => &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22],
        // 1.3.132.0.35
        Curve::P521 => &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23],
    };
    element(
        SEQUENCE,
        &[&element(SEQUENCE, &[EC_PUBLIC_KEY, named_curve]), &element(BIT_STRING, &[&[0], point])],
    )
}

/// Ecdsa-Sig-Value, from the concatenation of R and S in equal lengths (RFC 7518 section 3.4).
pub fn ecdsa_signature(r_and_s: &[u8]) -> Vec<u8> {
    let (r, s) = r_and_s.split_at(r_and_s.len() / 2);
    element(SEQUENCE, &[&unsigned(r), &unsigned(s)])
}

/// INTEGER of an unsigned big-endian number: without leading zeros, except for one if the first bit is set, because
/// that bit would be the sign.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let magnitude = number.get(first..).unwrap_or_default();
    let sign: &[u8] = if magnitude.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, magnitude])
}

fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|part| part.len()).sum();
    let mut encoded = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => encoded.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant = bytes.iter().skip_while(|byte| **byte == 0);
            encoded.push(0x80 | significant.clone().count() as u8);
            encoded.extend(significant);
        }
    }
    encoded.extend(contents.iter().copied().flatten());
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_minimal_and_unsigned() {
        let rows: &[(&str, &[u8], &[u8])] = &[
            ("zero", &[0, 0], &[INTEGER, 1, 0]),
            ("one", &[1], &[INTEGER, 1, 1]),
            ("leading zeros", &[0, 0, 0x7F], &[INTEGER, 1, 0x7F]),
            ("a set high bit", &[0x80], &[INTEGER, 2, 0, 0x80]),
            (
                "a leading zero that the sign needs, and a superfluous one",
                &[0, 0, 0x80],
                &[INTEGER, 2, 0, 0x80],
            ),
        ];
        for (label, number, encoded) in rows {
            assert_eq!(unsigned(number), *encoded, "{label}");
        }
    }

    #[test]
    fn lengths_take_the_short_form_where_it_does() {
        assert_eq!(element(SEQUENCE, &[&[7; 127]]).get(..3), Some(&[SEQUENCE, 127, 7][..]));
        assert_eq!(element(SEQUENCE, &[&[7; 128]]).get(..4), Some(&[SEQUENCE, 0x81, 128, 7][..]));
        assert_eq!(element(SEQUENCE, &[&[7; 256]]).get(..5), Some(&[SEQUENCE, 0x82, 1, 0, 7][..]));
    }
}
