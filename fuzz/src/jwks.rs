//! Every key of a set is either used or reported as skipped. A used key is public, for signatures, and valid.

use jwt_guard::jose::algorithm::{Algorithm, SignatureCheck};
use jwt_guard::jose::base64url;
use jwt_guard::jose::json::{Json, without_byte_order_mark};
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::limits::MAX_KID_BYTES;
use jwt_guard::jose::limits::{MAX_CANDIDATES, MAX_KEYS, MAX_SET_BYTES};
use p256::elliptic_curve::bigint::NonZero;
use rsa::BoxedUint;
use serde_json::value::RawValue;

/// Whether the set was parsed.
pub fn holds(data: &[u8]) -> bool {
    let parsed = KeySet::parse(data);
    let skipped = KeySet::skipped(data);
    for key in &skipped {
        let description = key.to_string();
        assert!(
            description.starts_with(&format!("key {}", key.index)) && !description.contains(char::is_control),
            "{description}"
        );
    }
    let Ok(parsed) = parsed else { return false };
    assert!(data.len() <= MAX_SET_BYTES);
    assert_eq!(parsed.skipped, skipped);

    let texts = texts(without_byte_order_mark(data));
    let has_more = usize::from(texts.len() > MAX_KEYS);
    let considered = &texts[..texts.len().min(MAX_KEYS)];
    assert_eq!(parsed.keys.len() + skipped.len(), considered.len() + has_more);
    let skipped_indexes: Vec<usize> = skipped.iter().map(|key| key.index).collect();
    assert!(skipped_indexes.is_sorted_by(|one, next| one < next));
    assert_eq!(skipped_indexes.contains(&MAX_KEYS), has_more == 1);

    let used = considered.iter().enumerate().filter(|(place, _)| !skipped_indexes.contains(place));
    let used: Vec<Json> = used.map(|(_, text)| Json::parse(text.as_bytes()).unwrap()).collect();
    for jwk in &used {
        check(&Jwk(jwk));
    }
    let mut texts: Vec<String> = used.iter().map(|jwk| jwk.in_order().to_string()).collect();
    let set =
        |texts: &[String]| KeySet::parse(format!(r#"{{"keys":[{}]}}"#, texts.join(",")).as_bytes()).unwrap();
    let again = set(&texts);
    assert_eq!(again.skipped, []);
    assert_eq!(describe(&again.keys, &used), describe(&parsed.keys, &used));
    texts.reverse();
    assert!(set(&texts).keys.equals(&again.keys), "the same keys in another order");
    texts.pop();
    assert!(texts.is_empty() || !set(&texts).keys.equals(&again.keys), "a set without one of the keys");
    true
}

/// The elements of `keys`, parsed by serde_json.
fn texts(data: &[u8]) -> Vec<&str> {
    let members: std::collections::BTreeMap<String, &RawValue> = serde_json::from_slice(data).unwrap();
    let keys: Vec<&RawValue> = serde_json::from_str(members["keys"].get()).unwrap();
    keys.into_iter().map(RawValue::get).collect()
}

/// A description of the keys: their kinds, and the DER that the host would receive for each candidate.
fn describe(keys: &KeySet, used: &[Json]) -> String {
    let mut description = format!("{keys:?}");
    let kids = used.iter().map(|jwk| Jwk(jwk).text("kid"));
    for kid in kids.chain([None]) {
        for algorithm in Algorithm::ALL {
            let Ok(candidates) = keys.candidates(kid, algorithm, &[]) else { continue };
            assert!((1..=MAX_CANDIDATES).contains(&candidates.len()));
            for key in candidates {
                assert!(key.fits(algorithm));
                // Of all possible lengths of signatures, only the length for this key gives a check.
                let lengths = (256..=1024).chain([64, 96, 132]);
                let checks = lengths.filter_map(|length| {
                    let mut signature = vec![1; length];
                    signature[0] = 0;
                    let check = SignatureCheck::new(algorithm, key, b"", &signature)?.for_host()?;
                    Some(check.public_key.escape_ascii().to_string())
                });
                description.extend(checks);
            }
        }
    }
    description
}

struct Jwk<'a>(&'a Json);

impl<'a> Jwk<'a> {
    fn member(&self, name: &str) -> Option<&'a Json> {
        self.0.member(name).filter(|value| **value != Json::Null)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.member(name)?.as_str()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        base64url::decode(self.text(name).unwrap().as_bytes()).unwrap()
    }

    fn number(&self, name: &str) -> BoxedUint {
        BoxedUint::from_be_slice_vartime(&self.bytes(name))
    }
}

