//! Gateways and their listeners, and the routes of each listener.

use super::hostnames::intersection;
use super::routes::{Match, Parent, Route, sort};
use crate::convert::manifest::{Manifest, items, optional, required, text};
use crate::convert::notes::Fault;
use crate::inspect::tree::Tree;

/// A Gateway in the files.
#[derive(Debug)]
pub struct Gateway<'t> {
    /// The object.
    pub manifest: Manifest<'t>,
    /// The listeners.
    listeners: Vec<Listener<'t>>,
}

/// A listener of a Gateway, or all that nothing names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener<'t> {
    /// The name; absent for the listeners of a Gateway that is not in the files and that no object names.
    pub name: Option<&'t str>,
    hostname: Option<&'t str>,
}

/// A match of a route on one host.
#[derive(Debug, Clone, Copy)]
pub struct HostMatch<'o, 't> {
    /// The route.
    pub route: &'o Route<'t>,
    /// The match.
    pub matched: &'o Match<'t>,
}

/// The matches on one host, in the order in which Envoy compares them.
#[derive(Debug)]
pub struct VirtualHost<'o, 't> {
    /// The host name, or `*`.
    pub hostname: &'t str,
    /// The matches.
    pub matches: Vec<HostMatch<'o, 't>>,
}

impl<'t> Gateway<'t> {
    /// Reads a Gateway.
    ///
    /// # Errors
    /// The first field that is not as expected.
    pub fn read(tree: &'t Tree) -> Result<Self, Fault> {
        let versions = ["v1", "v1beta1"];
        let manifest = Manifest::read(tree, "Gateway", "gateway.networking.k8s.io", &versions)?;
        let listener = |tree: &'t Tree| {
            let name = Some(text(required(tree, "name", "the name of the listener")?)?);
            Ok(Listener { name, hostname: optional(tree, "hostname", text)? })
        };
        let listeners = items(manifest.spec, "listeners")?.iter().map(listener);
        Ok(Self { manifest, listeners: listeners.collect::<Result<_, Fault>>()? })
    }
}

/// The listeners of a Gateway: those of the object, or those that routes and policies name and one for all others.
pub fn listeners<'t>(
    gateway: Option<&Gateway<'t>>,
    named: impl Iterator<Item = Option<&'t str>>,
) -> Vec<Listener<'t>> {
    if let Some(gateway) = gateway.filter(|gateway| !gateway.listeners.is_empty()) {
        return gateway.listeners.clone();
    }
    let mut listeners = Vec::new();
    for name in named {
        let listener = Listener { name, hostname: None };
        if !listeners.contains(&listener) {
            listeners.push(listener);
        }
    }
    listeners
}

/// The virtual hosts of a listener.
pub fn virtual_hosts<'o, 't>(
    routes: &'o [Route<'t>],
    (namespace, name): (&str, &str),
    listener: Listener<'t>,
) -> Vec<VirtualHost<'o, 't>> {
    let mut hosts: Vec<VirtualHost<'o, 't>> = Vec::new();
    for route in routes {
        let is_attached = |parent: &Parent<'_>| {
            parent.namespace == namespace
                && parent.name == name
                && (parent.section.is_none() || parent.section == listener.name)
        };
        if !route.parents.iter().any(is_attached) {
            continue;
        }
        for hostname in intersection(&route.hostnames, listener.hostname) {
            let matches = route.matches.iter().map(|matched| HostMatch { route, matched });
            match hosts.iter_mut().find(|host| host.hostname == hostname) {
                Some(host) => host.matches.extend(matches),
                None => hosts.push(VirtualHost { hostname, matches: matches.collect() }),
            }
        }
    }
    for host in &mut hosts {
        sort(&mut host.matches, |host_match| host_match.matched);
    }
    hosts
}
