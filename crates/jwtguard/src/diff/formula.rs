//! What a requirement demands of a valid token, as a formula over facts, and the proof that one formula implies another.
//!
//! The formulas have no negation. So it is enough to look at each way to meet the first formula, a set of facts, and to
//! evaluate the second one with everything that follows from these facts.

use super::atom::{Atom, ClaimFact, RequestPart};
use jwt_guard::jose::pointer::Pointer;
use jwt_guard::policy::{
    AnyAll, ClaimCondition, ClaimTest, Condition, Conditions, IssuerOrAudience, NonEmpty, RequestValue,
};

/// The greatest number of ways to meet a formula that are looked at. More are not decided.
const MAX_TERMS: usize = 4096;

/// What a requirement demands of a valid token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Formula {
    /// One fact.
    Fact(Atom),
    /// Each of these; without any, every valid token.
    All(Vec<Formula>),
    /// At least one of these; without any, no token.
    Any(Vec<Formula>),
}

/// One way to meet a formula: these facts.
pub(super) type Term = Vec<Atom>;

/// An issuer that can sign the token: its `iss` and its audiences. Each valid token has one issuer, and at least one audience
/// of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct IssuerFacts {
    pub iss: String,
    pub audiences: Vec<String>,
}

/// The values that the conditions of one requirement refer to.
pub(super) struct Scope<'s> {
    /// The `iss` of each configured issuer.
    pub issuers: &'s [IssuerFacts],
    /// The value of a parameter of the path.
    pub segment: &'s dyn Fn(&str) -> Option<String>,
}

impl Formula {
    /// Every valid token.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// No token.
    pub fn never() -> Self {
        Self::Any(Vec::new())
    }

    pub fn of_conditions(Conditions(conditions): &Conditions, scope: &Scope<'_>) -> Self {
        Self::All(conditions.iter().map(|condition| Self::of(condition, scope)).collect())
    }

    fn of(condition: &Condition, scope: &Scope<'_>) -> Self {
        match condition {
            Condition::IssuerOrAudience(restriction) => Self::of_restriction(restriction, scope),
            Condition::Role(names) => any_all(names, |name| Self::Fact(Atom::Role(name.clone()))),
            Condition::Group(names) => any_all(names, |name| Self::Fact(Atom::Group(name.clone()))),
            Condition::Scope(names) => any_all(names, |name| Self::Fact(Atom::Scope(name.clone()))),
            Condition::Claim(claim) => of_claim(claim, scope),
            Condition::StepUp(step_up) => {
                let acr = step_up.acr.iter().map(|acr| Self::Fact(Atom::Acr(acr.clone())));
                let acr = (!step_up.acr.is_empty()).then(|| Self::Any(acr.collect()));
                let age = step_up.max_age.map(|age| Self::Fact(Atom::MaxAge(age)));
                Self::All(acr.into_iter().chain(age).collect())
            }
            Condition::AnyOf(alternatives) => {
                Self::Any(alternatives.iter().map(|one| Self::of_conditions(one, scope)).collect())
            }
        }
    }

    pub fn of_restriction(restriction: &IssuerOrAudience, scope: &Scope<'_>) -> Self {
        match restriction {
            IssuerOrAudience::Issuer(issuers) => any(issuers, |issuer| match scope.issuers.get(issuer.0) {
                Some(issuer) => Self::Fact(Atom::Issuer(issuer.iss.clone())),
                None => Self::never(),
            }),
            IssuerOrAudience::Audience(audiences) => {
                any(audiences, |audience| Self::Fact(Atom::Audience(audience.clone())))
            }
        }
    }

    /// Whether each token of these issuers that meets this formula also meets the other one. `false` if that is not the case
    /// or not decided.
    pub fn implies(&self, other: &Self, issuers: &[IssuerFacts]) -> bool {
        let Some(terms) = self.terms() else { return false };
        let cases = |term: &Term| match other.names_issuers() || term.iter().any(names_issuer) {
            true => by_issuer(term, issuers),
            false => vec![term.clone()],
        };
        terms.iter().flat_map(cases).all(|term| is_impossible(&term) || other.holds(&term))
    }

    /// The ways to meet the formula that some token can meet. `None` if there are too many.
    pub fn terms(&self) -> Option<Vec<Term>> {
        let terms = match self {
            Self::Fact(atom) => vec![vec![atom.clone()]],
            Self::Any(formulas) => {
                let mut terms = Vec::new();
                for formula in formulas {
                    terms.extend(formula.terms()?);
                    if terms.len() > MAX_TERMS {
                        return None;
                    }
                }
                terms
            }
            Self::All(formulas) => {
                let mut terms: Vec<Term> = vec![Vec::new()];
                for formula in formulas {
                    let others = formula.terms()?;
                    if terms.len().saturating_mul(others.len()) > MAX_TERMS {
                        return None;
                    }
                    terms =
                        terms.iter().flat_map(|term| others.iter().map(|other| both(term, other))).collect();
                    terms.retain(|term| !is_impossible(term));
                }
                terms
            }
        };
        Some(terms)
    }

