//! Conditions of Envoy's filters: tests of the request and tests of claims, combined.

use std::collections::BTreeSet;

use super::claim_test::ClaimTest;
use super::path_test::{Cell, PathTest};

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Holds always, or never.
    Constant(bool),
    /// Each of them holds.
    All(Vec<Expression>),
    /// One of them holds.
    Any(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// A test of the request.
    Request(RequestTest),
    /// A test of a claim.
    Claim(ClaimTest),
}

/// A test of the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RequestTest {
    /// Of the path.
    Path(PathTest),
    /// The method is one of these.
    Method(BTreeSet<String>),
    /// Of the host.
    Host(HostTest),
    /// The request belongs to the virtual host with this number.
    VirtualHost(usize),
    /// Something that the filter does not read. The number tells such tests apart.
    Other(usize),
}

/// A test of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostTest {
    /// Exactly this host, in lower case.
    Exact(String),
    /// Each host that ends with this text, which starts with a dot.
    Below(String),
}

/// Requests that get one answer for one token.
#[derive(Debug, Clone, Copy)]
pub struct Region<'r> {
    /// The path.
    pub cell: Cell<'r>,
    /// The method; `None` for those that no test names.
    pub method: Option<&'r str>,
    /// The host; `None` for those that no test names.
    pub host: Option<&'r HostTest>,
    /// The virtual host of these hosts, if the file has virtual hosts.
    pub virtual_host: Option<usize>,
    /// What is assumed of the tests that only some of the requests pass.
    pub assumed: &'r [(RequestTest, bool)],
}

impl Expression {
    /// The negation.
    pub fn negated(self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(!value),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// What is left of the condition for the requests of a region: tests of claims, and tests of the request that only some of
    /// the requests pass.
    pub fn within(&self, region: &Region<'_>) -> Self {
        match self {
            Self::Constant(_) | Self::Claim(_) => self.clone(),
            Self::Request(test) => test.passes(region).map_or_else(|| self.clone(), Self::Constant),
            Self::Not(inner) => inner.within(region).negated(),
            Self::All(parts) => all(parts.iter().map(|part| part.within(region))),
            Self::Any(parts) => any(parts.iter().map(|part| part.within(region))),
        }
    }

    /// What is left of the condition if each test of a claim has this result.
    pub fn with_claims(&self, result: &dyn Fn(&ClaimTest) -> Option<bool>) -> Self {
        match self {
            Self::Constant(_) | Self::Request(_) => self.clone(),
            Self::Claim(test) => result(test).map_or_else(|| self.clone(), Self::Constant),
            Self::Not(inner) => inner.with_claims(result).negated(),
            Self::All(parts) => all(parts.iter().map(|part| part.with_claims(result))),
            Self::Any(parts) => any(parts.iter().map(|part| part.with_claims(result))),
        }
    }

    /// Visits the tests of the request.
    pub fn request_tests<'e>(&'e self, visit: &mut dyn FnMut(&'e RequestTest)) {
        match self {
            Self::Constant(_) | Self::Claim(_) => {}
            Self::Request(test) => visit(test),
            Self::Not(inner) => inner.request_tests(visit),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.request_tests(visit)),
        }
    }

    /// Visits the tests of claims.
    pub fn claim_tests<'e>(&'e self, visit: &mut dyn FnMut(&'e ClaimTest)) {
        match self {
            Self::Constant(_) | Self::Request(_) => {}
            Self::Claim(test) => visit(test),
            Self::Not(inner) => inner.claim_tests(visit),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.claim_tests(visit)),
        }
    }
}

/// Each of the conditions.
pub fn all(parts: impl IntoIterator<Item = Expression>) -> Expression {
    let mut left = Vec::new();
    for part in parts {
        match part {
            Expression::Constant(true) => {}
            Expression::Constant(false) => return Expression::Constant(false),
            Expression::All(inner) => left.extend(inner),
            other => left.push(other),
        }
    }
    single(left, true, Expression::All)
}

/// One of the conditions.
pub fn any(parts: impl IntoIterator<Item = Expression>) -> Expression {
    let mut left = Vec::new();
    for part in parts {
        match part {
            Expression::Constant(false) => {}
            Expression::Constant(true) => return Expression::Constant(true),
            Expression::Any(inner) => left.extend(inner),
            other => left.push(other),
        }
    }
    single(left, false, Expression::Any)
}

fn single(
    mut parts: Vec<Expression>,
    of_none: bool,
    combine: fn(Vec<Expression>) -> Expression,
) -> Expression {
    match parts.len() {
        0 => Expression::Constant(of_none),
        1 => parts.remove(0),
        _ => combine(parts),
    }
}

impl RequestTest {
    /// Whether the requests of a region pass: all, none, or some (`None`).
    pub fn passes(&self, region: &Region<'_>) -> Option<bool> {
        if let Some((_, result)) = region.assumed.iter().find(|(test, _)| test == self) {
            return Some(*result);
        }
        match self {
            Self::Path(test) => test.passes(&region.cell),
            Self::Method(methods) => Some(region.method.is_some_and(|method| methods.contains(method))),
            Self::Host(test) => Some(region.host.is_some_and(|host| test.covers(host))),
            Self::VirtualHost(number) => Some(region.virtual_host == Some(*number)),
            Self::Other(_) => None,
        }
    }
}

impl HostTest {
    /// Whether each of the hosts that pass the other test passes this one.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(one), Self::Exact(two)) => one == two,
            (Self::Exact(_), Self::Below(_)) => false,
            (Self::Below(suffix), Self::Exact(host) | Self::Below(host)) => host.ends_with(suffix.as_str()),
        }
    }

    /// The host as a route writes it.
    pub fn pattern(&self) -> String {
        match self {
            Self::Exact(host) => host.clone(),
            Self::Below(suffix) => format!("*{suffix}"),
        }
    }
}
