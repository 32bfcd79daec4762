//! The table of routes: it finds the rule for one path variant of a request.

use super::conflict::{Conflict, ConflictKind, case_conflicts};
use super::entry::Entry;
use super::host::normalize_host;
use super::letter_case::is_folded;
use super::tree::Levels;
use super::{SkippedVariants, VariantClass};
use crate::sorting;

/// All routes, indexed for look-up.
#[derive(Debug, Clone)]
pub struct Table<T> {
    entries: Vec<Entry<T>>,
    levels: Levels,
    /// Whether some template contains a letter that upstreams with case-insensitive comparison take for another
    /// letter.
    has_letter_case: bool,
    skipped: SkippedVariants,
}

/// The route that matches one path variant.
#[derive(Debug)]
pub struct RouteFound<'t, T> {
    /// The index of the entry in the list that the table was built from.
    pub index: usize,
    /// The rule of the route.
    pub rule: &'t T,
}

impl<T> Table<T> {
    /// Builds the table. The order of the entries does not matter.
    ///
    /// Two entries conflict if their template, method and host are equal (`{id}`, `{name}` and `*` are equal),
    /// or if their templates differ only in case, whatever their hosts. Every conflict is returned, each pair
    /// once.
    pub fn build(entries: Vec<Entry<T>>) -> Result<Self, Vec<Conflict>> {
        let mut conflicts = case_conflicts(&entries);
        let mut levels = Levels::default();
        for (index, entry) in entries.iter().enumerate() {
            let between = |first, kind| Conflict::between(&entries, first, index, kind);
            match levels.insert(index, &entry.template, &entry.methods, &entry.hosts) {
                Ok(taken) => {
                    conflicts
                        .extend(taken.into_iter().filter_map(|first| between(first, ConflictKind::Equal)));
                }
                Err(error) => conflicts.extend(between(index, error.into())),
            }
        }
        if !conflicts.is_empty() {
            sorting::sort_by(&mut conflicts, |one, other| {
                (one.first, one.second).cmp(&(other.first, other.second))
            });
            return Err(conflicts);
        }
        let has_letter_case = entries.iter().any(|entry| !is_folded(&entry.template.canonical()));
        Ok(Self { entries, levels, has_letter_case, skipped: SkippedVariants::default() })
    }

    /// The table for upstreams that do not apply these classes.
    #[must_use]
    pub fn skipping(self, skipped: SkippedVariants) -> Self {
        Self { skipped, ..self }
    }

    /// The classes that are skipped.
    pub fn skipped(&self) -> SkippedVariants {
        self.skipped
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[Entry<T>] {
        &self.entries
    }

    /// The rules of the entries, in their order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.rule)
    }

    /// Finds the route of one path variant, taken literally; `None` means that no route matches and the default
    /// policy applies.
    ///
    /// - Hosts: exact, then the longest `*.suffix`, then routes without hosts. If the routes of a host do not
    ///   match this path and method, the next host in this order is tried: a route without hosts is meant for
    ///   every host, even if another route lists the host.
    /// - Templates, segment by segment from the left: literal, then a part such as `x*` (first the longest fixed
    ///   text, then the longest start), then `{id}` or `*`, then `**`. If the path ends,
    ///   a template that ends here precedes `**`. If the path ends in a slash, `**` precedes the template
    ///   without the slash, because the slash belongs to `**` (`/a/**` covers `/a/`).
    /// - Methods: listed, then unlisted. HEAD follows GET if a template does not list HEAD. A template that
    ///   does not cover the method is ignored.
    ///
    /// The look-up visits each node of the tree at most once, and compares at most 64 partial segments at each;
    /// see [`Table::visits`].
    pub fn lookup(&self, host: &[u8], method: &str, path: &str) -> Option<RouteFound<'_, T>> {
        self.find(&normalize_host(host), method, path)
    }

    /// [`Table::lookup`] for a host that is normalized already (see [`normalize_host`]).
    pub(super) fn find(&self, host: &[u8], method: &str, path: &str) -> Option<RouteFound<'_, T>> {
        self.found(self.levels.find(host, method, path, &mut 0))
    }

    /// The other choices of upstreams that ignore letter case, for one path variant; `exact` is the choice of
    /// [`Table::find`].
    ///
    /// Returns nothing if a look-up that ignores case in every segment finds the same as the exact one. This is
    /// the case for a path that is spelled like a template without wildcards, unless a case-insensitive look-up
    /// first finds a more specific host, or `**` after a trailing slash. If the two differ, each segment may be
    /// compared exactly, ignoring case, or exactly after conversion to lower case, and every combination
    /// counts: a server may ignore case in the part that names an application, and the application may compare
    /// the rest exactly.
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

    /// The number of nodes that a look-up visits: its cost, independent of a clock.
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

// Not derived: a derived `Clone` would require the rule to be `Clone`.
impl<T> Clone for RouteFound<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RouteFound<'_, T> {}
