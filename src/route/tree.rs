//! The templates of the routes as trees, one per host, and the exact look-up.

use std::borrow::Cow;
use std::collections::HashMap;

use super::host_levels::HostLevels;
use super::letter_case::folded;
use super::partial::{MAX_PARTIALS, PartialPattern, TooManyPartials};
use super::partial_segment::PartialSegment;
use super::template::TemplateSegment;
use super::{HostPattern, Method, Template};

/// A tree of templates for each host in the routes.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels(HostLevels<RouteNode>);

/// One node: the segments from the root to here have matched.
#[derive(Debug, Clone, Default)]
pub(super) struct RouteNode {
    pub(super) literals: HashMap<Box<str>, RouteNode>,
    /// The literals that differ from their folded form, by that form.
    pub(super) spellings: HashMap<Box<str>, Vec<Box<str>>>,
    /// The partial segments, in the order of precedence.
    pub(super) partials: Vec<PartialNode>,
    pub(super) any: Option<Box<RouteNode>>,
    /// The templates that end here.
    pub(super) here: Slots,
    /// The templates that end here in `**`.
    pub(super) rest: Slots,
}

/// A segment with one `*`, and the node below it.
#[derive(Debug, Clone)]
pub(super) struct PartialNode {
    pub(super) pattern: PartialPattern,
    /// The pattern for a comparison that ignores letter case.
    pub(super) folded: PartialPattern,
    pub(super) node: RouteNode,
}

/// The entries of one template by method, as indices into the table's rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    listed: Vec<(Method, usize)>,
    unlisted: Option<usize>,
}

impl Levels {
    /// Inserts an entry. Returns the earlier entries with the same template, method and host.
    ///
    /// # Errors
    /// A place of the tree would have more partial segments than [`MAX_PARTIALS`].
    pub(super) fn insert(
        &mut self,
        index: usize,
        template: &Template,
        methods: &[Method],
        hosts: &[HostPattern],
    ) -> Result<Vec<usize>, TooManyPartials> {
        let mut taken = Vec::new();
        let mut has_place = true;
        let place = |root: &mut RouteNode| {
            let Some(node) = root.descend(template) else {
                has_place = false;
                return;
            };
            let slots = if template.covers_rest() { &mut node.rest } else { &mut node.here };
            for first in slots.insert(index, methods) {
                if !taken.contains(&first) {
                    taken.push(first);
                }
            }
        };
        self.0.each_of(hosts, place);
        if has_place { Ok(taken) } else { Err(TooManyPartials) }
    }

    pub(super) fn find(&self, host: &[u8], method: &str, path: &str, visits: &mut usize) -> Option<usize> {
        let rest = rest_of(path)?;
        self.matching(host).find_map(|root| root.find(rest, method, visits))
    }

    /// The trees that apply to a host, the most specific first.
    pub(super) fn matching<'t>(&'t self, host: &[u8]) -> impl Iterator<Item = &'t RouteNode> {
        self.0.matching(host)
    }
}

impl RouteNode {
    /// The node of a template; `None` if a place has too many partial segments.
    fn descend(&mut self, template: &Template) -> Option<&mut Self> {
        let mut node = self;
        for segment in template.segments() {
            node = match segment {
                TemplateSegment::Literal(text) => node.literal(text),
                TemplateSegment::Partial(partial) => node.partial(partial)?,
                TemplateSegment::Any(_) => node.any.get_or_insert_default(),
            };
        }
        Some(node)
    }

    fn partial(&mut self, partial: PartialSegment<'_>) -> Option<&mut Self> {
        let known = self.partials.iter().position(|known| known.pattern.is(partial));
        let at = known
            .unwrap_or_else(|| self.partials.partition_point(|known| known.pattern.rank() >= partial.rank()));
        if known.is_none() {
            if self.partials.len() >= MAX_PARTIALS {
                return None;
            }
            let pattern = PartialPattern::new(partial);
            self.partials
                .insert(at, PartialNode { folded: pattern.folded(), pattern, node: Self::default() });
        }
        self.partials.get_mut(at).map(|known| &mut known.node)
    }

    fn literal(&mut self, text: &str) -> &mut Self {
        if !self.literals.contains_key(text)
            && let Cow::Owned(folded) = folded(text)
        {
            self.spellings.entry(folded.into()).or_default().push(text.into());
        }
        self.literals.entry(text.into()).or_default()
    }

    /// The most specific entry for the rest of the path: `None` at its end, `Some("")` after a trailing slash.
    ///
    /// Each node has a single path from the root, so a search visits it at most once. The depth is limited by
    /// the longest template, not by the path's length.
    fn find(&self, rest: Option<&str>, method: &str, visits: &mut usize) -> Option<usize> {
        *visits += 1;
        let here = || self.here.of(method);
        let below = || self.rest.of(method);
        let Some(rest) = rest else {
            return here().or_else(below);
        };
        if rest.is_empty() {
            return below().or_else(here);
        }
        let (segment, rest) = first_segment(rest);
        let literal = if self.literals.is_empty() { None } else { self.literals.get(segment) };
        let mut partials = self.partials.iter().filter(|known| known.pattern.matches(segment));
        literal
            .and_then(|node| node.find(rest, method, visits))
            .or_else(|| partials.find_map(|known| known.node.find(rest, method, visits)))
            .or_else(|| self.any.as_ref().filter(|_| !segment.is_empty())?.find(rest, method, visits))
            .or_else(below)
    }
}

impl Slots {
    /// Adds the entry under its methods. Returns the earlier entries with one of these methods.
    fn insert(&mut self, index: usize, methods: &[Method]) -> Vec<usize> {
        let mut taken = Vec::new();
        if methods.is_empty() {
            match self.unlisted {
                Some(first) if first != index => taken.push(first),
                _ => self.unlisted = Some(index),
            }
        }
        for method in methods {
            match self.listed.iter().find(|(listed, _)| listed == method) {
                Some((_, first)) if *first != index => taken.push(*first),
                // A repetition within one entry is ignored.
                Some(_) => {}
                None => self.listed.push((method.clone(), index)),
            }
        }
        taken
    }

    pub(super) fn of(&self, method: &str) -> Option<usize> {
        let listed = |name: &str| {
            self.listed.iter().find(|(listed, _)| listed.as_str() == name).map(|(_, index)| *index)
        };
        // Upstreams serve HEAD like GET, so the rule for GET protects it too (RFC 9110 section 9.3.2).
        let followed = || if method == "HEAD" { listed("GET") } else { None };
        listed(method).or_else(followed).or(self.unlisted)
    }
}

/// The text after the first slash: `None` at the end, `Some("")` after a trailing slash.
pub(super) fn rest_of(path: &str) -> Option<Option<&str>> {
    match path.strip_prefix('/')? {
        "" => Some(None),
        rest => Some(Some(rest)),
    }
}

pub(super) fn first_segment(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (rest, None),
    }
}
