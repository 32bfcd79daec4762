//! `--dpop`: the cost of a request with a DPoP proof, beside a request with a bearer token.
//!
//! The token is new, or in the cache; each proof is new. The cost is the difference from the listener without a filter,
//! in the same round and with the same requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, Proof, SigningKey, Token, key_set};
use serde_json::{Value, json};

use super::algorithms::{load_average, median};
use super::listeners::{Listener, filter, typed};
use super::load::{self, Load};
use super::proxy::{self, Proxy};
use super::tokens::Tokens;

/// The requests of each case in a round.
const REQUESTS: usize = 320;
/// The origin in the proofs.
const ORIGIN: &str = "https://api.example";
const PATH: &str = "/orders/42";

/// The requests of one kind, and microseconds a request by listener and round.
struct Case {
    title: String,
    /// The key of the client; `None` for bearer tokens.
    client: Option<SigningKey>,
    is_new: bool,
    costs: [Vec<f64>; 2],
}

/// Measures all cases and prints the table.
pub fn run(rounds: usize) {
    let issuer = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut cases: Vec<Case> = [None, Some(Algorithm::Es256), Some(Algorithm::Ed25519)]
        .into_iter()
        .flat_map(|algorithm| [false, true].map(|is_new| case(algorithm, is_new)))
        .collect();
    let ours = ours(&key_set([&issuer]));
    let proxy = Proxy::start(&[
        Listener { name: "none", filters: vec![] },
        Listener { name: "ours", filters: vec![ours] },
    ]);
    let tokens = Tokens::none();
    let mut load = Load::new(&tokens);
    let load_before = load_average();
    for round in 0..=rounds {
        for index in 0..cases.len() {
            let at = (index + round) % cases.len();
            let case = &mut cases[at];
            let requests: Vec<Vec<u8>> =
                (0..REQUESTS).map(|number| request(case, &issuer, round, number)).collect();
            for (listener, name) in ["none", "ours"].into_iter().enumerate() {
                let before = proxy.cpu();
                load.send_requests(proxy.address(name), &requests);
                let spent = proxy.cpu_when_idle() - before;
                // The first round warms up.
                if round > 0 {
                    case.costs[listener].push(spent.as_secs_f64() * 1e6 / REQUESTS as f64);
                }
            }
        }
    }
    println!(
        "\nEnvoy {}, one worker; {rounds} rounds of {REQUESTS} requests; load average {load_before} before, {} after; \
         module {} bytes.\nµs of CPU time added by a request, median:\n",
        proxy::version(),
        load_average(),
        std::fs::metadata(super::module()).unwrap().len(),
    );
    println!("| request | token in the cache | new token |\n| --- | ---: | ---: |");
    for pair in cases.chunks(2) {
        let [seen, new] = [0, 1].map(|index| {
            let [none, ours] = &pair[index].costs;
            median(ours.iter().zip(none).map(|(cost, base)| cost - base).collect())
        });
        println!("| {} | {seen:.0} | {new:.0} |", pair[0].title);
    }
}

fn case(algorithm: Option<Algorithm>, is_new: bool) -> Case {
    let client = algorithm.map(|algorithm| SigningKey::generate(algorithm).unwrap());
    let title = match algorithm {
        None => "bearer, ES256".to_owned(),
        Some(algorithm) => format!("DPoP with {algorithm}, token ES256"),
    };
    Case { title, client, is_new, costs: [const { Vec::new() }; 2] }
}

/// A request with a token of one of as many subjects as connections, as sent.
fn request(case: &Case, issuer: &SigningKey, round: usize, number: usize) -> Vec<u8> {
    let now = UnixTime::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    let subject = number % load::CONNECTIONS;
    let id = if case.is_new { format!("{round}-{number}") } else { subject.to_string() };
    // ECDSA signatures are deterministic here, so equal claims are the same token.
    let token = Token::new(UnixTime::from_secs(now.as_millis() / 1000 / 3600 * 3600))
        .lifetime(Duration::from_secs(8 * 3600))
        .subject(&format!("user-{subject}"))
        .claim("email", "user-1@example.com")
        .claim("roles", vec!["admin", "editor"])
        .claim("jti", id);
    let headers = match &case.client {
        None => format!("authorization: Bearer {}\r\n", token.sign(issuer).unwrap()),
        Some(client) => {
            let token = token.claim("cnf", json!({ "jkt": client.thumbprint() })).sign(issuer).unwrap();
            let proof = Proof::new("GET", &format!("{ORIGIN}{PATH}"), &token, client, now).unwrap();
            format!("authorization: DPoP {token}\r\ndpop: {}\r\n", proof.sign(client).unwrap())
        }
    };
    format!("GET {PATH} HTTP/1.1\r\nhost: api.example\r\naccept: application/json\r\n{headers}\r\n")
        .into_bytes()
}

fn ours(keys: &Value) -> Value {
    let configuration = json!({
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks_inline": keys,
        "accepted_algorithms": "ES256",
        "dpop": { "origin": ORIGIN, "max_age_seconds": 600 },
    });
    let config = json!({
        "name": "jwt_guard",
        "root_id": "jwt_guard",
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "vm_id": "jwt_guard",
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": super::module() } },
        },
        "configuration": typed("google.protobuf.Struct", json!({ "value": configuration })),
    });
    filter("wasm", "wasm.v3.Wasm", json!({ "config": config }))
}
