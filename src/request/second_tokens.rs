//! Second tokens: which of them a request needs, what each of them is, and where none may stand.

use super::authenticate::{AuthContext, authenticate};
use super::effective_policy::EffectivePolicy;
use super::request_values::{ValuesOfRequest, evaluation_context};
use super::token_outcome::{TokenFailure, TokenOutcome};
use crate::config::{Config, SecondToken};
use crate::headers::{ClaimHeaderTooLong, HeaderEdits, grpc_metadata, header_names_match};
use crate::http::HeaderMap;
use crate::keys::parked::Awaited;
use crate::policy::{Permit, Refusal, Requirements};
use crate::token_role::{SecondTokenIndex, TokenRole};
use crate::token_source::{self, ExtractedToken, MalformedCredential, TokenSource};

/// A second token that some requirement asks for.
#[derive(Debug)]
pub struct JudgedToken<'r> {
    /// The configured token.
    pub token: &'r SecondToken,
    /// Its index in the configuration.
    pub index: SecondTokenIndex,
    /// The outcome for the request's token.
    pub outcome: TokenOutcome<'r>,
    /// The index of the first requirement that requires the token.
    pub(super) asked_by: usize,
    permit: Option<Permit>,
}

/// Why a second token denies the request.
#[derive(Debug)]
pub enum SecondTokenFault<'r> {
    /// The credential is ambiguous.
    Credential(MalformedCredential),
    /// A requirement for the token is not met. The index is that of the requirement which has `requires_token`.
    Requirement(Refusal<'r>),
    /// A claim does not fit into its header.
    Oversize(ClaimHeaderTooLong),
}

/// Why the second tokens do not let the request pass.
#[derive(Debug)]
pub(super) enum Stop<'r> {
    /// The keys or the revocation list of one may still arrive.
    Await(Awaited),
    /// One of them denies the request.
    Refuse { token: &'r SecondToken, fault: SecondTokenFault<'r> },
}

/// Judges each second token that the requirements ask for, and adds it to `judged`, until one of them does not let the
/// request pass.
pub(super) fn judge<'r>(
    with: &AuthContext<'_, 'r>,
    headers: &HeaderMap,
    policy: &EffectivePolicy<'_>,
    requirements: &Requirements<'r>,
    judged: &mut Vec<JudgedToken<'r>>,
) -> Result<(), Stop<'r>> {
    let mut others = Vec::new();
    for (index, token) in with.config.second_tokens.iter().enumerate() {
        let index = SecondTokenIndex(index);
        let Some((asked_by, requirements)) = requirements.of_second_token(index) else { continue };
        if others.is_empty() {
            others.push(token_source::extract(&policy.token_sources, headers));
        }
        let own = token_source::extract(&token.token_from, headers);
        let outcome = match others.iter().any(|other| is_same(other, &own)) {
            true => TokenOutcome::Failed(TokenFailure::Malformed(MalformedCredential::SameToken)),
            false => {
                let with = AuthContext { role: TokenRole::Second(index), ..*with };
                authenticate(&with, headers, &token.token_from, &token.token_from).token
            }
        };
        others.push(own);
        let values = ValuesOfRequest { policy, headers };
        let context = evaluation_context(with.config, &outcome, &values, with.now);
        let permit = requirements.evaluate(outcome.credential(), &context);
        let malformed = outcome.failure().and_then(TokenFailure::malformed);
        let awaited = outcome.failure().and_then(TokenFailure::awaited);
        let first = asked_by.first().copied().unwrap_or_default();
        judged.push(JudgedToken { token, index, outcome, asked_by: first, permit: None });
        if let Some(awaited) = awaited {
            return Err(Stop::Await(awaited));
        }
        if let Some(malformed) = malformed {
            return Err(refused(token, SecondTokenFault::Credential(malformed)));
        }
        let permit = permit.map_err(|refusal| {
            let requirement = asked_by.get(refusal.requirement).copied().unwrap_or_default();
            refused(token, SecondTokenFault::Requirement(Refusal { requirement, ..refusal }))
        })?;
        if let Some(judged) = judged.last_mut() {
            judged.permit = Some(permit);
        }
    }
    Ok(())
}

