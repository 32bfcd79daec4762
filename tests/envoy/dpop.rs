//! DPoP (RFC 9449) in a real Envoy with several workers: proofs, replays, and a client of another project.

use std::collections::BTreeMap;
use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, Proof, SigningKey, broken_proofs, shared_key};
use jwt_guard_testkit::pinned_python::pinned_python;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{Request, Stack, now, plugin_with, wait_until};
use crate::outcome::{self, assert_no_crash, expose_reasons};

const ORIGIN: &str = "https://api.example";

fn client() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "client")
}

fn with_dpop() -> Value {
    plugin_with(json!({ "realm": "orders", "dpop": { "origin": ORIGIN } }))
}

async fn stack(plugin: Value) -> Stack {
    Stack::builder().plugin(plugin).workers(2).reconfigurable().envoy(expose_reasons).start().await
}

fn bound(stack: &Stack, key: &SigningKey) -> String {
    stack.token().claim("cnf", json!({ "jkt": key.thumbprint() })).sign(&stack.key).unwrap()
}

fn proof(token: &str, path: &str) -> String {
    Proof::new("GET", &format!("{ORIGIN}{path}"), token, client(), now()).unwrap().sign(client()).unwrap()
}

fn request(stack: &Stack, path: &str, token: &str, proof: &str) -> Request {
    stack.request("GET", path).header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

/// Waits until new connections get this challenge.
async fn configured(stack: &Stack, challenge: &str) {
    wait_until("the new configuration is in use", async || {
        stack.get("/").await.text("www-authenticate") == Some(challenge)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_passes_once_on_whichever_worker_and_connection() {
    let stack = stack(with_dpop()).await;
    let token = bound(&stack, client());
    let used = proof(&token, "/orders/7?page=2");
    let send = async |stack: &Stack| request(stack, "/orders/7?page=2", &token, &used).send().await;
    let first = send(&stack).await;
    assert_eq!(outcome::of(&first), "passed");
    let seen = stack.upstream.last();
    assert!(seen.header("dpop").is_none() && seen.header("authorization").is_none(), "{seen:?}");
    // New connections go to either worker.
    for _ in 0..20 {
        let refused = send(&stack).await;
        assert_eq!(outcome::of(&refused), "dpop_replay");
        assert_eq!(
            refused.text("www-authenticate"),
            Some(
                "DPoP algs=\"ES256 EdDSA\", error=\"invalid_dpop_proof\", error_description=\"The DPoP proof was used before; send a new one\""
            )
        );
    }
    // The next configuration remembers it.
    let mut bootstrap = stack.bootstrap();
    bootstrap.plugin =
        Some(plugin_with(json!({ "realm": "other", "dpop": { "origin": ORIGIN, "max_age_seconds": 600 } })));
    stack.envoy.reconfigure(&bootstrap);
    configured(&stack, "Bearer realm=\"other\"").await;
    for _ in 0..8 {
        assert_eq!(outcome::of(&send(&stack).await), "dpop_replay");
    }
    assert_eq!(outcome::of(&request(&stack, "/x", &token, &proof(&token, "/x")).send().await), "passed");
    let log = stack.envoy.log();
    for secret in [&token[..40], &used[..40]] {
        assert!(!log.contains(secret), "the log has a token or a proof");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_challenge_has_both_schemes_and_the_client_chooses_neither_host_nor_scheme() {
    let stack = stack(with_dpop()).await;
    let response = stack.get("/").await;
    let challenges: Vec<_> = response.all("www-authenticate").collect();
    assert_eq!(challenges, ["Bearer realm=\"orders\"", "DPoP algs=\"ES256 EdDSA\""]);
    let token = bound(&stack, client());
    let stolen = |uri: &str| Proof::new("GET", uri, &token, client(), now()).unwrap().sign(client()).unwrap();
    // A proof for a server of the thief, which he passes on with the host of that server.
    let evil = request(&stack, "/", &token, &stolen("https://evil.example/")).host("evil.example");
    assert_eq!(outcome::of(&evil.send().await), "dpop_proof");
    let mut h2 = stack.h2().await;
    let (authorization, proof) = (format!("DPoP {token}"), stolen(&format!("http://{}/", stack.address())));
    let headers: [(&str, &[u8]); 2] =
        [("authorization", authorization.as_bytes()), ("dpop", proof.as_bytes())];
    let response = h2.send("GET", "/", &headers, b"", hyper::HeaderMap::new()).await;
    assert_eq!(response.status, 401, "the :authority and the :scheme of the request are those of the proof");
    let good = stolen("https://api.example/");
    let headers: [(&str, &[u8]); 2] =
        [("authorization", authorization.as_bytes()), ("dpop", good.as_bytes())];
    let response = h2.send("GET", "/", &headers, b"", hyper::HeaderMap::new()).await;
    assert_eq!(response.status, 200);
    assert_eq!(outcome::of(&request(&stack, "/", &token, &good).send().await), "dpop_replay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_request_does_not_refuse_itself() {
    let stack = Stack::builder()
        .plugin(with_dpop())
        .workers(2)
        .issuer_answers(|answer| answer.held())
        .envoy(expose_reasons)
        .start()
        .await;
    let token = bound(&stack, client());
    let waiting: Vec<_> =
        (0..4).map(|_| request(&stack, "/", &token, &proof(&token, "/")).send()).map(tokio::spawn).collect();
    let twice = proof(&token, "/");
    let twins: Vec<_> =
        (0..4).map(|_| request(&stack, "/", &token, &twice).send()).map(tokio::spawn).collect();
    wait_until("the requests wait", async || stack.envoy.stat("wasmcustom.jwt_guard.waiting").await == 8)
        .await;
    stack.issuer.release();
    for response in waiting {
        assert_eq!(outcome::of(&response.await.unwrap()), "passed");
    }
    let mut outcomes = Vec::new();
    for response in twins {
        outcomes.push(outcome::of(&response.await.unwrap()));
    }
    outcomes.sort();
    assert_eq!(outcomes, ["dpop_replay", "dpop_replay", "dpop_replay", "passed"]);
    assert_no_crash(&stack);
}

/// Each rule for proofs, in a real Envoy: the valid proof passes, and each change of it is refused on either worker.
#[tokio::test(flavor = "multi_thread")]
async fn each_rule_for_proofs_holds() {
    let stack = stack(with_dpop()).await;
    let token = bound(&stack, client());
    let valid = || Proof::new("GET", &format!("{ORIGIN}/orders/7"), &token, client(), now()).unwrap();
    let stranger = shared_key(Algorithm::Es256, "stranger");
    let send = async |proof: &Proof| {
        let signed = proof.sign(client()).unwrap();
        outcome::of(&request(&stack, "/orders/7", &token, &signed).send().await)
    };
    assert_eq!(send(&valid()).await, "passed");
    for (label, proof) in broken_proofs(&valid(), ORIGIN, (client(), stranger), now(), 60) {
        for _ in 0..2 {
            assert_eq!(send(&proof).await, "dpop_proof", "{label}");
        }
    }
    assert_eq!(send(&valid()).await, "passed");
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_of_every_algorithm_pass() {
    let algorithms = ["ES256", "EdDSA", "ES384", "PS256", "RS256"];
    let stack = stack(plugin_with(json!({ "dpop": { "origin": ORIGIN, "algorithms": algorithms } }))).await;
    for name in algorithms {
        let key = SigningKey::generate(name.parse::<Algorithm>().unwrap()).unwrap();
        let token = bound(&stack, &key);
        let proof = |path: &str| Proof::new("GET", &format!("{ORIGIN}{path}"), &token, &key, now()).unwrap();
        let signed = proof("/a").sign(&key).unwrap();
        assert_eq!(outcome::of(&request(&stack, "/a", &token, &signed).send().await), "passed", "{name}");
        let other = proof("/a").claim("ath", "a").sign(&key).unwrap();
        assert_eq!(outcome::of(&request(&stack, "/a", &token, &other).send().await), "dpop_proof", "{name}");
    }
}

/// 1,000 proofs a second are the aim; the machine of a test may be slower. None passes twice, and the memory of the
/// process stays bounded.
#[tokio::test(flavor = "multi_thread")]
async fn many_proofs_pass_once_each() {
    let stack = stack(with_dpop()).await;
    let subjects: Vec<String> = (0..8)
        .map(|subject| {
            let token = stack
                .token()
                .subject(&format!("user-{subject}"))
                .claim("cnf", json!({ "jkt": client().thumbprint() }));
            token.sign(&stack.key).unwrap()
        })
        .collect();
    let started = Instant::now();
    let mut tasks = Vec::new();
    for token in subjects {
        let address = stack.address();
        tasks.push(tokio::spawn(async move {
            let mut connection = crate::harness::Connection::open(address).await;
            let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
            let until = Instant::now() + Duration::from_secs(5);
            while Instant::now() < until {
                let proof = proof(&token, "/");
                let request = Request::new(address, "GET", "/")
                    .header("authorization", format!("DPoP {token}"))
                    .header("dpop", &proof)
                    .to_bytes();
                for expected in ["first", "second"] {
                    connection.write(&request).await;
                    let outcome = outcome::of(&connection.response().await);
                    *outcomes.entry(format!("{expected} {outcome}")).or_default() += 1;
                }
            }
            outcomes
        }));
    }
    let mut passed = 0;
    for task in tasks {
        let outcomes = task.await.unwrap();
        assert!(
            outcomes.keys().all(|outcome| outcome == "first passed" || outcome == "second dpop_replay"),
            "{outcomes:?}"
        );
        passed += outcomes["first passed"];
    }
    println!("{passed} proofs in {:?}", started.elapsed());
    assert!(passed > 100, "{passed}");
    assert_no_crash(&stack);
}

/// A client of another project: requests-oauth2client from PyPI.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_project_passes() {
    let stack = stack(with_dpop()).await;
    let mut bootstrap = stack.bootstrap();
    let origin = format!("http://{}", stack.address());
    bootstrap.plugin = Some(plugin_with(json!({ "realm": "python", "dpop": { "origin": origin } })));
    stack.envoy.reconfigure(&bootstrap);
    configured(&stack, "Bearer realm=\"python\"").await;
    let token = bound(&stack, client());
    let job = json!({
        "url": format!("http://{}/orders/7?page=2", stack.address()),
        "token": token,
        "key": client().private_jwk(),
    });
    let Some((status, answer)) = pinned_python("dpop-client", &job.to_string()) else { return };
    assert_eq!((status, answer.trim()), (0, "200 200 401"), "{answer}");
}

/// A request with a proof, in which a thief or a proxy changes one thing, through Envoy's own reading of HTTP/1.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_for_one_request_as_envoy_reads_it() {
    let stack = stack(with_dpop()).await;
    let token = bound(&stack, client());
    let of = |method: &str, htu: &str| {
        let proof = Proof::new(method, &format!("{ORIGIN}{htu}"), &token, client(), now()).unwrap();
        proof.sign(client()).unwrap()
    };
    let authorization = format!("DPoP {token}");
    let sent = |method: &str, path: &str, proof: &str| {
        stack.request(method, path).header("authorization", &authorization).header("dpop", proof)
    };
    for (method, path, htm, htu, expected) in [
        ("GET", "/orders/7", "GET", "/orders/7", "passed"),
        ("GET", "/orders/7?", "GET", "/orders/7?#", "passed"),
        ("GET", "/a%20b/~x", "GET", "/a%20b/%7Ex", "passed"),
        ("GET", "/a/%2e%2e/b", "GET", "/b", "passed"),
        ("GET", "/a//b", "GET", "/a//b", "passed"),
        ("HEAD", "/orders/7", "HEAD", "/orders/7", "passed"),
        ("HEAD", "/orders/7", "GET", "/orders/7", "dpop_proof"),
        ("GET", "/orders/7", "HEAD", "/orders/7", "dpop_proof"),
        ("POST", "/orders/7", "GET", "/orders/7", "dpop_proof"),
        ("GET", "/a//b", "GET", "/a/b", "dpop_proof"),
        ("GET", "/a%2Fb", "GET", "/a/b", "dpop_proof"),
        ("GET", "/a;x", "GET", "/a", "dpop_proof"),
        ("GET", "/A", "GET", "/a", "dpop_proof"),
        ("GET", "/a%3Fb", "GET", "/a", "dpop_proof"),
    ] {
        let response = sent(method, path, &of(htm, htu)).send().await;
        assert_eq!(outcome::of(&response), expected, "{method} {path} {htm} {htu}");
    }
    let proof = of("GET", "/x");
    for (label, request, expected) in [
        ("two proofs", sent("GET", "/x", &proof).header("DPoP", &proof), "dpop_proof"),
        ("two proofs, one is no proof", sent("GET", "/x", &proof).header("dpop", "a"), "dpop_proof"),
        ("two proofs in one", sent("GET", "/x", &format!("{proof},{proof}")), "dpop_proof"),
        ("garbage", sent("GET", "/x", &"A".repeat(4096)), "dpop_proof"),
        ("garbage of another length", sent("GET", "/x", &"A".repeat(20_000)), "dpop_proof"),
        (
            "another spelling of the header",
            stack.request("GET", "/x").header("authorization", &authorization).header("d-pop", &proof),
            "dpop_proof",
        ),
        (
            "the token as Bearer",
            stack.request("GET", "/x").bearer(&token).header("dpop", &proof),
            "confirmation",
        ),
        ("the proof with its request", sent("GET", "/x", &proof), "passed"),
        ("the proof again", sent("GET", "/x", &proof), "dpop_replay"),
    ] {
        assert_eq!(outcome::of(&request.send().await), expected, "{label}");
    }
    let log = stack.envoy.log();
    for secret in [&token[..40], &proof[..40], &client().thumbprint()] {
        assert!(!log.contains(secret), "the log has a token, a proof or a thumbprint");
    }
    assert_no_crash(&stack);
}

/// The first proof of a bucket creates its entry, and the first proof of all creates the random key. Two workers may do so
/// at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_arrives_on_two_workers_at_once_passes_once() {
    const CONNECTIONS: usize = 8;
    let stack = stack(with_dpop()).await;
    let (token, address) = (bound(&stack, client()), stack.address());
    let proofs: std::sync::Arc<Vec<String>> =
        std::sync::Arc::new((0..150).map(|_| proof(&token, "/")).collect());
    // Every worker has the keys before the first proof arrives.
    for _ in 0..20 {
        assert_eq!(
            outcome::of(&stack.request("GET", "/").bearer(&stack.good_token()).send().await),
            "passed"
        );
    }
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(CONNECTIONS));
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (proofs, barrier, token) = (proofs.clone(), barrier.clone(), token.clone());
            tokio::spawn(async move {
                let mut connection = crate::harness::Connection::open(address).await;
                let mut outcomes = Vec::new();
                for proof in proofs.iter() {
                    let request = Request::new(address, "GET", "/")
                        .header("authorization", format!("DPoP {token}"))
                        .header("dpop", proof)
                        .to_bytes();
                    barrier.wait().await;
                    connection.write(&request).await;
                    outcomes.push(outcome::of(&connection.response().await));
                }
                outcomes
            })
        })
        .collect();
    let mut passed = vec![0; proofs.len()];
    for task in tasks {
        for (passed, outcome) in passed.iter_mut().zip(task.await.unwrap()) {
            assert!(outcome == "passed" || outcome == "dpop_replay", "{outcome}");
            *passed += usize::from(outcome == "passed");
        }
    }
    assert!(passed.iter().all(|passed| *passed == 1), "{passed:?}");
}
