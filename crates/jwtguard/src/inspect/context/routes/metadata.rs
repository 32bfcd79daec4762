//! The requirements that Envoy's routes and virtual hosts carry, and the requests that leave them behind.

use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::lints::values;
use crate::inspect::tables::RoutePolicy;
use crate::inspect::tree::Tree;
use crate::inspect::{FileDocument, numeric_strings, spelling};
use jwt_guard::config::reader::{Errors, Node};
use jwt_guard::config::requirement::{Empty, requirement};
use jwt_guard::config::{Config, RouteMetadata};
use jwt_guard::jose::json::Json;

/// The key that the filter reads, in exactly that spelling.
const NAME: &str = "jwt_guard";

/// The requirement in a route's or virtual host's metadata.
pub fn ours_in(tree: &Tree) -> Option<&Tree> {
    tree.at(&["metadata", "filter_metadata"]).and_then(|metadata| metadata.get_exact(NAME))
}

/// Reads the requirement of a route or virtual host.
pub fn read(
    tree: &Tree,
    name: &str,
    what: &str,
    domains: &[String],
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<RoutePolicy> {
    let ours = ours_in(tree)?;
    let subject = Subject::Route(format!("{name}, metadata jwt_guard"));
    if config.route_metadata == RouteMetadata::Ignore {
        let problem = "is not read: route_metadata is ignore".to_owned();
        diagnostics.push(Diagnostic::warning(ours, subject, problem));
        return None;
    }
    for lint in numeric_strings::numeric_strings(ours) {
        diagnostics.push(Diagnostic::warning(ours.nearest_to(&lint.path), subject.clone(), lint.problem));
    }
    let json = Json::parse(ours.to_json().as_bytes()).ok()?;
    let mut errors = Errors::new();
    let read = requirement(&Node::root(&json), &config.vocabulary, Empty::Refused, &mut errors);
    for error in &errors {
        let at = ours.nearest_to(&error.path);
        let problem = format!("{error}; every request of the route is answered 503");
        diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
    }
    let hosts = if domains.iter().any(|domain| domain == "*") { Vec::new() } else { domains.to_vec() };
    if errors.is_empty() {
        let mut lints = Vec::new();
        values::of_requirements(ours, config, &mut lints);
        for lint in lints {
            let problem = format!("{}: {}", lint.path, lint.problem);
            diagnostics.push(Diagnostic::warning(ours.nearest_to(&lint.path), subject.clone(), problem));
        }
    }
    read.filter(|_| errors.is_empty()).map(|requirement| RoutePolicy {
        route: what.to_owned(),
        hosts,
        requirement,
    })
}

/// Warns of requirements that nobody reads: under another key, or on what is neither a route nor a virtual host.
/// An EnvoyFilter of Istio's is left alone: its patches do not show what they are merged into.
pub fn unread(documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    for document in documents.iter().filter(|document| document.tree.get("kind").is_none()) {
        document.tree.walk(&mut |tree, path, above| {
            let subject = || Subject::Path(path.to_owned());
            // Above a `metadata` object stands its owner, and above `metadata_match` something else.
            let owner = above.last();
            let is_read = owner.is_some_and(|owner| {
                (owner.get("match").is_some() || owner.get("domains").is_some())
                    && owner.get("metadata").is_some_and(|metadata| std::ptr::eq(metadata, tree))
            });
            for (name, value) in tree.get("filter_metadata").map(Tree::members).unwrap_or_default() {
                if name == NAME && !is_read {
                    let problem = format!(
                        "{NAME} is read on routes and virtual hosts only: what it asks for here holds nowhere"
                    );
                    diagnostics.push(Diagnostic::warning(value, subject(), problem));
                } else if name != NAME && spelling::nearest(name, std::iter::once(NAME)).is_some() {
                    let problem = format!("{name} is not read, only {NAME}: what it asks for holds nowhere");
                    diagnostics.push(Diagnostic::warning(value, subject(), problem));
                }
            }
            if let Some(ours) = tree.get("typed_filter_metadata").and_then(|typed| typed.get_exact(NAME)) {
                let problem = format!(
                    "{NAME} is read in filter_metadata, not in typed_filter_metadata: what it asks for holds nowhere"
                );
                diagnostics.push(Diagnostic::warning(ours, subject(), problem));
            }
        });
    }
}

/// Warns of routes that a request may choose, by a spelling of its path that Envoy matches otherwise than an upstream
/// reads it, to leave behind the requirement of a sibling.
pub fn bare_siblings(
    host: &Tree,
    routes: &[(String, &Tree)],
    subject: Subject,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (carrying, bare): (Vec<_>, Vec<_>) = routes.iter().partition(|(_, route)| ours_in(route).is_some());
    if let ([(with, _), ..], [(without, _), ..]) = (carrying.as_slice(), bare.as_slice()) {
        let problem = format!(
            "{with} carries metadata jwt_guard and {without} none: another spelling of a path, such as //admin, may \
             choose the latter, where only the filter's own routes decide; give the virtual host metadata too"
        );
        diagnostics.push(Diagnostic::warning(host, subject, problem));
    }
}

/// Warns of a route for exactly `/admin` where `/admin/`, which many upstreams serve as the same, goes by a route that
/// asks for something else.
pub fn other_slash(
    host: &Tree,
    routes: &[(String, &Tree)],
    host_name: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let asked = |route: &Tree| ours_in(route).or_else(|| ours_in(host)).map(Tree::to_json);
    for (name, route) in routes.iter().filter(|(_, route)| ours_in(route).is_some()) {
        let Some(exact) = route.get("match").and_then(|matched| matched.get("path")) else { continue };
        let literal = exact.text().unwrap_or_default();
        let other = match literal.strip_suffix('/') {
            Some("") | None if literal.len() < 2 => continue,
            Some(without) => without.to_owned(),
            None => format!("{literal}/"),
        };
        for (sibling, target) in routes {
            let Some(certainty) = serves(target, &other) else { continue };
            // A redirect or an answer of Envoy's own reaches no upstream.
            if target.get("route").is_some() && asked(target) != asked(route) {
                let problem = format!(
                    "{literal} is matched exactly, and {other}, which many upstreams serve as the same, goes by \
                     {sibling}, which asks for something else; use path_separated_prefix"
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

/// Whether a route takes every request for a path, or those that meet its other conditions.
#[derive(PartialEq, Eq)]
enum Certainty {
    Always,
    Perhaps,
}

fn serves(route: &Tree, path: &str) -> Option<Certainty> {
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
    fits.then_some(if conditions == 0 { Certainty::Always } else { Certainty::Perhaps })
}

/// Warns of a path that only a refused request can have: where metadata decides, one with an upper-case letter is
/// ambiguous, since an upstream that ignores case reads another.
pub fn upper_case(matched: Option<&Tree>, subject: &Subject, diagnostics: &mut Vec<Diagnostic>) {
    for key in ["prefix", "path_separated_prefix", "path"] {
        let Some(text) = matched.and_then(|matched| matched.get(key)) else { continue };
        if let Some(literal) =
            text.text().filter(|literal| literal.contains(|c: char| c.is_ascii_uppercase()))
        {
            let problem = format!(
                "{literal} has an upper-case letter: where route metadata decides, every request for it is answered \
                 400, as an upstream may ignore case; write its requirement in the filter's routes instead"
            );
            diagnostics.push(Diagnostic::warning(text, subject.clone(), problem));
        }
    }
}
