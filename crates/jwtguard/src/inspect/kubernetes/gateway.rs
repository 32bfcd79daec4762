//! Checks the Envoy Gateway objects around an EnvoyExtensionPolicy: its targets, other policies, and the clusters for
//! keys.

use crate::inspect::FileDocument;
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::find;
use crate::inspect::tree::Tree;
use jwt_guard::http::Scheme;

/// The targets of a policy.
fn targets_of(policy: &Tree) -> impl Iterator<Item = &Tree> {
    let spec = policy.get("spec");
    let listed = spec.map(|spec| spec.list("targetRefs")).unwrap_or_default();
    let selected = spec.map(|spec| spec.list("targetSelectors")).unwrap_or_default();
    listed.iter().chain(spec.and_then(|spec| spec.get("targetRef"))).chain(selected)
}

/// The names of the Gateways that a policy targets as a whole.
pub fn whole_gateways(policy: &Tree) -> Vec<&str> {
    let whole = targets_of(policy)
        .filter(|target| target.text_of("kind") == Some("Gateway") && target.get("sectionName").is_none());
    whole.filter_map(|target| target.text_of("name")).collect()
}

/// The names of the Gateways that a policy targets, as a whole or one listener.
pub fn gateways(policy: &Tree) -> Vec<&str> {
    let gateways = targets_of(policy).filter(|target| target.text_of("kind") == Some("Gateway"));
    gateways.filter_map(|target| target.text_of("name")).collect()
}

/// Whether the two objects can be in one namespace. Policies target objects of their own namespace.
fn may_share_namespace(one: &Tree, other: &Tree) -> bool {
    let of = |object: &Tree| object.at(&["metadata", "namespace"]).and_then(Tree::text).map(str::to_owned);
    of(one).zip(of(other)).is_none_or(|(one, other)| one == other)
}

/// Warns about a policy for a part of a Gateway: the filter does not run on the rest, unless another policy does the same
/// for the whole Gateway.
pub fn targets(policy: &Tree, documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    let runs_everywhere = of_kind(documents, "EnvoyExtensionPolicy").into_iter().any(|other| {
        find::runs_jwt_guard(other) && !whole_gateways(other).is_empty() && may_share_namespace(policy, other)
    });
    if runs_everywhere {
        return;
    }
    for target in targets_of(policy) {
        let kind = target.text_of("kind").unwrap_or_default();
        let rest = match (kind, target.text_of("sectionName")) {
            ("Gateway", None) => continue,
            ("Gateway", Some(listener)) => {
                format!("the listener {listener}: the filter does not run on the other listeners")
            }
            _ => format!("one {kind}: the filter does not run on the other routes"),
        };
        let problem = format!(
            "targets {rest} of the Gateway, and claim headers that the client sent reach the upstream there; target the \
             Gateway instead"
        );
        diagnostics.push(Diagnostic::warning(target, Subject::keys(&["spec", "targetRefs"]), problem));
    }
}

/// Reports other policies that replace this one, or its list of modules, in a part of the Gateway.
pub fn replacements(policy: &Tree, documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    for (other, replacement) in replacements_of(policy, documents) {
        diagnostics.push(replacement.diagnostic(other));
    }
}

/// How another policy replaces the policy that runs jwt-guard.
pub enum Replacement<'t> {
    /// On a route.
    OnRoutes,
    /// On a route with `mergeType`, whose `wasm` list replaces the other list.
    ModulesOnRoutes(&'t Tree),
    /// On a listener of the same Gateway.
    OnListener(&'t Tree, &'t str),
}

