//! Checks the Envoy Gateway objects around an EnvoyExtensionPolicy: its targets, and the clusters for keys.

use crate::inspect::FileDocument;
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::tree::Tree;
use jwt_guard::http::Scheme;

/// Warns about a policy for single routes: the filter does not run on the other routes of the Gateway.
pub fn targets(policy: &Tree, diagnostics: &mut Vec<Diagnostic>) {
    let Some(spec) = policy.get("spec") else { return };
    for target in spec.list("targetRefs").iter().chain(spec.get("targetRef")) {
        let kind = target.text_of("kind").unwrap_or_default();
        if kind != "Gateway" {
            let problem = format!(
                "targets one {kind}: the filter does not run on the other routes of the Gateway, and claim headers that \
                 the client sent reach the upstream there; target the Gateway instead"
            );
            diagnostics.push(Diagnostic::warning(target, Subject::keys(&["spec", "targetRefs"]), problem));
        }
    }
}

/// Warns about a second policy for a route: it replaces the policy of the Gateway there.
pub fn replacements(policy: &Tree, documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    for other in of_kind(documents, "EnvoyExtensionPolicy") {
        let Some(spec) = other.get("spec").filter(|_| !std::ptr::eq(other, policy)) else { continue };
        let targets = spec.list("targetRefs").iter().chain(spec.get("targetRef"));
        let for_a_route = targets.filter(|target| target.text_of("kind") != Some("Gateway")).count() > 0;
        if for_a_route && spec.get("mergeType").is_none() {
            let problem = "replaces the policy of the Gateway on its route, where the filter then does not run: claim headers \
                           that the client sent reach the upstream there; set mergeType, or move its extensions to the \
                           policy of the Gateway";
            diagnostics.push(Diagnostic::warning(spec, Subject::keys(&["spec"]), problem.to_owned()));
        }
    }
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
