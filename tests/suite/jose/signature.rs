//! Forged, damaged and unusually encoded signatures, for every algorithm and both verifiers.

use jwt_guard::jose::algorithm::{Algorithm, PublicKey, SignatureCheck, Verifier, WasmVerifier};
use jwt_guard::jose::base64url;
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::error::TokenError;
use jwt_guard::jose::token::UnverifiedToken;

use super::fixture::{Attempt, MAX_TOKEN_BYTES, SIGNERS, assert_result, key_set, sign};
use jwt_guard_testkit::host_double::HostDouble;

struct AcceptAll;

/// Accepts every signature. A rejection with this verifier is due to the form of the signature.
impl Verifier for AcceptAll {
    fn verify(&self, _: &SignatureCheck<'_>) -> bool {
        true
    }
}

fn verify_with(attempt: &Attempt, token: &str, verifier: &dyn Verifier) -> Option<TokenError> {
    let token = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES).unwrap();
    verify(token, &attempt.rules, &key_set(&attempt.keys), verifier, attempt.now).err()
}

#[test]
fn every_algorithm_verifies_with_both_verifiers() {
    for (algorithm, kid) in SIGNERS {
        let attempt = Attempt::good_with(algorithm, kid);
        let token = attempt.token();
        assert_eq!(verify_with(&attempt, &token, &WasmVerifier), None, "{algorithm:?}");
        assert_eq!(verify_with(&attempt, &token, &HostDouble), None, "{algorithm:?} with the host verifier");
    }
}

/// Signatures of invalid form reach neither verifier, so the verifiers cannot disagree about them.
#[test]
fn the_form_is_checked_before_the_arithmetic() {
    for (algorithm, kid) in SIGNERS {
        let attempt = Attempt::good_with(algorithm, kid);
        let token = attempt.token();
        assert_eq!(verify_with(&attempt, &token, &AcceptAll), None, "{algorithm:?}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let good = base64url::decode(signature.as_bytes()).unwrap();
        let (half, _) = good.split_at(good.len() / 2);
        let mut rows: Vec<(&str, Vec<u8>)> = vec![
            ("one byte", vec![0]),
            ("a byte less", good[1..].to_vec()),
            ("a byte less at the end", good[..good.len() - 1].to_vec()),
            ("half", half.to_vec()),
            ("a zero before", [&[0], good.as_slice()].concat()),
            ("a zero after", [good.as_slice(), &[0]].concat()),
            ("twice", [good.as_slice(), &good].concat()),
            ("a long tail", [good.as_slice(), &[0; 4000]].concat()),
        ];
        match algorithm {
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => {
                let (r, s) = good.split_at(good.len() / 2);
                let zero = vec![0; r.len()];
                let most = vec![0xFF; r.len()];
                let order = order(algorithm);
                let der = der(r, s);
                rows.extend([
                    ("blank", [zero.as_slice(), &zero].concat()),
                    ("r = 0", [zero.as_slice(), s].concat()),
                    ("s = 0", [r, &zero].concat()),
                    ("r = n", [order.as_slice(), s].concat()),
                    ("s = n", [r, &order].concat()),
                    ("r above n", [most.as_slice(), s].concat()),
                    ("s above n", [r, &most].concat()),
                    ("DER", der),
                    ("each half with a zero before", [&[0], r, &[0], s].concat()),
                ]);
            }
            Algorithm::Ed25519 | Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => {}
            _ => rows.push(("not below the modulus", vec![0xFF; good.len()])),
        }
        for (label, signature) in rows {
            let token = format!("{message}.{}", base64url::encode(&signature));
            let result = verify_with(&attempt, &token, &AcceptAll);
            assert_eq!(result, Some(TokenError::Signature), "{algorithm:?}: {label}");
        }
    }
}

/// The order of the curve's group, with the length of half a signature.
fn order(algorithm: Algorithm) -> Vec<u8> {
    use p256::elliptic_curve::Curve;
    match algorithm {
        Algorithm::Es256 => p256::NistP256::ORDER.to_be_bytes().to_vec(),
        Algorithm::Es384 => p384::NistP384::ORDER.to_be_bytes().to_vec(),
        // The number type of P-521 has more bytes than the 66 bytes of the curve.
        _ => p521::NistP521::ORDER.to_be_bytes().iter().copied().skip_while(|byte| *byte == 0).collect(),
    }
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
        [&[2, (number.len() + sign.len()) as u8], sign, number].concat()
    };
    let content = [integer(r), integer(s)].concat();
    let length =
        if content.len() < 0x80 { vec![content.len() as u8] } else { vec![0x81, content.len() as u8] };
    [&[0x30], length.as_slice(), &content].concat()
}

