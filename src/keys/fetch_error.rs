//! Why a fetch gives no keys.

use std::fmt::{Formatter, Result};

use super::not_json::NotJson;
use crate::endpoint::RedirectTarget;
use crate::jose::error::KeySetError;
use crate::jose::escaped::{Escaped, EscapedUrl};
use crate::jose::json::JsonError;

/// The largest answer that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Why an answer does not replace the keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The callout could not be started: the cluster is unknown, or knows no address.
    #[error("the request could not be sent: is the cluster defined, and does the name of its host resolve?")]
    NotSent,
    /// No answer: connection refused or lost, or time ran out.
    #[error("no answer")]
    NoAnswer,
    /// A redirect. It is not followed: it could lead anywhere.
    #[error(
        "status {status}: redirects are not followed, and this one leads to {target}; configure the URL and the \
         cluster of what is to be fetched"
    )]
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// Where it leads, less path and query: a session may stand there.
        target: RedirectTarget,
    },
    /// Another status than 200.
    #[error("status {0}{hint}", hint = hint(*.0))]
    Status(u16),
    /// A body in a coding other than `identity`, which is the one that was asked for.
    #[error(
        "the body has the content-encoding {coding}; the request asked for identity, and only that is read",
        coding = Escaped(.coding)
    )]
    Coded {
        /// `Content-Encoding`.
        coding: String,
    },
    /// Not JSON.
    #[error("{0}")]
    NotJson(NotJson),
    /// A body over [`MAX_BYTES`].
    #[error("{bytes} bytes, over the limit of {MAX_BYTES}")]
    TooLarge {
        /// The body's length.
        bytes: usize,
    },
    /// A 304 although no validator was sent.
    #[error("status 304 to a request without a validator")]
    NotModifiedUnasked,
    /// Not a key set with a usable key.
    #[error("{0}")]
    KeySet(KeySetError),
    /// The discovery document leads nowhere.
    #[error("{0}")]
    Discovery(DiscoveryError),
}

/// The host answers for an issuer that it does not reach, with the same statuses as an issuer's own.
fn hint(status: u16) -> &'static str {
    match status {
        503 => ": the issuer's own, or no connection to it",
        504 => ": the issuer's own, or no answer in time",
        _ => "",
    }
}

/// Why a discovery document is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// JSON that two readers could read differently.
    #[error("the discovery document cannot be read: {0}")]
    Json(JsonError),
    /// Not a JSON object.
    #[error("the discovery document is not a JSON object")]
    NotADocument,
    /// Its `issuer` is another one: it would speak for somebody else (RFC 8414 section 3.3).
    #[error(fmt = other_issuer)]
    OtherIssuer {
        /// The document's `issuer`, where it has one that is a string.
        found: Option<String>,
        /// The configured one.
        expected: String,
    },
    /// No `jwks_uri`, or one that is no URL.
    #[error(fmt = no_keys_uri)]
    NoKeysUri {
        /// What stands there, where that is a string.
        found: Option<String>,
    },
    /// An http `jwks_uri` of an https issuer: whoever is between could hand out keys of its own.
    #[error("the discovery document of an https issuer has an http jwks_uri")]
    PlainKeysUri,
    /// A `jwks_uri` on another host, while no `discovery_cluster` tells the two apart.
    #[error(
        "jwks_uri is on another host: set discovery_cluster, and let jwks_cluster reach that host, {found}",
        found = Escaped(.found)
    )]
    OtherHost {
        /// The host and port of `jwks_uri`.
        found: String,
    },
}

fn other_issuer(found: &Option<String>, expected: &str, f: &mut Formatter<'_>) -> Result {
    f.write_str("the discovery document is another issuer's: ")?;
    match found {
        Some(found) => write!(f, "its issuer is {}", EscapedUrl(found))?,
        None => f.write_str("it has no issuer that is a string")?,
    }
    write!(f, ", and the configured one is {}", EscapedUrl(expected))
}

fn no_keys_uri(found: &Option<String>, f: &mut Formatter<'_>) -> Result {
    f.write_str("the discovery document has no jwks_uri that is a URL")?;
    match found {
        Some(found) => write!(f, ", but {}", EscapedUrl(found)),
        None => Ok(()),
    }
}
