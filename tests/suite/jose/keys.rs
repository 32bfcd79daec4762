//! Which keys of a set are used.

use jwt_guard::jose::base64url::{self, Base64Fault};
use jwt_guard::jose::error::{KeyError, KeySetError};
use jwt_guard::jose::json::JsonError;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::limits::{MAX_KEYS, MAX_SET_BYTES};
use serde_json::{Value, json};

use super::fixture::{key_set, private_keys, public_key};

pub fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

pub fn without(mut jwk: Value, name: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(name).unwrap();
    jwk
}

fn bytes(jwk: &Value, name: &str) -> Vec<u8> {
    base64url::decode(jwk[name].as_str().unwrap().as_bytes()).unwrap()
}

/// The key with a changed member.
fn changed(kid: &str, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Value {
    let jwk = public_key(kid);
    let mut number = bytes(&jwk, name);
    change(&mut number);
    with(jwk, name, json!(base64url::encode(&number)))
}

fn modulus(bits: usize) -> Value {
    let mut number = vec![0xFF; bits.div_ceil(8)];
    number[0] >>= (8 - bits % 8) % 8;
    json!(base64url::encode(&number))
}

/// Parses a set of the key and a valid key. The valid key must stay usable in any case.
#[track_caller]
fn skipped(jwk: &Value) -> Option<KeyError> {
    let set = json!({ "keys": [jwk, public_key("p256-2")] });
    let parsed = KeySet::parse(set.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.keys.len() + parsed.skipped.len(), 2);
    let first = parsed.skipped.first()?;
    assert_eq!(first.index, 0);
    Some(first.reason)
}

#[test]
fn only_unusable_keys_are_skipped() {
    let rsa = || public_key("rsa-1");
    let p256 = || public_key("p256-1");
    let okp = || public_key("ed25519-1");
    let akp = || public_key("mldsa65-1");
    let identity = [vec![1], vec![0; 31]].concat();
    // The y coordinate of a point of order 8, encoded as in RFC 8032.
    let order_8: &str = "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU";
    let not_reduced = [vec![0xEE], vec![0xFF; 30], vec![0x7F]].concat();
    let rows: Vec<(&str, Value, Option<KeyError>)> = vec![
        ("RSA", rsa(), None),
        ("P-256", p256(), None),
        ("P-384", public_key("p384-1"), None),
        ("P-521", public_key("p521-1"), None),
        ("Ed25519", okp(), None),
        ("ML-DSA-44", public_key("mldsa44-1"), None),
        ("ML-DSA-65", akp(), None),
        ("ML-DSA-87", public_key("mldsa87-1"), None),
        ("unknown members", with(with(rsa(), "x5c", json!(["MIIB"])), "exp", json!(1)), None),
        ("without a kid", without(rsa(), "kid"), None),
        (
            "nulls for what is absent",
            with(with(with(rsa(), "use", json!(null)), "d", json!(null)), "alg", json!(null)),
            None,
        ),
        // kty, crv, alg
        ("no kty", without(rsa(), "kty"), Some(KeyError::Absent("kty"))),
        ("kty of another case", with(rsa(), "kty", json!("rsa")), Some(KeyError::Type)),
        ("unknown kty", with(rsa(), "kty", json!("XYZ")), Some(KeyError::Type)),
        ("kty as a list", with(rsa(), "kty", json!(["RSA"])), Some(KeyError::NotText("kty"))),
        ("no crv", without(p256(), "crv"), Some(KeyError::Absent("crv"))),
        ("secp256k1", with(p256(), "crv", json!("secp256k1")), Some(KeyError::Curve)),
        ("an EC key on an Edwards curve", with(p256(), "crv", json!("Ed25519")), Some(KeyError::Curve)),
        ("another curve's name", with(p256(), "crv", json!("P-384")), Some(KeyError::Length)),
        ("Ed448", with(okp(), "crv", json!("Ed448")), Some(KeyError::Curve)),
        ("X25519", with(okp(), "crv", json!("X25519")), Some(KeyError::Curve)),
        ("an OKP key on a NIST curve", with(okp(), "crv", json!("P-256")), Some(KeyError::Curve)),
        ("alg of its kind", with(rsa(), "alg", json!("PS512")), None),
        ("alg of its curve", with(p256(), "alg", json!("ES256")), None),
        ("alg EdDSA", with(okp(), "alg", json!("EdDSA")), None),
        ("alg Ed25519", with(okp(), "alg", json!("Ed25519")), None),
        ("alg of another kind", with(rsa(), "alg", json!("ES256")), Some(KeyError::Algorithm)),
        ("alg of another curve", with(p256(), "alg", json!("ES384")), Some(KeyError::Algorithm)),
        ("alg that encrypts", with(rsa(), "alg", json!("RSA-OAEP")), Some(KeyError::Algorithm)),
        ("alg none", with(rsa(), "alg", json!("none")), Some(KeyError::Algorithm)),
        ("alg HS256", with(rsa(), "alg", json!("HS256")), Some(KeyError::Algorithm)),
        ("alg as a number", with(rsa(), "alg", json!(256)), Some(KeyError::NotText("alg"))),
        ("AKP without alg", without(akp(), "alg"), Some(KeyError::Absent("alg"))),
        ("AKP of another alg", with(akp(), "alg", json!("ML-DSA-87")), Some(KeyError::Length)),
        ("AKP of an alg of another kind", with(akp(), "alg", json!("RS256")), Some(KeyError::Algorithm)),
        // use, key_ops, kid
        ("use sig", with(rsa(), "use", json!("sig")), None),
        ("use enc", with(rsa(), "use", json!("enc")), Some(KeyError::Use)),
        ("use of another case", with(rsa(), "use", json!("SIG")), Some(KeyError::Use)),
        ("use as a list", with(rsa(), "use", json!(["sig"])), Some(KeyError::Use)),
        ("key_ops with verify", with(rsa(), "key_ops", json!(["sign", "verify"])), None),
        ("key_ops without", with(rsa(), "key_ops", json!(["sign"])), Some(KeyError::Operations)),
        ("key_ops empty", with(rsa(), "key_ops", json!([])), Some(KeyError::Operations)),
        ("key_ops as a string", with(rsa(), "key_ops", json!("verify")), Some(KeyError::Operations)),
        ("kid of 256 bytes", with(rsa(), "kid", json!("a".repeat(256))), None),
        ("kid of 257 bytes", with(rsa(), "kid", json!("a".repeat(257))), Some(KeyError::KeyId)),
        ("kid as a number", with(rsa(), "kid", json!(1)), Some(KeyError::KeyId)),
        // private and shared material
        ("private RSA", private_keys()[0].clone(), Some(KeyError::Private)),
        ("private EC", with(p256(), "d", json!("AA")), Some(KeyError::Private)),
        ("private OKP", with(okp(), "d", json!("AA")), Some(KeyError::Private)),
        ("private AKP", with(akp(), "priv", json!("AA")), Some(KeyError::Private)),
        ("one prime", with(rsa(), "p", json!("AA")), Some(KeyError::Private)),
        ("private, and not even a string", with(rsa(), "d", json!(false)), Some(KeyError::Private)),
        (
            "shared",
            json!({ "kty": "oct", "kid": "a", "k": "AAAA", "alg": "HS256" }),
            Some(KeyError::Symmetric),
        ),
        ("shared, under another kty", with(rsa(), "k", json!("AAAA")), Some(KeyError::Private)),
        // RSA
        ("no n", without(rsa(), "n"), Some(KeyError::Absent("n"))),
        ("n as a number", with(rsa(), "n", json!(65537)), Some(KeyError::NotText("n"))),
        (
            "n with padding",
            with(rsa(), "n", json!("AAAA==")),
            Some(KeyError::Encoding("n", Base64Fault::Padded)),
        ),
        (
            "n in standard base64",
            with(rsa(), "n", json!("AA+/")),
            Some(KeyError::Encoding("n", Base64Fault::StandardAlphabet)),
        ),
        (
            "n in standard base64, padded",
            with(rsa(), "n", json!("AA+=")),
            Some(KeyError::Encoding("n", Base64Fault::StandardAlphabet)),
        ),
        (
            "n with a space",
            with(rsa(), "n", json!("AA AA")),
            Some(KeyError::Encoding("n", Base64Fault::Other)),
        ),
        ("y padded", with(p256(), "y", json!("AAAA=")), Some(KeyError::Encoding("y", Base64Fault::Padded))),
        (
            "a certificate alone",
            with(without(without(rsa(), "n"), "e"), "x5c", json!(["MIIC"])),
            Some(KeyError::CertificateAlone("n")),
        ),
        (
            "a certificate and not even a kty",
            json!({ "kid": "a", "x5c": ["MIIC"] }),
            Some(KeyError::CertificateAlone("kty")),
        ),
        ("n empty", with(rsa(), "n", json!("")), Some(KeyError::RsaSize { bits: 0 })),
        ("n of zeros", with(rsa(), "n", json!("A".repeat(344))), Some(KeyError::RsaSize { bits: 0 })),
        ("512 bits", with(rsa(), "n", modulus(512)), Some(KeyError::RsaSize { bits: 512 })),
        ("1024 bits", with(rsa(), "n", modulus(1024)), Some(KeyError::RsaSize { bits: 1024 })),
        ("2047 bits", with(rsa(), "n", modulus(2047)), Some(KeyError::RsaSize { bits: 2047 })),
        ("2048 bits", with(rsa(), "n", modulus(2048)), None),
        ("2049 bits", with(rsa(), "n", modulus(2049)), None),
        ("8192 bits", with(rsa(), "n", modulus(8192)), None),
        ("8193 bits", with(rsa(), "n", modulus(8193)), Some(KeyError::RsaSize { bits: 8193 })),
        ("65536 bits", with(rsa(), "n", modulus(65536)), Some(KeyError::RsaSize { bits: 65536 })),
        ("zeros before n", changed("rsa-1", "n", |n| drop(n.splice(0..0, [0, 0]))), None),
        (
            "1024 bits behind zeros",
            with(rsa(), "n", json!(base64url::encode(&[vec![0; 128], vec![0xFF; 128]].concat()))),
            Some(KeyError::RsaSize { bits: 1024 }),
        ),
        (
            "an even n",
            changed("rsa-1", "n", |n| *n.last_mut().unwrap() &= 0xFE),
            Some(KeyError::RsaModulusEven),
        ),
        ("no e", without(rsa(), "e"), Some(KeyError::Absent("e"))),
        ("zeros before e", with(rsa(), "e", json!("AAEAAQ")), None),
        ("e = 3", with(rsa(), "e", json!("Aw")), None),
        ("e = 2^33 - 1", with(rsa(), "e", json!(base64url::encode(&[1, 255, 255, 255, 255]))), None),
        ("e = 0", with(rsa(), "e", json!("AA")), Some(KeyError::RsaExponent)),
        ("e = 1", with(rsa(), "e", json!("AQ")), Some(KeyError::RsaExponent)),
        ("e = 2", with(rsa(), "e", json!("Ag")), Some(KeyError::RsaExponent)),
        ("e = 65536", with(rsa(), "e", json!("AQAA")), Some(KeyError::RsaExponent)),
        (
            "e = 2^33 + 1",
            with(rsa(), "e", json!(base64url::encode(&[2, 0, 0, 0, 1]))),
            Some(KeyError::RsaExponent),
        ),
        ("e as long as n", with(rsa(), "e", rsa()["n"].clone()), Some(KeyError::RsaExponent)),
        (
            "e of a kilobyte",
            with(rsa(), "e", json!(base64url::encode(&[1; 1025]))),
            Some(KeyError::RsaExponent),
        ),
        // EC
        ("no y", without(p256(), "y"), Some(KeyError::Absent("y"))),
        ("off the curve", changed("p256-1", "y", |y| y[31] ^= 1), Some(KeyError::OffCurve)),
        ("P-384 off the curve", changed("p384-1", "x", |x| x[47] ^= 1), Some(KeyError::OffCurve)),
        ("P-521 off the curve", changed("p521-1", "x", |x| x[65] ^= 1), Some(KeyError::OffCurve)),
        ("x not below the prime", changed("p256-1", "x", |x| x.fill(0xFF)), Some(KeyError::OffCurve)),
        (
            "the origin",
            json!({ "kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43) }),
            Some(KeyError::OffCurve),
        ),
        ("x a byte short", changed("p256-1", "x", |x| x.truncate(31)), Some(KeyError::Length)),
        ("x a byte long", changed("p256-1", "x", |x| x.insert(0, 0)), Some(KeyError::Length)),
        ("y empty", with(p256(), "y", json!("")), Some(KeyError::Length)),
        // OKP and AKP
        ("x of 31 bytes", changed("ed25519-1", "x", |x| x.truncate(31)), Some(KeyError::Length)),
        ("x of 33 bytes", changed("ed25519-1", "x", |x| x.push(0)), Some(KeyError::Length)),
        (
            "no point",
            with(okp(), "x", json!(base64url::encode(&[vec![2], vec![0; 31]].concat()))),
            Some(KeyError::OffCurve),
        ),
        ("the identity", with(okp(), "x", json!(base64url::encode(&identity))), Some(KeyError::SmallOrder)),
        ("order 4", with(okp(), "x", json!("A".repeat(43))), Some(KeyError::SmallOrder)),
        ("order 8", with(okp(), "x", json!(order_8)), Some(KeyError::SmallOrder)),
        (
            "the identity, not below the prime",
            with(okp(), "x", json!(base64url::encode(&not_reduced))),
            Some(KeyError::OffCurve),
        ),
        ("pub a byte short", changed("mldsa65-1", "pub", |key| key.truncate(1951)), Some(KeyError::Length)),
        ("pub a byte long", changed("mldsa65-1", "pub", |key| key.push(0)), Some(KeyError::Length)),
        // not keys
        ("a string", json!("key"), Some(KeyError::NotObject)),
        ("null", json!(null), Some(KeyError::NotObject)),
        ("empty", json!({}), Some(KeyError::Absent("kty"))),
    ];
    for (label, jwk, expected) in rows {
        assert_eq!(skipped(&jwk), expected, "{label}");
    }
}

#[test]
fn a_key_with_a_name_twice_is_skipped_alone() {
    let good = public_key("p256-2").to_string();
    let twice = format!("{{\"kty\":\"EC\",{}", &public_key("p256-1").to_string()[1..]);
    let parsed = KeySet::parse(format!("{{\"keys\":[{twice},{good}]}}").as_bytes()).unwrap();
    assert_eq!(parsed.keys.len(), 1);
    assert_eq!(parsed.skipped[0].reason, KeyError::Json(JsonError::DuplicateName));
}

#[test]
fn invalid_sets_are_rejected() {
    let good = public_key("p256-1").to_string();
    let rows: Vec<(&str, String, KeySetError)> = vec![
        ("nothing", String::new(), KeySetError::Json(JsonError::Syntax)),
        ("HTML", "<html>".to_owned(), KeySetError::Json(JsonError::Syntax)),
        ("cut short", format!("{{\"keys\":[{good}"), KeySetError::Json(JsonError::Syntax)),
        ("text after", format!("{{\"keys\":[{good}]}}x"), KeySetError::Json(JsonError::Syntax)),
        (
            "keys twice",
            format!("{{\"keys\":[{good}],\"keys\":[]}}"),
            KeySetError::Json(JsonError::DuplicateName),
        ),
        ("a key alone", good.clone(), KeySetError::OneKey),
        ("an array", format!("[{good}]"), KeySetError::Array),
        ("an array in an array", format!("[[{good}]]"), KeySetError::Array),
        (
            "a discovery document",
            json!({ "issuer": "https://a", "jwks_uri": "https://a/keys" }).to_string(),
            KeySetError::DiscoveryDocument,
        ),
        (
            "Firebase's certificates",
            json!({ "a1": "-----BEGIN CERTIFICATE-----\nMIIC\n", "b2": "-----BEGIN CERTIFICATE-----\nMIID\n" })
                .to_string(),
            KeySetError::Certificates,
        ),
        ("an error", json!({ "error": "not_found" }).to_string(), KeySetError::NotAKeySet),
        ("an empty object", "{}".to_owned(), KeySetError::NotAKeySet),
        ("text", "\"keys\"".to_owned(), KeySetError::NotAKeySet),
        ("keys as an object", format!("{{\"keys\":{good}}}"), KeySetError::NotAKeySet),
        ("keys as null", "{\"keys\":null}".to_owned(), KeySetError::NotAKeySet),
        ("Keys", format!("{{\"Keys\":[{good}]}}"), KeySetError::NotAKeySet),
        ("no keys", "{\"keys\":[]}".to_owned(), KeySetError::NoUsableKey),
        (
            "no usable keys",
            "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}".to_owned(),
            KeySetError::NoUsableKey,
        ),
        ("too large", format!("{{\"keys\":[{good}]}}{}", " ".repeat(MAX_SET_BYTES)), KeySetError::TooLarge),
        ("deep", format!("{{\"keys\":{}", "[".repeat(100_000)), KeySetError::Json(JsonError::Syntax)),
    ];
    for (label, text, expected) in rows {
        assert_eq!(KeySet::parse(text.as_bytes()).err(), Some(expected), "{label}");
    }
    let unusable = KeySet::skipped(br#"{"keys":[{"kty":"oct","k":"AA"}]}"#);
    assert_eq!(unusable.first().map(|key| key.reason), Some(KeyError::Symmetric), "the reason is reported");
    assert_eq!(KeySet::parse(b"\xFF").err(), Some(KeySetError::Json(JsonError::Syntax)), "not UTF-8");
    let deep = format!("{{\"x\":{}{},\"keys\":[{good}]}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(KeySet::parse(deep.as_bytes()).is_ok(), "unknown members may be nested deeply");
}

/// Errors are sentences that tell the operator what to write instead.
#[test]
fn errors_of_sets_and_keys_are_sentences() {
    let set = |text: &str| KeySet::parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(set(r#"{"keys":[],"keys":[]}"#), "an object in the key set has the same member twice");
    assert!(set(r#"{"a":"-----BEGIN CERTIFICATE-----"}"#).contains("as a JWKS"));
    assert!(set(r#"{"issuer":"a","jwks_uri":"b"}"#).contains("replace jwks_endpoint by discovery: true"));
    let key = |text: &str| {
        let good = public_key("p256-2").to_string();
        let parsed = KeySet::parse(format!("{{\"keys\":[{text},{good}]}}").as_bytes()).unwrap();
        parsed.skipped[0].to_string()
    };
    assert_eq!(
        key(r#"{"kty":"EC","kty":"EC"}"#),
        "key 0 is not used: an object in it has the same member twice"
    );
    for (n, message) in [
        (r#""AAAA==""#, "its member n is padded base64url; remove each = at the end"),
        (
            r#""AA+/""#,
            "its member n is standard base64; write base64url, with - and _ instead of + and /, and without = at the end",
        ),
        ("null", "its member n is missing"),
        ("7", "its member n is not a string"),
    ] {
        assert_eq!(key(&format!(r#"{{"kty":"RSA","n":{n}}}"#)), format!("key 0 is not used: {message}"));
    }
    assert_eq!(
        key(r#"{"kty":"RSA","x5c":["MIIC"]}"#),
        "key 0 is not used: its member n is missing, and the filter does not read the certificate in its x5c"
    );
}

#[test]
fn sets_are_equal_in_any_order() {
    let set = |keys: &[Value]| key_set(keys);
    let [a, b] = [public_key("rsa-1"), public_key("p256-1")];
    let unusable = || json!({ "kty": "oct", "kid": "c", "k": "AA" });
    let one = set(&[a.clone(), b.clone(), unusable()]);
    assert!(one.equals(&set(&[unusable(), b.clone(), a.clone()])));
    let members: Vec<String> =
        a.as_object().unwrap().iter().rev().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    let text = format!("{{\"made\": 7, \"keys\": [{b}, {{{}}}, {}]}}", members.join(", "), unusable());
    assert!(
        one.equals(&KeySet::parse(text.as_bytes()).unwrap().keys),
        "members in another order, and others beside keys"
    );
    for (label, other) in [
        ("a key less", set(&[a.clone(), unusable()])),
        ("a key twice", set(&[a.clone(), b.clone(), b.clone(), unusable()])),
        ("another key that is not used", set(&[a.clone(), b.clone(), json!({ "kty": "oct", "k": "AB" })])),
        ("another kid", set(&[with(a.clone(), "kid", json!("x")), b.clone(), unusable()])),
        (
            "another key of the kid",
            set(&[with(public_key("rsa-2"), "kid", json!("rsa-1")), b.clone(), unusable()]),
        ),
        ("no alg where there was one", set(&[with(a.clone(), "alg", json!("RS256")), b.clone(), unusable()])),
    ] {
        assert!(!one.equals(&other), "{label}");
    }
}

#[test]
fn an_empty_kid_matches_no_key() {
    let named = |kid: Value| with(public_key("rsa-1"), "kid", kid);
    assert!(key_set(&[without(public_key("rsa-1"), "kid"), named(json!("a"))]).has_any_kid());
    assert!(!key_set(&[without(public_key("rsa-1"), "kid"), named(json!(""))]).has_any_kid());
}

#[test]
fn a_set_has_a_bound() {
    let key = public_key("p256-1").to_string();
    let set = |count: usize| format!("{{\"keys\":[{}]}}", vec![key.as_str(); count].join(","));
    let parsed = KeySet::parse(set(MAX_KEYS).as_bytes()).unwrap();
    assert_eq!((parsed.keys.len(), parsed.skipped.len()), (MAX_KEYS, 0));
    let parsed = KeySet::parse(set(MAX_KEYS + 5).as_bytes()).unwrap();
    assert_eq!((parsed.keys.len(), parsed.skipped.len()), (MAX_KEYS, 1));
    assert_eq!((parsed.skipped[0].index, parsed.skipped[0].reason), (MAX_KEYS, KeyError::TooMany));
    // As many elements as fit into the size limit: neither they nor their warnings accumulate.
    let crowd = format!("{{\"keys\":[{key}{}]}}", ",1".repeat(500_000));
    assert_eq!(KeySet::parse(crowd.as_bytes()).unwrap().skipped.len(), MAX_KEYS);
}

#[test]
fn a_warning_is_one_safe_line() {
    let evil = with(with(public_key("rsa-1"), "kid", json!("a\nb\"")), "use", json!("enc"));
    let set = json!({ "keys": [public_key("p256-1"), evil] }).to_string();
    let parsed = KeySet::parse(set.as_bytes()).unwrap();
    assert_eq!(parsed.skipped[0].to_string(), r#"key 1 (kid "a\nb\"") is not used: its use is not sig"#);
}
