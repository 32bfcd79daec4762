//! Reads the requirements in annotations of HTTPRoutes, GRPCRoutes and Gateways, and warns about ways around them.

use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::tables::{RoutePolicy, texts};
use crate::inspect::tree::Tree;
use crate::inspect::{FileDocument, spelling};
use jwt_guard::config::annotations::{self, ANNOTATION, EnvoyGatewayAnnotations};
use jwt_guard::config::{Config, Path};
use jwt_guard::policy::{Requirement, Rule};
use jwt_guard::route::VariantClass;

/// The kinds whose annotations Envoy Gateway passes to the filter.
const ROUTE_KINDS: [&str; 2] = ["HTTPRoute", "GRPCRoute"];

/// Parses the annotations of the objects in the documents, and reports their errors. Returns their requirements.
pub fn read(
    plugin: &PluginConfig<'_>,
    config: &Config,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<RoutePolicy> {
    if !matches!(plugin.embedding, Embedding::Gateway { .. } | Embedding::Standalone) {
        return Vec::new();
    }
    unread(documents, diagnostics);
    let mut policies = Vec::new();
    for kind in ROUTE_KINDS {
        for route in of_kind(documents, kind) {
            let Some(annotation) = annotation_of(route) else { continue };
            let Some(requirement) = requirement(annotation, config, diagnostics) else { continue };
            if config.envoy_gateway_annotations == EnvoyGatewayAnnotations::Override {
                upper_case(kind, route, config, diagnostics);
            }
            let hosts = route.get("spec").and_then(|spec| spec.get("hostnames"));
            policies.push(RoutePolicy { route: name(kind, route), hosts: texts(hosts), requirement });
        }
    }
    for gateway in of_kind(documents, "Gateway") {
        let Some(annotation) = annotation_of(gateway) else { continue };
        let Some(requirement) = requirement(annotation, config, diagnostics) else { continue };
        policies.push(RoutePolicy { route: name("Gateway", gateway), hosts: Vec::new(), requirement });
    }
    if config.envoy_gateway_annotations != EnvoyGatewayAnnotations::Ignore {
        routes_without(documents, diagnostics);
    }
    policies
}

fn annotation_of(object: &Tree) -> Option<&Tree> {
    object.at(&["metadata", "annotations"])?.get_exact(ANNOTATION)
}

fn subject() -> Subject {
    let mut path = Path::root().key("metadata".to_owned()).key("annotations".to_owned());
    path.push(jwt_guard::config::path::PathSegment::Key(ANNOTATION.to_owned()));
    Subject::Path(path)
}

fn name(kind: &str, object: &Tree) -> String {
    let name = object.at(&["metadata", "name"]).and_then(Tree::text).unwrap_or("?");
    format!("annotation of {kind} {name}")
}

fn requirement(annotation: &Tree, config: &Config, diagnostics: &mut Vec<Diagnostic>) -> Option<Requirement> {
    let mode = config.envoy_gateway_annotations;
    if mode == EnvoyGatewayAnnotations::Ignore {
        let problem = "is ignored, because envoy_gateway_annotations is ignore; set it to narrow or override, or remove this \
                       annotation";
        diagnostics.push(Diagnostic::warning(annotation, subject(), problem.to_owned()));
        return None;
    }
    let Some(text) = annotation.text() else {
        let problem = "is not a text, and Kubernetes refuses the object; write the requirement as JSON in quotes, such as \
                       '{\"requires_role\":\"admin\"}'";
        diagnostics.push(Diagnostic::error(annotation, subject(), problem.to_owned()));
        return None;
    };
    match annotations::requirement(text.as_bytes(), &config.names) {
        Ok(requirement) => {
            let passes_without_token = !matches!(requirement.rule, Rule::Authenticated(_) | Rule::Deny)
                && requirement.shadow.is_none();
            if mode == EnvoyGatewayAnnotations::Narrow && passes_without_token {
                let problem = "adds nothing, because envoy_gateway_annotations is narrow, and every request must still meet \
                               the requirement from routes; write the requirement in routes, or remove this annotation";
                diagnostics.push(Diagnostic::warning(annotation, subject(), problem.to_owned()));
            }
            Some(requirement)
        }
        Err(error) => {
            let problem = error.to_string();
            let problem = problem.strip_prefix(&format!("annotation {ANNOTATION}: ")).unwrap_or(&problem);
            let problem = format!("{problem}; until then, every request of this object is answered 503");
            diagnostics.push(Diagnostic::error(annotation, subject(), problem));
            None
        }
    }
}

/// Warns about annotations that Envoy Gateway does not pass on: on an object of another kind, or with another name.
fn unread(documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    for document in documents {
        document.tree.walk(&mut |object, _, _| {
            let Some(kind) = object.text_of("kind").filter(|_| object.get("metadata").is_some()) else { return };
            let is_read = kind == "Gateway" || ROUTE_KINDS.contains(&kind);
            let annotations = object.at(&["metadata", "annotations"]);
            for (name, value) in annotations.map(Tree::members).unwrap_or_default() {
                let problem = if name == ANNOTATION && !is_read {
                    format!("is read only on an HTTPRoute, a GRPCRoute or a Gateway, and has no effect on a {kind}; move it to one")
                } else if name != ANNOTATION && spelling::nearest(name, std::iter::once(ANNOTATION)).is_some() {
                    format!("{name} is not read: this requirement has no effect; write {ANNOTATION}")
                } else {
                    continue;
                };
                diagnostics.push(Diagnostic::warning(value, subject(), problem));
            }
        });
    }
}

/// Warns if only some routes have an annotation. A client can send a spelling of a path for which Envoy selects a route
/// without the annotation, and that the upstream reads as the protected path.
fn routes_without(documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    let of_kinds = |kind| of_kind(documents, kind);
    if of_kinds("Gateway").into_iter().any(|gateway| annotation_of(gateway).is_some()) {
        return;
    }
    let routes =
        ROUTE_KINDS.into_iter().flat_map(|kind| of_kinds(kind).into_iter().map(move |route| (kind, route)));
    let (with, without): (Vec<_>, Vec<_>) = routes.partition(|(_, route)| annotation_of(route).is_some());
    if let ([(_, annotated), ..], [(kind, bare), ..]) = (with.as_slice(), without.as_slice())
        && let Some(annotation) = annotation_of(annotated)
    {
        let other = bare.at(&["metadata", "name"]).and_then(Tree::text).unwrap_or("?");
        let problem = format!(
            "{kind} {other} and the Gateway do not have this annotation: another spelling of a path, such as //admin, may \
             match {other}, where only the routes of the filter decide; add the annotation \
             '{{\"allow_authenticated\":true}}' to the Gateway"
        );
        diagnostics.push(Diagnostic::warning(annotation, subject(), problem));
    }
}

/// Warns about upper-case letters in a path whose annotation replaces `routes`: every request for it is answered 400,
/// because an upstream may ignore case. Every gRPC method has upper-case letters.
fn upper_case(kind: &str, route: &Tree, config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    if config.routes.skipped().contains(VariantClass::LetterCase) {
        return;
    }
    let rules = route.get("spec").map(|spec| spec.list("rules")).unwrap_or_default();
    let matches = rules.iter().flat_map(|rule| rule.list("matches"));
    let paths = matches.filter_map(|matched| matched.at(&["path", "value"]));
    let upper = paths.into_iter().find(|path| {
        path.text().is_some_and(|text| text.contains(|letter: char| letter.is_ascii_uppercase()))
    });
    let at = if kind == "GRPCRoute" { Some(route) } else { upper };
    if let Some(at) = at {
        let problem = "has a path with an upper-case letter: if an annotation replaces routes, every request for this path is \
                       answered 400, because an upstream may ignore case; set envoy_gateway_annotations to narrow, or list \
                       letter_case in skip_readings";
        diagnostics.push(Diagnostic::warning(
            at,
            Subject::keys(&["spec", "rules", "matches"]),
            problem.to_owned(),
        ));
    }
}
