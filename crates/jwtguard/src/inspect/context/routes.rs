//! Checks Envoy's routes: what they match on, and the requirements in their metadata.

mod claims;
mod metadata;
mod parts;
mod switch;

use super::{Diagnostic, FilterEdits, Subject, connection_manager};
use crate::inspect::early_removal::EarlyRemoval;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::tables::{self, RoutePolicy};
use crate::inspect::tree::Tree;
use crate::inspect::{FileDocument, kubernetes};
use claims::VirtualHost;
use jwt_guard::config::{Config, RouteMetadata};
use parts::{described, routes_of, weighted_clusters};

/// Checks the connection manager and the routes, inline or elsewhere in the documents. Returns the requirements in the
/// metadata of the routes.
pub fn routing(
    plugin: &PluginConfig<'_>,
    config: &Config,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<RoutePolicy> {
    let edited = FilterEdits::of(config);
    kubernetes::claim_routing::routes(plugin, documents, &edited, diagnostics);
    let Embedding::Envoy { manager, filter, .. } = plugin.embedding else { return Vec::new() };
    let mut route_policies = Vec::new();
    let tables = route_tables(manager, documents);
    switch::off_by_default(filter, &tables, diagnostics);
    let early = manager.map(EarlyRemoval::of_manager).unwrap_or_default();
    for table in tables {
        for host in table.list("virtual_hosts") {
            virtual_host(host, filter, config, &edited, &mut route_policies, diagnostics);
            let name = format!("virtual host {}", host.text_of("name").unwrap_or("?"));
            let host =
                VirtualHost { table, host, name: &name, routes: &routes_of(host), filter, early: &early };
            claims::check(&host, config, &edited, diagnostics);
        }
        switch::disabled(table, filter, diagnostics);
        if let Some(header) = table.get("vhost_header") {
            edited.report_header(header, &Subject::Value, header.text().unwrap_or_default(), diagnostics);
        }
    }
    metadata::unread(documents, diagnostics);
    if let Some(manager) = manager {
        scopes(manager, &edited, diagnostics);
        connection_manager::check(manager, filter, config, !route_policies.is_empty(), diagnostics);
    }
    route_policies
}

/// Checks the headers by which the connection manager selects a scoped route configuration.
fn scopes(manager: &Tree, edited: &FilterEdits<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let builder = manager.at(&["scoped_routes", "scope_key_builder"]);
    for fragment in builder.map(|builder| builder.list("fragments")).unwrap_or_default() {
        if let Some(name) = fragment.at(&["header_value_extractor", "name"]) {
            edited.report_header(name, &Subject::Value, name.text().unwrap_or_default(), diagnostics);
        }
    }
}

/// Collects the route configurations: those of the connection manager, and if it has none or refers to others by name, also
/// those elsewhere in the documents.
fn route_tables<'t>(manager: Option<&'t Tree>, documents: &'t [FileDocument]) -> Vec<&'t Tree> {
    let scopes =
        manager.and_then(|manager| manager.at(&["scoped_routes", "scoped_route_configurations_list"]));
    let scopes = scopes.map(|list| list.list("scoped_route_configurations")).unwrap_or_default();
    let scoped = scopes.iter().filter_map(|scope| scope.get("route_configuration"));
    let whole = manager.and_then(|manager| manager.get("route_config"));
    let mut tables: Vec<&Tree> = whole.into_iter().chain(scoped).collect();
    if tables.is_empty() || scopes.iter().any(|scope| scope.get("route_configuration").is_none()) {
        for document in documents {
            document.tree.walk(&mut |tree, _, above| {
                let inside = above.iter().any(|tree| tree.get("http_filters").is_some());
                if !inside && tree.get("virtual_hosts").is_some() {
                    tables.push(tree);
                }
            });
        }
    }
    tables
}

fn virtual_host(
    host: &Tree,
    filter: Option<&Tree>,
    config: &Config,
    edited: &FilterEdits<'_>,
    route_policies: &mut Vec<RoutePolicy>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let name = host.text_of("name").unwrap_or("?");
    let domains = tables::texts(host.get("domains"));
    let host_name = format!("virtual host {name}");
    let subject = Subject::Route(host_name.clone());
    switch::disabled(host, filter, diagnostics);
    let of_host = metadata::read(host, &host_name, "every route", &domains, config, diagnostics);
    host.walk(&mut |tree, _, _| matcher_input(tree, &subject, edited, diagnostics));
    let routes = routes_of(host);
    for (name, route) in &routes {
        let route_name = format!("{host_name}, {name}");
        let subject = Subject::Route(route_name.clone());
        let matched = route.get("match");
        if let Some(matched) = matched {
            edited_matches(matched, &subject, edited, diagnostics);
        }
        switch::disabled(route, filter, diagnostics);
        for cluster in weighted_clusters(route) {
            switch::disabled(cluster, filter, diagnostics);
        }
        let what = matched.map(described).unwrap_or_default();
        let of_route = metadata::read(route, &route_name, &what, &domains, config, diagnostics);
        let has_requirement = of_route.is_some() || of_host.is_some();
        if has_requirement {
            metadata::upper_case(matched, &subject, diagnostics);
        }
        let decides = has_requirement && config.route_metadata == RouteMetadata::Override;
        if !decides && !config.routes.entries().is_empty() {
            rewritten(route, &subject, diagnostics);
        }
        route_policies.extend(of_route);
        if let Some(policy) = route.at(&["route", "internal_redirect_policy"])
            && !config.forward_token
        {
            let problem = "a redirected request passes the filter again, without the token that the filter removed the \
                           first time; set forward_token: true";
            diagnostics.push(Diagnostic::warning(policy, subject, problem.to_owned()));
        }
    }
    if config.route_metadata != RouteMetadata::Ignore {
        metadata::trailing_slash(host, &routes, &host_name, diagnostics);
        if of_host.is_none() {
            metadata::unprotected_siblings(host, &routes, subject, diagnostics);
        }
    }
    route_policies.extend(of_host);
}

/// Warns about a path that Envoy rewrites after the filter. Example: the route of `/public/api/admin` is public, and the
/// upstream serves `/api/admin`.
fn rewritten(route: &Tree, subject: &Subject, diagnostics: &mut Vec<Diagnostic>) {
    for key in ["prefix_rewrite", "regex_rewrite", "path_rewrite_policy", "path_rewrite"] {
        if let Some(rewrite) = route.at(&["route", key]) {
            let problem = format!(
                "{key} applies after the filter, which checks the path that the client sent: a rule for the rewritten \
                 path does not apply here; write the rule for the path that the client sends, or in the metadata of this \
                 route"
            );
            diagnostics.push(Diagnostic::warning(rewrite, subject.clone(), problem));
        }
    }
}

/// Reports matcher inputs that the filter edits.
fn matcher_input(
    tree: &Tree,
    subject: &Subject,
    edited: &FilterEdits<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if tree.text_of("@type").is_none() {
        return;
    }
    if let Some(header) = tree.text_of("header_name") {
        edited.report_header(tree, subject, header, diagnostics);
    }
    if let Some(parameter) = tree.text_of("query_param") {
        edited.report_query(tree, subject, parameter, diagnostics);
    }
}

/// Reports match conditions of a route on something that the filter edits.
fn edited_matches(
    matched: &Tree,
    subject: &Subject,
    edited: &FilterEdits<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for header in matched.list("headers") {
        let name = header.text_of("name").unwrap_or_default();
        // A match on a claim header has its own conditions.
        if !edited.is_claim_header(name) {
            edited.report_header(header, subject, name, diagnostics);
        }
    }
    for query in matched.list("query_parameters") {
        edited.report_query(query, subject, query.text_of("name").unwrap_or_default(), diagnostics);
    }
    for cookie in matched.list("cookies") {
        edited.report_cookie(cookie, subject, cookie.text_of("name").unwrap_or_default(), diagnostics);
    }
    for state in matched.list("filter_state") {
        edited.report_filter_state(state, subject, state.text_of("key").unwrap_or_default(), diagnostics);
    }
}
