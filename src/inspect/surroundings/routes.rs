//! Envoy's own routes: what they match on, and the requirements that their metadata carries.

mod metadata;
mod switch;

use super::{Edited, Remark, connection_manager};
use crate::config::{Config, RouteMetadata};
use crate::inspect::find::{Carrier, Plugin};
use crate::inspect::tables::{self, Carried};
use crate::inspect::tree::Tree;
use crate::inspect::{Document, kubernetes};

/// The connection manager and the routes, inline or elsewhere in the documents. Returns the requirements that
/// routes carry.
pub fn routing(
    plugin: &Plugin<'_>,
    config: &Config,
    documents: &[Document],
    remarks: &mut Vec<Remark>,
) -> Vec<Carried> {
    let edited = Edited::of(config);
    kubernetes::routes(documents, &edited, remarks);
    let Carrier::Envoy { manager, filter, .. } = plugin.carrier else { return Vec::new() };
    let mut carried = Vec::new();
    let tables = route_tables(manager, documents);
    switch::off_by_default(filter, &tables, remarks);
    for tables in tables {
        for host in tables.list("virtual_hosts") {
            virtual_host(host, filter, config, &edited, &mut carried, remarks);
        }
        switch::disabled(tables, filter, remarks);
        if let Some(header) = tables.get("vhost_header") {
            edited.refuse_header(header, "vhost_header", header.text().unwrap_or_default(), remarks);
        }
    }
    if let Some(manager) = manager {
        scopes(manager, &edited, remarks);
        connection_manager::remarks(manager, filter, config, !carried.is_empty(), remarks);
    }
    carried
}

/// Headers by which the manager chooses among route configurations.
fn scopes(manager: &Tree, edited: &Edited<'_>, remarks: &mut Vec<Remark>) {
    let builder = manager.at(&["scoped_routes", "scope_key_builder"]);
    for fragment in builder.map(|builder| builder.list("fragments")).unwrap_or_default() {
        if let Some(name) = fragment.at(&["header_value_extractor", "name"]) {
            edited.refuse_header(name, "scoped_routes", name.text().unwrap_or_default(), remarks);
        }
    }
}

/// The route configurations: the manager's own, or all that stand outside of any.
fn route_tables<'t>(manager: Option<&'t Tree>, documents: &'t [Document]) -> Vec<&'t Tree> {
    let mut tables = Vec::new();
    let Some(own) = manager.and_then(|manager| manager.get("route_config")) else {
        for document in documents {
            document.tree.walk(&mut |tree, _, above| {
                let inside = above.iter().any(|tree| tree.get("http_filters").is_some());
                if !inside && tree.get("virtual_hosts").is_some() {
                    tables.push(tree);
                }
            });
        }
        return tables;
    };
    tables.push(own);
    tables
}

fn virtual_host(
    host: &Tree,
    filter: Option<&Tree>,
    config: &Config,
    edited: &Edited<'_>,
    carried: &mut Vec<Carried>,
    remarks: &mut Vec<Remark>,
) {
    let name = host.text_of("name").unwrap_or("?");
    let domains = tables::texts(host.get("domains"));
    let path = format!("virtual host {name}");
    switch::disabled(host, filter, remarks);
    let of_host = metadata::read(host, &path, "every route", &domains, config, remarks);
    host.walk(&mut |tree, _, _| {
        if let Some(header) = tree.text_of("header_name").filter(|_| tree.text_of("@type").is_some()) {
            edited.refuse_header(tree, &path, header, remarks);
        }
    });
    let routes = host.list("routes");
    for (index, route) in routes.iter().enumerate() {
        let path = format!("{path}, routes[{index}]");
        let matched = route.get("match");
        if let Some(matched) = matched {
            edited_matches(matched, &path, edited, remarks);
        }
        switch::disabled(route, filter, remarks);
        let what = matched.map(described).unwrap_or_default();
        let of_route = metadata::read(route, &path, &what, &domains, config, remarks);
        if of_route.is_some() || of_host.is_some() {
            metadata::upper_case(matched, &path, remarks);
        }
        carried.extend(of_route);
        if let Some(policy) = route.at(&["route", "internal_redirect_policy"])
            && !config.forward_token
        {
            let problem = "a redirected request runs the filter again, without the token that the first run removed; \
                           set forward_token";
            remarks.push(Remark::warning(policy, &path, problem.to_owned()));
        }
    }
    if of_host.is_none() && config.route_metadata != RouteMetadata::Ignore {
        metadata::bare_siblings(host, routes, &path, remarks);
    }
    carried.extend(of_host);
}

/// What of a route's match the filter edits.
fn edited_matches(matched: &Tree, path: &str, edited: &Edited<'_>, remarks: &mut Vec<Remark>) {
    for header in matched.list("headers") {
        edited.refuse_header(header, path, header.text_of("name").unwrap_or_default(), remarks);
    }
    for query in matched.list("query_parameters") {
        edited.refuse_query(query, path, query.text_of("name").unwrap_or_default(), remarks);
    }
    for cookie in matched.list("cookies") {
        edited.refuse_cookie(cookie, path, cookie.text_of("name").unwrap_or_default(), remarks);
    }
    for state in matched.list("filter_state") {
        edited.refuse_filter_state(state, path, state.text_of("key").unwrap_or_default(), remarks);
    }
}

/// What an Envoy route matches, for the table.
fn described(matched: &Tree) -> String {
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
