//! `check` on the configuration around the filter in Envoy, Istio and Envoy Gateway. Each row is a folder in
//! `tests/data/mesh` with two manifests that differ in one thing, and the finding for the wrong one.

use std::collections::BTreeSet;

use crate::recipes::blocks;
use crate::run::{jwtguard, jwtguard_with, read, root};

const FOLDER: &str = "crates/jwtguard/tests/data/mesh";

/// The folders. A folder that is not listed, and a row without its three files, fails a test.
const ROWS: [&str; 73] = [
    "action-custom",
    "action-custom-elsewhere",
    "action-custom-root-namespace",
    "claim-route-annotation",
    "claim-route-authorization",
    "claim-route-default-name",
    "claim-route-early-removal",
    "claim-route-early-removal-pattern",
    "claim-route-filter",
    "claim-route-ignore-case",
    "claim-route-inverted",
    "claim-route-last-route",
    "claim-route-metadata",
    "claim-route-no-last-route",
    "claim-route-prefix",
    "claim-route-present",
    "claim-route-spelling",
    "cors-policy",
    "envoy-cors",
    "envoy-ext-authz",
    "envoy-ext-authz-headers",
    "envoy-ext-authz-removal",
    "envoy-grpc-json-transcoder",
    "envoy-grpc-web",
    "envoy-jwt-authn-after",
    "envoy-jwt-authn-before",
    "envoy-reader",
    "envoy-two-filters-claim-headers",
    "envoy-two-filters-dpop",
    "envoy-two-filters-dpop-vm",
    "envoy-two-filters-token",
    "ext-auth",
    "ext-auth-headers",
    "gateway-and-sidecar",
    "gateway-by-patch",
    "gateway-claim-route-annotation",
    "gateway-claim-route-early-removal",
    "gateway-claim-route-early-removal-pattern",
    "gateway-claim-route-exact",
    "gateway-claim-route-filter",
    "gateway-claim-route-last-rule",
    "gateway-claim-route-listener-policy",
    "gateway-claim-route-two-gateways",
    "gateway-labels",
    "gateway-server-mode",
    "http-route-cors",
    "istio-claim-route-early-removal",
    "istio-claim-route-early-removal-context",
    "istio-claim-route-exact",
    "istio-claim-route-last-route",
    "istio-claim-route-mesh",
    "istio-claim-route-sidecar",
    "istio-claim-route-without",
    "merge-type-with-wasm",
    "namespace-without-selector",
    "policy-for-one-listener",
    "request-authentication-after",
    "request-authentication-before",
    "request-authentication-elsewhere",
    "root-namespace",
    "second-policy-on-a-route",
    "section-name",
    "sidecar-client-mode",
    "sidecar-mode",
    "traffic-extension",
    "two-modules",
    "two-plugins",
    "waypoint-by-name",
    "waypoint-cluster",
    "waypoint-cluster-context",
    "waypoint-cluster-tls",
    "waypoint-for-a-service",
    "waypoint-selector",
];

fn file(row: &str, name: &str) -> String {
    format!("{FOLDER}/{row}/{name}")
}

#[test]
fn every_row_has_two_manifests_and_a_finding() {
    let folders = std::fs::read_dir(root().join(FOLDER)).unwrap();
    let found: BTreeSet<String> =
        folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, ROWS.iter().map(ToString::to_string).collect(), "the folders are the rows");
    for row in ROWS {
        let files = std::fs::read_dir(root().join(FOLDER).join(row)).unwrap();
        let files: BTreeSet<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(
            files,
            BTreeSet::from(["finding.txt", "right.yaml", "wrong.yaml"].map(String::from)),
            "{row}"
        );
    }
}

#[test]
fn the_right_manifests_give_no_warning() {
    for row in ROWS {
        let ran = jwtguard(&["check", "--strict", "--quiet", &file(row, "right.yaml")]);
        assert!(ran.status == 0 && ran.err.lines().count() == 1, "{row}: {}", ran.err);
        assert!(ran.err.ends_with(": 0 errors, 0 warnings\n"), "{row}: {}", ran.err);
    }
}

