//! Warns about a CORS policy that Istio applies after the filter, if preflights do not reach it.

use crate::inspect::FileDocument;
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::selection::{Placement, Selection};
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;

const PROBLEM: &str = "runs after jwt-guard, which denies each preflight, because it has no token; set bypass_cors_preflight: \
                       true in pluginConfig";

/// Checks the VirtualServices and HTTPRoutes in the documents. The CORS policy of a sidecar is in another proxy, before it.
pub fn check(
    plugin: &PluginConfig<'_>,
    config: &Config,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Embedding::Istio { resource } = plugin.embedding else { return };
    let placement = Selection::of(resource, documents).placement(documents);
    if placement == Placement::Sidecar
        || config.bypass_cors_preflight
        || !config.enabled
        || config.report_only
    {
        return;
    }
    for service in of_kind(documents, "VirtualService") {
        let Some(spec) = service.get("spec").filter(|spec| is_for(spec, placement)) else { continue };
        for policy in spec.list("http").iter().filter_map(|http| http.get("corsPolicy")) {
            let subject = Subject::keys(&["spec", "http", "corsPolicy"]);
            diagnostics.push(Diagnostic::warning(policy, subject, PROBLEM.to_owned()));
        }
    }
    for route in of_kind(documents, "HTTPRoute") {
        let rules = route.get("spec").map(|spec| spec.list("rules")).unwrap_or_default();
        let filters = rules.iter().flat_map(|rule| rule.list("filters"));
        for filter in filters.filter(|filter| filter.text_of("type") == Some("CORS")) {
            let subject = Subject::keys(&["spec", "rules", "filters"]);
            diagnostics.push(Diagnostic::warning(filter, subject, PROBLEM.to_owned()));
        }
    }
}

/// Whether the VirtualService configures such a proxy. Without `gateways`, it configures sidecars and waypoints only.
fn is_for(spec: &Tree, placement: Placement) -> bool {
    let gateways = spec.list("gateways");
    let has_mesh = gateways.is_empty() || gateways.iter().any(|name| name.text() == Some("mesh"));
    let has_gateway = gateways.iter().any(|name| name.text() != Some("mesh"));
    match placement {
        Placement::Gateway => has_gateway,
        Placement::Waypoint | Placement::WaypointBySelector => has_mesh,
        Placement::Sidecar => false,
        Placement::Everywhere => true,
    }
}
