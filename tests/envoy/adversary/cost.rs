//! What one request can cost: the processor time of Envoy itself, all its threads.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Request, Stack, plugin_with};
use crate::outcome::Tries;

/// The processor time that Envoy has used so far.
fn used(stack: &Stack) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", stack.envoy.pid())).unwrap();
    let nanoseconds = tasks.filter_map(|task| {
        let times = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// The time that one such request takes, the mean of many on one connection.
async fn cost(stack: &Stack, request: &Request, status: u16) -> Duration {
    const ROUNDS: u32 = 50;
    let mut tries = Tries::new(stack).await;
    let mut before = used(stack);
    for round in 0..=ROUNDS {
        let answer = tries.response(request.clone()).await;
        assert_eq!(answer.status, status, "{:?}", String::from_utf8_lossy(&answer.body));
        if round == 0 {
            before = used(stack);
        }
    }
    (used(stack) - before) / ROUNDS
}

#[tokio::test(flavor = "multi_thread")]
async fn probe() {
    let route = |index: usize| {
        json!({
            "path": format!("/service-{}/area-{}/{{id}}/leaf-{index}", index % 100, index % 1000),
            "requires_role": format!("role-{index}"),
        })
    };
    let routes: Vec<_> = (0..10_000).map(route).collect();
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "routes": routes, "default_policy": { "allow_anonymous": true } })))
        .start()
        .await;
    let rows: Vec<(&str, String)> = vec![
        ("plain", "/service-1/area-1/x/leaf-1x".into()),
        ("plain 8k", format!("/{}", "a/".repeat(4090) + "a")),
        ("trailing slash 8k", format!("/{}", "a/".repeat(4090))),
        ("upper 8k", format!("/{}A", "a/".repeat(4090))),
        ("upper escape 8k", format!("/{}%2FA", "a/".repeat(4090))),
        ("dots", format!("/{}%2e%2E;/\\A", "a/".repeat(4080))),
        ("many 1", format!("/{}%61;A//..", "a/".repeat(4080))),
        ("many 2", format!("/{}%2FA;/", "a/".repeat(4080))),
        ("refused", format!("/{}A/%41;a/..%2f./b./;C/%3f%23/%5c", "a/".repeat(4070))),
        ("refused triple", format!("/{}A/%252541;a/..%25252f./b", "a/".repeat(4070))),
        ("1k", format!("/{}%2FA;/", "a/".repeat(490))),
        ("1k b", format!("/{}%2e%2E;/\\A", "a/".repeat(490))),
        ("2k b", format!("/{}%2e%2E;/\\A", "a/".repeat(990))),
        ("4k", format!("/{}%2FA;/", "a/".repeat(1990))),
        ("escapes", format!("/{}", "%61".repeat(2700))),
        ("triple escapes", format!("/{}", "%252561".repeat(1150))),
        ("dotdots", format!("/{}", "../".repeat(2700))),
        ("edges", format!("/{}", "a./".repeat(2700))),
        ("slashes", format!("/{}", "a//".repeat(2700))),
    ];
    for (label, path) in rows {
        let plain = Request::new(stack.address(), "GET", &path);
        let status = plain.clone().send().await.status;
        println!("{label:20} {status} {:?}", cost(&stack, &plain, status).await);
        let over = plain.header("x-http-method-override", "A,b,C,d");
        let status = over.clone().send().await.status;
        println!("{label:20} {status} {:?} with overrides", cost(&stack, &over, status).await);
    }
    for n in [10, 90] {
        let mut r = Request::new(stack.address(), "GET", "/x");
        for i in 0..n {
            r = r.header(format!("x-h-{i}-{}", "a".repeat(300)), "v");
        }
        println!("{n} headers {:?}", cost(&stack, &r, 200).await);
    }
}
