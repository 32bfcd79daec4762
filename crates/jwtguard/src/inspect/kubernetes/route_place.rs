//! Which proxies choose a route of a Kubernetes object: those of the filter, or others.

use super::gateway;
use crate::inspect::FileDocument;
use crate::inspect::find::{self, Embedding};
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

/// The proxies in which the filters of the documents run.
#[derive(Debug)]
pub struct FilterPlaces<'t> {
    all: Vec<FilterPlace<'t>>,
}

/// The proxies in which one filter runs.
#[derive(Debug)]
pub enum FilterPlace<'t> {
    /// Proxies of Istio.
    Istio(Placement),
    /// The Gateways of Envoy Gateway with these names.
    Gateways(Vec<&'t str>),
    /// The documents do not show a Kubernetes object.
    Unknown,
}

impl<'t> FilterPlace<'t> {
    /// The place of a filter.
    pub fn of(embedding: Embedding<'t>, documents: &'t [FileDocument]) -> Self {
        match embedding {
            Embedding::Istio { resource } => {
                Self::Istio(Selection::of(resource, documents).placement(documents))
            }
            Embedding::Gateway { resource, .. } => Self::Gateways(gateway::whole_gateways(resource)),
            Embedding::Envoy { .. } | Embedding::Standalone => Self::Unknown,
        }
    }

    /// Whether the filter runs in a proxy that chooses the route.
    fn runs_for(&self, route: &Tree) -> bool {
        match self {
            Self::Istio(placement) => match Chosen::of(route) {
                Chosen::Gateways => matches!(placement, Placement::Gateway | Placement::Everywhere),
                Chosen::Mesh => *placement == Placement::Waypoint,
                // Sidecars choose it too, for requests that their application sends.
                Chosen::Both => false,
            },
            Self::Gateways(gateways) => {
                let parents = parents(route);
                !gateways.is_empty()
                    && (parents.is_empty() || parents.iter().any(|parent| gateways.contains(parent)))
            }
            Self::Unknown => false,
        }
    }
}

impl<'t> FilterPlaces<'t> {
    /// The places of all filters in the documents.
    pub fn of(documents: &'t [FileDocument]) -> Self {
        let filters = documents.iter().flat_map(find::plugins);
        Self { all: filters.map(|filter| FilterPlace::of(filter.embedding, documents)).collect() }
    }

    /// Where a route is chosen, seen from a filter.
    pub fn of_route(&self, filter: &FilterPlace<'_>, route: &Tree) -> RoutePlace {
        if filter.runs_for(route) {
            return if self.cover(route) { RoutePlace::Here } else { RoutePlace::Unchecked };
        }
        match self.all.iter().any(|other| other.runs_for(route)) {
            true => RoutePlace::AnotherFilter,
            false => RoutePlace::Unchecked,
        }
    }

    /// Whether each Gateway of the route runs one of the filters.
    fn cover(&self, route: &Tree) -> bool {
        parents(route).iter().all(|parent| {
            self.all.iter().any(|filter| match filter {
                FilterPlace::Gateways(gateways) => gateways.contains(parent),
                _ => true,
            })
        })
    }
}

/// The names of the parents of a route.
fn parents(route: &Tree) -> Vec<&str> {
    let parents = route.get("spec").map(|spec| spec.list("parentRefs")).unwrap_or_default();
    parents.iter().filter_map(|parent| parent.text_of("name")).collect()
}
