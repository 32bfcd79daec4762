//! Checks two filters of jwt-guard through which one request passes: the first one removes what the second one needs.

use super::token_places::{all_places, query_places, removed_places};
use super::{Diagnostic, Subject};
use crate::inspect::FileDocument;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::selection::{Placement, Selection};
use crate::inspect::tree::{Tree, TreeValue};
use jwt_guard::config::Config;

/// The path of two filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// In one proxy, one after the other.
    SameProxy,
    /// First a gateway, then a sidecar or a waypoint.
    NextProxy,
}

/// Warns about each pair of filters. Returns each warning with the index of the second filter.
pub fn filter_pairs(
    filters: &[(&PluginConfig<'_>, &Config)],
    documents: &[FileDocument],
) -> Vec<(usize, Diagnostic)> {
    let mut found = Vec::new();
    for (first, first_config) in filters {
        for (index, (second, second_config)) in filters.iter().enumerate() {
            if let Some(relation) = relation(first, second, documents) {
                let mut diagnostics = Vec::new();
                pair((first, first_config), (second, second_config), relation, &mut diagnostics);
                found.extend(diagnostics.into_iter().map(|diagnostic| (index, diagnostic)));
            }
        }
    }
    found
}

/// Whether a request passes the first filter and then the second one.
fn relation(
    first: &PluginConfig<'_>,
    second: &PluginConfig<'_>,
    documents: &[FileDocument],
) -> Option<Relation> {
    let in_order = match (first.embedding, second.embedding) {
        (
            Embedding::Envoy { manager: Some(manager), filter: Some(one), .. },
            Embedding::Envoy { manager: Some(other_manager), filter: Some(other), .. },
        ) => {
            let filters = manager.list("http_filters");
            let at = |filter: &Tree| filters.iter().position(|listed| std::ptr::eq(listed, filter));
            std::ptr::eq(manager, other_manager) && is_before(at(one), at(other))
        }
        (
            Embedding::Gateway { resource, wasm: one },
            Embedding::Gateway { resource: other_resource, wasm: other },
        ) => {
            let modules = resource.get("spec").map(|spec| spec.list("wasm")).unwrap_or_default();
            let at = |wasm: &Tree| modules.iter().position(|listed| std::ptr::eq(listed, wasm));
            std::ptr::eq(resource, other_resource) && is_before(at(one), at(other))
        }
        (Embedding::Istio { resource: one }, Embedding::Istio { resource: other }) => {
            return istio_relation(one, other, documents);
        }
        _ => false,
    };
    in_order.then_some(Relation::SameProxy)
}

/// Whether both filters are in the list, the first one before the second one. (The filters of an upgrade are another list.)
fn is_before(one: Option<usize>, other: Option<usize>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one < other)
}

fn istio_relation(one: &Tree, other: &Tree, documents: &[FileDocument]) -> Option<Relation> {
    let (selection, others) = (Selection::of(one, documents), Selection::of(other, documents));
    let (placement, others_placement) = (selection.placement(documents), others.placement(documents));
    if placement == Placement::Gateway && matches!(others_placement, Placement::Sidecar | Placement::Waypoint)
    {
        return Some(Relation::NextProxy);
    }
    let is_one_kind =
        placement == others_placement || [placement, others_placement].contains(&Placement::Everywhere);
    let in_order = !std::ptr::eq(one, other) && order(one) < order(other);
    (is_one_kind && in_order && selection.may_meet(&others)).then_some(Relation::SameProxy)
}

/// The order in which Istio runs plugins: by phase, by descending priority, then by name.
fn order(resource: &Tree) -> (u8, i64, &str, &str) {
    let spec = |key: &str| resource.at(&["spec", key]);
    let phase = match spec("phase").and_then(Tree::text) {
        Some("AUTHN") => 0,
        Some("AUTHZ") => 1,
        Some("STATS") => 2,
        _ => 3,
    };
    let priority = match spec("priority").map(|priority| &priority.value) {
        Some(TreeValue::Number(text) | TreeValue::NumericText(text)) => text.parse().unwrap_or(0),
        _ => 0,
    };
    let of = |key: &str| resource.at(&["metadata", key]).and_then(Tree::text).unwrap_or_default();
    (phase, -priority, of("name"), of("namespace"))
}

fn pair(
    (first, first_config): (&PluginConfig<'_>, &Config),
    (second, second_config): (&PluginConfig<'_>, &Config),
    relation: Relation,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (at, subject) = place(second);
    let name = &first.name;
    let mut warn = |problem| diagnostics.push(Diagnostic::warning(at, subject.clone(), problem));
    if removes_the_token(first_config, second_config) {
        let what = match relation {
            Relation::SameProxy => "runs after",
            Relation::NextProxy => "gets requests that passed",
        };
        warn(format!(
            "{what} {name}, which removes the token: this filter finds no token and answers 401; set forward_token: true in \
             {name}"
        ));
    }
    if relation == Relation::NextProxy {
        return;
    }
    let removed = |name: &&str| second_config.claim_headers.is_removed(name);
    let names: Vec<&str> = first_config.claim_headers.names().filter(removed).collect();
    if !names.is_empty() {
        warn(format!(
            "runs after {name} and removes {}, which {name} sets: the upstream does not receive these values; give {name} a \
             claim_headers map whose names are neither in the map of this filter nor in the default map",
            names.join(", ")
        ));
    }
    if first_config.dpop.is_some() && second_config.dpop.is_some() {
        let result = match share_marks(first, second) {
            true => format!("this filter refuses each proof, because {name} has noted it as used"),
            false => "each proof is verified and noted twice".to_owned(),
        };
        warn(format!("runs after {name}, and both have dpop: {result}; remove dpop from one of them"));
    }
}

/// Whether the filters share the store with the marks of used proofs: a store belongs to a `vm_id`. Istio sets none, and
/// Envoy Gateway sets one for each filter.
fn share_marks(first: &PluginConfig<'_>, second: &PluginConfig<'_>) -> bool {
    let vm_id = |plugin: &Tree| plugin.at(&["vm_config", "vm_id"]).and_then(Tree::text).map(str::to_owned);
    match (first.embedding, second.embedding) {
        (Embedding::Envoy { plugin: one, .. }, Embedding::Envoy { plugin: other, .. }) => {
            vm_id(one) == vm_id(other)
        }
        (Embedding::Gateway { .. }, Embedding::Gateway { .. }) => false,
        _ => true,
    }
}

/// Whether the first filter removes a token that the second one reads. It removes a query token even with `forward_token`.
fn removes_the_token(first: &Config, second: &Config) -> bool {
    if !first.enabled || !second.enabled || first.report_only {
        return false;
    }
    let read = all_places(second);
    removed_places(first).iter().chain(&query_places(first)).any(|place| read.contains(place))
}

/// The object that a warning about a filter shows.
fn place<'t>(plugin: &PluginConfig<'t>) -> (&'t Tree, Subject) {
    match plugin.embedding {
        Embedding::Envoy { filter: Some(filter), .. } => (filter, Subject::Value),
        Embedding::Envoy { plugin, .. } => (plugin, Subject::Value),
        Embedding::Istio { resource } => (resource, Subject::keys(&["spec"])),
        Embedding::Gateway { wasm, .. } => (wasm, Subject::Value),
        Embedding::Standalone => (&plugin.document.tree, Subject::Value),
    }
}
