//! What Istio's and Kubernetes' objects around a configuration say: where keys come from, who is routed by what.

use super::find::{Carrier, Plugin};
use super::surroundings::{Edited, Remark};
use super::tree::{Tree, Value, below, joined};
use super::{Document, Severity};
use crate::config::{Config, KeyOrigin, Location};
use crate::endpoint::Scheme;

/// Texts inside an object that are Envoy configurations themselves: path, line, text.
pub fn embedded(tree: &Tree) -> Vec<(String, usize, String)> {
    let mut texts = Vec::new();
    tree.walk(&mut |object, path, _| match object.text_of("kind") {
        Some("ConfigMap") => {
            for (name, value) in object.get("data").map(Tree::members).unwrap_or_default() {
                if let Value::Text(text) = &value.value
                    && text.contains("@type")
                {
                    texts.push((joined(&joined(path, "data"), name), value.line, text.clone()));
                }
            }
        }
        Some("EnvoyProxy") => {
            if let Some(value) = object.at(&["spec", "bootstrap", "value"])
                && let Some(text) = value.text()
            {
                texts.push((below(path, "spec.bootstrap.value"), value.line, text.to_owned()));
            }
        }
        _ => {}
    });
    texts
}

/// The objects of that kind in all documents.
fn of_kind<'t>(documents: &'t [Document], kind: &str) -> Vec<&'t Tree> {
    let mut found = Vec::new();
    for document in documents {
        document.tree.walk(&mut |tree, _, _| {
            if tree.text_of("kind") == Some(kind) {
                found.push(tree);
            }
        });
    }
    found
}

/// What stands in the object that carries the configuration.
pub fn carrier(plugin: &Plugin<'_>, remarks: &mut Vec<Remark>) {
    match plugin.carrier {
        Carrier::Istio { resource } => {
            let Some(spec) = resource.get("spec") else { return };
            match spec.get("failStrategy") {
                Some(tree) if tree.text() == Some("FAIL_OPEN") => {
                    let problem =
                        "FAIL_OPEN lets every request pass unchecked, claim headers of the client's own \
                                   included, while the module cannot run; use FAIL_RELOAD, or FAIL_CLOSE"
                            .to_owned();
                    remarks.push(Remark::error(tree, "spec.failStrategy", problem));
                }
                Some(_) => {}
                None => remarks.push(Remark::warning(
                    spec,
                    "spec.failStrategy",
                    "is not said; FAIL_RELOAD loads a module that crashed anew, where Istio has it"
                        .to_owned(),
                )),
            }
            if spec.get("phase").is_none() {
                let problem =
                    "is not said: Istio then runs the filter after its own authorization; say AUTHN";
                remarks.push(Remark::warning(spec, "spec.phase", problem.to_owned()));
            }
        }
        Carrier::Gateway { wasm } => {
            if let Some(tree) = wasm.get("failOpen").filter(|tree| tree.is_true()) {
                let path = plugin.path.replace(".config", ".failOpen");
                let problem =
                    "lets every request pass unchecked, claim headers of the client's own included, while \
                               the module cannot run; remove it"
                        .to_owned();
                remarks.push(Remark::error(tree, &path, problem));
            }
        }
        Carrier::Itself | Carrier::Envoy { .. } => {}
    }
}

/// The clusters that an Istio configuration fetches keys through, as far as the files tell.
pub fn istio_clusters(
    plugin: &Plugin<'_>,
    config: &Config,
    documents: &[Document],
    remarks: &mut Vec<Remark>,
) {
    let Carrier::Istio { resource } = plugin.carrier else { return };
    for issuer in &config.issuers {
        let KeyOrigin::Fetched { cluster, location, .. } = &issuer.keys else { continue };
        let mut clusters = vec![cluster.as_str()];
        if let Location::Discovery { cluster, .. } = location {
            clusters.push(cluster);
        }
        clusters.dedup();
        for cluster in clusters {
            istio_cluster(resource, &plugin.path, cluster, location.scheme(), documents, remarks);
        }
    }
}

