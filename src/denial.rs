//! From a reason to a response. This module alone defines the status, error code, challenge and body of a
//! denial.
//!
//! The client learns only the class of a denial; the log contains the reason. No response contains a token, a
//! claim's value, a role, a group or a key.

mod challenge;
mod reason;

use std::borrow::Cow;
use std::time::Duration;

pub use challenge::{Challenge, DpopChallenge, realm_is_valid, scope_is_valid};
pub use reason::Reason;

use crate::http::ResponseHeaders;
use crate::jose::error::TokenError;
use challenge::ChallengeError;

/// The form of the response body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// A JSON body.
    Json,
    /// A gRPC response: the host converts the HTTP status to a gRPC status and the body to the message.
    Grpc,
}

/// The response to a denied request.
///
/// A HEAD request gets the same response as GET. The host computes `content-length` from the body and then
/// drops the body. An empty body would remove `content-type` as well, although both responses should have the
/// same fields (RFC 9110 section 9.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The HTTP status.
    pub status: u16,
    /// The headers, without `:status`.
    pub headers: ResponseHeaders,
    /// The body.
    pub body: Vec<u8>,
    /// The reason, for counters and the log.
    pub reason: Reason,
    /// The sentence that the client receives.
    pub detail: Cow<'static, str>,
}

/// The fixed part of a response.
struct DenialResponse {
    status: u16,
    error: &'static str,
    detail: &'static str,
    fault: Option<ChallengeError>,
}

const fn answer(reason: Reason) -> DenialResponse {
    match reason {
        Reason::MissingToken => DenialResponse {
            status: 401,
            error: "missing_token",
            detail: "Missing or invalid Authorization header",
            fault: Some(ChallengeError::Missing),
        },
        Reason::BadRequest => DenialResponse {
            status: 400,
            error: "invalid_request",
            detail: "Malformed or repeated credentials",
            fault: Some(ChallengeError::InvalidRequest),
        },
        Reason::Expired => invalid_token("Token has expired"),
        // All of these share one sentence. A more precise one would tell a forger how far a forged token got,
        // and would reveal which issuers, keys and types the operator accepts.
        Reason::Malformed
        | Reason::TooLong
        | Reason::UnknownIssuer
        | Reason::Algorithm
        | Reason::Type
        | Reason::Crit
        | Reason::UnknownKid
        | Reason::RefusedKid
        | Reason::BadKey
        | Reason::Signature
        | Reason::NotYetValid
        | Reason::Lifetime
        | Reason::Audience
        | Reason::ClaimType
        | Reason::RefusedClaim
        | Reason::Revoked => invalid_token("Token is invalid"),
        Reason::Confirmation => invalid_token("The request does not confirm the binding of the token (cnf)"),
        Reason::DpopProof => invalid_proof("The DPoP proof is missing or invalid"),
        Reason::DpopReplay => invalid_proof("The DPoP proof was used before; send a new one"),
        Reason::Role
        | Reason::Group
        | Reason::Scope
        | Reason::Claim
        | Reason::IssuerNotAllowed
        | Reason::AudienceNotAllowed
        | Reason::Denied => {
            forbidden("Access to this resource is not permitted", ChallengeError::InsufficientScope)
        }
        Reason::StepUp => DenialResponse {
            status: 401,
            error: "insufficient_user_authentication",
            detail: "Another authentication of the user is required",
            fault: Some(ChallengeError::StepUp),
        },
        Reason::HeaderOversize => {
            forbidden("A claim of the token is too long to be forwarded", ChallengeError::Unforwardable)
        }
        Reason::NoKeys | Reason::NoRevocationList | Reason::WaitingFull => DenialResponse {
            status: 503,
            error: "temporarily_unavailable",
            detail: "The token cannot be verified at the moment",
            fault: None,
        },
        Reason::AmbiguousPath => DenialResponse {
            status: 400,
            error: "bad_path",
            detail: "Malformed or ambiguous path",
            fault: None,
        },
        Reason::BadMetadata => DenialResponse {
            status: 503,
            error: "misconfigured",
            detail: "The policy of this route is misconfigured",
            fault: None,
        },
    }
}

/// The responses that are more precise than their reason. A missing `exp` is found before the signature is
/// checked, like an expired token, so a forger learns no more from it than from `Token has expired`. The
/// audience is checked after the signature, so only the holder of a token from the issuer learns about it.
fn answer_to_token(error: &TokenError) -> DenialResponse {
    match error {
        TokenError::NoExpiration => invalid_token("Token has no expiration time (exp)"),
        TokenError::NoAudience => invalid_token("Token has no audience (aud)"),
        TokenError::Audience => invalid_token("Token is for another audience"),
        error => answer(Reason::from(error)),
    }
}

const fn invalid_token(detail: &'static str) -> DenialResponse {
    let fault = Some(ChallengeError::InvalidToken { description: detail });
    DenialResponse { status: 401, error: "invalid_token", detail, fault }
}

