//! The manifests for Istio and Envoy Gateway: valid by `check`, and by the published schemas of the platforms.

use std::collections::BTreeMap;

use jwtguard::inspect::{FileDocument, documents};
use serde_json::Value;

use crate::run::{jwtguard, read};
use jwt_guard_testkit::pinned_python::pinned_python;

pub fn objects(file: &str) -> Vec<Value> {
    let documents = documents(file, &read(file)).unwrap();
    // Each Envoy configuration inside an object is a further document with another file name.
    let own = documents.iter().filter(|document| document.file == file);
    own.map(|FileDocument { tree, .. }| serde_json::from_str(&tree.to_json()).unwrap()).collect()
}

#[test]
fn the_manifests_are_valid() {
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

/// The file for the containers fetches keys over plain http within their network.
#[test]
fn the_envoy_files_give_no_warning() {
    for file in ["envoy/envoy.yaml", "envoy/https-issuer.yaml"] {
        let ran = jwtguard(&["check", "--strict", file]);
        assert_eq!((ran.status, ran.err.as_str()), (0, "1 configuration: 0 errors, 0 warnings\n"), "{file}");
    }
    let ran = jwtguard(&["check", "envoy/compose.envoy.yaml"]);
    assert!(ran.err.contains("fetches keys from issuer:8090 over plain http"), "{}", ran.err);
    assert!(ran.err.ends_with("1 configuration: 0 errors, 1 warning\n"), "{}", ran.err);
}

/// Validates objects against the schemas of Istio and the Prometheus operator; `None` if the validator is not installed.
///
/// The schemas are those of Istio 1.24. FAIL_RELOAD (since 1.27) is replaced by a value of 1.24, and a TrafficExtension (since
/// 1.30) by a WasmPlugin with the same fields.
pub fn istio_schema(objects: &[Value]) -> Option<(i32, String)> {
    let lines: String = objects.iter().map(|object| format!("{}\n", as_of_1_24(object))).collect();
    pinned_python("istio-schema", &lines)
}

fn as_of_1_24(object: &Value) -> Value {
    let mut object = object.clone();
    if object["kind"] == "TrafficExtension" {
        object["kind"] = "WasmPlugin".into();
        let spec = object["spec"].as_object_mut().unwrap();
        let Some(Value::Object(wasm)) = spec.remove("wasm") else { panic!("a TrafficExtension with wasm") };
        spec.extend(wasm);
    }
    if object["spec"]["failStrategy"] == "FAIL_RELOAD" {
        object["spec"]["failStrategy"] = "FAIL_CLOSE".into();
    }
    object
}

#[test]
fn istios_objects_fit_istios_schemas() {
    let objects = objects("envoy/istio.yaml");
    let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds, ["WasmPlugin", "ServiceEntry", "DestinationRule", "EnvoyFilter"]);
    let mut broken = objects.clone();
    broken[0]["spec"]["phase"] = "EARLY".into();
    broken[1]["spec"]["port"] = broken[1]["spec"]["ports"].take();
    broken[2]["spec"]["trafficPolicy"]["tls"]["mode"] = "ON".into();
    let Some(found) = istio_schema(&objects) else { return };
    assert_eq!(found, (0, String::new()));
    assert_eq!(objects[0]["spec"]["failStrategy"], "FAIL_RELOAD");
    let (status, complaints) = istio_schema(&broken).unwrap();
    assert_eq!(status, 1);
    for name in ["spec.phase", "spec.port: is not in the schema", "spec.trafficPolicy.tls.mode"] {
        assert!(complaints.contains(name), "{name}: {complaints}");
    }
}

