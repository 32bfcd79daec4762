//! The outputs of `init` fit the schemas that the platforms publish.

use jwtguard::inspect::documents;
use serde_json::Value;

use crate::manifests::{istio_schema, objects, undocumented};
use crate::run::{jwtguard, read};

const ISTIO: [(&str, &[&str]); 5] = [
    ("envoy/istio.yaml", &["WasmPlugin", "ServiceEntry", "DestinationRule", "EnvoyFilter"]),
    ("envoy/istio-gateway-api.yaml", &["WasmPlugin", "ServiceEntry", "DestinationRule", "EnvoyFilter"]),
    ("envoy/istio-sidecar.yaml", &["WasmPlugin", "ServiceEntry", "DestinationRule", "EnvoyFilter"]),
    (
        "envoy/istio-traffic-extension.yaml",
        &["TrafficExtension", "ServiceEntry", "DestinationRule", "EnvoyFilter"],
    ),
    ("envoy/istio-waypoint.yaml", &["WasmPlugin", "EnvoyFilter"]),
];

#[test]
fn istios_objects_of_every_mode_fit_istios_schemas() {
    let mut all = vec![];
    for (file, expected) in ISTIO {
        let objects = objects(file);
        let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
        assert_eq!(kinds, expected, "{file}");
        all.extend(objects);
    }
    let Some(found) = istio_schema(&all) else { return };
    assert_eq!(found, (0, String::new()));
    // The sidecar's and the waypoint's objects.
    let (sidecar, waypoint) = (8, 16);
    let mut broken = vec![];
    for (index, pointer, wrong) in [
        (sidecar, "/spec/match/0/mode", Value::from("INBOUND")),
        (sidecar + 1, "/spec/ports/0/targetPort", "https".into()),
        (sidecar + 2, "/spec/trafficPolicy/portLevelSettings/0/port", 80.into()),
        (waypoint, "/spec/targetRefs/0", serde_json::json!({ "group": "gateway.networking.k8s.io" })),
        (waypoint + 1, "/spec/configPatches/0/applyTo", "CLUSTERS".into()),
        (waypoint + 1, "/spec/configPatches/1/patch/operation", "ADDED".into()),
        (waypoint + 1, "/spec/configPatches/1/match/listener/filterChain/filter", "hcm".into()),
    ] {
        let mut object = all[index].clone();
        let place = object.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} in {}", all[index]));
        assert_ne!(*place, wrong);
        *place = wrong;
        object["metadata"]["name"] = pointer.into();
        broken.push(object);
    }
    let (status, complaints) = istio_schema(&broken).unwrap();
    assert_eq!(status, 1);
    for object in &broken {
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(complaints.contains(&format!(" {name}: ")), "{name}: {complaints}");
    }
}

#[test]
fn the_pod_monitor_fits_its_schema() {
    let of_gateway = jwtguard(&["init", "pod-monitor", "--platform", "envoy-gateway"]).out;
    let mut objects = objects("envoy/pod-monitor.yaml");
    objects
        .push(serde_json::from_str(&documents("gateway", &of_gateway).unwrap()[0].tree.to_json()).unwrap());
    assert_eq!(objects[1]["spec"]["podMetricsEndpoints"][0]["port"], "metrics");
    assert!(objects[1]["spec"]["podMetricsEndpoints"][0].get("metricRelabelings").is_none(), "{of_gateway}");
    let Some(found) = istio_schema(&objects) else { return };
    assert_eq!(found, (0, String::new()));
    let misspelt = ["metricRelabelings", "sourceLabels"].map(|name| {
        serde_json::from_str(&objects[0].to_string().replace(name, &name.to_lowercase())).unwrap()
    });
    let (status, complaints) = istio_schema(&misspelt).unwrap();
    assert!(status == 1, "{complaints}");
    for name in ["metricrelabelings", "sourcelabels"] {
        assert!(complaints.contains(name), "{name}: {complaints}");
    }
}

/// tests/envoy runs the rules of the page in a Prometheus.
#[test]
fn the_pod_monitor_relabels_as_the_operations_page() {
    let page = read("docs/operations.md");
    let block = page.split("```").find(|block| block.contains("metric_relabel_configs")).unwrap();
    let block = block.strip_prefix("yaml\n").unwrap();
    let rules: Value = serde_json::from_str(&documents("page", block).unwrap()[0].tree.to_json()).unwrap();
    let rules = rules["metric_relabel_configs"].to_string();
    let rules = rules.replace("source_labels", "sourceLabels").replace("target_label", "targetLabel");
    let monitor = &objects("envoy/pod-monitor.yaml")[0];
    let relabelings = &monitor["spec"]["podMetricsEndpoints"][0]["metricRelabelings"];
    assert_eq!(*relabelings, serde_json::from_str::<Value>(&rules).unwrap());
    let named = jwtguard(&["init", "pod-monitor", "--platform", "istio", "--name", "orders-jwt"]).out;
    assert!(named.contains(r"regex: 'envoy_wasm_(\w*orders_jwt\w*)_vm_reload"), "{named}");
    assert!(named.contains("  name: orders-jwt\n") && !named.contains("jwt_guard\\w*)"), "{named}");
}

#[test]
fn envoy_gateways_objects_have_documented_fields_only() {
    for object in objects("envoy/envoy-gateway.yaml") {
        assert_eq!(undocumented(&object), Vec::<String>::new(), "{object}");
        if object["kind"] == "ClientTrafficPolicy" {
            let broken = object.to_string().replace("earlyRequestHeaders", "earlyHeaders");
            let broken: Value = serde_json::from_str(&broken).unwrap();
            assert_eq!(undocumented(&broken)[0], "headers.earlyHeaders.remove[]");
        }
    }
}
