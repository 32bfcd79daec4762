//! One request as a state machine: from its headers to the next step of the filter.
//!
//! No state is kept between steps. When the keys arrive or the wait times out, a parked request is decided
//! again from its headers, possibly without another wait; so no request is decided by the rules that were found
//! for another one.

mod answer;
mod authenticate;
mod cached_token;
mod confirmation;
mod decision;
mod denial_record;
mod effective_policy;
mod input;
mod method_override;
mod other_spellings;
mod preflight;
mod request_values;
mod rule_name;
mod second_tokens;
mod token_outcome;
mod trailers;
mod wait;

pub use authenticate::{AuthContext, Authenticated, authenticate};
pub use cached_token::CachedToken;
pub use decision::{Cause, Decision, Forward, Step, Trace};
pub use denial_record::{DenialRecord, Detail};
pub use effective_policy::{AppliedRequirement, EffectivePolicy, PolicyError, resolve_policy};
pub use input::{Annotations, Metadata, Request};
pub use request_values::{ValuesOfRequest, evaluation_context};
pub use rule_name::RuleName;
pub use second_tokens::{JudgedToken, SecondTokenFault};
pub use token_outcome::{TokenFailure, TokenOutcome, Unfetched};
pub use trailers::credential_headers;
pub use wait::Wait;

use std::rc::Rc;

use crate::config::Config;
use crate::dpop;
use crate::headers::{ClaimHeaderTooLong, HeaderEdits};
use crate::http::HeaderMap;
pub use crate::keys::{KeyLookup, KeySource, NoRevocationLists, RevocationSource};
use crate::policy::{EvaluationContext, Permit, Requirements};
use crate::resource_metadata::MetadataDocument;
use crate::token_source;
use answer::denial;
use decision::each_once;
use input::text;
use other_spellings::other_spellings;
use preflight::is_preflight;
use second_tokens::Stop;

/// Decides a request, or returns [`Step::Await`] if it has to wait.
pub fn decide<'r>(with: &AuthContext<'_, 'r>, request: &'r Request<'_>) -> Decision<'r> {
    let (config, now) = (with.config, with.now);
    let headers = request.headers;
    let mut trace = Trace::new(headers);
    if let Some(document) = document(config, headers) {
        return Decision { step: Step::Serve(document), trace };
    }
    if !config.enabled {
        return exempt(config, trace, RuleName::Disabled);
    }
    let policy = match resolve_policy(config, request) {
        Ok(policy) => &*trace.policy.insert(policy),
        Err(error) => return refuse(config, trace, Cause::Policy(error)),
    };
    if is_preflight(config, headers, &policy.token_sources) {
        return exempt(config, trace, RuleName::Preflight);
    }
    let requirements = policy.requirements();
    let token_required = requirements.needs_token();
    if token_required || requirements.shadow_needs_token() {
        // A request waits for keys only if a requirement in force depends on them: report-only and shadow rules
        // never park a request.
        let wait = match with.wait {
            _ if config.report_only => Wait::NotAllowed,
            Wait::Allowed if !token_required => Wait::NotAllowed,
            wait => wait,
        };
        let with = AuthContext { wait, ..*with };
        let authenticated =
            authenticate(&with, headers, &policy.token_sources, &policy.accepted_token_sources);
        (trace.token, trace.proof) = (authenticated.token, authenticated.proof);
    }
    if let Some(awaited) = trace.token.failure().and_then(TokenFailure::awaited) {
        return Decision { step: Step::Await(awaited), trace };
    }
    let values = ValuesOfRequest { policy, headers };
    loop {
        let context = evaluation_context(config, &trace.token, &values, now);
        let permit = match permit(&requirements, &trace.token, &context) {
            Ok(permit) => permit,
            Err(cause) => return refuse(config, trace, cause),
        };
        // Only now, so that the first token's failure comes first and no request waits in vain. The requirements for
        // second tokens are in force, so that the request may wait for their keys.
        let wait = if config.report_only { Wait::NotAllowed } else { with.wait };
        let with = AuthContext { wait, ..*with };
        trace.second_tokens.clear();
        match second_tokens::judge(&with, headers, policy, &requirements, &mut trace.second_tokens) {
            Ok(()) => {}
            Err(Stop::Await(awaited)) => return Decision { step: Step::Await(awaited), trace },
            Err(Stop::Refuse { token, fault }) => {
                return refuse(config, trace, Cause::SecondToken { token, fault });
            }
        }
        let verified =
            Verified { permit: &permit, token: trace.token.verified(), second: &trace.second_tokens };
        let forward = match forward(config, headers, policy, &requirements, &verified) {
            Ok(forward) => forward,
            Err(cause) => return refuse(config, trace, cause),
        };
        // The last step of a request that passes. Report-only and shadow rules record nothing.
        let proof = trace.proof.take().filter(|_| token_required && !config.report_only);
        if let (Some(proof), Some(cached)) = (proof, trace.token.verified())
            && let Err(error) = with.replays.mark(&proof, now)
        {
            // Decide once more, because some requirements let a request with an invalid token pass.
            trace.token = TokenOutcome::Failed(with.unconfirmed(cached, error.into()));
            continue;
        }
        let second = trace.second_tokens.iter().map(|judged| &judged.outcome);
        let outcomes = std::iter::once(&trace.token).filter(|_| token_required).chain(second);
        trace.ignored_failures = outcomes.filter_map(|outcome| with.ignored_failure(outcome)).collect();
        trace.shadow_refusals = requirements.shadow_refusals(trace.token.credential(), &context);
        return Decision { step: Step::Forward(forward), trace };
    }
}

