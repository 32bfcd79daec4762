//! Checks which proxies run a WasmPlugin or TrafficExtension, and in which of their listeners.

use crate::inspect::FileDocument;
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::selection::{Placement, Selection};
use crate::inspect::tree::Tree;

/// The listeners that `spec.match` selects.
#[derive(Debug, PartialEq, Eq)]
enum Listeners {
    /// Inbound listeners. (A gateway has none.)
    Server,
    /// Outbound listeners, and those of gateways.
    Client,
    Both,
}

impl Listeners {
    fn of(spec: &Tree) -> Self {
        let modes: Vec<_> = spec.list("match").iter().map(|entry| entry.text_of("mode")).collect();
        match modes.as_slice() {
            [] => Self::Both,
            modes if modes.iter().all(|mode| *mode == Some("SERVER")) => Self::Server,
            modes if modes.iter().all(|mode| *mode == Some("CLIENT")) => Self::Client,
            _ => Self::Both,
        }
    }
}

/// Checks the selection of an object that runs jwt-guard.
pub fn check(resource: &Tree, spec: &Tree, documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    let selection = Selection::of(resource, documents);
    let subject = Subject::keys(&["spec", "match"]);
    match (selection.placement(documents), Listeners::of(spec)) {
        (Placement::WaypointBySelector, _) => {
            let problem = "selects a waypoint, which ignores selectors: the filter does not run there, and every request \
                           passes unchecked; write targetRefs with the waypoint's Gateway";
            let at = spec.get("selector").unwrap_or(spec);
            diagnostics.push(Diagnostic::error(at, Subject::keys(&["spec", "selector"]), problem.to_owned()));
        }
        (Placement::Gateway, Listeners::Server) => {
            let problem = "is SERVER, and a gateway has no such listener: the filter does not run there, and every \
                           request passes unchecked; remove match";
            diagnostics.push(Diagnostic::error(
                spec.get("match").unwrap_or(spec),
                subject,
                problem.to_owned(),
            ));
        }
        (Placement::Sidecar | Placement::Waypoint, Listeners::Client) => {
            let problem = "is CLIENT: the filter checks what the application sends, and every request to the application \
                           passes unchecked; write match: [{mode: SERVER}]";
            diagnostics.push(Diagnostic::error(
                spec.get("match").unwrap_or(spec),
                subject,
                problem.to_owned(),
            ));
        }
        (Placement::Sidecar, Listeners::Both) => {
            let problem = "does not restrict a sidecar to mode SERVER: the filter also requires a token in each request \
                           that the application itself sends; write match: [{mode: SERVER}]";
            diagnostics.push(Diagnostic::warning(
                spec.get("match").unwrap_or(spec),
                subject,
                problem.to_owned(),
            ));
        }
        (Placement::Everywhere, Listeners::Both) if !selection.is_mesh_wide() => {
            let problem = "does not select one mode, and there is no selector: the filter runs in every proxy of the namespace, \
                           and in a sidecar also requires a token in each request that the application itself sends; write \
                           selector or targetRefs for a gateway, and match: [{mode: SERVER}] for sidecars";
            diagnostics.push(Diagnostic::warning(
                spec.get("match").unwrap_or(spec),
                subject,
                problem.to_owned(),
            ));
        }
        _ => {}
    }
    if selection.is_mesh_wide() {
        let problem = "is not set, and the object is in the root namespace: the filter runs in every proxy of the mesh, in \
                       gateways and in the sidecars of all applications; write a selector or targetRefs, or move the object to \
                       the namespace of the proxy";
        diagnostics.push(Diagnostic::warning(spec, Subject::keys(&["spec", "selector"]), problem.to_owned()));
    }
}
