//! A request that one of two policies lets pass and the other one refuses.
//!
//! The candidates come from the formulas. The simulation decides each candidate under both policies, so that a witness is
//! real whatever the formulas say.

mod claims;
mod of_keys;

use serde_json::{Map, Value};

use super::Region;
use super::demand::{Change, Conditions, Demand, Passage, TokenDemand};
use super::effect::Outcome;
use super::side::Side;
use crate::inspect::simulation::{SimulatedDecision, Simulator, TestCredential, TestRequest};
use claims::{Claims, Pick};
use jwt_guard::time::UnixTime;

/// The greatest number of requests that are tried for one change.
const MAX_CANDIDATES: usize = 64;

/// A request that shows a change, and the answer of each policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Witness {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The host.
    pub host: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The token.
    pub token: Token,
    /// The claims of second tokens, by name.
    pub second_tokens: Vec<(String, Map<String, Value>)>,
    /// The time of the request, in seconds since 1970.
    pub now: u64,
    /// The answer of the old policy: `passes`, or the status and the reason.
    pub old: String,
    /// The answer of the new policy.
    pub new: String,
}

/// The token of a witness.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// No token.
    None,
    /// A token with these claims, and the claims that every token needs.
    Claims(Map<String, Value>),
}

/// A request to try.
#[derive(Debug, Clone)]
struct Candidate {
    headers: Vec<(String, String)>,
    token: Token,
    second_tokens: Vec<(String, Map<String, Value>)>,
}

/// Searches for requests.
pub(super) struct Witnesses<'s> {
    old: &'s Side,
    new: &'s Side,
    simulators: [Simulator<'s>; 2],
    now: UnixTime,
}

impl Candidate {
    fn new(token: Token) -> Self {
        Self { headers: Vec::new(), token, second_tokens: Vec::new() }
    }
}

impl<'s> Witnesses<'s> {
    pub fn new(old: &'s Side, new: &'s Side, now: UnixTime) -> Self {
        // `explain --now` takes whole seconds.
        let now = UnixTime::from_secs(now.as_millis() / 1000);
        let simulators = [old, new].map(|side| Simulator::new(&side.config, &side.tree, now));
        Self { old, new, simulators, now }
    }

    /// A request of the region that only one policy lets pass: the new one if the region is weaker, the old one if it is
    /// stricter.
    pub fn of_region(&self, region: &Region, outcome: &Outcome) -> Option<Witness> {
        let (passing, refusing, side) = match outcome.change() {
            Change::Weaker => (&outcome.new, &outcome.old, self.new),
            Change::Stricter => (&outcome.old, &outcome.new, self.old),
            Change::Other => return None,
        };
        let candidates = match (passing, refusing) {
            (Demand::Conditions(passing), Demand::Conditions(refusing)) => {
                self.candidates(passing, refusing, side, &region.sample[0])
            }
            _ => vec![Candidate::new(Token::None), Candidate::new(Token::Claims(Map::new()))],
        };
        candidates
            .into_iter()
            .take(MAX_CANDIDATES)
            .find_map(|candidate| self.tried(&region.sample, candidate, outcome.change()))
    }

    fn candidates(
        &self,
        passing: &Conditions,
        refusing: &Conditions,
        side: &Side,
        host: &str,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        let second = self.second_tokens(passing, refusing, side, host);
        if passing.token.without_token == Passage::Passes {
            for second_tokens in &second {
                candidates
                    .push(Candidate { second_tokens: second_tokens.clone(), ..Candidate::new(Token::None) });
            }
        }
        if passing.token.with_invalid_token == Passage::Passes {
            let expired = [("exp".to_owned(), Value::from(1))].into_iter().collect();
            candidates.push(Candidate::new(Token::Claims(expired)));
        }
        if passing.token.with_ambiguous_token == Passage::Passes {
            let headers = vec![("authorization".to_owned(), "Bearer".to_owned())];
            candidates.push(Candidate { headers, ..Candidate::new(Token::None) });
        }
        let mut claims = self.claims(&passing.token, &refusing.token, side, host);
        if claims.is_empty() {
            // Only the second tokens differ.
            let terms = passing.token.of_valid_token.terms().unwrap_or_default();
            let first = terms.first().map(|term| Claims::of(term, side, host, self.now, Pick::Least));
            claims.extend(first);
        }
        for claims in claims {
            for second_tokens in &second {
                let Claims { members, headers, .. } = claims.clone();
                let second_tokens = second_tokens.clone();
                let candidate = Candidate::new(Token::Claims(members));
                candidates.push(Candidate { headers, second_tokens, ..candidate });
            }
        }
        candidates
    }

