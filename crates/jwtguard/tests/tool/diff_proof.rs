//! `diff` against brute force: generated pairs of policies, and every request of a grid with every token.
//!
//! `JWTGUARD_DIFF_PAIRS` sets the number of pairs.

mod grid;
mod policies;

use std::collections::BTreeMap;

use jwt_guard::time::UnixTime;
use jwtguard::diff::{
    Change, Comparison, Names, Policies, Reason, RegionDifference, Search, Side, Token, compare,
};
use jwtguard::inspect::documents;
use jwtguard::inspect::simulation::{Simulator, TestCredential, TestRequest};

use grid::{Grid, Passes, Request, is_in};
use policies::{Generator, Policy};

/// The number of pairs without `JWTGUARD_DIFF_PAIRS`.
const PAIRS: usize = 10_000;

/// One pair in so many is compared with a search for witnesses.
const WITNESSED: usize = 20;

/// The number of threads, each with its own part of the pairs.
const THREADS: usize = 2;

pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// What the pairs showed.
#[derive(Debug, Default)]
struct Tally {
    pairs: usize,
    /// Pairs for which some request passes only under the new policy.
    weaker_pairs: usize,
    equal_pairs: usize,
    requests: usize,
    regions: usize,
    witnesses: usize,
    without_witness: usize,
    /// Regions that changed although the grid shows no difference, by their kind.
    unconfirmed: BTreeMap<String, usize>,
}

#[test]
fn diff_finds_what_brute_force_finds() {
    let pairs = std::env::var("JWTGUARD_DIFF_PAIRS").ok().map_or(PAIRS, |text| text.parse().unwrap());
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || compared(thread, pairs))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let mut unconfirmed: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, count) in tallies.iter().flat_map(|tally| &tally.unconfirmed) {
        *unconfirmed.entry(kind.as_str()).or_default() += count;
    }
    let regions = sum(|tally| tally.regions);
    println!(
        "{} pairs ({} weaker, {} equal), {} requests, {regions} regions, {} witnesses, {} without, unconfirmed {unconfirmed:?}",
        sum(|tally| tally.pairs),
        sum(|tally| tally.weaker_pairs),
        sum(|tally| tally.equal_pairs),
        sum(|tally| tally.requests),
        sum(|tally| tally.witnesses),
        sum(|tally| tally.without_witness),
    );
    assert_eq!(sum(|tally| tally.pairs), pairs);
    assert!(sum(|tally| tally.weaker_pairs) * 4 > pairs, "the pairs must differ");
    assert!(sum(|tally| tally.equal_pairs) * 50 > pairs, "some pairs must be equal");
    for (kind, count) in &unconfirmed {
        assert!(UNDECIDED.contains(kind), "{kind}: {count}");
    }
    assert!(unconfirmed.values().sum::<usize>() * 100 <= regions, "{unconfirmed:?} of {regions}");
}

/// The kinds of regions that `diff` reports although the grid shows no difference.
///
/// `diff` has proven one direction of the kinds with `Implication`. The other one is not proven, or the grid has no token
/// that shows the difference: it has not every array of values.
const UNDECIDED: [&str; 4] = [EQUALS, "Weaker Unproven", "Weaker Implication", "Stricter Implication"];

fn compared(thread: usize, pairs: usize) -> Tally {
    let grid = Grid::new();
    let mut tally = Tally::default();
    for number in (0..pairs).filter(|number| number % THREADS == thread) {
        let (old, new) = Generator::new(number as u64).pair();
        let (Some(old), Some(new)) = (side(&old), side(&new)) else { panic!("{old:?} {new:?}") };
        let search = if number % WITNESSED == 0 { Search::Witnesses } else { Search::Nothing };
        let comparison = compare(&old, &new, NOW, search);
        check(number, &grid, [&old, &new], &comparison, &mut tally);
        for region in comparison.regions.iter().filter(|_| search == Search::Witnesses) {
            check_witness(number, [&old, &new], region, &mut tally);
        }
        tally.pairs += 1;
    }
    tally
}

/// The configuration of a policy. Every generated policy is valid.
fn side(policy: &Policy) -> Option<Side> {
    let documents = documents("policy.json", &policy.to_json().to_string()).unwrap();
    Policies::read(&documents).ok()?.sides.into_iter().next()
}

