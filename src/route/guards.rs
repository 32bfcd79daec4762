//! The guards: rules that apply to every request that they match, beside the rule of the route.
//!
//! The look-up differs from that of [`Table`](super::Table) in two ways. It returns every match instead of the most
//! specific one. It always ignores letter case (unless that class is skipped), because a guard that matches more
//! requests never opens a path.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::host::normalize_host;
use super::host_levels::HostLevels;
use super::letter_case::folded;
use super::parameters::Parameters;
use super::partial::{MAX_PARTIALS, PartialPattern, TooManyPartials};
use super::request_variant::RequestVariant;
use super::template::TemplateSegment;
use super::tree::{first_segment, rest_of};
use super::{Entry, Method, RequestVariants, SkippedVariants, Template, VariantClass};
use crate::sorting;

/// All guards, indexed for look-up. A request costs as much as the guards that match it, however many there are.
#[derive(Debug, Clone)]
pub struct Guards<T> {
    entries: Vec<Entry<T>>,
    levels: HostLevels<GuardNode>,
    ignores_case: bool,
}

/// A guard that matches, and the path variant that selected it.
#[derive(Debug)]
pub struct GuardMatch<'a, T> {
    /// The index of the entry.
    pub index: usize,
    /// The guard that the entry belongs to, by its index in the configuration.
    pub route: usize,
    /// The rule of the guard.
    pub rule: &'a T,
    /// The first path variant that selected the guard with these parameters.
    pub variant: RequestVariant<'a>,
    /// The parameters, if the rule compares them with claims.
    pub parameters: Option<Box<Parameters<'a>>>,
}

/// One node: the segments from the root to here have matched.
#[derive(Debug, Clone, Default)]
struct GuardNode {
    literals: HashMap<Box<str>, GuardNode>,
    partials: Vec<(PartialPattern, GuardNode)>,
    any: Option<Box<GuardNode>>,
    /// The templates that end here.
    here: GuardsByMethod,
    /// The templates that end here in `**`.
    rest: GuardsByMethod,
}

/// The entries of one template by method, as indices.
#[derive(Debug, Clone, Default)]
struct GuardsByMethod {
    listed: HashMap<Box<str>, Vec<usize>>,
    every: Vec<usize>,
}

impl<T> Guards<T> {
    /// Builds the index. The order of the entries does not matter, and entries may overlap.
    ///
    /// # Errors
    /// The index of the first entry for which a place has too many partial segments.
    pub fn build(entries: Vec<Entry<T>>, skipped: SkippedVariants) -> Result<Self, (usize, TooManyPartials)> {
        let ignores_case = !skipped.contains(VariantClass::LetterCase);
        let mut levels: HostLevels<GuardNode> = HostLevels::default();
        for (index, entry) in entries.iter().enumerate() {
            let mut has_place = true;
            levels.each_of(&entry.hosts, |root| {
                let Some(node) = root.descend(&entry.template, ignores_case) else {
                    has_place = false;
                    return;
                };
                let slots = if entry.template.covers_rest() { &mut node.rest } else { &mut node.here };
                slots.insert(index, &entry.methods);
            });
            if !has_place {
                return Err((index, TooManyPartials));
            }
        }
        Ok(Self { entries, levels, ignores_case })
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[Entry<T>] {
        &self.entries
    }

    /// The guards that match some variant of the request, each once for each set of values of the parameters that it
    /// compares. A request without a path and one with `*` match the guards for every path (`/**`).
    pub fn matches<'a>(&'a self, variants: &RequestVariants<'a>) -> Vec<GuardMatch<'a, T>> {
        let mut matches = Vec::new();
        if self.entries.is_empty() {
            return matches;
        }
        let mut seen = HashSet::new();
        for (method, path, variant) in variants.iter() {
            for index in self.find(&variants.host, method, path, &mut 0) {
                let is_new = seen.insert(index);
                self.add(index, is_new, path, &variant, &mut matches);
            }
        }
        matches
    }

    /// The number of nodes that a look-up of one path variant visits: its cost, independent of a clock.
    pub fn visits(&self, host: &[u8], method: &str, path: &str) -> usize {
        let mut visits = 0;
        self.find(&normalize_host(host), method, path, &mut visits);
        visits
    }

    /// The indices of the guards that match one path variant, each once.
    fn find(&self, host: &[u8], method: &str, path: &str, visits: &mut usize) -> Vec<usize> {
        let path = if self.ignores_case { folded(path) } else { Cow::Borrowed(path) };
        let mut found = Vec::new();
        for root in self.levels.matching(host) {
            match rest_of(&path) {
                Some(rest) => root.find(rest, method, &mut found, visits),
                None => root.rest.add_to(&mut found, method),
            }
        }
        sorting::sort(&mut found);
        found.dedup();
        found
    }

    fn add<'a>(
        &'a self,
        index: usize,
        is_new: bool,
        path: &str,
        variant: &dyn Fn() -> RequestVariant<'a>,
        matches: &mut Vec<GuardMatch<'a, T>>,
    ) {
        let Some(entry) = self.entries.get(index) else { return };
        if !is_new && !entry.compares_parameters {
            return;
        }
        let by_case = self.ignores_case && !is_spelled_as(&entry.template, path);
        let variant = if by_case { variant().ignoring_case() } else { variant() };
        let parameters =
            entry.compares_parameters.then(|| Box::new(Parameters::new(&entry.template, &variant)));
        let has_these = |known: &GuardMatch<'_, T>| match (&known.parameters, &parameters) {
            (Some(known), Some(parameters)) => known.are_equal(parameters),
            _ => false,
        };
        if is_new || !matches.iter().any(|known| known.index == index && has_these(known)) {
            let route = entry.route;
            matches.push(GuardMatch { index, route, rule: &entry.rule, variant, parameters });
        }
    }
}

