//! The complete list of reasons. Counters, logs and dashboards depend on the names.

use crate::confirmation::ConfirmationError;
use crate::jose::error::TokenError;
use crate::policy::Unmet;

/// Why a request is denied. The client sees only the class of the response, not the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A token is required, but the request has none.
    MissingToken,
    /// Ambiguous credentials: two tokens, or a scheme without a token (RFC 6750 section 3.1).
    BadRequest,
    /// The token is not three base64url parts with the required JSON.
    Malformed,
    /// The token is longer than `max_token_bytes`.
    TooLong,
    /// The token's issuer is not configured.
    UnknownIssuer,
    /// The algorithm is not in `accepted_algorithms`.
    Algorithm,
    /// The type is not in `accepted_types`.
    Type,
    /// The token has a `crit` header or `b64: false`.
    Crit,
    /// The issuer has no key with the token's `kid`.
    UnknownKid,
    /// The `kid` is in `refused_kids`.
    RefusedKid,
    /// The key is not usable for the token's algorithm.
    BadKey,
    /// No suitable key verifies the signature.
    Signature,
    /// The token is past `exp`, or has no `exp`.
    Expired,
    /// The token is used before `nbf` or `iat`.
    NotYetValid,
    /// The token's lifetime exceeds `max_token_lifetime_seconds`.
    Lifetime,
    /// The token contains no configured audience.
    Audience,
    /// A registered claim has the wrong type, or the token has no `jti` and `require_jti` is true.
    ClaimType,
    /// The token contains one of `refused_claims`.
    RefusedClaim,
    /// The issuer's revocation list names the token.
    Revoked,
    /// The request does not confirm the binding of the token (`cnf`, RFC 7800).
    Confirmation,
    /// The DPoP proof is missing or not valid (RFC 9449 section 4.3).
    DpopProof,
    /// The DPoP proof was used before, or cannot be recorded as used.
    DpopReplay,
    /// `requires_role` is not met.
    Role,
    /// `requires_group` is not met.
    Group,
    /// `requires_scope` is not met.
    Scope,
    /// `requires_claim` is not met.
    Claim,
    /// `requires_step_up` is not met.
    StepUp,
    /// `requires_issuer` is not met.
    IssuerNotAllowed,
    /// `requires_audience` is not met.
    AudienceNotAllowed,
    /// The rule is `deny`.
    Denied,
    /// No key is available to verify the token.
    NoKeys,
    /// The issuer's revocation list is not available.
    NoRevocationList,
    /// Too many requests are already waiting for keys or a revocation list.
    WaitingFull,
    /// Upstreams may interpret the path in too many ways, or cannot interpret it.
    AmbiguousPath,
    /// The route's metadata is not a valid requirement.
    BadMetadata,
    /// The header of a claim would exceed `max_claim_header_bytes`.
    HeaderOversize,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 36] = [
        Self::MissingToken,
        Self::BadRequest,
        Self::Malformed,
        Self::TooLong,
        Self::UnknownIssuer,
        Self::Algorithm,
        Self::Type,
        Self::Crit,
        Self::UnknownKid,
        Self::RefusedKid,
        Self::BadKey,
        Self::Signature,
        Self::Expired,
        Self::NotYetValid,
        Self::Lifetime,
        Self::Audience,
        Self::ClaimType,
        Self::RefusedClaim,
        Self::Revoked,
        Self::Confirmation,
        Self::DpopProof,
        Self::DpopReplay,
        Self::Role,
        Self::Group,
        Self::Scope,
        Self::Claim,
        Self::StepUp,
        Self::IssuerNotAllowed,
        Self::AudienceNotAllowed,
        Self::Denied,
        Self::NoKeys,
        Self::NoRevocationList,
        Self::WaitingFull,
        Self::AmbiguousPath,
        Self::BadMetadata,
        Self::HeaderOversize,
    ];

    /// The name in counters, logs and filter state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::BadRequest => "bad_request",
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Crit => "crit",
            Self::UnknownKid => "unknown_kid",
            Self::RefusedKid => "refused_kid",
            Self::BadKey => "bad_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime => "lifetime",
            Self::Audience => "audience",
            Self::ClaimType => "claim_type",
            Self::RefusedClaim => "refused_claim",
            Self::Revoked => "revoked",
            Self::Confirmation => "confirmation",
            Self::DpopProof => "dpop_proof",
            Self::DpopReplay => "dpop_replay",
            Self::Role => "role",
            Self::Group => "group",
            Self::Scope => "scope",
            Self::Claim => "claim",
            Self::StepUp => "step_up",
            Self::IssuerNotAllowed => "issuer_not_allowed",
            Self::AudienceNotAllowed => "audience_not_allowed",
            Self::Denied => "denied",
            Self::NoKeys => "no_keys",
            Self::NoRevocationList => "no_revocation_list",
            Self::WaitingFull => "waiting_full",
            Self::AmbiguousPath => "ambiguous_path",
            Self::BadMetadata => "bad_metadata",
            Self::HeaderOversize => "header_oversize",
        }
    }

    /// The reason for an unmet requirement. `failed` is the reason why the token failed: [`Unmet::FailedToken`]
    /// is only the consequence, and an operator needs the cause.
    pub const fn of_unmet(unmet: &Unmet<'_>, failed: Self) -> Self {
        match unmet {
            Unmet::FailedToken => failed,
            Unmet::Denied => Self::Denied,
            Unmet::MissingToken => Self::MissingToken,
            Unmet::Issuer(_) => Self::IssuerNotAllowed,
            Unmet::Audience(_) => Self::AudienceNotAllowed,
            Unmet::Role(_) => Self::Role,
            Unmet::Group(_) => Self::Group,
            Unmet::Scope(_) => Self::Scope,
            Unmet::Claim(_) => Self::Claim,
            Unmet::StepUp(_) => Self::StepUp,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&ConfirmationError> for Reason {
    fn from(error: &ConfirmationError) -> Self {
        match error {
            ConfirmationError::Proof(_) => Self::DpopProof,
            ConfirmationError::Replay(_) => Self::DpopReplay,
            _ => Self::Confirmation,
        }
    }
}

impl From<&TokenError> for Reason {
    fn from(error: &TokenError) -> Self {
        match error {
            TokenError::TooLong { .. } => Self::TooLong,
            TokenError::Malformed(_) => Self::Malformed,
            TokenError::UnknownIssuer | TokenError::IssuerOfAnotherToken | TokenError::Tenant { .. } => {
                Self::UnknownIssuer
            }
            TokenError::Algorithm => Self::Algorithm,
            TokenError::Type => Self::Type,
            TokenError::Critical => Self::Crit,
            TokenError::UnknownKid => Self::UnknownKid,
            TokenError::RefusedKid => Self::RefusedKid,
            TokenError::BadKey | TokenError::KeyOfAnotherIssuer => Self::BadKey,
            TokenError::Signature | TokenError::SignatureOfTried { .. } => Self::Signature,
            TokenError::Expired | TokenError::NoExpiration => Self::Expired,
            TokenError::NotYetValid => Self::NotYetValid,
            TokenError::Lifetime => Self::Lifetime,
            TokenError::NoAudience | TokenError::Audience => Self::Audience,
            TokenError::ClaimType { .. } | TokenError::NoJti => Self::ClaimType,
            TokenError::RefusedClaim { .. } => Self::RefusedClaim,
        }
    }
}
