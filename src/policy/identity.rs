//! The identity of a verified token: its claims, and the roles, groups and scopes in them.

use std::collections::HashSet;

use crate::issuer_index::IssuerIndex;
use crate::jose::claims::VerifiedClaims;
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;
use crate::sorting;

/// The claims that contain an issuer's roles, groups and scopes. An empty list means that its tokens have none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimSources {
    /// `roles_from`.
    pub roles: Vec<ClaimSource>,
    /// `groups_from`.
    pub groups: Vec<ClaimSource>,
    /// `scopes_from`; strings are split at spaces (RFC 6749 section 3.3).
    pub scopes: Vec<ClaimSource>,
    /// `scope_wildcards`: whether the scope `a:*` of a token covers every scope that starts with `a:`.
    pub scope_wildcards: bool,
}

/// One claim that contains roles, groups or scopes.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimSource {
    /// The path of the claim.
    pub pointer: Pointer,
    /// An optional prefix. Only values that start with it count, and the prefix is removed: with the prefix
    /// `orders:`, `orders:read` becomes `read` and `billing:read` is ignored. Case-sensitive.
    pub prefix: Option<String>,
    /// The form of the claim.
    pub form: ClaimForm,
}

/// The form in which a claim contains names.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ClaimForm {
    /// A string, or an array of strings. For scopes, each string is split at spaces.
    #[default]
    Texts,
    /// `split`: a string, split at this separator. Outer spaces are removed. An array of strings is not split: its issuer
    /// sends one name in each member, and a comma in a member must not make a second name.
    Split(String),
    /// `keys`: an object whose member names are the names. A member whose value is `false`, `null` or empty does not
    /// count.
    Keys,
    /// `member`: an array of objects, with the name in this member of each object.
    Member(String),
}

/// A verified token's claims with its roles, groups and scopes. It can only be created from [`VerifiedClaims`].
///
/// Every present source adds its values, in the order of the sources. Duplicates and empty values are dropped.
/// A claim of another form than the configured one ([`ClaimForm`]) adds nothing: a number is not a name.
#[derive(Debug)]
pub struct Identity {
    claims: VerifiedClaims,
    roles: Vec<String>,
    groups: Vec<String>,
    scopes: Vec<String>,
    /// The scopes that end in `:*`, without the `*`, sorted. Empty if the issuer's scopes have no wildcards.
    scope_prefixes: Vec<String>,
}

impl Identity {
    /// Reads the roles, groups and scopes from the claims.
    pub fn new(claims: VerifiedClaims, sources: &ClaimSources) -> Self {
        let whole = |text| std::iter::once(text);
        let roles = names(claims.claims(), &sources.roles, whole);
        let groups = names(claims.claims(), &sources.groups, whole);
        let scopes = names(claims.claims(), &sources.scopes, |text: &str| text.split(' '));
        let scope_prefixes = match sources.scope_wildcards {
            true => scope_prefixes(&scopes),
            false => Vec::new(),
        };
        Self { roles, groups, scopes, scope_prefixes, claims }
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

    /// Whether a scope with a wildcard covers the scope: `a:*` covers what starts with `a:`. The required scope has no
    /// wildcard. Each place after a colon is looked up, so the cost does not depend on the number of scopes.
    pub(super) fn has_wildcard_for(&self, scope: &str) -> bool {
        let covers =
            |prefix: &str| self.scope_prefixes.binary_search_by(|own| own.as_str().cmp(prefix)).is_ok();
        let colons = scope.bytes().enumerate().filter(|(_, byte)| *byte == b':').map(|(at, _)| at);
        !self.scope_prefixes.is_empty() && colons.filter_map(|at| scope.get(..=at)).any(covers)
    }

    /// The memory used, in bytes.
    pub fn bytes(&self) -> usize {
        let names = self.roles.iter().chain(&self.groups).chain(&self.scopes).chain(&self.scope_prefixes);
        let names = names.map(|name| size_of::<String>() + name.capacity());
        size_of::<Self>() + self.claims.heap_bytes() + names.sum::<usize>()
    }

    /// The configured issuer whose key signed the token.
    pub fn issuer(&self) -> IssuerIndex {
        self.claims.issuer()
    }
}

fn scope_prefixes(scopes: &[String]) -> Vec<String> {
    let prefixes = scopes.iter().filter_map(|scope| scope.strip_suffix('*'));
    // `*` alone and `:*` cover nothing: they are no scopes of a service.
    let mut prefixes: Vec<String> =
        prefixes.filter(|prefix| prefix.len() > 1 && prefix.ends_with(':')).map(str::to_owned).collect();
    sorting::sort(&mut prefixes);
    prefixes
}

fn names<'a, I: Iterator<Item = &'a str>>(
    claims: &'a Json,
    sources: &[ClaimSource],
    split: impl Fn(&'a str) -> I,
) -> Vec<String> {
    let mut values = Vec::new();
    for source in sources {
        let mut add = |text| values.extend(source.value(text));
        match (&source.form, source.pointer.find(claims)) {
            (ClaimForm::Texts, Some(Json::String(text))) => split(text).for_each(add),
            (ClaimForm::Texts, Some(Json::Array(items))) => {
                items.iter().filter_map(Json::as_str).flat_map(&split).for_each(add);
            }
            (ClaimForm::Split(separator), Some(Json::String(text))) => {
                text.split(separator.as_str()).map(str::trim).for_each(add);
            }
            (ClaimForm::Split(_), Some(Json::Array(items))) => {
                items.iter().filter_map(Json::as_str).for_each(add);
            }
            (ClaimForm::Keys, Some(Json::Object(members))) => {
                members.iter().filter(|(_, value)| counts(value)).for_each(|(name, _)| add(name));
            }
            (ClaimForm::Member(member), Some(Json::Array(items))) => {
                items.iter().filter_map(|item| item.member(member)?.as_str()).for_each(add);
            }
            _ => {}
        }
    }
    // Remove duplicates with a set: a token's sender could otherwise cause a quadratic scan with thousands of
    // values. For a few values a scan is faster.
    const LINEAR_SCAN_MAX: usize = 16;
    if values.len() > LINEAR_SCAN_MAX {
        let mut seen = HashSet::with_capacity(values.len());
        return values.into_iter().filter(|value| seen.insert(*value)).map(str::to_owned).collect();
    }
    let is_first = |index: usize, value: &str| !values.iter().take(index).any(|earlier| *earlier == value);
    let firsts = values.iter().enumerate().filter(|(index, value)| is_first(*index, value));
    firsts.map(|(_, value)| (*value).to_owned()).collect()
}

/// Whether a member of an object counts as a name: an issuer may write `{"admin": false}` for a role that was withdrawn.
fn counts(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Bool(true) | Json::Number(_) => true,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(members) => !members.is_empty(),
    }
}

impl ClaimSource {
    /// The source with a claim that is a string or an array of strings.
    pub fn new(pointer: Pointer) -> Self {
        Self { pointer, prefix: None, form: ClaimForm::Texts }
    }

    fn value<'a>(&self, text: &'a str) -> Option<&'a str> {
        let value = match &self.prefix {
            Some(prefix) => text.strip_prefix(prefix.as_str())?,
            None => text,
        };
        (!value.is_empty()).then_some(value)
    }
}
