//! `tenants`: the tenants of an issuer whose `iss` has a placeholder.

use std::collections::BTreeSet;

use super::issuer_error::IssuerError;
use super::keys::{any_tenant, issuer as key};
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors, preview};
use crate::jose::json::Json;
use crate::jose::tenants::{TenantIssuer, Tenants, has_placeholder, is_tenant};

/// What a list of tenants contains.
const TENANT: &str = "a tenant, such as 9188040d-6c67-4c5b-b112-36a304b66dad: letters, digits, -, ., _ and ~";

/// The form of an issuer with a placeholder, and its tenants. `None` for an issuer without a placeholder.
pub(super) fn tenant_issuer(
    object: &mut ConfigObject<'_>,
    issuer: &str,
    errors: &mut Errors,
) -> Option<TenantIssuer> {
    let node = object.take(key::TENANTS);
    if !has_placeholder(issuer) {
        if let Some(node) = node.filter(|_| !issuer.is_empty()) {
            node.refuse(Problem::Issuer(IssuerError::TenantsWithoutPlaceholder), errors);
        }
        return None;
    }
    if !object.has(key::NAME) {
        let what = "a name for logs and metrics, because the issuer has a placeholder";
        object.refuse(key::NAME, Problem::Required { what }, errors);
    }
    let tenants = match node {
        Some(node) => tenants(&node, errors),
        None => {
            let what = "the tenants whose tokens are accepted, or {any: true} for every tenant";
            object.refuse(key::TENANTS, Problem::Required { what }, errors);
            None
        }
    };
    // The form is checked even if the tenants are not valid, so that all mistakes are reported at once.
    let form = TenantIssuer::parse(issuer, tenants.clone().unwrap_or(Tenants::Any));
    let form = form
        .map_err(|error| object.refuse(key::ISSUER, Problem::Issuer(IssuerError::Placeholder(error)), errors))
        .ok();
    tenants.and(form)
}

fn tenants(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Tenants> {
    if matches!(node.value(), Json::Object(_)) {
        return any_tenant(node, errors);
    }
    let texts = node.string_list(TENANT, errors)?;
    let items = node.one_or_many();
    let before = errors.len();
    for (_, item) in texts.iter().zip(&items).filter(|(text, _)| !is_tenant(text)) {
        item.refuse(Problem::Expected { what: TENANT, got: preview(item.value()) }, errors);
    }
    // `collect` would compile a sort for these texts.
    let mut listed = BTreeSet::new();
    listed.extend(texts.into_iter().map(str::to_owned));
    (errors.len() == before).then_some(Tenants::Listed(listed))
}

/// `{any: true}`
fn any_tenant(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Tenants> {
    let mut object = node.object("{any: true}", errors)?;
    let before = errors.len();
    let any = object.take(any_tenant::ANY).and_then(|node| node.flag(errors)) == Some(true);
    let is_misspelt = object.has_unknown();
    object.deny_unknown(errors);
    if any {
        return Some(Tenants::Any);
    }
    if errors.len() == before && !is_misspelt {
        let what = "a list of tenants, or {any: true} for every tenant";
        node.refuse(Problem::Expected { what, got: preview(node.value()) }, errors);
    }
    None
}
