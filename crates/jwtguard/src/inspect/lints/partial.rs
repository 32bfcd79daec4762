//! Checks `/admin*`. Here it matches one segment that starts with `admin`. In other software it also matches every path
//! that starts with `/admin`, and people write it for `/admin` and everything below it.

use super::Lint;
use super::probe::{ANY_SEGMENT, Probe, filled, joined, named, route_for};
use super::strictness::{implies, requires_less};
use jwt_guard::config::Config;
use jwt_guard::route::{PartialSegment, TemplateSegment};

/// Warns about each route whose last segment is a word and `*`: if the route opens more names than the word, and if a
/// weaker rule applies below it.
pub fn partials(config: &Config, probes: &[Probe<'_>], served: &[&Probe<'_>], lints: &mut Vec<Lint>) {
    for probe in served {
        let segments: Vec<TemplateSegment<'_>> = probe.template.segments().collect();
        let [before @ .., TemplateSegment::Partial(PartialSegment { prefix, suffix: "" })] =
            segments.as_slice()
        else {
            continue;
        };
        let Some(host) = probe.hosts.first() else { continue };
        let method = probe.methods.first().map_or("GET", String::as_str);
        let written = format!("{}/{prefix}", joined(before.iter().map(TemplateSegment::text)));
        let below = format!("{}/{prefix}/{ANY_SEGMENT}", filled(before.iter().copied()));
        if !probe.template.covers_rest()
            && let Some(applying) = route_for(config, host, method, &below)
        {
            let other = applying.and_then(|index| probes.get(index));
            let requirement = other.map_or(&config.default_policy, |other| &other.rule.requirement);
            if !implies(requirement, &probe.rule.requirement) {
                let problem = format!(
                    "{} matches one segment: {} applies to {written}/a and does not require what this route requires; \
                     write {written}** for every path that starts with {written}, or {written}/** for everything below \
                     {written}",
                    probe.template,
                    named(other),
                );
                lints.push(Lint::new(&probe.template_path(), problem));
                continue;
            }
        }
        // A word such as `health`. A text such as `swagger-ui` or `v1.` is meant as the start of several names.
        let is_word = prefix.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_word && requires_less(&probe.rule.requirement, &config.default_policy) {
            let below = match probe.template.covers_rest() {
                true => String::new(),
                false => format!(" and not {written}/a"),
            };
            let problem = format!(
                "{} also opens every other name that starts with \"{prefix}\", such as {written}x{below}; for {written} \
                 and everything below it, write {written}/**; otherwise list the names that are meant, or write \
                 {written}-* or {written}.*",
                probe.template,
            );
            lints.push(Lint::new(&probe.template_path(), problem));
        }
    }
}
