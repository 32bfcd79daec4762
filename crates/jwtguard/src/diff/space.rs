//! The paths that two policies tell apart: a walk over the templates of both.

use std::collections::HashMap;

use super::classes::{self, Class};
use super::segment::{Sample, Segment, samples};
use jwt_guard::config::Config;
use jwt_guard::route::{Entry, HostPattern, VariantClass};

/// The templates of both policies.
pub(super) struct Space {
    patterns: Vec<Pattern>,
    /// Whether one of the policies ignores letter case for some path variants.
    ignores_case: bool,
}

/// What a route or a guard matches.
struct Pattern {
    segments: Vec<Segment>,
    covers_rest: bool,
    methods: Vec<String>,
    hosts: Vec<HostPattern>,
}

/// The templates that a path matches, and those that a longer path can match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    depth: usize,
    /// The templates with more segments, by their index.
    open: Vec<usize>,
    /// The templates that end in `**`, and have no more segments.
    covering: Vec<usize>,
    /// The templates that end here.
    ended: Vec<usize>,
}

impl Space {
    pub fn new(configs: [&Config; 2]) -> Self {
        let mut patterns = Vec::new();
        for config in configs {
            add(config.routes.entries(), &mut patterns);
            add(config.guards.entries(), &mut patterns);
        }
        let ignores = |config: &&Config| !config.routes.skipped().contains(VariantClass::LetterCase);
        Self { patterns, ignores_case: configs.iter().any(ignores) }
    }

    /// The state of the path `/`.
    pub fn start(&self) -> State {
        self.state(0, (0..self.patterns.len()).collect(), Vec::new())
    }

    fn state(&self, depth: usize, matched: Vec<usize>, mut covering: Vec<usize>) -> State {
        let (mut open, mut ended) = (Vec::new(), Vec::new());
        for index in matched {
            match self.patterns.get(index) {
                Some(pattern) if pattern.segments.len() > depth => open.push(index),
                Some(pattern) if pattern.covers_rest => covering.push(index),
                _ => ended.push(index),
            }
        }
        State { depth, open, covering, ended }
    }

    /// The samples of the next segment, with the state that each leads to.
    pub fn children(&self, state: &State) -> Vec<(Sample, State)> {
        let at = |index: usize| self.patterns.get(index)?.segments.get(state.depth);
        let segments: Vec<&Segment> = state.open.iter().filter_map(|index| at(*index)).collect();
        let samples = samples(&segments, state.depth, self.ignores_case);
        let (mut literals, mut others): (HashMap<String, Vec<usize>>, Vec<usize>) = Default::default();
        for index in state.open.iter().copied() {
            match at(index) {
                Some(Segment::Literal(text)) => literals.entry(text.to_lowercase()).or_default().push(index),
                _ => others.push(index),
            }
        }
        let next = |sample: Sample| {
            let matches =
                |index: &usize| at(*index).is_some_and(|segment| segment.matches_ignoring_case(&sample.text));
            let same = literals.get(&sample.text.to_lowercase()).into_iter().flatten().copied();
            let matched = same.chain(others.iter().copied().filter(matches)).collect();
            let next = self.state(state.depth + 1, matched, state.covering.clone());
            (sample, next)
        };
        samples.into_iter().map(next).collect()
    }

    /// The hosts that the templates of the path tell apart.
    pub fn hosts(&self, state: &State) -> Vec<Class> {
        let patterns: Vec<_> = self.matched(state).flat_map(|pattern| &pattern.hosts).collect();
        classes::hosts(&patterns)
    }

    /// The methods that the templates of the path tell apart.
    pub fn methods(&self, state: &State) -> Vec<Class> {
        let listed: Vec<_> = self.matched(state).flat_map(|pattern| &pattern.methods).collect();
        classes::methods(&listed.into_iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn matched(&self, state: &State) -> impl Iterator<Item = &Pattern> {
        let matched = state.covering.iter().chain(&state.ended);
        matched.filter_map(|index| self.patterns.get(*index))
    }
}

impl State {
    /// Whether all longer paths match the same templates.
    pub fn is_last(&self) -> bool {
        self.open.is_empty()
    }

    /// The state in which the open templates match too.
    pub fn with_open(&self) -> Self {
        let ended = self.ended.iter().chain(&self.open).copied().collect();
        Self { open: Vec::new(), ended, ..self.clone() }
    }
}

fn add<T>(entries: &[Entry<T>], patterns: &mut Vec<Pattern>) {
    patterns.extend(entries.iter().map(|entry| Pattern {
        segments: entry.template.segments().map(Segment::from).collect(),
        covers_rest: entry.template.covers_rest(),
        methods: entry.methods.iter().map(ToString::to_string).collect(),
        hosts: entry.hosts.clone(),
    }));
}
