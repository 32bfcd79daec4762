//! Checks routes whose path has several variants, and path variants that are skipped.

use super::Lint;
use super::probe::{Probe, named};
use super::strictness::implies;
use crate::inspect::path::of_keys;
use jwt_guard::config::Config;
use jwt_guard::config::keys::configuration;
use jwt_guard::route::{RequestLine, VariantClass};

/// Warns about each route whose path has a variant that matches a route with another requirement: a request must then meet
/// both requirements. Variants by letter case are not reported.
pub fn of_own_spellings(config: &Config, probes: &[Probe<'_>], served: &[&Probe<'_>], lints: &mut Vec<Lint>) {
    for probe in served {
        let (Some(host), Some(sample)) = (probe.hosts.first(), probe.samples.first()) else { continue };
        let target = RequestLine {
            host: host.as_bytes(),
            method: probe.methods.first().map_or("GET", String::as_str).as_bytes(),
            path: Some(sample.as_bytes()),
            method_overrides: Vec::new(),
        };
        let Ok(matches) = config.routes.matches(&target) else { continue };
        if matches.as_written().index() != Some(probe.index) {
            continue;
        }
        for demand in matches.iter().skip(1) {
            let other = demand.index().and_then(|index| probes.get(index));
            let requirement = other.map_or(&config.default_policy, |other| &other.rule.requirement);
            let classes = &demand.variant.classes;
            if classes.contains(&VariantClass::LetterCase) || implies(&probe.rule.requirement, requirement) {
                continue;
            }
            let governs = named(other);
            let names: Vec<_> = classes.iter().map(|class| class.name()).collect();
            let skippable = classes.iter().find(|class| VariantClass::SKIPPABLE.contains(class));
            let remedy = match skippable {
                Some(class) => format!("add skip_readings: [{class}] if no upstream does that"),
                None => "write the path as upstreams read it".to_owned(),
            };
            let problem = format!(
                "an upstream may read {sample} as {} ({}), so {governs} also applies, and a request must meet both; \
                 give the two routes one requirement, or {remedy}",
                demand.variant.path,
                names.join(", "),
            );
            lints.push(Lint::new(&probe.template_path(), problem));
        }
    }
}

/// Warns about each skipped class, with an example of a request to which the requirement then does not apply.
pub fn skipped(config: &Config, lints: &mut Vec<Lint>) {
    for class in config.routes.skipped().iter() {
        let (sent, read) = match class {
            VariantClass::LetterCase => ("/ADMIN", "/admin"),
            VariantClass::EncodedSlash => ("/x%2F..%2Fadmin", "/admin"),
            VariantClass::PathParameters => ("/admin;x", "/admin"),
            VariantClass::Backslash => ("/x\\..\\admin", "/admin"),
            VariantClass::TrailingDotOrSpace => ("/admin.", "/admin"),
            VariantClass::CompatibilityCharacters => ("/%EF%BD%81dmin", "/admin"),
            VariantClass::MethodOverride => ("GET with x-http-method-override: DELETE", "DELETE"),
            VariantClass::PhpPathInfo => ("/index.php/admin", "/admin"),
            VariantClass::NtfsStreams => ("/admin::$DATA", "/admin"),
            VariantClass::AspnetTickets => ("/(S(x))/admin", "/admin"),
            _ => continue,
        };
        let problem = format!(
            "skips {class}: the requirement for {read} is not applied to {sent}; keep the class only if no upstream, and no \
             proxy in front of one, reads {sent} as {read}"
        );
        lints.push(Lint::new(&of_keys(&[configuration::SKIP_READINGS]), problem));
    }
}
