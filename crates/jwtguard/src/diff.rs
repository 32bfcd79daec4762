//! Compares two policies: which requests pass now that did not pass, and which keys became weaker or stricter.
//!
//! The regions of requests come from the templates, hosts and methods of both policies. For one request of each region, the
//! core finds the requirements that apply, and the comparison is a proof that one demand follows from the other. What it
//! cannot prove counts as weaker.

mod atom;
mod classes;
mod demand;
mod effect;
mod formula;
mod keys;
mod paths;
mod regions;
mod segment;
mod side;
mod space;
mod witness;

pub use classes::Names;
pub use demand::{Change, Reason};
pub use keys::KeyChange;
pub use paths::Paths;
pub use regions::Coverage;
pub use side::{Policies, Side};
pub use witness::{Token, Witness};

use jwt_guard::time::UnixTime;
use regions::{Region, regions};
use witness::Witnesses;

/// The differences of two configurations.
#[derive(Debug)]
pub struct Comparison {
    /// The name of the configuration.
    pub name: String,
    /// The keys that changed.
    pub keys: Vec<KeyDifference>,
    /// The regions that changed.
    pub regions: Vec<RegionDifference>,
    /// Whether every region was compared.
    pub coverage: Coverage,
}

/// A key that changed.
#[derive(Debug)]
pub struct KeyDifference {
    /// The change.
    pub change: KeyChange,
    /// A request that shows it.
    pub witness: Option<Witness>,
}

/// Requests for which the policy changed in one way.
#[derive(Debug)]
pub struct RegionDifference {
    /// The change.
    pub change: Change,
    /// Why.
    pub reason: Reason,
    /// The paths.
    pub paths: Vec<Paths>,
    /// The hosts.
    pub hosts: Names,
    /// The methods.
    pub methods: Names,
    /// The old requirement in words.
    pub old: String,
    /// The new requirement in words.
    pub new: String,
    /// The host, the method and the path of one of the requests.
    pub sample: [String; 3],
    /// A request that only one of the policies lets pass.
    pub witness: Option<Witness>,
}

/// The differences of two files.
#[derive(Debug)]
pub struct Differences {
    /// Each pair of configurations.
    pub comparisons: Vec<Comparison>,
    /// The names of old configurations without a new one. Their requests may pass unchecked.
    pub only_old: Vec<String>,
    /// The names of new configurations without an old one.
    pub only_new: Vec<String>,
    /// The places of requirements in route metadata that differ.
    pub metadata: Vec<String>,
}

/// Whether to look for requests that show a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Look for a request for each change.
    Witnesses,
    /// Only compare.
    Nothing,
}

impl Differences {
    /// Whether anything became weaker.
    pub fn is_weaker(&self) -> bool {
        self.count(Change::Weaker) > 0
    }

    /// The number of changes of one kind.
    pub fn count(&self, change: Change) -> usize {
        let of_comparisons = self.comparisons.iter().map(|comparison| comparison.count(change));
        let of_comparisons: usize = of_comparisons.sum();
        of_comparisons
            + match change {
                // What is not decided counts as weaker.
                Change::Weaker => self.only_old.len() + self.metadata.len(),
                Change::Stricter => 0,
                Change::Other => self.only_new.len(),
            }
    }
}

impl Comparison {
    /// The number of changes of one kind.
    pub fn count(&self, change: Change) -> usize {
        let keys = self.keys.iter().filter(|key| key.change.change == change).count();
        let regions = self.regions.iter().filter(|region| region.change == change).count();
        let undecided = self.coverage == Coverage::TooMany && change == Change::Weaker;
        keys + regions + usize::from(undecided)
    }
}

/// Compares the configurations of two files by their names. Two files with one configuration each are compared whatever the
/// names are.
pub fn compare_files(old: &Policies, new: &Policies, now: UnixTime) -> Differences {
    let mut differences = Differences {
        comparisons: Vec::new(),
        only_old: Vec::new(),
        only_new: Vec::new(),
        metadata: metadata_differences(old, new),
    };
    if let ([old], [new]) = (old.sides.as_slice(), new.sides.as_slice()) {
        differences.comparisons.push(compare(old, new, now, Search::Witnesses));
        return differences;
    }
    for side in &old.sides {
        match new.sides.iter().find(|new| new.name == side.name) {
            Some(new) => differences.comparisons.push(compare(side, new, now, Search::Witnesses)),
            None => differences.only_old.push(side.name.clone()),
        }
    }
    let is_known = |side: &&Side| old.sides.iter().any(|old| old.name == side.name);
    let only_new = new.sides.iter().filter(|side| !is_known(side));
    differences.only_new.extend(only_new.map(|side| side.name.clone()));
    differences
}

fn metadata_differences(old: &Policies, new: &Policies) -> Vec<String> {
    let lacking = |one: &Policies, other: &Policies| -> Vec<String> {
        let differing = one.metadata.iter().filter(|entry| !other.metadata.contains(entry));
        differing.map(|(place, _)| place.clone()).collect()
    };
    let mut places = lacking(old, new);
    places.extend(lacking(new, old));
    places.sort_unstable();
    places.dedup();
    places
}

/// Compares two configurations.
pub fn compare(old: &Side, new: &Side, now: UnixTime, search: Search) -> Comparison {
    let found = regions([&old.config, &new.config]);
    let mut witnesses = (search == Search::Witnesses).then(|| Witnesses::new(old, new, now));
    let mut differences = Vec::with_capacity(found.regions.len());
    for region in &found.regions {
        let Some(outcome) = found.effects.outcome(region.outcome) else { continue };
        let witness = witnesses.as_mut().and_then(|witnesses| witnesses.of_region(region, outcome));
        differences.push(RegionDifference {
            change: outcome.change(),
            reason: outcome.reason(),
            paths: region.paths.clone(),
            hosts: region.hosts.clone(),
            methods: region.methods.clone(),
            old: outcome.old.words().to_owned(),
            new: outcome.new.words().to_owned(),
            sample: region.sample.clone(),
            witness,
        });
    }
    let keys = keys::key_changes(old, new).into_iter().map(|change| {
        let witness = witnesses.as_mut().and_then(|witnesses| witnesses.of_key(&change));
        KeyDifference { change, witness }
    });
    Comparison {
        name: new.name.clone(),
        keys: keys.collect(),
        regions: differences,
        coverage: found.coverage,
    }
}
