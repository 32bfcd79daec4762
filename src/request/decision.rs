//! The decision on a request, and how it was reached.

use std::rc::Rc;

use super::denial_record::{DenialRecord, Detail};
use super::effective_policy::{EffectivePolicy, PolicyError};
use super::rule_name::RuleName;
use super::second_tokens::{JudgedToken, SecondTokenFault};
use super::token_outcome::{TokenFailure, TokenOutcome};
use crate::config::SecondToken;
use crate::denial::Denial;
use crate::dpop::UsedProof;
use crate::headers::{ClaimHeaderTooLong, HeaderEdits};
use crate::http::HeaderMap;
use crate::issuer_index::IssuerIndex;
use crate::keys::parked::Awaited;
use crate::policy::{Identity, Refusal, Unmet};
use crate::resource_metadata::MetadataDocument;
use crate::token_source::MalformedCredential;

/// The decision on a request, and how it was reached. The log, the metrics and `jwtguard explain` are all
/// derived from it.
#[derive(Debug)]
pub struct Decision<'r> {
    /// The next step of the filter.
    pub step: Step,
    /// How the decision was reached.
    pub trace: Trace<'r>,
}

/// The next step of the filter.
#[derive(Debug)]
pub enum Step {
    /// Edit the headers and forward the request.
    Forward(Forward),
    /// Answer the request with a denial.
    Deny(Denial),
    /// Answer the request with a public document.
    Serve(MetadataDocument),
    /// Park the request until the keys or the revocation list of an issuer change.
    Await(Awaited),
}

/// A request that is forwarded.
#[derive(Debug)]
pub struct Forward {
    /// The edits to the request's headers.
    pub edits: HeaderEdits,
    /// The verified identity of the request, if any.
    pub identity: Option<Rc<Identity>>,
    /// The issuers of the verified second tokens, other than that of the identity, each once.
    pub other_issuers: Vec<IssuerIndex>,
}

/// The intermediate results of a decision. Log sentences are not built here but formatted when they are read.
#[derive(Debug)]
pub struct Trace<'r> {
    pub(super) headers: &'r HeaderMap,
    /// The requirements that apply, their routes, and the token sources. `None` if no look-up took place or it
    /// failed.
    pub policy: Option<EffectivePolicy<'r>>,
    /// The exemption that replaced the policy, if any.
    pub exemption: Option<RuleName>,
    /// The outcome for the request's token.
    pub token: TokenOutcome<'r>,
    /// The DPoP proof of the token, which is marked as used if the request is forwarded.
    pub proof: Option<Box<UsedProof>>,
    /// The second tokens that were judged, in the order of the configuration. The first one that does not let the request
    /// pass is the last.
    pub second_tokens: Vec<JudgedToken<'r>>,
    /// The failures that `revocation_list_fail_open` ignored: there is no usable revocation list.
    pub ignored_failures: Vec<TokenFailure<'r>>,
    /// The cause of the denial; with report-only, the cause of the denial that did not take place.
    pub refusal: Option<Cause<'r>>,
    /// The denials of shadow requirements.
    pub shadow_refusals: Vec<Refusal<'r>>,
}

/// The cause of a denial.
#[derive(Debug)]
pub enum Cause<'r> {
    /// No requirement can be chosen.
    Policy(PolicyError<'r>),
    /// The credential is ambiguous. Routes that ignore an invalid token deny the request too.
    Credential(MalformedCredential),
    /// A requirement is not met.
    Requirement(Refusal<'r>),
    /// A claim does not fit into its header.
    Oversize(ClaimHeaderTooLong),
    /// A second token denies the request.
    SecondToken {
        /// The configured token.
        token: &'r SecondToken,
        /// Why it denies the request.
        fault: SecondTokenFault<'r>,
    },
}

impl<'r> Decision<'r> {
    /// The denial, if the request is denied.
    pub fn refusal(&self) -> Option<DenialRecord<'_>> {
        let refused = self.trace.refusal.as_ref().filter(|_| matches!(self.step, Step::Deny(_)));
        refused.map(|cause| self.trace.denial_record(cause))
    }

    /// The denials that report-only or shadow requirements would have made, and missing keys that a route
    /// tolerates.
    pub fn would_deny(&self) -> impl Iterator<Item = DenialRecord<'_>> {
        let forwarded = matches!(self.step, Step::Forward(_));
        let reported = self.trace.refusal.iter().filter(move |_| forwarded);
        let reported = reported.map(|cause| self.trace.denial_record(cause));
        let shadows = self.trace.shadow_refusals.iter().map(|refusal| self.trace.denial_record_of(refusal));
        reported.chain(shadows).chain(self.passed_without_keys()).chain(self.passed_without_lists())
    }

    /// The rules that let the request pass.
    pub fn rules(&self) -> impl Iterator<Item = RuleName> {
        let exemption = self.trace.exemption.clone();
        let policy = self.trace.policy.as_ref().filter(|_| exemption.is_none());
        let applied = policy.into_iter().flat_map(|policy| policy.applied.iter());
        exemption.into_iter().chain(applied.map(|applied| applied.policy_name()))
    }

    /// The configured issuers that the tokens of the request name, each once. The tokens may be forged.
    pub fn named_issuers(&self) -> Vec<IssuerIndex> {
        let second = self.trace.second_tokens.iter().map(|judged| &judged.outcome);
        let outcomes = std::iter::once(&self.trace.token).chain(second);
        each_once(outcomes.filter_map(TokenOutcome::named_issuer))
    }

    /// Missing keys or a missing revocation list, on a route that treats a failed token as none. Without this record
    /// an outage of the issuer would not be visible anywhere.
    fn passed_without_keys(&self) -> Option<DenialRecord<'_>> {
        let failure = self.trace.token.failure().filter(|failure| {
            matches!(failure, TokenFailure::NoKeys { .. } | TokenFailure::NoRevocationList { .. })
        })?;
        let policy = self.trace.policy.as_ref()?;
        let is_told = self.trace.shadow_refusals.iter().any(|refusal| refusal.unmet == Unmet::FailedToken);
        let passes = self.trace.refusal.is_none() && policy.requirements().needs_token();
        (passes && !is_told).then(|| {
            let detail = Detail::PassedWithoutKeys(failure);
            DenialRecord::new(detail, Some(policy.applied.first()), self.trace.headers)
        })
    }

    /// The missing revocation lists that `revocation_list_fail_open` ignores.
    fn passed_without_lists(&self) -> impl Iterator<Item = DenialRecord<'_>> {
        let applied = self.trace.policy.as_ref().map(|policy| policy.applied.first());
        let failures = self.trace.ignored_failures.iter();
        failures.map(move |failure| {
            DenialRecord::new(Detail::PassedWithoutList(failure), applied, self.trace.headers)
        })
    }

    /// The issuers whose `revocation_list_fail_open` let the request pass.
    pub fn failed_open(&self) -> impl Iterator<Item = IssuerIndex> {
        self.trace.ignored_failures.iter().filter_map(TokenFailure::issuer_index)
    }
}

