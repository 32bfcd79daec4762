//! Tokens, keys, signatures and claims: everything that decides whether a token is what it says it is.
//!
//! Knows nothing of HTTP, routes or the host (RFC 7515, 7517, 7518, 7519, 8725).

pub mod algorithm;
pub mod base64url;
pub mod claims;
pub mod error;
pub mod escaped;
pub mod json;
pub mod jwks;
mod known_answers;
pub mod limits;
pub mod pointer;
pub mod rules;
mod times;
pub mod token;