fn istio_cluster(
    resource: &Tree,
    path: &str,
    cluster: &str,
    scheme: Scheme,
    documents: &[Document],
    remarks: &mut Vec<Remark>,
) {
    let parts: Vec<&str> = cluster.split('|').collect();
    let ["outbound", port, _subset, host] = parts.as_slice() else {
        let problem = format!(
            "the cluster {cluster} has no name that Istio gives; for keys on https://host it is outbound|443||host"
        );
        remarks.push(Remark::warning(resource, path, problem));
        return;
    };
    let in_mesh = host.ends_with(".svc.cluster.local") || host.ends_with(".svc");
    let names = |object: &&Tree| {
        object
            .get("spec")
            .map(|spec| spec.list("hosts"))
            .unwrap_or_default()
            .iter()
            .any(|name| name.text() == Some(host))
    };
    let entry = of_kind(documents, "ServiceEntry").into_iter().find(names);
    match entry {
        None if in_mesh => return,
        None => {
            let problem = format!(
                "no ServiceEntry in these files has the host {host}; without one Istio has no cluster {cluster}"
            );
            remarks.push(Remark::warning(resource, path, problem));
        }
        Some(entry) => {
            let ports = entry.get("spec").map(|spec| spec.list("ports")).unwrap_or_default();
            let number = |tree: &Tree| match tree.get("number").map(|number| &number.value) {
                Some(Value::Number(text) | Value::Text(text)) => Some(text.clone()),
                _ => None,
            };
            if !ports.iter().any(|entry| number(entry).as_deref() == Some(*port)) {
                let problem = format!("has no port {port}, which the cluster {cluster} names");
                remarks.push(Remark::error(entry, "spec.ports", problem));
            }
        }
    }
    if scheme == Scheme::Https {
        destination_rule(resource, path, cluster, host, documents, remarks);
    }
}

/// A ServiceEntry alone passes bytes on as they are: the filter's request for keys would go out in the clear.
fn destination_rule(
    resource: &Tree,
    path: &str,
    cluster: &str,
    host: &str,
    documents: &[Document],
    remarks: &mut Vec<Remark>,
) {
    let rules = of_kind(documents, "DestinationRule");
    let rule = rules.iter().find(|rule| rule.at(&["spec", "host"]).and_then(Tree::text) == Some(host));
    let Some(rule) = rule else {
        let problem = format!(
            "no DestinationRule in these files is for {host}; without one with tls.mode SIMPLE the request for keys \
             through {cluster} is not encrypted, whatever the endpoint's scheme says"
        );
        remarks.push(Remark::warning(resource, path, problem));
        return;
    };
    let Some(tls) = rule.at(&["spec", "trafficPolicy", "tls"]) else {
        // Per-port settings are an Istio matter of their own; what they come to is not judged here.
        if rule.at(&["spec", "trafficPolicy", "portLevelSettings"]).is_none() {
            let problem =
                format!("has no tls: keys for an https endpoint come through {cluster}; say mode: SIMPLE");
            remarks.push(Remark::error(rule, "spec.trafficPolicy", problem));
        }
        return;
    };
    let mode = tls.text_of("mode").unwrap_or("DISABLE");
    if mode == "DISABLE" || tls.get("insecureSkipVerify").is_some_and(Tree::is_true) {
        let problem =
            format!("does not check who answers: keys for an https endpoint come through {cluster}");
        remarks.push(Remark::error(tls, "spec.trafficPolicy.tls", problem));
    } else if mode != "ISTIO_MUTUAL"
        && !["caCertificates", "credentialName", "subjectAltNames"].iter().any(|key| tls.get(key).is_some())
    {
        let problem =
            "names neither caCertificates nor subjectAltNames: older releases of Istio then check nothing";
        remarks.push(Remark::warning(tls, "spec.trafficPolicy.tls", problem.to_owned()));
    }
}

/// Routes of Kubernetes' own objects that match on what the filter edits.
pub fn routes(documents: &[Document], edited: &Edited<'_>, remarks: &mut Vec<Remark>) {
    for route in of_kind(documents, "VirtualService") {
        for http in route.get("spec").map(|spec| spec.list("http")).unwrap_or_default() {
            for matched in http.list("match") {
                for key in ["headers", "withoutHeaders"] {
                    for (name, value) in matched.get(key).map(Tree::members).unwrap_or_default() {
                        edited.refuse_header(value, "spec.http.match", name, remarks);
                    }
                }
                for (name, value) in matched.get("queryParams").map(Tree::members).unwrap_or_default() {
                    edited.refuse_query(value, "spec.http.match", name, remarks);
                }
            }
        }
    }
    for kind in ["HTTPRoute", "GRPCRoute"] {
        for route in of_kind(documents, kind) {
            for rule in route.get("spec").map(|spec| spec.list("rules")).unwrap_or_default() {
                for matched in rule.list("matches") {
                    for header in matched.list("headers") {
                        edited.refuse_header(
                            header,
                            "spec.rules.matches",
                            header.text_of("name").unwrap_or_default(),
                            remarks,
                        );
                    }
                    for query in matched.list("queryParams") {
                        edited.refuse_query(
                            query,
                            "spec.rules.matches",
                            query.text_of("name").unwrap_or_default(),
                            remarks,
                        );
                    }
                }
            }
        }
    }
}

/// How a remark about a cluster that the files lack is meant: a manifest need not hold what makes clusters.
pub fn missing_cluster(carrier: &Carrier<'_>) -> Severity {
    match carrier {
        Carrier::Envoy { .. } => Severity::Error,
        _ => Severity::Warning,
    }
}
