//! `--memory`: what the policies of an Envoy cost in memory, in one VM and in a VM of their own each.
//!
//! Each policy is a filter of one listener, as Envoy Gateway arranges them. Policies with the same `vm_id` share the VMs:
//! one for each worker and one for the main thread. Envoy Gateway gives each policy its own `vm_id`. The memory is read
//! after each worker has answered requests with a token, and includes everything that Envoy itself needs.

use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey, Token, key_set};
use serde_json::{Value, json};

use super::algorithms::load_average;
use super::listeners::{Listener, filter, typed};
use super::load::Load;
use super::proxy::{self, Proxy};
use super::tokens::Tokens;

const WORKERS: [u32; 3] = [1, 2, 4];
const POLICIES: [usize; 4] = [1, 2, 4, 8];
/// The number of starts; the result is the median.
const STARTS: usize = 3;
/// The requests after each start: enough that every worker gets some.
const REQUESTS: usize = 640;

/// Which VMs the policies of an Envoy use.
#[derive(Clone, Copy)]
enum Vms {
    Shared,
    OwnEach,
}

/// MiB: resident, private dirty.
type Memory = [f64; 2];

/// Measures all cases and prints the table.
pub fn run() {
    let issuer = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = Token::new(jwt_guard_testkit::now()).sign(&issuer).unwrap();
    let keys = key_set([&issuer]);
    let before = load_average();
    println!("Envoy {}, MiB: resident / private dirty\n", proxy::version());
    println!("| workers | VMs | no policy | {} |", POLICIES.map(|count| count.to_string()).join(" | "));
    println!("| ---: | --- | ---: |{}", " ---: |".repeat(POLICIES.len()));
    for workers in WORKERS {
        let none = median(workers, &[], &token);
        for vms in [Vms::Shared, Vms::OwnEach] {
            let cells = POLICIES.map(|count| {
                let filters: Vec<Value> = (0..count).map(|number| policy(number, vms, &keys)).collect();
                shown(median(workers, &filters, &token))
            });
            let label = match vms {
                Vms::Shared => "shared",
                Vms::OwnEach => "one each",
            };
            println!("| {workers} | {label} | {} | {} |", shown(none), cells.join(" | "));
        }
    }
    println!("\nload average before {before}, after {}", load_average());
}

/// The resident memory of an Envoy with two workers in MiB, without a policy and with one.
pub fn two_workers() -> [f64; 2] {
    let issuer = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = Token::new(jwt_guard_testkit::now()).sign(&issuer).unwrap();
    let one = [policy(0, Vms::Shared, &key_set([&issuer]))];
    [&[], one.as_slice()].map(|filters| median(2, filters, &token)[0])
}

fn shown([resident, private]: Memory) -> String {
    format!("{resident:.0} / {private:.0}")
}

/// The median of the starts, separately for each figure.
fn median(workers: u32, filters: &[Value], token: &str) -> Memory {
    let starts: Vec<Memory> = (0..STARTS).map(|_| measure(workers, filters, token)).collect();
    [0, 1].map(|figure| {
        let mut values: Vec<f64> = starts.iter().map(|memory| memory[figure]).collect();
        values.sort_by(f64::total_cmp);
        values[STARTS / 2]
    })
}

fn measure(workers: u32, filters: &[Value], token: &str) -> Memory {
    let proxy = Proxy::start_with(&[Listener { name: "policies", filters: filters.to_vec() }], workers);
    let tokens = Tokens::none();
    let requests = vec![super::load::request("/orders/42", Some(token)); REQUESTS];
    Load::new(&tokens).send_requests(proxy.address("policies"), &requests);
    [proxy.resident(), proxy.private_dirty()].map(|kib| kib as f64 / 1024.0)
}

/// A policy whose configuration differs from that of the others.
fn policy(number: usize, vms: Vms, keys: &Value) -> Value {
    let name = format!("policy-{number}");
    let vm_id = match vms {
        Vms::Shared => "policies",
        Vms::OwnEach => &name,
    };
    let configuration = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "jwks_inline": keys, "accepted_algorithms": ["ES256"],
        "realm": name, "forward_token": true,
    });
    let config = json!({
        "name": name,
        "root_id": name,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "vm_id": vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": super::module() } },
        },
        "configuration": typed("google.protobuf.Struct", json!({ "value": configuration })),
    });
    filter("wasm", "wasm.v3.Wasm", json!({ "config": config }))
}
