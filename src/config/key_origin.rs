//! Where the keys of an issuer come from: given in the configuration, or fetched from a source.

use std::rc::Rc;
use std::time::Duration;

use super::keys::issuer as key;
use super::reader::{Errors, Node, Object};
use crate::endpoint::Endpoint;
use crate::jose::jwks::{KeySet, ParsedKeySet};
use crate::keys::{KeyTimes, Location, Source};

/// Where keys come from.
#[derive(Debug)]
pub enum KeyOrigin {
    /// `jwks_inline`
    Inline(Rc<KeySet>),
    /// They are fetched.
    Fetched {
        /// From where.
        source: Source,
        /// When.
        times: KeyTimes,
    },
}

impl KeyOrigin {
    /// Whether the keys are fetched from where `jwks_endpoint` leads by default for this issuer.
    pub(super) fn is_default_endpoint(&self, iss: &str) -> bool {
        let Self::Fetched { source: Source { location: Location::Endpoint(endpoint), .. }, .. } = self else {
            return false;
        };
        parse_endpoint(iss, key::JWKS_ENDPOINT.default).as_ref() == Ok(endpoint)
    }
}

pub(super) fn keys(
    object: &mut Object<'_>,
    issuer: &str,
    name: &str,
    warnings: &mut Vec<String>,
    errors: &mut Errors,
) -> Option<KeyOrigin> {
    let mut seconds = |key| Duration::from_secs(object.integer(key, errors));
    let ttl = seconds(&key::JWKS_TTL_SECONDS);
    let max_stale = seconds(&key::JWKS_MAX_STALE_SECONDS);
    let cooldown = seconds(&key::JWKS_REFRESH_COOLDOWN_SECONDS);
    let timeout = Duration::from_millis(object.integer(&key::JWKS_TIMEOUT_MS, errors));
    let cluster = object.take(key::JWKS_CLUSTER);
    let endpoint = object.take(key::JWKS_ENDPOINT.name);
    let discovery = object.flag(&key::DISCOVERY, errors);
    let discovery_cluster = object.take(key::DISCOVERY_CLUSTER);

    if let Some(inline) = object.take(key::JWKS_INLINE) {
        for (name, given) in [
            (key::JWKS_CLUSTER, cluster.is_some()),
            (key::JWKS_ENDPOINT.name, endpoint.is_some()),
            (key::DISCOVERY.name, discovery),
            (key::DISCOVERY_CLUSTER, discovery_cluster.is_some()),
        ] {
            if given {
                object.refuse(name, "nothing is fetched where jwks_inline gives the keys", errors);
            }
        }
        return inline_keys(&inline, name, warnings, errors);
    }
    let Some(cluster) = cluster else {
        let problem =
            "is required: the name of the Envoy cluster that reaches the issuer's keys (or give jwks_inline)";
        object.refuse(key::JWKS_CLUSTER, problem, errors);
        return None;
    };
    let cluster = cluster.text("the name of a cluster", errors)?.to_owned();
    let discovery_cluster = match discovery_cluster {
        Some(node) if !discovery => {
            node.refuse("only discovery: true asks for a discovery document", errors);
            None
        }
        Some(node) => node.text("the name of a cluster", errors),
        None => None,
    };
    let location = match (discovery, endpoint) {
        (true, Some(node)) => {
            node.refuse("discovery: true finds the endpoint; give one of the two", errors);
            None
        }
        (true, None) if issuer.is_empty() => None,
        (true, None) => match Endpoint::parse(issuer) {
            Ok(url) => Some(Location::Discovery {
                cluster: discovery_cluster.map_or_else(|| cluster.clone(), str::to_owned),
                other_host: discovery_cluster.is_some(),
                iss: issuer.to_owned(),
                issuer: url,
            }),
            Err(error) => {
                object.refuse(
                    key::ISSUER,
                    format!("discovery needs an issuer that is a URL: {error}"),
                    errors,
                );
                None
            }
        },
        (false, Some(node)) => {
            let text = node.text("a URL or a path that starts with /", errors)?;
            let endpoint = parse_endpoint(issuer, text).map_err(|problem| node.refuse(problem, errors)).ok();
            endpoint.map(Location::Endpoint)
        }
        // Without an issuer there is one error, which is told there.
        (false, None) if issuer.is_empty() => None,
        (false, None) => parse_endpoint(issuer, key::JWKS_ENDPOINT.default)
            .map_err(|problem| object.refuse(key::JWKS_ENDPOINT.name, problem, errors))
            .ok()
            .map(Location::Endpoint),
    };
    // Discovery asks in two places at most, then for the keys.
    let fetches = if discovery { 3 } else { 1 };
    Some(KeyOrigin::Fetched {
        source: Source { cluster, location: location? },
        times: KeyTimes { ttl, max_stale, cooldown, timeout, fetches },
    })
}

fn parse_endpoint(issuer: &str, text: &str) -> Result<Endpoint, String> {
    match text.starts_with('/') {
        false => Endpoint::parse(text).map_err(|error| error.to_string()),
        true => Endpoint::parse(&format!("{}{text}", issuer.strip_suffix('/').unwrap_or(issuer))).map_err(|error| {
            format!("{text} is appended to the issuer, which makes no URL here: {error}; give jwks_endpoint as a URL")
        }),
    }
}

fn inline_keys(
    node: &Node<'_>,
    name: &str,
    warnings: &mut Vec<String>,
    errors: &mut Errors,
) -> Option<KeyOrigin> {
    let text = match node.value().as_str() {
        Some(text) => text.to_owned(),
        None => node.value().to_string(),
    };
    match KeySet::parse(text.as_bytes()) {
        Ok(ParsedKeySet { keys, skipped }) => {
            warnings.extend(skipped.iter().map(|skipped| format!("issuer {name}: jwks_inline: {skipped}")));
            Some(KeyOrigin::Inline(Rc::new(keys)))
        }
        Err(error) => {
            let each = KeySet::skipped(text.as_bytes()).into_iter().map(|skipped| format!("; {skipped}"));
            let each: String = each.collect();
            node.refuse(format!("is not a key set that can be used: {error}{each}"), errors);
            None
        }
    }
}
