//! Proves `jwtguard convert`: the filters of the original and the converted policy side by side in one Envoy, with the same
//! requests.
//!
//! The policy never passes what the original refuses, except for three rows of [`differences::Difference`]. What it refuses in addition
//! is explained by a note of the conversion or by another row.

mod case;
mod differences;
mod envoy_gateway;
mod gateway_filters;
mod generated;
mod handmade;
mod istio;
mod istio_generated;
mod istiod;
mod requests;
mod tokens;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jwtguard::inspect::check::check;
use jwtguard::inspect::{Severity, documents};
use serde_json::{Value, json};

use self::case::Case;
use self::differences::{Difference, Verdict};
use self::requests::Sent;
use self::tokens::Pool;
use crate::harness::{Bootstrap, Connection, Stack, now, plugin};
use crate::outcome::{assert_no_crash, expose_reasons};

/// The number of requests; `JWT_GUARD_CONVERT` overrides it.
const REQUESTS: usize = 50_000;
/// The configurations of one Envoy process.
const BATCH: usize = 64;
/// The number of connections that send at the same time.
const LANES: usize = 4;

fn requests() -> usize {
    std::env::var("JWT_GUARD_CONVERT").map_or(REQUESTS, |count| count.parse().unwrap())
}

/// All cases of all sources.
fn corpus(pool: &Pool) -> Vec<Case> {
    let mut cases = handmade::cases(pool);
    cases.extend(generated::cases(pool));
    cases.extend(istio::cases(pool));
    cases.extend(istio_generated::cases(pool));
    cases.extend(envoy_gateway::cases(pool));
    cases
}

/// A listener with these filters, and one with the converted policy.
fn pair(case: &Case, index: usize) -> [Bootstrap; 2] {
    let routes = |hosts: &Value| json!({ "name": "routes", "virtual_hosts": hosts });
    let mut original = Bootstrap::new();
    original.early_header_mutation = false;
    original.filters_before = case.filters.clone();
    original.connection_manager = json!({ "route_config": routes(&case.virtual_hosts) });
    let mut ours = Bootstrap::new();
    ours.early_header_mutation = false;
    ours.plugin = Some(case.policy.clone());
    ours.plugin_options = json!({ "name": format!("policy{index}"), "root_id": format!("policy{index}") });
    ours.connection_manager = json!({ "route_config": routes(&without_overrides(&case.virtual_hosts)) });
    expose_reasons(&mut ours);
    [original, ours]
}

fn without_overrides(hosts: &Value) -> Value {
    match hosts {
        Value::Array(items) => items.iter().map(without_overrides).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| *name != "typed_per_filter_config");
            Value::Object(kept.map(|(name, value)| (name.clone(), without_overrides(value))).collect())
        }
        other => other.clone(),
    }
}

/// What both answered.
struct Answers {
    case: usize,
    sent: Sent,
    original: u16,
    ours: u16,
    reason: String,
}

/// Sends requests for the cases of one lane to both listeners of each.
async fn lane(pool: &Pool, cases: &[(usize, &Case, [SocketAddr; 2])], each: usize) -> Vec<Answers> {
    let mut answers = Vec::new();
    for (index, case, addresses) in cases {
        let mut connections = [Connection::open(addresses[0]).await, Connection::open(addresses[1]).await];
        for sent in requests::of(case, *index, each, pool) {
            let mut responses = Vec::new();
            for (connection, address) in connections.iter_mut().zip(addresses) {
                let request = sent.request(*address, pool);
                connection.write(&request.to_bytes()).await;
                let response = connection.response_to(&sent.method).await;
                if response.text("connection") == Some("close") {
                    *connection = Connection::open(*address).await;
                }
                responses.push(response);
            }
            let reason = responses[1].text("x-reason").unwrap_or_default().to_owned();
            answers.push(Answers {
                case: *index,
                sent,
                original: responses[0].status,
                ours: responses[1].status,
                reason,
            });
        }
    }
    answers
}

async fn batch(pool: &Pool, first: usize, cases: &[Case], each: usize) -> Vec<Answers> {
    let listeners: Vec<Bootstrap> =
        cases.iter().enumerate().flat_map(|(index, case)| pair(case, first + index)).collect();
    let stack = Stack::builder().plugin(plugin()).envoy(|envoy| envoy.listeners = listeners).start().await;
    let addresses = stack.envoy.addresses().await;
    assert_eq!(addresses.len(), 2 * cases.len());
    let pairs: Vec<(usize, &Case, [SocketAddr; 2])> = cases
        .iter()
        .enumerate()
        .map(|(index, case)| (first + index, case, [addresses[2 * index], addresses[2 * index + 1]]))
        .collect();
    let lanes: Vec<Vec<_>> =
        (0..LANES).map(|lane| pairs.iter().skip(lane).step_by(LANES).copied().collect()).collect();
    let sent = tokio::join!(
        lane(pool, &lanes[0], each),
        lane(pool, &lanes[1], each),
        lane(pool, &lanes[2], each),
        lane(pool, &lanes[3], each),
    );
    assert_no_crash(&stack);
    sent.0.into_iter().chain(sent.1).chain(sent.2).chain(sent.3).collect()
}

#[test]
fn every_converted_policy_passes_check() {
    for case in corpus(&Pool::new(now())) {
        let documents = documents(&case.name, &case.yaml).unwrap();
        let report = check(&documents);
        let errors: Vec<_> =
            report.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert_eq!(
            (report.configurations, errors.len()),
            (1, 0),
            "{}: {errors:#?}\n{}",
            case.name,
            case.yaml
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converted_policy_never_passes_what_the_original_refuses() {
    let pool = Pool::new(now());
    let cases = corpus(&pool);
    assert!(cases.len() >= 200, "{} configurations", cases.len());
    let each = requests().div_ceil(cases.len());
    let mut answers = Vec::new();
    for (number, chunk) in cases.chunks(BATCH).enumerate() {
        answers.extend(batch(&pool, number * BATCH, chunk, each).await);
    }
    assert!(answers.len() >= requests());

    let mut counts: BTreeMap<Difference, usize> = BTreeMap::new();
    let mut equal = [0, 0];
    let mut complaints = Vec::new();
    for answer in &answers {
        let case = &cases[answer.case];
        let ours = (answer.ours == 200, answer.reason.as_str());
        match differences::judge(case, &answer.sent, answer.original == 200, ours, pool.kinds()) {
            Verdict::Equal => equal[usize::from(answer.ours == 200)] += 1,
            Verdict::Explained(difference) => *counts.entry(difference).or_default() += 1,
            Verdict::Unexplained => {
                let (sent, notes) = (answer.sent.shown(&pool), case.notes.len());
                complaints.push(format!(
                    "{}: {sent}: original {}, ours {} {} ({notes} notes)",
                    case.name, answer.original, answer.ours, answer.reason
                ));
            }
        }
    }
    let exact = cases.iter().filter(|case| case.notes.is_empty()).count();
    println!(
        "{} configurations, {exact} of them equal; {} requests to each of two",
        cases.len(),
        answers.len()
    );
    println!("refused by both: {}, passed by both: {}", equal[0], equal[1]);
    counts.iter().for_each(|(difference, count)| println!("{difference:?}: {count}"));
    let total = complaints.len();
    complaints.truncate(60);
    assert!(complaints.is_empty(), "{total} differences without an explanation:\n{}", complaints.join("\n"));
    assert!(equal[0] > answers.len() / 10 && equal[1] > answers.len() / 10, "both answers are frequent");
    differences::assert_seen(&counts, answers.len() >= REQUESTS);
}
