//! The proxies that an Istio object applies to, by its namespace, its selector and its `targetRefs`.

use super::FileDocument;
use super::document::of_kind;
use super::tree::Tree;

/// The namespace whose objects apply to the whole mesh, unless the mesh configuration names another one.
const ROOT_NAMESPACE: &str = "istio-system";

/// The class of a waypoint's Gateway, and the name that `istioctl waypoint apply` gives it.
const WAYPOINT_CLASS: &str = "istio-waypoint";
const WAYPOINT_NAME: &str = "waypoint";

/// The label of the pods of a Gateway of the Gateway API.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// What an object selects.
#[derive(Debug)]
pub struct Selection<'t> {
    namespace: Option<&'t str>,
    is_in_root: bool,
    labels: Vec<(&'t str, &'t str)>,
    targets: Vec<&'t Tree>,
}

/// The kind of the proxies that an object selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// A gateway.
    Gateway,
    /// A waypoint that `targetRefs` name.
    Waypoint,
    /// A waypoint that a selector names. A waypoint ignores selectors.
    WaypointBySelector,
    /// Sidecars of the selected pods.
    Sidecar,
    /// Every proxy of the namespace, or of the mesh.
    Everywhere,
}

impl<'t> Selection<'t> {
    /// The selection of an object.
    pub fn of(object: &'t Tree, documents: &'t [FileDocument]) -> Self {
        let spec = object.get("spec");
        let labels = spec.and_then(|spec| {
            let labels = spec.at(&["selector", "matchLabels"]);
            // EnvoyFilter has another name for the selector.
            labels.or_else(|| spec.at(&["workloadSelector", "labels"]))
        });
        let labels = labels.map(Tree::members).unwrap_or_default();
        let targets = spec.map(|spec| spec.list("targetRefs")).unwrap_or_default();
        let namespace = object.at(&["metadata", "namespace"]).and_then(Tree::text);
        Self {
            namespace,
            is_in_root: namespace.is_some_and(|namespace| namespace == root_namespace(documents)),
            labels: labels.iter().filter_map(|(name, value)| Some((name.as_str(), value.text()?))).collect(),
            targets: targets.iter().chain(spec.and_then(|spec| spec.get("targetRef"))).collect(),
        }
    }

    /// Whether the object is in the root namespace and selects nothing, so that it applies to the whole mesh.
    pub fn is_mesh_wide(&self) -> bool {
        self.is_in_root && self.labels.is_empty() && self.targets.is_empty()
    }

    /// Whether the two objects can apply to the same proxy.
    pub fn may_meet(&self, other: &Self) -> bool {
        let is_reached = match (self.namespace, other.namespace) {
            (Some(own), Some(others)) => own == others || self.is_in_root || other.is_in_root,
            _ => true,
        };
        is_reached
            && match (self.targets.as_slice(), other.targets.as_slice()) {
                ([], []) => agree(&self.labels, &other.labels),
                ([], targets) => self.selects_one_of(targets),
                (targets, []) => other.selects_one_of(targets),
                (own, others) => own.iter().any(|own| others.iter().any(|other| is_same_proxy(own, other))),
            }
    }

    /// Whether the selector can select the proxy of one of the targets.
    fn selects_one_of(&self, targets: &[&Tree]) -> bool {
        let named = self.labels.iter().find(|(label, _)| *label == GATEWAY_NAME).map(|(_, name)| *name);
        match named {
            Some(name) => targets.iter().any(|target| target.text_of("name") == Some(name)),
            None => self.labels.is_empty(),
        }
    }

    /// The kind of the selected proxies, as far as the documents show it.
    pub fn placement(&self, documents: &[FileDocument]) -> Placement {
        if !self.targets.is_empty() {
            let is_waypoint = self.targets.iter().any(|target| is_of_a_waypoint(target, documents));
            return if is_waypoint { Placement::Waypoint } else { Placement::Gateway };
        }
        if self.labels.is_empty() {
            return Placement::Everywhere;
        }
        for (label, value) in &self.labels {
            match *label {
                GATEWAY_NAME if is_waypoint(value, documents) => return Placement::WaypointBySelector,
                "gateway.istio.io/managed" if *value == "istio.io-mesh-controller" => {
                    return Placement::WaypointBySelector;
                }
                GATEWAY_NAME | "istio.io/gateway-name" | "istio" => return Placement::Gateway,
                "app" if value.starts_with("istio-") => return Placement::Gateway,
                _ => {}
            }
        }
        if self.is_of_a_gateway(documents) { Placement::Gateway } else { Placement::Sidecar }
    }

