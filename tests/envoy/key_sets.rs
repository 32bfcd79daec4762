//! Key sets as issuers publish them: usable keys are used, and each unusable key is logged once.

use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, SigningKey, Token};
use serde_json::{Value, json};

use crate::harness::{Answer, Stack, now, wait_until};
use crate::keys::{another, figure, issuer, lines};
use crate::outcome::{Tries, assert_no_crash, expose_reasons};

fn key(algorithm: Algorithm, kid: &str) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().with_kid(kid)
}

/// The public key with the given members; `null` removes a member.
fn jwk(key: &SigningKey, members: Value) -> Value {
    let mut jwk = key.public_jwk();
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

/// The member with its last byte changed by the mask.
fn damaged(key: &SigningKey, member: &str, mask: u8) -> Value {
    let mut number = base64url::decode(key.public_jwk()[member].as_str().unwrap().as_bytes()).unwrap();
    *number.last_mut().unwrap() ^= mask;
    jwk(key, json!({ member: base64url::encode(&number) }))
}

/// Unusable keys with their log messages.
fn unusable(good: &SigningKey) -> Vec<(Value, &'static str)> {
    let small = SigningKey::generate_rsa(Algorithm::Rs256, 1024).unwrap();
    let p256 = key(Algorithm::Es256, "any");
    let ed25519 = key(Algorithm::Ed25519, "any");
    vec![
        (jwk(good, json!({ "kid": "enc", "use": "enc" })), "its use is not sig"),
        (
            jwk(good, json!({ "kid": "oaep", "alg": "RSA-OAEP" })),
            "its alg is not supported, or does not belong to its kty",
        ),
        (jwk(good, json!({ "kid": "signs", "key_ops": ["sign"] })), "its key_ops do not contain verify"),
        (json!({ "kty": "oct", "kid": "secret", "k": "AAAA", "alg": "HS256" }), "it is a symmetric key"),
        (jwk(&small, json!({ "kid": "small" })), "its n has 1024 bits; an RSA key needs 2048 to 8192"),
        (
            jwk(good, json!({ "kid": "even-exponent", "e": "AQAC" })),
            "its e is not an odd number from 3 to 2^33 - 1",
        ),
        (
            jwk(good, json!({ "kid": "exponent-1", "e": "AQ" })),
            "its e is not an odd number from 3 to 2^33 - 1",
        ),
        (
            jwk(&p256, damaged(&p256, "y", 1)),
            "its x or y is not the canonical encoding of a point on its curve",
        ),
        (
            jwk(&p256, json!({ "kid": "curve", "crv": "secp256k1", "alg": null })),
            "its crv is not supported; expected P-256",
        ),
        (
            jwk(
                &ed25519,
                json!({ "kid": "order-1", "x": base64url::encode(&[&[1][..], &[0; 31]].concat()) }),
            ),
            "its x is a point of small order",
        ),
        (json!({ "kty": "LMS", "kid": "type" }), "its kty is not supported; expected RSA"),
        (
            {
                let mut private = good.private_jwk();
                private["kid"] = json!("private");
                private
            },
            "it contains private key material",
        ),
        (json!("a string"), "it is not a JSON object"),
    ]
}

/// A key set like Keycloak's: an encryption key and a signature key, both with certificates.
fn keycloak(sig: &SigningKey, enc: &SigningKey) -> Value {
    json!({ "keys": [
        jwk(enc, json!({ "use": "enc", "alg": "RSA-OAEP", "x5c": ["MIIC"], "x5t": "AA", "x5t#S256": "AA" })),
        jwk(sig, json!({ "x5c": ["MIIC"], "x5t": "AA", "x5t#S256": "AA" })),
    ] })
}

/// A key set like Entra's: without `alg`, with proprietary members.
fn entra(keys: &[&SigningKey]) -> Value {
    let published = |key: &&SigningKey| {
        jwk(key, json!({ "alg": null, "x5t": key.kid(), "x5c": ["MIIC"], "issuer": "https://x/v2.0" }))
    };
    json!({ "keys": keys.iter().map(published).collect::<Vec<_>>() })
}

fn token(name: &str) -> Token {
    Token::new(now()).issuer(&format!("https://{name}.example")).audience(AUDIENCE)
}

#[tokio::test(flavor = "multi_thread")]
async fn usable_keys_are_used_and_each_unusable_key_is_logged_once() {
    let (sig, enc, second) = (another("sig"), another("enc-key"), another("second"));
    let nameless = key(Algorithm::Es256, "");
    let bad = unusable(&sig);
    let mixed: Vec<Value> = bad.iter().map(|(jwk, _)| jwk.clone()).chain([sig.public_jwk()]).collect();
    let twins: Vec<Value> = [&enc, &sig, &second].map(|key| jwk(key, json!({ "kid": "twin" }))).into();
    let without_kid = json!({ "keys": [jwk(&nameless, json!({ "kid": null })), sig.public_jwk()] });
    let sets = [
        ("keycloak", keycloak(&sig, &enc)),
        ("entra", entra(&[&sig, &second])),
        ("mixed", json!({ "keys": mixed })),
        ("twins", json!({ "keys": twins })),
        ("nameless", without_kid),
    ];
    let members = json!({ "jwks_ttl_seconds": 1, "accepted_algorithms": ["RS256", "PS256", "ES256"] });
    let issuers: Vec<_> = sets.iter().map(|(name, _)| issuer(name, members.clone())).collect();
    let mut builder = Stack::builder().plugin(json!({ "issuers": issuers })).workers(2).envoy(expose_reasons);
    for (name, set) in &sets {
        builder = builder.issuer_path(&format!("/{name}"), Answer::ok(set.to_string()));
    }
    let stack = builder.start().await;

    let ps256 = sig.clone().with_algorithm(Algorithm::Ps256).unwrap();
    let twin = |key: &SigningKey| key.clone().with_kid("twin");
    let rows = [
        ("keycloak", "passed", token("keycloak").sign(&sig)),
        // An encryption key must not verify signatures, with any kid in the token.
        ("keycloak, the other key", "unknown_kid", token("keycloak").sign(&enc)),
        ("keycloak, the other key, no kid", "signature", token("keycloak").without_header("kid").sign(&enc)),
        ("entra", "passed", token("entra").sign(&sig)),
        ("entra's second", "passed", token("entra").sign(&second)),
        // A key without alg fits all accepted algorithms of its kind.
        ("entra, PS256", "passed", token("entra").sign(&ps256)),
        ("keycloak, PS256", "bad_key", token("keycloak").sign(&ps256)),
        ("mixed", "passed", token("mixed").sign(&sig)),
        (
            "mixed, by the key whose private half was published",
            "unknown_kid",
            token("mixed").header("kid", "private").sign(&sig),
        ),
        ("mixed, by the key for encryption", "unknown_kid", token("mixed").header("kid", "enc").sign(&sig)),
        ("twins", "passed", token("twins").sign(&twin(&enc))),
        ("twins", "passed", token("twins").sign(&twin(&second))),
        ("twins, a third", "signature", token("twins").sign(&twin(&another("third")))),
        ("nameless", "passed", token("nameless").without_header("kid").sign(&nameless)),
        ("nameless, with a name", "unknown_kid", token("nameless").header("kid", "any").sign(&nameless)),
        ("nameless, with an empty name", "unknown_kid", token("nameless").sign(&nameless)),
        ("nameless, the other", "passed", token("nameless").sign(&sig)),
    ];
    let mut tries = Tries::new(&stack).await;
    for (label, expected, token) in rows {
        assert_eq!(tries.token(token.unwrap()).await, expected, "{label}");
    }

    for (name, _) in &sets {
        wait_until(&format!("{name} was fetched again and again"), async || {
            figure(&stack, name, "refresh_ok").await >= 4
        })
        .await;
    }
    for (index, (jwk, why)) in bad.iter().enumerate() {
        let kid = jwk["kid"].as_str().map(|kid| format!(" (kid \"{kid}\")")).unwrap_or_default();
        let words = "[warning][wasm]";
        let warning = format!("issuer mixed: key {index}{kid} is not used: {why}");
        assert_eq!(lines(&stack, &warning), 1, "{warning}");
        let log = stack.envoy.log();
        assert!(
            log.lines().any(|line| line.contains(words) && line.contains(&warning)),
            "{warning} is a warning"
        );
    }
    assert_eq!(lines(&stack, "issuer mixed: key"), bad.len());
    assert_eq!(lines(&stack, "issuer keycloak: key 0 (kid \"enc-key\") is not used: its use is not sig"), 1);
    let logged = lines(&stack, " is not used: ");
    assert_eq!(logged, bad.len() + 1, "no messages about the other keys");
    for (name, keys) in [("keycloak", 1), ("entra", 2), ("mixed", 1), ("twins", 3), ("nameless", 2)] {
        assert_eq!(figure(&stack, name, "keys").await, keys, "{name}");
    }
    // The log must not contain private key material.
    let private = sig.private_jwk();
    assert!(!stack.envoy.log_contains(private["d"].as_str().unwrap()));
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_without_a_usable_key_is_rejected() {
    let sig = another("sig");
    let bad = unusable(&sig);
    let set =
        || Answer::ok(json!({ "keys": bad.iter().map(|(jwk, _)| jwk).collect::<Vec<_>>() }).to_string());
    let members = json!({ "jwks_ttl_seconds": 1, "jwks_max_stale_seconds": 3600 });
    let issuers: Vec<_> = ["cold", "warm"].iter().map(|name| issuer(name, members.clone())).collect();
    let builder = Stack::builder().plugin(json!({ "issuers": issuers })).workers(2).envoy(expose_reasons);
    let stack = builder.issuer_path("/cold", set()).issuer_path("/warm", Answer::keys([&sig])).start().await;
    let mut tries = Tries::new(&stack).await;
    let [cold, warm] = ["cold", "warm"].map(|name| token(name).sign(&sig).unwrap());
    assert_eq!(tries.token(&cold).await, "503 no_keys");
    assert_eq!(tries.token(&warm).await, "passed");

    stack.issuer.answer("/warm", set());
    for name in ["cold", "warm"] {
        wait_until(&format!("{name} fails again and again"), async || {
            figure(&stack, name, "refresh_failed").await >= 3
        })
        .await;
    }
    assert_eq!(tries.token(&cold).await, "503 no_keys");
    assert_eq!(tries.token(&warm).await, "passed", "the last good key is used");
    let failed = "fetching keys failed: the key set has no usable key";
    assert_eq!(lines(&stack, &format!("issuer cold: {failed}; the filter has no keys for this issuer")), 1);
    assert_eq!(
        lines(&stack, &format!("issuer warm: {failed}; the filter keeps using the last good keys")),
        1
    );
    for (_, why) in &bad {
        assert!(stack.envoy.log_contains(why), "{why}");
    }
    for name in ["cold", "warm"] {
        assert_eq!(
            lines(&stack, &format!("issuer {name}: key ")),
            bad.len(),
            "{name}: each unusable key is logged once"
        );
    }

    stack.issuer.answer("/cold", Answer::keys([&sig]));
    wait_until("cold has keys", async || stack.get_with("/", &cold).await.status == 200).await;
    assert_no_crash(&stack);
}

/// In the configuration, a set without a usable key is an error, and the error gives the reason for each key.
#[tokio::test(flavor = "multi_thread")]
async fn unusable_inline_keys_stop_the_start() {
    let sig = another("sig");
    let set = json!({ "keys": [jwk(&sig, json!({ "use": "enc" })), { "kty": "oct", "k": "AAAA" }] });
    let plugin = json!({ "issuer": "https://issuer.example", "audience": AUDIENCE, "jwks_inline": set });
    let words = [
        "jwks_inline: this key set cannot be used: the key set has no usable key",
        "key 0 (kid \"sig\") is not used: its use is not sig",
        "key 1 is not used: it is a symmetric key",
    ];
    crate::harness::expect_rejected_start(plugin, &words).await;
}
