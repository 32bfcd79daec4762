//! Why a token or a key set is refused. The messages are for the operator's log and contain no token, claim value or
//! key material.

use std::fmt::{Formatter, Result};

use super::base64url;
use super::json::JsonError;
use super::limits::{MAX_CANDIDATES, MAX_DEPTH};

/// Why a token is refused. Displays as a sentence for the operator's log, without any text of the token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// Longer than `max_token_bytes`.
    #[error("the token has {bytes} bytes; max_token_bytes is {limit}")]
    TooLong {
        /// The token's length in bytes.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The token is not three non-empty base64url parts, or the header or the claims are not a valid JSON object.
    #[error("{0}")]
    Malformed(Malformed),
    /// `iss` is missing, or it is not a configured issuer.
    #[error("the token's iss is missing or is not a configured issuer")]
    UnknownIssuer,
    /// The issuer is configured, but not for this token of the request: `issuers` of the second token does not name it,
    /// or the issuer is not accepted for the first token.
    #[error(
        "the token's issuer is configured, but not for this token of the request (second_tokens, first_token)"
    )]
    IssuerOfAnotherToken,
    /// The `iss` contains a tenant, and the claim of the tenant is missing or is another text.
    #[error("the token's claim {claim} is missing or is not the tenant in the token's iss")]
    Tenant {
        /// The configured name of the claim.
        claim: String,
    },
    /// `alg` is missing, unknown, or not in the issuer's `accepted_algorithms`.
    #[error("the token's alg is missing, unknown, or not in the issuer's accepted_algorithms")]
    Algorithm,
    /// `typ` is not in `accepted_types`.
    #[error("the token's typ is not in the issuer's accepted_types")]
    Type,
    /// A `crit` member, or `b64: false` (RFC 7515 section 4.1.11, RFC 7797).
    #[error("the token's header requires an extension (crit, b64), and the filter supports none")]
    Critical,
    /// Each key that fits the token has a member `issuer` with another issuer than the token's `iss`.
    #[error("each key that fits the token has a member issuer that is not the token's iss")]
    KeyOfAnotherIssuer,
    /// No key of the issuer has the `kid` of the token.
    #[error("the issuer has no key with the token's kid")]
    UnknownKid,
    /// The `kid` is in `refused_kids`. Or the token has no `kid`, and every key that fits has a `kid` in
    /// `refused_kids`.
    #[error("the kid of the token's key is in the issuer's refused_kids")]
    RefusedKid,
    /// The `kid` names a key that does not fit the algorithm. Or the token has no `kid`, and no key fits the algorithm.
    #[error("no key of the issuer fits the token's kid and alg")]
    BadKey,
    /// No key that fits the token verifies the signature.
    #[error("the signature is not valid: no key of the issuer that fits the token verifies it")]
    Signature,
    /// No tried key verifies the signature, and more keys fit the token than the filter tries.
    #[error(
        "none of the first {MAX_CANDIDATES} keys that fit the token verifies its signature; {fitting} keys fit, and \
         the filter tries {MAX_CANDIDATES}: give each key of the set its own kid"
    )]
    SignatureOfTried {
        /// The number of keys that fit.
        fitting: usize,
    },
    /// `now >= exp + skew`.
    #[error("the token has expired")]
    Expired,
    /// The token has no `exp`, and `require_expiration` is true.
    #[error("the token has no exp, and require_expiration is true")]
    NoExpiration,
    /// `nbf` or `iat` is greater than `now + skew`.
    #[error("the token's nbf or iat is in the future")]
    NotYetValid,
    /// `exp - iat` is greater than `max_token_lifetime_seconds`, or one of the two claims is missing.
    #[error(
        "the time from iat to exp is longer than max_token_lifetime_seconds, or the token has no exp or no iat"
    )]
    Lifetime,
    /// The token names no audience.
    #[error("the token has no audience: the claims in audience_from (aud by default) contain no string")]
    NoAudience,
    /// No audience of the token is configured for its issuer.
    #[error("none of the token's audiences is configured for its issuer")]
    Audience,
    /// A registered claim has the wrong type or is out of range.
    #[error("the claim {claim} has the wrong type or is out of range")]
    ClaimType {
        /// The name of the registered claim.
        claim: &'static str,
    },
    /// The token has no `jti`, and `require_jti` is true.
    #[error("the token has no jti, and require_jti is true")]
    NoJti,
    /// A claim has a value that `refused_claims` lists.
    #[error("the claim {pointer} has a value that is in the issuer's refused_claims")]
    RefusedClaim {
        /// The pointer in the configuration.
        pointer: String,
    },
}

/// Why a token is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not exactly three non-empty parts.
    #[error("the token does not consist of three non-empty parts with dots between them")]
    Parts,
    /// A part is not base64url without padding, or has set trailing bits.
    #[error("a part of the token is not base64url without padding")]
    Base64,
    /// The header is not valid JSON, or the filter refuses this JSON.
    #[error("the token's header: {0}")]
    HeaderJson(JsonError),
    /// The header is JSON, but not an object.
    #[error("the token's header is not a JSON object")]
    HeaderNotObject,
    /// A header member has the wrong type, or a `kid` has more than 256 bytes.
    #[error("the member {0} of the token's header has the wrong type or is too long")]
    HeaderMember(&'static str),
    /// The claims are not valid JSON, or the filter refuses this JSON.
    #[error("the token's claims: {0}")]
    ClaimsJson(JsonError),
    /// The claims are JSON, but not an object.
    #[error("the token's claims are not a JSON object")]
    ClaimsNotObject,
}

