//! Who a verified token speaks for: its claims, and the roles, groups and scopes read out of them.

use std::collections::HashSet;

use crate::issuer_index::IssuerIndex;
use crate::jose::claims::VerifiedClaims;
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;

/// Where roles, groups and scopes stand in an issuer's tokens. An empty list: its tokens have none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimSources {
    /// `roles_from`.
    pub roles: Vec<ClaimSource>,
    /// `groups_from`.
    pub groups: Vec<ClaimSource>,
    /// `scopes_from`; its strings are split at spaces (RFC 6749 section 3.3).
    pub scopes: Vec<ClaimSource>,
}

/// One place that names roles, groups or scopes.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimSource {
    /// Where the claim stands.
    pub pointer: Pointer,
    /// Where given, only values that start with it count, and they count without it: `orders:read` under the
    /// prefix `orders:` is the value `read`, and `billing:read` is none. Case-sensitive.
    pub prefix: Option<String>,
}

/// A verified token's claims with its roles, groups and scopes. Made from [`VerifiedClaims`] and nothing else.
///
/// Every source that exists adds its values, in the order of the sources; a value counts once, and an empty one
/// not at all. Anything other than a string or an array's string members is ignored: a number is not a name.
#[derive(Debug)]
pub struct Identity {
    claims: VerifiedClaims,
    roles: Vec<String>,
    groups: Vec<String>,
    scopes: Vec<String>,
}

impl Identity {
    /// Reads the names out of the claims.
    pub fn new(claims: VerifiedClaims, sources: &ClaimSources) -> Self {
        let whole = |text| std::iter::once(text);
        let roles = names(claims.claims(), &sources.roles, whole);
        let groups = names(claims.claims(), &sources.groups, whole);
        let scopes = names(claims.claims(), &sources.scopes, |text: &str| text.split(' '));
        Self { roles, groups, scopes, claims }
    }

    /// The claims.
    pub fn claims(&self) -> &VerifiedClaims {
        &self.claims
    }

    /// The roles, each once.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The groups, each once.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The scopes, each once.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let names = self.roles.iter().chain(&self.groups).chain(&self.scopes);
        let names = names.map(|name| size_of::<String>() + name.capacity());
        size_of::<Self>() + self.claims.heap_bytes() + names.sum::<usize>()
    }

    /// The configured issuer whose key signed the token.
    pub fn issuer(&self) -> IssuerIndex {
        self.claims.issuer()
    }
}

fn names<'a, I: Iterator<Item = &'a str>>(
    claims: &'a Json,
    sources: &[ClaimSource],
    split: impl Fn(&'a str) -> I,
) -> Vec<String> {
    let mut values = Vec::new();
    for source in sources {
        let mut add = |text| values.extend(split(text).filter_map(|value| source.value(value)));
        match source.pointer.find(claims) {
            Some(Json::String(text)) => add(text),
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).for_each(add),
            _ => {}
        }
    }
    // A set, not a scan of the list: a token may hold thousands of values, and its sender chooses how many. A scan
    // of a few is quicker than their set.
    const LINEAR_SCAN_MAX: usize = 16;
    if values.len() > LINEAR_SCAN_MAX {
        let mut seen = HashSet::with_capacity(values.len());
        return values.into_iter().filter(|value| seen.insert(*value)).map(str::to_owned).collect();
    }
    let is_first = |index: usize, value: &str| !values.iter().take(index).any(|earlier| *earlier == value);
    let firsts = values.iter().enumerate().filter(|(index, value)| is_first(*index, value));
    firsts.map(|(_, value)| (*value).to_owned()).collect()
}

impl ClaimSource {
    fn value<'a>(&self, text: &'a str) -> Option<&'a str> {
        let value = match &self.prefix {
            Some(prefix) => text.strip_prefix(prefix.as_str())?,
            None => text,
        };
        (!value.is_empty()).then_some(value)
    }
}
