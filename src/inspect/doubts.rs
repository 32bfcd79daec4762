//! What a configuration may say and probably should not.

use super::tree::Tree;
use super::{digits, spelling};
use crate::bearer::Place;
use crate::config::{Config, KeyOrigin, Location, Route};
use crate::endpoint::Scheme;
use crate::policy::{Condition, Conditions, Requirement, Rule};
use crate::route::{HostPattern, Method, Target};

/// A doubt: where, and a sentence.
pub type Doubt = (String, String);

/// Every doubt about a valid configuration and the tree that it was read from. `metadata` says whether requirements
/// may stand elsewhere too.
pub fn doubts(config: &Config, tree: &Tree, metadata: bool) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> =
        config.warnings.iter().map(|warning| (String::new(), warning.clone())).collect();
    whole(config, tree, &mut doubts);
    issuers(config, tree, &mut doubts);
    let routes: Vec<Probe<'_>> = probes(config, tree);
    let (served, never_served): (Vec<_>, Vec<_>) = routes.iter().partition(|probe| is_served(config, probe));
    for probe in never_served {
        let problem =
            format!("no request falls under {}: another route or document takes all of them", probe.path);
        doubts.push((format!("routes[{}]", probe.index), problem));
    }
    weaker_methods(config, &routes, &served, &mut doubts);
    trust(config, &mut doubts);
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
    doubts
}

fn whole(config: &Config, tree: &Tree, doubts: &mut Vec<Doubt>) {
    let mut doubt = |path: &str, problem: &str| doubts.push((path.to_owned(), problem.to_owned()));
    if !config.enabled {
        doubt("enabled", "is false: no token is checked and nobody is refused");
    }
    if config.report_only {
        doubt("report_only", "is true: refusals are counted and logged, and every request goes on");
    }
    match config.default_policy.rule {
        Rule::Anonymous | Rule::MissingOrFailed => doubt(
            "default_policy",
            "lets everybody pass wherever no route says otherwise; a route that is forgotten is open",
        ),
        Rule::Missing(_) => doubt(
            "default_policy",
            "lets whoever brings no token pass wherever no route says otherwise; a route that is forgotten is open",
        ),
        _ => {}
    }
    let places = config.routes.rules().iter().filter_map(|route| route.token_from.as_deref()).flatten();
    if config.token_from.iter().chain(places).any(|place| matches!(place, Place::Query { .. })) {
        let path = if tree.get("token_from").is_some() { "token_from" } else { "routes" };
        doubt(
            path,
            "takes tokens from the query, where logs, referrers and traces before the filter see them",
        );
    }
}

