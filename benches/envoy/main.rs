//! `make bench`: the CPU cost of a request with our filter and with Envoy's `jwt_authn`, in the same Envoy.
//!
//! Every listener answers with a `direct_response`, so that only the filters differ. The benchmark measures the CPU
//! time of the Envoy process only; it excludes the client and other processes. Each round measures all scenarios twice,
//! one after the other, in an order that changes from half to half and from round to round. The figure of a round is the
//! mean of both runs; the report prints how far they differ. The cost of a scenario is the difference from the listener
//! without a filter in the same round. Ratios are also computed within a round, so that changes in the machine's speed
//! affect both sides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "an unexpected result must stop the benchmark with its location; the benchmark measures with real clocks"
)]

mod algorithms;
mod dpop;
mod figures;
mod listeners;
mod load;
mod memory;
mod plan;
mod policies;
mod proxy;
mod report;
mod tokens;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use load::Load;
use plan::{Plan, Scenario};
use proxy::Proxy;
use tokens::Tokens;

/// The command-line options.
struct Options {
    rounds: usize,
    /// A factor for all request counts.
    scale: f64,
    /// Measures only table rows whose title contains this text.
    only: String,
    /// The number of additional requests after which memory is measured again, to detect growth; 0 for none.
    soak: usize,
    /// Another build of the module to compare with, in the same Envoy: this measures the effect of a change.
    against: Option<PathBuf>,
    /// Measures every algorithm instead of the table.
    algorithms: bool,
    /// Measures DPoP instead of the table.
    dpop: bool,
    /// Measures the memory of one to eight policies instead of the table.
    memory: bool,
}

impl Options {
    fn from_arguments() -> Self {
        let (only, against) = (String::new(), None);
        let mut options = Self {
            rounds: 11,
            scale: 1.0,
            only,
            soak: 0,
            against,
            algorithms: false,
            dpop: false,
            memory: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value =
                |what| arguments.next().unwrap_or_else(|| panic!("{argument} needs a value: {what}"));
            match argument.as_str() {
                // cargo passes this argument.
                "--bench" => {}
                "--quick" => (options.rounds, options.scale) = (5, 0.4),
                "--rounds" => options.rounds = value("a number").parse().unwrap(),
                "--only" => options.only = value("text in a row's title"),
                "--soak" => options.soak = value("a number of requests").parse().unwrap(),
                // cargo runs the benchmark in the folder of its package.
                "--against" => options.against = Some(root().join(value("a module"))),
                "--algorithms" => options.algorithms = true,
                "--dpop" => options.dpop = true,
                "--memory" => options.memory = true,
                other => panic!(
                    "unknown argument {other}; expected --quick, --rounds N, --only TEXT, --soak REQUESTS, \
                     --against MODULE, --algorithms, --dpop or --memory"
                ),
            }
        }
        options
    }
}

/// One measurement of a scenario.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Microseconds of Envoy's CPU time per request.
    cost: f64,
    /// The share of the time in which Envoy used a core.
    ran: f64,
    /// The share of the time in which Envoy used a core, or its worker waited for one: in the rest, the worker slept, because
    /// the client had not sent enough.
    busy: f64,
}

/// What a round measures for a row of the table: for each of its scenarios, the run in the even and the one in the odd
/// slices.
#[derive(Debug, Clone, Copy)]
struct Measured {
    ours: [Run; 2],
    reference: [Run; 2],
    /// The listener without a filter.
    base: [Run; 2],
}

/// One measurement of each row, in the order of the plan.
type Round = Vec<Measured>;

/// The number of slices of a row in a round. Each slice sends a few requests of each scenario of the row, in a few hundredths
/// of a second. Other processes change the speed of the machine within seconds, so that all scenarios of a row run at the
/// same speeds. A multiple of [`figures::ORDERS`], so that each order occurs equally often.
const SLICES: usize = 2 * figures::ORDERS;

fn main() {
    let options = Options::from_arguments();
    if options.algorithms {
        return algorithms::run(options.rounds);
    }
    if options.dpop {
        return dpop::run(options.rounds);
    }
    if options.memory {
        return policies::run();
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
        measure(&proxy, &mut load, scenario, 0.5);
    }
    let mut rounds: Vec<Round> = Vec::new();
    for number in 0..options.rounds {
        let round_started = Instant::now();
        rounds.push(
            plan.rows
                .iter()
                .map(|row| measure_row(&proxy, &mut load, &plan.scenarios_of(row), number, options.scale))
                .collect(),
        );
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
    println!("total {:.0?}; report in target/bench/speed.md and target/bench/speed.json", started.elapsed());
}

/// Measures our scenario, the reference and the base of a row in slices.
fn measure_row(
    proxy: &Proxy,
    load: &mut Load,
    scenarios: &[&Scenario; 3],
    round: usize,
    scale: f64,
) -> Measured {
    for scenario in scenarios {
        // Other rows have evicted the repeated tokens.
        load.fill_caches(proxy.address(scenario.listener), scenario);
    }
    let mut sums = [[Sum::default(); 2]; 3];
    for slice in 0..SLICES {
        for index in figures::order(round, slice) {
            sums[index][slice % 2].add(measure(proxy, load, scenarios[index], scale / SLICES as f64));
        }
    }
    let [ours, reference, base] = sums.map(|halves| halves.map(Sum::run));
    Measured { ours, reference, base }
}

/// What requests cost together.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    requests: usize,
    /// Seconds of Envoy's CPU time.
    spent: f64,
    /// Seconds in which the worker waited for a core.
    waited: f64,
    /// Seconds.
    took: f64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.spent += other.spent;
        self.waited += other.waited;
        self.took += other.took;
    }

    fn run(self) -> Run {
        Run {
            cost: self.spent * 1e6 / self.requests as f64,
            ran: (self.spent / self.took).min(1.0),
            busy: ((self.spent + self.waited) / self.took).min(1.0),
        }
    }
}

/// Sends requests of the scenario and measures what they cost.
fn measure(proxy: &Proxy, load: &mut Load, scenario: &Scenario, scale: f64) -> Sum {
    let address = proxy.address(scenario.listener);
    let requests = ((scenario.requests as f64 * scale) as usize).max(load::CONNECTIONS);
    let (before, waited_before) = (proxy.cpu_when_idle(), proxy.waited());
    let started = Instant::now();
    let requests = load.drive(address, scenario, requests);
    let (took, waited) = (started.elapsed().as_secs_f64(), proxy.waited() - waited_before);
    let spent = (proxy.cpu_when_idle() - before).as_secs_f64();
    Sum { requests, spent, waited: waited.as_secs_f64(), took }
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

/// The module under test: `$JWT_GUARD_WASM`, or the result of `make wasm`.
fn module() -> PathBuf {
    let module = std::env::var_os("JWT_GUARD_WASM").map(PathBuf::from);
    let module = module.unwrap_or_else(|| root().join("target/jwt_guard.wasm"));
    assert!(module.exists(), "{} is missing; run `make wasm`", module.display());
    module
}

/// The trimmed standard output of a command that must succeed.
fn output_of(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Polls until `look` returns a value. Panics after 60 s.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "timeout after 60 s while waiting for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
