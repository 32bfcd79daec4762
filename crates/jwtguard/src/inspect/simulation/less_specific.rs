//! Finds routes that match a request but do not apply, because another route is more specific.

use std::rc::Rc;

use super::result::LessSpecific;
use super::simulator::Simulator;
use crate::inspect::describe;
use jwt_guard::config::Route;
use jwt_guard::route::{Entry, Table};

/// Returns the routes whose template, methods and hosts match, except those that apply.
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
    let routes = matching.map(|(index, entry)| LessSpecific {
        name: simulator.route_name(index),
        who: describe::requirement(&entry.rule.requirement, &simulator.config.names),
    });
    routes.collect()
}

/// A table with only this route, to test whether the route matches.
fn alone(entry: &Entry<Rc<Route>>) -> Option<Table<()>> {
    let Entry { template, methods, hosts, .. } = entry.clone();
    let alone = Entry { route: 0, path: 0, template, methods, hosts, compares_parameters: false, rule: () };
    Table::build(vec![alone]).ok()
}
