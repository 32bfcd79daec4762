//! Checks that a header with the subject does not mix the users of several issuers.

use super::Lint;
use crate::inspect::path::of_keys;
use jwt_guard::config::keys::configuration;
use jwt_guard::config::{Config, Issuer};
use jwt_guard::headers::HeaderSource;
use jwt_guard::jose::tenants::Tenants;

/// Warns about a header with `sub` of several issuers or tenants, if no other header tells them apart: each issuer can
/// give a user of its own the `sub` of a user of another one.
pub fn shared_subject(config: &Config, lints: &mut Vec<Lint>) {
    let mut seen: Vec<(&str, &Issuer)> = Vec::new();
    for issuer in &config.issuers {
        let map: Vec<_> = config.claim_headers.for_issuer(issuer.rules.issuer).collect();
        let tells =
            |source: &HeaderSource| matches!(source, HeaderSource::Value(_)) || is_claim(source, "iss");
        if map.iter().any(|(_, source)| tells(source)) {
            continue;
        }
        for (name, _) in map.iter().filter(|(_, source)| is_claim(source, "sub")) {
            let other = seen.iter().find(|(seen, _)| seen == name).map(|(_, other)| *other);
            let whose = match other {
                Some(other) => format!("the issuers {} and {}", other.name, issuer.name),
                None if has_several_tenants(issuer) => format!("several tenants of {}", issuer.name),
                None => {
                    seen.push((*name, issuer));
                    continue;
                }
            };
            let problem = format!(
                "{name} is the sub of {whose}, and two of them can have the same sub; set another header from iss, such as \
                 x-auth-issuer: iss, and let the upstream read both"
            );
            lints.push(Lint::new(&of_keys(&[configuration::CLAIM_HEADERS]), problem));
            return;
        }
    }
}

fn is_claim(source: &HeaderSource, claim: &str) -> bool {
    matches!(source, HeaderSource::Pointers(pointers)
        if matches!(pointers.as_slice(), [one] if one.as_str().strip_prefix('/').unwrap_or(one.as_str()) == claim))
}

fn has_several_tenants(issuer: &Issuer) -> bool {
    match issuer.rules.tenants.as_ref().map(|form| form.tenants()) {
        Some(Tenants::Any) => true,
        Some(Tenants::Listed(tenants)) => tenants.len() > 1,
        None => false,
    }
}
