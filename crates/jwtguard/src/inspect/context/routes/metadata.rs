//! Reads the requirements in the metadata of Envoy's routes and virtual hosts, and warns about ways around them.

use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::lints::values;
use crate::inspect::tables::RoutePolicy;
use crate::inspect::tree::Tree;
use crate::inspect::{FileDocument, numeric_strings, spelling};
use jwt_guard::config::reader::{ConfigNode, Errors};
use jwt_guard::config::requirement::{EmptyRequirement, requirement_without_parameters};
use jwt_guard::config::{Config, RouteMetadata};
use jwt_guard::jose::json::Json;

/// The metadata key that the filter reads. The spelling must be exact.
const NAME: &str = "jwt_guard";

/// Returns the requirement in the metadata of a route or virtual host.
pub fn requirement_in(tree: &Tree) -> Option<&Tree> {
    tree.at(&["metadata", "filter_metadata"]).and_then(|metadata| metadata.get_exact(NAME))
}

/// Whether a route or virtual host has a requirement in an annotation, as Envoy Gateway passes it.
pub fn has_annotation(tree: &Tree) -> bool {
    let resources =
        tree.at(&["metadata", "filter_metadata"]).and_then(|metadata| metadata.get_exact("envoy-gateway"));
    let resources = resources.map(|metadata| metadata.list("resources")).unwrap_or_default();
    resources
        .iter()
        .filter_map(|resource| resource.get("annotations"))
        .any(|annotations| annotations.get_exact("jwt-guard").is_some())
}

