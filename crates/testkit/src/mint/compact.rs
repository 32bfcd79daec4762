//! The compact form of a JWS (RFC 7515 section 7.1).

use jwt_guard::jose::base64url;

/// Encodes and joins the three parts: `compact(header, claims, b"")` is an unsigned token.
pub fn compact(header: &[u8], claims: &[u8], signature: &[u8]) -> String {
    [header, claims, signature].map(base64url::encode).join(".")
}