fn issuers(config: &Config, tree: &Tree, doubts: &mut Vec<Doubt>) {
    for (index, issuer) in config.issuers.iter().enumerate() {
        let base = if tree.get("issuers").is_some() { format!("issuers[{index}].") } else { String::new() };
        let mut doubt = |key: &str, problem: String| doubts.push((format!("{base}{key}"), problem));
        if !issuer.rules.require_expiration {
            doubt(
                "require_expiration",
                "is false: a token without exp is valid until its key is gone".to_owned(),
            );
        }
        if issuer.rules.refused_claims.is_empty() {
            doubt("refused_claims", "is empty: refresh and ID tokens pass for access tokens".to_owned());
        }
        if let KeyOrigin::Fetched { location, .. } = &issuer.keys
            && location.scheme() == Scheme::Http
            && !is_loopback(authority(location))
        {
            let key = if matches!(location, Location::Discovery { .. }) { "issuer" } else { "jwks_endpoint" };
            let url = authority(location);
            doubt(
                key,
                format!("fetches keys from {url} over http: whoever is on the way can put in their own"),
            );
        }
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
    hosts: Vec<String>,
    samples: Vec<String>,
}

/// Stands for whatever a template leaves open; no template would name it.
const ANYTHING: &str = "zz9-any";

fn probes<'c>(config: &'c Config, tree: &Tree) -> Vec<Probe<'c>> {
    let entries = tree.get("routes").map(Tree::items).unwrap_or_default();
    let probes = entries.iter().zip(config.routes.rules()).enumerate();
    let probes = probes.map(|(index, (entry, rule))| {
        let path = entry.text_of("path").unwrap_or_default().to_owned();
        let hosts = super::tables::texts(entry.get("hosts"));
        let hosts = hosts.iter().filter(|host| HostPattern::parse(host).is_ok());
        let mut hosts: Vec<String> =
            hosts.map(|host| host.replacen('*', ANYTHING, usize::from(host.starts_with("*.")))).collect();
        if hosts.is_empty() {
            hosts.push(format!("{ANYTHING}.example"));
        }
        let methods = super::tables::texts(entry.get("methods"));
        let methods = methods.iter().filter_map(|method| Method::parse(method).ok());
        let methods = methods.map(|method| method.as_str().to_owned()).collect();
        Probe { index, samples: samples(&path), path, rule, methods, hosts }
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

fn weaker_methods(config: &Config, probes: &[Probe<'_>], served: &[&Probe<'_>], doubts: &mut Vec<Doubt>) {
    for probe in served.iter().filter(|probe| !probe.methods.is_empty()) {
        let (Some(host), Some(path)) = (probe.hosts.first(), probe.samples.first()) else { continue };
        let mut weaker: Vec<(Option<usize>, Vec<&str>)> = Vec::new();
        for method in METHODS {
            let Some(governed) = governed_by(config, host, method, path) else { continue };
            let rule = governed.and_then(|index| config.routes.rules().get(index));
            // A route of the same path was written for those methods; what falls through was perhaps forgotten.
            let deliberate =
                governed.and_then(|index| probes.get(index)).is_some_and(|other| other.path == probe.path);
            let requirement = rule.map_or(&config.default_policy, |route| &route.requirement);
            if !deliberate && asks_less(requirement, &probe.rule.requirement) {
                match weaker.iter_mut().find(|(index, _)| *index == governed) {
                    Some((_, methods)) => methods.push(method),
                    None => weaker.push((governed, vec![method])),
                }
            }
        }
        for (governed, methods) in weaker {
            let falls_to = match governed.and_then(|index| probes.get(index)) {
                Some(other) => format!("routes[{}] ({})", other.index, other.path),
                None => "default_policy".to_owned(),
            };
            let problem = format!(
                "{} {} falls to {falls_to}, which asks less than this route does of {}",
                methods.join(", "),
                probe.path,
                probe.methods.join(", "),
            );
            doubts.push((format!("routes[{}].methods", probe.index), problem));
        }
    }
}

fn asks_less(one: &Requirement, than: &Requirement) -> bool {
    let rank = |rule: &Rule| match rule {
        Rule::Anonymous => 0,
        Rule::MissingOrFailed => 1,
        Rule::Missing(_) => 2,
        Rule::Authenticated(_) => 3,
        Rule::Deny => 4,
    };
    match (&one.rule, &than.rule) {
        (Rule::Authenticated(Conditions(one)), Rule::Authenticated(Conditions(than))) => {
            one.len() < than.len() && one.iter().all(|condition| than.contains(condition))
        }
        (one, than) => rank(one) < rank(than),
    }
}

/// Two issuers may both name a role "admin", and mean different people.
fn trust(config: &Config, doubts: &mut Vec<Doubt>) {
    if config.issuers.len() < 2 {
        return;
    }
    let routes = config.routes.rules().iter().enumerate();
    let routes = routes.map(|(index, route)| (format!("routes[{index}]"), &route.requirement));
    let default = std::iter::once(("default_policy".to_owned(), &config.default_policy));
    for (path, requirement) in default.chain(routes) {
        if let Rule::Authenticated(conditions) = &requirement.rule
            && asks_for_names(conditions)
        {
            let problem =
                "asks for a role, group, scope or claim of any issuer: whoever runs one of them can give it \
                           to anybody; name the issuers to trust in requires_issuer"
                    .to_owned();
            doubts.push((path, problem));
        }
    }
}

/// Whether some way to meet them is a name that any issuer may give.
fn asks_for_names(Conditions(conditions): &Conditions) -> bool {
    let narrowed = conditions
        .iter()
        .any(|condition| matches!(condition, Condition::NarrowedTo(crate::policy::Narrowing::Issuer(_))));
    !narrowed
        && conditions.iter().any(|condition| match condition {
            Condition::Role(_) | Condition::Group(_) | Condition::Scope(_) | Condition::Claim(_) => true,
            Condition::AnyOf(alternatives) => alternatives.iter().any(asks_for_names),
            Condition::NarrowedTo(_) => false,
        })
}

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
