//! Reports routes on which the filter is disabled.

use super::parts::{described, routes_of, weighted_clusters};
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::tree::Tree;

/// Checks a filter that is disabled by default, as Envoy Gateway configures it: every route must enable it.
pub fn off_by_default(filter: Option<&Tree>, tables: &[&Tree], diagnostics: &mut Vec<Diagnostic>) {
    let Some(filter) = filter.filter(|filter| filter.get("disabled").is_some_and(Tree::is_true)) else {
        return;
    };
    let enables = |tree: &Tree| {
        let per_filter = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
        let own_config = per_filter.iter().find(|(name, _)| filter.text_of("name") == Some(name));
        own_config.is_some_and(|(_, value)| !value.get("disabled").is_some_and(Tree::is_true))
    };
    let all_clusters_enable = |route: &Tree| {
        let clusters = weighted_clusters(route);
        !clusters.is_empty() && clusters.iter().all(enables)
    };
    let (mut served, mut disabled_routes) = (0, Vec::new());
    for table in tables {
        for host in table.list("virtual_hosts") {
            // A redirect or a direct response does not reach an upstream.
            for (_, route) in routes_of(host).into_iter().filter(|(_, route)| route.get("route").is_some()) {
                served += 1;
                let on = enables(route) || enables(host) || enables(table) || all_clusters_enable(route);
                disabled_routes.extend((!on).then_some(route));
            }
        }
    }
    let open = "claim headers that the client sent reach the upstream there";
    for route in &disabled_routes {
        let problem = format!(
            "does not enable the filter, which is disabled by default: {open}; enable it in typed_per_filter_config"
        );
        let what = route.get("match").map(described).unwrap_or_default();
        diagnostics.push(Diagnostic::error(route, Subject::Route(format!("route {what}")), problem));
    }
    if served == 0 {
        let problem = format!(
            "disables the filter on every route that does not enable it: {open}; write enabled: false in the \
             configuration of jwt-guard instead"
        );
        diagnostics.push(Diagnostic::error(filter, Subject::Key(&["disabled"]), problem));
    }
}

/// Reports a route, virtual host, route table or weighted cluster that disables the filter.
pub fn disabled(tree: &Tree, filter: Option<&Tree>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(name) = filter.and_then(|filter| filter.text_of("name")) else { return };
    let per_filter = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
    for (_, value) in per_filter.iter().filter(|(filter, _)| filter == name) {
        if value.get("disabled").is_some_and(Tree::is_true) {
            let problem = "disables the filter: claim headers that the client sent reach the upstream there; write \
                           a route with allow_anonymous instead";
            diagnostics.push(Diagnostic::error(value, Subject::Value, problem.to_owned()));
        }
    }
}
