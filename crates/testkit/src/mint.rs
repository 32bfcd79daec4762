//! The testing kit: keys of every algorithm and tokens signed with them, broken ones included.
//!
//! Keys come from the system's random numbers or a private JWK (RFC 7517, 7518, 8037; AKP for ML-DSA); tokens
//! are JWS in compact form. [`SigningKey::sign`] signs whatever header and claims it is given, so a test can
//! break one thing and keep the signature good; [`Token`] starts from a token that passes. Nothing here checks
//! anything, and none of it is in the module.

mod compact;
mod error;
mod jwk;
mod key;
mod shared_key;
mod token;

pub use compact::compact;
pub use error::MintError;
pub use jwt_guard::jose::algorithm::Algorithm;
pub use key::SigningKey;
pub use shared_key::shared_key;
pub use token::{AUDIENCE, ISSUER, LIFETIME, SUBJECT, Token};

use serde_json::{Value, json};

/// A JWKS of those keys' public halves.
pub fn key_set<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> Value {
    json!({ "keys": keys.into_iter().map(SigningKey::public_jwk).collect::<Vec<_>>() })
}
