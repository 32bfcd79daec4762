//! From a reason to an answer: status, error code, challenge and body stand here and nowhere else.
//!
//! The client gets the class of a refusal, the log its reason. No answer holds a token, a claim's value, a role,
//! a group or a key.

mod challenge;
mod reason;

use std::borrow::Cow;
use std::time::Duration;

pub use challenge::{Challenge, realm_is_valid, scope_is_valid};
pub use reason::Reason;

use crate::jose::error::TokenError;
use challenge::ChallengeError;

/// How the client reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// A JSON body.
    Json,
    /// The host makes a gRPC status of the HTTP one and a message of the body.
    Grpc,
}

/// An answer that refuses.
///
/// HEAD has the same answer as GET. The host cuts the body off itself, after it has taken `content-length` from
/// it; an empty body would cost the answer its `content-type` as well (RFC 9110 section 9.3.2 wants both alike).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The HTTP status.
    pub status: u16,
    /// The headers, `:status` aside.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// For counters and the log.
    pub reason: Reason,
    /// The sentence for the client.
    pub detail: Cow<'static, str>,
}

/// A row of the table of answers.
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
        // One sentence for all of these: what an issuer, a key or a type is taken for is the operator's to know,
        // and a forger would learn from the difference how far a forgery came.
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
        | Reason::RefusedClaim => invalid_token("Token is invalid"),
        Reason::Role
        | Reason::Group
        | Reason::Scope
        | Reason::Claim
        | Reason::IssuerNotAllowed
        | Reason::AudienceNotAllowed
        | Reason::Denied => {
            forbidden("Access to this resource is not permitted", ChallengeError::InsufficientScope)
        }
        Reason::HeaderOversize => {
            forbidden("A claim of the token is too long to be forwarded", ChallengeError::Unforwardable)
        }
        Reason::NoKeys | Reason::WaitingFull => DenialResponse {
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

/// What is told apart within a reason. The times are judged before the signature, so a forger learns as much from
/// `Token has expired`; the audience is judged after it, and only who has a token of the issuer's learns of that.
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

const fn forbidden(detail: &'static str, fault: ChallengeError) -> DenialResponse {
    DenialResponse { status: 403, error: "insufficient_scope", detail, fault: Some(fault) }
}

impl Denial {
    /// The answer to a refusal. Where it asks to try again, that is in a second;
    /// [`retry_after`](Self::retry_after) says otherwise.
    ///
    /// The challenge's scopes are what [`required_scopes`](crate::policy::Requirements::scopes_asked) gives for the request.
    pub fn new(reason: Reason, challenge: &Challenge<'_>, format: BodyFormat) -> Self {
        let answer = answer(reason);
        let detail = Cow::Borrowed(answer.detail);
        Self::with(answer, detail, reason, challenge, format)
    }

    /// The answer to a token that is not valid, in the words that its client is told apart by.
    pub fn of_token(error: &TokenError, challenge: &Challenge<'_>, format: BodyFormat) -> Self {
        let answer = answer_to_token(error);
        let detail = Cow::Borrowed(answer.detail);
        Self::with(answer, detail, Reason::from(error), challenge, format)
    }

    /// The answer to a request without a token, where that is not looked for in `Authorization`: it names the header
    /// in which it is, or says that it is none. Names of cookies and parameters are not disclosed.
    pub fn missing_from(header: Option<&str>, challenge: &Challenge<'_>, format: BodyFormat) -> Self {
        let detail = match header {
            Some(name) => Cow::Owned(format!("Missing or invalid {name} header")),
            None => Cow::Borrowed("Missing token: this path does not read it from a header"),
        };
        Self::with(answer(Reason::MissingToken), detail, Reason::MissingToken, challenge, format)
    }

    fn with(
        answer: DenialResponse,
        detail: Cow<'static, str>,
        reason: Reason,
        challenge: &Challenge<'_>,
        format: BodyFormat,
    ) -> Self {
        let DenialResponse { status, error, fault, .. } = answer;
        let mut headers = vec![("cache-control".to_owned(), "no-store".to_owned())];
        if let Some(fault) = fault {
            headers.push(("www-authenticate".to_owned(), challenge.header(fault)));
        }
        let body = match format {
            BodyFormat::Json => {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
                format!(r#"{{"error":"{error}","detail":"{detail}"}}"#).into_bytes()
            }
            BodyFormat::Grpc => detail.as_bytes().to_vec(),
        };
        let denial = Self { status, headers, body, reason, detail };
        match reason {
            Reason::NoKeys | Reason::WaitingFull => denial.retry_after(Duration::ZERO),
            _ => denial,
        }
    }

    /// Asks the client to try again after this long: whole seconds, rounded up, at least one
    /// (RFC 9110 section 10.2.3).
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.headers.retain(|(name, _)| name != "retry-after");
        self.headers.push(("retry-after".to_owned(), whole_seconds(delay).to_string()));
        self
    }
}

/// Rounded up, at least one: who comes back after them does not come too early.
pub fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0)).max(1)
}

impl BodyFormat {
    /// The form for a request's `content-type`. The host's own rule, since the host does the mapping:
    /// `application/grpc` and `application/grpc+…`, but not `application/grpc-web`.
    pub fn of(content_type: Option<&[u8]>) -> Self {
        match content_type.and_then(|value| value.strip_prefix(b"application/grpc")) {
            Some([] | [b'+', ..]) => Self::Grpc,
            _ => Self::Json,
        }
    }
}
