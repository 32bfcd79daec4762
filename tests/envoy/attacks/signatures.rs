//! Signatures that faulty arithmetic accepts, and second encodings of valid signatures.

use jwt_guard::jose::algorithm::{Algorithm, PublicKey, SignatureCheck};
use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::SigningKey;

use super::{Row, World, row};
use crate::algorithms::with_signature;

/// The orders of the groups (FIPS 186-4 section D.1.2).
const P256: &str = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
const P521: &str = "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\
    FA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409";

pub fn rows(world: &World) -> Vec<Row> {
    let mut rows = curve(world, "ES256", &world.p256, Algorithm::Es256, P256);
    rows.extend(curve(world, "ES512", &world.p521, Algorithm::Es512, P521));
    rows.extend(modulus(world));
    rows.extend(lengths(world));
    rows
}

/// Psychic signatures (CVE-2022-21449), numbers at and above the order, and the DER form of a signature.
fn curve(world: &World, alg: &str, key: &SigningKey, algorithm: Algorithm, order: &str) -> Vec<Row> {
    let good = world.token().sign(key).unwrap();
    let order: Vec<u8> =
        (0..order.len()).step_by(2).map(|at| u8::from_str_radix(&order[at..at + 2], 16).unwrap()).collect();
    let size = order.len();
    let zero = vec![0; size];
    let (mut one, mut above) = (zero.clone(), order.clone());
    one[size - 1] = 1;
    above[size - 1] += 1;
    let largest = vec![0xFF; size];
    let numbers = [("0", &zero), ("1", &one), ("n", &order), ("n + 1", &above), ("all ones", &largest)];

    let mut rows = vec![row(alg, "passed", good.clone())];
    let mut bad = |label: String, change: &dyn Fn(&mut Vec<u8>)| {
        rows.push(row(format!("{alg}: {label}"), "signature", with_signature(&good, change)));
    };
    for (name, number) in numbers {
        bad(format!("r = {name}"), &|signature| signature[..size].copy_from_slice(number));
        bad(format!("s = {name}"), &|signature| signature[size..].copy_from_slice(number));
        bad(format!("r = s = {name}"), &|signature| *signature = [&number[..], number].concat());
    }
    bad("r = 0, s = 1".into(), &|signature| *signature = [&zero[..], &one].concat());
    // On P-521 the sum fits, because the encoded numbers have seven bits more than the order.
    if order[0] == 1 {
        bad("r + n".into(), &|signature| add(&mut signature[..size], &order));
        bad("s + n".into(), &|signature| add(&mut signature[size..], &order));
    }
    bad("R and S a byte longer".into(), &|signature| {
        *signature = [&[0], &signature[..size], &[0], &signature[size..]].concat();
    });
    bad("R alone".into(), &|signature| signature.truncate(size));
    bad("S before R".into(), &|signature| signature.rotate_left(size));
    bad("in DER".into(), &|signature| *signature = in_der(key, algorithm, signature));
    rows
}

fn add(number: &mut [u8], other: &[u8]) {
    let mut carry = 0;
    for (digit, more) in number.iter_mut().zip(other).rev() {
        let sum = u16::from(*digit) + u16::from(*more) + carry;
        (*digit, carry) = (sum.to_be_bytes()[1], sum >> 8);
    }
    assert_eq!(carry, 0, "the sum fits");
}

/// The form that the host function expects.
fn in_der(key: &SigningKey, algorithm: Algorithm, signature: &[u8]) -> Vec<u8> {
    let jwk = key.public_jwk();
    let number = |name: &str| base64url::decode(jwk[name].as_str().unwrap().as_bytes()).unwrap();
    let curve = jwt_guard::jose::algorithm::Curve::from_name(jwk["crv"].as_str().unwrap()).unwrap();
    let public = PublicKey::ec(curve, &number("x"), &number("y")).unwrap();
    let check = SignatureCheck::new(algorithm, &public, b"", signature).unwrap();
    check.for_host().unwrap().signature.into_owned()
}

/// RSA signatures with a trivial root, and numbers at and above the modulus.
fn modulus(world: &World) -> Vec<Row> {
    let good = world.good();
    let modulus = base64url::decode(world.rsa.public_jwk()["n"].as_str().unwrap().as_bytes()).unwrap();
    let size = modulus.len();
    let mut one = vec![0; size];
    one[size - 1] = 1;
    let mut below = modulus.clone();
    below[size - 1] -= 1;
    let numbers =
        [("0", vec![0; size]), ("1", one), ("n - 1", below), ("n", modulus), ("all ones", vec![0xFF; size])];
    numbers
        .map(|(label, number)| {
            let token = with_signature(&good, |signature| *signature = number);
            row(format!("RS256: s = {label}"), "signature", token)
        })
        .into()
}

/// For every kind of signature: truncated, extended, empty, and of another token.
fn lengths(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for key in [&world.rsa, &world.p256, &world.p521, &world.ed25519] {
        let good = world.token().sign(key).unwrap();
        let other = world.token().claim("jti", "another").sign(key).unwrap();
        let (message, _) = good.rsplit_once('.').unwrap();
        let (_, others) = other.rsplit_once('.').unwrap();
        let cut = |left: usize| with_signature(&good, |signature| signature.truncate(left));
        let label = |what: &str| format!("{}: {what}", key.algorithm());
        let padded = |byte: u8| with_signature(&good, |signature| signature.extend([byte; 3]));
        rows.extend([
            row(label("one byte"), "signature", cut(1)),
            row(label("half of it"), "signature", cut(good.len() / 8)),
            row(label("zeros after"), "signature", padded(0)),
            row(label("ones after"), "signature", padded(0xFF)),
            row(
                label("twice"),
                "signature",
                with_signature(&good, |signature| *signature = signature.repeat(2)),
            ),
            row(label("none"), "malformed", format!("{message}.")),
            row(label("no dot either"), "malformed", message),
            row(label("another token's"), "signature", format!("{message}.{others}")),
        ]);
    }
    rows
}
