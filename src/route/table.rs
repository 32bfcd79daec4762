//! The routes as a tree: which rule one reading of a request falls under.

use super::host::{Kind, comparable};
use super::letter_case::{folded, is_folded, lower_cased};
use super::template::Segment;
use super::{HostPattern, Method, ReadingClass, SkippedReadings, Template};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// One route as the operator wrote it.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    /// The paths that it covers.
    pub template: Template,
    /// The methods that it covers; empty for all that no other route with this template and host lists.
    pub methods: Vec<Method>,
    /// The hosts that it covers; empty for all that no other route covers for this path and method.
    pub hosts: Vec<HostPattern>,
    /// What applies there.
    pub rule: T,
}

/// All routes, arranged for look-up.
#[derive(Debug, Clone)]
pub struct Table<T> {
    entries: Vec<Entry<T>>,
    levels: Levels,
    /// Whether some template has a letter that upstreams which ignore case compare with another one.
    has_letter_case: bool,
    skipped: SkippedReadings,
}

/// The route that one reading falls under.
#[derive(Debug)]
pub struct Found<'t, T> {
    /// Where the entry stood in the list that the table was built from.
    pub index: usize,
    /// What applies.
    pub rule: &'t T,
}

/// Two entries that cannot both stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The index of the earlier entry.
    pub first: usize,
    /// The index of the later entry.
    pub second: usize,
    /// What is wrong with the two.
    pub kind: ConflictKind,
    templates: (String, String),
}

/// What two entries conflict in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictKind {
    /// The same template, method and host: one of them would never apply.
    Equal,
    /// Templates that differ only in case: an upstream that ignores case serves both from one place.
    Case,
}

/// A tree of templates for each host that routes name.
#[derive(Debug, Clone, Default)]
struct Levels {
    hosts: HashMap<Box<[u8]>, Node>,
    suffixes: HashMap<Box<[u8]>, Node>,
    /// The lengths that suffixes have, longest first, so that a long host costs no more than a short one.
    suffix_lengths: Vec<usize>,
    any: Node,
}

/// What has been matched so far: the segments from the root to here.
#[derive(Debug, Clone, Default)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    /// The literals that are not their own folded form, by that form.
    spellings: HashMap<Box<str>, Vec<Box<str>>>,
    any: Option<Box<Node>>,
    /// Templates that end here.
    here: Slots,
    /// Templates that end here in `**`.
    rest: Slots,
}

/// The entries of one template, by method. Indices into the table's rules.
#[derive(Debug, Clone, Default)]
struct Slots {
    listed: Vec<(Method, usize)>,
    unlisted: Option<usize>,
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
        Ok(Self { entries, levels, has_letter_case, skipped: SkippedReadings::default() })
    }

    /// The same table for upstreams that make no readings of these classes.
    #[must_use]
    pub fn skipping(self, skipped: SkippedReadings) -> Self {
        Self { skipped, ..self }
    }

    /// The classes of readings that are skipped.
    pub fn skipped(&self) -> SkippedReadings {
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
    pub fn lookup(&self, host: &[u8], method: &str, path: &str) -> Option<Found<'_, T>> {
        self.find(&comparable(host), method, path)
    }

    /// [`Table::lookup`] for a host that is [`comparable`] already.
    pub(super) fn find(&self, host: &[u8], method: &str, path: &str) -> Option<Found<'_, T>> {
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
    ) -> Vec<Option<Found<'_, T>>> {
        if self.skipped.contains(ReadingClass::LetterCase) || !self.has_letter_case && is_folded(path) {
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
        self.levels.find(&comparable(host), method, path, &mut visits);
        visits
    }

    fn found(&self, index: Option<usize>) -> Option<Found<'_, T>> {
        let index = index?;
        Some(Found { index, rule: &self.entries.get(index)?.rule })
    }
}