#[test]
fn the_istio_objects_in_the_documents_fit_istios_schemas() {
    let migration = "From Istio's RequestAuthentication and AuthorizationPolicy";
    for (document, section, kinds) in [
        (
            "docs/migration.md",
            migration,
            ["RequestAuthentication", "AuthorizationPolicy", "WasmPlugin"].as_slice(),
        ),
        ("docs/istio.md", "Requests that wait in a module that crashed", &["EnvoyFilter"]),
        ("docs/istio.md", "Sidecars", &["WasmPlugin"]),
        ("docs/istio.md", "Waypoints", &["WasmPlugin"]),
        ("docs/istio.md", "TrafficExtension", &["TrafficExtension"]),
        ("docs/istio.md", "Removing claim headers early", &["EnvoyFilter"]),
        ("docs/istio.md", "Routes by claim", &["VirtualService"]),
    ] {
        let blocks = crate::recipes::blocks(document, section).join("---\n");
        // Each Envoy configuration inside an object is a further document with another file name.
        let documents = documents(section, &blocks).unwrap();
        let objects: Vec<Value> = documents
            .iter()
            .filter(|document| document.file == section)
            .map(|document| serde_json::from_str(&document.tree.to_json()).unwrap())
            .collect();
        assert_eq!(objects.iter().map(|object| &object["kind"]).collect::<Vec<_>>(), kinds, "{section}");
        let Some(found) = istio_schema(&objects) else { return };
        assert_eq!(found, (0, String::new()), "{section}");
    }
}

#[test]
fn the_example_and_the_traffic_extension_in_the_documents_are_equal() {
    let block = crate::recipes::blocks("docs/istio.md", "TrafficExtension").concat();
    let documents = documents("extension", &block).unwrap();
    let extension = as_of_1_24(&serde_json::from_str(&documents[0].tree.to_json()).unwrap());
    let mut plugin = as_of_1_24(&objects("envoy/istio.yaml")[0]);
    // The example in the document has no routes.
    plugin["spec"]["pluginConfig"].as_object_mut().unwrap().remove("routes");
    assert_eq!(extension["spec"], plugin["spec"]);
}

/// The fields of Envoy Gateway's and the Gateway API's objects that the manifests use, read from the definitions of Envoy
/// Gateway 1.9.0 and Gateway API 1.6.1. No package for Python has those schemas, and the types of the Rust packages ignore
/// unknown fields, so this check finds only misspelt fields.
const DOCUMENTED: [(&str, &str, &[&str]); 8] = [
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
    (
        "ClientTrafficPolicy",
        "gateway.envoyproxy.io/v1alpha1",
        &[
            "targetRefs[].group",
            "targetRefs[].kind",
            "targetRefs[].name",
            "headers.earlyRequestHeaders.remove[]",
        ],
    ),
    (
        "EnvoyProxy",
        "gateway.envoyproxy.io/v1alpha1",
        &["bootstrap.type", "bootstrap.value", "filterOrder[].name", "filterOrder[].after"],
    ),
    ("HTTPRouteFilter", "gateway.envoyproxy.io/v1alpha1", &["directResponse.statusCode"]),
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
            "rules[].matches[].headers[].name",
            "rules[].matches[].headers[].value",
            "rules[].filters[].type",
            "rules[].filters[].extensionRef.group",
            "rules[].filters[].extensionRef.kind",
            "rules[].filters[].extensionRef.name",
            "rules[].backendRefs[].group",
            "rules[].backendRefs[].kind",
            "rules[].backendRefs[].name",
            "rules[].backendRefs[].port",
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

pub fn undocumented(object: &Value) -> Vec<String> {
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
    let mut recipe = documents("recipe", manifest).unwrap();
    for section in
        ["What stands before and after the filter", "Removing claim headers early", "Routes by claim"]
    {
        let block = crate::recipes::blocks("docs/envoy-gateway.md", section).concat();
        recipe.extend(documents(section, &block).unwrap());
    }
    let mut objects = objects("envoy/envoy-gateway.yaml");
    objects.extend(recipe.iter().map(|document| serde_json::from_str(&document.tree.to_json()).unwrap()));
    let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds[..4], ["EnvoyExtensionPolicy", "ClientTrafficPolicy", "EnvoyProxy", "Gateway"]);
    for object in &objects {
        assert_eq!(undocumented(object), Vec::<String>::new(), "{object}");
    }
    let mut broken = objects[0].clone();
    broken["spec"]["wasm"][0]["rootId"] = "a".into();
    assert_eq!(undocumented(&broken), ["wasm[].rootId"]);
}