/// The finding has the line, the severity, the path, and after the last semicolon the remedy.
#[test]
fn the_wrong_manifests_give_one_finding() {
    for row in ROWS {
        let wrong = file(row, "wrong.yaml");
        let expected = read(&file(row, "finding.txt"));
        let ran = jwtguard(&["check", "--strict", "--quiet", &wrong]);
        let findings: Vec<&str> = ran.err.lines().filter(|line| line.starts_with(&wrong)).collect();
        let expected = format!("{wrong}:{}", expected.trim_end());
        assert_eq!((findings.as_slice(), ran.status), ([expected.as_str()].as_slice(), 1), "{row}");
        assert!(expected.contains("; "), "{row}: the finding has a remedy");
        // An error fails without --strict, too.
        let status = jwtguard(&["check", "--quiet", &wrong]).status;
        assert_eq!(status, i32::from(expected.contains(": error: ")), "{row}");
    }
}

/// The wrong manifest is the right one after one change, so that the finding is about this change.
#[test]
fn the_manifests_of_a_row_are_similar() {
    for row in ROWS {
        let lines = |name: &str| -> BTreeSet<String> {
            read(&file(row, name)).lines().map(ToOwned::to_owned).collect()
        };
        let (right, wrong) = (lines("right.yaml"), lines("wrong.yaml"));
        let shared = right.intersection(&wrong).count();
        assert!(shared * 2 > wrong.len(), "{row}: {shared} of {} lines are shared", wrong.len());
        assert_ne!(read(&file(row, "right.yaml")), read(&file(row, "wrong.yaml")), "{row}");
    }
}

/// The examples of routes by claim, with the plugin that they need, give no warning; without the early removal, each
/// match on the claim header is an error.
#[test]
fn the_examples_of_routes_by_claim_are_valid() {
    let claims = "claim_headers: { x-auth-tenant: tenant }";
    let gateway = read("envoy/envoy-gateway.yaml").replace(
        "        audience: orders-api\n",
        &format!("        audience: orders-api\n        {claims}\n"),
    );
    let istio = read("envoy/istio.yaml")
        .replace("    audience: orders-api\n", &format!("    audience: orders-api\n    {claims}\n"));
    let removal = blocks("docs/istio.md", "Removing claim headers early")
        .concat()
        .replace("remove: x-auth-sub\n", "remove: x-auth-tenant\n");
    let route = blocks("docs/istio.md", "Routes by claim").concat();
    let of_gateway = blocks("docs/envoy-gateway.md", "Routes by claim").concat();
    let envoy = blocks("docs/upstream-headers.md", "Choosing Envoy's route by a claim").concat();
    for (what, text, removed) in [
        ("Envoy Gateway", format!("{gateway}---\n{of_gateway}"), "remove: [x-auth-tenant]"),
        ("Istio", format!("{istio}---\n{removal}---\n{route}"), "remove: x-auth-tenant"),
        ("Envoy", envoy, "remove: x-auth-tenant"),
    ] {
        let ran = jwtguard_with(&["check", "--strict", "--quiet", "-"], &text);
        assert_eq!((ran.status, ran.err.as_str()), (0, "1 configuration: 0 errors, 0 warnings\n"), "{what}");
        assert_eq!(text.matches(removed).count(), 1, "{what}");
        let kept = text.replace(removed, &removed.replace("x-auth-tenant", "x-other"));
        let ran = jwtguard_with(&["check", "--quiet", "-"], &kept);
        let errors =
            ran.err.matches("the client's own copy is not removed before Envoy chooses the first route");
        assert_eq!((ran.status, errors.count()), (1, 2), "{what}: {}", ran.err);
    }
}