/// Checks that a used key is valid.
fn check(jwk: &Jwk<'_>) {
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv", "seed"] {
        assert!(jwk.member(private).is_none(), "{private}");
    }
    assert!(jwk.member("use").is_none_or(|purpose| purpose.as_str() == Some("sig")));
    let verifies = |operations: &Json| matches!(operations, Json::Array(items) if items.contains(&Json::String("verify".to_owned())));
    assert!(jwk.member("key_ops").is_none_or(verifies));
    assert!(jwk.member("kid").is_none_or(|kid| kid.as_str().unwrap().len() <= MAX_KID_BYTES));
    assert!(jwk.member("alg").is_none_or(|name| Algorithm::from_name(name.as_str().unwrap()).is_some()));
    match (jwk.text("kty").unwrap(), jwk.text("crv"), jwk.text("alg")) {
        ("RSA", _, _) => check_rsa(jwk),
        ("EC", Some(curve), _) => check_point(curve, jwk),
        ("OKP", Some("Ed25519"), _) => assert_eq!(jwk.bytes("x").len(), 32),
        ("AKP", _, Some("ML-DSA-44")) => assert_eq!(jwk.bytes("pub").len(), 1312),
        ("AKP", _, Some("ML-DSA-65")) => assert_eq!(jwk.bytes("pub").len(), 1952),
        ("AKP", _, Some("ML-DSA-87")) => assert_eq!(jwk.bytes("pub").len(), 2592),
        kind => panic!("{kind:?}"),
    }
}

/// An odd modulus of 2048 to 8192 bits; an odd exponent from 3 to below 2^33.
fn check_rsa(jwk: &Jwk<'_>) {
    let (modulus, exponent) = (jwk.number("n"), jwk.number("e"));
    assert!((2048..=8192).contains(&modulus.bit_width_vartime()));
    assert!(modulus.bit_vartime(0) && exponent.bit_vartime(0));
    assert!((2..=33).contains(&exponent.bit_width_vartime()));
}

/// SEC 1 section 2.2.1 with the curves of FIPS 186: both coordinates are below p, and y² = x³ − 3x + b.
fn check_point(curve: &str, jwk: &Jwk<'_>) {
    let (size, prime, b) = match curve {
        "P-256" => (
            32,
            "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff".to_owned(),
            "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        ),
        "P-384" => (
            48,
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff"
                .to_owned(),
            "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
        ),
        "P-521" => (
            66,
            format!("01{}", "ff".repeat(65)),
            "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1\
             bf073573df883d2c34f1ef451fd46b503f00",
        ),
        other => panic!("{other}"),
    };
    assert!(jwk.bytes("x").len() == size && jwk.bytes("y").len() == size);
    let bits = 8 * size as u32 + 64;
    let wide = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits.next_multiple_of(64)).unwrap();
    let (x, y) = (wide(&jwk.bytes("x")), wide(&jwk.bytes("y")));
    let (prime, b) = (wide(&hex(&prime)), wide(&hex(b)));
    assert!(x < prime && y < prime);
    let prime = NonZero::new(prime).unwrap();
    let cube = x.mul_mod(&x, &prime).mul_mod(&x, &prime);
    let thrice = x.add_mod(&x, &prime).add_mod(&x, &prime);
    assert_eq!(y.mul_mod(&y, &prime), cube.sub_mod(&thrice, &prime).add_mod(&b, &prime));
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
