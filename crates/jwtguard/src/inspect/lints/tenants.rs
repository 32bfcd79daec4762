//! Checks that `tenants: {any: true}` does not let foreign tenants grant themselves roles.

use super::Lint;
use super::lint::issuer_key;
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::config::keys::{configuration, issuer as key};
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::tenants::Tenants;
use jwt_guard::policy::{
    ClaimTest, Condition, Conditions, IssuerOrAudience, RequestValue, Requirement, Rule,
};

/// Warns about each issuer of every tenant, unless each requirement names the tenants.
pub fn tenants(config: &Config, tree: &Tree, lints: &mut Vec<Lint>) {
    for (index, issuer) in config.issuers.iter().enumerate() {
        let any = issuer.rules.tenants.as_ref().filter(|form| *form.tenants() == Tenants::Any);
        let Some(claim) = any.map(|form| form.claim()) else { continue };
        let names = |requirement: &Requirement| names_tenant(requirement, claim, IssuerIndex(index));
        let is_guarded = config.guards.entries().iter().any(|guard| {
            let everywhere = guard.methods.is_empty() && guard.hosts.is_empty();
            everywhere && guard.template.as_str() == "/**" && names(&guard.rule.requirement)
        });
        if is_guarded {
            continue;
        }
        let open = match config.routes.entries().iter().find(|entry| !names(&entry.rule.requirement)) {
            _ if !names(&config.default_policy) => configuration::DEFAULT_POLICY.as_str().to_owned(),
            Some(entry) => format!("{}[{}]", configuration::ROUTES.as_str(), entry.route),
            None => continue,
        };
        let problem = format!(
            "accepts tokens of every tenant, and {open} does not name the claim {claim}: anybody can open a tenant and give \
             its users any role; list the tenants, or write a guard for /** with requires_claim: {{claim: {claim}, any: […]}}"
        );
        lints.push(Lint::new(&issuer_key(tree, index, key::TENANTS), problem));
    }
}

/// Whether tokens of the issuer meet the requirement only if their claim has certain values.
fn names_tenant(requirement: &Requirement, claim: &str, issuer: IssuerIndex) -> bool {
    match &requirement.rule {
        Rule::Anonymous | Rule::Deny => true,
        Rule::AllowMissingOrFailed => false,
        Rule::AllowMissing(restrictions) => {
            restrictions.iter().any(|restriction| excludes(restriction, issuer))
        }
        Rule::Authenticated(conditions) => one_names_tenant(conditions, claim, issuer),
    }
}

fn one_names_tenant(Conditions(list): &Conditions, claim: &str, issuer: IssuerIndex) -> bool {
    list.iter().any(|condition| match condition {
        Condition::Claim(condition) => {
            let name = condition.pointer.as_str();
            let is_named = name.strip_prefix('/').unwrap_or(name) == claim;
            is_named
                && match &condition.test {
                    ClaimTest::Values(_) => true,
                    // A client of any tenant can choose the path and a header. The label of a host separates tenants.
                    ClaimTest::Equals(value) => matches!(value, RequestValue::Host(_)),
                    _ => false,
                }
        }
        Condition::IssuerOrAudience(restriction) => excludes(restriction, issuer),
        Condition::AnyOf(alternatives) => {
            alternatives.iter().all(|alternative| one_names_tenant(alternative, claim, issuer))
        }
        _ => false,
    })
}

fn excludes(restriction: &IssuerOrAudience, issuer: IssuerIndex) -> bool {
    matches!(restriction, IssuerOrAudience::Issuer(issuers) if !issuers.iter().any(|allowed| *allowed == issuer))
}
