//! The templates of the routes as trees, one for each host, and the look-up that compares exactly.

use std::borrow::Cow;
use std::collections::HashMap;

use super::host::HostKind;
use super::letter_case::folded;
use super::template::TemplateSegment;
use super::{HostPattern, Method, Template};

/// A tree of templates for each host that routes name.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    hosts: HashMap<Box<[u8]>, RouteNode>,
    suffixes: HashMap<Box<[u8]>, RouteNode>,
    /// The lengths that suffixes have, longest first, so that a long host costs no more than a short one.
    suffix_lengths: Vec<usize>,
    any: RouteNode,
}

/// What has been matched so far: the segments from the root to here.
#[derive(Debug, Clone, Default)]
pub(super) struct RouteNode {
    pub(super) literals: HashMap<Box<str>, RouteNode>,
    /// The literals that are not their own folded form, by that form.
    pub(super) spellings: HashMap<Box<str>, Vec<Box<str>>>,
    pub(super) any: Option<Box<RouteNode>>,
    /// Templates that end here.
    pub(super) here: Slots,
    /// Templates that end here in `**`.
    pub(super) rest: Slots,
}

/// The entries of one template, by method. Indices into the table's rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    listed: Vec<(Method, usize)>,
    unlisted: Option<usize>,
}

impl Levels {
    /// Puts an entry in its places, and tells which entries held one of them already.
    pub(super) fn insert(
        &mut self,
        index: usize,
        template: &Template,
        methods: &[Method],
        hosts: &[HostPattern],
    ) -> Vec<usize> {
        let mut taken = Vec::new();
        let mut place = |root: &mut RouteNode| {
            let node = root.descend(template);
            let slots = if template.covers_rest() { &mut node.rest } else { &mut node.here };
            for first in slots.insert(index, methods) {
                if !taken.contains(&first) {
                    taken.push(first);
                }
            }
        };
        if hosts.is_empty() {
            place(&mut self.any);
        }
        for host in hosts {
            let name = host.name().as_bytes();
            let level = match host.kind() {
                HostKind::Exact => &mut self.hosts,
                HostKind::Suffix => {
                    if !self.suffix_lengths.contains(&name.len()) {
                        self.suffix_lengths.push(name.len());
                        self.suffix_lengths.sort_unstable_by(|one, other| other.cmp(one));
                    }
                    &mut self.suffixes
                }
            };
            place(level.entry(name.into()).or_default());
        }
        taken
    }

    pub(super) fn find(&self, host: &[u8], method: &str, path: &str, visits: &mut usize) -> Option<usize> {
        let rest = rest_of(path)?;
        self.matching(host).find_map(|root| root.find(rest, method, visits))
    }

    /// The trees for a host, the most specific first.
    pub(super) fn matching<'t>(&'t self, host: &[u8]) -> impl Iterator<Item = &'t RouteNode> {
        let suffixes = self.suffix_lengths.iter().filter_map(move |length| {
            let (before, suffix) = host.split_at_checked(host.len().checked_sub(*length)?)?;
            // `*.example.com` is neither `example.com` nor `badexample.com`.
            let under = before.len() > 1 && before.ends_with(b".");
            under.then(|| self.suffixes.get(suffix)).flatten()
        });
        let exact = if self.hosts.is_empty() { None } else { self.hosts.get(host) };
        exact.into_iter().chain(suffixes).chain(std::iter::once(&self.any))
    }
}

impl RouteNode {
    fn descend(&mut self, template: &Template) -> &mut Self {
        let mut node = self;
        for segment in template.segments() {
            node = match segment {
                TemplateSegment::Literal(text) => node.literal(text),
                TemplateSegment::Any(_) => node.any.get_or_insert_default(),
            };
        }
        node
    }

    fn literal(&mut self, text: &str) -> &mut Self {
        if !self.literals.contains_key(text)
            && let Cow::Owned(folded) = folded(text)
        {
            self.spellings.entry(folded.into()).or_default().push(text.into());
        }
        self.literals.entry(text.into()).or_default()
    }

    /// The most specific entry for what remains of the path: `None` at its end, `Some("")` after a trailing slash.
    ///
    /// Every node has one way to it from the root, so a search comes by each at most once. It goes no deeper than
    /// the longest template, whatever the path's length.
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
        literal
            .and_then(|node| node.find(rest, method, visits))
            .or_else(|| self.any.as_ref().filter(|_| !segment.is_empty())?.find(rest, method, visits))
            .or_else(below)
    }
}

impl Slots {
    /// Notes the entry under its methods, and tells which entries stood under one of them already.
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
                // A method or host repeated in one entry is ignored.
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
        // An upstream answers HEAD with what guards GET (RFC 9110 section 9.3.2).
        let followed = || if method == "HEAD" { listed("GET") } else { None };
        listed(method).or_else(followed).or(self.unlisted)
    }
}

/// What follows the first slash: `None` at the end, `Some("")` after a slash at the end.
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
