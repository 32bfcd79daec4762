//! The clusters that an Istio EnvoyFilter adds to a proxy.

use super::FileDocument;
use super::document::of_kind;
use super::tree::Tree;

/// Each added cluster with its name.
pub fn added_clusters(documents: &[FileDocument]) -> impl Iterator<Item = (&str, &Tree)> {
    let specs = of_kind(documents, "EnvoyFilter").into_iter().filter_map(|filter| filter.get("spec"));
    specs.flat_map(|spec| spec.list("configPatches")).filter_map(|patch| {
        let adds = patch.at(&["patch", "operation"]).and_then(Tree::text) == Some("ADD");
        let is_cluster = patch.text_of("applyTo") == Some("CLUSTER");
        let cluster = patch.at(&["patch", "value"]).filter(|_| adds && is_cluster)?;
        Some((cluster.text_of("name")?, cluster))
    })
}
