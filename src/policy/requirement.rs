//! What an operator asks of a request: the requirement table, with emptiness that cannot be written down.
//!
//! These types are input. They prove nothing; the proof is [`Permit`](super::Permit).

use std::rc::Rc;

use crate::issuer_index::IssuerIndex;
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;

/// What a route, a default or a piece of metadata asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// What decides.
    pub rule: Rule,
    /// What is judged beside it and counted, and never refuses. A shadow of a shadow is not judged.
    pub shadow: Option<Box<Requirement>>,
    /// The name it has among the named policies, for whoever asks what decided.
    pub policy: Option<Rc<str>>,
}

/// The part of a requirement that decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// `allow_anonymous`: the token is never read.
    Anonymous,
    /// `deny`: nobody, and the token is never read.
    Deny,
    /// `allow_missing_or_failed`: an invalid token passes as none.
    AllowMissingOrFailed,
    /// `allow_missing`: no token passes; one that is there must be valid and within every narrowing.
    AllowMissing(Vec<IssuerOrAudience>),
    /// A valid token that meets every condition. No condition (`{}`, `allow_authenticated`): any valid token.
    Authenticated(Conditions),
}

/// Conditions on a valid token; all of them must be met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions(pub Vec<Condition>);

/// One key of a requirement.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `requires_issuer` or `requires_audience`.
    IssuerOrAudience(IssuerOrAudience),
    /// `requires_role`.
    Role(AnyAll<String>),
    /// `requires_group`.
    Group(AnyAll<String>),
    /// `requires_scope`.
    Scope(AnyAll<String>),
    /// One entry of `requires_claim`.
    Claim(ClaimCondition),
    /// `any_of`: at least one of these.
    AnyOf(NonEmpty<Conditions>),
}

/// Some of the configured issuers or audiences.
#[derive(Debug, Clone, PartialEq)]
pub enum IssuerOrAudience {
    /// `requires_issuer`: the token's issuer is one of these.
    Issuer(NonEmpty<IssuerIndex>),
    /// `requires_audience`: one of the token's audiences is one of these.
    Audience(NonEmpty<String>),
}

/// At least one of the values, or every one.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyAll<T> {
    /// At least one.
    Any(NonEmpty<T>),
    /// Every one.
    All(NonEmpty<T>),
}

/// What a claim must be.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimCondition {
    /// Where the claim stands.
    pub pointer: Pointer,
    /// What it must be.
    pub test: ClaimTest,
}

/// The test of one claim. An array is matched by its members; `null` matches nothing and is not present.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimTest {
    /// Equal to one of these or to each of these, with their types: `true` is not `"true"`.
    Values(AnyAll<Json>),
    /// There, and not null.
    Present,
}

/// A list that has a first item. "Any of nothing" and "all of nothing" would mean nobody and everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty<T> {
    first: T,
    rest: Vec<T>,
}

impl Requirement {
    /// A rule without a shadow.
    pub fn new(rule: Rule) -> Self {
        Self { rule, shadow: None, policy: None }
    }

    /// Any valid token: what `{}` means.
    pub fn any_valid_token() -> Self {
        Self::new(Rule::Authenticated(Conditions::default()))
    }
}

impl<T> NonEmpty<T> {
    /// The items, if there are any.
    pub fn new(items: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut items = items.into_iter();
        Some(Self { first: items.next()?, rest: items.collect() })
    }

    /// A list of one.
    pub fn one(item: T) -> Self {
        Self { first: item, rest: Vec::new() }
    }

    /// The same with each item made another.
    pub fn map<U>(&self, make: impl Fn(&T) -> U) -> NonEmpty<U> {
        NonEmpty { first: make(&self.first), rest: self.rest.iter().map(&make).collect() }
    }

    /// With one more item at the end.
    pub fn push(&mut self, item: T) {
        self.rest.push(item);
    }

    /// The item at that place.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.iter().nth(index)
    }

    /// The first item.
    pub fn first(&self) -> &T {
        &self.first
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rest.len() + 1
    }

    /// Every item, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl<T: PartialEq> NonEmpty<T> {
    /// Whether the item is one of them.
    pub fn contains(&self, item: &T) -> bool {
        self.iter().any(|known| known == item)
    }
}
