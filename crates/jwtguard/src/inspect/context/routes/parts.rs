//! The parts of a route table: routes, weighted clusters and match conditions.

use crate::inspect::path::below;
use crate::inspect::tree::Tree;
use jwt_guard::config::Path;

/// Returns the routes of a virtual host with their names: those in its list, and those in its matcher.
pub(super) fn routes_of(host: &Tree) -> Vec<(String, &Tree)> {
    let listed = host.list("routes").iter().enumerate();
    let mut routes: Vec<_> = listed.map(|(index, route)| (format!("routes[{index}]"), route)).collect();
    if let Some(matcher) = host.get("matcher") {
        matcher.walk(&mut |tree, path, _| {
            let path = below(&Path::root().key("matcher"), path);
            if tree.is_type("envoy.config.route.v3.Route") {
                routes.push((path.to_string(), tree));
            } else if tree.is_type("envoy.config.route.v3.RouteList") {
                let listed = tree.list("routes").iter().enumerate();
                routes.extend(
                    listed.map(|(index, route)| (path.key("routes").index(index).to_string(), route)),
                );
            }
        });
    }
    routes
}

/// Returns the weighted clusters of a route. Each can override the filter configuration.
pub(super) fn weighted_clusters(route: &Tree) -> &[Tree] {
    let weighted = route.at(&["route", "weighted_clusters"]);
    weighted.map(|weighted| weighted.list("clusters")).unwrap_or_default()
}

/// Describes what an Envoy route matches, for the table.
pub(super) fn described(matched: &Tree) -> String {
    let kinds = [("prefix", "*"), ("path_separated_prefix", "/**"), ("path", "")];
    for (key, suffix) in kinds {
        if let Some(text) = matched.text_of(key) {
            return format!("{text}{suffix}");
        }
    }
    match matched.at(&["safe_regex", "regex"]).and_then(Tree::text) {
        Some(regex) => format!("~ {regex}"),
        None => "an Envoy route".to_owned(),
    }
}
