//! Checks the clusters for keys and revocation lists: each must be defined, and for https its TLS socket must verify
//! the server.

use super::{Diagnostic, Subject, cluster_tls};
use crate::inspect::added_clusters::added_clusters;
use crate::inspect::find::{Configuration, Embedding, PluginConfig};
use crate::inspect::issuer_clusters::clusters_of;
use crate::inspect::tree::Tree;
use crate::inspect::{FileDocument, Severity, kubernetes};
use jwt_guard::config::Config;
use jwt_guard::config::path::PathSegment;

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
                Some(tree) => cluster_tls::check(tree, name, scheme, diagnostics),
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
