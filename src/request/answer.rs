//! The response to a denied request.

use super::decision::{Cause, Trace};
use super::input::text;
use super::second_tokens::SecondTokenFault;
use super::token_outcome::TokenFailure;
use crate::config::{Config, SecondToken};
use crate::confirmation::ConfirmationError;
use crate::denial::{BodyFormat, Challenge, Denial, DpopChallenge, Reason};
use crate::policy::{Refusal, Unmet};
use crate::token_source::{self, ExtractedToken, TokenSource};

/// Builds the response for a denied request from the cause.
pub(super) fn denial(config: &Config, cause: &Cause<'_>, trace: &Trace<'_>) -> Denial {
    let headers = trace.headers;
    let path = text(headers, ":path").unwrap_or("/");
    let host = text(headers, ":authority");
    let scopes = match cause {
        Cause::Requirement(refusal) => refusal.scopes.as_slice(),
        _ => &[],
    };
    let resource_metadata = host.and_then(|host| config.resource_metadata.challenge_for(host, path));
    let step_up = match cause {
        Cause::Requirement(Refusal { unmet: Unmet::StepUp(step_up), .. }) => Some(*step_up),
        _ => None,
    };
    let dpop =
        config.dpop.as_ref().map(|rules| DpopChallenge { algs: &rules.algs, is_only: needs_dpop(trace) });
    let challenge = Challenge { realm: &config.realm, scopes, step_up, resource_metadata, dpop };
    let form = BodyFormat::of(headers.get("content-type"));
    let reason = trace.denial_record(cause).reason;
    if let Cause::SecondToken { token, fault } = cause {
        let failure = match fault {
            SecondTokenFault::Requirement(Refusal { unmet: Unmet::FailedToken, .. }) => {
                trace.failure_of(token)
            }
            _ => None,
        };
        return of_second_token(token, failure, reason, form);
    }
    let Cause::Requirement(Refusal { unmet, .. }) = cause else {
        return Denial::new(reason, &challenge, form);
    };
    match (unmet, trace.token.failure()) {
        (Unmet::FailedToken, Some(TokenFailure::Invalid { error, .. })) => {
            Denial::of_token(error, &challenge, form)
        }
        (
            Unmet::FailedToken,
            Some(
                TokenFailure::NoKeys { retry_after, .. } | TokenFailure::NoRevocationList { retry_after, .. },
            ),
        ) => Denial::new(reason, &challenge, form).retry_after(*retry_after),
        (Unmet::MissingToken, _) => {
            match trace.policy.as_ref().and_then(|policy| missing_from(&policy.token_sources)) {
                Some(header) => Denial::missing_from(header, &challenge, form),
                None => Denial::new(reason, &challenge, form),
            }
        }
        _ => Denial::new(reason, &challenge, form),
    }
}

/// Whether only the scheme DPoP can help the client.
fn needs_dpop(trace: &Trace<'_>) -> bool {
    let is_bound = match trace.token.failure() {
        Some(TokenFailure::Unconfirmed { error, .. }) => *error == ConfirmationError::NotSentAsDpop,
        _ => false,
    };
    is_bound || token_source::extract(&[TokenSource::Dpop], trace.headers) != ExtractedToken::Missing
}

/// The response to a request that a second token denies. It has no challenge, because a challenge would make a client
/// renew its first token; the detail names the header of the token instead.
fn of_second_token(
    token: &SecondToken,
    failure: Option<&TokenFailure<'_>>,
    reason: Reason,
    form: BodyFormat,
) -> Denial {
    let is_header = |source: &&TokenSource| !matches!(source, TokenSource::Cookie { .. });
    let mut headers = token.token_from.iter().filter(is_header).filter_map(TokenSource::header);
    let header = headers.next().map(|(name, _)| name);
    match failure {
        Some(TokenFailure::Invalid { error, .. }) => {
            Denial::of_second_token(reason, Some(error), header, form)
        }
        Some(
            TokenFailure::NoKeys { retry_after, .. } | TokenFailure::NoRevocationList { retry_after, .. },
        ) => Denial::of_second_token(reason, None, header, form).retry_after(*retry_after),
        _ => Denial::of_second_token(reason, None, header, form),
    }
}

/// The header to name in the detail of a missing token. `None`: `authorization` is a token source.
/// `Some(None)`: no header is one. `Some(Some(name))`: the first header that is one.
fn missing_from(token_sources: &[TokenSource]) -> Option<Option<&str>> {
    let headers = || {
        let token_sources =
            token_sources.iter().filter(|source| !matches!(source, TokenSource::Cookie { .. }));
        token_sources.filter_map(TokenSource::header).map(|(name, _)| name)
    };
    let is_usual = token_sources.is_empty() || headers().any(|name| name == "authorization");
    if is_usual { None } else { Some(headers().next()) }
}
