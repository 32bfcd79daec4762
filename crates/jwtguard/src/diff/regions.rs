//! The regions of requests that changed.

use std::collections::BTreeMap;

use super::classes::{Class, Names};
use super::demand::{Change, Reason};
use super::effect::{Effects, Outcome, OutcomeIndex};
use super::paths::{Paths, request_path};
use super::segment::{FREE, Sample, Spelling};
use super::space::{Space, State};
use jwt_guard::config::Config;

/// The greatest number of requests that are compared: about a minute. More regions are not decided.
const MAX_REQUESTS: usize = 4_000_000;

/// Requests for which the policy changed in one way.
#[derive(Debug)]
pub(super) struct Region {
    pub paths: Vec<Paths>,
    pub hosts: Names,
    pub methods: Names,
    pub outcome: OutcomeIndex,
    /// A request of the region: host, method and path.
    pub sample: [String; 3],
}

/// The regions that changed, and whether every region was compared.
pub(super) struct Regions<'c> {
    pub regions: Vec<Region>,
    pub effects: Effects<'c>,
    pub coverage: Coverage,
}

/// Whether every region was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every region was compared.
    Complete,
    /// There are too many.
    TooMany,
}

/// The result for the requests with one path.
type Slices = Vec<Slice>;

/// The result for some hosts and methods.
#[derive(Debug, Clone)]
struct Slice {
    hosts: Names,
    methods: Names,
    outcome: Option<OutcomeIndex>,
    sample: [String; 2],
}

/// Two results are the same for another sample of the same hosts and methods.
impl PartialEq for Slice {
    fn eq(&self, other: &Self) -> bool {
        (&self.hosts, &self.methods, self.outcome) == (&other.hosts, &other.methods, other.outcome)
    }
}

struct Part {
    paths: Paths,
    slice: Slice,
    outcome: OutcomeIndex,
}

struct Walk<'s, 'c> {
    space: &'s Space,
    effects: Effects<'c>,
    ordinary: Vec<Part>,
    unusual: Vec<Part>,
    requests: usize,
}

/// Compares the policies for each region.
pub(super) fn regions<'c>(configs: [&'c Config; 2]) -> Regions<'c> {
    let space = Space::new(configs);
    let mut walk = Walk {
        space: &space,
        effects: Effects::new(configs),
        ordinary: Vec::new(),
        unusual: Vec::new(),
        requests: 0,
    };
    let start = space.start();
    if let Some(slices) = walk.node(&start, &[]) {
        walk.add(Spelling::Ordinary, &Paths::below(&[]), slices);
    }
    // A request for the server as a whole matches no route, and the guards for every path.
    let slices = walk.slices(&start, "*");
    walk.add(Spelling::Ordinary, &Paths::no_path(), slices);
    let coverage = if walk.requests > MAX_REQUESTS { Coverage::TooMany } else { Coverage::Complete };
    Regions { regions: grouped(walk.ordinary, walk.unusual, &walk.effects), effects: walk.effects, coverage }
}

impl Walk<'_, '_> {
    /// The result that all paths at and below this one have. If they differ, adds the parts and returns nothing.
    fn node(&mut self, state: &State, path: &[Sample]) -> Option<Slices> {
        let own = self.slices(state, &request_path(path));
        if !path.is_empty() {
            self.add_unusual(state, Paths::exactly(path).with_slash());
        }
        // Of the last state, the path with an empty segment has the result of the other paths below.
        let (ordinary, unusual): (Vec<_>, Vec<_>) = self
            .space
            .children(state)
            .into_iter()
            .partition(|(sample, _)| sample.spelling == Spelling::Ordinary);
        let samples: Vec<Sample> = ordinary.iter().map(|(sample, _)| sample.clone()).collect();
        let below = |sample: &Sample| [path, std::slice::from_ref(sample)].concat();
        let mut results = Vec::new();
        for (sample, next) in &ordinary {
            if self.requests > MAX_REQUESTS {
                break;
            }
            let path = below(sample);
            // All paths below the last state have the same result.
            let result = match state.is_last() {
                true => Some(self.slices(next, &request_path(&path))),
                false => self.node(next, &path),
            };
            results.push((path, result));
        }
        for (sample, next) in unusual.iter().filter(|_| !state.is_last()) {
            self.unusual_child(state, next, (&below(sample), &samples));
        }
        if results.iter().all(|(_, result)| result.as_ref() == Some(&own)) {
            return Some(own);
        }
        self.add(Spelling::Ordinary, &Paths::exactly(path), own);
        for (path, result) in results {
            if let Some(slices) = result {
                self.add(Spelling::Ordinary, &Paths::below(&path).without_siblings(&samples), slices);
            }
        }
        None
    }

