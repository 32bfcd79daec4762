//! Measurements that run once: module size, start-up time, memory.

use super::load::Load;
use super::proxy::Proxy;
use super::tokens::{EDDSA, ES256, TokenSet, Tokens};
use super::{listeners, module, policies};

/// The number of distinct tokens before the second memory measurement.
const DISTINCT: usize = 100_000;
/// The number of starts; the result is the median.
const STARTS: usize = 5;

#[derive(Debug, Default)]
pub struct Extras {
    pub module_bytes: u64,
    /// Milliseconds until the listeners accept connections, without and with the module.
    pub ready_without: f64,
    pub ready_with: f64,
    pub distinct: usize,
    /// The worker's wasm memory in KiB, after one token and after all tokens.
    pub wasm_before: u64,
    pub wasm_after: u64,
    /// The memory of the whole process in KiB, after one token and after all tokens.
    pub resident_before: u64,
    pub resident_after: u64,
    /// The memory of an Envoy with two workers in MiB, without a policy and with one.
    pub two_workers: [f64; 2],
    /// The number of requests of the soak, the wasm memory before and after in KiB, and that of the process.
    pub soak: Option<(usize, [u64; 2], [u64; 2])>,
}

/// The highest values that the design of the project allows: bytes of the module, milliseconds that Envoy is ready later
/// with it, and MiB that one policy adds to an Envoy with two workers.
pub const MODULE_BYTES: f64 = 943_718.0;
pub const READY_LATER: f64 = 700.0;
pub const TWO_WORKERS: f64 = 45.0;

pub fn measure(tokens: &Tokens, soak: usize) -> Extras {
    println!("measuring start-up time and memory after {DISTINCT} distinct tokens");
    let mut extras = Extras { module_bytes: std::fs::metadata(module()).unwrap().len(), ..Extras::default() };
    extras.ready_without = median_start(&listeners::none_alone());
    let ours = listeners::ours_alone(tokens);
    extras.ready_with = median_start(&ours);

    extras.two_workers = policies::two_workers();

    let proxy = Proxy::start(&ours);
    let mut load = Load::new(tokens);
    let address = proxy.address("ours");
    let token_sets = [tokens.of(TokenSet::Small(ES256)), tokens.of(TokenSet::Small(EDDSA))];
    load.send_all(address, &token_sets[0][..1]);
    (extras.wasm_before, extras.resident_before) = (worker_memory(&proxy), proxy.resident());
    for token_set in token_sets {
        load.send_all(address, token_set);
        extras.distinct += token_set.len();
    }
    assert_eq!(extras.distinct, DISTINCT);
    (extras.wasm_after, extras.resident_after) = (worker_memory(&proxy), proxy.resident());
    if soak > 0 {
        extras.soak = Some(run_soak(&proxy, &mut load, tokens, soak));
    }
    extras
}

fn run_soak(proxy: &Proxy, load: &mut Load, tokens: &Tokens, soak: usize) -> (usize, [u64; 2], [u64; 2]) {
    println!("soak: sending {soak} more requests");
    let address = proxy.address("ours");
    let before = (worker_memory(proxy), proxy.resident());
    let token_set = tokens.of(TokenSet::Small(ES256));
    let mut sent = 0;
    while sent < soak {
        let batch = &token_set[..(soak - sent).min(token_set.len())];
        load.send_all(address, batch);
        sent += batch.len();
    }
    (sent, [before.0, worker_memory(proxy)], [before.1, proxy.resident()])
}

/// The largest wasm memory. The others belong to the main thread, which serves no requests.
fn worker_memory(proxy: &Proxy) -> u64 {
    proxy.wasm_memories().into_iter().max().unwrap_or_default()
}

fn median_start(listeners: &[listeners::Listener]) -> f64 {
    let mut times: Vec<f64> =
        (0..STARTS).map(|_| Proxy::start(listeners).ready_after.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times[STARTS / 2]
}
