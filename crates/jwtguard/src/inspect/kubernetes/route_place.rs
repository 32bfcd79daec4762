//! Which proxies choose a route of a Kubernetes object: those of the filter, or others.

use super::gateway;
use crate::inspect::FileDocument;
use crate::inspect::find::{self, Embedding, PluginConfig};
use crate::inspect::selection::{Placement, Selection};
use crate::inspect::tree::Tree;

/// Where the route of an object is chosen, seen from a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutePlace {
    /// Only in proxies that the filter runs in.
    Here,
    /// Only in proxies of another configuration of jwt-guard, which is checked by itself.
    AnotherFilter,
    /// At least in one proxy in which no filter of the documents runs.
    Unchecked,
}

/// The proxies that choose the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chosen {
    Gateways,
    Mesh,
    Both,
}

impl Chosen {
    fn of(route: &Tree) -> Self {
        let spec = route.get("spec");
        let list = |key: &str| spec.map(|spec| spec.list(key)).unwrap_or_default();
        let (gateways, mesh) = match route.text_of("kind") {
            Some("VirtualService") => {
                let gateways = list("gateways");
                let is_mesh = |name: &Tree| name.text() == Some("mesh");
                (
                    gateways.iter().any(|name| !is_mesh(name)),
                    gateways.is_empty() || gateways.iter().any(is_mesh),
                )
            }
            _ => {
                let parents = list("parentRefs");
                let is_service =
                    |parent: &Tree| matches!(parent.text_of("kind"), Some("Service" | "ServiceEntry"));
                (
                    parents.is_empty() || parents.iter().any(|parent| !is_service(parent)),
                    parents.iter().any(is_service),
                )
            }
        };
        match (gateways, mesh) {
            (true, true) => Self::Both,
            (false, true) => Self::Mesh,
            _ => Self::Gateways,
        }
    }
}

/// Where a route is chosen, seen from a filter in an Istio or Envoy Gateway object.
pub fn route_place(plugin: &PluginConfig<'_>, route: &Tree, documents: &[FileDocument]) -> RoutePlace {
    let filters: Vec<PluginConfig<'_>> = documents.iter().flat_map(find::plugins).collect();
    if runs_for(&plugin.embedding, route, documents) {
        return match is_covered(&filters, route) {
            true => RoutePlace::Here,
            false => RoutePlace::Unchecked,
        };
    }
    match filters.iter().any(|other| runs_for(&other.embedding, route, documents)) {
        true => RoutePlace::AnotherFilter,
        false => RoutePlace::Unchecked,
    }
}

/// Whether the filter runs in a proxy that chooses the route.
fn runs_for(embedding: &Embedding<'_>, route: &Tree, documents: &[FileDocument]) -> bool {
    match embedding {
        Embedding::Istio { resource } => {
            let placement = Selection::of(resource, documents).placement(documents);
            match Chosen::of(route) {
                Chosen::Gateways => matches!(placement, Placement::Gateway | Placement::Everywhere),
                Chosen::Mesh => placement == Placement::Waypoint,
                // Sidecars choose it too, for requests that their application sends.
                Chosen::Both => false,
            }
        }
        Embedding::Gateway { resource, .. } => {
            let gateways = gateway::whole_gateways(resource);
            let parents = parents(route);
            !gateways.is_empty()
                && (parents.is_empty() || parents.iter().any(|parent| gateways.contains(parent)))
        }
        Embedding::Envoy { .. } | Embedding::Standalone => false,
    }
}

/// Whether each Gateway of the route runs one of the filters.
fn is_covered(filters: &[PluginConfig<'_>], route: &Tree) -> bool {
    parents(route).iter().all(|parent| {
        filters.iter().any(|filter| match filter.embedding {
            Embedding::Gateway { resource, .. } => gateway::whole_gateways(resource).contains(parent),
            _ => true,
        })
    })
}

/// The names of the parents of a route.
fn parents(route: &Tree) -> Vec<&str> {
    let parents = route.get("spec").map(|spec| spec.list("parentRefs")).unwrap_or_default();
    parents.iter().filter_map(|parent| parent.text_of("name")).collect()
}
