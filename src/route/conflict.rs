//! Routes that conflict with each other.

use std::collections::HashMap;

use super::entry::Entry;
use super::letter_case::folded;
use super::partial::TooManyPartials;

/// Two entries that conflict with each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {kind}", self.names())]
pub struct Conflict {
    /// The route of the earlier entry.
    pub first: usize,
    /// The route of the later entry; the same route, if two paths of its list conflict.
    pub second: usize,
    /// The kind of conflict.
    pub kind: ConflictKind,
    templates: (String, String),
}

/// The kind of conflict between two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConflictKind {
    /// The same template, method and host: one of the entries would never apply.
    #[error(
        "cover the same path, method and host, so one would never apply: remove one, or give them different methods \
         or hosts"
    )]
    Equal,
    /// Templates that differ only in letter case: an upstream that ignores case serves the same resource for
    /// both.
    #[error("differ only in case, which some upstreams ignore: spell the path one way, or remove one")]
    Case,
    /// More partial segments in one place than the limit.
    #[error(transparent)]
    TooManyPartials(#[from] TooManyPartials),
}

/// The entries whose templates differ only in letter case. Each is compared with the first entry of that
/// spelling.
pub(super) fn case_conflicts<T>(entries: &[Entry<T>]) -> Vec<Conflict> {
    let mut spellings: HashMap<String, (String, usize)> = HashMap::new();
    let mut conflicts = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let spelling = entry.template.canonical();
        let folded = folded(&spelling).into_owned();
        match spellings.get(&folded) {
            None => {
                spellings.insert(folded, (spelling, index));
            }
            Some((first, _)) if *first == spelling => {}
            Some((_, first)) => {
                conflicts.extend(Conflict::between(entries, *first, index, ConflictKind::Case));
            }
        }
    }
    conflicts
}

impl Conflict {
    pub(super) fn between<T>(
        entries: &[Entry<T>],
        first: usize,
        second: usize,
        kind: ConflictKind,
    ) -> Option<Self> {
        let (first, second) = (entries.get(first)?, entries.get(second)?);
        let template = |entry: &Entry<T>| entry.template.as_str().to_owned();
        Some(Self {
            first: first.route,
            second: second.route,
            kind,
            templates: (template(first), template(second)),
        })
    }

    fn names(&self) -> String {
        let (one, other) = &self.templates;
        match (self.first, self.second) {
            (route, _) if self.kind == ConflictKind::TooManyPartials(TooManyPartials) => {
                format!("routes[{route}] (`{one}`):")
            }
            (first, second) if first == second => {
                format!("the paths `{one}` and `{other}` of routes[{first}]")
            }
            (first, second) => format!("routes[{first}] (`{one}`) and routes[{second}] (`{other}`)"),
        }
    }
}