/// Each issuer once: a request counts once for an issuer, however many tokens of it it has.
pub(super) fn each_once(issuers: impl Iterator<Item = IssuerIndex>) -> Vec<IssuerIndex> {
    let mut once: Vec<IssuerIndex> = Vec::new();
    for issuer in issuers {
        if !once.contains(&issuer) {
            once.push(issuer);
        }
    }
    once
}

impl<'r> Trace<'r> {
    pub(super) fn new(headers: &'r HeaderMap) -> Self {
        Self {
            headers,
            policy: None,
            exemption: None,
            token: TokenOutcome::NotRead,
            proof: None,
            second_tokens: Vec::new(),
            ignored_failures: Vec::new(),
            refusal: None,
            shadow_refusals: Vec::new(),
        }
    }

    /// The denial record for a cause.
    pub(super) fn denial_record<'d>(&'d self, cause: &'d Cause<'r>) -> DenialRecord<'d> {
        let first = self.policy.as_ref().map(|policy| policy.applied.first());
        let (detail, applied) = match cause {
            Cause::Policy(error) => (Detail::Policy(error), None),
            Cause::Credential(malformed) => (Detail::Credential(*malformed), first),
            Cause::Requirement(refusal) => return self.denial_record_of(refusal),
            Cause::Oversize(oversize) => (Detail::Oversize(oversize), first),
            Cause::SecondToken { token, fault } => return self.denial_record_of_second(token, fault),
        };
        DenialRecord::new(detail, applied, self.headers)
    }

    fn denial_record_of_second<'d>(
        &'d self,
        token: &'d SecondToken,
        fault: &'d SecondTokenFault<'r>,
    ) -> DenialRecord<'d> {
        let judged = self.second_tokens.iter().find(|judged| judged.token == token);
        let asked_by = judged.map_or(0, |judged| judged.asked_by);
        let (detail, requirement) = match fault {
            SecondTokenFault::Credential(malformed) => (Detail::Credential(*malformed), asked_by),
            SecondTokenFault::Requirement(refusal) => match (refusal.unmet, self.failure_of(token)) {
                (Unmet::FailedToken, Some(failure)) => (Detail::Token(failure), refusal.requirement),
                _ => (Detail::Requirement(refusal), refusal.requirement),
            },
            SecondTokenFault::Oversize(oversize) => (Detail::Oversize(oversize), asked_by),
        };
        let applied = self.policy.as_ref().and_then(|policy| policy.applied.get(requirement));
        DenialRecord::new(detail, applied, self.headers).of_token(&token.name)
    }

    /// The failure of a second token.
    pub(super) fn failure_of(&self, token: &SecondToken) -> Option<&TokenFailure<'r>> {
        self.second_tokens.iter().find(|judged| judged.token == token)?.outcome.failure()
    }

    /// Uses the failure of the token as the detail: an operator needs to know why the token failed.
    fn denial_record_of<'d>(&'d self, refusal: &'d Refusal<'r>) -> DenialRecord<'d> {
        let applied = self.policy.as_ref().and_then(|policy| policy.applied.get(refusal.requirement));
        let detail = match (refusal.unmet, self.token.failure()) {
            (Unmet::FailedToken, Some(failure)) => Detail::Token(failure),
            _ => Detail::Requirement(refusal),
        };
        DenialRecord::new(detail, applied, self.headers)
    }
}
