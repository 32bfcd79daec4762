//! Counts the host calls and instructions of the deployable module per request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::host::{Guest, Headers, Outcome};
use crate::requests::{
    NOW, configuration, expired, forged, get, good, large, person, published, roleless, signed,
};
use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::{Algorithm, Proof, shared_key};
use jwt_guard_testkit::module::module;

/// The allowed factor for instructions: compiler versions differ in the number of instructions for the same source.
pub const TOLERANCE: f64 = 1.2;

/// The calls of every request: it reads the headers once, in one buffer, the clock once, and the metadata of the route
/// and, because the route has none, of its virtual host.
const EVERY_REQUEST: [(&str, u32); 4] = [
    ("(a buffer from the module)", 1),
    ("proxy_get_header_map_pairs", 1),
    ("proxy_get_current_time_nanoseconds", 1),
    ("proxy_get_property", 2),
];
/// The additional calls of a denial: the reason in filter state, the response, a log line.
const DENIED: [(&str, u32); 3] =
    [("proxy_set_property", 1), ("proxy_send_local_response", 1), ("proxy_log", 1)];
/// The calls of a signature verification by the host: the function, and the buffer for its result.
const VERIFIED: [(&str, u32); 2] = [("proxy_call_foreign_function", 1), ("(a buffer from the module)", 1)];

pub fn start(members: Value) -> Guest {
    let bytes = std::fs::read(module()).unwrap();
    let mut guest = Guest::start(&bytes, &configuration(members), &published(), NOW);
    // Warm up: one-time work, such as growing a map, happens here.
    for _ in 0..20 {
        guest.request(&get("/orders/42", Some(&good())));
    }
    guest
}

fn sum(parts: &[&[(&str, u32)]]) -> BTreeMap<String, u32> {
    let mut sum = BTreeMap::new();
    for (name, count) in parts.iter().copied().flatten() {
        *sum.entry((*name).to_owned()).or_default() += count;
    }
    sum
}

/// The differences from the expected counts, one per line.
fn differences(outcome: &Outcome, calls: &BTreeMap<String, u32>, instructions: u64) -> Vec<String> {
    let names: BTreeSet<&String> = outcome.cost.calls.keys().chain(calls.keys()).collect();
    let counts = names.into_iter().filter_map(|name| {
        let count = |calls: &BTreeMap<String, u32>| calls.get(name).copied().unwrap_or_default();
        let (now, known) = (count(&outcome.cost.calls), count(calls));
        (now != known).then(|| format!("{name}: {now} calls, expected {known}"))
    });
    let mut differences: Vec<String> = counts.collect();
    let most = instructions as f64 * TOLERANCE;
    if outcome.cost.instructions as f64 > most {
        differences.push(format!("{} instructions, expected at most {most}", outcome.cost.instructions));
    }
    differences
}

