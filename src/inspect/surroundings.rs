//! What stands around our filter in Envoy's configuration: the plugin's own options, the cluster that keys come
//! through, the routes, the filters beside it. Some of it undoes what the filter does.

use super::find::{Carrier, Configuration, Plugin};
use super::tables::Carried;
use super::tree::{Tree, Value};
use super::{Document, Severity, doubts, kubernetes};
use crate::bearer::Place;
use crate::config::reader::{Errors, Node};
use crate::config::requirement::{Empty, requirement};
use crate::config::{Config, KeyOrigin, Location, RouteMetadata};
use crate::endpoint::Scheme;
use crate::jose::json::Json;

/// A finding before it is known in which file.
#[derive(Debug)]
pub struct Remark {
    /// How bad it is.
    pub severity: Severity,
    /// The value that it is about, as an address to compare with; 0 for the configuration itself.
    pub at: usize,
    /// The line.
    pub line: usize,
    /// Where.
    pub path: String,
    /// The sentence.
    pub problem: String,
}

impl Remark {
    /// What must not be.
    pub fn error(at: &Tree, path: &str, problem: String) -> Self {
        Self { severity: Severity::Error, at: address(at), line: at.line, path: path.to_owned(), problem }
    }

    /// What is doubtful.
    pub fn warning(at: &Tree, path: &str, problem: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, path, problem) }
    }
}

/// Tells values apart that look alike.
pub fn address(tree: &Tree) -> usize {
    std::ptr::from_ref(tree).addr()
}

/// What the filter edits, so that nothing may be routed by it.
#[derive(Debug)]
pub struct Edited<'c> {
    config: &'c Config,
}

impl<'c> Edited<'c> {
    /// What this configuration edits.
    pub fn of(config: &'c Config) -> Self {
        Self { config }
    }

    /// The places that tokens are taken from and out of.
    fn places(&self) -> impl Iterator<Item = (&'c Place, bool)> + use<'c> {
        let config = self.config;
        let global = config.token_from.iter().map(move |place| (place, config.forward_token));
        let routes = config.routes.rules().iter().flat_map(move |route| {
            let forwarded = route.forward_token.unwrap_or(config.forward_token);
            route
                .token_from
                .as_ref()
                .unwrap_or(&config.token_from)
                .iter()
                .map(move |place| (place, forwarded))
        });
        global.chain(routes)
    }

    fn removes_header(&self, name: &str) -> bool {
        let is_place = |(place, forwarded): (&Place, bool)| {
            !forwarded
                && match place {
                    Place::Authorization => name.eq_ignore_ascii_case("authorization"),
                    Place::Header { name: place, .. } => name.eq_ignore_ascii_case(place),
                    Place::Cookie { .. } => name.eq_ignore_ascii_case("cookie"),
                    Place::Query { .. } => false,
                }
        };
        self.config.claim_headers.is_removed(name) || self.places().any(is_place)
    }

    /// Refuses a route that matches on that header, if it is edited.
    pub fn refuse_header(&self, at: &Tree, path: &str, name: &str, remarks: &mut Vec<Remark>) {
        if self.removes_header(name) {
            let problem = format!(
                "matches on the header {name}, which the filter edits: Envoy chooses the route again after that, and \
                 may serve one whose requirement nobody checked; match on something that stays"
            );
            remarks.push(Remark::error(at, path, problem));
        }
    }

    /// Refuses a route that matches on that parameter, if it is removed.
    pub fn refuse_query(&self, at: &Tree, path: &str, name: &str, remarks: &mut Vec<Remark>) {
        let removed =
            |(place, _): (&Place, bool)| matches!(place, Place::Query { name: place } if place == name);
        if self.places().any(removed) {
            let problem = format!(
                "matches on the query's {name}, which the filter removes: Envoy chooses the route again after that; \
                 match on something that stays"
            );
            remarks.push(Remark::error(at, path, problem));
        }
    }
}

/// The clusters that documents define.
#[derive(Debug, Default)]
pub struct Clusters<'t> {
    defined: Vec<(&'t str, &'t Tree)>,
    /// Whether any document has a list of clusters: one that has none says nothing of what there is.
    listed: bool,
    /// Whether clusters come from elsewhere too.
    discovered: bool,
}

