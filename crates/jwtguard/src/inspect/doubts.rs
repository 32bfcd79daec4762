//! What a configuration may say and probably should not.

mod issuers;
mod methods;
mod overlaps;
mod places;
mod readings;
mod star;
mod strictness;
mod trust;
pub mod values;

use super::tree::{Tree, Value};
use super::{digits, spelling};
use jwt_guard::bearer::Place;
use jwt_guard::config::{Config, Location, Route};
use jwt_guard::policy::Rule;
use jwt_guard::route::Target;

/// A doubt: where, and a sentence.
pub type Doubt = (String, String);

/// Every doubt about a valid configuration and the tree that it was read from. `metadata` says whether requirements
/// may stand elsewhere too.
pub fn doubts(config: &Config, tree: &Tree, metadata: bool) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> =
        config.warnings.iter().map(|warning| (String::new(), warning.clone())).collect();
    whole(config, tree, &mut doubts);
    issuers::issuers(config, tree, &mut doubts);
    values::of_configuration(tree, config, &mut doubts);
    places::places(config, &mut doubts);
    let routes: Vec<Probe<'_>> = probes(config);
    let (served, never_served): (Vec<_>, Vec<_>) = routes.iter().partition(|probe| is_served(config, probe));
    for probe in never_served {
        let problem =
            format!("no request falls under {}: another route or document takes all of them", probe.path);
        doubts.push((format!("routes[{}]", probe.index), problem));
    }
    // What is said of a method that no client sends says nothing of the others.
    let served: Vec<_> = served.into_iter().filter(|probe| !methods::names(probe, &mut doubts)).collect();
    methods::weaker(config, &routes, &served, &mut doubts);
    star::one_segment(config, &routes, &served, &mut doubts);
    overlaps::overlaps(config, &served, &mut doubts);
    readings::of_own_spellings(config, &routes, &served, &mut doubts);
    readings::skipped(config, &mut doubts);
    trust::trust(config, tree, &mut doubts);
    unused_policies(tree, metadata, &mut doubts);
    doubts.extend(digits::digits(tree));
    for slip in spelling::misspellings(tree) {
        let problem = format!(
            "\"{}\" stands here only, and \"{}\" in {} other place{}: is one of them misspelt?",
            slip.name,
            slip.other,
            slip.times,
            if slip.times == 1 { "" } else { "s" }
        );
        doubts.push((slip.path, problem));
    }
    doubts.into_iter().map(|(path, problem)| (as_written(path, tree), problem)).collect()
}

/// The path of one value that stands where a list may, without the index that it has as the list's only item.
fn as_written(path: String, tree: &Tree) -> String {
    match path.strip_suffix("[0]") {
        Some(list) if !matches!(tree.nearest(list).value, Value::List(_)) => list.to_owned(),
        _ => path,
    }
}

fn whole(config: &Config, tree: &Tree, doubts: &mut Vec<Doubt>) {
    let mut doubt = |path: &str, problem: &str| doubts.push((path.to_owned(), problem.to_owned()));
    if !config.enabled {
        doubt("enabled", "is false: no token is checked and no request is refused");
    }
    if config.report_only {
        doubt("report_only", "is true: refusals are counted and logged, and every request goes on");
    }
    match config.default_policy.rule {
        Rule::Anonymous | Rule::MissingOrFailed => doubt(
            "default_policy",
            "lets every request pass unless a route says otherwise; a forgotten route is open",
        ),
        Rule::Missing(_) => doubt(
            "default_policy",
            "lets requests without a token pass unless a route says otherwise; a forgotten route is open",
        ),
        _ => {}
    }
    let places = config.routes.rules().filter_map(|route| route.token_from.as_deref()).flatten();
    if config.token_from.iter().chain(places).any(|place| matches!(place, Place::Query { .. })) {
        let path = if tree.get("token_from").is_some() { "token_from" } else { "routes" };
        doubt(
            path,
            "takes tokens from the query, where logs, referrers and traces before the filter see them",
        );
    }
}

fn authority(location: &Location) -> &str {
    match location {
        Location::Endpoint(endpoint) | Location::Discovery { issuer: endpoint, .. } => endpoint.authority(),
    }
}

/// Whether a host, with or without a port, is this machine.
pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        || (authority.matches(':').count() > 1 && authority == "::1")
}

/// A route with requests that it is there for.
struct Probe<'c> {
    index: usize,
    path: String,
    rule: &'c Route,
    methods: Vec<String>,
    /// As the filter compares them, none for every host.
    patterns: Vec<String>,
    hosts: Vec<String>,
    samples: Vec<String>,
}

/// Stands for whatever a template leaves open; no template would name it.
const ANYTHING: &str = "zz9-any";

fn probes(config: &Config) -> Vec<Probe<'_>> {
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
fn governed_by(config: &Config, host: &str, method: &str, path: &str) -> Option<Option<usize>> {
    let target = Target {
        host: host.as_bytes(),
        method: method.as_bytes(),
        path: Some(path.as_bytes()),
        method_overrides: Vec::new(),
    };
    config.routes.governing(&target).ok().map(|governing| governing.as_sent().index())
}

/// Whether some request falls under the route.
fn is_served(config: &Config, probe: &Probe<'_>) -> bool {
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
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn unused_policies(tree: &Tree, metadata: bool, doubts: &mut Vec<Doubt>) {
    let mut used = Vec::new();
    tree.walk(&mut |value, path, _| {
        if path.ends_with(".policy") {
            used.extend(value.text());
        }
    });
    for (name, _) in tree.get("policies").map(Tree::members).unwrap_or_default() {
        if !metadata && !used.contains(&name.as_str()) {
            let path = super::tree::joined("policies", name);
            doubts.push((path, "is named by no route".to_owned()));
        }
    }
}
