//! What a policy demands of the requests of one region, and the comparison of two demands.

use std::collections::BTreeMap;

use super::formula::{Formula, IssuerFacts, Scope};
use crate::inspect::describe;
use jwt_guard::config::Config;
use jwt_guard::policy::{Requirement, Rule};
use jwt_guard::request::{AppliedRequirement, EffectivePolicy};
use jwt_guard::token_role::{SecondTokenIndex, TokenRole};
use jwt_guard::token_source::TokenSource;

/// What a policy demands of the requests of one region.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// The filter refuses the requests before it looks for a requirement.
    Refused,
    /// All of these conditions.
    Conditions(Box<Conditions>),
}

/// The conditions of one region, of all requirements that apply there.
#[derive(Debug, Clone)]
pub(super) struct Conditions {
    /// Of the first token.
    pub token: TokenDemand,
    /// Of second tokens, by name.
    pub second: BTreeMap<String, TokenDemand>,
    /// The requirements in words, without shadows.
    pub words: String,
    /// The shadows in words.
    shadows: Vec<String>,
    /// The token sources of the routes, if a route has its own: those that are read, and those that are accepted.
    sources: Option<(Vec<TokenSource>, Vec<TokenSource>)>,
    forward_token: bool,
}

/// What is demanded of one token.
#[derive(Debug, Clone)]
pub(super) struct TokenDemand {
    pub denies: bool,
    pub without_token: Passage,
    pub with_invalid_token: Passage,
    /// A request whose credential is not exactly one token, such as one with two tokens.
    pub with_ambiguous_token: Passage,
    /// What a valid token has to meet.
    pub of_valid_token: Formula,
    /// The issuers whose tokens count.
    pub issuers: Vec<IssuerFacts>,
}

/// Whether a request passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Passage {
    Refused,
    Passes,
}

/// The result of a comparison of two demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// Some request passes now that did not pass, or the tool cannot prove that there is none.
    Weaker,
    /// No request passes that did not pass, and the tool cannot prove that each one that passed still passes.
    Stricter,
    /// The same requests pass, and something else differs.
    Other,
}

/// The change of a region, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Verdict {
    pub change: Change,
    pub reason: Reason,
}

/// Why a region changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The new requirement follows from the old one, or the old one from the new one.
    Implication,
    /// Neither requirement could be proven to follow from the other one.
    Unproven,
    /// The token sources of a route differ.
    TokenSources,
    /// Only a shadow differs.
    Shadow,
    /// Only `forward_token` of a route differs.
    ForwardToken,
}

impl Reason {
    /// The reason as a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Implication => "one requirement follows from the other one",
            Self::Unproven => "the new requirement cannot be proven equal or stricter",
            Self::TokenSources => {
                "token_from differs: a token in a place that is no longer read is neither judged nor removed"
            }
            Self::Shadow => "only the shadow differs",
            Self::ForwardToken => "only forward_token differs",
        }
    }

    /// The reason as one word, for `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Implication => "implication",
            Self::Unproven => "unproven",
            Self::TokenSources => "token_from",
            Self::Shadow => "shadow",
            Self::ForwardToken => "forward_token",
        }
    }
}

impl Change {
    /// The change as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weaker => "weaker",
            Self::Stricter => "stricter",
            Self::Other => "other",
        }
    }
}

impl Demand {
    /// What the requirements demand that the core found for a request of the region.
    pub fn of(policy: &EffectivePolicy<'_>, config: &Config) -> Self {
        let names = &config.names;
        let applied: Vec<&AppliedRequirement<'_>> = policy.applied.iter().collect();
        let parts: Vec<_> = applied.iter().map(|applied| (applied.requirement, *applied)).collect();
        let mut second = BTreeMap::new();
        for (index, token) in config.second_tokens.iter().enumerate() {
            let index = SecondTokenIndex(index);
            let asked = applied.iter().flat_map(|applied| {
                let tokens = applied.requirement.tokens.iter().filter(move |(own, _)| *own == index);
                tokens.map(|(_, requirement)| (requirement, *applied))
            });
            let asked: Vec<_> = asked.collect();
            if !asked.is_empty() {
                second.insert(token.name.clone(), TokenDemand::of(&asked, config, TokenRole::Second(index)));
            }
        }
        let words = |requirement: &Requirement| describe::requirement(requirement, names);
        let without_shadow =
            |requirement: &Requirement| words(&Requirement { shadow: None, ..requirement.clone() });
        let shadows = applied.iter().filter_map(|applied| applied.requirement.shadow.as_deref());
        let has_own_sources = applied.iter().any(|applied| {
            let entry = applied.entry.and_then(|entry| config.routes.entries().get(entry));
            entry.is_some_and(|entry| entry.rule.token_from.is_some())
        });
        let sources = || (sorted(&policy.token_sources), sorted(&policy.accepted_token_sources));
        Self::Conditions(Box::new(Conditions {
            token: TokenDemand::of(&parts, config, TokenRole::First),
            second,
            words: each_once(applied.iter().map(|applied| without_shadow(applied.requirement)))
                .join("; and "),
            shadows: each_once(shadows.map(words)),
            sources: has_own_sources.then(sources),
            forward_token: policy.forward_token,
        }))
    }

    /// The requirements in words.
    pub fn words(&self) -> &str {
        match self {
            Self::Refused => "no request: the filter answers 400, because the path or the host is ambiguous",
            Self::Conditions(conditions) => &conditions.words,
        }
    }

