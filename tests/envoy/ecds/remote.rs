//! Envoy downloads the module itself and compares its SHA-256.

use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::messages::{Code, OnMiss, TypedExtensionConfig, wasm};
use super::{Ads, NAME, WATCH, all_accepted, local, running, stack, stricter, turning};
use crate::faults::{Load, assert_right, kinds, policy};
use crate::harness::{Answer, Envoy, Stack, wait_until};
use crate::outcome::assert_no_crash;

const MODULE_PATH: &str = "/jwt_guard.wasm";

fn module() -> Vec<u8> {
    std::fs::read(Envoy::module()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The filter with the module at [`MODULE_PATH`] of the mock issuer.
fn by_http(plugin: &Value, sha256: &str, on_miss: OnMiss) -> TypedExtensionConfig {
    wasm(NAME, plugin, &Code::Remote { uri: &uri(), cluster: "issuer", sha256, on_miss })
}

fn uri() -> String {
    format!("http://modules.example{MODULE_PATH}")
}

/// Envoy is not ready before the download has ended. A new policy with the same module needs no download and loses no
/// request.
#[tokio::test(flavor = "multi_thread")]
async fn a_module_by_http_is_downloaded_once() {
    let ads = Ads::start().await;
    let module = module();
    let digest = sha256(&module);
    ads.publish(by_http(&policy(json!({})), &digest, OnMiss::Take));
    let builder = stack(&ads, "0s").issuer_path(MODULE_PATH, Answer::ok(module).after(WATCH));
    let stack = builder.start().await;
    let token = stack.good_token();
    assert_eq!(stack.get_with("/turns", &token).await.status, 200);

    let mut mixed = kinds(&stack);
    mixed.push(turning(&stack, &[200, 403]));
    let load = Load::start(&mixed, 8);
    load.wait_for_more(&stack, 50).await;
    ads.publish(by_http(&stricter(), &digest, OnMiss::Take));
    wait_until("the new policy is active", async || stack.get_with("/turns", &token).await.status == 403)
        .await;
    load.wait_for_more(&stack, 50).await;
    let tally = load.stop().await;
    assert_right(&stack, &tally);
    assert_eq!(stack.issuer.count(MODULE_PATH), 1);
    assert_eq!(stack.issuer.fetches(), 1);
    assert_no_crash(&stack);
}

/// If the download is not the module of the resource, no request passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_download_with_another_digest_lets_no_request_pass() {
    let ads = Ads::start().await;
    ads.publish(by_http(&policy(json!({})), &sha256(b"another module"), OnMiss::Take));
    let stack = stack(&ads, "0s").issuer_path(MODULE_PATH, Answer::ok(module())).start().await;
    for path in ["/orders", "/public/a"] {
        assert_eq!(stack.get_with(path, &stack.good_token()).await.status, 503, "{path}");
    }
    assert_eq!(stack.upstream.count(), 0);
    // Envoy accepts the resource before the download.
    all_accepted(&ads, 1).await;
}

/// A fact about Envoy: where extension config discovery changes the module of a running listener to one that Envoy must
/// download, Envoy takes the resource, never downloads the module, and lets every request pass without the filter.
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_names_a_new_download_takes_the_filter_out_of_a_running_listener() {
    let (ads, stack) = running(&policy(json!({}))).await;
    assert_eq!(stack.get("/orders").await.status, 401);
    stack.issuer.answer(MODULE_PATH, Answer::ok(module()));
    ads.publish(by_http(&stricter(), &sha256(&module()), OnMiss::Take));
    wait_until("Envoy has taken the resource", async || ads.accepted() == 2).await;
    wait_until("requests pass", async || stack.get("/orders").await.status == 200).await;
    assert_eq!(stack.get("/closed").await.status, 200);
    assert_eq!((stack.issuer.count(MODULE_PATH), ads.rejected()), (0, vec![]));

    ads.publish(local(NAME, &stricter()));
    wait_until("the filter is back", async || stack.get("/orders").await.status == 401).await;
}

/// With `nack_on_code_cache_miss`, the old policy decides until the module is there. Envoy takes the rejected resource
/// when it is sent again, but does not apply it: only a changed resource takes effect.
#[tokio::test(flavor = "multi_thread")]
async fn with_nack_on_code_cache_miss_the_old_policy_stays_until_a_changed_resource_comes() {
    let (ads, stack) = running(&policy(json!({}))).await;
    let token = stack.good_token();
    let digest = sha256(&module());
    stack.issuer.answer(MODULE_PATH, Answer::ok(module()).held());
    let load = Load::start(&kinds(&stack), 6);
    ads.publish(by_http(&stricter(), &digest, OnMiss::Reject));
    wait_until("Envoy downloads the module", async || stack.issuer.count(MODULE_PATH) == 1).await;
    wait_until("Envoy rejects the resource", async || ads.rejected().len() == 1).await;
    load.wait_for_more(&stack, 50).await;

    stack.issuer.release();
    ads.publish(by_http(&stricter(), &digest, OnMiss::Reject));
    wait_until("Envoy takes the same resource", async || ads.accepted() == 2).await;
    load.wait_for_more(&stack, 50).await;
    assert_eq!(stack.get_with("/turns", &token).await.status, 200, "by the old policy");

    let round = std::cell::Cell::new(0);
    wait_until("the new policy is active", async || {
        round.set(round.get() + 1);
        let mut changed = stricter();
        changed["realm"] = json!(format!("round-{}", round.get()));
        ads.publish(by_http(&changed, &digest, OnMiss::Reject));
        stack.get_with("/turns", &token).await.status == 403
    })
    .await;
    load.wait_for_more(&stack, 50).await;
    assert_right(&stack, &load.stop().await);
    assert_eq!(stack.issuer.count(MODULE_PATH), 1);
}

/// Envoy Gateway sends the filter with its listener. A listener waits for the download, and the old one decides until
/// then.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_listener_waits_for_the_download() {
    let stack = Stack::builder().plugin(policy(json!({}))).workers(2).reconfigurable().start().await;
    let token = stack.good_token();
    stack.issuer.answer(MODULE_PATH, Answer::ok(module()).held());
    let mut bootstrap = stack.bootstrap();
    bootstrap.plugin = Some(stricter());
    let http_uri = json!({ "uri": uri(), "cluster": "issuer", "timeout": "30s" });
    let remote = json!({ "http_uri": http_uri, "sha256": sha256(&module()) });
    bootstrap.vm_options = json!({ "code": { "remote": remote } });
    stack.envoy.reconfigure(&bootstrap);
    wait_until("Envoy downloads the module", async || stack.issuer.count(MODULE_PATH) == 1).await;
    for _ in 0..10 {
        assert_eq!(stack.get("/orders").await.status, 401);
        assert_eq!(stack.get_with("/turns", &token).await.status, 200);
    }
    stack.issuer.release();
    // Envoy may close the connection of a request while it replaces the listener.
    wait_until("the new policy is active", async || {
        let request = stack.request("GET", "/turns").bearer(&token);
        request.try_send().await.is_ok_and(|response| response.status == 403)
    })
    .await;
    assert_eq!(stack.get("/orders").await.status, 401);
    assert_eq!(stack.issuer.fetches(), 1);
}
