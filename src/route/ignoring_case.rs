//! The look-up of upstreams that ignore letter case in the whole path or in parts of it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::letter_case::{folded, lower_cased};
use super::tree::{Levels, PartialNode, RouteNode, first_segment, rest_of};
use crate::sorting;

impl Levels {
    /// Like [`Levels::find`], but ignores letter case in every segment.
    pub(super) fn find_folded(&self, host: &[u8], method: &str, path: &str) -> Option<usize> {
        let rest = rest_of(path)?;
        self.matching(host).find_map(|root| RouteNodes(vec![root]).find_folded(rest, method))
    }

    /// The choices if each segment is compared exactly, in lower case, or ignoring case, in every combination.
    /// Each choice is returned once, with `None` if some combination finds nothing.
    pub(super) fn find_in_each_case(&self, host: &[u8], method: &str, path: &str) -> Vec<Option<usize>> {
        let mut found = Vec::new();
        let Some(rest) = rest_of(path) else { return vec![None] };
        for root in self.matching(host) {
            let here = RouteNodes(vec![root]).find_in_each_case(rest, method, &mut Seen::default());
            let falls_through = here.contains(&None);
            here.into_iter().filter(Option::is_some).for_each(|choice| add_once(&mut found, choice));
            if !falls_through {
                return found;
            }
        }
        add_once(&mut found, None);
        found
    }
}

/// Nodes whose paths from the root differ only in letter case, treated as one.
#[derive(Debug, Default)]
struct RouteNodes<'t>(Vec<&'t RouteNode>);

/// The choices below some nodes, by the nodes and the length of the rest of the path.
type Seen = HashMap<(Vec<*const RouteNode>, usize), Vec<Option<usize>>>;

impl<'t> RouteNodes<'t> {
    fn find_folded(&self, rest: Option<&str>, method: &str) -> Option<usize> {
        let Some(rest) = rest else {
            return self.here(method).or_else(|| self.below(method));
        };
        if rest.is_empty() {
            return self.below(method).or_else(|| self.here(method));
        }
        let (segment, rest) = first_segment(rest);
        let mut by_text = self.by_text(segment, TextMatch::IgnoringCase).into_iter();
        by_text
            .find_map(|nodes| nodes.find_folded(rest, method))
            .or_else(|| self.any(segment).find_in(|nodes| nodes.find_folded(rest, method)))
            .or_else(|| self.below(method))
    }

    /// The choices below these nodes, see [`Levels::find_in_each_case`]. Several combinations lead to the same
    /// nodes, so the result for each set of nodes is cached: otherwise templates such as `/a/a/a/A` would
    /// double the work with each segment of the path.
    fn find_in_each_case(&self, rest: Option<&str>, method: &str, seen: &mut Seen) -> Vec<Option<usize>> {
        let mut found = Vec::new();
        let Some(rest) = rest else {
            return vec![self.here(method).or_else(|| self.below(method))];
        };
        if rest.is_empty() {
            return vec![self.below(method).or_else(|| self.here(method))];
        }
        let key = (self.0.iter().map(|node| std::ptr::from_ref(*node)).collect(), rest.len());
        if let Some(known) = seen.get(&key) {
            return known.clone();
        }
        let (segment, rest) = first_segment(rest);
        let mut candidates =
            vec![self.by_text(segment, TextMatch::Exact), self.by_text(segment, TextMatch::IgnoringCase)];
        candidates.extend(lower_cased(segment).iter().map(|lower| self.by_text(lower, TextMatch::Exact)));
        let mut falls_through = false;
        for (position, groups) in candidates.iter().enumerate() {
            if !candidates.iter().take(position).any(|earlier| are_same(earlier, groups)) {
                // The next group counts if some combination finds nothing below the earlier ones.
                falls_through |=
                    groups.iter().all(|nodes| nodes.choices_below(rest, method, &mut found, seen));
            }
        }
        if falls_through && self.any(segment).choices_below(rest, method, &mut found, seen) {
            add_once(&mut found, self.below(method));
        }
        seen.insert(key, found.clone());
        found
    }

    /// Adds the choices below these nodes to `found`. Returns whether some combination finds nothing there.
    fn choices_below(
        &self,
        rest: Option<&str>,
        method: &str,
        found: &mut Vec<Option<usize>>,
        seen: &mut Seen,
    ) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let below = self.find_in_each_case(rest, method, seen);
        let falls_through = below.contains(&None);
        below.into_iter().filter(Option::is_some).for_each(|choice| add_once(found, choice));
        falls_through
    }

    fn find_in(&self, find: impl Fn(&Self) -> Option<usize>) -> Option<usize> {
        if self.0.is_empty() { None } else { find(self) }
    }

    fn here(&self, method: &str) -> Option<usize> {
        self.0.iter().find_map(|node| node.here.of(method))
    }

    fn below(&self, method: &str) -> Option<usize> {
        self.0.iter().find_map(|node| node.rest.of(method))
    }

    fn literals(&self, segment: &str) -> Self {
        Self(self.0.iter().filter_map(|node| node.literals.get(segment)).collect())
    }

    fn literals_ignoring_case(&self, segment: &str) -> Self {
        let folded = folded(segment);
        let mut nodes = self.literals(&folded);
        for node in &self.0 {
            let spellings = node.spellings.get(folded.as_ref()).into_iter().flatten();
            nodes.0.extend(spellings.filter_map(|spelling| node.literals.get(spelling)));
        }
        nodes
    }

    /// The nodes that match the segment by their text, in the order of precedence: the literals, then each partial
    /// segment.
    fn by_text(&self, segment: &str, by: TextMatch) -> Vec<Self> {
        let literals = match by {
            TextMatch::Exact => self.literals(segment),
            TextMatch::IgnoringCase => self.literals_ignoring_case(segment),
        };
        let segment = match by {
            TextMatch::Exact => Cow::Borrowed(segment),
            TextMatch::IgnoringCase => folded(segment),
        };
        let pattern = |known: &'t PartialNode| match by {
            TextMatch::Exact => &known.pattern,
            TextMatch::IgnoringCase => &known.folded,
        };
        let partials = self.0.iter().flat_map(|node| &node.partials);
        let mut partials: Vec<_> = partials.filter(|known| pattern(known).matches(&segment)).collect();
        // A stable sort, so that equal patterns stay in the order of the nodes.
        sorting::sort_by(&mut partials, |one, other| pattern(other).rank().cmp(&pattern(one).rank()));
        let mut groups = vec![literals];
        for same in partials.chunk_by(|one, other| pattern(one) == pattern(other)) {
            groups.push(Self(same.iter().map(|known| &known.node).collect()));
        }
        groups.retain(|nodes| !nodes.0.is_empty());
        groups
    }

    fn any(&self, segment: &str) -> Self {
        if segment.is_empty() {
            return Self::default();
        }
        Self(self.0.iter().filter_map(|node| node.any.as_deref()).collect())
    }

    fn is(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().all(|node| other.0.iter().any(|known| std::ptr::eq(*node, *known)))
    }
}

/// How a segment is compared with the text of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextMatch {
    Exact,
    IgnoringCase,
}

fn are_same(one: &[RouteNodes<'_>], other: &[RouteNodes<'_>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is(other))
}

fn add_once(found: &mut Vec<Option<usize>>, choice: Option<usize>) {
    if !found.contains(&choice) {
        found.push(choice);
    }
}
