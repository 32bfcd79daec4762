//! A refusal as an answer and as facts.

use super::authenticate::Failure;
use super::{Facts, Judge, Refused};
use crate::denial::{Challenge, Denial, Form, Reason};
use crate::policy::Refusal;

impl Judge<'_> {
    /// The answer to those facts. `scopes` are what the client should ask its issuer for.
    pub(super) fn refused(&self, facts: Facts, failure: Option<&Failure>, scopes: &[String]) -> Box<Refused> {
        let text = |name| self.header(name).and_then(|value| std::str::from_utf8(value).ok());
        let path = text(":path").unwrap_or("/");
        let resource_metadata =
            text(":authority").and_then(|host| self.config.resource_metadata.challenge_for(host, path));
        let challenge = Challenge { realm: &self.config.realm, scopes, resource_metadata };
        let denial = Denial::new(facts.reason, &challenge, Form::of(self.header("content-type")));
        let denial = match failure {
            Some(Failure::NoKeys { reason, retry_after, .. }) if facts.reason == *reason => {
                denial.retry_after(*retry_after)
            }
            _ => denial,
        };
        Box::new(Refused { denial, facts: self.with_request(facts) })
    }

    pub(super) fn with_request(&self, facts: Facts) -> Facts {
        facts.of_request(self.header("x-request-id"))
    }
}

/// What is to be said of a refusal. An operator is served by the cause: why the token failed, not that it did.
pub(super) fn facts_of(refusal: &Refusal, failure: Option<&Failure>) -> Facts {
    let failed = |reason, detail: String| Facts::new(Reason::of_refusal(refusal, reason), detail);
    match (refusal, failure) {
        (Refusal::FailedToken, Some(Failure::Token { error, issuer, kid })) => {
            let mut facts = failed(Reason::from(error), error.to_string());
            facts.issuer.clone_from(issuer);
            facts.kid.clone_from(kid);
            facts
        }
        (Refusal::FailedToken, Some(Failure::NoKeys { issuer, reason, .. })) => {
            let detail = match reason {
                Reason::WaitingFull => "too many requests wait for the first keys",
                _ => "there are no keys to verify the token with",
            };
            let mut facts = failed(*reason, detail.to_owned());
            facts.issuer = Some(issuer.clone());
            facts
        }
        (Refusal::FailedToken, Some(Failure::Credential(malformed))) => {
            failed(Reason::BadRequest, malformed.to_string())
        }
        _ => failed(Reason::Malformed, refusal.to_string()),
    }
}
