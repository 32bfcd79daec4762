//! Why a token or a key set is refused. Facts for an operator's log; no token text, claim value or key in them.

use std::fmt::{Display, Formatter};

use super::base64url;
use super::json::JsonError;
use super::limits::{MAX_CANDIDATES, MAX_DEPTH};

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
    /// The `kid` is among `refused_kids`; or there is no `kid`, and only keys whose own is could have signed.
    RefusedKid,
    /// The `kid` names a key, but not one for this algorithm; or there is no `kid`, and no key for it either.
    BadKey,
    /// No fitting key verifies the signature.
    Signature,
    /// None of the keys that were tried verifies it; more fit than are tried.
    SignatureOfTried {
        /// The number of keys that fit.
        fitting: usize,
    },
    /// now ≥ exp + skew.
    Expired,
    /// No `exp` where one is required.
    NoExpiration,
    /// nbf or iat > now + skew.
    NotYetValid,
    /// exp − iat exceeds `max_token_lifetime_seconds`, or one of them is absent while that is set.
    Lifetime,
    /// The token names no audience.
    NoAudience,
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
    /// An object of PEM certificates, one for each `kid`, as Google publishes them for older libraries.
    Certificates,
    /// A discovery document: it says where the keys are.
    DiscoveryDocument,
    /// One key, not in a set.
    OneKey,
    /// An array: of keys, perhaps, but not in a set.
    Array,
    /// No key in it can be used.
    NoUsableKey,
    /// Over the limit of bytes.
    TooLarge,
}

/// Why one key of a set is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// Not the JSON that it must be: a name standing twice, for one.
    Json(JsonError),
    /// JSON, but not an object.
    NotObject,
    /// A member that must be there is not.
    Absent(&'static str),
    /// The same, and the key has a certificate in `x5c`, which is not read.
    CertificateAlone(&'static str),
    /// A member that is not the string that it must be.
    NotText(&'static str),
    /// A member that is not base64url.
    Encoding(&'static str, base64url::Fault),
    /// Private material: whoever publishes it has given the key away.
    Private,
    /// A symmetric key: whoever can check its signatures can make them.
    Symmetric,
    /// A `kty` that is not known here.
    Type,
    /// A `crv` that is not known here, or not one of the `kty`.
    Curve,
    /// An `alg` that is not known here, or not one of the key's own kind.
    Algorithm,
    /// A `use` other than `sig`.
    Use,
    /// `key_ops` without `verify`.
    Operations,
    /// A `kid` that no token may have: not a string, or over the limit.
    KeyId,
    /// An RSA modulus below 2048 or above 8192 bits.
    RsaSize {
        /// The modulus's size.
        bits: usize,
    },
    /// An RSA modulus that is even.
    RsaModulusEven,
    /// An RSA exponent that is even, below 3, or 2^33 and above.
    RsaExponent,
    /// A coordinate or an encoded key that has not the length of its kind.
    Length,
    /// Not a point on its curve, or not in its one spelling.
    OffCurve,
    /// An Ed25519 key of small order.
    SmallOrder,
    /// This key and those after it are past the limit of keys in a set.
    TooMany,
}

impl std::error::Error for TokenError {}
impl std::error::Error for KeySetError {}
impl std::error::Error for KeyError {}

/// A sentence for an operator's log. Of what the token says it repeats nothing.
impl Display for TokenError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong { bytes, limit } => {
                write!(f, "the token has {bytes} bytes; max_token_bytes is {limit}")
            }
            Self::Malformed(malformed) => write!(f, "{malformed}"),
            Self::UnknownIssuer => f.write_str("the token's iss is absent or is no configured issuer"),
            Self::Algorithm => f.write_str(
                "the token's alg is absent, unknown, or not among the issuer's accepted_algorithms",
            ),
            Self::Type => f.write_str("the token's typ is not among the issuer's accepted_types"),
            Self::Critical => f.write_str("the token's header asks for an extension (crit, b64)"),
            Self::UnknownKid => f.write_str("the issuer has no key with the token's kid"),
            Self::RefusedKid => f.write_str("the token's key is among the issuer's refused_kids"),
            Self::BadKey => f.write_str("the issuer has no key of the token's kid that fits its alg"),
            Self::Signature => f.write_str("no key of the issuer that fits the token verifies its signature"),
            Self::SignatureOfTried { fitting } => write!(
                f,
                "none of the first {MAX_CANDIDATES} keys that fit the token verifies its signature; {fitting} keys fit, \
                 and {MAX_CANDIDATES} are tried: a kid of its own for each key tells them apart"
            ),
            Self::Expired => f.write_str("the token has expired"),
            Self::NoExpiration => f.write_str("the token has no exp, and require_expiration is true"),
            Self::NotYetValid => f.write_str("the token's nbf or iat is in the future"),
            Self::Lifetime => f.write_str(
                "the token lives longer than max_token_lifetime_seconds, or lacks the exp or iat to tell by",
            ),
            Self::NoAudience => {
                f.write_str("the token has no audience: no aud, or nothing where audience_from looks")
            }
            Self::Audience => f.write_str("none of the token's audiences is configured"),
            Self::ClaimType { claim } => {
                write!(f, "the claim {claim} has the wrong type, or is out of range")
            }
            Self::RefusedClaim { pointer } => {
                write!(f, "the claim at {pointer} has a value among the issuer's refused_claims")
            }
        }
    }
}