/// Whether a path that matches the template ignoring letter case has the template's own letter case.
fn is_spelled_as(template: &Template, path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    template.segments().all(|template| segments.next().is_some_and(|segment| template.matches(segment)))
}

impl GuardNode {
    /// The node of a template; `None` if a place has too many partial segments.
    fn descend(&mut self, template: &Template, ignores_case: bool) -> Option<&mut Self> {
        let mut node = self;
        for segment in template.segments() {
            node = match segment {
                TemplateSegment::Literal(text) => {
                    let text = if ignores_case { folded(text) } else { Cow::Borrowed(text) };
                    node.literals.entry(text.into()).or_default()
                }
                TemplateSegment::Partial(partial) => {
                    let pattern = PartialPattern::new(partial);
                    node.partial(if ignores_case { pattern.folded() } else { pattern })?
                }
                TemplateSegment::Any(_) => node.any.get_or_insert_default(),
            };
        }
        Some(node)
    }

    fn partial(&mut self, pattern: PartialPattern) -> Option<&mut Self> {
        let at = match self.partials.iter().position(|(known, _)| *known == pattern) {
            Some(at) => at,
            None if self.partials.len() >= MAX_PARTIALS => return None,
            None => {
                self.partials.push((pattern, Self::default()));
                self.partials.len() - 1
            }
        };
        self.partials.get_mut(at).map(|(_, node)| node)
    }

    /// Adds every entry that matches the rest of the path: `None` at its end, `Some("")` after a trailing slash.
    fn find(&self, rest: Option<&str>, method: &str, found: &mut Vec<usize>, visits: &mut usize) {
        *visits += 1;
        self.rest.add_to(found, method);
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
            return self.here.add_to(found, method);
        };
        let (segment, rest) = first_segment(rest);
        if let Some(node) = self.literals.get(segment) {
            node.find(rest, method, found, visits);
        }
        for (_, node) in self.partials.iter().filter(|(pattern, _)| pattern.matches(segment)) {
            node.find(rest, method, found, visits);
        }
        if let Some(node) = self.any.as_deref().filter(|_| !segment.is_empty()) {
            node.find(rest, method, found, visits);
        }
    }
}

impl GuardsByMethod {
    fn insert(&mut self, index: usize, methods: &[Method]) {
        if methods.is_empty() {
            self.every.push(index);
        }
        for method in methods {
            self.listed.entry(method.as_str().into()).or_default().push(index);
        }
    }

    fn add_to(&self, found: &mut Vec<usize>, method: &str) {
        found.extend(&self.every);
        let mut add = |method: &str| found.extend(self.listed.get(method).into_iter().flatten());
        add(method);
        // Upstreams serve HEAD like GET, so a guard for GET protects it too (RFC 9110 section 9.3.2).
        if method == "HEAD" {
            add("GET");
        }
    }
}
