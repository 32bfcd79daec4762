//! Finds routes that overlap, if the route that applies requires less than the other one.
//!
//! A route inside another route is an intended exception: `/admin/public` inside `/admin/**`. If neither contains the other,
//! precedence decides, often unexpectedly: `/public/**` applies to `/public/admin/users` before `/{tenant}/admin/**`, and
//! `/api/**` applies to `DELETE /api/x` before `DELETE /**`.

use super::Lint;
use super::probe::{ANY_SEGMENT, METHODS, Probe, filled, joined, named, or_slash, route_for};
use super::segments::{self, TemplateTree};
use super::strictness::{implies, requires_less};
use crate::inspect::describe;
use jwt_guard::config::Config;
use jwt_guard::policy::Rule;
use jwt_guard::route::TemplateSegment;

/// The maximum number of compared pairs of routes. It bounds the time for very large configurations.
const MAX_PAIRS: usize = 200_000;

/// The maximum number of routes named in one warning.
const MAX_NAMED: usize = 3;

/// Warns about each route that a weaker route shadows for some requests.
pub fn overlaps(config: &Config, probes: &[&Probe<'_>], lints: &mut Vec<Lint>) {
    let regions: Vec<Region<'_>> = probes.iter().map(|probe| Region::of(probe)).collect();
    let mut tree = TemplateTree::default();
    for (at, region) in regions.iter().enumerate() {
        tree.insert(&region.segments, region.rest, at);
    }
    let mut lost: Vec<Vec<Shadowing<'_>>> = Vec::new();
    lost.resize_with(regions.len(), Vec::new);
    let mut pairs = 0;
    for (at, region) in regions.iter().enumerate() {
        let mut met = Vec::new();
        tree.meeting(&region.segments, region.rest, &mut met);
        met.retain(|other| *other > at);
        met.sort_unstable();
        pairs += met.len();
        if pairs > MAX_PAIRS {
            break;
        }
        for other in met.into_iter().filter_map(|other| regions.get(other).map(|region| (other, region))) {
            let Some((loser, loss)) = shadowing(config, (at, region), other) else { continue };
            if let Some(lost) = lost.get_mut(loser) {
                lost.push(loss);
            }
        }
    }
    for (region, lost) in regions.iter().zip(&lost) {
        if let Some(problem) = message(config, region.probe, lost) {
            lints.push(Lint::new(&region.probe.route(), problem));
        }
    }
}

fn message(config: &Config, probe: &Probe<'_>, lost: &[Shadowing<'_>]) -> Option<String> {
    let first = lost.first()?;
    let winner = first.winner;
    let how = match requires_less(&winner.rule.requirement, &probe.rule.requirement) {
        true => "requires less",
        false => "requires something else",
    };
    let who = |probe: &Probe<'_>| describe::requirement(&probe.rule.requirement, &config.names);
    let methods = match first.methods.as_slice() {
        [] => String::new(),
        methods => format!(" for {}", methods.join(", ")),
    };
    let others: Vec<String> =
        lost.iter().skip(1).take(MAX_NAMED - 1).map(|loss| named(Some(loss.winner))).collect();
    let more = lost.len().saturating_sub(MAX_NAMED);
    let others = match (others.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!("; also shadowed by {}", others.join(" and ")),
        (false, more) => format!("; also shadowed by {} and {more} more", others.join(", ")),
    };
    let listed = |key: &str, values: &[String]| match values {
        [] => String::new(),
        values => {
            let values: Vec<String> = values.iter().map(|value| describe::flow_text(value)).collect();
            format!(", {key}: [{}]", values.join(", "))
        }
    };
    // A rule for methods on every path is usually meant to add to the rules of the paths.
    let or_guard = match probe.template.covers_rest() && !probe.methods.is_empty() {
        true => "; or move this route into guards, where it applies beside every other route",
        false => "",
    };
    Some(format!(
        "{} is shadowed{methods} by {}, which is more specific and {how}: {} is decided by \"{}\", not by \"{}\"; write a \
         route {{path: {}{}{}}} with the requirement that is intended there{or_guard}{others}",
        probe.template,
        named(Some(winner)),
        first.request,
        who(winner),
        who(probe),
        describe::flow_text(&first.template),
        listed("methods", &first.methods),
        listed("hosts", &winner.patterns),
    ))
}

/// The requests for which one route shadows another.
struct Shadowing<'p> {
    winner: &'p Probe<'p>,
    /// The methods of these requests; empty for every method.
    methods: Vec<String>,
    /// An example of these requests.
    request: String,
    /// The template that matches these requests.
    template: String,
}

/// Compares two routes. Returns the number of the shadowed one and the requests for which it is shadowed.
fn shadowing<'p>(
    config: &Config,
    one: (usize, &Region<'p>),
    other: (usize, &Region<'p>),
) -> Option<(usize, Shadowing<'p>)> {
    let (template, samples) = one.1.meet(other.1)?;
    let methods = one.1.shared_methods(other.1)?;
    let host = one.1.shared_host(other.1)?;
    let tried: Vec<&str> = match methods.as_slice() {
        [] => METHODS.to_vec(),
        methods => methods.iter().map(String::as_str).collect(),
    };
    let requests = samples.iter().flat_map(|path| tried.iter().map(move |method| (*method, path)));
    for (method, path) in requests {
        let applying = route_for(config, &host, method, path).flatten();
        let (winner, loser) = match applying {
            Some(index) if index == one.1.probe.index => (one, other),
            Some(index) if index == other.1.probe.index => (other, one),
            _ => continue,
        };
        if winner.1.is_intended_exception(loser.1)
            || implies(&winner.1.probe.rule.requirement, &loser.1.probe.rule.requirement)
        {
            return None;
        }
        let at = match !winner.1.probe.patterns.is_empty() {
            true => format!(" on {}", host.replace(ANY_SEGMENT, "x")),
            false => String::new(),
        };
        let request = format!("{method} {}{at}", path.replace(ANY_SEGMENT, "x"));
        return Some((loser.0, Shadowing { winner: winner.1.probe, methods, request, template }));
    }
    None
}

/// The requests that a route matches.
struct Region<'p> {
    probe: &'p Probe<'p>,
    segments: Vec<TemplateSegment<'p>>,
    rest: bool,
}

