//! Checks the settings for bound tokens (`confirmation`, `dpop`).

use super::Lint;
use super::authority::is_loopback;
use super::lint::issuer_key;
use crate::inspect::path::of_keys;
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::config::keys::{configuration, dpop, issuer};
use jwt_guard::confirmation::Confirmation;
use jwt_guard::token_source::TokenSource;

/// Warns about settings that make bound tokens useless, or useful to a thief.
pub fn bound_tokens(config: &Config, tree: &Tree, lints: &mut Vec<Lint>) {
    for (index, issuer) in config.issuers.iter().enumerate() {
        if issuer.confirmation == Confirmation::Ignore {
            let problem = "is ignore: a token that is bound to a key passes without the key, also if it is stolen; remove this \
                           key to check the binding";
            lints.push(Lint::new(&issuer_key(tree, index, issuer::CONFIRMATION.name), problem));
        }
    }
    let Some(rules) = &config.dpop else { return };
    let origin = || of_keys(&[configuration::DPOP, dpop::ORIGIN]);
    for plain in rules.origins.iter().filter(|origin| !origin.is_secure() && !is_loopback(origin.host())) {
        let problem = format!(
            "{plain} has the scheme http: everyone on the network can read the token and the proof; write the https origin \
             that clients use"
        );
        lints.push(Lint::new(&origin(), problem));
    }
    let mut lists = std::iter::once(&config.token_from)
        .chain(config.routes.rules().filter_map(|route| route.token_from.as_ref()));
    if !lists.any(|list| list.contains(&TokenSource::Dpop)) {
        let problem = "has no effect: a token with a proof is read only from Authorization: DPoP, and no token_from contains \
                       {header: authorization}; add it";
        lints.push(Lint::new(&of_keys(&[configuration::DPOP]), problem));
    }
}
