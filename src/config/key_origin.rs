//! The origin of an issuer's keys: the configuration itself, or a URL that they are fetched from.

use std::rc::Rc;
use std::time::Duration;

use super::issuer_error::IssuerError;
use super::keys::issuer as key;
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors};
use crate::endpoint::Endpoint;
use crate::jose::jwks::{KeySet, ParsedKeySet};
use crate::jose::tenants::has_placeholder;
use crate::keys::{Location, RefreshTimings, Source};

/// The origin of an issuer's keys.
#[derive(Debug)]
pub enum KeyOrigin {
    /// `jwks_inline`
    Inline(Rc<KeySet>),
    /// The keys are fetched.
    Fetched {
        /// The cluster and the URL.
        source: Source,
        /// The times for freshness, refresh and timeout.
        times: RefreshTimings,
    },
}

impl KeyOrigin {
    /// Whether the keys are fetched from the URL that the default of `jwks_endpoint` gives for this issuer.
    pub(super) fn is_default_endpoint(&self, iss: &str) -> bool {
        let Self::Fetched { source: Source { location: Location::Endpoint(endpoint), .. }, .. } = self else {
            return false;
        };
        parse_endpoint(iss, key::JWKS_ENDPOINT.default).as_ref() == Ok(endpoint)
    }
}

/// The origin of the keys, and `jwks_timeout_ms`, which the revocation list has as well.
pub(super) fn keys(
    object: &mut ConfigObject<'_>,
    issuer: &str,
    name: &str,
    warnings: &mut Vec<String>,
    errors: &mut Errors,
) -> (Option<KeyOrigin>, Duration) {
    let written = WrittenKeys::take(object, errors);
    let timeout = written.times.timeout;
    if let Some(inline) = object.take(key::JWKS_INLINE) {
        written.refuse_beside_inline(object, errors);
        return (inline_keys(&inline, name, warnings, errors), timeout);
    }
    // Discovery requests the document at up to two URLs, and then the keys.
    let fetches = if written.discovery { 3 } else { 1 };
    let times = RefreshTimings { fetches, ..written.times };
    let source = written.source(object, issuer, errors);
    (source.map(|source| KeyOrigin::Fetched { source, times }), timeout)
}

/// The configuration keys about fetching as written, before the check that they can be combined.
struct WrittenKeys<'a> {
    times: RefreshTimings,
    cluster: Option<ConfigNode<'a>>,
    endpoint: Option<ConfigNode<'a>>,
    discovery: bool,
    discovery_cluster: Option<ConfigNode<'a>>,
}

impl<'a> WrittenKeys<'a> {
    fn take(object: &mut ConfigObject<'a>, errors: &mut Errors) -> Self {
        let mut seconds = |key| Duration::from_secs(object.integer(key, errors));
        let times = RefreshTimings {
            ttl: seconds(&key::JWKS_TTL_SECONDS),
            max_stale: seconds(&key::JWKS_MAX_STALE_SECONDS),
            cooldown: seconds(&key::JWKS_REFRESH_COOLDOWN_SECONDS),
            timeout: Duration::from_millis(object.integer(&key::JWKS_TIMEOUT_MS, errors)),
            fetches: 1,
        };
        Self {
            times,
            cluster: object.take(key::JWKS_CLUSTER),
            endpoint: object.take(key::JWKS_ENDPOINT.name),
            discovery: object.flag(&key::DISCOVERY, errors),
            discovery_cluster: object.take(key::DISCOVERY_CLUSTER),
        }
    }

    fn refuse_beside_inline(&self, object: &ConfigObject<'_>, errors: &mut Errors) {
        for (name, given) in [
            (key::JWKS_CLUSTER, self.cluster.is_some()),
            (key::JWKS_ENDPOINT.name, self.endpoint.is_some()),
            (key::DISCOVERY.name, self.discovery),
            (key::DISCOVERY_CLUSTER, self.discovery_cluster.is_some()),
        ] {
            if given {
                object.refuse(name, Problem::FetchBesideInline, errors);
            }
        }
    }

