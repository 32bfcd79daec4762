//! Simulates one request against a configuration: the rules that apply, the token, and the decision.
//!
//! [`request::decide`] makes every decision. Unsigned claims are signed with a temporary key, which replaces the issuer's keys,
//! so that they are verified like any other token.

mod conditions;
mod credential;
mod difference;
mod less_specific;
mod published_keys;
mod result;
mod second_opinion;
mod signing;
mod simulator;
mod test_credential;
mod test_request;
mod token_values;
mod unread_tokens;
mod verdict;

pub use result::{
    AppliedRule, ConditionResult, Explanation, LessSpecific, SimulatedDecision, SimulationResult,
    TokenReport, VariantReport,
};
pub use second_opinion::SecondOpinion;
pub use simulator::Simulator;
pub use test_credential::TestCredential;
pub use test_request::TestRequest;
pub use verdict::Verdict;

use crate::inspect::{describe, spelling};
use jwt_guard::denial::Reason;
use jwt_guard::http::HeaderMap;
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::policy::{self, ConditionContext};
use jwt_guard::request::{
    self, AuthContext, EffectivePolicy, Request, Step, TokenFailure, TokenOutcome, ValuesOfRequest, Wait,
};
use jwt_guard::route::VariantClass;
use jwt_guard::token_cache::TokenCache;
use jwt_guard::token_source::{self, ExtractedToken, MalformedCredential, TokenSource};

impl Simulator<'_> {
    /// Simulates one request.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the request or the credential.
    pub fn run(
        &self,
        test_request: &TestRequest,
        credential: &TestCredential,
    ) -> Result<SimulationResult, String> {
        let (metadata, annotations) = (self.metadata(test_request)?, self.annotations(test_request));
        let bare = Request { headers: &test_request.headers(), metadata, annotations };
        let bare_policy = request::resolve_policy(self.config, &bare).ok();
        let places = bare_policy.as_ref().map(|policy| policy.token_sources.as_ref()).unwrap_or_default();
        let (headers, keys) =
            self.with_credentials(bare.headers.clone(), places, credential, test_request)?;
        let (metadata, annotations) = (bare.metadata.clone(), bare.annotations.clone());
        let request = Request { headers: &headers, metadata, annotations };
        let cache = TokenCache::new(0);
        let with = AuthContext {
            connection: test_request,
            revocations: &keys,
            ..AuthContext::new(self.config, &keys, &WasmVerifier, &cache, self.now, Wait::NotAllowed)
        };
        let decision = request::decide(&with, &request);

        // If the filter resolved no policy, such as with `enabled: false`, show the policy that would apply.
        let policy = decision.trace.policy.as_ref().or(bare_policy.as_ref());
        let reads_tokens = policy.is_some_and(reads_tokens);
        let own;
        let token = match &decision.trace.token {
            _ if !self.config.enabled || !reads_tokens => &TokenOutcome::NotRead,
            // Verify the token even if the decision does not depend on it.
            TokenOutcome::NotRead
            | TokenOutcome::Failed(TokenFailure::Malformed(MalformedCredential::LocationNotAllowed)) => {
                own = request::authenticate(&with, &headers, places, places).token;
                &own
            }
            read => read,
        };
        let report = self.report(token, &headers, places);
        let second_tokens = self.config.second_tokens.iter().enumerate().map(|(index, second)| {
            let judged = decision.trace.second_tokens.iter().find(|judged| judged.index.0 == index);
            let report = judged.map_or(TokenReport::NotRead, |judged| {
                self.report(&judged.outcome, &headers, &second.token_from)
            });
            (second.name.clone(), report)
        });
        let second_tokens: Vec<(String, TokenReport)> = second_tokens.collect();
        let identity = token.verified().map(|known| known.identity().as_ref());
        let values = policy.map(|policy| ValuesOfRequest { policy, headers: &headers });
        let context =
            values.as_ref().map(|values| request::evaluation_context(self.config, token, values, self.now));
        let path = test_request.path.as_bytes();
        let readings =
            jwt_guard::route::path_variants(path, self.config.routes.skipped()).unwrap_or_default();
        let readings = readings.into_iter().map(|(path, classes)| VariantReport {
            path,
            classes: classes.into_iter().map(VariantClass::name).collect(),
        });
        let readings: Vec<_> = readings.collect();
        let applied: Vec<_> = policy.into_iter().flat_map(|policy| policy.applied.iter()).collect();
        let applying: Vec<usize> = applied.iter().filter_map(|applied| applied.entry).collect();
        let as_sent = applied.iter().any(|applied| applied.variant.is_none() && applied.entry.is_some());
        let less_specific = match readings.first().filter(|_| as_sent) {
            Some(as_written) => less_specific::less_specific(
                self,
                (&test_request.host, &test_request.method, &as_written.path),
                &applying,
            ),
            None => Vec::new(),
        };
        Ok(SimulationResult {
            readings,
            rules: applied
                .iter()
                .enumerate()
                .map(|(requirement, applied)| {
                    let identity =
                        identity.zip(context.map(|of_request| ConditionContext { of_request, requirement }));
                    let mut rule = AppliedRule::evaluate(applied, self, identity, &report);
                    if let Some(of_request) = context {
                        let second = (decision.trace.second_tokens.as_slice(), second_tokens.as_slice());
                        rule.add_second_tokens(applied, self, second, of_request);
                    }
                    rule
                })
                .collect(),
            less_specific,
            unread_tokens: if reads_tokens {
                let second = self.config.second_tokens.iter().flat_map(|second| &second.token_from);
                let read: Vec<TokenSource> = places.iter().chain(second).cloned().collect();
                unread_tokens::unread_tokens(&read, bare.headers)
            } else {
                Vec::new()
            },
            token_from: describe::token_sources(places),
            token: report,
            second_tokens,
            would_deny: decision.would_deny().map(Explanation::from).collect(),
            decision: visible_decision(&decision, &headers)?,
        })
    }

    fn report(&self, outcome: &TokenOutcome<'_>, headers: &HeaderMap, places: &[TokenSource]) -> TokenReport {
        match outcome {
            TokenOutcome::NotRead => TokenReport::NotRead,
            TokenOutcome::Absent => TokenReport::Absent,
            TokenOutcome::Failed(failure) => {
                let cause = Explanation { reason: failure.reason(), detail: failure.to_string() };
                let found = match token_source::extract(places, headers) {
                    ExtractedToken::Token { token, .. } => {
                        token_values::invalid_value(cause.reason, &token, (self.config, self.tree), self.now)
                    }
                    ExtractedToken::Missing | ExtractedToken::Malformed(_) => None,
                };
                TokenReport::Invalid { cause, found }
            }
            TokenOutcome::Verified(known) => {
                let identity = known.identity();
                let issuer = self.config.issuers.get(identity.issuer().0);
                TokenReport::Valid {
                    issuer: issuer.map(|issuer| issuer.name.clone()).unwrap_or_default(),
                    has_revocation_list: issuer.is_some_and(|issuer| issuer.revocation_list.is_some()),
                    names: [
                        ("roles", identity.roles().to_vec()),
                        ("groups", identity.groups().to_vec()),
                        ("scopes", identity.scopes().to_vec()),
                    ],
                }
            }
        }
    }
}

