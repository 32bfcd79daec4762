//! Why a token or a key set is refused. Facts for an operator's log; no token text, claim value or key in them.

use std::fmt::{Formatter, Result};

use super::base64url;
use super::json::JsonError;
use super::limits::{MAX_CANDIDATES, MAX_DEPTH};

/// Why a token is refused, as a sentence for an operator's log. It repeats nothing of what the token says.
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
    /// Not three non-empty base64url parts, or a part that is not what it must be.
    #[error("{0}")]
    Malformed(Malformed),
    /// `iss` is absent, or no configured issuer.
    #[error("the token's iss is absent or is no configured issuer")]
    UnknownIssuer,
    /// `alg` is absent, unknown, or not among the issuer's `accepted_algorithms`.
    #[error("the token's alg is absent, unknown, or not among the issuer's accepted_algorithms")]
    Algorithm,
    /// `typ` is not among `accepted_types`.
    #[error("the token's typ is not among the issuer's accepted_types")]
    Type,
    /// A `crit` member, or `b64: false` (RFC 7515 section 4.1.11, RFC 7797).
    #[error("the token's header asks for an extension (crit, b64)")]
    Critical,
    /// No key of the issuer has that `kid`.
    #[error("the issuer has no key with the token's kid")]
    UnknownKid,
    /// The `kid` is among `refused_kids`; or there is no `kid`, and only keys whose own is could have signed.
    #[error("the token's key is among the issuer's refused_kids")]
    RefusedKid,
    /// The `kid` names a key, but not one for this algorithm; or there is no `kid`, and no key for it either.
    #[error("the issuer has no key of the token's kid that fits its alg")]
    BadKey,
    /// No fitting key verifies the signature.
    #[error("no key of the issuer that fits the token verifies its signature")]
    Signature,
    /// None of the keys that were tried verifies it; more fit than are tried.
    #[error(
        "none of the first {MAX_CANDIDATES} keys that fit the token verifies its signature; {fitting} keys fit, and \
         {MAX_CANDIDATES} are tried: a kid of its own for each key tells them apart"
    )]
    SignatureOfTried {
        /// The number of keys that fit.
        fitting: usize,
    },
    /// now ≥ exp + skew.
    #[error("the token has expired")]
    Expired,
    /// No `exp` where one is required.
    #[error("the token has no exp, and require_expiration is true")]
    NoExpiration,
    /// nbf or iat > now + skew.
    #[error("the token's nbf or iat is in the future")]
    NotYetValid,
    /// exp − iat exceeds `max_token_lifetime_seconds`, or one of them is absent while that is set.
    #[error("the token lives longer than max_token_lifetime_seconds, or lacks the exp or iat to tell by")]
    Lifetime,
    /// The token names no audience.
    #[error("the token has no audience: no aud, or nothing where audience_from looks")]
    NoAudience,
    /// None of the token's audiences is configured.
    #[error("none of the token's audiences is configured")]
    Audience,
    /// A registered claim has the wrong type or is out of range.
    #[error("the claim {claim} has the wrong type, or is out of range")]
    ClaimType {
        /// The claim's name: one of the registered ones.
        claim: &'static str,
    },
    /// A claim has one of the `refused_claims`.
    #[error("the claim at {pointer} has a value among the issuer's refused_claims")]
    RefusedClaim {
        /// The pointer of the configured rule.
        pointer: String,
    },
}

/// What makes a token malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not exactly three non-empty parts.
    #[error("the token is not three non-empty parts with dots between them")]
    Parts,
    /// A part is not base64url without padding, or has trailing bits set.
    #[error("a part of the token is not base64url without padding")]
    Base64,
    /// The header is not the JSON that it must be.
    #[error("the token's header: {0}")]
    HeaderJson(JsonError),
    /// The header is JSON, but not an object.
    #[error("the token's header is not a JSON object")]
    HeaderNotObject,
    /// A header member that has the wrong type, or a `kid` over 256 bytes.
    #[error("the member {0} of the token's header has the wrong type or is too long")]
    HeaderMember(&'static str),
    /// The claims are not the JSON that they must be.
    #[error("the token's claims: {0}")]
    ClaimsJson(JsonError),
    /// The claims are JSON, but not an object.
    #[error("the token's claims are not a JSON object")]
    ClaimsNotObject,
}

