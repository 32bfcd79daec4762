//! A parsed token has exactly one encoding, its JSON equals that of serde_json, and it passes only if it meets the
//! rules.
//!
//! The input is a token or, if it begins with `{`, three lines: the header, the claims and the bytes of the signature.

use std::borrow::Cow;

use jwt_guard::jose::base64url;
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::error::TokenError;
use jwt_guard::jose::limits::MAX_KID_BYTES;
use jwt_guard::jose::token::UnverifiedToken;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::issuer::{AUDIENCE, AcceptAll, ISSUER, MAX_TOKEN_BYTES, NOW, keys, rules};

/// Whether the token passes if every signature is accepted.
pub fn holds(data: &[u8]) -> bool {
    let data = encode_parts(data);
    let token = match UnverifiedToken::parse(&data, MAX_TOKEN_BYTES) {
        Ok(token) => token,
        Err(TokenError::TooLong { bytes, limit }) => {
            assert!(bytes == data.len() && bytes > limit);
            return false;
        }
        Err(error) => {
            assert!(data.len() <= MAX_TOKEN_BYTES && matches!(error, TokenError::Malformed(_)), "{error:?}");
            return false;
        }
    };
    let parts = data.split(|byte| *byte == b'.').map(decode_strictly).collect::<Vec<_>>();
    let [header, claims, signature] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    assert!(!signature.is_empty());
    assert!(data.len() <= MAX_TOKEN_BYTES);
    let shorter = UnverifiedToken::parse(&data, data.len() - 1).err();
    assert_eq!(shorter, Some(TokenError::TooLong { bytes: data.len(), limit: data.len() - 1 }));

    let outcome = verify(token.clone(), &rules(), &keys(), &AcceptAll, NOW);
    // serde_json rejects a number that does not fit into a double; the core keeps it as text.
    let (Some(header), Some(claims)) = (object(header), object(claims)) else { return outcome.is_ok() };
    let kid = header.get("kid").map(|kid| kid.as_str().expect("an accepted kid is a string"));
    assert_eq!(token.unverified_kid(), kid);
    assert!(kid.is_none_or(|kid| kid.len() <= MAX_KID_BYTES));
    assert_eq!(token.unverified_issuer(), claims.get("iss").and_then(Value::as_str));

    let Ok(verified) = outcome else { return false };
    check_header(&header);
    check_claims(&claims);
    let read: Value = serde_json::from_str(&verified.claims().to_string()).unwrap();
    assert_eq!(read, Value::Object(claims));
    assert_eq!(verified.payload().as_bytes(), data.split(|byte| *byte == b'.').nth(1).unwrap());
    true
}

fn encode_parts(data: &[u8]) -> Cow<'_, [u8]> {
    if !data.starts_with(b"{") {
        return Cow::Borrowed(data);
    }
    let parts = data.splitn(3, |byte| *byte == b'\n').map(base64url::encode);
    Cow::Owned(parts.collect::<Vec<_>>().join(".").into_bytes())
}

/// Decodes a part and checks that it is the only encoding of its bytes.
fn decode_strictly(part: &[u8]) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |byte: &u8| alphabet.iter().position(|other| other == byte).expect("a base64url character");
    let mut bits = 0_u32;
    let mut bit_count = 0;
    let mut bytes = Vec::new();
    for byte in part {
        bits = bits << 6 | digit(byte) as u32;
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            bytes.push((bits >> bit_count) as u8);
            bits &= (1 << bit_count) - 1;
        }
    }
    assert!(bit_count < 6 && bits == 0, "unused bits are not zero");
    assert_eq!(base64url::encode(&bytes).as_bytes(), part);
    bytes
}

/// The members of the object as serde_json parses them; names are unique.
fn object(text: &[u8]) -> Option<Map<String, Value>> {
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        let numbers_aside = serde_json::from_slice::<&RawValue>(text);
        assert!(numbers_aside.is_ok(), "the core accepted invalid JSON");
        return None;
    };
    let Value::Object(members) = value else { panic!("the core accepted a value that is not an object") };
    Some(members)
}

/// RFC 7515 section 4.1, RFC 8725 section 3.
fn check_header(header: &Map<String, Value>) {
    let algorithms = [
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
        "Ed25519",
        "ML-DSA-44",
        "ML-DSA-65",
        "ML-DSA-87",
    ];
    assert!(algorithms.contains(&header["alg"].as_str().unwrap()));
    assert!(!header.contains_key("crit"));
    assert!(header.get("b64").is_none_or(|encoded| *encoded == Value::Bool(true)));
    if let Some(typ) = header.get("typ") {
        let typ = typ.as_str().unwrap().to_ascii_lowercase();
        assert!(["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(&typ.as_str()));
    }
}

/// RFC 7519 section 4.1, and the configuration's defaults.
fn check_claims(claims: &Map<String, Value>) {
    assert_eq!(claims["iss"], ISSUER);
    for name in ["sub", "jti"] {
        assert!(claims.get(name).is_none_or(Value::is_string));
    }
    match &claims["aud"] {
        Value::Array(audiences) => {
            assert!(audiences.iter().all(Value::is_string) && audiences.contains(&Value::from(AUDIENCE)));
        }
        audience => assert_eq!(audience, AUDIENCE),
    }
    let now = NOW.as_secs_f64();
    assert!(claims["exp"].as_f64().unwrap() + 60.0 > now);
    for name in ["nbf", "iat"] {
        assert!(claims.get(name).is_none_or(|date| date.as_f64().unwrap() <= now + 60.0));
    }
    for (name, refused) in
        [("type", &["refresh"][..]), ("typ", &["Refresh", "ID", "Offline", "Logout"]), ("token_use", &["id"])]
    {
        let values = claims.get(name).map(|value| match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        });
        let is_refused = |value: &Value| value.as_str().is_some_and(|text| refused.contains(&text));
        assert!(!values.unwrap_or_default().iter().any(is_refused));
    }
}