impl<'p> Region<'p> {
    fn of(probe: &'p Probe<'p>) -> Self {
        Self { probe, segments: probe.template.segments().collect(), rest: probe.template.covers_rest() }
    }

    /// The template of the paths that both routes match, and some examples.
    fn meet(&self, other: &Region<'p>) -> Option<(String, Vec<String>)> {
        let length = self.segments.len().max(other.segments.len());
        if (self.segments.len() < length && !self.rest) || (other.segments.len() < length && !other.rest) {
            return None;
        }
        let mut shared = Vec::with_capacity(length);
        for at in 0..length {
            shared.push(match (self.segments.get(at).copied(), other.segments.get(at).copied()) {
                (Some(one), Some(other)) => segments::shared(one, other)?,
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => TemplateSegment::Any("*"),
            });
        }
        let template = joined(shared.iter().map(TemplateSegment::text));
        let base = filled(shared.into_iter());
        Some(match self.rest && other.rest {
            true => (
                format!("{template}/**"),
                vec![
                    format!("{base}/{ANY_SEGMENT}"),
                    format!("{base}/{ANY_SEGMENT}/{ANY_SEGMENT}"),
                    or_slash(base),
                ],
            ),
            false => (or_slash(template), vec![or_slash(base)]),
        })
    }

    /// The methods that both routes match; empty for every method, `None` if there is none.
    fn shared_methods(&self, other: &Self) -> Option<Vec<String>> {
        let (one, other) = (with_head(&self.probe.methods), with_head(&other.probe.methods));
        match (one.is_empty(), other.is_empty()) {
            (true, _) => Some(other),
            (_, true) => Some(one),
            _ => Some(one.into_iter().filter(|method| other.contains(method)).collect::<Vec<_>>())
                .filter(|shared| !shared.is_empty()),
        }
    }

    /// A host that both routes match.
    fn shared_host(&self, other: &Self) -> Option<String> {
        let fits = |host: &&String, region: &Self| {
            region.probe.patterns.is_empty()
                || region.probe.patterns.iter().any(|pattern| is_host_within(host, pattern))
        };
        let both = |host: &&String| fits(host, self) && fits(host, other);
        self.probe.hosts.iter().chain(&other.probe.hosts).find(both).cloned()
    }

    /// Whether this route is an intended exception from the other one: the other one matches every request of this one, or
    /// this one opens a single path, such as `/health`, for every method.
    fn is_intended_exception(&self, other: &Self) -> bool {
        let is_open = self.probe.rule.requirement.rule == Rule::Anonymous;
        let is_one_path =
            !self.rest && self.segments.iter().all(|segment| matches!(segment, TemplateSegment::Literal(_)));
        self.has_paths_within(other)
            && self.has_hosts_within(other)
            && (self.has_methods_within(other) || (is_open && is_one_path))
    }

    fn has_paths_within(&self, other: &Self) -> bool {
        let is_as_long = match other.rest {
            true => self.segments.len() >= other.segments.len(),
            false => self.segments.len() == other.segments.len() && !self.rest,
        };
        let mut pairs = other.segments.iter().zip(&self.segments);
        is_as_long && pairs.all(|(other, one)| segments::is_within(*one, *other))
    }

    fn has_methods_within(&self, other: &Self) -> bool {
        let (one, other) = (with_head(&self.probe.methods), with_head(&other.probe.methods));
        other.is_empty() || (!one.is_empty() && one.iter().all(|method| other.contains(method)))
    }

    fn has_hosts_within(&self, other: &Self) -> bool {
        let (one, other) = (&self.probe.patterns, &other.probe.patterns);
        let is_within = |host: &String| other.iter().any(|pattern| is_host_within(host, pattern));
        other.is_empty() || (!one.is_empty() && one.iter().all(is_within))
    }
}

/// The methods of a route, with HEAD if there is GET.
fn with_head(methods: &[String]) -> Vec<String> {
    let mut methods = methods.to_vec();
    if methods.iter().any(|method| method == "GET") && !methods.iter().any(|method| method == "HEAD") {
        methods.push("HEAD".to_owned());
    }
    methods
}

/// Whether a pattern matches a host, or every host of another pattern.
fn is_host_within(host: &str, pattern: &str) -> bool {
    let (host, pattern) = (host.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    match pattern.split_once('.') {
        Some(("*", suffix)) => {
            host.strip_suffix(suffix).is_some_and(|label| label.len() > 1 && label.ends_with('.'))
        }
        Some((label, suffix)) if label.starts_with('{') => {
            host.split_once('.').is_some_and(|(label, rest)| rest == suffix && label != "*")
        }
        _ => host == pattern,
    }
}
