//! Tokens, keys, signatures and claims: verifies that a token is genuine and valid (RFC 7515, 7517, 7518, 7519, 8725).
//!
//! This module does not depend on HTTP, routes or the host.

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
pub mod public_jwk;
pub mod rules;
pub mod signed_object;
pub mod tenants;
mod times;
pub mod token;