impl Replacement<'_> {
    fn diagnostic(&self, other: &Tree) -> Diagnostic {
        const OPEN: &str =
            "where the filter then does not run: claim headers that the client sent reach the upstream there";
        const REPEAT: &str =
            "repeat the filter in its wasm list, or move its extensions to the policy of the Gateway";
        match self {
            Self::OnRoutes => {
                let problem = format!(
                    "replaces the policy of the Gateway on its route, {OPEN}; set mergeType, or move its extensions to the \
                     policy of the Gateway"
                );
                Diagnostic::warning(other.get("spec").unwrap_or(other), Subject::keys(&["spec"]), problem)
            }
            Self::ModulesOnRoutes(wasm) => {
                let problem = format!(
                    "replaces the whole wasm list of the policy of the Gateway on its route, also with mergeType, {OPEN}; \
                     {REPEAT}"
                );
                Diagnostic::warning(wasm, Subject::keys(&["spec", "wasm"]), problem)
            }
            Self::OnListener(target, listener) => {
                let problem = format!(
                    "replaces the policy of the Gateway on the listener {listener}, {OPEN}; {REPEAT}"
                );
                Diagnostic::error(target, Subject::keys(&["spec", "targetRefs"]), problem)
            }
        }
    }
}

/// The other policies that replace this one, and how.
pub fn replacements_of<'t>(
    policy: &'t Tree,
    documents: &'t [FileDocument],
) -> Vec<(&'t Tree, Replacement<'t>)> {
    let gateways = gateways(policy);
    let mut found = Vec::new();
    for other in of_kind(documents, "EnvoyExtensionPolicy") {
        let is_other = !std::ptr::eq(other, policy) && !find::runs_jwt_guard(other);
        let Some(spec) = other.get("spec").filter(|_| is_other && may_share_namespace(policy, other)) else {
            continue;
        };
        for target in targets_of(other).filter(|target| target.text_of("kind") == Some("Gateway")) {
            let is_same = target.text_of("name").is_some_and(|name| gateways.contains(&name));
            if let Some(listener) = target.text_of("sectionName").filter(|_| is_same) {
                found.push((other, Replacement::OnListener(target, listener)));
            }
        }
        let is_for_routes = targets_of(other).any(|target| target.text_of("kind") != Some("Gateway"));
        match (spec.get("mergeType"), spec.get("wasm")) {
            _ if !is_for_routes => {}
            (None, _) => found.push((other, Replacement::OnRoutes)),
            (Some(_), Some(wasm)) => found.push((other, Replacement::ModulesOnRoutes(wasm))),
            (Some(_), None) => {}
        }
    }
    found
}

/// Whether the cluster is one that Envoy Gateway generates from a rule of an HTTPRoute in the documents. The name of such a
/// cluster is `httproute/namespace/name/rule/number`. For https, a BackendTLSPolicy must enable TLS.
pub fn is_of_a_rule(
    cluster: &str,
    scheme: Scheme,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) -> bool {
    let parts: Vec<&str> = cluster.split('/').collect();
    let ["httproute", namespace, name, "rule", number] = parts.as_slice() else { return false };
    let is_meant = |route: &&Tree| {
        let of = |key: &str| route.at(&["metadata", key]).and_then(Tree::text);
        of("name") == Some(name) && of("namespace").unwrap_or("default") == *namespace
    };
    let routes = of_kind(documents, "HTTPRoute");
    let rules =
        routes.into_iter().find(is_meant).and_then(|route| route.get("spec")).map(|spec| spec.list("rules"));
    let rule = number.parse().ok().and_then(|number: usize| rules?.get(number));
    let Some(rule) = rule else { return false };
    if scheme == Scheme::Https {
        for backend in rule.list("backendRefs") {
            is_tls(backend, cluster, documents, diagnostics);
        }
    }
    true
}

fn is_tls(backend: &Tree, cluster: &str, documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    let name = backend.text_of("name").unwrap_or_default();
    let is_for = |policy: &&Tree| {
        let targets = policy.get("spec").map(|spec| spec.list("targetRefs")).unwrap_or_default();
        targets.iter().any(|target| target.text_of("name") == Some(name))
    };
    if !of_kind(documents, "BackendTLSPolicy").iter().any(is_for) {
        let problem = format!(
            "no BackendTLSPolicy in these files targets {name}; without one, keys are fetched through {cluster} without \
             encryption, even if the scheme of the endpoint is https"
        );
        diagnostics.push(Diagnostic::warning(
            backend,
            Subject::keys(&["spec", "rules", "backendRefs"]),
            problem,
        ));
    }
}
