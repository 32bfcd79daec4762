//! The dashboard, the alerts and the access log in `envoy/` use metrics and labels that a running Envoy exposes.

use std::collections::{BTreeMap, BTreeSet};

use jwtguard::inspect::documents;
use serde_json::{Value, json};

use crate::harness::{Answer, Stack, plugin_with};

/// The YAML documents of a text, as the tool parses them.
pub fn read(text: &str) -> Vec<Value> {
    let documents = documents("text", text).unwrap();
    documents.iter().map(|document| serde_json::from_str(&document.tree.to_json()).unwrap()).collect()
}

/// A file of the repository.
pub fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", jwt_guard_testkit::repository().display())).unwrap()
}

/// A file of `envoy/` with one document.
pub fn example(name: &str) -> Value {
    read(&file(&format!("envoy/{name}"))).remove(0)
}

/// The `stats_config` in any document of the text.
pub fn stats_config(text: &str) -> Value {
    let found = read(text).into_iter().find_map(|document| document.get("stats_config").cloned());
    found.expect("stats_config")
}

/// All texts with that member name, at any depth.
fn texts_under(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                match value.as_str().filter(|_| member == name) {
                    Some(text) => found.push(text.to_owned()),
                    None => texts_under(value, name, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts_under(item, name, found)),
        _ => {}
    }
}

/// The metrics of a query with the labels that it needs. `by (…)` counts for every metric of the query.
fn wanted(query: &str) -> BTreeMap<String, BTreeSet<String>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut metrics, mut grouped) = (BTreeMap::new(), BTreeSet::new());
    let mut rest = query;
    while let Some(start) = rest.find(is_name) {
        let (name, after) =
            rest[start..].split_at(rest[start..].find(|c| !is_name(c)).unwrap_or(rest.len() - start));
        rest = after;
        if name == "by" {
            let inside = after.trim_start().trim_start_matches('(').split(')').next().unwrap();
            grouped.extend(inside.split(',').map(|label| label.trim().to_owned()));
            rest = after.split_once(')').unwrap().1;
        } else if name.starts_with("jwt_guard_") || name.starts_with("envoy_") {
            let labels: &mut BTreeSet<String> = metrics.entry(name.to_owned()).or_default();
            if let Some(selector) = after.strip_prefix('{') {
                let (inside, after) = selector.split_once('}').unwrap();
                // Values here have no commas.
                labels.extend(
                    inside.split(',').map(|one| one.split(['=', '!']).next().unwrap().trim().to_owned()),
                );
                rest = after;
            }
        }
    }
    for labels in metrics.values_mut() {
        labels.extend(grouped.iter().cloned());
        // The scrape adds these labels.
        labels.remove("instance");
        labels.remove("job");
    }
    metrics
}

#[test]
fn queries_are_read_for_names_and_labels() {
    let query = "sum by (reason, instance) (rate(jwt_guard_denied{reason=~\"a|b\",instance=\"i\"}[5m])) > jwt_guard_waiting";
    let expected = [("jwt_guard_denied", "reason"), ("jwt_guard_waiting", "reason")]
        .map(|(metric, label)| (metric.to_owned(), BTreeSet::from([label.to_owned()])));
    assert_eq!(wanted(query), BTreeMap::from(expected));
}

/// The metrics of `/stats/prometheus` with their labels and values.
fn exposed(text: &str) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let mut metrics: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let labels = metrics.entry(name.to_owned()).or_default();
        for label in rest.split('}').next().unwrap().split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once('=').unwrap();
            labels.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }
    metrics
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_and_the_alerts_use_existing_metrics() {
    let stats = stats_config(&file("envoy/envoy.yaml"));
    for other in ["envoy/https-issuer.yaml", "envoy/envoy-gateway.yaml"] {
        assert_eq!(stats, stats_config(&file(other)), "{other} says the same");
    }
    let page = file("docs/operations.md");
    assert_eq!(
        stats,
        stats_config(page.split("```").find_map(|block| block.strip_prefix("yaml\n")).unwrap())
    );
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "revocation_list_endpoint": "/revocations" })))
        .issuer_path("/revocations", Answer::ok("[]"))
        .envoy(|envoy| envoy.top_level = json!({ "stats_config": stats }))
        .start()
        .await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    assert_eq!(stack.get("/").await.status, 401);
    let answer = stack.envoy.ask_admin("GET", "/stats/prometheus").await;
    let exposed = exposed(&String::from_utf8(answer.body).unwrap());

    let mut queries = Vec::new();
    for file in ["grafana-dashboard.json", "prometheus-alerts.yaml"] {
        let before = queries.len();
        texts_under(&example(file), "expr", &mut queries);
        assert!(queries.len() > before + 5, "{file} has queries");
    }
    let mut used = BTreeSet::new();
    for query in &queries {
        let wanted = wanted(query);
        assert!(!wanted.is_empty(), "{query}");
        for (metric, labels) in wanted {
            let has = exposed.get(&metric).unwrap_or_else(|| panic!("{metric} of {query}: {exposed:#?}"));
            let has: BTreeSet<String> = has.keys().cloned().collect();
            assert!(labels.is_subset(&has), "{metric} has {has:?}, not all of {labels:?}: {query}");
            used.insert(metric);
        }
    }
    // Conversely, every metric of the filter is used by a panel or an alert.
    let ours: BTreeSet<String> =
        exposed.keys().filter(|name| name.starts_with("jwt_guard_")).cloned().collect();
    assert_eq!(
        used.iter().filter(|name| name.starts_with("jwt_guard_")).cloned().collect::<BTreeSet<_>>(),
        ours
    );
    assert!(exposed["jwt_guard_denied"]["reason"].contains("missing_token"), "{exposed:#?}");
    assert_eq!(exposed["jwt_guard_jwks_keys"]["issuer"], BTreeSet::from(["issuer_example".to_owned()]));
    // The reasons in alerts exist: an alert with a misspelt reason would never fire.
    let reasons = &exposed["jwt_guard_denied"]["reason"];
    for selected in queries.iter().filter_map(|query| query.split_once("reason=")) {
        let selected = selected.1.trim_start_matches(['~', '"']).split('"').next().unwrap();
        for reason in selected.split('|') {
            assert!(reasons.contains(reason), "{reason}");
        }
    }
    // The names on `/stats` are unchanged.
    stack.counted_denied("missing_token", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_of_the_example_shows_subject_and_reason() {
    let manager = example("envoy.yaml")["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
        ["typed_config"]
        .clone();
    let format = manager["access_log"][0]["typed_config"]["log_format"]["json_format"].clone();
    let plugin = manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"].clone();
    let stack =
        Stack::builder().plugin(plugin).envoy(|envoy| envoy.access_log = format!("{format}\n")).start().await;
    stack.get_with("/api/orders?access_token=secret", &stack.good_token()).await;
    stack.get_with("/api/admin/users", &stack.good_token()).await;
    let lines = stack.envoy.access_logged(2).await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fields = |line: &Value| {
        ["path", "status", "subject", "issuer", "policy", "reason"].map(|key| line[key].clone())
    };
    assert_eq!(fields(&lines[0]), ["/api/orders", "200", "user-1", "issuer_example", "default_policy", "-"]);
    assert_eq!(fields(&lines[1]), ["/api/admin/users", "403", "-", "-", "-", "role"]);
}
