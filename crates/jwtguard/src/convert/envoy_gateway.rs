//! Envoy Gateway's SecurityPolicy, with the HTTPRoutes, GRPCRoutes and Gateways that stand in the files, and the filters that
//! Envoy Gateway makes from them (`internal/gatewayapi` and `internal/xds/translator` of Envoy Gateway 1.9).

mod authentication;
mod authorization;
mod conditions;
mod filters;
mod gateways;
mod hostnames;
mod layout;
mod objects;
mod plan;
mod policies;
mod routes;

use self::gateways::Gateway;
use self::objects::{Attached, Objects};
use self::plan::Plan;
use self::policies::SecurityPolicy;
use super::chain::Source;
use super::manifest::objects;
use super::notes::{Fault, Notes};
use crate::inspect::FileDocument;
use crate::inspect::tree::Tree;

/// The filters of each Gateway, and of each target that is not in the files.
///
/// # Errors
/// The first field of an object that is not as expected.
pub fn sources(documents: &[FileDocument], notes: &mut Notes) -> Result<Vec<Source>, Fault> {
    let trees = || documents.iter().flat_map(|document| objects(&document.tree));
    let of_kind = |kind: &'static str| trees().filter(move |tree| tree.text_of("kind") == Some(kind));
    if of_kind("SecurityPolicy").next().is_none() {
        return Ok(Vec::new());
    }
    let mut routes = Vec::new();
    for kind in ["HTTPRoute", "GRPCRoute"] {
        for tree in of_kind(kind) {
            routes.push(routes::route(tree, kind)?);
        }
    }
    let gateways = of_kind("Gateway").map(Gateway::read).collect::<Result<Vec<_>, Fault>>()?;
    let labelled = |kind: &str, labels: &Tree, namespace: &str| -> Vec<&str> {
        let routes = routes.iter().map(|route| &route.manifest);
        let all = routes.chain(gateways.iter().map(|gateway| &gateway.manifest));
        let chosen = all.filter(|manifest| {
            manifest.kind == kind
                && manifest.namespace == namespace
                && labels.members().iter().all(|(name, value)| manifest.label_value(name) == value.text())
        });
        chosen.map(|manifest| manifest.name).collect()
    };
    let mut policies = Vec::new();
    for tree in of_kind("SecurityPolicy") {
        let policy = SecurityPolicy::read(tree)?;
        let namespace = policy.manifest.namespace;
        let targets = policy.targets(&|kind, labels| labelled(kind, labels, namespace))?;
        policies.push(Attached { policy, targets });
    }
    let config_maps = of_kind("ConfigMap").collect();
    let objects = Objects { policies, routes, gateways, config_maps };
    objects.check_targets()?;
    let merged = objects.merged()?;
    Plan::new(&objects, &merged).sources(notes)
}
