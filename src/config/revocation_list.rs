//! The revocation list of an issuer: its URL, its times, and the token that it is fetched with.

use std::time::Duration;

use super::issuer_error::IssuerError;
use super::key_origin::{CLUSTER, KeyOrigin, parse_endpoint};
use super::keys::{Name, issuer as key};
use super::path::Path;
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors};
use crate::endpoint::Endpoint;
use crate::jose::tenants::has_placeholder;
use crate::keys::{BearerToken, Location, RefreshTimings, Source};

/// The shortest time between two fetches that `Cache-Control: max-age` or an entry that another module overwrites can
/// cause.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// The origin of an issuer's revocation list.
#[derive(Debug)]
pub struct RevocationListOrigin {
    /// The cluster and the URL.
    pub source: Source,
    /// The times for freshness, refresh and timeout.
    pub times: RefreshTimings,
    /// `revocation_list_fail_open`
    pub fail_open: bool,
    /// The token that the list is fetched with.
    pub token: ListToken,
}

/// The token that a revocation list is fetched with.
#[derive(Debug)]
pub enum ListToken {
    /// The list is fetched without a token.
    None,
    /// `revocation_list_token`, or the value of the environment variable.
    Known(BearerToken),
    /// `revocation_list_token_env`, before [`Config::read_environment`](super::Config::read_environment).
    Environment {
        /// The name of the variable.
        variable: String,
        /// The path of the key.
        path: Path,
    },
}

impl RevocationListOrigin {
    /// The token that the list is fetched with, if there is one.
    pub fn bearer_token(&self) -> Option<&BearerToken> {
        match &self.token {
            ListToken::Known(token) => Some(token),
            ListToken::None | ListToken::Environment { .. } => None,
        }
    }
}

/// What the revocation list of an issuer takes from the rest of the issuer.
pub(super) struct ListContext<'c> {
    /// `issuer`
    pub issuer: &'c str,
    /// The name of the issuer.
    pub name: &'c str,
    /// The origin of the keys. `None`: it is not valid.
    pub keys: Option<&'c KeyOrigin>,
    /// `jwks_timeout_ms`
    pub timeout: Duration,
}

/// Reads the keys about the list. `None` without a list, or with one that is not valid.
pub(super) fn revocation_list(
    object: &mut ConfigObject<'_>,
    context: &ListContext<'_>,
    warnings: &mut Vec<String>,
    errors: &mut Errors,
) -> Option<RevocationListOrigin> {
    let Some(endpoint) = object.take(key::REVOCATION_LIST_ENDPOINT) else {
        for name in OF_LIST {
            if object.take(name).is_some() {
                object.refuse(name, Problem::Issuer(IssuerError::NoRevocationList), errors);
            }
        }
        return None;
    };
    let url = list_url(&endpoint, context.issuer, errors);
    let cluster = cluster(object, context, errors);
    let ttl = Duration::from_secs(object.integer(&key::REVOCATION_LIST_TTL_SECONDS, errors));
    let max_stale = Duration::from_secs(object.integer(&key::REVOCATION_LIST_MAX_STALE_SECONDS, errors));
    let cooldown = SHORTEST_INTERVAL.min(ttl);
    let times = RefreshTimings { ttl, max_stale, cooldown, timeout: context.timeout, fetches: 1 };
    let fail_open = object.flag(&key::REVOCATION_LIST_FAIL_OPEN, errors);
    let token = token(object, context, warnings, errors);
    let source = Source { cluster: cluster?, location: Location::Endpoint(url?) };
    Some(RevocationListOrigin { source, times, fail_open, token: token? })
}

/// The keys that are used only with `revocation_list_endpoint`.
const OF_LIST: [Name; 6] = [
    key::REVOCATION_LIST_CLUSTER,
    key::REVOCATION_LIST_TTL_SECONDS.name,
    key::REVOCATION_LIST_MAX_STALE_SECONDS.name,
    key::REVOCATION_LIST_FAIL_OPEN.name,
    key::REVOCATION_LIST_TOKEN_ENV,
    key::REVOCATION_LIST_TOKEN,
];

fn list_url(node: &ConfigNode<'_>, issuer: &str, errors: &mut Errors) -> Option<Endpoint> {
    let text = node.text("a URL or a path that starts with /", errors)?;
    if has_placeholder(issuer) && (text.starts_with('/') || has_placeholder(text)) {
        node.refuse(Problem::Issuer(IssuerError::ListOfTenants { got: node.preview() }), errors);
        return None;
    }
    // A missing issuer is reported at its own key, and not a second time here.
    if issuer.is_empty() && text.starts_with('/') {
        return None;
    }
    parse_endpoint(issuer, text).map_err(|problem| node.refuse(problem, errors)).ok()
}

fn cluster(object: &mut ConfigObject<'_>, context: &ListContext<'_>, errors: &mut Errors) -> Option<String> {
    match (object.take(key::REVOCATION_LIST_CLUSTER), context.keys) {
        (Some(node), _) => node.text(CLUSTER, errors).map(str::to_owned),
        (None, Some(KeyOrigin::Fetched { source, .. })) => Some(source.cluster.clone()),
        (None, Some(KeyOrigin::Inline(_))) => {
            let what = "the name of the Envoy cluster that reaches the revocation list";
            object.refuse(key::REVOCATION_LIST_CLUSTER, Problem::Required { what }, errors);
            None
        }
        (None, None) => None,
    }
}

/// The token. An error does not show the value of `revocation_list_token`.
fn token(
    object: &mut ConfigObject<'_>,
    context: &ListContext<'_>,
    warnings: &mut Vec<String>,
    errors: &mut Errors,
) -> Option<ListToken> {
    let variable = object.take(key::REVOCATION_LIST_TOKEN_ENV);
    let Some(literal) = object.take(key::REVOCATION_LIST_TOKEN) else {
        let Some(node) = variable else { return Some(ListToken::None) };
        let name = node.text(VARIABLE, errors)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !name.bytes().all(is_name) || name.starts_with(|first: char| first.is_ascii_digit()) {
            node.refuse(Problem::Expected { what: VARIABLE, got: node.preview() }, errors);
            return None;
        }
        return Some(ListToken::Environment { variable: name.to_owned(), path: node.path() });
    };
    if variable.is_some() {
        literal.refuse(Problem::Issuer(IssuerError::TwoListTokens), errors);
        return None;
    }
    let Some(token) = literal.value().as_str().and_then(BearerToken::parse) else {
        literal.refuse(Problem::Issuer(IssuerError::ListToken), errors);
        return None;
    };
    warnings.push(format!(
        "issuer {}: revocation_list_token is part of the configuration, and /config_dump of Envoy's admin interface shows \
         it; put the token into an environment variable of vm_config and write revocation_list_token_env",
        context.name
    ));
    Some(ListToken::Known(token))
}

const VARIABLE: &str = "the name of an environment variable: letters, digits and _, and no digit first";
