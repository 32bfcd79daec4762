//! Any number of workers decides alike and fetches once.

use serde_json::json;

use super::{Load, assert_right, kinds, policy};
use crate::harness::{Answer, Stack};
use crate::outcome::assert_no_crash;

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_workers_decides_alike_and_fetches_once() {
    for workers in [1, 2, 8] {
        // All requests arrive before the keys.
        let builder = Stack::builder().plugin(policy(json!({}))).issuer_answers(Answer::held);
        let stack = builder.workers(workers).start().await;
        let load = Load::start(&kinds(&stack), 16);
        crate::harness::wait_until("some requests wait", async || super::waiting(&stack).await >= 8).await;
        stack.issuer.release();
        load.wait_for_more(&stack, 150).await;
        let tally = load.stop().await;
        println!("{workers} workers, {} requests: {:?}", tally.all(), tally.answers);
        assert_right(&stack, &tally);
        assert_eq!(tally.answers.len(), kinds(&stack).len(), "each kind has exactly one status");
        assert_eq!(stack.issuer.fetches(), 1, "{workers} workers");
        assert_no_crash(&stack);
        assert_eq!(super::waiting(&stack).await, 0);
    }
}