    /// Claims of tokens that meet one demand, and probably not the other one.
    fn claims(&self, passing: &TokenDemand, refusing: &TokenDemand, side: &Side, host: &str) -> Vec<Claims> {
        let terms = passing.of_valid_token.terms().unwrap_or_default();
        let refused = refusing.of_valid_token.atoms();
        let mut found: Vec<Claims> = Vec::new();
        for term in terms.iter().filter(|term| !refusing.of_valid_token.holds(term)).take(MAX_CANDIDATES / 4)
        {
            for pick in [Pick::Least, Pick::Greatest] {
                let claims = Claims::of(term, side, host, self.now, pick);
                let spoiled: Vec<Claims> = refused.iter().filter_map(|atom| claims.violating(atom)).collect();
                for claims in std::iter::once(claims).chain(spoiled) {
                    if !found.contains(&claims) {
                        found.push(claims);
                    }
                }
            }
        }
        found
    }

    /// Claims of the second tokens that one policy asks for.
    fn second_tokens(
        &self,
        passing: &Conditions,
        refusing: &Conditions,
        side: &Side,
        host: &str,
    ) -> Vec<Vec<(String, Map<String, Value>)>> {
        let mut found: Vec<Vec<(String, Map<String, Value>)>> = vec![Vec::new()];
        for (name, demand) in &passing.second {
            let claims = match refusing.second.get(name) {
                Some(refusing) => self.claims(demand, refusing, side, host),
                None => Vec::new(),
            };
            let terms = demand.of_valid_token.terms().unwrap_or_default();
            let any = terms.first().map(|term| Claims::of(term, side, host, self.now, Pick::Least));
            let issuer = side.config.second_tokens.iter().find(|token| token.name == *name);
            let issuer = issuer.and_then(|token| side.config.issuers.get(token.issuers.first()?.0));
            let claims = claims.into_iter().chain(any).take(4).map(|claims| {
                let mut members = claims.members;
                if let Some(issuer) = issuer.filter(|issuer| issuer.rules.tenants.is_none()) {
                    members.entry("iss").or_insert_with(|| issuer.rules.iss.clone().into());
                }
                members
            });
            let claims: Vec<_> = claims.collect();
            found = found
                .iter()
                .flat_map(|known| {
                    claims
                        .iter()
                        .map(move |claims| [known.as_slice(), &[(name.clone(), claims.clone())]].concat())
                })
                .collect();
        }
        found
    }

    /// The candidate with both answers, if only the policy that the change favors lets it pass.
    fn tried(
        &self,
        [host, method, path]: &[String; 3],
        candidate: Candidate,
        change: Change,
    ) -> Option<Witness> {
        let Candidate { headers, token, second_tokens } = candidate;
        let second = second_tokens.iter().map(|(name, claims)| {
            (name.clone(), TestCredential::Claims { claims: claims.clone(), header: None })
        });
        let request = TestRequest {
            method: method.clone(),
            path: path.clone(),
            host: host.clone(),
            headers: headers.clone(),
            client_certificate: None,
            dpop: false,
            route_metadata: None,
            route_annotation: None,
            gateway_annotation: None,
            second_tokens: second.collect(),
        };
        let credential = match &token {
            Token::None => TestCredential::None,
            Token::Claims(claims) => TestCredential::Claims { claims: claims.clone(), header: None },
        };
        let [old, new] = &self.simulators;
        let [refusing, passing] = match change {
            Change::Stricter => [new, old],
            Change::Weaker | Change::Other => [old, new],
        };
        let refusal = answer(refusing, &request, &credential)?;
        let passed = answer(passing, &request, &credential)?;
        if refusal == PASSES || passed != PASSES {
            return None;
        }
        let (old, new) = match change {
            Change::Stricter => (passed, refusal),
            Change::Weaker | Change::Other => (refusal, passed),
        };
        let now = self.now.as_millis() / 1000;
        let (method, path, host) = (method.clone(), path.clone(), host.clone());
        Some(Witness { method, path, host, headers, token, second_tokens, now, old, new })
    }
}

/// The answer to a request that passes.
const PASSES: &str = "passes";

/// The answer of one policy. `None` if the request is not decided by the policy.
fn answer(simulator: &Simulator<'_>, request: &TestRequest, credential: &TestCredential) -> Option<String> {
    match simulator.run(request, credential).ok()?.decision {
        SimulatedDecision::Forward { .. } => Some(PASSES.to_owned()),
        SimulatedDecision::Deny { status, cause, .. } => Some(format!("{status} {}", cause.reason.as_str())),
        SimulatedDecision::Serve { .. } => None,
    }
}
