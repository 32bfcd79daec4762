//! Why a fetch failed.

use std::fmt::{Formatter, Result};

use super::not_json::NotJson;
use crate::endpoint::RedirectTarget;
use crate::jose::error::KeySetError;
use crate::jose::escaped::{Escaped, EscapedUrl};
use crate::jose::json::JsonError;
use crate::revocation::ListError;

/// The largest body of a key set or a discovery document, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Why a fetch did not replace the document. Displays as the cause, with what to check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The callout could not be started: the cluster is unknown or has no address.
    #[error(
        "the request could not be sent; check that the cluster is defined and that the name of its host resolves"
    )]
    NotSent,
    /// No answer arrived: the connection was refused or lost, or the timeout expired.
    #[error(
        "no answer: the connection failed, or jwks_timeout_ms passed; check that the cluster reaches the host"
    )]
    NoAnswer,
    /// A redirect. It is not followed, because it could lead to any host.
    #[error(
        "status {status}: the filter does not follow redirects, and this one leads to {target}; configure the URL and \
         the cluster that answer without a redirect"
    )]
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The target without path and query, because these may contain a session.
        target: RedirectTarget,
    },
    /// A status other than 200.
    #[error("status {0}{hint}", hint = hint(*.0))]
    Status(u16),
    /// A body with a content coding other than `identity`, which the request asked for.
    #[error(
        "the body has the content-encoding {coding}; the filter requested identity and reads nothing else",
        coding = Escaped(.coding)
    )]
    Coded {
        /// `Content-Encoding`.
        coding: String,
    },
    /// A body that is not JSON.
    #[error("{0}")]
    NotJson(NotJson),
    /// A body over the limit for its kind of document.
    #[error("the body has {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// The length of the body.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A 304 to a request without `If-None-Match`.
    #[error("status 304, although the request had no If-None-Match")]
    NotModifiedUnasked,
    /// A body that is not a key set with a usable key.
    #[error("{0}")]
    KeySet(KeySetError),
    /// A body that is not a revocation list.
    #[error("{0}")]
    RevocationList(ListError),
    /// The discovery document gives no URL for the keys.
    #[error("{0}")]
    Discovery(DiscoveryError),
}

/// Envoy sends 503 or 504 itself if it does not reach the issuer. The filter cannot distinguish these answers from
/// those of the issuer.
fn hint(status: u16) -> &'static str {
    match status {
        503 => ", sent by the issuer, or by Envoy because it has no connection to the issuer",
        504 => ", sent by the issuer, or by Envoy because the issuer did not answer in time",
        _ => "",
    }
}

/// Why a discovery document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The document is not valid JSON, or the filter refuses this JSON.
    #[error("the discovery document is refused: {0}")]
    Json(JsonError),
    /// The document is not a JSON object.
    #[error("the discovery document is not a JSON object")]
    NotADocument,
    /// The `issuer` of the document is not the configured one (RFC 8414 section 3.3). Otherwise one issuer could supply
    /// the keys of another.
    #[error(fmt = other_issuer)]
    OtherIssuer {
        /// The `issuer` of the document, if it is a string.
        found: Option<String>,
        /// The configured issuer.
        expected: String,
    },
    /// The document has no `jwks_uri`, or one that is not a URL.
    #[error(fmt = no_keys_uri)]
    NoKeysUri {
        /// The value of `jwks_uri`, if it is a string.
        found: Option<String>,
    },
    /// An https issuer has an http `jwks_uri`. An attacker on the network could replace the keys.
    #[error(
        "the issuer is an https URL, but the jwks_uri of its discovery document is an http URL; expected https"
    )]
    PlainKeysUri,
    /// The `jwks_uri` is on another host, and `discovery_cluster` is not set, so that one cluster would have to reach
    /// both hosts.
    #[error(
        "jwks_uri is on another host than the issuer, {found}; set discovery_cluster to the cluster that reaches the \
         issuer, and jwks_cluster to one that reaches that host",
        found = Escaped(.found)
    )]
    OtherHost {
        /// The host and port of `jwks_uri`.
        found: String,
    },
}

fn other_issuer(found: &Option<String>, expected: &str, f: &mut Formatter<'_>) -> Result {
    f.write_str("the discovery document is for another issuer: ")?;
    match found {
        Some(found) => write!(f, "its issuer is {}", EscapedUrl(found))?,
        None => f.write_str("it has no issuer that is a string")?,
    }
    write!(f, "; the configured issuer is {}, and the two must be equal", EscapedUrl(expected))
}

fn no_keys_uri(found: &Option<String>, f: &mut Formatter<'_>) -> Result {
    f.write_str("the discovery document has no jwks_uri that is a URL")?;
    match found {
        Some(found) => write!(f, "; its jwks_uri is {}", EscapedUrl(found)),
        None => Ok(()),
    }
}
