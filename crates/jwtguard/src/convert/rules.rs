//! The rules of a chain of filters: which requirement `jwt_authn` has for a request, and what RBAC asks.

use std::collections::BTreeSet;

use super::claim_test::{ClaimTest, Condition, NameKind, Precision, TextTest, ValueTest};
use super::expression::{Expression, RequestTest};
use super::node::Node;
use super::notes::{Effect, Place};
use super::requirement::{Alternative, Requirement, TooMany};

/// The rules of a chain of filters.
#[derive(Debug, Default)]
pub struct Rules {
    /// The rules of `jwt_authn`: the first one whose condition holds decides. Without one, no token is read.
    pub jwt: Vec<JwtRule>,
    /// What RBAC filters before `jwt_authn` ask. They see no claims.
    pub before: Vec<Authorization>,
    /// What RBAC filters after `jwt_authn` ask.
    pub after: Vec<Authorization>,
    /// Where each test of the request stands, and what it is.
    pub tests: Vec<DescribedTest>,
    /// The number of issuers.
    pub issuers: usize,
}

/// A rule of `jwt_authn`.
#[derive(Debug)]
pub struct JwtRule {
    /// The requests.
    pub condition: Expression,
    /// The tokens.
    pub need: Need,
    /// The rule in comments.
    pub origin: Origin,
}

/// What a filter asks, and the policies that take part.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The condition on which requests pass.
    pub condition: Expression,
    /// The policies: where each applies, and its name in comments.
    pub policies: Vec<(Expression, Origin)>,
}

/// A rule or a policy of the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Where it stands.
    pub place: Place,
    /// Its name, such as `rules[1]` or `policy admins`.
    pub label: String,
}

/// A test of the request, for notes.
#[derive(Debug)]
pub struct DescribedTest {
    /// The test.
    pub test: RequestTest,
    /// Where it stands.
    pub place: Place,
    /// What it is, in a sentence such as "jwt-guard does not read …".
    pub text: String,
}

/// The tokens that a rule of `jwt_authn` requires.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// The providers whose tokens pass.
    pub providers: Vec<ProviderNeed>,
    /// What becomes of a request without a valid token.
    pub otherwise: Otherwise,
}

/// Tokens of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderNeed {
    /// The position of its issuer.
    pub issuer: usize,
    /// The `iss` of its tokens.
    pub iss: String,
    /// The audiences, if fewer than those of the issuer.
    pub audiences: Option<Vec<String>>,
    /// Conditions on the subject.
    pub conditions: Vec<Condition>,
    /// The key of the payload for RBAC.
    pub payload: Option<String>,
    /// The claims whose text is split into names.
    pub splits: Vec<(Vec<String>, Option<NameKind>)>,
}

/// What becomes of a request without a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Otherwise {
    /// It is refused.
    Refused,
    /// It passes without a token, and not with one that is not valid.
    Missing,
    /// It passes.
    Passes,
    /// No token is read.
    Unread,
}

/// Something that a requirement does not express, for a note.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// How it differs.
    pub effect: Effect,
    /// Where; `None` for the rule itself.
    pub place: Option<Place>,
    /// A sentence.
    pub text: String,
}

/// The requirement for requests for which each test of the request is decided.
///
/// `before` and `after` are what RBAC asks of them, with tests of claims only.
///
/// # Errors
/// It would have too many alternatives.
pub fn requirement(
    need: &Need,
    before: &Expression,
    after: &Expression,
    issuers: usize,
    losses: &mut Vec<Loss>,
) -> Result<Requirement, TooMany> {
    if !holds_without_claims(before) {
        return Ok(Requirement::Deny);
    }
    let passes_without_token = holds_without_claims(after);
    if need.otherwise == Otherwise::Unread {
        return Ok(if passes_without_token { Requirement::Open } else { Requirement::Deny });
    }
    let mut alternatives = Vec::new();
    let mut has_conditions = false;
    for provider in &need.providers {
        // Each token of the provider has its `iss`.
        let of_iss = |test: &ClaimTest| {
            let is_iss = provider.payload.as_ref() == Some(&test.payload) && test.claim == ["iss"];
            is_iss.then(|| test.value.passes(&provider.iss)).flatten()
        };
        let conditions = alternatives_of(&after.with_claims(&of_iss), true, provider, losses)?;
        has_conditions |= !conditions.iter().any(Vec::is_empty) || !provider.conditions.is_empty();
        for conditions in conditions {
            let mut all = provider.conditions.clone();
            all.extend(conditions.into_iter().filter(|condition| !provider.conditions.contains(condition)));
            alternatives.push(Alternative {
                issuers: [provider.issuer].into(),
                audiences: provider.audiences.as_ref().map(|audiences| audiences.iter().cloned().collect()),
                conditions: all,
            });
        }
    }
    if need.otherwise == Otherwise::Refused || !passes_without_token {
        return Requirement::token(alternatives);
    }
    if has_conditions {
        losses.push(Loss {
            effect: Effect::Lossy,
            place: None,
            text: "a request without a token passes here in the original, and is refused now: a requirement with conditions on \
                   claims needs a token; write allow_missing: true by hand to let such requests pass without these conditions"
                .to_owned(),
        });
        return Requirement::token(alternatives);
    }
    if need.otherwise == Otherwise::Passes {
        let named: BTreeSet<usize> = need.providers.iter().map(|provider| provider.issuer).collect();
        if named.len() == issuers && need.providers.iter().all(|provider| provider.audiences.is_none()) {
            return Ok(Requirement::Failed);
        }
        losses.push(Loss {
            effect: Effect::Lossy,
            place: None,
            text: "an invalid token and a token of another provider pass here in the original, and are refused now: \
                   allow_missing_or_failed would give each issuer's tokens an identity"
                .to_owned(),
        });
    }
    let missing = Requirement::missing(alternatives.clone());
    let is_covered = |alternative: &Alternative| match &missing {
        Requirement::Missing(left) => left.iter().any(|left| left.covers(alternative)),
        _ => false,
    };
    if !alternatives.iter().all(is_covered) {
        losses.push(Loss {
            effect: Effect::Lossy,
            place: None,
            text:
                "allow_missing combines with one list of audiences: tokens of the other providers are refused"
                    .to_owned(),
        });
    }
    Ok(missing)
}

