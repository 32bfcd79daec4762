//! The payloads that `jwt_authn` stores for RBAC. Istio and Envoy Gateway let each provider store its payload, whether a rule
//! reads it or not.

use std::collections::HashSet;

use super::chain::{Chain, FilterKind};
use super::made::map;
use crate::inspect::tree::{Tree, TreeValue};

/// The filter that stores them.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// Leaves out the payloads that no rule of the chain reads.
pub fn leave_out_unread(chain: &mut Chain) {
    let mut read = HashSet::new();
    let rules =
        chain.filters.iter().filter(|filter| filter.kind == FilterKind::Rbac).map(|filter| &filter.config);
    for tree in rules.chain(&chain.virtual_hosts) {
        tree.walk(&mut |tree, _, _| {
            let key = tree.list("path").first().and_then(|first| first.text_of("key"));
            read.extend(key.filter(|_| tree.text_of("filter") == Some(JWT_AUTHN)).map(ToOwned::to_owned));
        });
    }
    for filter in chain.filters.iter_mut().filter(|filter| filter.kind == FilterKind::JwtAuthn) {
        let TreeValue::Object(members) = &mut filter.config.value else { continue };
        for (_, providers) in members.iter_mut().filter(|(name, _)| name == "providers") {
            let all =
                providers.members().iter().map(|(name, provider)| (name.clone(), stored(provider, &read)));
            *providers = map(providers, all.collect());
        }
    }
}

/// The provider, without its payload if nothing reads it.
fn stored(provider: &Tree, read: &HashSet<String>) -> Tree {
    if provider.text_of("payload_in_metadata").is_some_and(|key| read.contains(key)) {
        return provider.clone();
    }
    let is_kept = |name: &str| !["payload_in_metadata", "normalize_payload_in_metadata"].contains(&name);
    let kept = provider.members().iter().filter(|(name, _)| is_kept(name)).cloned();
    map(provider, kept.collect())
}
