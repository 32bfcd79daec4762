//! Checks the routes of Kubernetes objects that match on a header or parameter that the filter edits. A match on a claim
//! header is accepted under the conditions of [`Missing`].

use super::route_place::{FilterPlace, FilterPlaces, RoutePlace};
use super::{early_headers, gateway};
use crate::inspect::FileDocument;
use crate::inspect::context::claim_match::{Missing, without_the_claim};
use crate::inspect::context::{Diagnostic, FilterEdits, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::early_removal::EarlyRemoval;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::tree::Tree;

/// The annotation with a requirement.
const ANNOTATION: &str = "gateway.envoyproxy.io/jwt-guard";

/// Checks every VirtualService, HTTPRoute and GRPCRoute.
pub fn routes(
    plugin: &PluginConfig<'_>,
    documents: &[FileDocument],
    edited: &FilterEdits<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let checker = Checker::of(plugin, documents, edited);
    for kind in ["VirtualService", "HTTPRoute", "GRPCRoute"] {
        for route in of_kind(documents, kind) {
            if checker.place(route) == RoutePlace::AnotherFilter {
                continue;
            }
            match kind {
                "VirtualService" => checker.virtual_service(route, diagnostics),
                _ => checker.route(route, diagnostics),
            }
        }
    }
}

/// What the checks of all routes need from the documents.
struct Checker<'c> {
    embedding: Embedding<'c>,
    edited: &'c FilterEdits<'c>,
    early: EarlyRemoval,
    place: FilterPlace<'c>,
    places: FilterPlaces<'c>,
    /// The objects with a requirement in an annotation, each with its kind.
    annotated: Vec<(&'static str, &'c Tree)>,
    /// The name of a policy that replaces the policy of the filter.
    replaced_by: Option<&'c str>,
    /// The names of the HTTPRouteFilters that answer 403.
    answers_403: Vec<&'c str>,
}

/// A match on a header in a Kubernetes object.
struct HeaderMatch<'m> {
    at: &'m Tree,
    subject: &'m Subject,
    name: &'m str,
    is_exact: bool,
    exact_remedy: &'m str,
}

impl<'c> Checker<'c> {
    fn of(plugin: &PluginConfig<'c>, documents: &'c [FileDocument], edited: &'c FilterEdits<'c>) -> Self {
        let has_annotation = |object: &&Tree| {
            let annotations = object.at(&["metadata", "annotations"]);
            annotations.is_some_and(|annotations| annotations.get_exact(ANNOTATION).is_some())
        };
        let annotated = ["HTTPRoute", "GRPCRoute", "Gateway"].into_iter().flat_map(|kind| {
            let objects = of_kind(documents, kind).into_iter().filter(has_annotation);
            let objects = objects.filter(|_| edited.reads_annotations());
            objects.map(move |object| (kind, object))
        });
        let replaced_by = match plugin.embedding {
            Embedding::Gateway { resource, .. } => {
                gateway::replacements_of(resource, documents).first().map(|(other, _)| *other)
            }
            _ => None,
        };
        let answers = |filter: &&Tree| {
            let status = filter.at(&["spec", "directResponse", "statusCode"]);
            status.is_some_and(|status| status.is_enum("403", 403))
        };
        Self {
            embedding: plugin.embedding,
            edited,
            early: early_headers::of(plugin, documents),
            place: FilterPlace::of(plugin.embedding, documents),
            places: FilterPlaces::of(documents),
            annotated: annotated.collect(),
            replaced_by: replaced_by.map(name_of),
            answers_403: of_kind(documents, "HTTPRouteFilter")
                .into_iter()
                .filter(answers)
                .map(name_of)
                .collect(),
        }
    }

    fn place(&self, route: &Tree) -> RoutePlace {
        self.places.of_route(&self.place, route)
    }

    fn virtual_service(&self, service: &Tree, diagnostics: &mut Vec<Diagnostic>) {
        let subject = Subject::keys(&["spec", "http", "match"]);
        let rules = service.get("spec").map(|spec| spec.list("http")).unwrap_or_default();
        let mut by_claim = None;
        for matched in rules.iter().flat_map(|http| http.list("match")) {
            for (key, is_positive) in [("headers", true), ("withoutHeaders", false)] {
                for (name, value) in matched.get(key).map(Tree::members).unwrap_or_default() {
                    let is_exact =
                        is_positive && value.text_of("exact").is_some_and(|exact| !exact.is_empty());
                    let header = HeaderMatch {
                        at: value,
                        subject: &subject,
                        name,
                        is_exact,
                        exact_remedy: "write headers: {NAME: {exact: VALUE}}",
                    };
                    if self.header(&header, service, diagnostics) {
                        by_claim = by_claim.or(Some((value, name.as_str())));
                    }
                }
            }
            for (name, value) in matched.get("queryParams").map(Tree::members).unwrap_or_default() {
                self.edited.report_query(value, &subject, name, diagnostics);
            }
        }
        let last = rules.iter().find(|http| http.list("match").is_empty());
        let answers = |rule: &Tree| {
            rule.at(&["directResponse", "status"]).is_some_and(|status| status.is_enum("403", 403))
        };
        if let Some((at, name)) = by_claim.filter(|_| !last.is_some_and(answers)) {
            let reached = if last.is_some() { "reach the last route" } else { "get the answer 404" };
            let remedy = "add a last route without match and with directResponse: {status: 403}";
            diagnostics.push(Diagnostic::warning(at, subject, without_the_claim(name, reached, remedy)));
        }
    }

