//! Finds the `jwt_authn` and RBAC filters of Envoy configurations, and reads them.

mod chain_rules;
mod jwt_authn;
mod name_lists;
mod provider;
mod rbac;
mod route_match;
mod string_match;
mod tests;

pub use chain_rules::{ChainRules, Domain, read};

use super::chain::{Chain, Filter, FilterKind, FilterState, Source};
use super::fields::{items, text};
use super::notes::{Fault, Place};
use crate::inspect::FileDocument;
use crate::inspect::tree::Tree;

const JWT_AUTHN: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";

/// The chains of filters in the documents, with at least one filter that `convert` reads.
///
/// # Errors
/// A filter that stands where it cannot be read.
pub fn chains(documents: &[FileDocument]) -> Result<Vec<Source>, Fault> {
    let mut chains = Vec::new();
    for document in documents {
        let mut managers: Vec<&Tree> = Vec::new();
        let mut filters: Vec<&Tree> = Vec::new();
        let has_dump = document.tree.list("configs").iter().any(|part| part.is_type(LISTENERS_DUMP));
        document.tree.walk(&mut |tree, path, above| {
            let is_repeated = has_dump && above.iter().any(|tree| tree.is_type(BOOTSTRAP_DUMP));
            let is_old =
                path.to_string().contains("draining_state") || path.to_string().contains("error_state");
            if is_repeated || is_old {
                return;
            }
            if tree.get("http_filters").is_some() {
                managers.push(tree);
            }
            if kind(tree).is_some() {
                filters.push(tree);
            }
        });
        let mut found = 0;
        for manager in &managers {
            let chain = of_manager(manager, &document.tree)?;
            found += chain.filters.len();
            chains.extend((!chain.filters.is_empty()).then_some(Source::Chain(chain)));
        }
        if found < filters.len() {
            let known = |filter: &&&Tree| {
                chains.iter().any(|source| match source {
                    Source::Chain(chain) => {
                        chain.filters.iter().any(|known| known.config.source == filter.source)
                    }
                    Source::Policy(_) => false,
                })
            };
            let lost: Vec<&&Tree> = filters.iter().filter(|filter| !known(filter)).collect();
            if managers.is_empty() {
                chains.push(Source::Chain(standalone(document, &lost)?));
            } else if let Some(filter) = lost.first() {
                return Err(Fault::at(
                    filter,
                    "found the filter inside another filter or without a connection manager; expected an entry of http_filters: \
                     what decides whether the filter runs is lost in a conversion",
                ));
            }
        }
    }
    Ok(chains)
}

/// The part of a `/config_dump` with the bootstrap, which repeats its listeners.
const BOOTSTRAP_DUMP: &str = "envoy.admin.v3.BootstrapConfigDump";
const LISTENERS_DUMP: &str = "envoy.admin.v3.ListenersConfigDump";

fn kind(tree: &Tree) -> Option<FilterKind> {
    if tree.is_type(JWT_AUTHN) {
        return Some(FilterKind::JwtAuthn);
    }
    tree.is_type(RBAC).then_some(FilterKind::Rbac)
}

/// The filters of a connection manager.
fn of_manager(manager: &Tree, document: &Tree) -> Result<Chain, Fault> {
    let mut filters = Vec::new();
    for entry in items(manager, "http_filters")? {
        let Some(config) = entry.get("typed_config") else { continue };
        let Some(kind) = kind(config) else { continue };
        let state = match entry.get("disabled").is_some_and(Tree::is_true) {
            true => FilterState::Disabled,
            false => FilterState::Enabled,
        };
        let name = text(entry, "name")?.unwrap_or_default().to_owned();
        filters.push(Filter { kind, name, state, config: config.clone() });
    }
    let title = match text(manager, "stat_prefix")? {
        Some(prefix) => format!("connection manager {prefix}"),
        None => "connection manager".to_owned(),
    };
    let virtual_hosts =
        if filters.is_empty() { Vec::new() } else { virtual_hosts(manager, document, &filters)? };
    Ok(Chain { title, place: Place::of(manager), filters, virtual_hosts })
}

/// Filters in a file without a connection manager, such as a part of `http_filters`.
fn standalone(document: &FileDocument, filters: &[&&Tree]) -> Result<Chain, Fault> {
    let filters = filters.iter().filter_map(|config| {
        let kind = kind(config)?;
        let name = match kind {
            FilterKind::JwtAuthn => "envoy.filters.http.jwt_authn",
            FilterKind::Rbac => "envoy.filters.http.rbac",
        };
        Some(Filter { kind, name: name.to_owned(), state: FilterState::Enabled, config: (**config).clone() })
    });
    Ok(Chain {
        title: "filters".to_owned(),
        place: Place::of(&document.tree),
        filters: filters.collect(),
        virtual_hosts: Vec::new(),
    })
}

/// The virtual hosts of a connection manager, if one of them has a configuration of the filters.
fn virtual_hosts(manager: &Tree, document: &Tree, filters: &[Filter]) -> Result<Vec<Tree>, Fault> {
    let by_name = manager.at(&["rds", "route_config_name"]).and_then(Tree::text);
    let inline = manager.get("route_config");
    let found = match (inline, by_name) {
        (Some(config), _) => Some(config),
        (None, Some(name)) => dumped(document, name),
        (None, None) => None,
    };
    let Some(config) = found else { return Ok(Vec::new()) };
    let names = |tree: &Tree| {
        let configs = tree.get("typed_per_filter_config").map(Tree::members).unwrap_or_default();
        configs.iter().any(|(name, _)| filters.iter().any(|filter| filter.name == *name))
    };
    let mut is_used = false;
    config.walk(&mut |tree, _, _| is_used |= names(tree));
    if names(config) {
        return Err(Fault::at(
            config,
            "found a configuration of the filter for a whole route table; write it into the filter, and convert again",
        ));
    }
    Ok(if is_used { items(config, "virtual_hosts")?.to_vec() } else { Vec::new() })
}

/// A route table of a `/config_dump`.
fn dumped<'t>(document: &'t Tree, name: &str) -> Option<&'t Tree> {
    let mut found = None;
    document.walk(&mut |tree, _, above| {
        let is_dump = above.iter().any(|tree| tree.is_type("envoy.admin.v3.RoutesConfigDump"));
        if found.is_none()
            && is_dump
            && tree.text_of("name") == Some(name)
            && tree.get("virtual_hosts").is_some()
        {
            found = Some(tree);
        }
    });
    found
}