impl Levels {
    /// Puts an entry in its places, and tells which entries held one of them already.
    fn insert(
        &mut self,
        index: usize,
        template: &Template,
        methods: &[Method],
        hosts: &[HostPattern],
    ) -> Vec<usize> {
        let mut taken = Vec::new();
        let mut place = |root: &mut Node| {
            let node = root.descend(&template.segments());
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
                Kind::Exact => &mut self.hosts,
                Kind::Suffix => {
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

    fn find(&self, host: &[u8], method: &str, path: &str, visits: &mut usize) -> Option<usize> {
        let rest = rest_of(path)?;
        self.matching(host).find_map(|root| root.find(rest, method, visits))
    }

    /// As [`Levels::find`], with letter case ignored in every segment.
    fn find_folded(&self, host: &[u8], method: &str, path: &str) -> Option<usize> {
        let rest = rest_of(path)?;
        self.matching(host).find_map(|root| Nodes(vec![root]).find_folded(rest, method))
    }

    /// What is chosen where each segment is compared exactly, in lower case, or ignoring case: each choice once,
    /// `None` among them where some mixture finds nothing.
    fn find_in_each_case(&self, host: &[u8], method: &str, path: &str) -> Vec<Option<usize>> {
        let mut found = Vec::new();
        let Some(rest) = rest_of(path) else { return vec![None] };
        for root in self.matching(host) {
            let here = Nodes(vec![root]).find_in_each_case(rest, method, &mut Seen::default());
            let falls_through = here.contains(&None);
            here.into_iter().filter(Option::is_some).for_each(|choice| add_once(&mut found, choice));
            if !falls_through {
                return found;
            }
        }
        add_once(&mut found, None);
        found
    }

    /// The trees for a host, the most specific first.
    fn matching<'t>(&'t self, host: &[u8]) -> impl Iterator<Item = &'t Node> {
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

impl Node {
    fn descend(&mut self, segments: &[Segment]) -> &mut Self {
        let mut node = self;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literal(text),
                Segment::Any => node.any.get_or_insert_default(),
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

/// Nodes whose segments from the root differ in letter case at most, as one.
#[derive(Debug, Default)]
struct Nodes<'t>(Vec<&'t Node>);

/// What was found below some nodes, for what remained of the path by its length.
type Seen = HashMap<(Vec<*const Node>, usize), Vec<Option<usize>>>;

impl<'t> Nodes<'t> {
    fn find_folded(&self, rest: Option<&str>, method: &str) -> Option<usize> {
        let Some(rest) = rest else {
            return self.here(method).or_else(|| self.below(method));
        };
        if rest.is_empty() {
            return self.below(method).or_else(|| self.here(method));
        }
        let (segment, rest) = first_segment(rest);
        let literals = self.literals_ignoring_case(segment);
        literals
            .find_in(|nodes| nodes.find_folded(rest, method))
            .or_else(|| self.any(segment).find_in(|nodes| nodes.find_folded(rest, method)))
            .or_else(|| self.below(method))
    }

    /// What [`Levels::find_in_each_case`] says below these nodes. The same nodes are come by in many mixtures of
    /// comparisons, so what was found below them is kept: without it a few templates such as `/a/a/a/A` made each
    /// segment of a path double the work.
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
        let mut candidates = vec![self.literals(segment), self.literals_ignoring_case(segment)];
        candidates.extend(lower_cased(segment).iter().map(|lower| self.literals(lower)));
        let mut falls_through = false;
        for (position, nodes) in candidates.iter().enumerate() {
            if !candidates.iter().take(position).any(|earlier| earlier.is(nodes)) {
                falls_through |= nodes.choices_below(rest, method, &mut found, seen);
            }
        }
        if falls_through && self.any(segment).choices_below(rest, method, &mut found, seen) {
            add_once(&mut found, self.below(method));
        }
        seen.insert(key, found.clone());
        found
    }

    /// Adds what is chosen below these nodes, and tells whether some choice finds nothing there.
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

/// What follows the first slash: `None` at the end, `Some("")` after a slash at the end.
fn rest_of(path: &str) -> Option<Option<&str>> {
    match path.strip_prefix('/')? {
        "" => Some(None),
        rest => Some(Some(rest)),
    }
}

fn first_segment(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (rest, None),
    }
}

fn add_once(found: &mut Vec<Option<usize>>, choice: Option<usize>) {
    if !found.contains(&choice) {
        found.push(choice);
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
                // The same method or host twice in one entry means what it means once.
                Some(_) => {}
                None => self.listed.push((method.clone(), index)),
            }
        }
        taken
    }

    fn of(&self, method: &str) -> Option<usize> {
        let listed = |name: &str| {
            self.listed.iter().find(|(listed, _)| listed.as_str() == name).map(|(_, index)| *index)
        };
        // An upstream answers HEAD with what guards GET (RFC 9110 section 9.3.2).
        let followed = || if method == "HEAD" { listed("GET") } else { None };
        listed(method).or_else(followed).or(self.unlisted)
    }
}

/// Entries whose templates differ, but not when case is ignored. The first of each spelling is compared.
fn case_conflicts<T>(entries: &[Entry<T>]) -> Vec<Conflict> {
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
    fn between<T>(entries: &[Entry<T>], first: usize, second: usize, kind: ConflictKind) -> Option<Self> {
        let template = |index: usize| entries.get(index).map(|entry| entry.template.as_str().to_owned());
        Some(Self { first, second, kind, templates: (template(first)?, template(second)?) })
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, other) = &self.templates;
        let Self { first, second, kind, .. } = self;
        write!(f, "routes[{first}] (`{one}`) and routes[{second}] (`{other}`) ")?;
        f.write_str(match kind {
            ConflictKind::Equal => {
                "cover the same path, method and host, so one would never apply: remove one, or give them different \
                 methods or hosts"
            }
            ConflictKind::Case => {
                "differ only in case, which some upstreams ignore: spell the path one way, or remove one"
            }
        })
    }
}

// Not derived: a rule need not be `Clone` for a reference to one to be.
impl<T> Clone for Found<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Found<'_, T> {}
