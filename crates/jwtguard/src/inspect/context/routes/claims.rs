//! Checks the routes of a virtual host that match on a claim header.

use super::metadata::{self, Certainty};
use super::parts::weighted_clusters;
use crate::inspect::context::claim_match::{Missing, without_the_claim};
use crate::inspect::context::{Diagnostic, FilterEdits, Subject};
use crate::inspect::early_removal::EarlyRemoval;
use crate::inspect::tree::Tree;
use jwt_guard::config::{Config, EnvoyGatewayAnnotations, RouteMetadata};

/// What decides whether Envoy may choose a route by a claim.
pub struct VirtualHost<'t> {
    /// The route table.
    pub table: &'t Tree,
    /// The virtual host, and its name in messages.
    pub host: &'t Tree,
    pub name: &'t str,
    /// Its routes with their names.
    pub routes: &'t [(String, &'t Tree)],
    /// The entry of `http_filters`.
    pub filter: Option<&'t Tree>,
    /// What the connection manager removes early.
    pub early: &'t EarlyRemoval,
}

/// Reports each route that matches on a claim header and does not meet the conditions.
pub fn check(
    host: &VirtualHost<'_>,
    config: &Config,
    edited: &FilterEdits<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut fallbacks: Vec<Option<*const Tree>> = Vec::new();
    for (index, (route_name, route)) in host.routes.iter().enumerate() {
        let headers = route.get("match").map(|matched| matched.list("headers")).unwrap_or_default();
        for header in headers {
            let name = header.text_of("name").unwrap_or_default();
            if !edited.is_claim_header(name) {
                continue;
            }
            let subject = Subject::Route(format!("{}, {route_name}", host.name));
            let mut is_accepted = true;
            let mut report = |missing: Missing<'_>| {
                is_accepted = false;
                diagnostics.push(Diagnostic::error(header, subject.clone(), missing.problem(name)));
            };
            if !is_exact(header) {
                report(Missing::ExactValue { remedy: "write string_match: {exact: VALUE}" });
            }
            if !host.early.removes(name) {
                let remedy = format!("add remove: {name} to early_header_mutation_extensions");
                report(Missing::EarlyRemoval { remedy: &remedy });
            }
            if let Some(place) = host.requirement_outside_routes(config) {
                report(Missing::OutsideRoutes { place: &place });
            }
            if let Some(place) = host.route_without_filter() {
                report(Missing::Filter { place: &place });
            }
            let fallback = host.fallback(index, edited);
            let answers = fallback.is_some_and(|(_, route)| answers_403(route));
            let known = fallback.map(|(_, route)| std::ptr::from_ref(route));
            if is_accepted && !answers && !fallbacks.contains(&known) {
                fallbacks.push(known);
                let reached = match fallback {
                    Some((name, _)) => format!("reach {name}"),
                    None => "match no later route, and get the answer 404".to_owned(),
                };
                let remedy = "add a last route with direct_response: {status: 403}";
                diagnostics.push(Diagnostic::warning(
                    header,
                    subject,
                    without_the_claim(name, &reached, remedy),
                ));
            }
        }
    }
}

impl<'t> VirtualHost<'t> {
    /// Where the virtual host has a requirement outside `routes` and `guards` of the filter.
    fn requirement_outside_routes(&self, config: &Config) -> Option<String> {
        let mut objects = vec![("the virtual host", self.host)];
        objects.extend(self.routes.iter().map(|(name, route)| (name.as_str(), *route)));
        let metadata_decides = config.route_metadata != RouteMetadata::Ignore;
        let annotations_decide = config.envoy_gateway_annotations != EnvoyGatewayAnnotations::Ignore;
        objects.into_iter().find_map(|(name, object)| {
            if metadata_decides && metadata::requirement_in(object).is_some() {
                Some(format!("{name} has metadata jwt_guard"))
            } else if annotations_decide && metadata::has_annotation(object) {
                Some(format!("{name} has the annotation jwt-guard"))
            } else {
                None
            }
        })
    }

    /// Where the filter does not run.
    fn route_without_filter(&self) -> Option<String> {
        let (name, _) = self.routes.iter().find(|(_, route)| !self.runs_on(route))?;
        Some(format!(
            "on {name} of this virtual host: Envoy may choose that route before it knows the claim, or by the claim; enable \
             the filter there"
        ))
    }

    fn runs_on(&self, route: &Tree) -> bool {
        let Some(filter) = self.filter else { return false };
        let is_off_by_default = filter.get("disabled").is_some_and(Tree::is_true);
        let setting = |tree: &Tree| {
            let settings = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
            let own = settings.iter().find(|(name, _)| filter.text_of("name") == Some(name));
            own.map(|(_, own)| !own.get("disabled").is_some_and(Tree::is_true))
        };
        // The most specific setting decides.
        let of_route = setting(route).or_else(|| setting(self.host)).or_else(|| setting(self.table));
        let of_route = of_route.unwrap_or(!is_off_by_default);
        match weighted_clusters(route) {
            [] => of_route,
            clusters => clusters.iter().all(|cluster| setting(cluster).unwrap_or(of_route)),
        }
    }

    /// The route that a request without the claim reaches instead of the route with that index.
    fn fallback(&self, index: usize, edited: &FilterEdits<'_>) -> Option<(&'t str, &'t Tree)> {
        let (_, route) = self.routes.get(index)?;
        let matched = route.get("match")?;
        let path = ["prefix", "path_separated_prefix", "path"].iter().find_map(|key| matched.text_of(key));
        // The path that a regular expression matches is unknown.
        let path = path.unwrap_or("/");
        let later = self.routes.get(index + 1..).unwrap_or_default();
        let by_claim = |route: &Tree| {
            let headers = route.get("match").map(|matched| matched.list("headers")).unwrap_or_default();
            headers.iter().any(|header| edited.is_claim_header(header.text_of("name").unwrap_or_default()))
        };
        later
            .iter()
            .find(|(_, route)| !by_claim(route) && metadata::serves(route, path) == Some(Certainty::Always))
            .map(|(name, route)| (name.as_str(), *route))
    }
}

/// Whether a header matcher is met by one value only.
fn is_exact(header: &Tree) -> bool {
    let flag = |key: &str| header.get(key).is_some_and(Tree::is_true);
    let exact = match header.get("string_match") {
        Some(matcher) => {
            matcher.text_of("exact").filter(|_| !matcher.get("ignore_case").is_some_and(Tree::is_true))
        }
        None => header.text_of("exact_match"),
    };
    exact.is_some_and(|value| !value.is_empty())
        && !flag("invert_match")
        && !flag("treat_missing_header_as_empty")
}

fn answers_403(route: &Tree) -> bool {
    route.at(&["direct_response", "status"]).is_some_and(|status| status.is_enum("403", 403))
}