impl Display for Malformed {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Parts => f.write_str("the token is not three non-empty parts with dots between them"),
            Self::Base64 => f.write_str("a part of the token is not base64url without padding"),
            Self::HeaderJson(error) => write!(f, "the token's header: {error}"),
            Self::HeaderNotObject => f.write_str("the token's header is not a JSON object"),
            Self::HeaderMember(name) => {
                write!(f, "the member {name} of the token's header has the wrong type or is too long")
            }
            Self::ClaimsJson(error) => write!(f, "the token's claims: {error}"),
            Self::ClaimsNotObject => f.write_str("the token's claims are not a JSON object"),
        }
    }
}

const NOT_A_KEY_SET: &str = "the key set is not a JSON object with an array `keys`";

impl Display for KeySetError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(JsonError::Syntax) => f.write_str("the key set is not valid JSON"),
            Self::Json(JsonError::DuplicateName) => {
                f.write_str("an object in the key set has the same name twice")
            }
            Self::Json(JsonError::TooDeep) => write!(f, "the key set is nested deeper than {MAX_DEPTH}"),
            Self::NotAKeySet => f.write_str(NOT_A_KEY_SET),
            Self::Certificates => write!(
                f,
                "{NOT_A_KEY_SET}, but an object of PEM certificates; take the URL at which the issuer has the same \
                 keys as a JWKS: Google's secure token service has \
                 https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
            ),
            Self::DiscoveryDocument => write!(
                f,
                "{NOT_A_KEY_SET}, but a discovery document; set discovery: true in the place of jwks_endpoint, or \
                 jwks_endpoint to its jwks_uri"
            ),
            Self::OneKey => write!(f, "{NOT_A_KEY_SET}, but one key; a set of it is {{\"keys\": [...]}}"),
            Self::Array => write!(f, "{NOT_A_KEY_SET}, but an array; a set of it is {{\"keys\": [...]}}"),
            Self::NoUsableKey => f.write_str("the key set holds no key that can be used"),
            Self::TooLarge => f.write_str("the key set is over 1 MiB"),
        }
    }
}

impl Display for KeyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(JsonError::Syntax) => f.write_str("it is not valid JSON"),
            Self::Json(JsonError::DuplicateName) => f.write_str("an object in it has the same name twice"),
            Self::Json(JsonError::TooDeep) => write!(f, "it is nested deeper than {MAX_DEPTH}"),
            Self::NotObject => f.write_str("it is not a JSON object"),
            Self::Absent(name) => write!(f, "its member {name} is absent"),
            Self::CertificateAlone(name) => {
                write!(f, "its member {name} is absent, and the certificate in its x5c is not read")
            }
            Self::NotText(name) => write!(f, "its member {name} is not a string"),
            Self::Encoding(name, base64url::Fault::Padded) => {
                write!(f, "its member {name} is padded; base64url in a JWK has no = at its end")
            }
            Self::Encoding(name, base64url::Fault::StandardAlphabet) => {
                write!(f, "its member {name} is standard base64; base64url has - and _ instead of + and /")
            }
            Self::Encoding(name, base64url::Fault::Other) => write!(f, "its member {name} is not base64url"),
            Self::Private => f.write_str("it holds private material and must be considered stolen"),
            Self::Symmetric => f.write_str("it is a symmetric key, which must not be published"),
            Self::Type => f.write_str("its kty is not one of RSA, EC, OKP and AKP"),
            Self::Curve => f.write_str("its crv is not one of P-256, P-384 and P-521 (EC) or Ed25519 (OKP)"),
            Self::Algorithm => f.write_str("its alg is unknown, or does not go with its kty or crv"),
            Self::Use => f.write_str("its use is not sig"),
            Self::Operations => f.write_str("its key_ops lack verify"),
            Self::KeyId => f.write_str("its kid is not a string of at most 256 bytes"),
            Self::RsaSize { bits } => write!(f, "its modulus has {bits} bits, and 2048 to 8192 are used"),
            Self::RsaModulusEven => f.write_str("its modulus is even"),
            Self::RsaExponent => f.write_str("its exponent is even, below 3, or above 33 bits"),
            Self::Length => f.write_str("its material has not the length of its kind"),
            Self::OffCurve => f.write_str("its material is not a point on its curve"),
            Self::SmallOrder => f.write_str("it is of small order"),
            Self::TooMany => f.write_str("it and all after it are past the 256th of the set"),
        }
    }
}
