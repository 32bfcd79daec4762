//! What a configuration may say and probably should not.

mod authority;
mod claim_name;
mod doubt;
mod issuers;
mod methods;
mod overlaps;
mod places;
mod probe;
mod readings;
mod star;
mod strictness;
mod trust;
pub mod values;

use super::path::of_keys;
use super::tree::{Tree, Value};
use super::{numeric_strings, spelling};
use doubt::route;
use jwt_guard::bearer::Place;
use jwt_guard::config::keys::{Name, configuration, requirement};
use jwt_guard::config::path::Segment;
use jwt_guard::config::{Config, Path};
use jwt_guard::policy::Rule;
use probe::{Probe, is_served, probes};

pub use authority::is_loopback;
pub use doubt::Doubt;

/// Every doubt about a valid configuration and the tree that it was read from. `metadata` says whether requirements
/// may stand elsewhere too.
pub fn doubts(config: &Config, tree: &Tree, metadata: bool) -> Vec<Doubt> {
    let of_reader = config.warnings.iter().map(|warning| Doubt::new(&Path::root(), warning));
    let mut doubts: Vec<Doubt> = of_reader.collect();
    whole(config, tree, &mut doubts);
    issuers::issuers(config, tree, &mut doubts);
    values::of_configuration(tree, config, &mut doubts);
    places::places(config, &mut doubts);
    let routes: Vec<Probe<'_>> = probes(config);
    let (served, never_served): (Vec<_>, Vec<_>) = routes.iter().partition(|probe| is_served(config, probe));
    for probe in never_served {
        let problem =
            format!("no request falls under {}: another route or document takes all of them", probe.template);
        doubts.push(Doubt::new(&route(probe.index), problem));
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
    doubts.extend(numeric_strings::numeric_strings(tree));
    for slip in spelling::misspellings(tree) {
        let problem = format!(
            "\"{}\" stands here only, and \"{}\" in {} other place{}: is one of them misspelt?",
            slip.name,
            slip.other,
            slip.times,
            if slip.times == 1 { "" } else { "s" }
        );
        doubts.push(Doubt { path: slip.path, problem });
    }
    doubts.iter_mut().for_each(|doubt| as_written(&mut doubt.path, tree));
    doubts
}

/// The path of one value that stands where a list may, without the index that it has as the list's only item.
fn as_written(path: &mut Path, tree: &Tree) {
    let Some(last) = path.pop() else { return };
    let is_list = || matches!(tree.nearest_to(path).value, Value::List(_));
    if last != Segment::Index(0) || is_list() {
        path.push(last);
    }
}

fn whole(config: &Config, tree: &Tree, doubts: &mut Vec<Doubt>) {
    let mut doubt = |key: Name, problem: &str| doubts.push(Doubt::new(&of_keys(&[key]), problem));
    if !config.enabled {
        doubt(configuration::ENABLED.name, "is false: no token is checked and no request is refused");
    }
    if config.report_only {
        doubt(
            configuration::REPORT_ONLY.name,
            "is true: refusals are counted and logged, and every request goes on",
        );
    }
    match config.default_policy.rule {
        Rule::Anonymous | Rule::MissingOrFailed => doubt(
            configuration::DEFAULT_POLICY,
            "lets every request pass unless a route says otherwise; a forgotten route is open",
        ),
        Rule::Missing(_) => doubt(
            configuration::DEFAULT_POLICY,
            "lets requests without a token pass unless a route says otherwise; a forgotten route is open",
        ),
        _ => {}
    }
    let places = config.routes.rules().filter_map(|route| route.token_from.as_deref()).flatten();
    if config.token_from.iter().chain(places).any(|place| matches!(place, Place::Query { .. })) {
        let is_global = tree.get(configuration::TOKEN_FROM.as_str()).is_some();
        doubt(
            if is_global { configuration::TOKEN_FROM } else { configuration::ROUTES },
            "takes tokens from the query, where logs, referrers and traces before the filter see them",
        );
    }
}

fn unused_policies(tree: &Tree, metadata: bool, doubts: &mut Vec<Doubt>) {
    let mut used = Vec::new();
    tree.walk(&mut |value, path, _| {
        if path.segments().len() > 1 && path.last_key() == Some(&requirement::POLICY.as_str()) {
            used.extend(value.text());
        }
    });
    let policies = configuration::POLICIES;
    for (name, _) in tree.get(policies.as_str()).map(Tree::members).unwrap_or_default() {
        if !metadata && !used.contains(&name.as_str()) {
            doubts.push(Doubt::new(&of_keys(&[policies]).key(name), "is named by no route"));
        }
    }
}
