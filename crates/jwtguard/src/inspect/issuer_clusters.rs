//! The clusters through which documents of an issuer are fetched.

use jwt_guard::config::keys::{Name, issuer as key};
use jwt_guard::config::{Issuer, KeyOrigin};
use jwt_guard::http::Scheme;
use jwt_guard::keys::{Location, Source};

/// The clusters of an issuer, each with its key in the configuration. Each cluster is listed once.
pub fn clusters_of(issuer: &Issuer) -> Vec<(&'static str, &str, Scheme)> {
    let mut names: Vec<(&'static str, &str, Scheme)> = Vec::new();
    let mut add = |key: Name, name, scheme| {
        if names.iter().all(|(_, known, _)| *known != name) {
            names.push((key.as_str(), name, scheme));
        }
    };
    if let KeyOrigin::Fetched { source: Source { cluster, location }, .. } = &issuer.keys {
        add(key::JWKS_CLUSTER, cluster.as_str(), location.scheme());
        if let Location::Discovery { cluster, .. } = location {
            add(key::DISCOVERY_CLUSTER, cluster.as_str(), location.scheme());
        }
    }
    if let Some(list) = &issuer.revocation_list {
        let Source { cluster, location } = &list.source;
        add(key::REVOCATION_LIST_CLUSTER, cluster.as_str(), location.scheme());
    }
    names
}
