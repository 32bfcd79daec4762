//! Routes where the filter is off.

use super::parts::{described, routes_of, weighted_clusters};
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::tree::Tree;

/// A filter that is off where no route puts it on, as Envoy Gateway has it.
pub fn off_by_default(filter: Option<&Tree>, tables: &[&Tree], diagnostics: &mut Vec<Diagnostic>) {
    let Some(filter) = filter.filter(|filter| filter.get("disabled").is_some_and(Tree::is_true)) else {
        return;
    };
    let puts_on = |tree: &Tree| {
        let per_filter = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
        let ours = per_filter.iter().find(|(name, _)| filter.text_of("name") == Some(name));
        ours.is_some_and(|(_, value)| !value.get("disabled").is_some_and(Tree::is_true))
    };
    let all_clusters_put_on = |route: &Tree| {
        let clusters = weighted_clusters(route);
        !clusters.is_empty() && clusters.iter().all(puts_on)
    };
    let (mut served, mut left_off) = (0, Vec::new());
    for table in tables {
        for host in table.list("virtual_hosts") {
            // A redirect or an answer of Envoy's own reaches no upstream.
            for (_, route) in routes_of(host).into_iter().filter(|(_, route)| route.get("route").is_some()) {
                served += 1;
                let on = puts_on(route) || puts_on(host) || puts_on(table) || all_clusters_put_on(route);
                left_off.extend((!on).then_some(route));
            }
        }
    }
    let open = "claim headers of the client's own reach the upstream there";
    for route in &left_off {
        let problem = format!("does not put the filter on, which is disabled elsewhere: {open}");
        let what = route.get("match").map(described).unwrap_or_default();
        diagnostics.push(Diagnostic::error(route, Subject::Route(format!("route {what}")), problem));
    }
    if served == 0 {
        let problem = format!(
            "takes the filter off every route that does not put it on again: {open}; say enabled: false in its \
             configuration instead"
        );
        diagnostics.push(Diagnostic::error(filter, Subject::Key(&["disabled"]), problem));
    }
}

/// A route, or what is around or in it, that switches the filter off.
pub fn disabled(tree: &Tree, filter: Option<&Tree>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(name) = filter.and_then(|filter| filter.text_of("name")) else { return };
    let per_filter = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
    for (_, value) in per_filter.iter().filter(|(filter, _)| filter == name) {
        if value.get("disabled").is_some_and(Tree::is_true) {
            let problem = "takes the filter off: claim headers of the client's own reach the upstream there; write \
                           a route with allow_anonymous instead";
            diagnostics.push(Diagnostic::error(value, Subject::Value, problem.to_owned()));
        }
    }
}