/// Why bytes are no key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not the JSON that it must be.
    #[error(fmt = set_json)]
    Json(JsonError),
    /// Not an object with an array `keys`.
    #[error("{NOT_A_KEY_SET}")]
    NotAKeySet,
    /// An object of PEM certificates, one for each `kid`, as Google publishes them for older libraries.
    #[error(
        "{NOT_A_KEY_SET}, but an object of PEM certificates; take the URL at which the issuer has the same keys as a \
         JWKS: Google's secure token service has \
         https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
    )]
    Certificates,
    /// A discovery document: it says where the keys are.
    #[error(
        "{NOT_A_KEY_SET}, but a discovery document; set discovery: true in the place of jwks_endpoint, or \
         jwks_endpoint to its jwks_uri"
    )]
    DiscoveryDocument,
    /// One key, not in a set.
    #[error("{NOT_A_KEY_SET}, but one key; a set of it is {{\"keys\": [...]}}")]
    OneKey,
    /// An array: of keys, perhaps, but not in a set.
    #[error("{NOT_A_KEY_SET}, but an array; a set of it is {{\"keys\": [...]}}")]
    Array,
    /// No key in it can be used.
    #[error("the key set holds no key that can be used")]
    NoUsableKey,
    /// Over the limit of bytes.
    #[error("the key set is over 1 MiB")]
    TooLarge,
}

/// Why one key of a set is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the JSON that it must be: a name standing twice, for one.
    #[error(fmt = key_json)]
    Json(JsonError),
    /// JSON, but not an object.
    #[error("it is not a JSON object")]
    NotObject,
    /// A member that must be there is not.
    #[error("its member {0} is absent")]
    Absent(&'static str),
    /// The same, and the key has a certificate in `x5c`, which is not read.
    #[error("its member {0} is absent, and the certificate in its x5c is not read")]
    CertificateAlone(&'static str),
    /// A member that is not the string that it must be.
    #[error("its member {0} is not a string")]
    NotText(&'static str),
    /// A member that is not base64url.
    #[error("its member {0} is {1}")]
    Encoding(&'static str, base64url::Base64Fault),
    /// Private material: whoever publishes it has given the key away.
    #[error("it holds private material and must be considered stolen")]
    Private,
    /// A symmetric key: whoever can check its signatures can make them.
    #[error("it is a symmetric key, which must not be published")]
    Symmetric,
    /// A `kty` that is not known here.
    #[error("its kty is not one of RSA, EC, OKP and AKP")]
    Type,
    /// A `crv` that is not known here, or not one of the `kty`.
    #[error("its crv is not one of P-256, P-384 and P-521 (EC) or Ed25519 (OKP)")]
    Curve,
    /// An `alg` that is not known here, or not one of the key's own kind.
    #[error("its alg is unknown, or does not go with its kty or crv")]
    Algorithm,
    /// A `use` other than `sig`.
    #[error("its use is not sig")]
    Use,
    /// `key_ops` without `verify`.
    #[error("its key_ops lack verify")]
    Operations,
    /// A `kid` that no token may have: not a string, or over the limit.
    #[error("its kid is not a string of at most 256 bytes")]
    KeyId,
    /// An RSA modulus below 2048 or above 8192 bits.
    #[error("its modulus has {bits} bits, and 2048 to 8192 are used")]
    RsaSize {
        /// The modulus's size.
        bits: usize,
    },
    /// An RSA modulus that is even.
    #[error("its modulus is even")]
    RsaModulusEven,
    /// An RSA exponent that is even, below 3, or 2^33 and above.
    #[error("its exponent is even, below 3, or above 33 bits")]
    RsaExponent,
    /// A coordinate or an encoded key that has not the length of its kind.
    #[error("its material has not the length of its kind")]
    Length,
    /// Not a point on its curve, or not in its one spelling.
    #[error("its material is not a point on its curve")]
    OffCurve,
    /// An Ed25519 key of small order.
    #[error("it is of small order")]
    SmallOrder,
    /// This key and those after it are past the limit of keys in a set.
    #[error("it and all after it are past the 256th of the set")]
    TooMany,
}

const NOT_A_KEY_SET: &str = "the key set is not a JSON object with an array `keys`";

fn set_json(error: &JsonError, f: &mut Formatter<'_>) -> Result {
    match error {
        JsonError::Syntax => f.write_str("the key set is not valid JSON"),
        JsonError::DuplicateName => f.write_str("an object in the key set has the same name twice"),
        JsonError::TooDeep => write!(f, "the key set is nested deeper than {MAX_DEPTH}"),
    }
}

fn key_json(error: &JsonError, f: &mut Formatter<'_>) -> Result {
    match error {
        JsonError::Syntax => f.write_str("it is not valid JSON"),
        JsonError::DuplicateName => f.write_str("an object in it has the same name twice"),
        JsonError::TooDeep => write!(f, "it is nested deeper than {MAX_DEPTH}"),
    }
}
