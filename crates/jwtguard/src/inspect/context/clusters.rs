//! Checks the clusters for keys and revocation lists: each must be defined, and for https its TLS socket must verify
//! the server.

use super::{Diagnostic, Subject};
use crate::inspect::added_clusters::added_clusters;
use crate::inspect::find::{Configuration, Embedding, PluginConfig};
use crate::inspect::issuer_clusters::clusters_of;
use crate::inspect::tree::Tree;
use crate::inspect::{FileDocument, Severity, kubernetes, lints};
use jwt_guard::config::Config;
use jwt_guard::config::path::PathSegment;
use jwt_guard::http::Scheme;

/// The clusters that the documents define.
#[derive(Debug, Default)]
pub struct Clusters<'t> {
    defined: Vec<(&'t str, &'t Tree)>,
    /// Whether a document has a list of clusters. Without one, a missing cluster is not an error.
    listed: bool,
    /// Whether Envoy also discovers clusters (CDS).
    discovered: bool,
}

impl<'t> Clusters<'t> {
    /// Collects every cluster in the documents.
    pub fn of(documents: &'t [FileDocument]) -> Self {
        let mut clusters = Self::default();
        for document in documents {
            document.tree.walk(&mut |tree, path, _| {
                let is_resources = |segment: &PathSegment<&str>| {
                    matches!(segment, PathSegment::Key("static_resources" | "staticResources"))
                };
                let is_list =
                    matches!(path.segments(), [.., above, PathSegment::Key("clusters")] if is_resources(above));
                clusters.listed |= is_list
                    || path.segments().last().is_some_and(is_resources)
                    || tree.is_type("envoy.admin.v3.ClustersConfigDump");
                clusters.discovered |= matches!(path.last_key(), Some(&("cds_config" | "cdsConfig")));
                let defined = if is_list { tree.items() } else { &[] };
                let typed = tree.is_type("envoy.config.cluster.v3.Cluster").then_some(tree);
                for cluster in defined.iter().chain(typed) {
                    if let Some(name) = cluster.text_of("name") {
                        clusters.defined.push((name, cluster));
                    }
                }
            });
        }
        clusters.defined.extend(added_clusters(documents));
        clusters
    }

    fn find(&self, name: &str) -> Option<&'t Tree> {
        self.defined.iter().find(|(defined, _)| *defined == name).map(|(_, cluster)| *cluster)
    }
}

/// Checks the clusters of the issuers: each must be defined, and for https its TLS socket must verify the server.
pub fn clusters(
    plugin: &PluginConfig<'_>,
    config: &Config,
    clusters: &Clusters<'_>,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if matches!(plugin.embedding, Embedding::Standalone) {
        return;
    }
    for issuer in &config.issuers {
        for (key, name, scheme) in clusters_of(issuer) {
            match clusters.find(name) {
                Some(tree) => tls(tree, name, scheme, diagnostics),
                // Other clusters of Istio come from its objects.
                None if matches!(plugin.embedding, Embedding::Istio { .. }) => {}
                None if kubernetes::gateway::is_of_a_rule(name, scheme, documents, diagnostics) => {}
                None => missing(plugin, clusters, key, name, &issuer.name, diagnostics),
            }
        }
    }
}

fn missing(
    plugin: &PluginConfig<'_>,
    clusters: &Clusters<'_>,
    key: &str,
    name: &str,
    issuer: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let severity = match kubernetes::missing_cluster(&plugin.embedding) {
        Severity::Error if !clusters.listed => return,
        Severity::Error if clusters.discovered => Severity::Warning,
        severity => severity,
    };
    let problem = match clusters.defined.as_slice() {
        [] => format!("issuer {issuer}: the cluster {name} is not defined in these files"),
        defined => {
            let names: Vec<_> = defined.iter().map(|(name, _)| *name).collect();
            format!(
                "issuer {issuer}: the cluster {name} is not defined in these files; defined: {}",
                names.join(", ")
            )
        }
    };
    let line = match &plugin.configuration {
        Configuration::Object(tree) => line_of(tree, key, name),
        Configuration::Text(_) => 0,
    };
    diagnostics.push(Diagnostic {
        severity,
        at: None,
        line,
        subject: Subject::Path(plugin.path.key(key.to_owned())),
        problem,
    });
}

