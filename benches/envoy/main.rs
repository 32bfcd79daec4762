//! `make bench`: what a request costs, ours beside Envoy's own `jwt_authn`, in one Envoy with one worker.
//!
//! Every listener answers by itself (`direct_response`), so that only the filters differ. What is measured is the
//! Envoy process's own CPU time: the client that drives it, and whatever else the machine does, is not in the
//! figure. All scenarios are measured in each round, one after the other, in an order that changes from round to
//! round; a scenario's cost is taken over the listener without a filter in the same round, and ratios are taken within
//! a round, so that a machine that gets slower or faster changes both sides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark that meets the unexpected has failed, and says where; it measures with real clocks"
)]

mod algorithms;
mod listeners;
mod load;
mod memory;
mod plan;
mod proxy;
mod report;
mod tokens;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use load::Load;
use plan::{Plan, Scenario};
use proxy::Proxy;
use tokens::Tokens;

/// How much is measured.
struct Options {
    rounds: usize,
    /// All counts of requests are multiplied by this.
    scale: f64,
    /// Only table rows whose title contains it.
    only: String,
    /// So many requests with tokens seen before, to see whether memory grows; 0 for none.
    soak: usize,
    /// Another module to measure beside ours, in the same Envoy: how a change is judged.
    against: Option<PathBuf>,
    /// Every algorithm instead of the table.
    algorithms: bool,
}

impl Options {
    fn from_arguments() -> Self {
        let (only, against) = (String::new(), None);
        let mut options = Self { rounds: 11, scale: 1.0, only, soak: 0, against, algorithms: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = |what| arguments.next().unwrap_or_else(|| panic!("{argument} takes {what}"));
            match argument.as_str() {
                // What cargo itself passes.
                "--bench" => {}
                "--quick" => (options.rounds, options.scale) = (5, 0.4),
                "--rounds" => options.rounds = value("a number").parse().unwrap(),
                "--only" => options.only = value("words of a row's title"),
                "--soak" => options.soak = value("a number of requests").parse().unwrap(),
                "--against" => options.against = Some(value("a module").into()),
                "--algorithms" => options.algorithms = true,
                other => panic!(
                    "unknown argument {other}: --quick, --rounds N, --only WORDS, --soak REQUESTS, --against MODULE, \
                     --algorithms"
                ),
            }
        }
        options
    }
}

/// What a round measured: microseconds of CPU a request, by scenario.
type Round = BTreeMap<&'static str, f64>;

fn main() {
    let options = Options::from_arguments();
    if options.algorithms {
        return algorithms::run(options.rounds);
    }
    let started = Instant::now();
    let tokens = Tokens::load_or_mint(&output());
    let (plan, listeners) = match &options.against {
        Some(other) => (Plan::against(&options.only), listeners::against(&tokens, other)),
        None => (Plan::new(&options.only), listeners::all(&tokens)),
    };
    let proxy = Proxy::start(&listeners);
    let mut load = Load::new(&tokens);

    println!("warming up: {} scenarios", plan.scenarios.len());
    for scenario in &plan.scenarios {
        measure(&proxy, &mut load, scenario, 1.0);
    }
    let mut rounds: Vec<Round> = Vec::new();
    for number in 0..options.rounds {
        let round_started = Instant::now();
        let mut scenarios: Vec<&Scenario> = plan.scenarios.iter().collect();
        // Never twice the same neighbours, and nobody always first.
        scenarios.rotate_left(number * 7 % plan.scenarios.len());
        if number % 2 == 1 {
            scenarios.reverse();
        }
        let costs = scenarios
            .into_iter()
            .map(|scenario| (scenario.name, measure(&proxy, &mut load, scenario, options.scale)));
        rounds.push(costs.collect());
        println!("round {} of {}: {:.0?}", number + 1, options.rounds, round_started.elapsed());
    }
    let stats = proxy.stats();
    drop(proxy);

    let extras = if options.only.is_empty() && options.against.is_none() {
        memory::measure(&tokens, options.soak)
    } else {
        memory::Extras::default()
    };
    let report = report::Report { plan: &plan, rounds: &rounds, extras: &extras, stats: &stats };
    report.write(&output());
    println!("\n{}", report.markdown());
    println!("{:.0?} in all; also in target/bench/speed.md and target/bench/speed.json", started.elapsed());
}

/// Microseconds of Envoy's CPU time for one request of the scenario.
fn measure(proxy: &Proxy, load: &mut Load, scenario: &Scenario, scale: f64) -> f64 {
    let requests = ((scenario.requests as f64 * scale) as usize).max(load::CONNECTIONS);
    let before = proxy.cpu();
    let sent = load.drive(proxy.address(scenario.listener), scenario, requests);
    let spent = proxy.cpu_when_idle() - before;
    spent.as_secs_f64() * 1e6 / sent as f64
}

/// `target/bench`
fn output() -> PathBuf {
    let folder = root().join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn root() -> &'static Path {
    jwt_guard_testkit::repository()
}

/// The module under test: `$JWT_GUARD_WASM`, or the one that `make wasm` leaves.
fn module() -> PathBuf {
    let module = std::env::var_os("JWT_GUARD_WASM").map(PathBuf::from);
    let module = module.unwrap_or_else(|| root().join("target/jwt_guard.wasm"));
    assert!(module.exists(), "{} is missing: run `make wasm`", module.display());
    module
}

/// Standard output of a command that must succeed, without the space around it.
fn output_of(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Polls until there is something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
