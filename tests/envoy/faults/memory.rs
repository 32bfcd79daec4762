//! The maximum memory of a worker's VM, with tokens, headers and key sets of the maximum sizes.
//!
//! [`super::variant`] gives the module a memory limit: an allocation above it crashes the VM. By default the token
//! cache has 2048 entries; `JWT_GUARD_MEMORY_ENTRIES=65536` tests the maximum, which takes half a GiB.

use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::Token;
use jwt_guard_testkit::wasm_memory::wasm_memories;
use serde_json::{Value, json};

use super::policy;
use super::variant::{Change, Variant};
use crate::harness::{Answer, Connection, JWKS_PATH, Stack, wait_until};
use crate::outcome::assert_no_crash;

/// The maximum of `max_token_bytes`.
const LARGEST_TOKEN: usize = 1 << 20;
/// The average limit of the token cache per entry, from src/token_cache.rs.
const KIB_PER_ENTRY: usize = 8;
/// The memory besides the cache: the module, the parsed keys of three sets, and one request of the maximum size.
const BESIDE_THE_CACHE_MIB: usize = 48;

/// The memory of the worker's VM in MiB; the VM of the main thread serves no requests and is smaller.
fn worker(stack: &Stack) -> f64 {
    wasm_memories(stack.envoy.pid()).into_iter().max().expect("a VM") as f64 / 1024.0
}

/// Claims that take more memory than their text, in a valid token of the issuer.
fn shapes(length: usize) -> Vec<(&'static str, Value)> {
    let array = |item: &str| -> Value {
        let items = vec![item; length / (item.len() + 1)].join(",");
        serde_json::from_str(&format!("[{items}]")).unwrap()
    };
    let members: serde_json::Map<String, Value> =
        (0..length / 12).map(|number| (format!("m{number:06}"), json!(1))).collect();
    vec![
        ("a long text", json!("x".repeat(length))),
        ("escapes", json!("\u{1}\n\"".repeat(length / 10))),
        ("numbers", array("1")),
        ("empty texts", array("\"\"")),
        ("empty arrays", array("[]")),
        ("empty objects", array("{}")),
        ("members", Value::Object(members)),
    ]
}

/// A response with the maximum number of keys.
fn largest_set(stack: &Stack, round: u8) -> String {
    let mut keys = vec![stack.key.public_jwk()];
    let mut length = keys[0].to_string().len() + 20;
    loop {
        let number = keys.len();
        let mut modulus = [0xA5 ^ round; 256];
        modulus[0] = 0xFF;
        modulus[8..16].copy_from_slice(&number.to_be_bytes());
        modulus[255] = 1;
        let key = json!({ "kty": "RSA", "kid": format!("k{number}"), "n": base64url::encode(&modulus), "e": "AQAB" });
        length += key.to_string().len() + 1;
        if length > 1 << 20 {
            return json!({ "keys": keys }).to_string();
        }
        keys.push(key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_stays_below_its_memory_limit() {
    let entries: usize =
        std::env::var("JWT_GUARD_MEMORY_ENTRIES").ok().map_or(2048, |entries| entries.parse().unwrap());
    let ceiling = entries * KIB_PER_ENTRY / 1024 + BESIDE_THE_CACHE_MIB;
    let variant = Variant::of(Change::Limited { mebibytes: ceiling as u64 });
    let plugin = policy(json!({
        "token_cache_entries": entries, "max_token_bytes": LARGEST_TOKEN, "jwks_ttl_seconds": 1,
        "groups_from": ["groups", "claim"],
    }));
    let stack = Stack::builder()
        .plugin(plugin)
        .envoy(|envoy| {
            envoy.module = Some(variant.path().to_owned());
            envoy.connection_manager = json!({
                "max_request_headers_kb": 8192, "common_http_protocol_options": { "max_headers_count": 20_000 },
            });
        })
        .start()
        .await;
    assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 200);
    println!("ceiling {ceiling} MiB; at first {:.1} MiB", worker(&stack));

    // Many headers and large headers. All these requests are denied, because the test upstream does not accept so many.
    let mut many = stack.request("GET", "/admin/a").bearer(&stack.good_token());
    for number in 0..15_000 {
        many = many.header(format!("x-header-{number}"), "v".repeat(100));
    }
    for request in [
        many,
        stack.request("GET", "/orders").bearer(&".".repeat(1 << 20)),
        stack.request("GET", "/orders").bearer(&"a".repeat(4 << 20)),
        stack.request("GET", "/orders").header("cookie", "a=b;".repeat(1 << 20)),
        stack.request("GET", &format!("/{}", "a%2e%2f/".repeat(1 << 17))).header("authorization", "x"),
    ] {
        let status = request.send().await.status;
        println!("{status}: {:.1} MiB", worker(&stack));
        assert!(matches!(status, 400 | 401 | 403), "{status}");
    }

    // Key sets, each replacing the previous one.
    for round in 1..=4 {
        let (text, length) = (largest_set(&stack, round), largest_set(&stack, round).len());
        let before = lines(&stack);
        stack.issuer.answer(JWKS_PATH, Answer::ok(text));
        wait_until("the keys are accepted", async || lines(&stack) > before).await;
        assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 200);
        println!("a set of {length} bytes: {:.1} MiB", worker(&stack));
    }

    // Tokens, until the cache has evicted the first ones.
    let rounds = 2 * entries * KIB_PER_ENTRY / 1024;
    let shapes = shapes(LARGEST_TOKEN * 11 / 16);
    let mut connection = Connection::open(stack.address()).await;
    for round in 0..rounds {
        let (label, claim) = &shapes[round % shapes.len()];
        let token =
            Token::new(crate::harness::now()).claim("jti", round.to_string()).claim("claim", claim.clone());
        let token = token.sign(&stack.key).unwrap();
        assert!(token.len() < LARGEST_TOKEN, "{label}: {}", token.len());
        connection.write(&stack.request("GET", "/admin/a").bearer(&token).to_bytes()).await;
        let status = connection.response().await.status;
        if round < shapes.len() || round % 50 == 0 {
            println!("{label}, {} bytes: {status}, {:.1} MiB", token.len(), worker(&stack));
        }
        assert!(matches!(status, 401 | 403), "{label}: {status}");
    }
    println!(
        "after {rounds} tokens {:.1} MiB, the whole process {} MiB",
        worker(&stack),
        stack.envoy.resident() / 1024
    );
    assert!(worker(&stack) <= ceiling as f64);
    assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 200);
    assert_no_crash(&stack);
}

fn lines(stack: &Stack) -> usize {
    super::lines(stack, "issuer issuer_example: ")
}