    /// Whether the formula holds for every token with these facts.
    pub fn holds(&self, facts: &Term) -> bool {
        match self {
            Self::Fact(atom) => facts.iter().any(|fact| fact.implies(atom)),
            Self::All(formulas) => formulas.iter().all(|formula| formula.holds(facts)),
            Self::Any(formulas) => formulas.iter().any(|formula| formula.holds(facts)),
        }
    }

    fn names_issuers(&self) -> bool {
        self.atoms().into_iter().any(names_issuer)
    }

    /// The facts that the formula names.
    pub fn atoms(&self) -> Vec<&Atom> {
        match self {
            Self::Fact(atom) => vec![atom],
            Self::All(formulas) | Self::Any(formulas) => formulas.iter().flat_map(Self::atoms).collect(),
        }
    }
}

fn names_issuer(atom: &Atom) -> bool {
    matches!(atom, Atom::Issuer(_) | Atom::Audience(_))
}

fn both(one: &Term, other: &Term) -> Term {
    let mut term = one.clone();
    term.extend(other.iter().filter(|atom| !one.contains(atom)).cloned());
    term
}

/// Whether no token has all these facts.
fn is_impossible(term: &Term) -> bool {
    term.iter().enumerate().any(|(index, atom)| term.iter().skip(index + 1).any(|other| atom.excludes(other)))
}

/// The facts for each issuer and audience that a token with these facts can have.
fn by_issuer(term: &Term, issuers: &[IssuerFacts]) -> Vec<Term> {
    let mut cases = Vec::new();
    for issuer in issuers {
        let foreign = |atom: &Atom| match atom {
            Atom::Issuer(iss) => *iss != issuer.iss,
            Atom::Audience(audience) => !issuer.audiences.contains(audience),
            _ => false,
        };
        if term.iter().any(foreign) {
            continue;
        }
        for audience in &issuer.audiences {
            cases.push(both(term, &vec![Atom::Issuer(issuer.iss.clone()), Atom::Audience(audience.clone())]));
        }
    }
    cases
}

fn any<T>(values: &NonEmpty<T>, make: impl Fn(&T) -> Formula) -> Formula {
    Formula::Any(values.iter().map(make).collect())
}

fn any_all<T>(values: &AnyAll<T>, make: impl Fn(&T) -> Formula) -> Formula {
    match values {
        AnyAll::Any(values) => any(values, make),
        AnyAll::All(values) => Formula::All(values.iter().map(make).collect()),
    }
}

fn of_claim(claim: &ClaimCondition, scope: &Scope<'_>) -> Formula {
    let name = claim_name(&claim.pointer);
    let fact = |fact: ClaimFact| Formula::Fact(Atom::Claim(name.clone(), fact));
    match &claim.test {
        ClaimTest::Values(values) => any_all(values, |value| fact(ClaimFact::Has(value.clone()))),
        ClaimTest::NoneOf(values) => {
            Formula::All(values.iter().map(|value| fact(ClaimFact::HasNot(value.clone()))).collect())
        }
        ClaimTest::StartsWith(texts) => any(texts, |text| fact(ClaimFact::StartsWith(text.clone()))),
        ClaimTest::EndsWith(texts) => any(texts, |text| fact(ClaimFact::EndsWith(text.clone()))),
        ClaimTest::Within(range) => {
            let least = range.at_least.clone().map(|least| fact(ClaimFact::AtLeast(least)));
            let most = range.at_most.clone().map(|most| fact(ClaimFact::AtMost(most)));
            Formula::All(least.into_iter().chain(most).collect())
        }
        ClaimTest::Equals(value) => {
            let part = match value {
                RequestValue::Path(name) => (scope.segment)(name).map(RequestPart::Segment),
                RequestValue::Host(_) => Some(RequestPart::HostLabel),
                RequestValue::Header(name) => Some(RequestPart::Header(name.clone())),
            };
            part.map_or(Formula::never(), |part| fact(ClaimFact::Equals(part)))
        }
        ClaimTest::Present => fact(ClaimFact::Present),
    }
}

/// The claim's name. `/sub` and `sub` are the same claim.
fn claim_name(pointer: &Pointer) -> String {
    let text = pointer.as_str();
    match text.strip_prefix('/') {
        Some(name) if !name.contains(['/', '~']) => name.to_owned(),
        _ => text.to_owned(),
    }
}
