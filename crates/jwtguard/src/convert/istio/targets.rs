//! The workloads that Istio's objects apply to.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};

use crate::convert::manifest::{Manifest, items, known, object, optional, required, text};
use crate::convert::notes::Fault;
use crate::inspect::tree::Tree;

/// Istio's root namespace. An object in it applies to workloads of every namespace.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// The proxies that an object applies to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target<'t> {
    /// The namespace; empty if the object does not say it.
    pub namespace: &'t str,
    /// The proxies in the namespace.
    pub scope: Scope<'t>,
}

/// The proxies in a namespace, or in every namespace for an object in the root namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope<'t> {
    /// Every proxy.
    Namespace,
    /// The workloads with these labels.
    Workloads(BTreeMap<&'t str, &'t str>),
    /// The object that `targetRef` or an entry of `targetRefs` names.
    Reference {
        /// Such as `Gateway`.
        kind: &'t str,
        /// The name of the object.
        name: &'t str,
    },
}

/// What is known of the proxy of a Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// A gateway: objects without `targetRefs` in its namespace apply to it too.
    Gateway,
    /// A waypoint: only objects with `targetRefs` apply to it.
    Waypoint,
}

impl<'t> Target<'t> {
    /// The targets of an object: one, or one for each entry of `targetRefs`.
    ///
    /// # Errors
    /// The first field that is not as expected.
    pub fn of(manifest: &Manifest<'t>) -> Result<Vec<Self>, Fault> {
        let namespace = manifest.namespace;
        let spec = manifest.spec;
        let mut references = items(spec, "targetRefs")?.iter().collect::<Vec<_>>();
        references.extend(spec.get_exact("targetRef"));
        let selector = optional(spec, "selector", selector)?;
        match (selector, references.as_slice()) {
            (Some(_), [first, ..]) => Err(Fault::at(
                first,
                "expected selector or targetRefs, got both; Istio refuses the object: remove one of them",
            )),
            (Some(labels), []) if !labels.is_empty() => {
                Ok(vec![Self { namespace, scope: Scope::Workloads(labels) }])
            }
            (_, []) => Ok(vec![Self { namespace, scope: Scope::Namespace }]),
            (None, references) => references
                .iter()
                .map(|reference| Ok(Self { namespace, scope: self::reference(reference, namespace)? }))
                .collect(),
        }
    }

    /// Whether an object with this target applies to a proxy. `proxy` is what is known of it, if it is a Gateway.
    pub fn covers(&self, other: &Target<'_>, proxy: Proxy) -> bool {
        if self.namespace != other.namespace && self.namespace != ROOT_NAMESPACE {
            return false;
        }
        match (&self.scope, &other.scope) {
            (one, other) if one == other => true,
            (Scope::Namespace, Scope::Workloads(_)) => true,
            (Scope::Namespace, Scope::Reference { kind: "Gateway", .. }) => proxy == Proxy::Gateway,
            (Scope::Workloads(labels), Scope::Workloads(others)) => {
                labels.iter().all(|(name, value)| others.get(name) == Some(value))
            }
            (Scope::Reference { kind: "GatewayClass", .. }, Scope::Reference { kind, .. }) => {
                *kind != "Gateway" || proxy == Proxy::Waypoint
            }
            _ => false,
        }
    }

    /// Whether some proxy may belong to both targets, although neither covers the other.
    pub fn may_meet(&self, other: &Target<'_>) -> bool {
        let same_namespace =
            self.namespace == other.namespace || [self.namespace, other.namespace].contains(&ROOT_NAMESPACE);
        let (Scope::Workloads(labels), Scope::Workloads(others)) = (&self.scope, &other.scope) else {
            return false;
        };
        let differs = |(name, value)| others.get(name).is_some_and(|other| other != value);
        same_namespace && !labels.iter().any(differs)
    }
}

impl Display for Target<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match &self.scope {
            Scope::Namespace if self.namespace == ROOT_NAMESPACE => {
                return f.write_str("every proxy of the mesh");
            }
            Scope::Namespace => f.write_str("every proxy")?,
            Scope::Workloads(labels) => {
                f.write_str("workloads with")?;
                for (index, (name, value)) in labels.iter().enumerate() {
                    write!(f, "{} {name}={value}", if index > 0 { "," } else { "" })?;
                }
            }
            Scope::Reference { kind, name } => write!(f, "{kind} {name}")?,
        }
        match self.namespace {
            "" => Ok(()),
            namespace => write!(f, " in the namespace {namespace}"),
        }
    }
}