fn refused<'r>(token: &'r SecondToken, fault: SecondTokenFault<'r>) -> Stop<'r> {
    Stop::Refuse { token, fault }
}

/// Whether both are the same token. Its signature is not compared: for some algorithms, anyone can turn a signature into
/// another valid one of the same token.
fn is_same(one: &ExtractedToken<'_>, other: &ExtractedToken<'_>) -> bool {
    fn signed<'t>(extracted: &'t ExtractedToken<'_>) -> Option<&'t [u8]> {
        let ExtractedToken::Token { token, .. } = extracted else { return None };
        let dot = token.iter().rposition(|byte| *byte == b'.').unwrap_or(token.len());
        token.get(..dot)
    }
    signed(one).is_some() && signed(one) == signed(other)
}

/// Adds the claim headers of the second tokens to the edits.
pub(super) fn add_claim_headers<'r>(
    config: &Config,
    judged: &[JudgedToken<'r>],
    edits: &mut HeaderEdits,
) -> Result<(), (&'r SecondToken, SecondTokenFault<'r>)> {
    for JudgedToken { token, outcome, permit, .. } in judged {
        if let (Some(permit), Some(cached)) = (permit, outcome.verified()) {
            let (headers, limit) = (cached.encoded_headers(), config.max_claim_header_bytes);
            let added = config.claim_headers.add_encoded(edits, permit, headers, limit);
            added.map_err(|oversize| (*token, SecondTokenFault::Oversize(oversize)))?;
        }
    }
    Ok(())
}

/// Removes each second token from its place, unless it is valid and the upstream gets it. An upstream would otherwise
/// read a token that no requirement has judged.
pub(super) fn remove_places(
    config: &Config,
    headers: &HeaderMap,
    judged: &[JudgedToken<'_>],
    edits: &mut HeaderEdits,
) {
    for (index, token) in config.second_tokens.iter().enumerate() {
        let mut judged = judged.iter().filter(|judged| judged.index.0 == index);
        let is_valid = judged.any(|judged| judged.outcome.verified().is_some());
        remove_place(&token.token_from, headers, token.forward_token && is_valid, edits);
    }
}

/// Whether something stands in the place of a second token.
pub(super) fn are_present(config: &Config, headers: &HeaderMap) -> bool {
    let mut edits = HeaderEdits::new();
    remove_places(config, headers, &[], &mut edits);
    !edits.is_empty()
}

/// Removes everything that some upstreams may take for a token of these sources. With `forward_token`, headers and
/// cookies with the token stay.
fn remove_place(
    token_sources: &[TokenSource],
    headers: &HeaderMap,
    forward_token: bool,
    edits: &mut HeaderEdits,
) {
    let is_place = |name: &str| {
        token_sources.iter().any(|source| {
            let Some((own, _)) = source.header() else { return false };
            let is_own = !matches!(source, TokenSource::Cookie { .. }) && header_names_match(name, own);
            let is_kept = forward_token && name == own;
            let is_metadata = || grpc_metadata(name).is_some_and(|name| header_names_match(name, own));
            !is_kept && (is_own || is_metadata())
        })
    };
    for name in headers.names().filter(|name| !name.starts_with(':') && is_place(name)) {
        edits.remove(name);
    }
    let is_part =
        |source: &&TokenSource| matches!(source, TokenSource::Cookie { .. } | TokenSource::Query { .. });
    let parts: Vec<TokenSource> = token_sources.iter().filter(is_part).cloned().collect();
    if !parts.is_empty() {
        // The first token may have been removed from the same header.
        let current: HeaderMap = edits.apply(headers).into_iter().collect();
        for (name, values) in token_source::strip(&parts, &current, forward_token) {
            edits.set(name, values);
        }
    }
}