/// Each row is an exact count of host calls. If a request needs fewer calls, lower its row.
#[test]
fn what_a_request_costs() {
    let (seen, seen_large, seen_roleless) = (good(), large(), roleless());
    let seven = [("proxy_add_header_map_value", 7), ("proxy_remove_header_map_value", 1)];
    let eight = [("proxy_add_header_map_value", 8), ("proxy_remove_header_map_value", 1)];
    type Row<'a> = (&'a str, &'a str, Option<String>, Option<i32>, &'a [&'a [(&'a str, u32)]], u64);
    let rows: &[Row<'_>] = &[
        ("cached token", "/orders/42", Some(seen.clone()), None, &[&seven], 77_117),
        ("cached token, 4 KB", "/orders/42", Some(seen_large.clone()), None, &[&eight], 101_469),
        ("cached token, no role", "/orders/42", Some(seen_roleless.clone()), Some(403), &[&DENIED], 113_742),
        ("anonymous route", "/open", None, None, &[], 44_218),
        ("anonymous route, a token", "/open", Some(seen.clone()), None, &[], 45_305),
        ("no token", "/orders/42", None, Some(401), &[&DENIED], 102_490),
        ("new token", "/orders/42", Some(good()), None, &[&seven, &VERIFIED], 363_042),
        ("new token, 4 KB", "/orders/42", Some(large()), None, &[&eight, &VERIFIED], 1_422_351),
        // The signature of an expired token is not verified.
        ("expired", "/orders/42", Some(expired()), Some(401), &[&DENIED], 313_432),
        ("forged", "/orders/42", Some(forged()), Some(401), &[&DENIED, &VERIFIED[..1]], 336_885),
        ("not a token", "/orders/42", Some("a.b".to_owned()), Some(401), &[&DENIED], 114_097),
    ];
    let mut guest = start(json!({}));
    for token in [&seen, &seen_large, &seen_roleless] {
        guest.request(&get("/orders/42", Some(token)));
    }
    let mut failures = Vec::new();
    for (label, path, token, status, parts, instructions) in rows {
        let outcome = guest.request(&get(path, token.as_deref()));
        assert_eq!(outcome.status, *status, "{label}");
        let calls = sum(&[&EVERY_REQUEST, &parts.concat()]);
        failures.extend(
            differences(&outcome, &calls, *instructions).into_iter().map(|what| format!("{label}: {what}")),
        );
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A bound token costs one look at the connection, or one proof: its signature, and a mark in shared data.
#[test]
fn what_a_bound_token_costs() {
    let mut guest = start(json!({ "dpop": { "origin": "https://api.example" } }));
    let eight = [("proxy_add_header_map_value", 7), ("proxy_remove_header_map_value", 2)];
    let mark = [("proxy_get_shared_data", 1), ("proxy_set_shared_data", 1)];
    let client = shared_key(Algorithm::Es256, "client");
    let bound = signed(person().claim("cnf", json!({ "jkt": client.thumbprint() })));
    let mut with_proof = |token: &str| {
        let mut request = get("/orders/42", None);
        let proof = Proof::new("GET", "https://api.example/orders/42", token, client, NOW).unwrap();
        request.push(("authorization".to_owned(), format!("DPoP {token}").into_bytes()));
        request.push(("dpop".to_owned(), proof.sign(client).unwrap().into_bytes()));
        guest.request(&request)
    };
    assert_eq!(with_proof(&bound).status, None);
    let outcome = with_proof(&bound);
    let calls = sum(&[&EVERY_REQUEST, &eight, &VERIFIED, &mark]);
    assert_eq!(outcome.status, None);
    let differences = differences(&outcome, &calls, 640_010);
    assert!(differences.is_empty(), "{differences:#?}");

    let mut guest = start(json!({}));
    let bound = signed(person().claim("cnf", json!({ "x5t#S256": client.thumbprint() })));
    assert_eq!(guest.request(&get("/orders/42", Some(&bound))).status, Some(401));
    let outcome = guest.request(&get("/orders/42", Some(&bound)));
    let calls = sum(&[&EVERY_REQUEST, &DENIED, &[("proxy_get_property", 1)]]);
    assert_eq!(outcome.status, Some(401), "this host has no client certificate");
    assert_eq!(outcome.cost.calls, calls);
}

#[test]
fn two_tokens_cost_at_most_twice_one() {
    let map = json!({
        "x-agent-sub": "sub", "x-agent-email": "email", "x-agent-roles": "$roles", "x-agent-scopes": "$scopes",
        "x-agent-org-id": "org_id", "x-agent-jti": "jti", "x-agent-issuer": "iss",
    });
    let mut guest = start(json!({
        "name": "issuer", "first_token": true,
        "second_tokens": {
            "agent": { "token_from": { "header": "x-agent" }, "issuers": "issuer", "claim_headers": map },
        },
        "routes": [
            { "path": "/two", "requires_role": "admin", "requires_token": { "agent": { "requires_role": "admin" } } },
            { "path": "/**", "requires_role": "admin" },
        ],
    }));
    let two = |first: &str, second: &str| {
        let mut headers = get("/two", Some(first));
        headers.push(("x-agent".to_owned(), second.as_bytes().to_vec()));
        headers
    };
    let (first, second) = (good(), good());
    let plain = guest.request(&two(&first, &second));
    for copies in [
        vec!["x-agent-sub"],
        vec!["x-agent-sub", "x-agent-sub", "x-agent-jti"],
        vec!["x_agent_sub", "x-auth-sub"],
    ] {
        let mut request = two(&first, &second);
        request.extend(copies.iter().map(|name| ((*name).to_owned(), b"root".to_vec())));
        let outcome = guest.request(&request);
        assert_eq!(outcome.status, None, "{copies:?}");
        for name in ["x-agent-sub", "x-agent-jti", "x-agent-issuer", "x-auth-sub", "x-auth-jti"] {
            assert_eq!(values(&outcome.headers, name).len(), 1, "{name}, of {copies:?}");
            assert_eq!(values(&outcome.headers, name), values(&plain.headers, name), "{name}, of {copies:?}");
        }
        assert!(!outcome.headers.iter().any(|(_, value)| value == b"root"), "{copies:?}");
    }
    for (label, one, two) in [
        ("cached", get("/orders/42", Some(&first)), two(&first, &second)),
        ("new", get("/orders/42", Some(&good())), two(&good(), &good())),
    ] {
        let (one, two) = (guest.request(&one), guest.request(&two));
        assert_eq!((one.status, two.status), (None, None), "{label}");
        let (one, two) = (one.cost, two.cost);
        println!("{label}: one token {one:?}, two tokens {two:?}");
        assert!(
            two.instructions <= 2 * one.instructions,
            "{label}: {} {}",
            one.instructions,
            two.instructions
        );
        let calls = |calls: &BTreeMap<String, u32>| calls.values().sum::<u32>();
        assert!(calls(&two.calls) <= 2 * calls(&one.calls), "{label}: {:?} {:?}", one.calls, two.calls);
    }
}

#[test]
fn metadata_that_is_ignored_is_not_read() {
    // Both kinds of requirements are in the same metadata: either of them needs both reads.
    for (route_metadata, annotations, expected) in [
        ("ignore", "ignore", sum(&[&EVERY_REQUEST[..3]])),
        ("ignore", "narrow", sum(&[&EVERY_REQUEST])),
        ("override", "ignore", sum(&[&EVERY_REQUEST])),
        ("override", "narrow", sum(&[&EVERY_REQUEST])),
    ] {
        let members = json!({ "route_metadata": route_metadata, "envoy_gateway_annotations": annotations });
        let outcome = start(members).request(&get("/open", None));
        assert_eq!((outcome.status, outcome.cost.calls), (None, expected), "{route_metadata} {annotations}");
    }
}

#[test]
fn denials_after_the_tenth_in_a_second_are_not_logged() {
    let mut guest = start(json!({}));
    let request = get("/orders/42", None);
    let mut lines = 0;
    for _ in 0..30 {
        lines += guest.request(&request).cost.calls.get("proxy_log").copied().unwrap_or_default();
    }
    assert_eq!(lines, 10);
    let (silent, first) =
        (guest.request(&request).cost.instructions, start(json!({})).request(&request).cost.instructions);
    assert!(silent < first, "{silent} instructions without a log line, {first} with one");
    assert_eq!(guest.metric("jwt_guard.denied.missing_token"), 31);
}

fn values<'a>(headers: &'a Headers, name: &str) -> Vec<&'a [u8]> {
    headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_slice()).collect()
}

