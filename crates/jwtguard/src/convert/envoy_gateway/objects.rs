//! The objects of Envoy Gateway in the files, and the policies that are merged into another one.

use super::gateways::Gateway;
use super::policies::{SecurityPolicy, Target};
use super::routes::Route;
use crate::convert::notes::Fault;
use crate::inspect::tree::{Tree, TreeValue};

/// The objects of the files.
pub struct Objects<'t> {
    /// The policies.
    pub policies: Vec<Attached<'t>>,
    /// The routes.
    pub routes: Vec<Route<'t>>,
    /// The Gateways.
    pub gateways: Vec<Gateway<'t>>,
    /// Every ConfigMap.
    pub config_maps: Vec<&'t Tree>,
}

/// A policy with its targets.
pub struct Attached<'t> {
    /// The policy.
    pub policy: SecurityPolicy<'t>,
    /// Its targets.
    pub targets: Vec<Target<'t>>,
}

/// The `spec` of a policy that is merged into that of a Gateway's policy.
pub struct Merged {
    /// The index of the policy of the route, and of the Gateway.
    pub of: (usize, usize),
    /// The `spec` of both.
    pub spec: Tree,
}

impl<'t> Objects<'t> {
    /// Refuses a target of two policies: Envoy Gateway uses the older one, which files do not tell.
    ///
    /// # Errors
    /// The second of the policies.
    pub fn check_targets(&self) -> Result<(), Fault> {
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
    ///
    /// # Errors
    /// A `mergeType` that is not known.
    pub fn merged(&self) -> Result<Vec<Merged>, Fault> {
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
    pub fn jwks(&self, namespace: &str, name: &str) -> Option<&'t Tree> {
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