    fn route(&self, route: &Tree, diagnostics: &mut Vec<Diagnostic>) {
        let subject = Subject::keys(&["spec", "rules", "matches"]);
        let rules = route.get("spec").map(|spec| spec.list("rules")).unwrap_or_default();
        let mut by_claim = None;
        for matched in rules.iter().flat_map(|rule| rule.list("matches")) {
            for header in matched.list("headers") {
                let name = header.text_of("name").unwrap_or_default();
                let is_exact = header.text_of("type").is_none_or(|kind| kind == "Exact");
                let header = HeaderMatch {
                    at: header,
                    subject: &subject,
                    name,
                    is_exact,
                    exact_remedy: "write type: Exact",
                };
                if self.header(&header, route, diagnostics) {
                    by_claim = by_claim.or(Some((header.at, name)));
                }
            }
            for query in matched.list("queryParams") {
                let name = query.text_of("name").unwrap_or_default();
                self.edited.report_query(query, &subject, name, diagnostics);
            }
        }
        if let Some((at, name)) = by_claim.filter(|_| !rules.iter().any(|rule| self.is_last_with_403(rule))) {
            let remedy = match self.embedding {
                Embedding::Gateway { .. } => {
                    "add a rule without header matches whose ExtensionRef is an HTTPRouteFilter with directResponse: \
                     {statusCode: 403}"
                }
                _ => "write the route as a VirtualService whose last route has directResponse: {status: 403}",
            };
            let reached = "reach another rule or get the answer 404";
            diagnostics.push(Diagnostic::warning(
                at,
                subject.clone(),
                without_the_claim(name, reached, remedy),
            ));
        }
    }

    /// Checks one match on a header. Returns whether it is a match on a claim header that meets the conditions.
    fn header(&self, header: &HeaderMatch<'_>, route: &Tree, diagnostics: &mut Vec<Diagnostic>) -> bool {
        let HeaderMatch { at, subject, name, .. } = *header;
        let is_placed = matches!(self.embedding, Embedding::Istio { .. } | Embedding::Gateway { .. });
        if !is_placed || !self.edited.is_claim_header(name) {
            self.edited.report_header(at, subject, name, diagnostics);
            return false;
        }
        let mut is_accepted = true;
        let mut report = |missing: Missing<'_>| {
            is_accepted = false;
            diagnostics.push(Diagnostic::error(at, subject.clone(), missing.problem(name)));
        };
        if !header.is_exact {
            report(Missing::ExactValue { remedy: header.exact_remedy });
        }
        if !self.early.removes(name) {
            let remedy = match self.embedding {
                Embedding::Gateway { .. } => {
                    format!(
                        "add {name} to headers.earlyRequestHeaders.remove of a ClientTrafficPolicy for the Gateway"
                    )
                }
                _ => format!(
                    "add remove: {name} with an EnvoyFilter that adds early_header_mutation_extensions"
                ),
            };
            report(Missing::EarlyRemoval { remedy: &remedy });
        }
        if let Some(place) = self.annotation(route) {
            report(Missing::OutsideRoutes { place: &place });
        }
        if let Some(place) = self.place_without_filter(route) {
            report(Missing::Filter { place: &place });
        }
        is_accepted
    }

    /// The object that has a requirement in an annotation: the route, another route of the same host, or a Gateway.
    fn annotation(&self, route: &Tree) -> Option<String> {
        let mut annotated = self.annotated.iter();
        let (kind, object) =
            annotated.find(|(kind, object)| *kind == "Gateway" || may_share_host(route, object))?;
        Some(format!("{kind} {} has the annotation {ANNOTATION}", name_of(object)))
    }

    /// Where the filter does not run although Envoy chooses the route there.
    fn place_without_filter(&self, route: &Tree) -> Option<String> {
        if self.place(route) == RoutePlace::Unchecked {
            let remedy = match self.embedding {
                Embedding::Gateway { .. } => "target the Gateway of this route with the EnvoyExtensionPolicy",
                _ => {
                    "name only gateways whose proxies run it, in gateways of the VirtualService or parentRefs of the route"
                }
            };
            return Some(format!("in every proxy that chooses this route; {remedy}"));
        }
        let name = self.replaced_by?;
        Some(format!(
            "where EnvoyExtensionPolicy {name} replaces its policy; move the extensions of that policy to the policy of the \
             Gateway"
        ))
    }

    /// Whether a rule of an HTTPRoute answers 403 to requests without the claim.
    fn is_last_with_403(&self, rule: &Tree) -> bool {
        let matches = rule.list("matches");
        let is_by_header = |matched: &Tree| !matched.list("headers").is_empty();
        if !matches.is_empty() && matches.iter().all(is_by_header) {
            return false;
        }
        let mut references =
            rule.list("filters").iter().filter_map(|filter| filter.at(&["extensionRef", "name"]));
        references.any(|reference| reference.text().is_some_and(|name| self.answers_403.contains(&name)))
    }
}

/// The name of an object.
fn name_of(object: &Tree) -> &str {
    object.at(&["metadata", "name"]).and_then(Tree::text).unwrap_or("?")
}

/// Whether two routes can be in one virtual host: a route without hostnames has those of the Gateway.
fn may_share_host(one: &Tree, other: &Tree) -> bool {
    let hosts = |route: &Tree| -> Vec<String> {
        let listed = route.get("spec").map(|spec| spec.list("hostnames")).unwrap_or_default();
        listed.iter().filter_map(Tree::text).map(str::to_ascii_lowercase).collect()
    };
    let (own, others) = (hosts(one), hosts(other));
    let is_pattern = |host: &String| host.starts_with('*');
    own.is_empty()
        || others.is_empty()
        || own.iter().chain(&others).any(is_pattern)
        || own.iter().any(|host| others.contains(host))
}
