//! Tests the alerts of `envoy/prometheus-alerts.yaml` and the panel of crashes in the dashboard, with a Prometheus that
//! scrapes real Envoys.

use serde_json::{Value, json};

use crate::faults::{ON_REQUEST, Variant, fatal};
use crate::harness::{Answer, Bootstrap, Prometheus, Stack, StackBuilder, Target, plugin_with, wait_until};
use crate::observability::{example, file, read, stats_config};

/// An Envoy with the labels that the alerts need.
fn labelled(change: impl FnOnce(&mut Bootstrap)) -> StackBuilder {
    Stack::builder().plugin(plugin_with(json!({}))).envoy(|envoy| {
        envoy.top_level = json!({ "stats_config": stats_config(&file("envoy/envoy.yaml")) });
        change(envoy);
    })
}

fn target<'a>(instance: &'a str, stack: &'a Stack) -> Target<'a> {
    Target { job: "envoy", instance, envoy: &stack.envoy }
}

/// Crashes the VM of the only worker, and waits until the next one serves.
async fn crash(stack: &Stack) {
    assert_eq!(fatal(stack).send().await.status, 503);
    let good = stack.good_token();
    wait_until("the next VM serves", async || stack.get_with("/", &good).await.status == 200).await;
}

/// The query of the dashboard panel with that title, for all instances.
fn panel(title: &str) -> String {
    let dashboard = example("grafana-dashboard.json");
    let panels = dashboard["panels"].as_array().unwrap();
    let panel = panels.iter().find(|panel| panel["title"] == title).expect(title);
    panel["targets"][0]["expr"].as_str().unwrap().replace("$instance", ".*")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_raises_an_alert_in_every_pinned_envoy() {
    let variant = Variant::of(ON_REQUEST);
    let mut stacks = vec![];
    for (version, program) in jwt_guard_testkit::envoy::pinned() {
        let stack = labelled(|envoy| {
            envoy.program = Some(program);
            envoy.module = Some(variant.path().to_owned());
        });
        stacks.push((version, stack.start().await));
    }
    let targets: Vec<_> = stacks.iter().map(|(version, stack)| target(version, stack)).collect();
    let Some(prometheus) = Prometheus::start(&targets, &json!([])).await else { return };
    prometheus.alerted(&[]).await;
    // One after the other: the alert names the instance that crashed.
    let mut expected = vec![];
    for (version, stack) in &stacks {
        crash(stack).await;
        expected.push(("JwtGuardReloads", version.as_str()));
        prometheus.alerted(&expected).await;
    }
    let crashes = prometheus.query(&panel("Crashes")).await;
    assert_eq!(crashes.len(), stacks.len(), "{crashes:?}");
    assert!(crashes.values().all(|count| *count > 0.0), "{crashes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_without_the_filter_raises_an_alert() {
    let first = labelled(|_| {}).reconfigurable().start().await;
    let second = labelled(|_| {}).reconfigurable().start().await;
    let bare = labelled(|envoy| envoy.plugin = None).start().await;
    // An Envoy of a job in which no Envoy had the filter.
    let other = labelled(|envoy| envoy.plugin = None).start().await;
    let targets = [
        target("first", &first),
        target("second", &second),
        target("bare", &bare),
        Target { job: "other", instance: "other", envoy: &other.envoy },
    ];
    let Some(prometheus) = Prometheus::start(&targets, &json!([])).await else { return };
    let missing = |instance| ("JwtGuardMissing", instance);
    prometheus.alerted(&[missing("bare")]).await;
    assert_eq!(
        prometheus.query(&panel("Envoys without the filter")).await.into_keys().collect::<Vec<_>>(),
        ["bare"]
    );
    // Remove the filter from a running Envoy.
    let without = |stack: &Stack| {
        let mut bootstrap = stack.bootstrap();
        bootstrap.plugin = None;
        stack.envoy.reconfigure(&bootstrap);
    };
    without(&first);
    prometheus.alerted(&[missing("bare"), missing("first")]).await;
    // Then remove it from the last Envoy of the job.
    without(&second);
    let nowhere = ("JwtGuardNowhere", "");
    prometheus.alerted(&[missing("bare"), missing("first"), missing("second"), nowhere]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_revocation_list_raises_an_alert() {
    let stack = labelled(|envoy| {
        let plugin = json!({ "revocation_list_endpoint": "/revocations", "revocation_list_ttl_seconds": 1 });
        envoy.plugin = Some(plugin_with(plugin));
    });
    let stack = stack.issuer_path("/revocations", Answer::ok("[]")).start().await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    let Some(prometheus) = Prometheus::start(&[target("listed", &stack)], &json!([])).await else { return };
    let age = "max by (instance, issuer) (jwt_guard_revocation_list_age_seconds) > 120";
    let alerts = file("envoy/prometheus-alerts.yaml");
    assert!(alerts.contains(age), "the alert has this expression");
    let older = |seconds: u32| age.replace("> 120", &format!("> {seconds}"));
    assert!(prometheus.query(&older(120)).await.is_empty());
    stack.issuer.down().await;
    wait_until("the age grows", async || prometheus.query(&older(3)).await.len() == 1).await;
}

/// The relabelling in the second code block of `docs/operations.md`.
fn relabelling() -> Value {
    let page = file("docs/operations.md");
    let block = page.split("```").filter_map(|block| block.strip_prefix("yaml\n")).nth(1).unwrap();
    read(block).remove(0)["metric_relabel_configs"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn relabelling_gives_istios_metrics_the_names_of_the_alerts() {
    let variant = Variant::of(ON_REQUEST);
    let names = [
        ("1.29", "istio-ingress.jwt-guard"),
        ("1.30", "istio-ingress.jwt-guard~istio-translated-wasmplugin"),
        // The VM of another plugin must not count.
        ("other", "istio-ingress.basic-auth"),
    ];
    let mut stacks = vec![];
    for (release, name) in names {
        let stack = Stack::builder().plugin(plugin_with(json!({}))).envoy(|envoy| {
            envoy.plugin_options = json!({ "name": name });
            envoy.module = Some(variant.path().to_owned());
        });
        stacks.push((release, stack.start().await));
    }
    let targets: Vec<_> = stacks.iter().map(|(release, stack)| target(release, stack)).collect();
    let Some(prometheus) = Prometheus::start(&targets, &relabelling()).await else { return };
    prometheus.alerted(&[]).await;
    let mut expected = vec![];
    for (release, stack) in &stacks {
        crash(stack).await;
        assert_eq!(stack.get("/").await.status, 401);
        let denied = format!("jwt_guard_denied{{reason=\"missing_token\",instance=\"{release}\"}} > 0");
        wait_until("the reason is a label", async || prometheus.query(&denied).await.len() == 1).await;
        let stale = format!("jwt_guard_jwks_stale{{issuer=\"issuer_example\",instance=\"{release}\"}}");
        assert_eq!(prometheus.query(&stale).await.len(), 1);
        if *release != "other" {
            expected.push(("JwtGuardReloads", *release));
        }
        prometheus.alerted(&expected).await;
    }
}

/// Envoy Gateway sets no failure policy, so this applies to Envoy Gateway.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_reload_only_the_access_log_shows_a_crash() {
    let variant = Variant::of(ON_REQUEST);
    let stack = labelled(|envoy| {
        envoy.plugin_options = json!({ "failure_policy": "FAIL_CLOSED" });
        envoy.module = Some(variant.path().to_owned());
        envoy.access_log = "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n".to_owned();
    })
    .reconfigurable()
    .start()
    .await;
    let good = stack.good_token();
    assert_eq!(stack.get_with("/", &good).await.status, 200);
    assert_eq!(fatal(&stack).send().await.status, 503);
    assert_eq!(stack.get_with("/", &good).await.status, 503);
    let logged = stack.envoy.access_logged(3).await;
    assert_eq!(logged, ["200 via_upstream", "503 wasm_fail_stream", "503 wasm_fail_stream"]);
    let stats = stack.envoy.stats().await;
    let moved: Vec<_> =
        stats.iter().filter(|(name, value)| name.contains(".vm_reload") && **value > 0).collect();
    assert!(moved.is_empty(), "{moved:?}");
    assert!(file("docs/operations.md").contains("`wasm_fail_stream`"));
    // As documented, a new configuration starts a new VM.
    let mut bootstrap = stack.bootstrap();
    bootstrap.plugin = Some(plugin_with(json!({ "realm": "another" })));
    stack.envoy.reconfigure(&bootstrap);
    wait_until("a new VM serves", async || stack.get_with("/", &good).await.status == 200).await;
}