const fn invalid_proof(detail: &'static str) -> DenialResponse {
    let fault = Some(ChallengeError::InvalidProof { description: detail });
    DenialResponse { status: 401, error: "invalid_dpop_proof", detail, fault }
}

const fn forbidden(detail: &'static str, fault: ChallengeError) -> DenialResponse {
    DenialResponse { status: 403, error: "insufficient_scope", detail, fault: Some(fault) }
}

impl Denial {
    /// The response for a reason. If it contains `Retry-After`, the value is one second;
    /// [`retry_after`](Self::retry_after) changes it.
    ///
    /// The challenge's scopes come from [`required_scopes`](crate::policy::Requirements::required_scopes) for the
    /// request.
    pub fn new(reason: Reason, challenge: &Challenge<'_>, format: BodyFormat) -> Self {
        let answer = answer(reason);
        let detail = Cow::Borrowed(answer.detail);
        Self::with(answer, detail, reason, Some(challenge), format)
    }

    /// The response to an invalid token, with the sentence for this error.
    pub fn of_token(error: &TokenError, challenge: &Challenge<'_>, format: BodyFormat) -> Self {
        let answer = answer_to_token(error);
        let detail = Cow::Borrowed(answer.detail);
        Self::with(answer, detail, Reason::from(error), Some(challenge), format)
    }

    /// The response to a request without a token if `Authorization` is not a token source. The response names
    /// the header that should hold the token, or says that no header does. It does not disclose the names of
    /// cookies and parameters.
    pub fn missing_from(header: Option<&str>, challenge: &Challenge<'_>, format: BodyFormat) -> Self {
        let detail = match header {
            Some(name) => Cow::Owned(format!("Missing or invalid {name} header")),
            None => Cow::Borrowed("Missing token: this path does not read it from a header"),
        };
        Self::with(answer(Reason::MissingToken), detail, Reason::MissingToken, Some(challenge), format)
    }

    /// The response to a request that a second token denies, without a challenge. `error` is that of an invalid token,
    /// and `header` is the header that should hold the token, if one does.
    pub fn of_second_token(
        reason: Reason,
        error: Option<&TokenError>,
        header: Option<&str>,
        format: BodyFormat,
    ) -> Self {
        let answer = error.map_or_else(|| answer(reason), answer_to_token);
        let detail = match (reason, header) {
            (Reason::MissingToken, Some(name)) => Cow::Owned(format!("Missing or invalid {name} header")),
            (Reason::MissingToken, None) => Cow::Borrowed("Missing second token"),
            (_, Some(name)) => Cow::Owned(format!("{name}: {}", answer.detail)),
            (_, None) => Cow::Owned(format!("Second token: {}", answer.detail)),
        };
        Self::with(answer, detail, reason, None, format)
    }

    fn with(
        answer: DenialResponse,
        detail: Cow<'static, str>,
        reason: Reason,
        challenge: Option<&Challenge<'_>>,
        format: BodyFormat,
    ) -> Self {
        let DenialResponse { status, error, fault, .. } = answer;
        let mut headers: ResponseHeaders = Vec::with_capacity(4);
        headers.push(("cache-control".into(), "no-store".into()));
        if let Some((fault, challenge)) = fault.zip(challenge) {
            let challenges = challenge.headers(fault).into_iter().flatten();
            headers.extend(challenges.map(|challenge| ("www-authenticate".into(), challenge.into())));
        }
        let body = match format {
            BodyFormat::Json => {
                headers.push(("content-type".into(), "application/json".into()));
                [r#"{"error":""#, error, r#"","detail":""#, &*detail, r#""}"#].concat().into_bytes()
            }
            BodyFormat::Grpc => detail.as_bytes().to_vec(),
        };
        let denial = Self { status, headers, body, reason, detail };
        match reason {
            Reason::NoKeys | Reason::NoRevocationList | Reason::WaitingFull => {
                denial.retry_after(Duration::ZERO)
            }
            _ => denial,
        }
    }

    /// Asks the client to retry after this delay, in whole seconds, rounded up, at least one (RFC 9110 section
    /// 10.2.3).
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.headers.retain(|(name, _)| name != "retry-after");
        self.headers.push(("retry-after".into(), whole_seconds(delay).to_string().into()));
        self
    }
}

/// The delay in whole seconds, rounded up, at least one: a client that waits that long does not retry too
/// early.
pub fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0)).max(1)
}

impl BodyFormat {
    /// The form for a request's `content-type`. This is the host's rule, because the host converts the
    /// response: `application/grpc` and `application/grpc+…`, but not `application/grpc-web`.
    pub fn of(content_type: Option<&[u8]>) -> Self {
        match content_type.and_then(|value| value.strip_prefix(b"application/grpc")) {
            Some([] | [b'+', ..]) => Self::Grpc,
            _ => Self::Json,
        }
    }
}
