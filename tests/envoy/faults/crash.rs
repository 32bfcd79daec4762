//! A VM that ends. Nothing that a client or an issuer sends does that to the module under test: here it is given a trap
//! by [`super::variant`], and all else is the module that people deploy.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::variant::{FATAL_HEADERS, ON_ANSWER, ON_REQUEST, Variant};
use super::{Load, assert_right_but, kinds, lines, policy, waiting};
use crate::harness::{Answer, Request, Stack, TIMEOUT, wait_until};

const CRASHED: &str = "Uncaught RuntimeError: unreachable";

/// Ends the VM of the worker that gets it.
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

/// The requests to that worker are refused while there is no VM; a new one finds the keys and judges as before. The
/// other worker's requests are judged all the while.
#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_vm_allows_nothing_and_the_next_one_serves() {
    let variant = Variant::of(ON_REQUEST);
    let stack = stack_of(&variant, 2, false).await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/orders", &good).await.status, 200);
    let mut mixed = kinds(&stack);
    for kind in &mut mixed {
        // Envoy's own, without a body of ours.
        kind.statuses.push(503);
        kind.error = "";
    }
    let load = Load::start(&mixed, 8);
    load.wait_for_more(&stack, 50).await;
    for crash in 1..=2 {
        let (began, before) = (Instant::now(), stack.upstream.count());
        let answer = fatal(&stack).send().await;
        assert_eq!(answer.status, 503, "what ended the VM is refused");
        wait_until("the crash is logged", async || lines(&stack, CRASHED) == crash).await;
        load.wait_for_more(&stack, 20).await;
        println!("20 requests passed {:?} after the crash", began.elapsed());
        // Each connection is with one worker: that many in a row on new ones mean that both serve.
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
    // A request that had been let through when the VM ended is at the upstream, and its answer is a 503.
    assert_right_but(&stack, &tally, unavailable);
    assert!(stack.upstream.seen().iter().all(|seen| seen.path != "/public/fatal"));
    assert_eq!(stack.issuer.fetches(), 1, "the new VM found the keys");
    let after = Load::start(&kinds(&stack), 4);
    after.wait_for_more(&stack, 40).await;
    let tally = after.stop().await;
    assert!(tally.wrong.is_empty() && tally.cut == 0, "{:?}", tally.wrong);
}

/// Envoy calls nobody for the requests that were parked in it: they are neither let through nor answered, until their
/// clients leave or `stream_idle_timeout` ends them. The gauge keeps them: nobody is left to count them out.
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
    // The rest of a body brings nothing through either.
    parked[1].write_or_closed(b"cd").await;
    for client in &mut parked {
        assert!(client.is_answered().await, "closed without a word");
        let status = client.response().await.status;
        println!("parked in the VM that ended: {status}");
        assert!(matches!(status, 408 | 503 | 504), "{status}");
    }
    assert_eq!(stack.upstream.count(), passed);
    assert!(stack.upstream.seen().iter().all(|seen| seen.method == "GET"));
    assert_eq!(stack.get_with("/orders", &good).await.status, 200);
}

/// The VM ends as it reads the issuer's answer, so that its lease is still there. Whoever waits is told to come back,
/// and the next fetch is made when the lease is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_vm_that_crashes_with_the_lease_delays_the_others_by_the_lease() {
    let variant = Variant::of(ON_ANSWER);
    let stack = stack_of(&variant, 2, true).await;
    // The issuer has been asked once; what it answers next is as it always was.
    wait_until("it is asked", async || stack.issuer.fetches() == 1).await;
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
    println!("served {waited:?} after the crash of who fetched, before: {statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)));
    // A time-out and its margin.
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
