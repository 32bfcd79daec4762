//! What is done with a request, and what led to it.

use std::rc::Rc;

use super::denial_record::{DenialRecord, Detail};
use super::effective_policy::{EffectivePolicy, PolicyError};
use super::rule_name::RuleName;
use super::token_outcome::{TokenFailure, TokenOutcome};
use crate::denial::Denial;
use crate::headers::{HeaderEdits, Oversize};
use crate::http::HeaderMap;
use crate::issuer_index::IssuerIndex;
use crate::keys::RefreshReason;
use crate::policy::{Identity, Refusal, Unmet};
use crate::resource_metadata::MetadataDocument;
use crate::token_source::MalformedCredential;

/// What is done with a request, and what led to it: the log, the metrics and `jwtguard explain` read it here.
#[derive(Debug)]
pub struct Decision<'r> {
    /// What the filter does next.
    pub step: Step,
    /// What led to it.
    pub trace: Trace<'r>,
}

/// What the filter does next.
#[derive(Debug)]
pub enum Step {
    /// Edit the headers and let the request go on.
    Forward(Forward),
    /// Answer it.
    Deny(Denial),
    /// Answer it with a document that is everybody's.
    Serve(MetadataDocument),
    /// Park it until the issuer's keys change.
    AwaitKeys {
        /// Whose keys.
        issuer: IssuerIndex,
        /// Why.
        reason: RefreshReason,
    },
}

/// A request that goes on.
#[derive(Debug)]
pub struct Forward {
    /// What the upstream sees otherwise than the client sent it.
    pub edits: HeaderEdits,
    /// Who it speaks for, where that was verified.
    pub identity: Option<Rc<Identity>>,
}

/// What was found out on the way to a decision. Nothing is made for it alone: sentences are written when they are read.
#[derive(Debug)]
pub struct Trace<'r> {
    pub(super) headers: &'r HeaderMap,
    /// The requirements that apply, the routes they come from, and where a token is looked for. `None` where none was
    /// looked up, or none could be.
    pub policy: Option<EffectivePolicy<'r>>,
    /// What decided in the place of the policy.
    pub exemption: Option<RuleName>,
    /// The token.
    pub token: TokenOutcome<'r>,
    /// Why the request is refused; in report-only, why it would be.
    pub refusal: Option<Cause<'r>>,
    /// What the shadows would have refused.
    pub shadow_refusals: Vec<Refusal<'r>>,
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Cause<'r> {
    /// No requirement can be chosen.
    Policy(PolicyError<'r>),
    /// The request has two meanings. Routes that ignore an invalid token refuse it too.
    Credential(MalformedCredential),
    /// A requirement is not met.
    Requirement(Refusal<'r>),
    /// A claim does not fit into its header.
    Oversize(Oversize),
}

impl<'r> Decision<'r> {
    /// Why the request is refused, where it is.
    pub fn refusal(&self) -> Option<DenialRecord<'_>> {
        let refused = self.trace.refusal.as_ref().filter(|_| matches!(self.step, Step::Deny(_)));
        refused.map(|cause| self.trace.denial_record(cause))
    }

    /// Refusals that report-only or a shadow suppressed, and missing keys that a route tolerated.
    pub fn would_deny(&self) -> impl Iterator<Item = DenialRecord<'_>> {
        let forwarded = matches!(self.step, Step::Forward(_));
        let reported = self.trace.refusal.iter().filter(move |_| forwarded);
        let reported = reported.map(|cause| self.trace.denial_record(cause));
        let shadows = self.trace.shadow_refusals.iter().map(|refusal| self.trace.denial_record_of(refusal));
        reported.chain(shadows).chain(self.passed_without_keys())
    }

    /// Which rules let the request pass.
    pub fn rules(&self) -> impl Iterator<Item = RuleName> {
        let exemption = self.trace.exemption.clone();
        let policy = self.trace.policy.as_ref().filter(|_| exemption.is_none());
        let applied = policy.into_iter().flat_map(|policy| policy.applied.iter());
        exemption.into_iter().chain(applied.map(|applied| applied.policy_name()))
    }

    /// Where a route takes a failed token for none, the issuer's outage would be seen nowhere else.
    fn passed_without_keys(&self) -> Option<DenialRecord<'_>> {
        let failure =
            self.trace.token.failure().filter(|failure| matches!(failure, TokenFailure::NoKeys { .. }))?;
        let policy = self.trace.policy.as_ref()?;
        let is_told = self.trace.shadow_refusals.iter().any(|refusal| refusal.unmet == Unmet::FailedToken);
        let passes = self.trace.refusal.is_none() && policy.requirements().needs_token();
        (passes && !is_told).then(|| {
            let detail = Detail::PassedWithoutKeys(failure);
            DenialRecord::new(detail, Some(policy.applied.first()), self.trace.request_id())
        })
    }
}

impl<'r> Trace<'r> {
    pub(super) fn new(headers: &'r HeaderMap) -> Self {
        Self {
            headers,
            policy: None,
            exemption: None,
            token: TokenOutcome::NotRead,
            refusal: None,
            shadow_refusals: Vec::new(),
        }
    }

    /// What the log says of that cause.
    pub(super) fn denial_record<'d>(&'d self, cause: &'d Cause<'r>) -> DenialRecord<'d> {
        let first = self.policy.as_ref().map(|policy| policy.applied.first());
        let (detail, applied) = match cause {
            Cause::Policy(error) => (Detail::Policy(error), None),
            Cause::Credential(malformed) => (Detail::Credential(*malformed), first),
            Cause::Requirement(refusal) => return self.denial_record_of(refusal),
            Cause::Oversize(oversize) => (Detail::Oversize(oversize), first),
        };
        DenialRecord::new(detail, applied, self.request_id())
    }

    /// An operator needs the cause: why the token failed, not that it did.
    fn denial_record_of<'d>(&'d self, refusal: &'d Refusal<'r>) -> DenialRecord<'d> {
        let applied = self.policy.as_ref().and_then(|policy| policy.applied.get(refusal.requirement));
        let detail = match (refusal.unmet, self.token.failure()) {
            (Unmet::FailedToken, Some(failure)) => Detail::Token(failure),
            _ => Detail::Requirement(refusal),
        };
        DenialRecord::new(detail, applied, self.request_id())
    }

    fn request_id(&self) -> Option<&'r [u8]> {
        self.headers.get("x-request-id")
    }
}
