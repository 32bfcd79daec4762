//! The closed list of reasons that counters, logs and dashboards bind to.

use crate::jose::error::TokenError;
use crate::policy::Unmet;

/// Why a request is refused. The client never sees it; it gets the class of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A token is needed and none came.
    MissingToken,
    /// Credentials that cannot be told apart: two tokens, or a scheme without one (RFC 6750 section 3.1).
    BadRequest,
    /// Not three base64url parts of the JSON that they must be.
    Malformed,
    /// Longer than `max_token_bytes`.
    TooLong,
    /// No configured issuer.
    UnknownIssuer,
    /// Not among `accepted_algorithms`.
    Algorithm,
    /// Not among `accepted_types`.
    Type,
    /// A `crit` header, or `b64: false`.
    Crit,
    /// No key of that `kid`.
    UnknownKid,
    /// Among `refused_kids`.
    RefusedKid,
    /// A key that is not for this algorithm.
    BadKey,
    /// No fitting key verifies it.
    Signature,
    /// Past `exp`, or without one.
    Expired,
    /// Before `nbf` or `iat`.
    NotYetValid,
    /// Longer than `max_token_lifetime_seconds`.
    Lifetime,
    /// No configured audience.
    Audience,
    /// A registered claim of the wrong type.
    ClaimType,
    /// One of `refused_claims`.
    RefusedClaim,
    /// `requires_role` is not met.
    Role,
    /// `requires_group` is not met.
    Group,
    /// `requires_scope` is not met.
    Scope,
    /// `requires_claim` is not met.
    Claim,
    /// `requires_issuer` is not met.
    IssuerNotAllowed,
    /// `requires_audience` is not met.
    AudienceNotAllowed,
    /// `deny`.
    Denied,
    /// No key to judge the token with.
    NoKeys,
    /// Too many requests wait for keys already.
    WaitingFull,
    /// A path that upstreams may read in too many ways, or in none.
    AmbiguousPath,
    /// Route metadata that is no requirement.
    BadMetadata,
    /// A claim's header over `max_claim_header_bytes`.
    HeaderOversize,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 30] = [
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
        Self::Role,
        Self::Group,
        Self::Scope,
        Self::Claim,
        Self::IssuerNotAllowed,
        Self::AudienceNotAllowed,
        Self::Denied,
        Self::NoKeys,
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
            Self::Role => "role",
            Self::Group => "group",
            Self::Scope => "scope",
            Self::Claim => "claim",
            Self::IssuerNotAllowed => "issuer_not_allowed",
            Self::AudienceNotAllowed => "audience_not_allowed",
            Self::Denied => "denied",
            Self::NoKeys => "no_keys",
            Self::WaitingFull => "waiting_full",
            Self::AmbiguousPath => "ambiguous_path",
            Self::BadMetadata => "bad_metadata",
            Self::HeaderOversize => "header_oversize",
        }
    }

    /// The reason of a refusal. `failed` is why the token failed: [`Unmet::FailedToken`] is a consequence, and an
    /// operator needs the cause.
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
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&TokenError> for Reason {
    fn from(error: &TokenError) -> Self {
        match error {
            TokenError::TooLong { .. } => Self::TooLong,
            TokenError::Malformed(_) => Self::Malformed,
            TokenError::UnknownIssuer => Self::UnknownIssuer,
            TokenError::Algorithm => Self::Algorithm,
            TokenError::Type => Self::Type,
            TokenError::Critical => Self::Crit,
            TokenError::UnknownKid => Self::UnknownKid,
            TokenError::RefusedKid => Self::RefusedKid,
            TokenError::BadKey => Self::BadKey,
            TokenError::Signature | TokenError::SignatureOfTried { .. } => Self::Signature,
            TokenError::Expired | TokenError::NoExpiration => Self::Expired,
            TokenError::NotYetValid => Self::NotYetValid,
            TokenError::Lifetime => Self::Lifetime,
            TokenError::NoAudience | TokenError::Audience => Self::Audience,
            TokenError::ClaimType { .. } => Self::ClaimType,
            TokenError::RefusedClaim { .. } => Self::RefusedClaim,
        }
    }
}