fn check(number: usize, grid: &Grid, [old, new]: [&Side; 2], comparison: &Comparison, tally: &mut Tally) {
    let requests = grid.requests([&old.config, &new.config]);
    tally.requests += requests.len();
    let differences: Vec<(&Request<'_>, Passes, Passes)> = requests
        .iter()
        .map(|request| (request, grid.passes(&old.config, request), grid.passes(&new.config, request)))
        .filter(|(_, old, new)| old != new)
        .collect();
    let opened = differences.iter().filter(|(_, old, new)| !new.is_within(old));
    let opened: Vec<&Request<'_>> = opened.map(|(request, ..)| *request).collect();
    // Sound: each request that passes only now is in a weaker region.
    let weaker: Vec<&RegionDifference> =
        comparison.regions.iter().filter(|region| region.change == Change::Weaker).collect();
    for request in &opened {
        assert!(
            weaker.iter().any(|region| is_in(region, request)),
            "pair {number}: {request:?} is opened, but in no weaker region\n{}\n{}\n{comparison:#?}",
            old.tree.to_json(),
            new.tree.to_json()
        );
    }
    // Complete: the sample of each region shows its change, except for kinds that are not decided.
    for region in &comparison.regions {
        tally.regions += 1;
        let [host, method, path] = &region.sample;
        let request = Request { host, method, path };
        assert!(is_in(region, &request), "pair {number}: {region:#?}");
        let (before, after) = (grid.passes(&old.config, &request), grid.passes(&new.config, &request));
        let is_shown = match region.change {
            Change::Weaker => !after.is_within(&before),
            Change::Stricter => after.is_within(&before) && before != after,
            Change::Other => before == after,
        };
        if !is_shown {
            let kind = kind(region);
            if std::env::var("JWTGUARD_DIFF_SHOW").is_ok() {
                println!(
                    "pair {number}: {kind}\n{region:#?}\n{}\n{}",
                    old.tree.to_json(),
                    new.tree.to_json()
                );
            }
            *tally.unconfirmed.entry(kind).or_default() += 1;
        }
    }
    tally.weaker_pairs += usize::from(!opened.is_empty());
    tally.equal_pairs += usize::from(differences.is_empty());
}

fn kind(region: &RegionDifference) -> String {
    if [&region.old, &region.new].iter().any(|words| words.contains("equal to the path parameter")) {
        // The grid has no token with the segment of each region.
        return EQUALS.to_owned();
    }
    format!("{:?} {:?}", region.change, region.reason)
}

const EQUALS: &str = "equals: path";

/// A witness is real: a new simulation of both policies gives the answers that it has.
fn check_witness(number: usize, sides: [&Side; 2], region: &RegionDifference, tally: &mut Tally) {
    let Some(witness) = &region.witness else {
        tally.without_witness += usize::from(region.reason == Reason::Implication);
        return;
    };
    tally.witnesses += 1;
    let request = TestRequest {
        method: witness.method.clone(),
        path: witness.path.clone(),
        host: witness.host.clone(),
        headers: witness.headers.clone(),
        client_certificate: None,
        dpop: false,
        route_metadata: None,
        route_annotation: None,
        gateway_annotation: None,
        second_tokens: Vec::new(),
    };
    let credential = match &witness.token {
        Token::None => TestCredential::None,
        Token::Claims(claims) => TestCredential::Claims { claims: claims.clone(), header: None },
    };
    let [old, new] = sides.map(|side| {
        Simulator::new(&side.config, &side.tree, UnixTime::from_secs(witness.now))
            .run(&request, &credential)
            .unwrap()
    });
    let (refusing, passing) = match region.change {
        Change::Weaker => (old, new),
        Change::Stricter => (new, old),
        Change::Other => panic!("pair {number}: a witness of {region:?}"),
    };
    assert!(!refusing.passes() && passing.passes(), "pair {number}: {region:#?}");
}

/// Whether the names include one.
pub fn includes(names: &Names, is_listed: impl Fn(&str) -> bool) -> bool {
    match names {
        Names::Any => true,
        Names::Only(list) => list.iter().any(|name| is_listed(name)),
        Names::Except(list) => !list.iter().any(|name| is_listed(name)),
    }
}
