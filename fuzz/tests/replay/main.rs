//! Runs every property on the committed seeds and on mutations of them for a few seconds, without libFuzzer.
//! `JWT_GUARD_FUZZ_SECONDS` sets the number of seconds per property; the default is 2.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an unexpected result fails the test with its location; clippy treats only #[test] functions as tests"
)]

mod mutation;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jwt_guard_fuzz as properties;
use mutation::Mutator;

const DEFAULT_SECONDS: u64 = 2;

/// Seeds are few and small, so that they can be reviewed.
const MAX_SEEDS: usize = 60;
const MAX_SEED_BYTES: usize = 4096;

#[test]
fn token() {
    replay("token");
}

#[test]
fn signature() {
    replay("signature");
}

#[test]
fn jwks() {
    replay("jwks");
}

#[test]
fn config() {
    replay("config");
}

#[test]
fn readings() {
    replay("readings");
}

#[test]
fn own_spelling() {
    replay("own_spelling");
}

#[test]
fn header_values() {
    replay("header_values");
}

#[test]
fn metadata() {
    replay("metadata");
}

#[test]
fn bearer() {
    replay("bearer");
}

#[test]
fn hosts() {
    replay("hosts");
}

#[test]
fn request() {
    replay("request");
}

#[test]
fn revocation_list() {
    replay("revocation_list");
}

/// A new property needs a target, seeds and a test.
#[test]
fn every_property_has_a_target_seeds_and_a_test() {
    let names: BTreeSet<String> = properties::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let listed = |folder: &str, end: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| name.strip_suffix(end).map(str::to_owned)).collect()
    };
    assert_eq!(listed("libfuzzer/targets", ".rs"), names);
    assert_eq!(listed("seeds", ""), names);
    let tests: BTreeSet<String> = include_str!("main.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("replay(\"")?.strip_suffix("\");").map(str::to_owned))
        .collect();
    assert_eq!(tests, names);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Runs the property on its seeds, then on mutations of them. Some seeds must be accepted and some rejected, because a
/// property that sees only one kind asserts little.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock only limits the duration of the test; no result depends on it"
)]
fn replay(name: &str) {
    let (_, property) = properties::ALL.iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds(name);
    let accepted = seeds.iter().filter(|seed| check(*property, seed)).count();
    assert!(accepted > 0 && accepted < seeds.len(), "{accepted} of {} seeds are accepted", seeds.len());

    let seconds =
        std::env::var("JWT_GUARD_FUZZ_SECONDS").map_or(DEFAULT_SECONDS, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut mutator = Mutator::new(&seeds);
    while Instant::now() < end {
        check(*property, &mutator.next());
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(root().join("seeds").join(name)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() <= MAX_SEEDS, "{} seeds", paths.len());
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(seeds.iter().all(|seed| seed.len() <= MAX_SEED_BYTES), "a seed is too long");
    seeds
}

/// Prints the input if the property panics. `printf` turns the printed text into a seed.
fn check(property: properties::Property, data: &[u8]) -> bool {
    struct PrintOnPanic<'a>(&'a [u8]);
    impl Drop for PrintOnPanic<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the failing input is \"{}\"", self.0.escape_ascii());
            }
        }
    }
    let _guard = PrintOnPanic(data);
    property(data)
}
