//! Lints: settings that are valid and probably unintended.

mod authority;
mod bound_tokens;
mod claim_name;
mod issuers;
mod lint;
mod methods;
mod overlaps;
mod partial;
mod path_variants;
mod probe;
mod second_tokens;
mod segments;
mod shared_subject;
mod strictness;
mod tenants;
mod token_sources;
mod trust;
pub mod values;
mod wildcard;

use super::path::of_keys;
use super::tree::{Tree, TreeValue};
use super::{numeric_strings, spelling};
use jwt_guard::config::keys::{Name, configuration, requirement};
use jwt_guard::config::path::PathSegment;
use jwt_guard::config::{Config, Path};
use jwt_guard::policy::Rule;
use jwt_guard::token_source::TokenSource;
use probe::{Probe, is_served, probes};

pub use authority::is_loopback;
pub use lint::Lint;

/// Checks a valid configuration and its tree. `metadata` is true if route metadata may refer to the policies of the
/// configuration.
pub fn lints(config: &Config, tree: &Tree, metadata: bool) -> Vec<Lint> {
    let of_reader = config.warnings.iter().map(|warning| Lint::new(&Path::root(), warning));
    let mut lints: Vec<Lint> = of_reader.collect();
    global_settings(config, tree, &mut lints);
    issuers::issuers(config, tree, &mut lints);
    tenants::tenants(config, tree, &mut lints);
    shared_subject::shared_subject(config, &mut lints);
    bound_tokens::bound_tokens(config, tree, &mut lints);
    values::of_configuration(tree, config, &mut lints);
    token_sources::token_sources(config, &mut lints);
    let routes: Vec<Probe<'_>> = probes(config);
    let (served, never_served): (Vec<_>, Vec<_>) = routes.iter().partition(|probe| is_served(config, probe));
    for probe in never_served {
        let problem = format!(
            "{} never applies: other routes or metadata documents match all of its requests; remove this route, or make it more specific",
            probe.template
        );
        lints.push(Lint::new(&probe.route(), problem));
    }
    // A route with an unknown method gets only that warning: the method may be misspelt.
    let served: Vec<_> = served.into_iter().filter(|probe| !methods::names(probe, &mut lints)).collect();
    methods::weaker(config, &routes, &served, &mut lints);
    wildcard::one_segment(config, &routes, &served, &mut lints);
    partial::partials(config, &routes, &served, &mut lints);
    overlaps::overlaps(config, &served, &mut lints);
    path_variants::of_own_spellings(config, &routes, &served, &mut lints);
    path_variants::skipped(config, &mut lints);
    trust::trust(config, tree, &mut lints);
    second_tokens::second_tokens(config, metadata, &mut lints);
    unused_policies(tree, metadata, &mut lints);
    lints.extend(numeric_strings::numeric_strings(tree));
    for misspelling in spelling::misspellings(tree) {
        let problem = format!(
            "\"{}\" occurs only here, and the similar \"{}\" occurs {} time{}; check whether one of them is misspelt",
            misspelling.name,
            misspelling.other,
            misspelling.times,
            if misspelling.times == 1 { "" } else { "s" }
        );
        lints.push(Lint { path: misspelling.path, problem });
    }
    lints.iter_mut().for_each(|lint| as_written(&mut lint.path, tree));
    lints
}

/// Removes the index 0 from a path if the file has a single value instead of a list.
fn as_written(path: &mut Path, tree: &Tree) {
    let Some(last) = path.pop() else { return };
    let is_list = || matches!(tree.nearest_to(path).value, TreeValue::List(_));
    if last != PathSegment::Index(0) || is_list() {
        path.push(last);
    }
}

const QUERY: &str = "reads tokens from the query, which logs, Referer headers and traces before the filter can expose; \
                     prefer a header or a cookie";

fn global_settings(config: &Config, tree: &Tree, lints: &mut Vec<Lint>) {
    let mut lint = |key: Name, problem: &str| lints.push(Lint::new(&of_keys(&[key]), problem));
    if !config.enabled {
        lint(configuration::ENABLED.name, "is false: the filter checks no token and denies no request");
    }
    if config.report_only {
        lint(
            configuration::REPORT_ONLY.name,
            "is true: the filter counts and logs denials, but forwards every request",
        );
    }
    match config.default_policy.rule {
        Rule::Anonymous | Rule::AllowMissingOrFailed => lint(
            configuration::DEFAULT_POLICY,
            "allows every request that no route matches, so a missing route leaves a path open; deny by default, and allow each open path in a route",
        ),
        Rule::AllowMissing(_) => lint(
            configuration::DEFAULT_POLICY,
            "allows requests without a token that no route matches, so a missing route leaves a path open; require a token by default, and allow each open path in a route",
        ),
        _ => {}
    }
    let places = config.routes.rules().filter_map(|route| route.token_from.as_deref()).flatten();
    let of_second = config.second_tokens.iter().flat_map(|token| &token.token_from);
    if of_second.into_iter().any(|place| matches!(place, TokenSource::Query { .. })) {
        lint(configuration::SECOND_TOKENS, QUERY);
    }
    if config.token_from.iter().chain(places).any(|place| matches!(place, TokenSource::Query { .. })) {
        let is_global = tree.get(configuration::TOKEN_FROM.as_str()).is_some();
        lint(if is_global { configuration::TOKEN_FROM } else { configuration::ROUTES }, QUERY);
    }
}

fn unused_policies(tree: &Tree, metadata: bool, lints: &mut Vec<Lint>) {
    let mut used = Vec::new();
    tree.walk(&mut |value, path, _| {
        if path.segments().len() > 1 && path.last_key() == Some(&requirement::POLICY.as_str()) {
            used.extend(value.text());
        }
    });
    let policies = configuration::POLICIES;
    for (name, _) in tree.get(policies.as_str()).map(Tree::members).unwrap_or_default() {
        if !metadata && !used.contains(&name.as_str()) {
            lints.push(Lint::new(
                &of_keys(&[policies]).key(name),
                "is not used by any route; remove it, or name it in a route",
            ));
        }
    }
}