impl<'t> Clusters<'t> {
    /// Every cluster in the documents.
    pub fn of(documents: &'t [Document]) -> Self {
        let mut clusters = Self::default();
        for document in documents {
            document.tree.walk(&mut |tree, path, _| {
                let is_list =
                    path.ends_with("static_resources.clusters") || path.ends_with("staticResources.clusters");
                clusters.listed |= is_list
                    || path.ends_with("static_resources")
                    || tree.is_type("envoy.admin.v3.ClustersConfigDump");
                clusters.discovered |= path.ends_with("cds_config") || path.ends_with("cdsConfig");
                let defined = if is_list { tree.items() } else { &[] };
                let typed = tree.is_type("envoy.config.cluster.v3.Cluster").then_some(tree);
                for cluster in defined.iter().chain(typed) {
                    if let Some(name) = cluster.text_of("name") {
                        clusters.defined.push((name, cluster));
                    }
                }
            });
        }
        clusters
    }

    fn find(&self, name: &str) -> Option<&'t Tree> {
        self.defined.iter().find(|(defined, _)| *defined == name).map(|(_, cluster)| *cluster)
    }
}

/// The clusters that keys come through: that they are there, and that https means something on them.
pub fn clusters(plugin: &Plugin<'_>, config: &Config, clusters: &Clusters<'_>, remarks: &mut Vec<Remark>) {
    if matches!(plugin.carrier, Carrier::Itself | Carrier::Istio { .. }) {
        return;
    }
    for issuer in &config.issuers {
        let KeyOrigin::Fetched { cluster, location, .. } = &issuer.keys else { continue };
        let mut names = vec![("jwks_cluster", cluster)];
        if let Location::Discovery { cluster: other, .. } = location
            && other != cluster
        {
            names.push(("discovery_cluster", other));
        }
        for (key, name) in names {
            match clusters.find(name) {
                Some(tree) => tls(tree, name, location.scheme(), remarks),
                None => missing(plugin, clusters, key, name, &issuer.name, remarks),
            }
        }
    }
}

fn missing(
    plugin: &Plugin<'_>,
    clusters: &Clusters<'_>,
    key: &str,
    name: &str,
    issuer: &str,
    remarks: &mut Vec<Remark>,
) {
    let severity = match kubernetes::missing_cluster(&plugin.carrier) {
        Severity::Error if !clusters.listed => return,
        Severity::Error if clusters.discovered => Severity::Warning,
        severity => severity,
    };
    let problem = match clusters.defined.as_slice() {
        [] => format!("issuer {issuer}: no cluster {name} is defined in these files"),
        defined => {
            let names: Vec<_> = defined.iter().map(|(name, _)| *name).collect();
            format!("issuer {issuer}: no cluster {name} is defined in these files, only {}", names.join(", "))
        }
    };
    let line = match &plugin.configuration {
        Configuration::Object(tree) => line_of(tree, key, name),
        Configuration::Text(_) => 0,
    };
    remarks.push(Remark { severity, at: 0, line, path: super::tree::below(&plugin.path, key), problem });
}

/// The line where the key has that value.
fn line_of(tree: &Tree, key: &str, value: &str) -> usize {
    let mut line = 0;
    tree.walk(&mut |object, _, _| {
        if let Some(found) = object.get(key).filter(|found| found.text() == Some(value)) {
            line = found.line;
        }
    });
    line
}