/// Parses the requirement of a route or virtual host, and reports its errors.
pub fn read(
    tree: &Tree,
    name: &str,
    what: &str,
    domains: &[String],
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<RoutePolicy> {
    let own_metadata = requirement_in(tree)?;
    let subject = Subject::Route(format!("{name}, metadata jwt_guard"));
    if config.route_metadata == RouteMetadata::Ignore {
        let problem = "is ignored, because route_metadata is ignore; set route_metadata to override or narrow, or remove this metadata".to_owned();
        diagnostics.push(Diagnostic::warning(own_metadata, subject, problem));
        return None;
    }
    for lint in numeric_strings::numeric_strings(own_metadata) {
        diagnostics.push(Diagnostic::warning(
            own_metadata.nearest_to(&lint.path),
            subject.clone(),
            lint.problem,
        ));
    }
    let json = Json::parse(own_metadata.to_json().as_bytes()).ok()?;
    let mut errors = Errors::new();
    let read = requirement_without_parameters(
        &ConfigNode::root(&json),
        &config.names,
        EmptyRequirement::Refused,
        &mut errors,
    );
    for error in &errors {
        let at = own_metadata.nearest_to(&error.path);
        let problem = format!("{error}; until then, every request of this route is answered 503");
        diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
    }
    let hosts = if domains.iter().any(|domain| domain == "*") { Vec::new() } else { domains.to_vec() };
    if errors.is_empty() {
        let mut lints = Vec::new();
        values::of_requirements(own_metadata, config, &mut lints);
        for lint in lints {
            let problem = format!("{}: {}", lint.path, lint.problem);
            diagnostics.push(Diagnostic::warning(
                own_metadata.nearest_to(&lint.path),
                subject.clone(),
                problem,
            ));
        }
    }
    read.filter(|_| errors.is_empty()).map(|requirement| RoutePolicy {
        route: what.to_owned(),
        hosts,
        requirement,
    })
}

/// Warns about requirements that the filter ignores: under another key, or on an object that is neither a route nor a virtual
/// host. Istio's EnvoyFilter is not checked: its patches do not show what they are merged into.
pub fn unread(documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    for document in documents.iter().filter(|document| document.tree.get("kind").is_none()) {
        document.tree.walk(&mut |tree, path, above| {
            let subject = || Subject::Path(path.to_owned());
            // The parent of `metadata` is its owner. The parent of `metadata_match` is something else.
            let owner = above.last();
            let is_read = owner.is_some_and(|owner| {
                (owner.get("match").is_some() || owner.get("domains").is_some())
                    && owner.get("metadata").is_some_and(|metadata| std::ptr::eq(metadata, tree))
            });
            for (name, value) in tree.get("filter_metadata").map(Tree::members).unwrap_or_default() {
                if name == NAME && !is_read {
                    let problem = format!(
                        "{NAME} is read only on routes and virtual hosts: this requirement has no effect; move it to one of them"
                    );
                    diagnostics.push(Diagnostic::warning(value, subject(), problem));
                } else if name != NAME && spelling::nearest(name, std::iter::once(NAME)).is_some() {
                    let problem = format!("{name} is not read: this requirement has no effect; write {NAME}");
                    diagnostics.push(Diagnostic::warning(value, subject(), problem));
                }
            }
            if let Some(own_metadata) = tree.get("typed_filter_metadata").and_then(|typed| typed.get_exact(NAME)) {
                let problem = format!(
                    "{NAME} is not read in typed_filter_metadata: this requirement has no effect; write it in filter_metadata"
                );
                diagnostics.push(Diagnostic::warning(own_metadata, subject(), problem));
            }
        });
    }
}

/// Warns if only some routes of a virtual host have a requirement. A client can send a spelling of a path that Envoy matches
/// to a route without the requirement, and that the upstream reads as the protected path.
pub fn unprotected_siblings(
    host: &Tree,
    routes: &[(String, &Tree)],
    subject: Subject,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (carrying, bare): (Vec<_>, Vec<_>) =
        routes.iter().partition(|(_, route)| requirement_in(route).is_some());
    if let ([(with, _), ..], [(without, _), ..]) = (carrying.as_slice(), bare.as_slice()) {
        let problem = format!(
            "{with} has metadata jwt_guard, and {without} does not: another spelling of a path, such as //admin, may \
             match {without}, where only the routes of the filter decide; add metadata jwt_guard to the virtual host"
        );
        diagnostics.push(Diagnostic::warning(host, subject, problem));
    }
}

/// Warns about a route with the exact path `/admin` if a route with another requirement matches `/admin/`, which many
/// upstreams serve as the same path.
pub fn trailing_slash(
    host: &Tree,
    routes: &[(String, &Tree)],
    host_name: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let requirement_of =
        |route: &Tree| requirement_in(route).or_else(|| requirement_in(host)).map(Tree::to_json);
    for (name, route) in routes.iter().filter(|(_, route)| requirement_in(route).is_some()) {
        let Some(exact) = route.get("match").and_then(|matched| matched.get("path")) else { continue };
        let literal = exact.text().unwrap_or_default();
        let other = match literal.strip_suffix('/') {
            Some("") | None if literal.len() < 2 => continue,
            Some(without) => without.to_owned(),
            None => format!("{literal}/"),
        };
        for (sibling, target) in routes {
            let Some(certainty) = serves(target, &other) else { continue };
            // A redirect or a direct response does not reach an upstream.
            if target.get("route").is_some() && requirement_of(target) != requirement_of(route) {
                let problem = format!(
                    "{literal} is matched exactly, and {other}, which many upstreams serve as the same path, matches \
                     {sibling}, which has another requirement; write path_separated_prefix"
                );
                let subject = Subject::Route(format!("{host_name}, {name}"));
                diagnostics.push(Diagnostic::warning(exact, subject, problem));
                break;
            }
            if certainty == Certainty::Always {
                break;
            }
        }
    }
}

/// Whether a route matches every request for a path, or only requests that meet its other conditions.
#[derive(Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Every request for the path.
    Always,
    /// Only requests that meet its other conditions.
    Sometimes,
}

/// Whether a route matches requests for a path.
pub fn serves(route: &Tree, path: &str) -> Option<Certainty> {
    let matched = route.get("match")?;
    let (mut conditions, mut fits) = (0, true);
    for (key, value) in matched.members() {
        let text = value.text().unwrap_or_default();
        match key.as_str() {
            "prefix" => fits = path.starts_with(text),
            "path" => fits = path == text,
            "path_separated_prefix" | "pathSeparatedPrefix" => {
                fits = path.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            }
            _ => conditions += 1,
        }
    }
    fits.then_some(if conditions == 0 { Certainty::Always } else { Certainty::Sometimes })
}

/// Warns about a path with upper-case letters. If metadata decides, such a path is ambiguous, because an upstream that
/// ignores case reads another path, and the filter denies every request for it.
pub fn upper_case(matched: Option<&Tree>, subject: &Subject, diagnostics: &mut Vec<Diagnostic>) {
    for key in ["prefix", "path_separated_prefix", "path"] {
        let Some(text) = matched.and_then(|matched| matched.get(key)) else { continue };
        if let Some(literal) =
            text.text().filter(|literal| literal.contains(|c: char| c.is_ascii_uppercase()))
        {
            let problem = format!(
                "{literal} has an upper-case letter: if the metadata of a route decides, every request for this path is \
                 answered 400, because an upstream may ignore case; write the requirement in the routes of the filter"
            );
            diagnostics.push(Diagnostic::warning(text, subject.clone(), problem));
        }
    }
}
