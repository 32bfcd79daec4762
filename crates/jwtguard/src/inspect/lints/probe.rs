//! Sample requests of each route, and the route that applies to a request.

use std::borrow::Cow;

use super::lint::route;
use jwt_guard::config::keys::{configuration, route as key};
use jwt_guard::config::{Config, Path, Route};
use jwt_guard::route::{PartialSegment, RequestLine, Template, TemplateSegment};

/// A route with sample requests that it matches.
pub(super) struct Probe<'c> {
    /// The index in the route table.
    pub index: usize,
    /// The index of the route in the configuration, and that of the path in the route's list of paths.
    pub position: (usize, usize),
    pub template: &'c Template,
    pub rule: &'c Route,
    pub methods: Vec<String>,
    /// The host patterns, as the filter compares them; empty for every host.
    pub patterns: Vec<String>,
    pub hosts: Vec<String>,
    pub samples: Vec<String>,
}

/// A value for wildcards and parameters that no template contains.
pub(super) const ANY_SEGMENT: &str = "zz9-any";

pub(super) fn probes(config: &Config) -> Vec<Probe<'_>> {
    let probes = config.routes.entries().iter().enumerate();
    let probes = probes.map(|(index, entry)| {
        let patterns: Vec<String> = entry.hosts.iter().map(ToString::to_string).collect();
        let hosts = patterns.iter();
        let mut hosts: Vec<String> = hosts.map(|host| sample_host(host)).collect();
        if hosts.is_empty() {
            hosts.push(format!("{ANY_SEGMENT}.example"));
        }
        let methods = entry.methods.iter().map(ToString::to_string).collect();
        let (template, rule) = (&entry.template, &*entry.rule);
        let position = (entry.route, entry.path);
        Probe { index, position, samples: samples(template), template, rule, methods, patterns, hosts }
    });
    probes.collect()
}

impl Probe<'_> {
    /// The path of the route in the configuration.
    pub fn route(&self) -> Path<&'static str> {
        route(self.position.0)
    }

    /// The path of the template in the configuration.
    pub fn template_path(&self) -> Path<&'static str> {
        self.route().key(key::PATH.as_str()).index(self.position.1)
    }
}

/// A host that matches the pattern.
fn sample_host(pattern: &str) -> String {
    match pattern.split_once('.') {
        Some((label, suffix)) if label == "*" || label.starts_with('{') => format!("{ANY_SEGMENT}.{suffix}"),
        _ => pattern.to_owned(),
    }
}

/// Sample paths that the template matches.
fn samples(template: &Template) -> Vec<String> {
    let base = filled(template.segments());
    let mut samples = Vec::new();
    if template.covers_rest() {
        samples.push(format!("{base}/{ANY_SEGMENT}/{ANY_SEGMENT}"));
        samples.push(format!("{base}/{ANY_SEGMENT}"));
        samples.push(format!("{base}/"));
    }
    samples.push(or_slash(base));
    samples
}

/// Joins segments to a path, with `ANY_SEGMENT` for each parameter; empty if there are none.
pub(super) fn filled<'t>(segments: impl Iterator<Item = TemplateSegment<'t>>) -> String {
    let text = |segment: TemplateSegment<'t>| match segment {
        TemplateSegment::Literal(text) => Cow::Borrowed(text),
        TemplateSegment::Partial(PartialSegment { prefix, suffix }) => {
            Cow::Owned(format!("{prefix}{ANY_SEGMENT}{suffix}"))
        }
        TemplateSegment::Any(_) => Cow::Borrowed(ANY_SEGMENT),
    };
    joined(segments.map(text))
}

/// Joins segments to a path; empty if there are none.
pub(super) fn joined<'t>(segments: impl Iterator<Item = Cow<'t, str>>) -> String {
    segments.flat_map(|segment| [Cow::Borrowed("/"), segment]).collect()
}

/// Returns `/` for an empty path.
pub(super) fn or_slash(path: String) -> String {
    if path.is_empty() { "/".to_owned() } else { path }
}

/// The name of the rule that applies: a route with its template, or `default_policy`.
pub(super) fn named(probe: Option<&Probe<'_>>) -> String {
    match probe {
        Some(probe) => match &probe.rule.name {
            Some(name) => format!("{name} ({})", probe.template),
            None => format!("{} ({})", probe.route(), probe.template),
        },
        None => configuration::DEFAULT_POLICY.as_str().to_owned(),
    }
}

/// The index of the route that applies to a request: `Some(None)` for the default policy, `None` if the path is ambiguous.
pub(super) fn route_for(config: &Config, host: &str, method: &str, path: &str) -> Option<Option<usize>> {
    let target = RequestLine {
        host: host.as_bytes(),
        method: method.as_bytes(),
        path: Some(path.as_bytes()),
        method_overrides: Vec::new(),
    };
    config.routes.matches(&target).ok().map(|matches| matches.as_written().index())
}

/// Whether the route applies to at least one of its sample requests.
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
            && route_for(config, host, method, path) == Some(Some(probe.index))
    })
}

/// The methods that clients usually send.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
