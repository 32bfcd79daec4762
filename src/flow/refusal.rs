//! A refusal as an answer and as facts.

use super::authenticate::{Failure, Unfetched};
use super::governing::Governing;
use super::{Facts, Judge, Refused};
use crate::bearer::Place;
use crate::denial::{Challenge, Denial, Form, Reason, whole_seconds};
use crate::policy::{Refusal, Unmet};

impl Judge<'_> {
    /// The answer to those facts. `scopes` are what the client should ask its issuer for.
    /// `places` are where a token may stand, if the route of the request is known.
    pub(super) fn refused(
        &self,
        facts: Facts,
        failure: Option<&Failure>,
        scopes: &[&str],
        places: &[Place],
    ) -> Box<Refused> {
        let text = |name| self.header(name).and_then(|value| std::str::from_utf8(value).ok());
        let path = text(":path").unwrap_or("/");
        let resource_metadata =
            text(":authority").and_then(|host| self.config.resource_metadata.challenge_for(host, path));
        let challenge = Challenge { realm: &self.config.realm, scopes, resource_metadata };
        let form = Form::of(self.header("content-type"));
        let denial = match failure {
            Some(Failure::NoKeys { reason, retry_after, .. }) if facts.reason == *reason => {
                Denial::new(facts.reason, &challenge, form).retry_after(*retry_after)
            }
            Some(Failure::Token { error, .. }) if facts.reason == Reason::from(error) => {
                Denial::of_token(error, &challenge, form)
            }
            _ => match missing_from(places) {
                Some(header) if facts.reason == Reason::MissingToken => {
                    Denial::missing_from(header, &challenge, form)
                }
                _ => Denial::new(facts.reason, &challenge, form),
            },
        };
        Box::new(Refused { denial, facts: self.with_request(facts) })
    }

    /// A request that passes without an identity because there are no keys for its token: where a route takes a failed
    /// token for none, the issuer's outage would be seen nowhere else.
    pub(super) fn tell_missing_keys(
        &self,
        failure: Option<&Failure>,
        governing: &Governing<'_>,
        would_deny: &mut Vec<Facts>,
    ) {
        let Some(Failure::NoKeys { reason, .. }) = failure else { return };
        if would_deny.iter().any(|facts| facts.reason == *reason) {
            return;
        }
        let failed = Refusal { requirement: 0, unmet: Unmet::FailedToken, scopes: Vec::new() };
        let mut facts = facts_of(&failed, failure).under(Some(governing.first()));
        facts.detail.push_str("; allow_missing_or_failed lets the request pass without an identity");
        would_deny.push(self.with_request(facts));
    }

    pub(super) fn with_request(&self, facts: Facts) -> Facts {
        facts.of_request(self.header("x-request-id"))
    }
}

/// The first header that holds tokens, `Some(None)` where none does; `None` where `authorization` does, or nothing is
/// known of the places.
fn missing_from(places: &[Place]) -> Option<Option<&str>> {
    let headers = || {
        let places = places.iter().filter(|place| !matches!(place, Place::Cookie { .. }));
        places.filter_map(Place::header).map(|(name, _)| name)
    };
    let is_usual = places.is_empty() || headers().any(|name| name == "authorization");
    if is_usual { None } else { Some(headers().next()) }
}

impl std::fmt::Display for Unfetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooEarly { fetched_ago, retry_after } => write!(
                f,
                "the keys were fetched {} s ago, and the next fetch for an unknown kid is allowed in {} s",
                fetched_ago.as_secs(),
                whole_seconds(*retry_after)
            ),
            Self::NamelessKeys => f.write_str(
                "none of its keys has a kid, so no token with a kid passes, and no keys are fetched for it",
            ),
        }
    }
}

/// What is to be said of a refusal. An operator is served by the cause: why the token failed, not that it did.
pub(super) fn facts_of(refusal: &Refusal<'_>, failure: Option<&Failure>) -> Facts {
    let failed = |reason, detail: String| Facts::new(Reason::of_unmet(&refusal.unmet, reason), detail);
    match (refusal.unmet, failure) {
        (Unmet::FailedToken, Some(Failure::Token { error, issuer, kid, unfetched })) => {
            let unfetched = unfetched.as_ref().map(|unfetched| format!("; {unfetched}"));
            let mut facts = failed(Reason::from(error), format!("{error}{}", unfetched.unwrap_or_default()));
            facts.issuer.clone_from(issuer);
            facts.kid.clone_from(kid);
            facts
        }
        (Unmet::FailedToken, Some(Failure::NoKeys { issuer, reason, .. })) => {
            let detail = match reason {
                Reason::WaitingFull => "too many requests wait for the first keys",
                _ => "there are no keys to verify the token with",
            };
            let mut facts = failed(*reason, detail.to_owned());
            facts.issuer = Some(issuer.clone());
            facts
        }
        (Unmet::FailedToken, Some(Failure::Credential(malformed))) => {
            failed(Reason::BadRequest, malformed.to_string())
        }
        _ => failed(Reason::Malformed, refusal.to_string()),
    }
}
