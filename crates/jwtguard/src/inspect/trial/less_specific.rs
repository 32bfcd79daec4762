//! Routes that match a request and do not apply, because a more specific one does.

use super::Bench;
use crate::inspect::tables::texts;
use crate::inspect::tree::Tree;
use crate::inspect::words;
use jwt_guard::route::{Entry, HostPattern, Method, Table, Template};

/// A route that a more specific one replaces.
#[derive(Debug)]
pub struct LessSpecific {
    /// `routes[2] (/api/admin/**)` or the like.
    pub name: String,
    /// Who could pass by it.
    pub who: String,
}

/// The routes whose template, methods and hosts match that method and path, without those that apply.
pub(super) fn less_specific(
    bench: &Bench<'_>,
    (host, method, path): (&str, &str, &str),
    applying: &[usize],
) -> Vec<LessSpecific> {
    let entries = bench.tree.list("routes").iter().zip(bench.config.routes.rules()).enumerate();
    let others = entries.filter(|(index, _)| !applying.contains(index));
    let matching = others.filter(|(_, (entry, _))| {
        alone(entry).is_some_and(|table| table.lookup(host.as_bytes(), method, path).is_some())
    });
    let told = matching.map(|(index, (_, rule))| LessSpecific {
        name: bench.route_name(index),
        who: words::requirement(&rule.requirement, &bench.config.vocabulary),
    });
    told.collect()
}

/// A table with that route and no other: it alone decides whether the route matches.
fn alone(entry: &Tree) -> Option<Table<()>> {
    let methods = texts(entry.get("methods"));
    let hosts = texts(entry.get("hosts"));
    let route = |path: &String| {
        Some(Entry {
            template: Template::parse(path).ok()?,
            methods: methods.iter().filter_map(|method| Method::parse(method).ok()).collect(),
            hosts: hosts.iter().filter_map(|host| HostPattern::parse(host).ok()).collect(),
            rule: (),
        })
    };
    Table::build(texts(entry.get("path")).iter().filter_map(route).collect()).ok()
}
