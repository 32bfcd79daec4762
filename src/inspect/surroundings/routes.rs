//! Envoy's own routes: what they match on, and the requirements that their metadata carries.

use super::{Edited, Remark, connection_manager};
use crate::config::reader::{Errors, Node};
use crate::config::requirement::{Empty, requirement};
use crate::config::{Config, RouteMetadata};
use crate::inspect::find::{Carrier, Plugin};
use crate::inspect::tables::{self, Carried};
use crate::inspect::tree::Tree;
use crate::inspect::{Document, kubernetes};
use crate::jose::json::Json;

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
    off_by_default(filter, &tables, remarks);
    for tables in tables {
        for host in tables.list("virtual_hosts") {
            virtual_host(host, filter, config, &edited, &mut carried, remarks);
        }
        disabled(tables, filter, remarks);
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
    disabled(host, filter, remarks);
    let of_host = metadata(host, &path, "every route", &domains, config, remarks);
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
        disabled(route, filter, remarks);
        let what = matched.map(described).unwrap_or_default();
        let of_route = metadata(route, &path, &what, &domains, config, remarks);
        if of_route.is_some() || of_host.is_some() {
            upper_case(matched, &path, remarks);
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
        bare_siblings(host, routes, &path, remarks);
    }
    carried.extend(of_host);
}

/// Warns of routes that a request may choose, by a spelling of its path that Envoy matches otherwise than an upstream
/// reads it, to leave behind the requirement of a sibling.
fn bare_siblings(host: &Tree, routes: &[Tree], path: &str, remarks: &mut Vec<Remark>) {
    let (carrying, bare): (Vec<_>, Vec<_>) =
        routes.iter().enumerate().partition(|(_, route)| ours_in(route).is_some());
    if let ([(with, _), ..], [(without, _), ..]) = (carrying.as_slice(), bare.as_slice()) {
        let problem = format!(
            "routes[{with}] carries metadata jwt_guard and routes[{without}] none: another spelling of a path, such \
             as //admin, may choose the latter, where only the filter's own routes decide; give the virtual host \
             metadata too"
        );
        remarks.push(Remark::warning(host, path, problem));
    }
}

/// The requirement in a route's or virtual host's metadata.
fn ours_in(tree: &Tree) -> Option<&Tree> {
    tree.at(&["metadata", "filter_metadata", "jwt_guard"])
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

/// Warns of a path that only a refused request can have: where metadata decides, one with an upper-case letter is
/// ambiguous, since an upstream that ignores case reads another.
fn upper_case(matched: Option<&Tree>, path: &str, remarks: &mut Vec<Remark>) {
    for key in ["prefix", "path_separated_prefix", "path"] {
        let Some(text) = matched.and_then(|matched| matched.get(key)) else { continue };
        if let Some(literal) =
            text.text().filter(|literal| literal.contains(|c: char| c.is_ascii_uppercase()))
        {
            let problem = format!(
                "{literal} has an upper-case letter: where route metadata decides, every request for it is answered \
                 400, as an upstream may ignore case; write its requirement in the filter's routes instead"
            );
            remarks.push(Remark::warning(text, path, problem));
        }
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

fn metadata(
    tree: &Tree,
    path: &str,
    what: &str,
    domains: &[String],
    config: &Config,
    remarks: &mut Vec<Remark>,
) -> Option<Carried> {
    let ours = ours_in(tree)?;
    let path = format!("{path}, metadata jwt_guard");
    if config.route_metadata == RouteMetadata::Ignore {
        let problem = "is not read: route_metadata is ignore".to_owned();
        remarks.push(Remark::warning(ours, &path, problem));
        return None;
    }
    let json = Json::parse(ours.to_json().as_bytes()).ok()?;
    let mut errors = Errors::new();
    let read = requirement(&Node::root(&json), &config.vocabulary, Empty::Refused, &mut errors);
    for error in &errors {
        let at = ours.nearest(&error.path);
        let problem = format!("{error}; every request of the route is answered 503");
        remarks.push(Remark::error(at, &path, problem));
    }
    let hosts = if domains.iter().any(|domain| domain == "*") { Vec::new() } else { domains.to_vec() };
    read.filter(|_| errors.is_empty()).map(|requirement| Carried {
        route: what.to_owned(),
        hosts,
        requirement,
    })
}

/// A filter that is off where no route puts it on, as Envoy Gateway has it.
fn off_by_default(filter: Option<&Tree>, tables: &[&Tree], remarks: &mut Vec<Remark>) {
    let Some(filter) = filter.filter(|filter| filter.get("disabled").is_some_and(Tree::is_true)) else {
        return;
    };
    let puts_on = |tree: &Tree| {
        let per_filter = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
        let ours = per_filter.iter().find(|(name, _)| filter.text_of("name") == Some(name));
        ours.is_some_and(|(_, value)| !value.get("disabled").is_some_and(Tree::is_true))
    };
    let (mut served, mut left_off) = (0, Vec::new());
    for table in tables {
        for host in table.list("virtual_hosts") {
            // A redirect or an answer of Envoy's own reaches no upstream.
            for route in host.list("routes").iter().filter(|route| route.get("route").is_some()) {
                served += 1;
                left_off.extend((!puts_on(route) && !puts_on(host) && !puts_on(table)).then_some(route));
            }
        }
    }
    let open = "claim headers of the client's own reach the upstream there";
    for route in &left_off {
        let problem = format!("does not put the filter on, which is disabled elsewhere: {open}");
        let what = route.get("match").map(described).unwrap_or_default();
        remarks.push(Remark::error(route, &format!("route {what}"), problem));
    }
    if served == 0 {
        let problem = format!(
            "takes the filter off every route that does not put it on again: {open}; say enabled: false in its \
             configuration instead"
        );
        remarks.push(Remark::error(filter, "disabled", problem));
    }
}

/// A route that switches the filter off.
fn disabled(tree: &Tree, filter: Option<&Tree>, remarks: &mut Vec<Remark>) {
    let Some(name) = filter.and_then(|filter| filter.text_of("name")) else { return };
    let per_filter = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
    for (_, value) in per_filter.iter().filter(|(filter, _)| filter == name) {
        if value.get("disabled").is_some_and(Tree::is_true) {
            let problem = "takes the filter off: claim headers of the client's own reach the upstream there; write \
                           a route with allow_anonymous instead";
            remarks.push(Remark::error(
                value,
                &format!("typed_per_filter_config.{name}"),
                problem.to_owned(),
            ));
        }
    }
}
