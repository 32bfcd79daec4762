//! Checks the Istio objects around a WasmPlugin that define the clusters for keys.

use crate::inspect::FileDocument;
use crate::inspect::added_clusters::added_clusters;
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::issuer_clusters::clusters_of;
use crate::inspect::tree::{Tree, TreeValue};
use jwt_guard::config::{Config, Path};
use jwt_guard::http::Scheme;
use jwt_guard::token_source::TokenSource;

/// Whether an entry of `jwtRules` reads a query parameter in which jwt-guard looks for tokens too. Without locations,
/// Istio reads Authorization and the query parameter `access_token`.
pub fn reads_query_token(rule: &Tree, config: &Config) -> bool {
    let of_routes = config.routes.rules().filter_map(|route| route.token_from.as_deref()).flatten();
    let own: Vec<&str> = config
        .token_from
        .iter()
        .chain(of_routes)
        .chain(config.second_tokens.iter().flat_map(|token| &token.token_from))
        .filter_map(|place| match place {
            TokenSource::Query { name } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    if ["fromHeaders", "fromParams", "fromCookies"].iter().all(|key| rule.list(key).is_empty()) {
        return own.contains(&"access_token");
    }
    rule.list("fromParams").iter().filter_map(Tree::text).any(|name| own.contains(&name))
}

/// Checks the clusters through which an Istio configuration fetches keys.
pub fn clusters(
    plugin: &PluginConfig<'_>,
    config: &Config,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Embedding::Istio { resource } = plugin.embedding else { return };
    for issuer in &config.issuers {
        for (_, cluster, scheme) in clusters_of(issuer) {
            if added_clusters(documents).any(|(added, _)| added == cluster) {
                continue;
            }
            istio_cluster(resource, &plugin.path, cluster, scheme, documents, diagnostics);
        }
    }
}

fn istio_cluster(
    resource: &Tree,
    path: &Path,
    cluster: &str,
    scheme: Scheme,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let parts: Vec<&str> = cluster.split('|').collect();
    let ["outbound", port, _subset, host] = parts.as_slice() else {
        let problem = format!(
            "the cluster {cluster} is not a cluster name of Istio; for keys from https://HOST write outbound|443||HOST"
        );
        diagnostics.push(Diagnostic::warning(resource, Subject::Path(path.clone()), problem));
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
                "no ServiceEntry in these files has the host {host}; without one, Istio does not define the cluster {cluster}"
            );
            diagnostics.push(Diagnostic::warning(resource, Subject::Path(path.clone()), problem));
        }
        Some(entry) => {
            let ports = entry.get("spec").map(|spec| spec.list("ports")).unwrap_or_default();
            let number = |tree: &Tree| match tree.get("number").map(|number| &number.value) {
                Some(TreeValue::Number(text) | TreeValue::Text(text)) => Some(text.clone()),
                _ => None,
            };
            if !ports.iter().any(|entry| number(entry).as_deref() == Some(*port)) {
                let problem = format!(
                    "has no port {port}, but the name of the cluster {cluster} contains it; add the port {port}"
                );
                diagnostics.push(Diagnostic::error(entry, Subject::keys(&["spec", "ports"]), problem));
            }
        }
    }
    if scheme == Scheme::Https {
        destination_rule(resource, path, cluster, host, documents, diagnostics);
    }
}

/// Checks the DestinationRule. A ServiceEntry alone adds no TLS: the filter would fetch keys without encryption.
fn destination_rule(
    resource: &Tree,
    path: &Path,
    cluster: &str,
    host: &str,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let rules = of_kind(documents, "DestinationRule");
    let rule = rules.iter().find(|rule| rule.at(&["spec", "host"]).and_then(Tree::text) == Some(host));
    let Some(rule) = rule else {
        let problem = format!(
            "no DestinationRule in these files has the host {host}; without one with tls.mode SIMPLE, keys are fetched \
             through {cluster} without encryption, even if the scheme of the endpoint is https"
        );
        diagnostics.push(Diagnostic::warning(resource, Subject::Path(path.clone()), problem));
        return;
    };
    let Some(tls) = rule.at(&["spec", "trafficPolicy", "tls"]) else {
        // Settings per port may enable TLS; they are not evaluated here.
        if rule.at(&["spec", "trafficPolicy", "portLevelSettings"]).is_none() {
            let problem = format!(
                "has no tls, but keys of an https endpoint are fetched through {cluster}; write tls: {{mode: SIMPLE}}"
            );
            diagnostics.push(Diagnostic::error(rule, Subject::keys(&["spec", "trafficPolicy"]), problem));
        }
        return;
    };
    let mode = tls.text_of("mode").unwrap_or("DISABLE");
    if mode == "DISABLE" || tls.get("insecureSkipVerify").is_some_and(Tree::is_true) {
        let problem = format!(
            "does not verify the server, but keys of an https endpoint are fetched through {cluster}; write mode: SIMPLE, \
                     and remove insecureSkipVerify"
        );
        diagnostics.push(Diagnostic::error(tls, Subject::keys(&["spec", "trafficPolicy", "tls"]), problem));
    } else if mode != "ISTIO_MUTUAL"
        && !["caCertificates", "credentialName", "subjectAltNames"].iter().any(|key| tls.get(key).is_some())
    {
        let problem = "has neither caCertificates nor subjectAltNames: older versions of Istio then do not verify the server; write subjectAltNames, and caCertificates for a private CA";
        diagnostics.push(Diagnostic::warning(
            tls,
            Subject::keys(&["spec", "trafficPolicy", "tls"]),
            problem.to_owned(),
        ));
    }
}
