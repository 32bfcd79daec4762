//! Checks `/admin/*`, which matches one segment here, but everything below `/admin/` in many other systems.

use super::Lint;
use super::probe::{ANY_SEGMENT, Probe, filled, joined, named, or_slash, route_for};
use super::strictness::implies;
use jwt_guard::config::Config;
use jwt_guard::route::TemplateSegment;

/// Warns about each route whose last segment is `*`, if a weaker rule applies to the path before it or to a longer path. A
/// named segment such as `{id}` is meant as one segment.
pub fn one_segment(config: &Config, probes: &[Probe<'_>], served: &[&Probe<'_>], lints: &mut Vec<Lint>) {
    for probe in served {
        let segments: Vec<TemplateSegment<'_>> = probe.template.segments().collect();
        let [before @ .., TemplateSegment::Any("*")] = segments.as_slice() else { continue };
        let Some(host) = probe.hosts.first().filter(|_| !probe.template.covers_rest()) else { continue };
        let method = probe.methods.first().map_or("GET", String::as_str);
        let (written, base) =
            (joined(before.iter().map(TemplateSegment::text)), filled(before.iter().copied()));
        let longer = (format!("{written}/a/b"), format!("{base}/{ANY_SEGMENT}/{ANY_SEGMENT}"));
        let shorter = (or_slash(written.clone()), or_slash(base));
        let mut weaker: Vec<(String, Option<usize>)> = Vec::new();
        for (shown, path) in [shorter, longer] {
            let Some(applying) = route_for(config, host, method, &path) else { continue };
            let other = applying.and_then(|index| probes.get(index));
            // A route for exactly these paths was written on purpose.
            let deliberate = other.is_some_and(|other| other.template.segments().eq(before.iter().copied()));
            let requirement = other.map_or(&config.default_policy, |other| &other.rule.requirement);
            if !deliberate && !implies(requirement, &probe.rule.requirement) {
                weaker.push((shown, applying));
            }
        }
        let Some((_, applying)) = weaker.last() else { continue };
        let falls_to = named(applying.and_then(|index| probes.get(index)));
        let paths: Vec<&str> = weaker.iter().map(|(shown, _)| shown.as_str()).collect();
        let problem = format!(
            "* matches one segment: {falls_to} applies to {} and does not require what this route requires; write \
             {written}/** for everything below, or {written}/{{name}} if one segment is intended",
            paths.join(" and "),
        );
        lints.push(Lint::new(&probe.template_path(), problem));
    }
}
