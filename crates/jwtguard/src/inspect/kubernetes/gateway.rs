//! Envoy Gateway's objects beside an EnvoyExtensionPolicy: what it guards, and where its keys come from.

use crate::inspect::FileDocument;
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::tree::Tree;
use jwt_guard::http::Scheme;

/// A policy for some routes leaves the others of their Gateway open.
pub fn targets(policy: &Tree, diagnostics: &mut Vec<Diagnostic>) {
    let Some(spec) = policy.get("spec") else { return };
    for target in spec.list("targetRefs").iter().chain(spec.get("targetRef")) {
        let kind = target.text_of("kind").unwrap_or_default();
        if kind != "Gateway" {
            let problem = format!(
                "is for one {kind}: the Gateway's other routes stay without the filter, and claim headers of the \
                 client's own reach the upstream there; name the Gateway instead"
            );
            diagnostics.push(Diagnostic::warning(target, Subject::keys(&["spec", "targetRefs"]), problem));
        }
    }
}

/// A second policy, for one route, takes the place of ours there.
pub fn replacements(policy: &Tree, documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    for other in of_kind(documents, "EnvoyExtensionPolicy") {
        let Some(spec) = other.get("spec").filter(|_| !std::ptr::eq(other, policy)) else { continue };
        let targets = spec.list("targetRefs").iter().chain(spec.get("targetRef"));
        let for_a_route = targets.filter(|target| target.text_of("kind") != Some("Gateway")).count() > 0;
        if for_a_route && spec.get("mergeType").is_none() {
            let problem = "takes the place of the Gateway's policy on its route, which stays without the filter: claim \
                           headers of the client's own reach the upstream there; merge it, or name its extensions in \
                           the Gateway's policy";
            diagnostics.push(Diagnostic::warning(spec, Subject::keys(&["spec"]), problem.to_owned()));
        }
    }
}

/// The cluster that Envoy Gateway makes of a rule of an HTTPRoute, `httproute/namespace/name/rule/number`: whether the
/// rule is in the documents. Where it is, a BackendTLSPolicy must make it TLS.
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
            "no BackendTLSPolicy in these files is for {name}; without one the request for keys through {cluster} is \
             not encrypted, whatever the endpoint's scheme says"
        );
        diagnostics.push(Diagnostic::warning(
            backend,
            Subject::keys(&["spec", "rules", "backendRefs"]),
            problem,
        ));
    }
}
