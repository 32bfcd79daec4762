//! Reads the manifests as the platforms do.

use jwtguard::inspect::documents;
use jwtguard::inspect::find::{self, Configuration};
use serde_json::{Value, json};

use crate::harness::typed;

fn text(file: &str) -> String {
    std::fs::read_to_string(format!("{}/envoy/{file}", jwt_guard_testkit::repository().display())).unwrap()
}

/// The configuration that the platform would pass to the filter.
pub fn configuration(file: &str) -> String {
    let documents = documents(file, &text(file)).unwrap();
    let mut plugins = documents.iter().flat_map(find::plugins);
    let (Some(plugin), None) = (plugins.next(), plugins.next()) else { panic!("{file}: one configuration") };
    let Configuration::Object(tree) = plugin.configuration else { panic!("{file}: an object") };
    tree.to_json()
}

/// The objects of the file, and the Envoy configuration in the bootstrap of an EnvoyProxy.
pub fn objects(file: &str) -> Vec<Value> {
    let documents = documents(file, &text(file)).unwrap();
    documents.iter().map(|document| serde_json::from_str(&document.tree.to_json()).unwrap()).collect()
}

/// The patches of the EnvoyFilters of the file.
fn patches(file: &str) -> Vec<Value> {
    let objects = objects(file);
    let filters = objects.iter().filter(|object| object["kind"] == "EnvoyFilter");
    filters.flat_map(|filter| filter["spec"]["configPatches"].as_array().unwrap().clone()).collect()
}

/// The clusters that the file gives to a proxy, for an Envoy.
pub fn added_clusters(file: &str) -> Vec<Value> {
    let of_patches = patches(file).into_iter().filter(|patch| patch["applyTo"] == "CLUSTER").map(|patch| {
        // A waypoint gets the cluster in this context only.
        assert_eq!(
            (&patch["match"]["context"], &patch["patch"]["operation"]),
            (&json!("SIDECAR_INBOUND"), &json!("ADD"))
        );
        patch["patch"]["value"].clone()
    });
    let of_bootstrap = objects(file)
        .into_iter()
        .filter_map(|object| object["static_resources"]["clusters"].as_array().cloned())
        .flatten()
        .filter(|cluster| cluster["name"] == "issuer");
    of_patches.chain(of_bootstrap).collect()
}

/// The keys of the HttpConnectionManager that the platform adds for the file.
pub fn manager_keys(file: &str) -> Value {
    let mut keys = json!({});
    for patch in patches(file).iter().filter(|patch| patch["applyTo"] == "NETWORK_FILTER") {
        let filter = &patch["match"]["listener"]["filterChain"]["filter"]["name"];
        assert_eq!(filter, "envoy.filters.network.http_connection_manager", "{file}");
        assert_eq!(patch["patch"]["operation"], "MERGE", "{file}");
        merge(&mut keys, &patch["patch"]["value"]["typed_config"]);
    }
    for policy in objects(file).iter().filter(|object| object["kind"] == "ClientTrafficPolicy") {
        let removed = policy["spec"]["headers"]["earlyRequestHeaders"]["remove"].as_array().unwrap();
        let mutations: Vec<_> = removed.iter().map(|name| json!({ "remove": name })).collect();
        let kind = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";
        keys["early_header_mutation_extensions"] = json!([{
            "name": "envoy.http.early_header_mutation.header_mutation",
            "typed_config": typed(kind, json!({ "mutations": mutations })),
        }]);
    }
    keys
}

/// Merges messages as protobuf does: lists are joined, other values are replaced.
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(members), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(members.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(items), Value::Array(patch)) => items.extend(patch.iter().cloned()),
        (into, patch) => *into = patch.clone(),
    }
}