    fn source(self, object: &ConfigObject<'_>, issuer: &str, errors: &mut Errors) -> Option<Source> {
        let Some(cluster) = self.cluster else {
            let what =
                "the name of the Envoy cluster that reaches the issuer's keys, or write jwks_inline instead";
            object.refuse(key::JWKS_CLUSTER, Problem::Required { what }, errors);
            return None;
        };
        let cluster = cluster.text(CLUSTER, errors)?.to_owned();
        let discovery_cluster = match self.discovery_cluster {
            Some(node) if !self.discovery => {
                node.refuse(Problem::NoDiscovery, errors);
                None
            }
            Some(node) => node.text(CLUSTER, errors),
            None => None,
        };
        let location = match (self.discovery, self.endpoint) {
            (true, _) if has_placeholder(issuer) => {
                object.refuse(key::DISCOVERY.name, Problem::Issuer(IssuerError::DiscoveryOfTenants), errors);
                None
            }
            (false, Some(node)) if has_placeholder(issuer) => {
                let text = node.text("a URL", errors)?;
                if text.starts_with('/') || has_placeholder(text) {
                    node.refuse(
                        Problem::Issuer(IssuerError::EndpointOfTenants { got: node.preview() }),
                        errors,
                    );
                    return None;
                }
                endpoint(issuer, text).map_err(|problem| node.refuse(problem, errors)).ok()
            }
            (false, None) if has_placeholder(issuer) => {
                let what = "the full URL of the key set that all tenants share";
                object.refuse(key::JWKS_ENDPOINT.name, Problem::Required { what }, errors);
                None
            }
            (true, Some(node)) => {
                node.refuse(Problem::EndpointBesideDiscovery, errors);
                None
            }
            (true, None) => discovery(object, issuer, &cluster, discovery_cluster, errors),
            (false, Some(node)) => {
                let text = node.text("a URL or a path that starts with /", errors)?;
                endpoint(issuer, text).map_err(|problem| node.refuse(problem, errors)).ok()
            }
            // A missing issuer is reported at its own key, and not a second time here.
            (false, None) if issuer.is_empty() => None,
            (false, None) => endpoint(issuer, key::JWKS_ENDPOINT.default)
                .map_err(|problem| object.refuse(key::JWKS_ENDPOINT.name, problem, errors))
                .ok(),
        };
        Some(Source { cluster, location: location? })
    }
}

pub(super) const CLUSTER: &str = "the name of a cluster";

/// `discovery: true`
fn discovery(
    object: &ConfigObject<'_>,
    issuer: &str,
    cluster: &str,
    discovery_cluster: Option<&str>,
    errors: &mut Errors,
) -> Option<Location> {
    if issuer.is_empty() {
        return None;
    }
    let url = Endpoint::parse(issuer)
        .map_err(|error| object.refuse(key::ISSUER, Problem::IssuerIsNoUrl(error), errors))
        .ok()?;
    Some(Location::Discovery {
        cluster: discovery_cluster.unwrap_or(cluster).to_owned(),
        other_host: discovery_cluster.is_some(),
        iss: issuer.to_owned(),
        issuer: url,
    })
}

fn endpoint(issuer: &str, text: &str) -> Result<Location, Problem> {
    parse_endpoint(issuer, text).map(Location::Endpoint)
}

/// A URL, or a path that is appended to the issuer.
pub(super) fn parse_endpoint(issuer: &str, text: &str) -> Result<Endpoint, Problem> {
    if !text.starts_with('/') {
        return Endpoint::parse(text).map_err(Problem::Endpoint);
    }
    let url = format!("{}{text}", issuer.strip_suffix('/').unwrap_or(issuer));
    Endpoint::parse(&url).map_err(|error| Problem::PathBelowIssuer { path: text.to_owned(), error })
}

fn inline_keys(
    node: &ConfigNode<'_>,
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
            let skipped = KeySet::skipped(text.as_bytes());
            node.refuse(Problem::KeySet { error, skipped }, errors);
            None
        }
    }
}