/// Signatures of valid form that do not belong to this message and key.
#[test]
fn invalid_signatures_of_valid_form_are_rejected() {
    for (algorithm, kid) in SIGNERS {
        let attempt = Attempt::good_with(algorithm, kid);
        let token = attempt.token();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let good = base64url::decode(signature.as_bytes()).unwrap();
        let flipped = |at: usize| {
            let mut damaged = good.clone();
            damaged[at] ^= 1;
            damaged
        };
        let mut rows = vec![
            ("another message", sign(algorithm, kid, b"another message")),
            ("the first byte", flipped(0)),
            ("the middle byte", flipped(good.len() / 2)),
            ("the last byte", flipped(good.len() - 1)),
            ("reversed", good.iter().rev().copied().collect()),
        ];
        if matches!(algorithm, Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512) {
            let (r, s) = good.split_at(good.len() / 2);
            rows.push(("s before r", [s, r].concat()));
            let one = |length: usize| [vec![0; length - 1], vec![1]].concat();
            rows.push(("r = s = 1", [one(r.len()), one(s.len())].concat()));
        }
        if algorithm == Algorithm::Ed25519 {
            rows.push(("blank", vec![0; 64]));
            rows.push(("R = the identity, S = 0", [vec![1], vec![0; 63]].concat()));
            rows.push(("S + the group's order", plus_order(&good)));
        }
        for (label, signature) in rows {
            let token = format!("{message}.{}", base64url::encode(&signature));
            let expected = Some(TokenError::Signature);
            assert_eq!(verify_with(&attempt, &token, &WasmVerifier), expected, "{algorithm:?}: {label}");
            assert_eq!(
                verify_with(&attempt, &token, &HostDouble),
                expected,
                "{algorithm:?} with the host verifier: {label}"
            );
        }
    }
}

/// A modulus that is not a product of two primes, and whose size is not a multiple of 8 bits: verification must fail
/// without a panic.
#[test]
fn unusual_moduli_cause_no_panic() {
    for bits in (2048_usize..=2057).chain([4095, 8191, 8192]) {
        let mut modulus = vec![0xFF; bits.div_ceil(8)];
        modulus[0] >>= 8 * modulus.len() - bits;
        let key = PublicKey::rsa(&modulus, &[3]).unwrap();
        for algorithm in [Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps512] {
            for fill in [0, 1, 0x7F] {
                let mut signature = vec![fill; modulus.len()];
                signature[0] = 0;
                let check = SignatureCheck::new(algorithm, &key, b"message", &signature).unwrap();
                assert!(!WasmVerifier.verify(&check), "{bits} bits, {algorithm:?}, {fill}");
            }
        }
    }
}

/// The second encoding of S, which RFC 8032 section 5.1.7 excludes.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    let sum = signature[32..].iter().zip(ORDER).map(|(digit, order)| {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        carry = sum >> 8;
        sum as u8
    });
    signature[..32].iter().copied().chain(sum).collect()
}

/// A signature of one algorithm under the name of another, with the same key and lengths.
#[test]
fn algorithms_are_not_interchangeable() {
    let rsa = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];
    for named in rsa {
        for signed in rsa.into_iter().filter(|signed| *signed != named) {
            let mut attempt = Attempt::good_with(named, "rsa-1");
            attempt.rules.accepted_algorithms = rsa.to_vec();
            attempt.signer.0 = signed;
            let label = format!("named {named:?}, signed {signed:?}");
            assert_result(&label, attempt.verify(), Some(TokenError::Signature));
        }
    }
}

/// Another key of the same kind, from the same or another issuer.
#[test]
fn another_key_does_not_verify() {
    for (algorithm, kid, other) in
        [(Algorithm::Rs256, "rsa-1", "rsa-2"), (Algorithm::Es256, "p256-1", "p256-2")]
    {
        let mut attempt = Attempt::good_with(algorithm, kid);
        attempt.signer.1 = other;
        assert_result(
            "a key that the issuer does not publish",
            attempt.verify(),
            Some(TokenError::Signature),
        );
        attempt.keys.push(super::fixture::public_key(other));
        assert_result(
            "another key of the issuer, under this kid",
            attempt.verify(),
            Some(TokenError::Signature),
        );
    }
}
