//! The requests that a route is there for, and the routes that they fall under.

use jwt_guard::config::{Config, Route};
use jwt_guard::route::Target;

/// A route with requests that it is there for.
pub(super) struct Probe<'c> {
    pub index: usize,
    pub path: String,
    pub rule: &'c Route,
    pub methods: Vec<String>,
    /// As the filter compares them, none for every host.
    pub patterns: Vec<String>,
    pub hosts: Vec<String>,
    pub samples: Vec<String>,
}

/// Stands for whatever a template leaves open; no template would name it.
pub(super) const ANYTHING: &str = "zz9-any";

pub(super) fn probes(config: &Config) -> Vec<Probe<'_>> {
    let probes = config.routes.entries().iter().enumerate();
    let probes = probes.map(|(index, entry)| {
        let path = entry.template.to_string();
        let patterns: Vec<String> = entry.hosts.iter().map(ToString::to_string).collect();
        let hosts = patterns.iter();
        let mut hosts: Vec<String> =
            hosts.map(|host| host.replacen('*', ANYTHING, usize::from(host.starts_with("*.")))).collect();
        if hosts.is_empty() {
            hosts.push(format!("{ANYTHING}.example"));
        }
        let methods = entry.methods.iter().map(ToString::to_string).collect();
        Probe { index, samples: samples(&path), path, rule: &entry.rule, methods, patterns, hosts }
    });
    probes.collect()
}

/// Paths that the template covers.
fn samples(template: &str) -> Vec<String> {
    let open = |segment: &str| segment == "*" || segment.starts_with('{');
    let segments: Vec<&str> = template.trim_end_matches('/').split('/').skip(1).collect();
    let filled = |segments: &[&str]| {
        let segments: Vec<&str> =
            segments.iter().map(|segment| if open(segment) { ANYTHING } else { segment }).collect();
        format!("/{}", segments.join("/"))
    };
    match segments.split_last() {
        Some((&"**", before)) => {
            let base = filled(before);
            let base = base.trim_end_matches('/');
            vec![
                format!("{base}/{ANYTHING}/{ANYTHING}"),
                format!("{base}/{ANYTHING}"),
                format!("{base}/"),
                base.to_owned(),
            ]
        }
        _ => vec![filled(&segments)],
    }
    .into_iter()
    .map(|path| if path.is_empty() { "/".to_owned() } else { path })
    .collect()
}

/// The index of the route that a request falls under.
pub(super) fn governed_by(config: &Config, host: &str, method: &str, path: &str) -> Option<Option<usize>> {
    let target = Target {
        host: host.as_bytes(),
        method: method.as_bytes(),
        path: Some(path.as_bytes()),
        method_overrides: Vec::new(),
    };
    config.routes.governing(&target).ok().map(|governing| governing.as_sent().index())
}

/// Whether some request falls under the route.
pub(super) fn is_served(config: &Config, probe: &Probe<'_>) -> bool {
    let methods: Vec<&str> = match probe.methods.as_slice() {
        [] => METHODS.iter().copied().chain(["ZZ9"]).collect(),
        listed => listed.iter().map(String::as_str).collect(),
    };
    let mut requests = probe.hosts.iter().flat_map(|host| {
        let methods = &methods;
        probe.samples.iter().flat_map(move |path| methods.iter().map(move |method| (host, *method, path)))
    });
    requests.any(|(host, method, path)| {
        config.resource_metadata.serve(host, method, path).is_none()
            && governed_by(config, host, method, path) == Some(Some(probe.index))
    })
}

/// What clients send.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
