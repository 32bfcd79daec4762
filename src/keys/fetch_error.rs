//! Why a fetch gives no keys.

use crate::endpoint::Target;
use crate::jose::error::KeySetError;
use crate::jose::escaped::{Escaped, EscapedUrl};
use crate::jose::json::JsonError;

use super::not_json::NotJson;

/// The largest answer that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Why an answer does not replace the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// The callout could not be started: the cluster is unknown, or knows no address.
    NotSent,
    /// No answer: connection refused or lost, or time ran out.
    NoAnswer,
    /// A redirect. It is not followed: it could lead anywhere.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// Where it leads, less path and query: a session may stand there.
        target: Target,
    },
    /// Another status than 200.
    Status(u16),
    /// A body in a coding other than `identity`, which is the one that was asked for.
    Coded {
        /// `Content-Encoding`.
        coding: String,
    },
    /// Not JSON.
    NotJson(NotJson),
    /// A body over [`MAX_BYTES`].
    TooLarge {
        /// The body's length.
        bytes: usize,
    },
    /// A 304 although no validator was sent.
    NotModifiedUnasked,
    /// Not a key set with a usable key.
    KeySet(KeySetError),
    /// The discovery document leads nowhere.
    Discovery(DiscoveryError),
}

impl std::fmt::Display for FetchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent => f.write_str(
                "the request could not be sent: is the cluster defined, and does the name of its host resolve?",
            ),
            Self::NoAnswer => f.write_str("no answer"),
            // The host answers for an issuer that it does not reach, with the same statuses as an issuer's own.
            Self::Status(503) => f.write_str("status 503: the issuer's own, or no connection to it"),
            Self::Status(504) => f.write_str("status 504: the issuer's own, or no answer in time"),
            Self::Redirect { status, target } => write!(
                f,
                "status {status}: redirects are not followed, and this one leads to {target}; configure the URL and \
                 the cluster of what is to be fetched"
            ),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Coded { coding } => write!(
                f,
                "the body has the content-encoding {}; the request asked for identity, and only that is read",
                Escaped(coding)
            ),
            Self::NotJson(error) => write!(f, "{error}"),
            Self::TooLarge { bytes } => write!(f, "{bytes} bytes, over the limit of {MAX_BYTES}"),
            Self::NotModifiedUnasked => f.write_str("status 304 to a request without a validator"),
            Self::KeySet(error) => write!(f, "{error}"),
            Self::Discovery(error) => write!(f, "{error}"),
        }
    }
}

/// Why a discovery document is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiscoveryError {
    /// JSON that two readers could read differently.
    Json(JsonError),
    /// Not a JSON object.
    NotADocument,
    /// Its `issuer` is another one: it would speak for somebody else (RFC 8414 section 3.3).
    OtherIssuer {
        /// The document's `issuer`, where it has one that is a string.
        found: Option<String>,
        /// The configured one.
        expected: String,
    },
    /// No `jwks_uri`, or one that is no URL.
    NoKeysUri {
        /// What stands there, where that is a string.
        found: Option<String>,
    },
    /// An http `jwks_uri` of an https issuer: whoever is between could hand out keys of its own.
    PlainKeysUri,
    /// A `jwks_uri` on another host, while no `discovery_cluster` tells the two apart.
    OtherHost {
        /// The host and port of `jwks_uri`.
        found: String,
    },
}

impl std::fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the discovery document cannot be read: {error}"),
            Self::NotADocument => f.write_str("the discovery document is not a JSON object"),
            Self::OtherIssuer { found, expected } => {
                f.write_str("the discovery document is another issuer's: ")?;
                match found {
                    Some(found) => write!(f, "its issuer is {}", EscapedUrl(found))?,
                    None => f.write_str("it has no issuer that is a string")?,
                }
                write!(f, ", and the configured one is {}", EscapedUrl(expected))
            }
            Self::NoKeysUri { found: None } => {
                f.write_str("the discovery document has no jwks_uri that is a URL")
            }
            Self::NoKeysUri { found: Some(found) } => {
                write!(f, "the discovery document has no jwks_uri that is a URL, but {}", EscapedUrl(found))
            }
            Self::PlainKeysUri => {
                f.write_str("the discovery document of an https issuer has an http jwks_uri")
            }
            Self::OtherHost { found } => write!(
                f,
                "jwks_uri is on another host: set discovery_cluster, and let jwks_cluster reach that host, {}",
                Escaped(found)
            ),
        }
    }
}