/// The filter adds a header if the request has none of that name, and replaces it otherwise. It decides this from its
/// one read of the headers. This host adds a second copy on `add`, so a wrong decision would keep the client's header
/// next to the verified one.
#[test]
fn added_headers_replace_those_of_the_client() {
    let mut guest = start(json!({ "forward_token": true }));
    let names = [
        "x-auth-sub",
        "x-auth-email",
        "x-auth-roles",
        "x-auth-scopes",
        "x-auth-org-id",
        "x-auth-jti",
        "x-auth-issuer",
    ];
    let token = good();
    let plain = guest.request(&get("/orders/42", Some(&token)));
    assert_eq!(plain.status, None);
    // One copy of one name, two copies of one, one copy of each, and all of them in another spelling.
    let mut brought: Vec<Vec<String>> = names.iter().map(|name| vec![(*name).to_owned()]).collect();
    brought.extend(names.iter().map(|name| vec![(*name).to_owned(), (*name).to_owned()]));
    brought.push(names.map(str::to_owned).into());
    brought.push(names.map(|name| name.replace('-', "_")).into());
    brought.push(vec!["x-auth-groups".to_owned(), "x-auth-sub".to_owned()]);
    for headers in brought {
        let mut request = get("/orders/42", Some(&token));
        request.extend(headers.iter().map(|name| (name.clone(), b"root".to_vec())));
        let outcome = guest.request(&request);
        assert_eq!(outcome.status, None, "{headers:?}");
        for name in names {
            assert_eq!(
                values(&outcome.headers, name),
                values(&plain.headers, name),
                "{name}, of {headers:?}"
            );
        }
        assert!(!outcome.headers.iter().any(|(_, value)| value == b"root"), "{headers:?}");
    }
    // Like after an internal redirect: the request already has the headers that the filter added.
    let again = guest.request(&plain.headers);
    for name in names {
        assert_eq!(values(&again.headers, name), values(&plain.headers, name), "{name}");
    }
}

