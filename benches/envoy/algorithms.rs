//! `--algorithms`: the cost of a new token for each algorithm, verified by the host and inside the module.
//!
//! One Envoy runs two modules: the normal one, and a copy that requests a host function that does not exist and
//! therefore verifies everything itself. Three listeners get the same tokens in an order that changes from round to
//! round. The cost is the difference from the listener without a filter, in the same round and with the same tokens,
//! because token lengths differ a lot between algorithms.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey, Token, key_set};
use serde_json::{Value, json};

use super::listeners::{Listener, filter, typed};
use super::load::Load;
use super::proxy::{self, Proxy};
use super::tokens::Tokens;

/// Tokens of each algorithm, sent in turn. There are more tokens than cache entries, so that no request is a cache hit.
const TOKENS: usize = 160;
const CACHE_ENTRIES: usize = 16;

const LISTENERS: [&str; 3] = ["none", "host", "module"];

/// Tokens of one algorithm, and microseconds a request by listener and round.
struct Case {
    algorithm: Algorithm,
    tokens: Vec<String>,
    costs: [Vec<f64>; 3],
}

/// Measures all algorithms and prints the table.
pub fn run(rounds: usize) {
    let keys = keys();
    let mut cases: Vec<Case> = keys.iter().map(case).collect();
    let published = key_set(&keys);
    let proxy = Proxy::start(&[
        Listener { name: "none", filters: vec![] },
        Listener { name: "host", filters: vec![ours(&super::module(), &published)] },
        Listener { name: "module", filters: vec![ours(&without_host_function(), &published)] },
    ]);
    let tokens = Tokens::none();
    let mut load = Load::new(&tokens);
    let load_before = load_average();
    for round in 0..=rounds {
        let mut order: Vec<(usize, usize)> = (0..cases.len())
            .flat_map(|case| (0..LISTENERS.len()).map(move |listener| (case, listener)))
            .collect();
        let length = order.len();
        order.rotate_left(round * 7 % length);
        for (case, listener) in order {
            let case = &mut cases[case];
            let before = proxy.cpu();
            load.send_all(proxy.address(LISTENERS[listener]), &case.tokens);
            let spent = proxy.cpu_when_idle() - before;
            // The first round warms up.
            if round > 0 {
                case.costs[listener].push(spent.as_secs_f64() * 1e6 / TOKENS as f64);
            }
        }
    }
    let hits: u64 =
        proxy.stats().iter().filter(|(name, _)| name.ends_with("hit")).map(|(_, count)| count).sum();
    assert_eq!(hits, 0, "no token comes from a cache: every signature is verified");
    report(&cases, rounds, &load_before);
}

fn report(cases: &[Case], rounds: usize, load_before: &str) {
    println!(
        "\nEnvoy {}, one worker; {rounds} rounds of {TOKENS} tokens; load average {load_before} before, {} after; \
         module {} bytes.\nµs of CPU time added by a new token, median:\n",
        proxy::version(),
        load_average(),
        fs::metadata(super::module()).unwrap().len(),
    );
    println!("| algorithm | token, bytes | host verifier | wasm verifier |\n| --- | ---: | ---: | ---: |");
    for case in cases {
        let [none, host, module] = &case.costs;
        let added = |costs: &[f64]| median(costs.iter().zip(none).map(|(cost, base)| cost - base).collect());
        let by_host = match case.algorithm.name() {
            name if name.starts_with("RS") || name.starts_with("ES") => format!("{:.0}", added(host)),
            _ => String::new(),
        };
        println!("| {} | {} | {by_host} | {:.0} |", case.algorithm, case.tokens[0].len(), added(module));
    }
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(super) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// One key for each algorithm; the RSA algorithms share one RSA key.
fn keys() -> Vec<SigningKey> {
    let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
    let of = |algorithm: Algorithm| {
        let key = rsa.clone().with_algorithm(algorithm).or_else(|_| SigningKey::generate(algorithm));
        key.unwrap().with_kid(algorithm.name())
    };
    Algorithm::ALL.into_iter().map(of).collect()
}

fn case(key: &SigningKey) -> Case {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let person = Token::new(UnixTime::from_secs(now.as_secs()))
        .lifetime(Duration::from_secs(3600))
        .claim("email", "user-1@example.com")
        .claim("roles", vec!["admin", "editor"]);
    let token = |number: usize| person.clone().claim("jti", number.to_string()).sign(key).unwrap();
    Case {
        algorithm: key.algorithm(),
        tokens: (0..TOKENS).map(token).collect(),
        costs: [const { Vec::new() }; 3],
    }
}

fn ours(module: &Path, keys: &Value) -> Value {
    let algorithms: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
    let configuration = json!({
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks_inline": keys,
        "accepted_algorithms": algorithms,
        "token_cache_entries": CACHE_ENTRIES,
    });
    let config = json!({
        "name": "jwt_guard",
        "root_id": "jwt_guard",
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "vm_id": module,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": module } },
        },
        "configuration": typed("google.protobuf.Struct", json!({ "value": configuration })),
    });
    filter("wasm", "wasm.v3.Wasm", json!({ "config": config }))
}

/// A copy of the module that requests a host function that does not exist. The replaced name has the same length.
fn without_host_function() -> PathBuf {
    const HOST_FUNCTION: &[u8] = b"verify_signature";
    let mut bytes = fs::read(super::module()).unwrap();
    let at = bytes.windows(HOST_FUNCTION.len()).position(|window| window == HOST_FUNCTION).unwrap();
    bytes[at..at + HOST_FUNCTION.len()].copy_from_slice(b"verify_sIgnature");
    let changed = super::output().join("without-host-function.wasm");
    fs::write(&changed, bytes).unwrap();
    changed
}
