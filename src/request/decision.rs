//! The decision on a request, and how it was reached.

use std::rc::Rc;

use super::denial_record::{DenialRecord, Detail};
use super::effective_policy::{EffectivePolicy, PolicyError};
use super::rule_name::RuleName;
use super::token_outcome::{TokenFailure, TokenOutcome};
use crate::denial::Denial;
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
    /// The failure that `revocation_list_fail_open` ignored: there is no usable revocation list.
    pub ignored_failure: Option<TokenFailure<'r>>,
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
        reported.chain(shadows).chain(self.passed_without_keys()).chain(self.passed_without_list())
    }

    /// The rules that let the request pass.
    pub fn rules(&self) -> impl Iterator<Item = RuleName> {
        let exemption = self.trace.exemption.clone();
        let policy = self.trace.policy.as_ref().filter(|_| exemption.is_none());
        let applied = policy.into_iter().flat_map(|policy| policy.applied.iter());
        exemption.into_iter().chain(applied.map(|applied| applied.policy_name()))
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

    /// A missing revocation list that `revocation_list_fail_open` ignores.
    fn passed_without_list(&self) -> Option<DenialRecord<'_>> {
        let detail = Detail::PassedWithoutList(self.trace.ignored_failure.as_ref()?);
        let applied = self.trace.policy.as_ref().map(|policy| policy.applied.first());
        Some(DenialRecord::new(detail, applied, self.trace.headers))
    }

    /// The issuer whose `revocation_list_fail_open` let the request pass.
    pub fn failed_open(&self) -> Option<IssuerIndex> {
        self.trace.ignored_failure.as_ref().and(self.trace.token.named_issuer())
    }
}

impl<'r> Trace<'r> {
    pub(super) fn new(headers: &'r HeaderMap) -> Self {
        Self {
            headers,
            policy: None,
            exemption: None,
            token: TokenOutcome::NotRead,
            ignored_failure: None,
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
        };
        DenialRecord::new(detail, applied, self.headers)
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