    /// The paths at and below one with an unusual spelling. `siblings` are the samples of its last segment.
    fn unusual_child(&mut self, parent: &State, state: &State, (path, siblings): (&[Sample], &[Sample])) {
        if let Some((last, before)) = path.split_last()
            && last.text.is_empty()
        {
            // Also read without the empty segment, so that every template below the parent can match.
            let next = siblings.iter().find(|sibling| sibling.shown == FREE);
            let paths = next.map(|next| Paths::exactly(before).with_empty_segment(next));
            return paths.into_iter().for_each(|paths| self.add_unusual(&parent.with_open(), paths));
        }
        self.add_unusual(state, Paths::exactly(path));
        self.add_unusual(state, Paths::exactly(path).with_slash());
        let children = self.space.children(state);
        let samples: Vec<Sample> = children.iter().map(|(sample, _)| sample.clone()).collect();
        for (sample, next) in children {
            if self.requests > MAX_REQUESTS {
                break;
            }
            let path = [path, &[sample]].concat();
            if state.is_last() && sample_is_free(&path) {
                // All paths below have the same result, also those with an empty segment.
                self.add_unusual(&next, Paths::below(&path));
            } else if !state.is_last() {
                self.unusual_child(state, &next, (&path, &samples));
            }
        }
    }

    fn add_unusual(&mut self, state: &State, paths: Paths) {
        let slices = self.slices(state, &paths.sample);
        self.add(Spelling::Unusual, &paths, slices);
    }

    fn add(&mut self, spelling: Spelling, paths: &Paths, slices: Slices) {
        let parts = slices
            .into_iter()
            .filter_map(|slice| Some(Part { paths: paths.clone(), outcome: slice.outcome?, slice }));
        match spelling {
            Spelling::Ordinary => self.ordinary.extend(parts),
            Spelling::Unusual => self.unusual.extend(parts),
        }
    }

    /// The results for the requests with this path, by host and method.
    fn slices(&mut self, state: &State, path: &str) -> Slices {
        let (hosts, methods) = (self.space.hosts(state), self.space.methods(state));
        self.requests += hosts.len() * methods.len();
        let mut rows: BTreeMap<Vec<Option<OutcomeIndex>>, Vec<&Class>> = BTreeMap::new();
        for host in &hosts {
            let row = methods.iter().map(|method| self.effects.compare(&host.sample, &method.sample, path));
            rows.entry(row.collect()).or_default().push(host);
        }
        let mut slices = Slices::new();
        for (row, of_row) in rows {
            let mut columns: BTreeMap<Option<OutcomeIndex>, Vec<&Class>> = BTreeMap::new();
            for (outcome, method) in row.iter().zip(&methods) {
                columns.entry(*outcome).or_default().push(method);
            }
            for (outcome, of_column) in columns {
                // The last class is that of all others, the most usual request.
                let get = of_column.iter().find(|method| method.sample == "GET");
                let sample =
                    |class: Option<&&Class>| class.map(|class| class.sample.clone()).unwrap_or_default();
                slices.push(Slice {
                    sample: [sample(of_row.last()), sample(get.or(of_column.last()))],
                    hosts: Names::of(&of_row, &hosts),
                    methods: Names::of(&of_column, &methods),
                    outcome,
                });
            }
        }
        slices
    }
}

/// Whether the last segment stands for every other text.
fn sample_is_free(path: &[Sample]) -> bool {
    path.last().is_some_and(|sample| sample.shown == FREE)
}

/// Joins the parts with the same result. An unusual spelling is a region of its own only if the path that it stands for did
/// not change in the same way.
fn grouped(ordinary: Vec<Part>, unusual: Vec<Part>, effects: &Effects<'_>) -> Vec<Region> {
    let change = |part: &Part| effects.outcome(part.outcome).map(|outcome| outcome.verdict.change);
    let is_covered = |part: &Part| {
        ordinary.iter().any(|other| {
            change(part) == change(other)
                && other.paths.covers_reading_of(&part.paths)
                && other.slice.hosts.cover(&part.slice.hosts)
                && other.slice.methods.cover(&part.slice.methods)
        })
    };
    let spelled: Vec<Part> = unusual.into_iter().filter(|part| !is_covered(part)).collect();
    let mut regions: Vec<Region> = Vec::new();
    for Part { paths, slice, outcome } in ordinary.into_iter().chain(spelled) {
        let Slice { hosts, methods, sample: [host, method], .. } = slice;
        let is_same = |known: &&mut Region| {
            known.outcome == outcome && known.hosts == hosts && known.methods == methods
        };
        match regions.iter_mut().find(is_same) {
            Some(known) => known.paths.push(paths),
            None => {
                let sample = [host, method, paths.sample.clone()];
                regions.push(Region { paths: vec![paths], hosts, methods, outcome, sample });
            }
        }
    }
    let order = |region: &Region| {
        let verdict = effects.outcome(region.outcome).map(|outcome| &outcome.verdict);
        verdict.map(|verdict| (verdict.change, verdict.reason))
    };
    regions.sort_by_key(order);
    regions
}

impl Outcome {
    pub fn change(&self) -> Change {
        self.verdict.change
    }

    pub fn reason(&self) -> Reason {
        self.verdict.reason
    }
}