/// `https` in an endpoint encrypts nothing by itself: the cluster's socket does, and only where it checks who answers.
fn tls(cluster: &Tree, name: &str, scheme: Scheme, remarks: &mut Vec<Remark>) {
    let path = format!("cluster {name}");
    let mut context = None;
    cluster.walk(&mut |tree, path, _| {
        if path.starts_with("transport_socket") || path.starts_with("transportSocket") {
            let found = tree.is_type("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext");
            context = context.or(found.then_some(tree));
        }
    });
    let Some(context) = context else {
        if scheme == Scheme::Https {
            let (severity, problem) = if is_local(cluster) {
                (
                    Severity::Warning,
                    "has no TLS socket, though the key endpoint is https; its addresses are this machine's own",
                )
            } else {
                (
                    Severity::Error,
                    "has no TLS socket, though the key endpoint is https: keys would come in the clear, and whoever is \
                     on the way could put in their own; give it an UpstreamTlsContext with sni, trusted_ca and \
                     match_typed_subject_alt_names",
                )
            };
            remarks.push(Remark { severity, ..Remark::error(cluster, &path, problem.to_owned()) });
        }
        return;
    };
    let common = context.get("common_tls_context");
    let secret = common.and_then(|common| common.get("validation_context_sds_secret_config"));
    let combined = common.and_then(|common| common.get("combined_validation_context"));
    let validation = common
        .and_then(|common| common.get("validation_context"))
        .or_else(|| combined.and_then(|combined| combined.get("default_validation_context")));
    let has =
        |keys: &[&str]| keys.iter().any(|key| validation.is_some_and(|context| context.get(key).is_some()));
    let pinned = has(&["verify_certificate_hash", "verify_certificate_spki"]);
    let remote =
        secret.or_else(|| combined.and_then(|combined| combined.get("validation_context_sds_secret_config")));
    let rooted = has(&[
        "trusted_ca",
        "ca_certificate_provider_instance",
        "system_root_certs",
        "custom_validator_config",
    ]) || remote.is_some();
    let untrusted = validation.and_then(|context| context.text_of("trust_chain_verification"))
        == Some("ACCEPT_UNTRUSTED");
    if untrusted || !(pinned || rooted) {
        let problem =
            "has a TLS socket that takes any certificate: whoever is on the way to the keys could put in \
                       their own; give its validation_context a trusted_ca and match_typed_subject_alt_names"
                .to_owned();
        remarks.push(Remark::error(context, &path, problem));
        return;
    }
    let automatic = context.get("auto_sni_san_validation").is_some_and(Tree::is_true);
    let names = has(&["match_typed_subject_alt_names", "match_subject_alt_names", "custom_validator_config"]);
    if !(pinned || names || automatic || remote.is_some()) {
        let problem = "takes a certificate of any name that the CA signed; name the host in \
                       match_typed_subject_alt_names"
            .to_owned();
        remarks.push(Remark::warning(context, &path, problem));
    }
    if context.get("sni").is_none() && context.get("auto_host_sni").is_none_or(|auto| !auto.is_true()) {
        let problem =
            "sends no sni: a server of several hosts answers with some other certificate".to_owned();
        remarks.push(Remark::warning(context, &path, problem));
    }
}

/// Whether every address is this machine's own, so that nobody is on the way.
fn is_local(cluster: &Tree) -> bool {
    let (mut addresses, mut local) = (0, 0);
    cluster.walk(&mut |tree, _, _| {
        if let Some(address) = tree.get("socket_address").and_then(|socket| socket.text_of("address")) {
            addresses += 1;
            local += usize::from(doubts::is_loopback(address) || address == "::1");
        }
        if tree.get("pipe").is_some_and(|pipe| pipe.get("path").is_some()) {
            addresses += 1;
            local += 1;
        }
    });
    addresses > 0 && addresses == local
}

