//! Proofs that a filter must refuse: each differs from a valid one in one thing (RFC 9449 section 4.3).

use jwt_guard::time::UnixTime;
use serde_json::{Value, json};

use super::key::SigningKey;
use super::proof::Proof;

/// Changes of a valid proof, each with its name. The proof is for a request with the method GET at this origin, signed by
/// `client` with ES256, and `max_age` is the age limit of the filter in seconds. `stranger` is another key.
pub fn broken_proofs(
    proof: &Proof,
    origin: &str,
    (client, stranger): (&SigningKey, &SigningKey),
    now: UnixTime,
    max_age: u64,
) -> Vec<(&'static str, Proof)> {
    let seconds = now.as_millis() / 1000;
    let mut private = client.bare_public_jwk();
    if let (Value::Object(members), Value::Object(mut secret)) = (&mut private, client.private_jwk()) {
        members.extend(secret.remove("d").map(|d| ("d".to_owned(), d)));
    }
    let proof = || proof.clone();
    let at = |path: &str| format!("{origin}{path}");
    vec![
        ("no typ", proof().without_header("typ")),
        ("the typ of an access token", proof().header("typ", "JWT")),
        ("the typ of RFC 9068", proof().header("typ", "at+jwt")),
        ("no alg", proof().without_header("alg")),
        ("none", proof().header("alg", "none")),
        ("a symmetric alg", proof().header("alg", "HS256")),
        ("an alg that is not listed", proof().header("alg", "ES384")),
        ("the alg of another key", proof().header("alg", "EdDSA")),
        ("crit", proof().header("crit", json!(["a"]))),
        ("no key", proof().without_header("jwk")),
        ("a key as text", proof().header("jwk", "a")),
        ("a private key", proof().header("jwk", private)),
        ("a symmetric key", proof().header("jwk", json!({ "kty": "oct", "k": "AAAA" }))),
        ("another key", proof().header("jwk", stranger.bare_public_jwk())),
        ("no htm", proof().without("htm")),
        ("another method", proof().claim("htm", "POST")),
        ("the method in lower case", proof().claim("htm", "get")),
        ("no htu", proof().without("htu")),
        ("another path", proof().claim("htu", at("/another"))),
        ("another host", proof().claim("htu", "https://evil.example/orders/7")),
        ("another port", proof().claim("htu", at(":8443/orders/7"))),
        ("another scheme", proof().claim("htu", at("/orders/7").replace("https:", "http:"))),
        ("an IDN", proof().claim("htu", at("/orders/7").replace("api", "\u{430}pi"))),
        ("no iat", proof().without("iat")),
        ("iat as text", proof().claim("iat", seconds.to_string())),
        ("two seconds too old", proof().claim("iat", seconds.saturating_sub(max_age + 2))),
        ("ten seconds too early", proof().claim("iat", seconds + max_age + 10)),
        ("no ath", proof().without("ath")),
        ("the ath of another token", proof().claim("ath", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")),
        ("no jti", proof().without("jti")),
        ("an empty jti", proof().claim("jti", "")),
        ("a jti that is no text", proof().claim("jti", 7)),
    ]
}
