//! Why a token or a key set is refused. Facts for an operator's log; no token text, claim value or key in them.

use super::json::JsonError;

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenError {
    /// Longer than `max_token_bytes`.
    TooLong {
        /// The token's length in bytes.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not three non-empty base64url parts, or a part that is not what it must be.
    Malformed(Malformed),
    /// `iss` is absent, or no configured issuer.
    UnknownIssuer,
    /// `alg` is absent, unknown, or not among the issuer's `accepted_algorithms`.
    Algorithm,
    /// `typ` is not among `accepted_types`.
    Type,
    /// A `crit` member, or `b64: false` (RFC 7515 section 4.1.11, RFC 7797).
    Critical,
    /// No key of the issuer has that `kid`.
    UnknownKid,
    /// The `kid` is among `refused_kids`.
    RefusedKid,
    /// The `kid` names a key, but not one for this algorithm.
    BadKey,
    /// No fitting key verifies the signature.
    Signature,
    /// now ≥ exp + skew, or no `exp` where one is required.
    Expired,
    /// nbf or iat > now + skew.
    NotYetValid,
    /// exp − iat exceeds `max_token_lifetime_seconds`, or one of them is absent while that is set.
    Lifetime,
    /// None of the token's audiences is configured.
    Audience,
    /// A registered claim has the wrong type or is out of range.
    ClaimType {
        /// The claim's name: one of the registered ones.
        claim: &'static str,
    },
    /// A claim has one of the `refused_claims`.
    RefusedClaim {
        /// The pointer of the configured rule.
        pointer: String,
    },
}

/// What makes a token malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Not exactly three non-empty parts.
    Parts,
    /// A part is not base64url without padding, or has trailing bits set.
    Base64,
    /// The header is not the JSON that it must be.
    HeaderJson(JsonError),
    /// The header is JSON, but not an object.
    HeaderNotObject,
    /// A header member that has the wrong type, or a `kid` over 256 bytes.
    HeaderMember(&'static str),
    /// The claims are not the JSON that they must be.
    ClaimsJson(JsonError),
    /// The claims are JSON, but not an object.
    ClaimsNotObject,
}

/// Why bytes are no key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySetError {
    /// Not the JSON that it must be.
    Json(JsonError),
    /// Not an object with an array `keys`.
    NotAKeySet,
    /// No key in it can be used.
    NoUsableKey,
    /// Over the limit of bytes.
    TooLarge,
}
