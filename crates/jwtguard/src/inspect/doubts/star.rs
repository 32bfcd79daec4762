//! `/admin/*`, which is one segment here and everything below `/admin/` in many another system.

use super::Doubt;
use super::probe::{ANYTHING, Probe, governed_by};
use super::strictness::implies;
use jwt_guard::config::Config;

/// Every route whose last segment is `*`, where the path before it or a longer one falls to a weaker rule. One that is
/// written with a name, as `{id}`, is meant as one segment.
pub fn one_segment(config: &Config, probes: &[Probe<'_>], served: &[&Probe<'_>], doubts: &mut Vec<Doubt>) {
    for probe in served {
        let Some(before) = probe.path.trim_end_matches('/').strip_suffix("/*") else { continue };
        let (Some(host), Some(sample)) = (probe.hosts.first(), probe.samples.first()) else { continue };
        let method = probe.methods.first().map_or("GET", String::as_str);
        let base = sample.strip_suffix(ANYTHING).unwrap_or(sample).trim_end_matches('/');
        let shorter = (
            if before.is_empty() { "/" } else { before },
            if base.is_empty() { "/" } else { base }.to_owned(),
        );
        let longer = (format!("{before}/a/b"), format!("{base}/{ANYTHING}/{ANYTHING}"));
        let mut weaker: Vec<(String, Option<usize>)> = Vec::new();
        for (shown, path) in [(shorter.0.to_owned(), shorter.1), longer] {
            let Some(governed) = governed_by(config, host, method, &path) else { continue };
            let other = governed.and_then(|index| probes.get(index));
            // A route for exactly those paths stands beside it.
            let deliberate = other.is_some_and(|other| {
                let other = other.path.trim_end_matches('/');
                [before, &format!("{before}/**")].contains(&other)
            });
            let requirement = other.map_or(&config.default_policy, |other| &other.rule.requirement);
            if !deliberate && !implies(requirement, &probe.rule.requirement) {
                weaker.push((shown, governed));
            }
        }
        let Some((_, governed)) = weaker.last() else { continue };
        let falls_to = match governed.and_then(|index| probes.get(index)) {
            Some(other) => format!("routes[{}] ({})", other.index, other.path),
            None => "default_policy".to_owned(),
        };
        let paths: Vec<&str> = weaker.iter().map(|(shown, _)| shown.as_str()).collect();
        let problem = format!(
            "* matches one segment: {} fall{} under {falls_to}, which does not require what this route requires; write \
             {before}/** for everything below, or {before}/{{name}} if one segment is intended",
            paths.join(" and "),
            if paths.len() == 1 { "s" } else { "" },
        );
        doubts.push((format!("routes[{}].path", probe.index), problem));
    }
}
