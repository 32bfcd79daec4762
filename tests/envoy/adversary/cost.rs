//! The maximum cost of one request, as CPU time of all threads of Envoy.

use std::time::Duration;

use jwt_guard_testkit::mint::Token;
use serde_json::{Value, json};

use crate::harness::{Request, Stack, plugin_with};
use crate::outcome::{Tries, assert_no_crash};

/// The number of requests per measurement; the result is the mean.
const ROUNDS: u32 = 30;

/// The maximum additional cost over a plain request. The measured costs are below a quarter of it; without a limit on
/// path variants they were above twice this maximum.
const BOUND: Duration = Duration::from_millis(3);

/// The CPU time that Envoy has used so far.
fn used(stack: &Stack) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", stack.envoy.pid())).unwrap();
    let nanoseconds = tasks.filter_map(|task| {
        let times = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// The CPU time of one such request, and its status.
async fn cost(stack: &Stack, request: &Request) -> (Duration, u16) {
    let mut tries = Tries::new(stack).await;
    // The first request may cost more, because it fills caches.
    let status = tries.response(request.clone()).await.status;
    let before = used(stack);
    for _ in 0..ROUNDS {
        assert_eq!(tries.response(request.clone()).await.status, status);
    }
    ((used(stack) - before) / ROUNDS, status)
}

/// Ten thousand routes, some with upper case, so that each path variant is looked up twice, and routes that require one
/// of a thousand roles or values.
fn configuration() -> Value {
    let route = |index: usize| {
        let leaf = if index.is_multiple_of(2) { "leaf" } else { "Leaf" };
        json!({
            "path": format!("/service-{}/area-{}/{{id}}/{leaf}-{index}", index % 100, index % 1000),
            "requires_role": format!("role-{index}"),
        })
    };
    let names: Vec<String> = (0..1000).map(|index| format!("n{index}")).collect();
    let mut routes: Vec<_> = (0..10_000).map(route).collect();
    routes.push(json!({ "path": "/roles", "requires_role": names }));
    routes.push(json!({ "path": "/values", "requires_claim": { "claim": "values", "any": names } }));
    let numbers: Vec<u32> = (0..1000).collect();
    routes.push(json!({ "path": "/numbers", "requires_claim": { "claim": "numbers", "any": numbers } }));
    routes.push(json!({ "path": "/me", "allow_authenticated": true }));
    plugin_with(json!({
        "routes": routes,
        "default_policy": { "allow_anonymous": true },
        "token_from": [{ "header": "authorization" }, { "cookie": "session" }, { "query": "access_token" }],
        "max_claim_header_bytes": 65_536,
    }))
}

fn paths() -> Vec<(&'static str, String)> {
    let filled = |end: &str, length: usize| format!("/{}{end}", "a/".repeat((length - end.len()) / 2));
    vec![
        ("a plain path of 8 KiB", filled("a", 8190)),
        ("upper case at its end", filled("A", 8190)),
        ("a few path variants of 8 KiB", filled("%2FA", 8190)),
        ("many path variants of 8 KiB", filled("%2e%2E;/\\A", 8190)),
        ("many path variants of 2 KiB", filled("%2e%2E;/\\A", 2000)),
        ("the maximum number of path variants", filled("%2e%2E;/\\A", 1000)),
        ("more than the maximum number of path variants", filled("A/%41;a/..%2f./b./;C/%3f%23/%5c", 1000)),
        ("escapes", format!("/{}", "%61".repeat(2700))),
        ("escapes in escapes", format!("/{}", "%252561".repeat(1150))),
        ("steps up", format!("/{}", "../".repeat(2700))),
        ("dots at the end of segments", format!("/{}", "a./".repeat(2700))),
        ("slashes", format!("/{}", "a//".repeat(2700))),
        ("letters beside ASCII", format!("/{}", "%ef%bd%81".repeat(900))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_costs_little_cpu_time() {
    let stack = Stack::builder()
        .plugin(configuration())
        .envoy(|envoy| envoy.connection_manager = json!({ "max_request_headers_kb": 96 }))
        .start()
        .await;
    let get = |path: &str| Request::new(stack.address(), "GET", path);
    let sign = |token: Token| token.sign(&stack.key).unwrap();
    let names: Vec<String> = (0..1500).map(|index| format!("m{index}")).collect();
    let roles = sign(stack.token().claim("roles", names.clone()));
    let numbers: Vec<u32> = (500_000..501_600).collect();
    let numbers = sign(stack.token().claim("numbers", numbers));
    let values = sign(stack.token().claim("values", names.clone()));
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let nested: Value = serde_json::from_str(&format!("[{}]", vec![deep(28); 180].join(","))).unwrap();
    let nested = sign(stack.token().claim("groups", nested));
    let members: serde_json::Map<String, Value> =
        names.into_iter().take(1000).map(|name| (name, json!(1))).collect();
    let members = sign(stack.token().claims(members));

    let plain = cost(&stack, &get("/x")).await.0;
    let mut requests: Vec<(&str, Request)> = Vec::new();
    for (label, path) in paths() {
        requests.push((label, get(&path).header("x-http-method-override", "A,b,C,d")));
    }
    let many = |separator: &str, text: &str| vec![text; 12_000 / (text.len() + 1)].join(separator);
    requests.extend([
        ("commas in authorization", get("/me").header("authorization", many(",", "Bearer"))),
        (
            "spaces in authorization",
            get("/me").header("authorization", format!("Bearer{}x", " ".repeat(12_000))),
        ),
        ("cookies", get("/me").header("cookie", many(";", "a=b"))),
        ("the cookie over and over", get("/me").header("cookie", many(";", "session"))),
        ("parameters", get(&format!("/me?{}", many("&", "a=b")))),
        ("encoded parameters", get(&format!("/me?{}", many("&", "%61%63cess_toke=b")))),
        ("a token of dots", get("/me").bearer(&".".repeat(16_000))),
        ("a token of letters", get("/me").bearer(&"a".repeat(16_000))),
        ("one of a thousand roles", get("/roles").bearer(&roles)),
        ("one of a thousand values", get("/values").bearer(&values)),
        ("one of a thousand numbers", get("/numbers").bearer(&numbers)),
        ("nested arrays", get("/me").bearer(&nested)),
        ("members", get("/me").bearer(&members)),
        ("a forged token of members", get("/me").bearer(&(members.clone() + "A"))),
    ]);
    let spelled = (0..90).fold(get("/x"), |request, index| {
        request.header(format!("x_auth.su{}-{index}", "b".repeat(200)), "v")
    });
    requests.push(("ninety headers", spelled));
    println!("{plain:>10.0?} a plain request");
    let mut dear = Vec::new();
    for (label, request) in requests {
        let (time, status) = cost(&stack, &request).await;
        println!("{time:>10.0?} {status} {label}");
        if time > plain + BOUND {
            dear.push((label, time));
        }
    }
    assert!(dear.is_empty(), "{dear:?}");
    assert_no_crash(&stack);
}
