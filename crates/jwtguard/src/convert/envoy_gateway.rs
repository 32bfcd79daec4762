//! Envoy Gateway's SecurityPolicy, with the HTTPRoutes, GRPCRoutes and Gateways that stand in the files, and the filters that
//! Envoy Gateway makes from them (`internal/gatewayapi` and `internal/xds/translator` of Envoy Gateway 1.9).

mod authentication;
mod authorization;
mod conditions;
mod filters;
mod gateways;
mod hostnames;
mod plan;
mod policies;
mod routes;

use self::gateways::Gateway;
use self::plan::Plan;
use self::policies::{SecurityPolicy, Target};
use self::routes::Route;
use super::chain::Source;
use super::manifest::objects;
use super::notes::{Fault, Notes};
use crate::inspect::FileDocument;
use crate::inspect::tree::{Tree, TreeValue};

/// The objects of the files.
struct Objects<'t> {
    policies: Vec<Attached<'t>>,
    routes: Vec<Route<'t>>,
    gateways: Vec<Gateway<'t>>,
    /// Every ConfigMap.
    config_maps: Vec<&'t Tree>,
}

/// A policy with its targets.
struct Attached<'t> {
    policy: SecurityPolicy<'t>,
    targets: Vec<Target<'t>>,
}

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
            routes.push(routes::route(tree, kind, notes)?);
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

/// The `spec` of a policy that is merged into that of a Gateway's policy.
struct Merged {
    /// The index of the policy of the route, and of the Gateway.
    of: (usize, usize),
    spec: Tree,
}

impl<'t> Objects<'t> {
    /// Refuses a target of two policies: Envoy Gateway uses the older one, which files do not tell.
    fn check_targets(&self) -> Result<(), Fault> {
        let mut seen: Vec<(&str, &Target<'t>)> = Vec::new();
        for Attached { policy, targets } in &self.policies {
            for target in targets {
                let target = (policy.manifest.namespace, target);
                if seen.contains(&target) {
                    let problem = format!(
                        "another SecurityPolicy has the target {} {} too: Envoy Gateway uses the older one, so remove the other \
                         from the files",
                        target.1.kind, target.1.name
                    );
                    return Err(Fault::at(policy.manifest.spec, problem));
                }
                seen.push(target);
            }
        }
        Ok(())
    }

    /// Every policy with `mergeType`, merged into each policy of a Gateway.
    fn merged(&self) -> Result<Vec<Merged>, Fault> {
        let mut merged = Vec::new();
        for (index, Attached { policy, .. }) in self.policies.iter().enumerate() {
            if !policy.is_merged()? {
                continue;
            }
            for (parent_index, parent) in self.policies.iter().enumerate() {
                if parent.targets.iter().any(|target| target.kind == "Gateway") {
                    let spec = merge(parent.policy.spec, policy.spec);
                    merged.push(Merged { of: (index, parent_index), spec });
                }
            }
        }
        Ok(merged)
    }

    /// The keys in a ConfigMap: the value of `jwks`, or the first value.
    fn jwks(&self, namespace: &str, name: &str) -> Option<&'t Tree> {
        let text =
            |tree: &Tree, names: &[&str]| tree.at(names).and_then(Tree::text).unwrap_or_default().to_owned();
        let is_named = |tree: &&&Tree| {
            text(tree, &["metadata", "name"]) == name && text(tree, &["metadata", "namespace"]) == namespace
        };
        let data = self.config_maps.iter().find(is_named)?.get_exact("data")?;
        data.get_exact("jwks").or_else(|| data.members().first().map(|(_, value)| value))
    }
}

/// Merges the members of two objects. Where both have a value that is no object, that of the child counts.
fn merge(parent: &Tree, child: &Tree) -> Tree {
    let (TreeValue::Object(members), TreeValue::Object(others)) = (&parent.value, &child.value) else {
        return child.clone();
    };
    let mut members = members.clone();
    for (name, value) in others {
        match members.iter_mut().find(|(other, _)| other == name) {
            Some((_, inherited)) => *inherited = merge(inherited, value),
            None => members.push((name.clone(), value.clone())),
        }
    }
    Tree { line: child.line, source: child.source.clone(), value: TreeValue::Object(members) }
}
