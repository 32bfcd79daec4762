//! Keys of every algorithm and tokens signed with them, invalid ones included.
//!
//! Keys come from the system's random numbers or from a private JWK (RFC 7517, 7518, 8037; AKP for ML-DSA). Tokens are
//! JWS in compact form. [`SigningKey::sign`] signs any header and claims, so that a test can break one thing and keep
//! the signature valid. [`Token`] starts as a valid token. Nothing is validated here.

mod broken_proofs;
mod compact;
mod error;
mod jwk;
mod key;
mod proof;
mod shared_key;
mod token;

pub use broken_proofs::broken_proofs;
pub use compact::compact;
pub use error::MintError;
pub use jwt_guard::jose::algorithm::Algorithm;
pub use key::SigningKey;
pub use proof::Proof;
pub use shared_key::shared_key;
pub use token::{AUDIENCE, ISSUER, LIFETIME, SUBJECT, Token};

use serde_json::{Value, json};

/// A JWKS with the public halves of the keys.
pub fn key_set<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> Value {
    json!({ "keys": keys.into_iter().map(SigningKey::public_jwk).collect::<Vec<_>>() })
}