/// What the configuration of jwt-guard settles is not reported.
#[test]
fn the_configuration_settles_a_finding() {
    let annotations = "envoy_gateway_annotations: ignore";
    let browsers = ["bypass_cors_preflight: true", "cors_allow_origins: https://app.example.com"];
    for (row, keys) in [
        ("claim-route-annotation", &[annotations][..]),
        ("gateway-claim-route-annotation", &[annotations]),
        ("envoy-cors", &browsers),
    ] {
        let wrong = read(&file(row, "wrong.yaml"));
        let with = |keys: &[&str]| {
            let line = wrong.lines().find(|line| line.trim_start().starts_with("audience: ")).unwrap();
            let indent = &line[..line.len() - line.trim_start().len()];
            let lines: String = keys.iter().map(|key| format!("\n{indent}{key}")).collect();
            wrong.replacen(line, &format!("{line}{lines}"), 1)
        };
        let finding = read(&file(row, "finding.txt"));
        let subject = finding.split_once(": ").unwrap().1.split(':').next().unwrap().to_owned();
        let reports = |keys: &[&str]| {
            let ran = jwtguard_with(&["check", "--strict", "--quiet", "-"], &with(keys));
            let problem = finding.rsplit_once(": ").unwrap().1.split([',', ';']).next().unwrap();
            ran.err.lines().any(|line| line.contains(&subject) && line.contains(problem))
        };
        assert!(reports(&[]) && !reports(keys), "{row}");
        for missing in 0..keys.len() {
            let fewer: Vec<&str> =
                keys.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, key)| *key).collect();
            assert!(reports(&fewer), "{row} without {}", keys[missing]);
        }
    }
}

/// The root namespace is that of a mesh configuration in the files.
#[test]
fn a_mesh_configuration_names_the_root_namespace() {
    let plugin = read(&file("root-namespace", "wrong.yaml"));
    let moved = plugin.replace("namespace: istio-system", "namespace: mesh-root");
    let operator = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: { meshConfig: { rootNamespace: mesh-root } }\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: istio }\ndata:\n  mesh: |\n    accessLogFile: /dev/stdout\n    \
               rootNamespace: mesh-root\n";
    let values = "meshConfig: { rootNamespace: mesh-root }\n";
    let expected = "warning: spec.selector: is not set, and the object is in the root namespace";
    for (text, is_found) in [
        (plugin.clone(), true),
        (moved.clone(), false),
        (format!("{moved}---\n{operator}"), true),
        (format!("{moved}---\n{map}"), true),
        (format!("{moved}---\n{values}"), true),
        (format!("{plugin}---\n{operator}"), false),
    ] {
        let ran = jwtguard_with(&["check", "--quiet", "-"], &text);
        assert_eq!(ran.err.contains(expected), is_found, "{text}\n{}", ran.err);
    }
}

/// An object can be an item of a list, as `kubectl get -o yaml` prints it.
#[test]
fn items_of_a_list_are_objects() {
    let indented = |text: &str| -> String {
        text.split("---\n")
            .flat_map(|object| {
                object
                    .lines()
                    .enumerate()
                    .map(|(number, line)| format!("{} {line}\n", if number == 0 { "  -" } else { "   " }))
            })
            .collect()
    };
    for row in
        ["action-custom", "section-name", "gateway-claim-route-early-removal", "waypoint-cluster-context"]
    {
        let list =
            |name: &str| format!("apiVersion: v1\nkind: List\nitems:\n{}", indented(&read(&file(row, name))));
        let right = jwtguard_with(&["check", "--strict", "--quiet", "-"], &list("right.yaml"));
        assert_eq!(right.status, 0, "{row}: {}", right.err);
        let wrong = jwtguard_with(&["check", "--strict", "--quiet", "-"], &list("wrong.yaml"));
        let finding = read(&file(row, "finding.txt"));
        let (_, problem) = finding.trim_end().rsplit_once(": spec.").unwrap();
        assert!(wrong.status == 1 && wrong.err.contains(problem), "{row}: {}", wrong.err);
    }
}
