//! The filter comes by extension config discovery (ECDS), as Istio sends it to its proxies: over the aggregated stream,
//! without a default configuration, without a `vm_id`.

mod ads;
mod messages;
mod remote;

use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::{Kind, Load, assert_right, kinds, lines, policy};
use crate::harness::{Bootstrap, Envoy, Request, Stack, StackBuilder, cluster, plugin_with, wait_until};
use crate::outcome::assert_no_crash;

use ads::Ads;
use messages::{Code, TypedExtensionConfig, deny_all, type_urls, wasm};

/// The name that Istio gives the plugin of a WasmPlugin.
const NAME: &str = "istio-ingress.jwt-guard~istio-translated-wasmplugin";
/// How long a state is watched that must not change.
const WATCH: Duration = Duration::from_secs(1);

/// The filter of that name, whose configuration comes by discovery. A `timeout` of 0 s is none, as in Istio.
fn discovered(name: &str, timeout: &str) -> Value {
    json!({ "name": name, "config_discovery": {
        "config_source": {
            "ads": {}, "initial_fetch_timeout": timeout, "resource_api_version": "V3",
        },
        "type_urls": type_urls(),
    } })
}

/// Adds the control plane.
fn managed_by(envoy: &mut Bootstrap, ads: &Ads) {
    envoy.clusters.push(cluster("xds", ads.address(), true));
    envoy.top_level = json!({
        "node": { "id": "test", "cluster": "test" },
        "dynamic_resources": { "ads_config": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": true,
            "grpc_services": [{ "envoy_grpc": { "cluster_name": "xds" } }],
        } },
    });
}

/// A stack with two workers and the filter [`NAME`].
fn stack(ads: &Ads, timeout: &str) -> StackBuilder {
    let filter = discovered(NAME, timeout);
    Stack::builder().workers(2).envoy(|envoy| {
        managed_by(envoy, ads);
        envoy.filters_before = vec![filter];
    })
}

/// The filter with the module in a file.
fn local(name: &str, plugin: &Value) -> TypedExtensionConfig {
    wasm(name, plugin, &Code::File(Envoy::module()))
}

/// A stack whose filter has arrived.
async fn running(plugin: &Value) -> (Ads, Stack) {
    let ads = Ads::start().await;
    ads.publish(local(NAME, plugin));
    let stack = stack(&ads, "0s").start().await;
    (ads, stack)
}

/// A statistic of the discovery of that filter.
async fn discovery(stack: &Stack, name: &str, figure: &str) -> u64 {
    stack.envoy.stat(&format!("extension_config_discovery.http_filter.{name}.{figure}")).await
}

/// Envoy has accepted that many resources and rejected none. It reports a resource shortly after it has applied it.
async fn all_accepted(ads: &Ads, count: usize) {
    wait_until("Envoy has accepted the resources", async || ads.accepted() == count).await;
    assert!(ads.rejected().is_empty(), "{:?}", ads.rejected());
}

/// A request that needs any token by the first policy, and a role by [`stricter`].
fn turning(stack: &Stack, statuses: &[u16]) -> Kind {
    let request = stack.request("GET", "/turns").bearer(&stack.good_token());
    Kind { label: "turns", request, statuses: statuses.to_vec(), error: "" }
}

fn stricter() -> Value {
    policy(json!({ "routes": [
        { "path": "/public/**", "allow_anonymous": true },
        { "path": "/admin/**", "requires_role": "admin" },
        { "path": "/closed", "deny": true },
        { "path": "/turns", "requires_role": "admin" },
    ] }))
}

/// Without a module there is no answer: Istio sets no timeout, so Envoy waits for the resource before it is ready.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_answers_no_request_before_the_module_has_arrived() {
    let ads = Ads::start().await;
    let mut starting = Box::pin(stack(&ads, "0s").start());
    tokio::select! {
        _ = &mut starting => panic!("Envoy is ready without the module"),
        () = async {
            wait_until("Envoy asks for the filter", async || ads.is_subscribed(NAME)).await;
            tokio::time::sleep(WATCH).await;
        } => {}
    }
    ads.publish(local(NAME, &policy(json!({}))));
    let stack = starting.await;
    assert_eq!(stack.get("/orders").await.status, 401);
    assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 200);
    assert_eq!(stack.get("/public/a").await.status, 200);
    assert_eq!(stack.issuer.fetches(), 1);
    all_accepted(&ads, 1).await;
}