/// Whether a requirement or a shadow uses a token.
fn reads_tokens(policy: &EffectivePolicy<'_>) -> bool {
    let mut requirements = policy.applied.iter().map(|applied| applied.requirement);
    requirements
        .any(|requirement| requirement.rule != policy::Rule::Anonymous || requirement.shadow.is_some())
}

/// Parses the name of a reason.
///
/// # Errors
/// A sentence with the similar name, or with all names.
pub fn parse_reason(name: &str) -> Result<Reason, String> {
    let names = || Reason::ALL.iter().map(|reason| reason.as_str());
    Reason::ALL.into_iter().find(|reason| reason.as_str() == name).ok_or_else(|| {
        match spelling::nearest(name, names()) {
            Some(meant) => format!("{name:?} is not a reason; did you mean {meant:?}?"),
            None => {
                format!(
                    "{name:?} is not a reason; expected one of {}",
                    names().collect::<Vec<_>>().join(", ")
                )
            }
        }
    })
}

fn visible_decision(
    decision: &request::Decision<'_>,
    headers: &HeaderMap,
) -> Result<SimulatedDecision, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match &decision.step {
        Step::Forward(forward) => {
            let upstream = forward.edits.apply(headers);
            let upstream = upstream.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
            let sent = |name: &str| headers.iter().any(|(sent, _)| sent == name);
            let edits: Vec<_> = forward.edits.iter().collect();
            let of = |keep: &dyn Fn(&str, bool) -> bool| -> Vec<String> {
                let kept = edits.iter().filter(|(name, values)| keep(name, values.is_empty()));
                kept.map(|(name, _)| (*name).to_owned()).collect()
            };
            let set = of(&|_, removed| !removed);
            let removed = of(&|name, removed| removed && sent(name));
            SimulatedDecision::Forward { upstream, set, removed }
        }
        Step::Deny(denial) => SimulatedDecision::Deny {
            status: denial.status,
            headers: denial
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            body: text(&denial.body),
            cause: decision
                .refusal()
                .map(Explanation::from)
                .ok_or("internal error: the request is denied without a reason")?,
        },
        Step::Serve(document) => SimulatedDecision::Serve { body: text(&document.body) },
        Step::Await(_) => {
            return Err(
                "internal error: the request waits for keys, which the simulation does not fetch".to_owned()
            );
        }
    })
}
