//! A crash of the VM. No known input from a client or an issuer crashes the module, so [`super::variant`] adds a trap
//! to it; the rest of the module is unchanged.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::variant::{FATAL_HEADERS, ON_ANSWER, ON_REQUEST, Variant};
use super::{Load, assert_right_but, kinds, lines, policy, waiting};
use crate::harness::{Answer, Request, Stack, TIMEOUT, wait_until};

const CRASHED: &str = "Uncaught RuntimeError: unreachable";

/// A request that crashes the VM of its worker.
pub fn fatal(stack: &Stack) -> Request {
    let request = stack.request("GET", "/public/fatal");
    (0..FATAL_HEADERS).fold(request, |request, number| request.header(format!("x-{number}"), "1"))
}

async fn stack_of(variant: &Variant, workers: u32, held: bool) -> Stack {
    let plugin = policy(json!({ "jwks_timeout_ms": 1000 }));
    let builder = Stack::builder().plugin(plugin).workers(workers);
    let deadly = |answer: Answer| {
        let header = |answer: Answer, number| answer.header(&format!("x-{number}"), "1");
        (0..FATAL_HEADERS).fold(answer.held(), header)
    };
    let builder = if held { builder.issuer_answers(deadly) } else { builder };
    builder.envoy(|envoy| envoy.module = Some(variant.path().to_owned())).start().await
}

/// While the worker has no VM, its requests are denied. The new VM finds the keys and decides as before. The other
/// worker serves all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_vm_allows_nothing_and_the_next_one_serves() {
    let variant = Variant::of(ON_REQUEST);
    let stack = stack_of(&variant, 2, false).await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/orders", &good).await.status, 200);
    let mut mixed = kinds(&stack);
    for kind in &mut mixed {
        // Envoy's own 503, without a body of the filter.
        kind.statuses.push(503);
        kind.error = "";
    }
    let load = Load::start(&mixed, 8);
    load.wait_for_more(&stack, 50).await;
    for crash in 1..=2 {
        let (began, before) = (Instant::now(), stack.upstream.count());
        let answer = fatal(&stack).send().await;
        assert_eq!(answer.status, 503, "the request that crashed the VM is denied");
        wait_until("the crash is logged", async || lines(&stack, CRASHED) == crash).await;
        load.wait_for_more(&stack, 20).await;
        println!("20 requests passed {:?} after the crash", began.elapsed());
        // Each connection belongs to one worker. Enough successes in a row on new connections show that both workers
        // serve.
        wait_until("both serve", async || {
            for _ in 0..24 {
                if stack.get_with("/public/probe", &good).await.status != 200 {
                    return false;
                }
            }
            true
        })
        .await;
        println!("both serve {:?} after the crash", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(10));
        assert!(stack.upstream.count() > before);
    }
    let tally = load.stop().await;
    let unavailable: usize =
        tally.answers.iter().filter(|((_, status), _)| *status == 503).map(|(_, count)| count).sum();
    println!("{} requests, {unavailable} of them 503", tally.all());
    assert!(unavailable > 0);
    // A request that was forwarded before the crash may reach the upstream and still get a 503.
    assert_right_but(&stack, &tally, unavailable);
    assert!(stack.upstream.seen().iter().all(|seen| seen.path != "/public/fatal"));
    assert_eq!(stack.issuer.fetches(), 1, "the new VM found the keys");
    let after = Load::start(&kinds(&stack), 4);
    after.wait_for_more(&stack, 40).await;
    let tally = after.stop().await;
    assert!(tally.wrong.is_empty() && tally.cut == 0, "{:?}", tally.wrong);
}

/// Envoy does not resume requests that were parked in a crashed VM: they are neither forwarded nor answered until their
/// clients leave or `stream_idle_timeout` expires. The gauge still counts them, because the VM that would decrement it
/// is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_parked_in_a_crashed_vm_is_not_forwarded() {
    let variant = Variant::of(ON_REQUEST);
    let builder = Stack::builder().plugin(policy(json!({}))).issuer_answers(Answer::held);
    let stack = builder
        .envoy(|envoy| {
            envoy.module = Some(variant.path().to_owned());
            envoy.connection_manager = json!({ "stream_idle_timeout": "3s" });
        })
        .start()
        .await;
    let good = stack.good_token();
    let mut parked = vec![];
    for rest in ["content-length: 0\r\n\r\n", "content-length: 4\r\n\r\nab"] {
        let mut client = stack.connect().await;
        let head = format!("POST /orders HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {good}\r\n{rest}");
        client.write(head.as_bytes()).await;
        parked.push(client);
    }
    wait_until("they wait", async || waiting(&stack).await == 2).await;
    assert_eq!(fatal(&stack).send().await.status, 503);
    assert_eq!(lines(&stack, CRASHED), 1);
    stack.issuer.publish([&stack.key]);
    stack.issuer.release();
    wait_until("the next VM serves", async || stack.get_with("/orders", &good).await.status == 200).await;
    let passed = stack.upstream.count();
    // The rest of the body does not resume the request either.
    parked[1].write_or_closed(b"cd").await;
    for client in &mut parked {
        assert!(client.is_answered().await, "the connection was closed without a response");
        let status = client.response().await.status;
        println!("parked in the VM that ended: {status}");
        assert!(matches!(status, 408 | 503 | 504), "{status}");
    }
    assert_eq!(stack.upstream.count(), passed);
    assert!(stack.upstream.seen().iter().all(|seen| seen.method == "GET"));
    assert_eq!(stack.get_with("/orders", &good).await.status, 200);
}

/// The VM crashes while it reads the issuer's response, so its lease remains. Waiting requests get `retry-after`, and
/// the next fetch starts when the lease ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_vm_that_crashes_with_the_lease_delays_the_others_by_the_lease() {
    let variant = Variant::of(ON_ANSWER);
    let stack = stack_of(&variant, 2, true).await;
    // After the first fetch, the issuer sends its usual response.
    wait_until("the issuer receives a fetch", async || stack.issuer.fetches() == 1).await;
    let began = Instant::now();
    let good = stack.good_token();
    stack.issuer.publish([&stack.key]);
    stack.issuer.release();
    wait_until("the VM has ended", async || lines(&stack, CRASHED) == 1).await;
    let mut statuses = vec![];
    while statuses.last() != Some(&200) && began.elapsed() < TIMEOUT {
        statuses.push(stack.get_with("/orders", &good).await.status);
    }
    let waited = began.elapsed();
    println!("served {waited:?} after the crash of the fetching VM, before: {statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)));
    // The timeout and a margin.
    assert!(waited < Duration::from_secs(2) + Duration::from_secs(3), "{waited:?}");
    assert_eq!(stack.issuer.fetches(), 2);
    wait_until("both serve", async || {
        for _ in 0..8 {
            if stack.get_with("/orders", &good).await.status != 200 {
                return false;
            }
        }
        true
    })
    .await;
    assert_eq!(stack.issuer.fetches(), 2);
}