#[test]
fn a_cache_hit_is_checked_against_the_current_time() {
    let keys: Value = serde_json::from_str(&published()).unwrap();
    let mut guest = start(json!({ "jwks_inline": keys, "jwks_cluster": null }));
    let request = get("/orders/42", Some(&good()));
    assert_eq!(guest.request(&request).status, None);
    assert_eq!(guest.request(&request).status, None);
    guest.at(NOW.saturating_add(Duration::from_secs(365 * 86_400)));
    let outcome = guest.request(&request);
    assert_eq!(outcome.status, Some(401));
    assert!(
        !outcome.cost.calls.contains_key("proxy_call_foreign_function"),
        "denied without verifying the signature again"
    );
    assert_eq!(guest.metric("jwt_guard.denied.expired"), 1);
}

/// An attacker can send a token without a valid signature, and nest its claims up to the allowed depth. The filter
/// parses them before it denies the request.
#[test]
fn claims_cost_by_their_length_and_not_by_their_depth() {
    const LENGTH: usize = 8000;
    let token = |depth: usize| {
        let mut claims = format!("{{\"iss\":\"https://other.example\",\"a\":{}1", "[".repeat(depth));
        while claims.len() + depth + 3 < LENGTH {
            claims += ",1";
        }
        claims += &"]".repeat(depth);
        claims += "}";
        let parts =
            [r#"{"alg":"ES256"}"#, &claims, "signature"].map(|part| base64url::encode(part.as_bytes()));
        parts.join(".")
    };
    let mut guest = start(json!({}));
    let mut instructions = |depth| {
        let outcome = guest.request(&get("/orders/42", Some(&token(depth))));
        assert_eq!(outcome.status, Some(401));
        outcome.cost.instructions as f64
    };
    let (flat, deep) = (instructions(1), instructions(31));
    assert!(deep < flat * 1.1, "{deep} instructions for 31 levels, {flat} for one");
    assert_eq!(guest.metric("jwt_guard.denied.unknown_issuer"), 2);
}

/// For one check, it is not worth building an index of thousands of roles.
#[test]
fn a_role_check_is_linear_in_the_number_of_roles() {
    let sizes = json!({ "max_token_bytes": 65536, "max_claim_header_bytes": 65536 });
    let mut guest = start(sizes);
    let mut instructions = |count: usize| {
        let mut roles: Vec<String> = (1..count).map(|role| format!("{role:x}")).collect();
        roles.push("admin".to_owned());
        let request = get("/orders/42", Some(&signed(person().claim("roles", roles))));
        // The first request verifies the token, the second one uses the cache.
        assert_eq!(guest.request(&request).status, None);
        guest.request(&request).cost.instructions as f64
    };
    let (fewer, more) = (instructions(2000), instructions(2200));
    assert!(more < fewer * 1.2, "{more} instructions for 2,200 roles, {fewer} for 2,000");
}

/// The host keeps the timer of a removed configuration unless the module stops it.
#[test]
fn a_removed_configuration_stops_its_timer() {
    let mut guest = start(json!({}));
    assert!(guest.tick_milliseconds() > 0);
    guest.end();
    assert_eq!(guest.tick_milliseconds(), 0);
}

/// The parsed routes are kept next to the search tree.
#[test]
fn ten_thousand_routes_fit_into_twenty_mebibytes() {
    let route = |number: usize| {
        let base = format!("/api/v1/service-{}", number / 3);
        let paths = [format!("{base}/**"), format!("{base}/items/{{id}}"), format!("{base}/items/search")];
        json!({ "path": paths[number % 3], "requires_role": "admin" })
    };
    let guest = start(json!({ "routes": (0..10_000).map(route).collect::<Vec<_>>() }));
    // Measured: 16,000 KiB, most of it while the configuration is parsed.
    assert!(guest.memory_bytes() < 20 << 20, "{} bytes", guest.memory_bytes());
}
