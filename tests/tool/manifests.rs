//! The manifests for Istio and Envoy Gateway: sound by our own check, and of the shape that the platforms publish.

use std::collections::BTreeMap;

use jwt_guard::inspect::{Document, documents};
use serde_json::Value;

use crate::pinned_python::pinned_python;
use crate::run::{jwtguard, read};

fn objects(file: &str) -> Vec<Value> {
    let documents = documents(file, &read(file)).unwrap();
    // An object is read once more for each Envoy configuration inside it, under a name of its own.
    let own = documents.iter().filter(|document| document.file == file);
    own.map(|Document { tree, .. }| serde_json::from_str(&tree.to_json()).unwrap()).collect()
}

#[test]
fn they_are_sound() {
    for file in ["envoy/istio.yaml", "envoy/envoy-gateway.yaml"] {
        let ran = jwtguard(&["check", "--strict", file]);
        assert_eq!(
            (ran.status, ran.err.as_str()),
            (0, "1 configuration: 0 errors, 0 warnings\n"),
            "{file}: {}",
            ran.out
        );
        assert!(ran.out.contains("everything else  any      any    any valid token"), "{file}: {}", ran.out);
    }
}

/// What Istio's schemas say of those objects; nothing where it cannot be told here.
fn istio_schema(objects: &[Value]) -> Option<(i32, String)> {
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    pinned_python("istio-schema", &lines)
}

#[test]
fn istios_objects_fit_istios_schemas() {
    let objects = objects("envoy/istio.yaml");
    let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds, ["WasmPlugin", "ServiceEntry", "DestinationRule"]);
    let mut broken = objects.clone();
    broken[0]["spec"]["phase"] = "EARLY".into();
    broken[1]["spec"]["port"] = broken[1]["spec"]["ports"].take();
    broken[2]["spec"]["trafficPolicy"]["tls"]["mode"] = "ON".into();
    let Some(found) = istio_schema(&objects) else { return };
    assert_eq!(found, (0, String::new()));
    let (status, complaints) = istio_schema(&broken).unwrap();
    assert_eq!(status, 1);
    for name in ["spec.phase", "spec.port: is not in the schema", "spec.trafficPolicy.tls.mode"] {
        assert!(complaints.contains(name), "{name}: {complaints}");
    }
}

#[test]
fn the_istio_objects_of_the_migration_fit_too() {
    let section = "From Istio's RequestAuthentication and AuthorizationPolicy";
    let blocks = crate::recipes::blocks("docs/migration.md", section).join("---\n");
    let objects: Vec<Value> = documents("migration", &blocks)
        .unwrap()
        .iter()
        .map(|document| serde_json::from_str(&document.tree.to_json()).unwrap())
        .collect();
    assert_eq!(objects.len(), 3);
    let Some(found) = istio_schema(&objects) else { return };
    assert_eq!(found, (0, String::new()));
}

/// The fields of Envoy Gateway's and the Gateway API's objects that we use, as their references document them. No
/// package carries those schemas, so this finds a misspelt field and no more.
const DOCUMENTED: [(&str, &str, &[&str]); 6] = [
    (
        "EnvoyExtensionPolicy",
        "gateway.envoyproxy.io/v1alpha1",
        &[
            "targetRefs[].group",
            "targetRefs[].kind",
            "targetRefs[].name",
            "wasm[].name",
            "wasm[].rootID",
            "wasm[].code.type",
            "wasm[].code.image.url",
            "wasm[].failOpen",
            "wasm[].config.*",
        ],
    ),
    ("EnvoyProxy", "gateway.envoyproxy.io/v1alpha1", &["bootstrap.type", "bootstrap.value"]),
    (
        "Gateway",
        "gateway.networking.k8s.io/v1",
        &[
            "gatewayClassName",
            "infrastructure.parametersRef.group",
            "infrastructure.parametersRef.kind",
            "infrastructure.parametersRef.name",
            "listeners[].name",
            "listeners[].protocol",
            "listeners[].port",
        ],
    ),
    ("Backend", "gateway.envoyproxy.io/v1alpha1", &["endpoints[].fqdn.hostname", "endpoints[].fqdn.port"]),
    (
        "BackendTLSPolicy",
        "gateway.networking.k8s.io/v1",
        &[
            "targetRefs[].group",
            "targetRefs[].kind",
            "targetRefs[].name",
            "validation.hostname",
            "validation.wellKnownCACertificates",
        ],
    ),
    (
        "HTTPRoute",
        "gateway.networking.k8s.io/v1",
        &[
            "parentRefs[].name",
            "hostnames[]",
            "rules[].matches[].path.type",
            "rules[].matches[].path.value",
            "rules[].backendRefs[].group",
            "rules[].backendRefs[].kind",
            "rules[].backendRefs[].name",
        ],
    ),
];

/// The paths of all leaves.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(value, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, &format!("{path}[]"), found)),
        _ => found.push(path.to_owned()),
    }
}

fn undocumented(object: &Value) -> Vec<String> {
    let documented: BTreeMap<_, _> =
        DOCUMENTED.into_iter().map(|(kind, version, fields)| (kind, (version, fields))).collect();
    let (version, fields) = documented[object["kind"].as_str().unwrap()];
    assert_eq!(object["apiVersion"], version);
    let mut used = Vec::new();
    leaves(&object["spec"], "", &mut used);
    let known = |path: &String| {
        fields
            .iter()
            .any(|field| field.strip_suffix('*').map_or(field == path, |above| path.starts_with(above)))
    };
    used.retain(|path| !known(path));
    used
}

#[test]
fn envoy_gateways_objects_have_documented_fields_only() {
    let recipe = crate::recipes::blocks("docs/recipes.md", "Keys through a Backend of Envoy Gateway");
    let [manifest] = recipe.as_slice() else { panic!("one block: {recipe:?}") };
    let recipe = documents("recipe", manifest).unwrap();
    let mut objects = objects("envoy/envoy-gateway.yaml");
    objects.extend(recipe.iter().map(|document| serde_json::from_str(&document.tree.to_json()).unwrap()));
    let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds[..3], ["EnvoyExtensionPolicy", "EnvoyProxy", "Gateway"]);
    for object in &objects {
        assert_eq!(undocumented(object), Vec::<String>::new(), "{object}");
    }
    let mut broken = objects[0].clone();
    broken["spec"]["wasm"][0]["rootId"] = "a".into();
    assert_eq!(undocumented(&broken), ["wasm[].rootId"]);
}