/// Where a timeout ends that wait, Envoy refuses every request. If the agent of an Istio proxy cannot download the
/// module, the agent sends a filter that denies everything.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_refused_until_the_module_arrives() {
    let ads = Ads::start().await;
    let stack = stack(&ads, "0.1s").start().await;
    let token = stack.good_token();
    for path in ["/orders", "/public/a"] {
        assert_eq!(stack.get_with(path, &token).await.status, 500, "{path}");
    }
    ads.publish(deny_all(NAME));
    wait_until("the filter of the agent arrives", async || {
        stack.get_with("/orders", &token).await.status == 403
    })
    .await;
    assert_eq!(stack.upstream.count(), 0);

    ads.publish(local(NAME, &policy(json!({}))));
    wait_until("the module arrives", async || stack.get_with("/orders", &token).await.status == 200).await;
    assert_eq!(stack.get("/public/a").await.status, 200);
    assert_eq!(stack.get("/orders").await.status, 401);
    all_accepted(&ads, 2).await;
}

/// A policy changes for open connections too, without a new listener: no request is lost, and each answer is one of the
/// old or of the new policy.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_takes_over_under_load_and_an_invalid_one_changes_nothing() {
    let (ads, stack) = running(&policy(json!({}))).await;
    let mut mixed = kinds(&stack);
    mixed.push(turning(&stack, &[200, 403]));
    let token = stack.good_token();
    assert_eq!(stack.get_with("/turns", &token).await.status, 200);
    let load = Load::start(&mixed, 8);
    load.wait_for_more(&stack, 50).await;

    // An unknown key, in a configuration that would allow every request.
    let open = json!({ "routes": [{ "path": "/**", "allow_anonymous": true }], "default_polcy": {} });
    ads.publish(local(NAME, &policy(open)));
    wait_until("the policy is rejected", async || ads.rejected().len() == 1).await;
    assert!(ads.rejected()[0].contains("Unable to create Wasm plugin"), "{:?}", ads.rejected());
    stack.envoy.logged("invalid configuration: default_polcy: unknown key").await;
    assert_eq!(discovery(&stack, NAME, "config_fail").await, 1);
    load.wait_for_more(&stack, 100).await;
    assert_eq!(stack.get("/orders").await.status, 401);
    assert_eq!(stack.get_with("/turns", &token).await.status, 200);

    ads.publish(local(NAME, &stricter()));
    wait_until("the new policy is active", async || stack.get_with("/turns", &token).await.status == 403)
        .await;
    wait_until("Envoy reports the new policy", async || ads.accepted() == 2).await;
    load.wait_for_more(&stack, 100).await;
    let tally = load.stop().await;
    println!("{tally:?}");
    assert!(tally.count("turns", 200) > 0 && tally.count("turns", 403) > 0, "{tally:?}");
    assert_right(&stack, &tally);

    // From here on, the old policy decides no request.
    let load = Load::start(&[turning(&stack, &[403])], 4);
    while stack.denied("role").await < 40 {
        tokio::task::yield_now().await;
    }
    let tally = load.stop().await;
    assert!(tally.wrong.is_empty() && tally.cut == 0, "{tally:?}");
    assert_eq!(stack.issuer.fetches(), 1, "the keys were there");
    assert_eq!(lines(&stack, "default_polcy"), 1, "only one VM tries the invalid policy");
}

/// Six policies in a row, on connections that stay open.
#[tokio::test(flavor = "multi_thread")]
async fn many_new_policies_in_a_row_lose_no_request() {
    let (ads, stack) = running(&policy(json!({}))).await;
    let load = Load::start(&kinds(&stack), 6);
    for round in 0..6 {
        load.wait_for_more(&stack, 20).await;
        ads.publish(local(NAME, &policy(json!({ "realm": format!("round-{round}") }))));
        wait_until("the policy is accepted", async || ads.accepted() == round + 2).await;
    }
    load.wait_for_more(&stack, 50).await;
    let tally = load.stop().await;
    assert_right(&stack, &tally);
    assert_eq!(stack.issuer.fetches(), 1);
    assert_no_crash(&stack);
    let challenge = stack.get("/orders").await;
    assert!(challenge.text("www-authenticate").unwrap().contains("round-5"));
}

