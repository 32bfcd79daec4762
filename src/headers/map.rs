//! Which claim goes into which header: the default map, and what a map may not name.

use std::rc::Rc;

use super::names::{folded, matches_folded_name};
use crate::http::{METHOD_OVERRIDES, is_token};
use crate::jose::pointer::Pointer;

/// Some frameworks serve the path that these name instead of the one that was judged.
pub(super) const ORIGINAL_URL: &str = "x-original-url";
pub(super) const REWRITE_URL: &str = "x-rewrite-url";

/// Where a header's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderSource {
    /// The first of these claims that is present.
    Pointers(Vec<Pointer>),
    /// `$roles`
    Roles,
    /// `$groups`
    Groups,
    /// `$scopes`
    Scopes,
    /// `$payload`: the token's own payload segment, base64url.
    Payload,
    /// `$none`: removed from the client's request, never set.
    Nothing,
}

/// Why a header map is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderMapError {
    /// Not an RFC 9110 token.
    #[error("{name:?} is not a header name; use letters, digits and hyphens, as in \"x-auth-sub\"")]
    NotAName {
        /// As it was written.
        name: String,
    },
    /// A pseudo-header (RFC 9113 section 8.3).
    #[error("{name:?} belongs to HTTP itself; use a name of your own, as in \"x-auth-sub\"")]
    Pseudo {
        /// As it was written.
        name: String,
    },
    /// A header that the connection, the message's framing or the credential itself depends on.
    #[error(
        "{name:?} is needed by the connection or carries the credential; \
         use a name of your own, as in \"x-auth-sub\""
    )]
    Reserved {
        /// As it was written.
        name: String,
    },
    /// A header that names another path or method to some upstreams.
    #[error(
        "{name:?} makes some upstreams serve another path or method than the one that was judged; \
         use a name of your own, as in \"x-auth-sub\""
    )]
    Rerouting {
        /// As it was written.
        name: String,
    },
    /// Two names that one upstream may take for the same header.
    #[error(
        "{first:?} and {second:?} are one header to upstreams that read \"-\" and \"_\" alike; \
         keep one of them"
    )]
    Same {
        /// The earlier one.
        first: String,
        /// The later one.
        second: String,
    },
    /// A list of pointers without any.
    #[error("{name:?} has an empty list of claims; name one, or write \"$none\" to have the header removed")]
    NoPointer {
        /// The header's name.
        name: String,
    },
}

/// Headers that are never set from a claim nor removed as a copy of one, compared by their fold: the map's
/// names are removed from requests in every spelling, so a map with `content_length` would strip the real one.
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

/// The entries with their names in lower case.
pub(super) fn checked(
    entries: Vec<(String, HeaderSource)>,
) -> Result<Vec<(Rc<str>, HeaderSource)>, HeaderMapError> {
    let mut checked: Vec<(Rc<str>, HeaderSource)> = Vec::with_capacity(entries.len());
    for (name, source) in entries {
        check_name(&name)?;
        let fold = folded(&name);
        if let Some((first, _)) = checked.iter().find(|(earlier, _)| matches_folded_name(earlier, &fold)) {
            return Err(HeaderMapError::Same { first: first.to_string(), second: name });
        }
        if source == HeaderSource::Pointers(Vec::new()) {
            return Err(HeaderMapError::NoPointer { name });
        }
        checked.push((name.to_ascii_lowercase().into(), source));
    }
    Ok(checked)
}

fn check_name(name: &str) -> Result<(), HeaderMapError> {
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

/// Some frameworks serve the path or the method that such a header names. The ones for paths are removed from every
/// request; the ones for methods are readings of it. Set from a claim, neither would have been judged.
fn is_rerouting(fold: &str) -> bool {
    METHOD_OVERRIDES.contains(&fold) || [ORIGINAL_URL, REWRITE_URL].contains(&fold)
}
