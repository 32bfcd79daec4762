//! The revocation list of the mock issuer.

#![allow(clippy::unwrap_used, reason = "a poisoned lock means that a request panicked")]

use std::sync::Mutex;

use jwt_guard::jose::base64url;
use jwt_guard::revocation::{HashKey, ListError, MAX_ITEMS, RevocationList};
use serde_json::{Map, Value, json};

/// The path of the list.
pub const REVOCATIONS_PATH: &str = "/revocations";

/// The largest `clock_skew_seconds`: an expired token may still be accepted for this time.
const LONGEST_SKEW: f64 = 600.0;

/// The revoked tokens.
#[derive(Debug, Default)]
pub struct Revoked(Mutex<Vec<RevokedItem>>);

/// An item of the list, and the `exp` of its token, if it is known.
#[derive(Debug)]
struct RevokedItem {
    item: Map<String, Value>,
    expires: Option<f64>,
}

/// Why a request to revoke is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// The body is not a JSON object.
    #[error(
        "the body must be a JSON object: an item such as {{\"jti\": \"...\"}}, or {{\"token\": \"...\"}}"
    )]
    NotAnObject,
    /// The token has no claims that can be read.
    #[error("token is not a JWT")]
    NotAToken,
    /// The token has no `jti`.
    #[error("the token has no jti; revoke it by sub or sid, and issued_before")]
    NoJti,
    /// The filter would refuse the item.
    #[error("{0}")]
    Item(ListError),
    /// The list is full.
    #[error("the list has {MAX_ITEMS} items, which is the limit of the filter")]
    Full,
}

impl Revoked {
    /// Adds the item in the body of a request, or an item for the token in it. Returns the item.
    ///
    /// # Errors
    /// If the body names no token.
    pub fn revoke(&self, body: &[u8]) -> Result<Value, RevokeError> {
        let item: Map<String, Value> = serde_json::from_slice(body).map_err(|_| RevokeError::NotAnObject)?;
        let (item, expires) = match item.get("token") {
            Some(token) => of_token(token.as_str().unwrap_or_default())?,
            None => {
                let expires = item.get("exp").and_then(Value::as_f64);
                (item, expires)
            }
        };
        let document = json!({ "items": [item] }).to_string();
        RevocationList::parse(document.as_bytes(), HashKey::from_bits([0, 0])).map_err(RevokeError::Item)?;
        let mut items = self.0.lock().unwrap();
        if items.len() >= MAX_ITEMS {
            return Err(RevokeError::Full);
        }
        let answer = Value::Object(item.clone());
        items.push(RevokedItem { item, expires });
        Ok(answer)
    }

    /// The list at this time, in seconds since 1970. Items of tokens that have expired are removed.
    pub fn document(&self, now: f64) -> Value {
        let mut items = self.0.lock().unwrap();
        items.retain(|item| item.expires.is_none_or(|expires| now < expires + LONGEST_SKEW));
        json!({ "items": items.iter().map(|item| &item.item).collect::<Vec<_>>() })
    }
}

/// The item for a token. The signature is not verified: a forged token revokes at most its own `jti`.
fn of_token(token: &str) -> Result<(Map<String, Value>, Option<f64>), RevokeError> {
    let payload = token.split('.').nth(1).and_then(|part| base64url::decode(part.as_bytes()));
    let claims: Map<String, Value> =
        payload.and_then(|payload| serde_json::from_slice(&payload).ok()).ok_or(RevokeError::NotAToken)?;
    let jti = claims.get("jti").and_then(Value::as_str).ok_or(RevokeError::NoJti)?;
    let item = [("jti".to_owned(), json!(jti))].into_iter().collect();
    Ok((item, claims.get("exp").and_then(Value::as_f64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_tokens_are_listed_until_the_token_has_expired() {
        let revoked = Revoked::default();
        let claims = base64url::encode(br#"{"jti":"a","exp":1000}"#);
        let of_token = revoked.revoke(json!({ "token": format!("x.{claims}.y") }).to_string().as_bytes());
        assert_eq!(of_token, Ok(json!({ "jti": "a" })));
        for item in [json!({ "sub": "alice", "issued_before": 5 }), json!({ "sid": "s", "exp": 2000 })] {
            assert_eq!(revoked.revoke(item.to_string().as_bytes()), Ok(item));
        }
        let items = |now| revoked.document(now)["items"].as_array().unwrap().len();
        assert_eq!([items(1599.0), items(1600.0), items(3000.0)], [3, 2, 1]);
    }

    #[test]
    fn a_body_that_names_no_token_is_refused() {
        let revoke = |body: Value| Revoked::default().revoke(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(revoke(json!(["a"])), RevokeError::NotAnObject);
        assert_eq!(revoke(json!({ "token": "x" })), RevokeError::NotAToken);
        let without = base64url::encode(b"{}");
        assert_eq!(revoke(json!({ "token": format!("x.{without}.y") })), RevokeError::NoJti);
        assert_eq!(revoke(json!({ "kid": "a" })), RevokeError::Item(ListError::NamesNothing { index: 0 }));
        assert!(matches!(revoke(json!({ "jti": 5 })), RevokeError::Item(ListError::MemberType { .. })));
    }
}