    /// Whether a Gateway of Istio in the documents selects the same pods, or an EnvoyFilter patches them as a gateway.
    fn is_of_a_gateway(&self, documents: &[FileDocument]) -> bool {
        let gateways = of_kind(documents, "Gateway").into_iter();
        let selectors = gateways.filter_map(|gateway| gateway.at(&["spec", "selector"]));
        let filters = of_kind(documents, "EnvoyFilter").into_iter().filter_map(|filter| filter.get("spec"));
        let patched = filters
            .filter(|spec| {
                let contexts =
                    spec.list("configPatches").iter().filter_map(|patch| patch.at(&["match", "context"]));
                contexts.filter_map(Tree::text).any(|context| context == "GATEWAY")
            })
            .filter_map(|spec| spec.at(&["workloadSelector", "labels"]));
        selectors.chain(patched).any(|selector| {
            let members = selector.members().iter();
            let labels: Vec<_> =
                members.filter_map(|(name, value)| Some((name.as_str(), value.text()?))).collect();
            labels.iter().any(|label| self.labels.contains(label)) && agree(&self.labels, &labels)
        })
    }
}

/// Whether one pod can have all of the labels.
fn agree(one: &[(&str, &str)], other: &[(&str, &str)]) -> bool {
    one.iter().all(|(label, value)| other.iter().all(|(name, given)| name != label || given == value))
}

/// Whether two targets can be the same proxy. A Service can be behind a waypoint that the other target names.
fn is_same_proxy(one: &Tree, other: &Tree) -> bool {
    one.text_of("kind") != other.text_of("kind") || one.text_of("name") == other.text_of("name")
}

fn is_of_a_waypoint(target: &Tree, documents: &[FileDocument]) -> bool {
    let name = target.text_of("name").unwrap_or_default();
    match target.text_of("kind") {
        Some("Service" | "ServiceEntry") => true,
        Some("GatewayClass") => name == WAYPOINT_CLASS,
        _ => is_waypoint(name, documents),
    }
}

/// Whether a Gateway is a waypoint: by its class, or if it is in no document, by its usual name.
fn is_waypoint(name: &str, documents: &[FileDocument]) -> bool {
    let gateways = of_kind(documents, "Gateway");
    let class = gateways.iter().find_map(|gateway| {
        let is_it = gateway.at(&["metadata", "name"]).and_then(Tree::text) == Some(name);
        gateway.at(&["spec", "gatewayClassName"]).and_then(Tree::text).filter(|_| is_it)
    });
    class.map_or(name == WAYPOINT_NAME, |class| class == WAYPOINT_CLASS)
}

/// The root namespace that a mesh configuration in the documents names, or the usual one. The configuration is a document,
/// part of an IstioOperator or of Helm values, or the text of the ConfigMap `istio`.
fn root_namespace(documents: &[FileDocument]) -> &str {
    const KEY: &str = "rootNamespace";
    let named = documents.iter().find_map(|document| {
        let tree = &document.tree;
        tree.text_of(KEY).or_else(|| tree.at(&["meshConfig", KEY])?.text())
    });
    let of_operators = || {
        let operators = of_kind(documents, "IstioOperator").into_iter();
        operators.filter_map(|operator| operator.at(&["spec", "meshConfig", KEY])).find_map(Tree::text)
    };
    let of_texts = || {
        let maps = of_kind(documents, "ConfigMap").into_iter();
        let texts = maps.filter_map(|map| map.at(&["data", "mesh"])).filter_map(Tree::text);
        let mut lines = texts.flat_map(str::lines);
        lines.find_map(|line| Some(line.strip_prefix("rootNamespace:")?.trim().trim_matches(['"', '\''])))
    };
    named.or_else(of_operators).or_else(of_texts).unwrap_or(ROOT_NAMESPACE)
}