/// The options of the plugin and of the filter's own entry.
pub fn plugin(plugin: &Plugin<'_>, remarks: &mut Vec<Remark>) {
    let Carrier::Envoy { plugin: options, filter, .. } = plugin.carrier else { return };
    let open = "lets every request pass unchecked, claim headers of the client's own included, while the module \
                cannot run; use failure_policy: FAIL_RELOAD";
    if let Some(tree) = options.get("fail_open").filter(|tree| tree.is_true()) {
        remarks.push(Remark::error(tree, "fail_open", open.to_owned()));
    }
    match options.get("failure_policy") {
        Some(tree) if tree.text() == Some("FAIL_OPEN") => {
            remarks.push(Remark::error(tree, "failure_policy", open.to_owned()));
        }
        Some(tree) if matches!(tree.text(), Some("FAIL_RELOAD" | "FAIL_CLOSED")) => {}
        _ => {
            let problem = "is not said: a module that crashed then refuses everything until Envoy starts again; \
                           FAIL_RELOAD loads it anew";
            remarks.push(Remark::warning(options, "failure_policy", problem.to_owned()));
        }
    }
    if options.at(&["vm_config", "vm_id"]).is_none() {
        let problem =
            "is not said: every module without one shares this one's cache of keys, and can write to it";
        remarks.push(Remark::warning(options, "vm_config.vm_id", problem.to_owned()));
    }
    if let Some(tree) = filter.and_then(|filter| filter.get("disabled")).filter(|tree| tree.is_true()) {
        let problem = "takes the filter off every route that does not put it on again: claim headers of the client's \
                       own reach the upstream there; say enabled: false in its configuration instead";
        remarks.push(Remark::error(tree, "disabled", problem.to_owned()));
    }
}

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
    for tables in route_tables(manager, documents) {
        for host in tables.list("virtual_hosts") {
            virtual_host(host, filter, config, &edited, &mut carried, remarks);
        }
        disabled(tables, filter, remarks);
    }
    if let Some(manager) = manager {
        self::manager(manager, filter, config, !carried.is_empty(), remarks);
    }
    carried
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
    let domains = super::tables::texts(host.get("domains"));
    let path = format!("virtual host {name}");
    disabled(host, filter, remarks);
    carried.extend(metadata(host, &path, "every route", &domains, config, remarks));
    host.walk(&mut |tree, _, _| {
        if let Some(header) = tree.text_of("header_name").filter(|_| tree.text_of("@type").is_some()) {
            edited.refuse_header(tree, &path, header, remarks);
        }
    });
    for (index, route) in host.list("routes").iter().enumerate() {
        let path = format!("{path}, routes[{index}]");
        let matched = route.get("match");
        for header in matched.map(|matched| matched.list("headers")).unwrap_or_default() {
            edited.refuse_header(header, &path, header.text_of("name").unwrap_or_default(), remarks);
        }
        for query in matched.map(|matched| matched.list("query_parameters")).unwrap_or_default() {
            edited.refuse_query(query, &path, query.text_of("name").unwrap_or_default(), remarks);
        }
        disabled(route, filter, remarks);
        let what = matched.map(described).unwrap_or_default();
        carried.extend(metadata(route, &path, &what, &domains, config, remarks));
        if let Some(policy) = route.at(&["route", "internal_redirect_policy"])
            && !config.forward_token
        {
            let problem = "a redirected request runs the filter again, without the token that the first run removed; \
                           set forward_token";
            remarks.push(Remark::warning(policy, &path, problem.to_owned()));
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
    let ours = tree.at(&["metadata", "filter_metadata", "jwt_guard"])?;
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

fn manager(
    manager: &Tree,
    filter: Option<&Tree>,
    config: &Config,
    metadata_decides: bool,
    remarks: &mut Vec<Remark>,
) {
    if !manager.get("normalize_path").is_some_and(Tree::is_true) {
        let problem = "is not on: the filter judges every reading of a path, but Envoy's own routes and the upstream \
                       see it as the client wrote it";
        remarks.push(Remark::warning(manager, "normalize_path", problem.to_owned()));
    }
    let mut removed_early = Vec::new();
    for extension in manager.list("early_header_mutation_extensions") {
        extension.walk(&mut |tree, _, _| {
            removed_early.extend(tree.text_of("remove").map(str::to_ascii_lowercase))
        });
    }
    let kept: Vec<&str> = config
        .claim_headers
        .names()
        .filter(|name| !removed_early.iter().any(|removed| removed == name))
        .collect();
    if metadata_decides && !kept.is_empty() {
        let problem = format!(
            "does not remove {}: where route metadata decides, a request that brings one of them is answered 400",
            kept.join(", ")
        );
        remarks.push(Remark::warning(manager, "early_header_mutation_extensions", problem));
    }
    let filters = manager.list("http_filters");
    let ours = filters.iter().position(|other| filter.is_some_and(|filter| std::ptr::eq(filter, other)));
    for (index, other) in filters.iter().enumerate() {
        let cors = other
            .get("typed_config")
            .is_some_and(|config| config.is_type("envoy.extensions.filters.http.cors.v3.Cors"));
        if cors && ours.is_some_and(|ours| index > ours) {
            let problem = "stands after jwt-guard: a browser cannot read a refusal; put it before";
            remarks.push(Remark::warning(other, &format!("http_filters[{index}]"), problem.to_owned()));
        }
    }
    manager.walk(&mut |tree, path, above| {
        let ours = above.iter().any(|tree| filter.is_some_and(|filter| std::ptr::eq(filter, *tree)));
        let elsewhere =
            ["early_header_mutation", "access_log", "response_headers", "response_trailers", ".match."];
        if !ours
            && !elsewhere.iter().any(|part| path.contains(part))
            && let Value::Text(text) = &tree.value
            && config.claim_headers.is_identity_header(text)
        {
            let problem = format!(
                "names {text}, a claim header of jwt-guard: what the upstream reads is no longer the token's"
            );
            remarks.push(Remark::warning(tree, path, problem));
        }
    });
}
