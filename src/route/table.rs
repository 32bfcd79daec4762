//! The routes, arranged for look-up: which rule one reading of a request falls under.

use super::conflict::{Conflict, ConflictKind, case_conflicts};
use super::entry::Entry;
use super::host::normalize_host;
use super::letter_case::is_folded;
use super::tree::Levels;
use super::{SkippedVariants, VariantClass};

/// All routes, arranged for look-up.
#[derive(Debug, Clone)]
pub struct Table<T> {
    entries: Vec<Entry<T>>,
    levels: Levels,
    /// Whether some template has a letter that upstreams which ignore case compare with another one.
    has_letter_case: bool,
    skipped: SkippedVariants,
}

/// The route that one reading falls under.
#[derive(Debug)]
pub struct RouteFound<'t, T> {
    /// Where the entry stood in the list that the table was built from.
    pub index: usize,
    /// What applies.
    pub rule: &'t T,
}

impl<T> Table<T> {
    /// Arranges the entries. Their order does not matter.
    ///
    /// Refused are two entries with an equal template, method and host (`{id}`, `{name}` and `*` are equal), and
    /// templates that differ only in case, whatever their hosts. Every conflict is told, each pair once.
    pub fn build(entries: Vec<Entry<T>>) -> Result<Self, Vec<Conflict>> {
        let mut conflicts = case_conflicts(&entries);
        let mut levels = Levels::default();
        for (index, entry) in entries.iter().enumerate() {
            let taken = levels.insert(index, &entry.template, &entry.methods, &entry.hosts);
            conflicts.extend(
                taken
                    .into_iter()
                    .filter_map(|first| Conflict::between(&entries, first, index, ConflictKind::Equal)),
            );
        }
        if !conflicts.is_empty() {
            conflicts.sort_by_key(|conflict| (conflict.first, conflict.second));
            return Err(conflicts);
        }
        let has_letter_case = entries.iter().any(|entry| !is_folded(&entry.template.canonical()));
        Ok(Self { entries, levels, has_letter_case, skipped: SkippedVariants::default() })
    }

    /// The same table for upstreams that make no readings of these classes.
    #[must_use]
    pub fn skipping(self, skipped: SkippedVariants) -> Self {
        Self { skipped, ..self }
    }

    /// The classes of readings that are skipped.
    pub fn skipped(&self) -> SkippedVariants {
        self.skipped
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[Entry<T>] {
        &self.entries
    }

    /// What the entries say, in their order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.rule)
    }

    /// The route of one reading, taken literally: `None` is "no route", for which the default policy stands.
    ///
    /// - Hosts: exact, then the longest `*.suffix`, then routes without hosts. A host whose own routes have nothing
    ///   for this path and method falls to the next of these: a route without hosts is meant for every host, and
    ///   must not end where some other route names one.
    /// - Templates, segment by segment from the left: literal, then `{id}` or `*`, then `**`. A path that ends here
    ///   prefers the template that ends here to `**`; one that ends in a slash prefers `**`, whose part it is
    ///   (`/a/**` covers `/a/`), to the template without the slash.
    /// - Methods: listed, then unlisted. HEAD follows GET where a template does not list it. A template that leaves
    ///   the method out is as if it were not there.
    ///
    /// Costs at most one visit for each node of the tree, and no more than 2 to the number of segments; see
    /// [`Table::visits`].
    pub fn lookup(&self, host: &[u8], method: &str, path: &str) -> Option<RouteFound<'_, T>> {
        self.find(&normalize_host(host), method, path)
    }

    /// [`Table::lookup`] for a host that is [`normalize_host`] already.
    pub(super) fn find(&self, host: &[u8], method: &str, path: &str) -> Option<RouteFound<'_, T>> {
        self.found(self.levels.find(host, method, path, &mut 0))
    }

    /// What else upstreams that ignore letter case choose for one reading; `exact` is what [`Table::find`] chooses.
    ///
    /// Nothing where a look-up that ignores case in every segment finds the same as the exact one. So it is for a path
    /// that is spelled as a template without wildcards, unless a more specific host, or `**` after a trailing slash,
    /// comes first for those who ignore case. Where the two differ, each segment may be compared exactly, ignoring
    /// case, or exactly after the upstream changed it to lower case, and every mixture counts: a server may ignore
    /// case in the part that names an application, which compares the rest exactly.
    pub(super) fn find_ignoring_case(
        &self,
        host: &[u8],
        method: &str,
        path: &str,
        exact: Option<usize>,
    ) -> Vec<Option<RouteFound<'_, T>>> {
        if self.skipped.contains(VariantClass::LetterCase) || !self.has_letter_case && is_folded(path) {
            return Vec::new();
        }
        if self.levels.find_folded(host, method, path) == exact {
            return Vec::new();
        }
        let choices = self.levels.find_in_each_case(host, method, path);
        choices.into_iter().filter(|index| *index != exact).map(|index| self.found(index)).collect()
    }

    /// How many nodes of the tree a look-up visits: its cost, independent of any clock.
    pub fn visits(&self, host: &[u8], method: &str, path: &str) -> usize {
        let mut visits = 0;
        self.levels.find(&normalize_host(host), method, path, &mut visits);
        visits
    }

    fn found(&self, index: Option<usize>) -> Option<RouteFound<'_, T>> {
        let index = index?;
        Some(RouteFound { index, rule: &self.entries.get(index)?.rule })
    }
}

// Not derived: a rule need not be `Clone` for a reference to one to be.
impl<T> Clone for RouteFound<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RouteFound<'_, T> {}
