//! Routes that match a request and do not apply, because a more specific one does.

use super::result::LessSpecific;
use super::simulator::Simulator;
use crate::inspect::describe;
use jwt_guard::config::Route;
use jwt_guard::route::{Entry, Table};

/// The routes whose template, methods and hosts match that method and path, without those that apply.
pub(super) fn less_specific(
    simulator: &Simulator<'_>,
    (host, method, path): (&str, &str, &str),
    applying: &[usize],
) -> Vec<LessSpecific> {
    let entries = simulator.config.routes.entries().iter().enumerate();
    let others = entries.filter(|(index, _)| !applying.contains(index));
    let matching = others.filter(|(_, entry)| {
        alone(entry).is_some_and(|table| table.lookup(host.as_bytes(), method, path).is_some())
    });
    let told = matching.map(|(index, entry)| LessSpecific {
        name: simulator.route_name(index),
        who: describe::requirement(&entry.rule.requirement, &simulator.config.vocabulary),
    });
    told.collect()
}

/// A table with that route and no other: it alone decides whether the route matches.
fn alone(entry: &Entry<Route>) -> Option<Table<()>> {
    let Entry { template, methods, hosts, .. } = entry;
    let alone =
        Entry { template: template.clone(), methods: methods.clone(), hosts: hosts.clone(), rule: () };
    Table::build(vec![alone]).ok()
}
