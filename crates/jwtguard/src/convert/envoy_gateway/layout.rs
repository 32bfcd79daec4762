//! Which policy decides on each match of a listener.

use super::gateways::{HostMatch, Listener, VirtualHost};
use crate::convert::notes::Fault;
use crate::inspect::tree::Tree;

/// A policy, by its index, merged into another one or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// The index of the policy.
    pub policy: usize,
    /// The index of the policy that it is merged into.
    pub parent: Option<usize>,
}

/// The policy of each match on a listener.
pub struct Layout<'o, 't> {
    /// The listeners with this layout.
    pub listeners: Vec<Listener<'t>>,
    /// The policy of the Gateway.
    pub gateway: Option<Effective>,
    /// The hosts.
    pub hosts: Vec<VirtualHost<'o, 't>>,
    /// The policy of each match of each host.
    pub policies: Vec<Vec<Option<Effective>>>,
}

impl Layout<'_, '_> {
    /// Whether two listeners have the same matches with the same policies.
    pub fn is_same(&self, other: &Self) -> bool {
        let matches = |layout: &Self| -> Vec<(String, Vec<*const Tree>)> {
            let pointers = |host: &VirtualHost<'_, '_>| {
                host.matches.iter().map(|found| std::ptr::from_ref(&found.matched.tree)).collect()
            };
            layout.hosts.iter().map(|host| (host.hostname.to_owned(), pointers(host))).collect()
        };
        self.gateway == other.gateway && self.policies == other.policies && matches(self) == matches(other)
    }

    /// Refuses one match of two routes with different policies: Envoy Gateway uses the older route, which files do not tell.
    ///
    /// # Errors
    /// The match of the second route.
    pub fn check_equal_matches(&self) -> Result<(), Fault> {
        for (host, policies) in self.hosts.iter().zip(&self.policies) {
            let mut seen: Vec<(String, &HostMatch<'_, '_>, Option<Effective>)> = Vec::new();
            for (found, policy) in host.matches.iter().zip(policies) {
                let text = found.matched.tree.to_json();
                let other = seen.iter().find(|(other, route, other_policy)| {
                    *other == text && !std::ptr::eq(route.route, found.route) && other_policy != policy
                });
                if let Some((_, other, _)) = other {
                    let problem = format!(
                        "the route {} has this match for the host {} too, with another policy: Envoy Gateway uses the older route, so \
                         remove the match from the other",
                        other.route.manifest.name, host.hostname
                    );
                    return Err(Fault::at(&found.matched.tree, problem));
                }
                seen.push((text, found, *policy));
            }
        }
        Ok(())
    }

    /// The policies that some match or the Gateway has, each once.
    pub fn used(&self) -> Vec<Effective> {
        let mut used = Vec::new();
        for policy in self.policies.iter().flatten().chain(std::iter::once(&self.gateway)).flatten() {
            if !used.contains(policy) {
                used.push(*policy);
            }
        }
        used
    }

    /// Whether one policy decides on every request.
    pub fn is_uniform(&self) -> bool {
        self.gateway.is_some() && self.policies.iter().flatten().all(|policy| *policy == self.gateway)
    }
}