/// A filter that is added to a running listener: the listener stays as it is, without the filter, until the module has
/// arrived. So a first WasmPlugin does not protect a gateway before its module has been downloaded.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_listener_goes_on_without_the_filter_until_the_module_has_arrived() {
    let ads = Ads::start().await;
    let stack = Stack::builder().reconfigurable().envoy(|envoy| managed_by(envoy, &ads)).start().await;
    let mut bootstrap = stack.bootstrap();
    bootstrap.filters_before = vec![discovered(NAME, "0s")];
    stack.envoy.reconfigure(&bootstrap);
    wait_until("Envoy asks for the filter", async || ads.is_subscribed(NAME)).await;
    assert_eq!(stack.get("/orders").await.status, 200);
    ads.publish(local(NAME, &policy(json!({}))));
    // Envoy may close the connection of a request while it replaces the listener.
    wait_until("the listener has the filter", async || {
        stack.request("GET", "/orders").try_send().await.is_ok_and(|response| response.status == 401)
    })
    .await;
    assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 200);
}

/// Two listeners with one resource get the same policy at once, and the keys are fetched once.
#[tokio::test(flavor = "multi_thread")]
async fn two_listeners_share_one_resource() {
    let ads = Ads::start().await;
    ads.publish(local(NAME, &policy(json!({}))));
    let builder = stack(&ads, "0s").envoy(|envoy| envoy.listener_copies = vec!["another"]);
    let stack = builder.start().await;
    let addresses = [stack.address(), stack.envoy.listener("another").await];
    let token = stack.good_token();
    let status =
        async |address, path: &str| Request::new(address, "GET", path).bearer(&token).send().await.status;
    for address in addresses {
        assert_eq!(status(address, "/turns").await, 200);
        assert_eq!(status(address, "/admin/a").await, 403);
    }
    ads.publish(local(NAME, &stricter()));
    for address in addresses {
        wait_until("the new policy is active", async || status(address, "/turns").await == 403).await;
    }
    assert_eq!(stack.issuer.fetches(), 1);
    all_accepted(&ads, 2).await;
}

/// Two plugins without a `vm_id` run in one VM. Each has its own policy, claim headers and keys, which it fetches once.
#[tokio::test(flavor = "multi_thread")]
async fn two_plugins_without_a_vm_id_keep_apart() {
    const SECOND: &str = "istio-system.admins~istio-translated-wasmplugin";
    let ads = Ads::start().await;
    let first = plugin_with(json!({ "forward_token": true, "claim_headers": { "x-first-sub": "sub" } }));
    let second = plugin_with(json!({
        "claim_headers": { "x-second-sub": "sub" }, "default_policy": { "requires_role": "admin" },
    }));
    ads.publish(local(NAME, &first));
    ads.publish(local(SECOND, &second));
    let builder = stack(&ads, "0s").envoy(|envoy| envoy.filters_before.push(discovered(SECOND, "0s")));
    let stack = builder.start().await;

    assert_eq!(stack.get("/orders").await.status, 401);
    assert_eq!(stack.get_with("/orders", &stack.good_token()).await.status, 403);
    let admin = stack.token().claim("roles", json!(["admin"])).sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/orders", &admin).await.status, 200);
    let seen = stack.upstream.last();
    assert_eq!(seen.header("x-first-sub"), Some("user-1"));
    assert_eq!(seen.header("x-second-sub"), Some("user-1"));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(stack.issuer.fetches(), 2, "one for each plugin");

    // A new policy of the second leaves the first as it is.
    ads.publish(local(SECOND, &plugin_with(json!({ "claim_headers": { "x-second-sub": "sub" } }))));
    let good = stack.good_token();
    wait_until("the new policy is active", async || stack.get_with("/orders", &good).await.status == 200)
        .await;
    assert_eq!(stack.upstream.last().header("x-first-sub"), Some("user-1"));
    assert_eq!(stack.get("/orders").await.status, 401);
    assert_eq!(stack.issuer.fetches(), 2, "one for each plugin");
    assert_no_crash(&stack);
}