    /// How the new demand differs from the old one; `None` if it does not.
    pub fn change(old: &Self, new: &Self, global_sources: [&[TokenSource]; 2]) -> Option<Verdict> {
        let verdict = |change, reason| Some(Verdict { change, reason });
        let (old, new) = match (old, new) {
            (Self::Refused, Self::Refused) => return None,
            (Self::Refused, Self::Conditions(_)) => return verdict(Change::Weaker, Reason::Implication),
            (Self::Conditions(_), Self::Refused) => return verdict(Change::Stricter, Reason::Implication),
            (Self::Conditions(old), Self::Conditions(new)) => (old, new),
        };
        let is_as_strict = new.implies(old);
        let is_as_weak = old.implies(new);
        if !is_as_strict {
            let reason = if is_as_weak { Reason::Implication } else { Reason::Unproven };
            return verdict(Change::Weaker, reason);
        }
        if old.reads_token() && new.reads_token() && sources_differ(old, new, global_sources) {
            return verdict(Change::Weaker, Reason::TokenSources);
        }
        if !is_as_weak {
            return verdict(Change::Stricter, Reason::Implication);
        }
        if old.shadows != new.shadows {
            return verdict(Change::Other, Reason::Shadow);
        }
        if old.forward_token != new.forward_token && (old.sources.is_some() || new.sources.is_some()) {
            return verdict(Change::Other, Reason::ForwardToken);
        }
        None
    }
}

/// Whether the token sources differ, other than by the global `token_from`, which is compared as a key of its own.
fn sources_differ(old: &Conditions, new: &Conditions, [old_global, new_global]: [&[TokenSource]; 2]) -> bool {
    if old.sources.is_none() && new.sources.is_none() {
        return false;
    }
    let of = |conditions: &Conditions, global: &[TokenSource]| {
        conditions.sources.clone().unwrap_or_else(|| (sorted(global), sorted(global)))
    };
    of(old, old_global) != of(new, new_global)
}

fn sorted(sources: &[TokenSource]) -> Vec<TokenSource> {
    let mut sources = sources.to_vec();
    sources.sort_by_cached_key(|source| format!("{source:?}"));
    sources
}

fn each_once(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for word in words {
        if !once.contains(&word) {
            once.push(word);
        }
    }
    once
}

impl Conditions {
    /// Whether each request that meets these conditions meets the other ones.
    fn implies(&self, other: &Self) -> bool {
        let second = |(name, demand): (&String, &TokenDemand)| {
            self.token.denies || self.second.get(name).is_some_and(|own| own.implies(demand))
        };
        self.token.implies(&other.token) && other.second.iter().all(second)
    }

    fn reads_token(&self) -> bool {
        self.token.with_ambiguous_token == Passage::Refused && !self.token.denies
    }
}

impl TokenDemand {
    fn of(parts: &[(&Requirement, &AppliedRequirement<'_>)], config: &Config, role: TokenRole) -> Self {
        let all = issuers(config);
        let mut demand = Self {
            denies: false,
            without_token: Passage::Passes,
            with_invalid_token: Passage::Passes,
            with_ambiguous_token: Passage::Passes,
            of_valid_token: Formula::always(),
            issuers: counted(config, role, &all),
        };
        let mut formulas = Vec::new();
        for (requirement, applied) in parts {
            let segment = |name: &str| {
                let parameters = applied.parameters.as_ref()?;
                parameters.value(name).map(|value| value.into_owned())
            };
            let scope = Scope { issuers: &all, segment: &segment };
            if requirement.rule != Rule::Anonymous {
                demand.with_ambiguous_token = Passage::Refused;
            }
            match &requirement.rule {
                Rule::Anonymous | Rule::AllowMissingOrFailed => {}
                Rule::Deny => {
                    demand.denies = true;
                    demand.without_token = Passage::Refused;
                    demand.with_invalid_token = Passage::Refused;
                    formulas.push(Formula::never());
                }
                Rule::AllowMissing(restrictions) => {
                    demand.with_invalid_token = Passage::Refused;
                    let restrictions = restrictions.iter();
                    formulas.extend(restrictions.map(|one| Formula::of_restriction(one, &scope)));
                }
                Rule::Authenticated(conditions) => {
                    demand.without_token = Passage::Refused;
                    demand.with_invalid_token = Passage::Refused;
                    formulas.push(Formula::of_conditions(conditions, &scope));
                }
            }
        }
        demand.of_valid_token = Formula::All(formulas);
        demand
    }

    /// Whether each credential that meets this demand meets the other one.
    fn implies(&self, other: &Self) -> bool {
        self.without_token <= other.without_token
            && self.with_invalid_token <= other.with_invalid_token
            && self.with_ambiguous_token <= other.with_ambiguous_token
            && self.of_valid_token.implies(&other.of_valid_token, &self.issuers)
    }
}

/// The configured issuers, in their order.
fn issuers(config: &Config) -> Vec<IssuerFacts> {
    let facts = config.issuers.iter().map(|issuer| IssuerFacts {
        iss: issuer.rules.iss.clone(),
        audiences: issuer.rules.audiences.clone(),
    });
    facts.collect()
}

/// The issuers whose tokens count as the first token, or as this second token.
fn counted(config: &Config, role: TokenRole, all: &[IssuerFacts]) -> Vec<IssuerFacts> {
    let counts = |index: usize| match role {
        TokenRole::First => config.issuers.get(index).is_some_and(|issuer| issuer.first_token),
        TokenRole::Second(second) => {
            let second = config.second_tokens.get(second.0);
            second.is_some_and(|second| second.issuers.iter().any(|issuer| issuer.0 == index))
        }
    };
    let issuers = all.iter().enumerate().filter(|(index, _)| counts(*index));
    issuers.map(|(_, issuer)| issuer.clone()).collect()
}