/// Finds the line on which a key has a value.
fn line_of(tree: &Tree, key: &str, value: &str) -> usize {
    let mut line = 0;
    tree.walk(&mut |object, _, _| {
        if let Some(found) = object.get(key).filter(|found| found.text() == Some(value)) {
            line = found.line;
        }
    });
    line
}

/// Checks the TLS socket of a cluster. The scheme `https` in an endpoint adds no encryption: only the socket of the cluster
/// does, and it must verify the certificate.
fn tls(cluster: &Tree, name: &str, scheme: Scheme, diagnostics: &mut Vec<Diagnostic>) {
    let subject = Subject::Named(format!("cluster {name}"));
    let mut context = None;
    cluster.walk(&mut |tree, path, _| {
        let first = path.segments().first();
        // The prefix also covers `transport_socket_matches`.
        if matches!(first, Some(PathSegment::Key(key)) if key.starts_with("transport_socket") || key.starts_with("transportSocket")) {
            let found = tree.is_type("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext");
            context = context.or(found.then_some(tree));
        }
    });
    let Some(context) = context else {
        // A local connection does not cross a network.
        if scheme == Scheme::Https && !is_local(cluster) {
            let problem = "has no TLS socket, but the key endpoint is https: keys are fetched without encryption, and \
                           an attacker on the network path can replace them; add an UpstreamTlsContext with sni, \
                           trusted_ca and match_typed_subject_alt_names";
            diagnostics.push(Diagnostic::error(cluster, subject, problem.to_owned()));
        }
        return;
    };
    let common = context.get("common_tls_context");
    let secret = common.and_then(|common| common.get("validation_context_sds_secret_config"));
    let combined = common.and_then(|common| common.get("combined_validation_context"));
    let validation = common
        .and_then(|common| common.get("validation_context"))
        .or_else(|| combined.and_then(|combined| combined.get("default_validation_context")));
    let has =
        |keys: &[&str]| keys.iter().any(|key| validation.is_some_and(|context| context.get(key).is_some()));
    let pinned = has(&["verify_certificate_hash", "verify_certificate_spki"]);
    let remote =
        secret.or_else(|| combined.and_then(|combined| combined.get("validation_context_sds_secret_config")));
    let rooted = has(&[
        "trusted_ca",
        "ca_certificate_provider_instance",
        "system_root_certs",
        "custom_validator_config",
    ]) || remote.is_some();
    let untrusted = validation
        .and_then(|context| context.get("trust_chain_verification"))
        .is_some_and(|verification| verification.is_enum("ACCEPT_UNTRUSTED", 1));
    if untrusted || !(pinned || rooted) {
        let problem =
            "has a TLS socket that accepts any certificate: an attacker on the network path can \
                       replace the keys; add trusted_ca and match_typed_subject_alt_names to validation_context"
                .to_owned();
        diagnostics.push(Diagnostic::error(context, subject.clone(), problem));
        return;
    }
    let automatic = context.get("auto_sni_san_validation").is_some_and(Tree::is_true);
    let names = has(&["match_typed_subject_alt_names", "match_subject_alt_names", "custom_validator_config"]);
    if !(pinned || names || automatic || remote.is_some()) {
        let problem = "accepts a certificate for any name that the CA signed; write the host in \
                       match_typed_subject_alt_names"
            .to_owned();
        diagnostics.push(Diagnostic::warning(context, subject.clone(), problem));
    }
    if context.get("sni").is_none() && context.get("auto_host_sni").is_none_or(|auto| !auto.is_true()) {
        let problem =
            "sends no SNI: a server with several hosts may answer with the certificate of another host; write sni".to_owned();
        diagnostics.push(Diagnostic::warning(context, subject.clone(), problem));
    }
}

/// Whether every address of the cluster is local, so that the connection does not cross a network.
fn is_local(cluster: &Tree) -> bool {
    let (mut addresses, mut local) = (0, 0);
    cluster.walk(&mut |tree, _, _| {
        if let Some(address) = tree.get("socket_address").and_then(|socket| socket.text_of("address")) {
            addresses += 1;
            local += usize::from(lints::is_loopback(address));
        }
        if tree.get("pipe").is_some_and(|pipe| pipe.get("path").is_some()) {
            addresses += 1;
            local += 1;
        }
    });
    addresses > 0 && addresses == local
}