/// Whether the condition holds for requests without claims.
fn holds_without_claims(condition: &Expression) -> bool {
    condition.with_claims(&|_| Some(false)) == Expression::Constant(true)
}

/// Alternatives of conditions that hold only if the expression has this result for tokens of the provider.
fn alternatives_of(
    expression: &Expression,
    result: bool,
    provider: &ProviderNeed,
    losses: &mut Vec<Loss>,
) -> Result<Vec<Vec<Condition>>, TooMany> {
    const MAX: usize = 1024;
    let always = || vec![Vec::new()];
    Ok(match expression {
        Expression::Constant(value) if *value == result => always(),
        // No test of the request is left: each was decided or assumed.
        Expression::Constant(_) | Expression::Request(_) => Vec::new(),
        Expression::Not(inner) => alternatives_of(inner, !result, provider, losses)?,
        Expression::Claim(test) => of_claim(test, result, provider, losses),
        Expression::All(parts) | Expression::Any(parts) => {
            let is_product = matches!(expression, Expression::All(_)) == result;
            let mut found = if is_product { always() } else { Vec::new() };
            for part in parts {
                let of_part = alternatives_of(part, result, provider, losses)?;
                if is_product {
                    found = found
                        .iter()
                        .flat_map(|one| of_part.iter().map(move |other| joined(one, other)))
                        .take(MAX + 1)
                        .collect();
                } else {
                    found.extend(of_part);
                }
                if found.len() > MAX {
                    return Err(TooMany);
                }
            }
            found
        }
    })
}

fn joined(one: &[Condition], other: &[Condition]) -> Vec<Condition> {
    let new = other.iter().filter(|condition| !one.contains(condition));
    one.iter().chain(new).cloned().collect()
}

fn of_claim(
    test: &ClaimTest,
    result: bool,
    provider: &ProviderNeed,
    losses: &mut Vec<Loss>,
) -> Vec<Vec<Condition>> {
    if provider.payload.as_ref() != Some(&test.payload) {
        return if result { Vec::new() } else { vec![Vec::new()] };
    }
    // jwt-guard refuses a `sub` that is no string.
    if result && test.claim == ["sub"] && test.value == ValueTest::Text(TextTest::Filled) {
        let sub = || "sub".to_owned();
        return vec![vec![Condition::Present(sub()), Condition::None(sub(), vec![Node::text("")])]];
    }
    let splits = provider.splits.iter().find(|(claim, _)| *claim == test.claim).map(|(_, kind)| *kind);
    let (conditions, precision) = match splits {
        // A claim whose text is split, for which no list of names is left.
        Some(None) => (Vec::new(), Precision::Stricter),
        splits => test.conditions(result, splits.flatten()),
    };
    let claim = test.claim.join(".");
    let text = match (precision, result) {
        (Precision::Equal, _) => None,
        (Precision::ListOrText, _) => Some(format!(
            "a text and a list with this text count alike here: a token whose claim {claim} has the other form passes too"
        )),
        (Precision::Stricter, _) if conditions.is_empty() => Some(format!(
            "jwt-guard has no condition like this one on the claim {claim}: the rule does not pass any request by it"
        )),
        (Precision::Stricter, true) => Some(format!(
            "a token whose claim {claim} is null or has another type than this value is refused"
        )),
        (Precision::Stricter, false) => Some(format!(
            "a token is refused whose claim {claim} has another type than this value or is a list with this value; other lists \
             and null pass"
        )),
    };
    if let Some(text) = text {
        losses.push(Loss { effect: Effect::Lossy, place: Some(test.place.clone()), text });
    }
    conditions.into_iter().map(|condition| vec![condition]).collect()
}