fn selector(tree: &Tree) -> Result<BTreeMap<&str, &str>, Fault> {
    known(tree, &["matchLabels"])?;
    let labels = optional(tree, "matchLabels", object)?.map(Tree::members).unwrap_or_default();
    labels.iter().map(|(name, value)| text(value).map(|value| (name.as_str(), value))).collect()
}

fn reference<'t>(tree: &'t Tree, namespace: &str) -> Result<Scope<'t>, Fault> {
    const KINDS: [&str; 4] = ["Gateway", "GatewayClass", "Service", "ServiceEntry"];
    known(tree, &["group", "kind", "name", "namespace"])?;
    let kind_tree = required(tree, "kind", "the kind of the target")?;
    let kind = text(kind_tree)?;
    if !KINDS.contains(&kind) {
        return Err(Fault::at(kind_tree, format!("expected one of {}, got `{kind}`", KINDS.join(", "))));
    }
    let name = text(required(tree, "name", "the name of the target")?)?;
    match optional(tree, "namespace", text)? {
        Some(other) if other != namespace => Err(Fault::at(
            tree,
            format!(
                "the target is in the namespace `{other}`: Istio refuses a target in another namespace than the object's"
            ),
        )),
        _ => Ok(Scope::Reference { kind, name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workloads(namespace: &'static str, labels: &[(&'static str, &'static str)]) -> Target<'static> {
        Target { namespace, scope: Scope::Workloads(labels.iter().copied().collect()) }
    }

    fn all(namespace: &'static str) -> Target<'static> {
        Target { namespace, scope: Scope::Namespace }
    }

    fn reference(namespace: &'static str, kind: &'static str, name: &'static str) -> Target<'static> {
        Target { namespace, scope: Scope::Reference { kind, name } }
    }

    #[test]
    fn what_an_object_applies_to() {
        use Proxy::{Gateway, Waypoint};
        for (object, proxy_target, proxy, expected) in [
            (all("a"), all("a"), Gateway, true),
            (all("a"), all("b"), Gateway, false),
            (all("istio-system"), all("b"), Gateway, true),
            (all("a"), workloads("a", &[("app", "x")]), Gateway, true),
            (workloads("a", &[("app", "x")]), all("a"), Gateway, false),
            (workloads("a", &[("app", "x")]), workloads("a", &[("app", "x"), ("v", "1")]), Gateway, true),
            (workloads("a", &[("app", "x"), ("v", "1")]), workloads("a", &[("app", "x")]), Gateway, false),
            (workloads("a", &[("app", "x")]), workloads("b", &[("app", "x")]), Gateway, false),
            (workloads("istio-system", &[("app", "x")]), workloads("b", &[("app", "x")]), Gateway, true),
            (all("a"), reference("a", "Gateway", "g"), Gateway, true),
            (all("a"), reference("a", "Gateway", "g"), Waypoint, false),
            (all("a"), reference("a", "Service", "s"), Waypoint, false),
            (reference("a", "Gateway", "g"), reference("a", "Gateway", "h"), Gateway, false),
            (
                reference("istio-system", "GatewayClass", "istio-waypoint"),
                reference("a", "Service", "s"),
                Waypoint,
                true,
            ),
            (
                reference("istio-system", "GatewayClass", "istio-waypoint"),
                reference("a", "Gateway", "g"),
                Gateway,
                false,
            ),
            (
                reference("istio-system", "GatewayClass", "istio-waypoint"),
                reference("a", "Gateway", "g"),
                Waypoint,
                true,
            ),
        ] {
            assert_eq!(object.covers(&proxy_target, proxy), expected, "{object} {proxy_target} {proxy:?}");
        }
    }

    #[test]
    fn selectors_that_may_choose_the_same_workload() {
        for (one, other, expected) in [
            (workloads("a", &[("app", "x")]), workloads("a", &[("v", "1")]), true),
            (workloads("a", &[("app", "x")]), workloads("a", &[("app", "y")]), false),
            (workloads("a", &[("app", "x")]), workloads("b", &[("v", "1")]), false),
            (workloads("istio-system", &[("app", "x")]), workloads("b", &[("v", "1")]), true),
            (all("a"), workloads("a", &[("v", "1")]), false),
        ] {
            assert_eq!(one.may_meet(&other), expected, "{one} {other}");
        }
    }
}