/// Why bytes are not a usable key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Invalid JSON, or JSON that the filter refuses.
    #[error(fmt = set_json)]
    Json(JsonError),
    /// A JSON value that is not an object with an array `keys`.
    #[error("{NOT_A_KEY_SET}")]
    NotAKeySet,
    /// An object of PEM certificates, one for each `kid`, as Google publishes them for older libraries.
    #[error(
        "{NOT_A_KEY_SET}, but an object of PEM certificates; use the URL at which the issuer publishes the same keys as \
         a JWKS, which for Google's secure token service is \
         https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
    )]
    Certificates,
    /// A discovery document, which contains the URL of the keys.
    #[error(
        "{NOT_A_KEY_SET}, but a discovery document; replace jwks_endpoint by discovery: true, or set jwks_endpoint to \
         the jwks_uri of the document"
    )]
    DiscoveryDocument,
    /// One key that is not in a set.
    #[error("{NOT_A_KEY_SET}, but one key; put the key into a set: {{\"keys\": [...]}}")]
    OneKey,
    /// An array, perhaps of keys that are not in a set.
    #[error("{NOT_A_KEY_SET}, but an array; put its keys into a set: {{\"keys\": [...]}}")]
    Array,
    /// A key set in which no key is usable.
    #[error("the key set has no usable key")]
    NoUsableKey,
    /// A key set that is longer than [`MAX_SET_BYTES`](super::limits::MAX_SET_BYTES).
    #[error("the key set is larger than 1 MiB")]
    TooLarge,
}

/// Why one key of a set is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Invalid JSON, or JSON that the filter refuses, such as an object with a member twice.
    #[error(fmt = key_json)]
    Json(JsonError),
    /// A JSON value that is not an object.
    #[error("it is not a JSON object")]
    NotObject,
    /// A required member is missing.
    #[error("its member {0} is missing")]
    Absent(&'static str),
    /// A required member is missing, and the key has a certificate in `x5c`, which the filter does not read.
    #[error("its member {0} is missing, and the filter does not read the certificate in its x5c")]
    CertificateAlone(&'static str),
    /// A member is not a string.
    #[error("its member {0} is not a string")]
    NotText(&'static str),
    /// A member is not base64url.
    #[error("its member {0} is {1}")]
    Encoding(&'static str, base64url::Base64Fault),
    /// The key contains private material. An issuer that publishes it has disclosed the private key.
    #[error("it contains private key material, so it must be considered stolen; replace the key")]
    Private,
    /// A symmetric key. Everyone who can verify its signatures can also forge them.
    #[error(
        "it is a symmetric key, which must not be published because everyone who reads it can forge tokens"
    )]
    Symmetric,
    /// The `kty` is not supported.
    #[error("its kty is not supported; expected RSA, EC, OKP or AKP")]
    Type,
    /// The `crv` is not supported, or it does not belong to the `kty`.
    #[error("its crv is not supported; expected P-256, P-384 or P-521 for EC, or Ed25519 for OKP")]
    Curve,
    /// The `alg` is not supported, or it does not belong to the `kty` or `crv`.
    #[error("its alg is not supported, or does not belong to its kty or crv")]
    Algorithm,
    /// The `use` is not `sig`.
    #[error("its use is not sig")]
    Use,
    /// The `key_ops` do not contain `verify`.
    #[error("its key_ops do not contain verify")]
    Operations,
    /// The `kid` is not a string, or it is longer than the limit for the `kid` of a token.
    #[error("its kid is not a string of at most 256 bytes")]
    KeyId,
    /// The RSA modulus has fewer than 2048 or more than 8192 bits.
    #[error("its n has {bits} bits; an RSA key needs 2048 to 8192")]
    RsaSize {
        /// The size of the modulus.
        bits: usize,
    },
    /// The RSA modulus is even.
    #[error("its n is even; the modulus of an RSA key is odd")]
    RsaModulusEven,
    /// The RSA exponent is even, less than 3, or at least 2^33.
    #[error("its e is not an odd number from 3 to 2^33 - 1")]
    RsaExponent,
    /// A coordinate or an encoded key does not have the length that its curve or algorithm requires.
    #[error(
        "its x, y or pub has the wrong length; expected 32, 48 or 66 bytes in x and y (P-256, P-384, P-521), 32 in x \
         (Ed25519), or 1312, 1952 or 2592 in pub (ML-DSA-44, 65, 87)"
    )]
    Length,
    /// The key is not a point on its curve, or the point is not in its canonical encoding.
    #[error("its x or y is not the canonical encoding of a point on its curve")]
    OffCurve,
    /// An Ed25519 key of small order. One signature would be valid for almost every message.
    #[error("its x is a point of small order, with which anyone could forge signatures")]
    SmallOrder,
    /// This key and all later ones are beyond the limit of keys in a set.
    #[error("it and all later keys exceed the limit of 256 keys in a set")]
    TooMany,
}

const NOT_A_KEY_SET: &str = "the key set is not a JSON object with an array `keys`";

fn set_json(error: &JsonError, f: &mut Formatter<'_>) -> Result {
    match error {
        JsonError::Syntax => f.write_str("the key set is not valid JSON"),
        JsonError::DuplicateName => f.write_str("an object in the key set has the same member twice"),
        JsonError::TooDeep => write!(f, "the key set is nested deeper than {MAX_DEPTH} levels"),
    }
}

fn key_json(error: &JsonError, f: &mut Formatter<'_>) -> Result {
    match error {
        JsonError::Syntax => f.write_str("it is not valid JSON"),
        JsonError::DuplicateName => f.write_str("an object in it has the same member twice"),
        JsonError::TooDeep => write!(f, "it is nested deeper than {MAX_DEPTH} levels"),
    }
}
