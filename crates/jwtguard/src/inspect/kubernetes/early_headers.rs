//! The headers that are removed before Envoy chooses a route, in the proxy of an Istio or Envoy Gateway object.

use super::gateway;
use crate::inspect::FileDocument;
use crate::inspect::early_removal::EarlyRemoval;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::selection::{Placement, Selection};

/// The early removal in the proxy that runs the filter.
pub fn of(plugin: &PluginConfig<'_>, documents: &[FileDocument]) -> EarlyRemoval {
    match plugin.embedding {
        Embedding::Istio { resource } => {
            let selection = Selection::of(resource, documents);
            let context = match selection.placement(documents) {
                Placement::Sidecar | Placement::Waypoint | Placement::WaypointBySelector => "SIDECAR_INBOUND",
                Placement::Gateway | Placement::Everywhere => "GATEWAY",
            };
            EarlyRemoval::of_istio(documents, &selection, context)
        }
        Embedding::Gateway { resource, .. } => {
            // A policy for a route does not name its Gateway.
            let gateways = gateway::gateways(resource);
            EarlyRemoval::of_gateways(documents, &gateways)
        }
        Embedding::Envoy { manager, .. } => manager.map(EarlyRemoval::of_manager).unwrap_or_default(),
        Embedding::Standalone => EarlyRemoval::default(),
    }
}