/// The tokens of a request that meet every requirement.
struct Verified<'a, 'r> {
    permit: &'a Permit,
    token: Option<&'a CachedToken>,
    second: &'a [JudgedToken<'r>],
}

/// The permit for the first token.
fn permit<'r>(
    requirements: &Requirements<'r>,
    token: &TokenOutcome<'_>,
    context: &EvaluationContext<'_>,
) -> Result<Permit, Cause<'r>> {
    let malformed = token.failure().and_then(TokenFailure::malformed);
    if let Some(malformed) = malformed.filter(|_| requirements.needs_token()) {
        return Err(Cause::Credential(malformed));
    }
    requirements.evaluate(token.credential(), context).map_err(Cause::Requirement)
}

/// The header edits for the upstream if every requirement is met. The edits require a [`Permit`], which only
/// [`Requirements::evaluate`] creates.
fn forward<'r>(
    config: &Config,
    headers: &HeaderMap,
    policy: &EffectivePolicy<'_>,
    requirements: &Requirements<'r>,
    verified: &Verified<'_, 'r>,
) -> Result<Forward, Cause<'r>> {
    let Verified { permit, token, second } = verified;
    let mut edits = claim_headers(config, headers, permit, *token).map_err(Cause::Oversize)?;
    second_tokens::add_claim_headers(config, second, &mut edits)
        .map_err(|(token, fault)| Cause::SecondToken { token, fault })?;
    // The token stays in place if no requirement needs it, and in report-only.
    if requirements.needs_token() && !config.report_only {
        for (name, values) in token_source::strip(&policy.token_sources, headers, policy.forward_token) {
            edits.set(name, values);
        }
        for name in other_spellings(headers, &policy.token_sources) {
            edits.remove(name);
        }
        if config.dpop.is_some() && !policy.forward_token && headers.contains(dpop::HEADER) {
            edits.remove(dpop::HEADER);
        }
    }
    if !config.report_only {
        second_tokens::remove_places(config, headers, second, &mut edits);
    }
    let identity = permit.identity().map(Rc::clone);
    let first = identity.as_ref().map(|identity| identity.issuer());
    let issuers = second.iter().filter_map(|judged| Some(judged.outcome.verified()?.identity().issuer()));
    let other_issuers = each_once(issuers.filter(|issuer| Some(*issuer) != first));
    Ok(Forward { edits, identity, other_issuers })
}

fn claim_headers(
    config: &Config,
    headers: &HeaderMap,
    permit: &Permit,
    verified: Option<&CachedToken>,
) -> Result<HeaderEdits, ClaimHeaderTooLong> {
    let (map, limit) = (&config.claim_headers, config.max_claim_header_bytes);
    match verified {
        Some(cached) => map.plan_encoded(headers, permit, cached.encoded_headers(), limit),
        None => map.plan(headers, permit, limit),
    }
}

/// Denies the request. With report-only, forwards it without an identity instead.
fn refuse<'r>(config: &Config, mut trace: Trace<'r>, cause: Cause<'r>) -> Decision<'r> {
    if config.report_only {
        trace.refusal = Some(cause);
        return exempt(config, trace, RuleName::ReportOnly);
    }
    let mut denial = denial(config, &cause, &trace);
    config.cors_allow_origins.add_to(trace.headers, &mut denial.headers);
    let step = Step::Deny(denial);
    trace.refusal = Some(cause);
    Decision { step, trace }
}

/// Forwards the request without an identity, regardless of the policy.
fn exempt<'r>(config: &Config, mut trace: Trace<'r>, rule: RuleName) -> Decision<'r> {
    trace.exemption = Some(rule);
    let edits = config.claim_headers.strip(trace.headers);
    Decision { step: Step::Forward(Forward { edits, identity: None, other_issuers: Vec::new() }), trace }
}

fn document(config: &Config, headers: &HeaderMap) -> Option<MetadataDocument> {
    if config.resource_metadata.is_empty() {
        return None;
    }
    let (host, method) = (text(headers, ":authority")?, text(headers, ":method")?);
    config.resource_metadata.serve(host, method, text(headers, ":path")?)
}
