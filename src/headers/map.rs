//! The map from claims to headers: the default map, and the names that a map must not contain.

use std::rc::Rc;

use super::names::{folded, matches_folded_name};
use crate::http::{METHOD_OVERRIDES, is_token};
use crate::jose::pointer::Pointer;

/// Some frameworks serve the path in one of these headers instead of the path that was evaluated.
pub(super) const ORIGINAL_URL: &str = "x-original-url";
pub(super) const REWRITE_URL: &str = "x-rewrite-url";

/// The source of a header's value.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderSource {
    /// The first of these claims that is present in the token.
    Pointers(Vec<Pointer>),
    /// The roles (`$roles`).
    Roles,
    /// The groups (`$groups`).
    Groups,
    /// The scopes (`$scopes`).
    Scopes,
    /// The token's payload segment as sent, base64url (`$payload`).
    Payload,
    /// No value (`$none`): the header is removed from the client's request and never set.
    Nothing,
    /// This text (`{value: text}`), for every verified token.
    Value(String),
}

/// A claim header and the source of its value.
pub(super) type Entry = (Rc<str>, HeaderSource);

/// Why a header map is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderMapError {
    /// A name that is not an RFC 9110 token.
    #[error("{name:?} is not a header name; use letters, digits and hyphens, as in \"x-auth-sub\"")]
    NotAName {
        /// The name as configured.
        name: String,
    },
    /// A pseudo-header (RFC 9113 section 8.3).
    #[error("{name:?} is a pseudo-header of HTTP; use a name of your own, as in \"x-auth-sub\"")]
    Pseudo {
        /// The name as configured.
        name: String,
    },
    /// A header that the connection, the message's framing or the credential itself depends on.
    #[error(
        "{name:?} is needed by the connection or carries the credential; \
         use a name of your own, as in \"x-auth-sub\""
    )]
    Reserved {
        /// The name as configured.
        name: String,
    },
    /// A header that names a different path or method to some upstreams.
    #[error(
        "{name:?} makes some upstreams serve another path or method than the evaluated one; \
         use a name of your own, as in \"x-auth-sub\""
    )]
    Rerouting {
        /// The name as configured.
        name: String,
    },
    /// Two names that some upstreams take for the same header.
    #[error(
        "{first:?} and {second:?} are the same header to upstreams that treat \"-\" and \"_\" alike; \
         keep one of them"
    )]
    Same {
        /// The name of the earlier entry.
        first: String,
        /// The name of the later entry.
        second: String,
    },
    /// A header of a second token that is also in another map, or in the default map.
    #[error(
        "{name:?} is a claim header of another token, in some spelling; an upstream could not tell whose claim it \
         carries, so write a name of its own, as in \"x-agent-sub\""
    )]
    OfAnotherToken {
        /// The name as configured.
        name: String,
    },
    /// An empty list of pointers.
    #[error("{name:?} has an empty list of claims; name one, or write \"$none\" to have the header removed")]
    NoPointer {
        /// The header's name.
        name: String,
    },
}

/// Headers that are never set from a claim or removed as a copy of one. They are compared by their normalized
/// names: the names in a map are removed from requests in every spelling, so a map with `content_length` would
/// remove the real `content-length`.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn default_map() -> [(&'static str, HeaderSource); 8] {
    let claim = |name| HeaderSource::Pointers(Pointer::parse(name).into_iter().collect());
    [
        ("x-auth-sub", claim("sub")),
        ("x-auth-email", claim("email")),
        ("x-auth-roles", HeaderSource::Roles),
        ("x-auth-groups", HeaderSource::Groups),
        ("x-auth-scopes", HeaderSource::Scopes),
        ("x-auth-org-id", claim("org_id")),
        ("x-auth-jti", claim("jti")),
        ("x-auth-issuer", claim("iss")),
    ]
}

/// Checks the entries and returns them with their names in lower case. `others` are the names in other maps: a header
/// can be in several maps, but two maps must spell it the same way. Otherwise an upstream that treats the two
/// spellings alike would read a header of one issuer as that of another one.
pub(super) fn checked<'a>(
    entries: Vec<(String, HeaderSource)>,
    others: impl Iterator<Item = &'a str> + Clone,
) -> Result<Vec<Entry>, HeaderMapError> {
    let mut checked: Vec<Entry> = Vec::with_capacity(entries.len());
    for (name, source) in entries {
        check_name(&name)?;
        let fold = folded(&name);
        let is_same = |earlier: &&str| matches_folded_name(earlier, &fold);
        let in_map = checked.iter().map(|(earlier, _)| &**earlier).find(is_same);
        let is_spelled_otherwise = |other: &&str| is_same(other) && !other.eq_ignore_ascii_case(&name);
        if let Some(first) = in_map.or_else(|| others.clone().find(is_spelled_otherwise)) {
            return Err(HeaderMapError::Same { first: first.to_owned(), second: name });
        }
        if source == HeaderSource::Pointers(Vec::new()) {
            return Err(HeaderMapError::NoPointer { name });
        }
        checked.push((name.to_ascii_lowercase().into(), source));
    }
    Ok(checked)
}

/// Checks that a header can be set from a claim or compared with one.
///
/// # Errors
/// The name is invalid, is needed by HTTP or the credential, or reroutes the request.
pub fn check_name(name: &str) -> Result<(), HeaderMapError> {
    let written = || name.to_owned();
    if name.starts_with(':') {
        return Err(HeaderMapError::Pseudo { name: written() });
    }
    if !is_token(name.as_bytes()) {
        return Err(HeaderMapError::NotAName { name: written() });
    }
    let fold = folded(name);
    if RESERVED.contains(&fold.as_str()) || fold.starts_with("proxy-") {
        return Err(HeaderMapError::Reserved { name: written() });
    }
    if is_rerouting(&fold) {
        return Err(HeaderMapError::Rerouting { name: written() });
    }
    Ok(())
}

/// Whether some frameworks serve the path or method that this header names. The headers for paths are removed
/// from every request, and those for methods are path variants of the request. If a claim set such a header,
/// its value would not have been evaluated.
fn is_rerouting(fold: &str) -> bool {
    METHOD_OVERRIDES.contains(&fold) || [ORIGINAL_URL, REWRITE_URL].contains(&fold)
}
