//! Attacks with the algorithm of a token: none, HMAC with a public key, an algorithm for another kind of key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jwt_guard::jose::algorithm::{Algorithm, PublicKey, SignatureCheck};
use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::{AUDIENCE, ISSUER, compact};
use jwt_simple::prelude::{Claims, Duration, HS256Key, HS384Key, HS512Key, MACLike};
use serde_json::{Value, json};

use super::{Row, SECRETS, World, row};

pub fn rows(world: &World) -> Vec<Row> {
    let tables = [unsigned, shared_secrets, other_names, other_kinds];
    tables.into_iter().flat_map(|rows| rows(world)).collect()
}

/// The classic attack, in all spellings: no signature, an arbitrary signature, and a valid signature.
fn unsigned(world: &World) -> Vec<Row> {
    let mut rows = vec![row("good", "passed", world.good())];
    for alg in ["none", "None", "NONE", "nOnE", "none ", "\tnone", "none\0"] {
        let token = world.token().header("alg", alg);
        let good = token.sign(&world.rsa).unwrap();
        let header = token.header_json(&world.rsa);
        let without = compact(header.as_bytes(), token.claims_json().as_bytes(), b"");
        rows.extend([
            row(format!("{alg:?}, signed all the same"), "algorithm", good),
            row(format!("{alg:?}, a signature for show"), "algorithm", format!("{without}AAAA")),
            row(format!("{alg:?}, an empty signature"), "malformed", without.clone()),
            row(format!("{alg:?}, two parts"), "malformed", without.trim_end_matches('.')),
        ]);
    }
    rows
}

/// HMAC with the public key as its secret. Libraries have accepted the key in each of these forms.
fn shared_secrets(world: &World) -> Vec<Row> {
    let jwk = world.rsa.public_jwk();
    let (n, e) = (jwk["n"].as_str().unwrap(), jwk["e"].as_str().unwrap());
    let bytes = |text: &str| base64url::decode(text.as_bytes()).unwrap();
    let key = PublicKey::rsa(&bytes(n), &bytes(e)).unwrap();
    let any = [&[0], &vec![1; 255][..]].concat();
    let spki = SignatureCheck::new(Algorithm::Rs256, &key, b"", &any).unwrap().for_host().unwrap();
    let spki = spki.public_key.to_vec();
    // SubjectPublicKeyInfo of RSA: 24 bytes, then RSAPublicKey.
    let pkcs1 = spki[24..].to_vec();
    let secrets = [
        ("PEM", pem("PUBLIC KEY", &spki)),
        ("PEM without its last line break", pem("PUBLIC KEY", &spki).trim_ascii_end().to_vec()),
        ("PKCS#1 PEM", pem("RSA PUBLIC KEY", &pkcs1)),
        ("DER", spki),
        ("PKCS#1 DER", pkcs1),
        ("the JWK", jwk.to_string().into_bytes()),
        ("the JWKS", json!({ "keys": [jwk.clone()] }).to_string().into_bytes()),
        ("n", bytes(n)),
        ("n as it is written", n.as_bytes().to_vec()),
        ("the kid", world.rsa.kid().as_bytes().to_vec()),
        ("nothing", vec![]),
    ];
    secrets.into_iter().flat_map(|(label, secret)| macs(label, &secret)).collect()
}

fn macs(label: &str, secret: &[u8]) -> [Row; 3] {
    let [subject, email, role] = SECRETS;
    let claims = || {
        let said: Value = json!({ "email": email, "roles": [role] });
        let claims = Claims::with_custom_claims(said, Duration::from_mins(5));
        claims.with_issuer(ISSUER).with_audience(AUDIENCE).with_subject(subject)
    };
    // Trailing zeros of a short key do not change an HMAC (RFC 2104 section 2), and this library needs a minimum
    // length.
    let secret = &[secret, &vec![0; 64_usize.saturating_sub(secret.len())][..]].concat()[..];
    let hs256 = HS256Key::from_bytes(secret).with_key_id("rsa").authenticate(claims()).unwrap();
    let hs384 = HS384Key::from_bytes(secret).with_key_id("rsa").authenticate(claims()).unwrap();
    let hs512 = HS512Key::from_bytes(secret).with_key_id("rsa").authenticate(claims()).unwrap();
    [("HS256", hs256), ("HS384", hs384), ("HS512", hs512)]
        .map(|(alg, token)| row(format!("{alg} keyed with {label}"), "algorithm", token))
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")).into_bytes()
}

/// Other names: an algorithm name is compared exactly, and must be text.
fn other_names(world: &World) -> Vec<Row> {
    let token = |alg: Value| world.token().header("alg", alg).sign(&world.rsa).unwrap();
    let names = ["", "rs256", "RS256 ", "RS256\0", "RS-256", "RS1", "ES256K", "Ed448", "dir", "RSA-OAEP"];
    let mut rows: Vec<Row> =
        names.iter().map(|alg| row(format!("alg {alg:?}"), "algorithm", token(json!(alg)))).collect();
    let others = [json!(["RS256"]), json!(null), json!(256), json!({ "RS256": true })];
    rows.extend(others.map(|alg| row(format!("alg {alg}"), "malformed", token(alg))));
    let without = world.token().without_header("alg").sign(&world.rsa).unwrap();
    rows.push(row("no alg", "algorithm", without));
    // Only the exact member name `alg` counts.
    rows.push(row("Alg beside alg", "passed", world.token().header("Alg", "none").sign(&world.rsa).unwrap()));
    rows
}

/// An algorithm that does not fit the key, and a signature of another algorithm under the right name.
fn other_kinds(world: &World) -> Vec<Row> {
    let pss = world.rsa.clone().with_algorithm(jwt_guard_testkit::mint::Algorithm::Ps256).unwrap();
    let rs512 = world.rsa.clone().with_algorithm(jwt_guard_testkit::mint::Algorithm::Rs512).unwrap();
    let rows = [
        ("ES256 with an RSA key's kid", "bad_key", world.token().header("kid", "rsa").sign(&world.p256)),
        ("RS256 with a curve's kid", "bad_key", world.token().header("kid", "p256").sign(&world.rsa)),
        ("EdDSA with an RSA key's kid", "bad_key", world.token().header("kid", "rsa").sign(&world.ed25519)),
        ("ES512 with P-256's kid", "bad_key", world.token().header("kid", "p256").sign(&world.p521)),
        ("PS256 by a key bound to RS256", "bad_key", world.token().sign(&pss)),
        ("RS512 by a key bound to RS256", "bad_key", world.token().sign(&rs512)),
        ("PS256 that calls itself RS256", "signature", world.token().header("alg", "RS256").sign(&pss)),
        ("RS512 that calls itself RS256", "signature", world.token().header("alg", "RS256").sign(&rs512)),
        ("ES256 that calls itself ES512", "bad_key", world.token().header("alg", "ES512").sign(&world.p256)),
    ];
    rows.map(|(label, expected, token)| row(label, expected, token.unwrap())).into()
}
