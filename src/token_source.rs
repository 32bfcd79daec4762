//! Token sources: the credential of a request is one token, none, or malformed (RFC 6750 section 2, RFC 9110
//! section 11.6.2).
//!
//! This module finds the token in the request and removes it from the request. Other modules decide whether a
//! token is required and whether it is valid. All values are bytes, because a header value need not be UTF-8.

mod cookie;
mod header;
mod malformed_credential;
mod query;
mod spelling;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use malformed_credential::MalformedCredential;

use crate::http::HeaderMap;

/// A token source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TokenSource {
    /// The `authorization` header with the scheme `Bearer`.
    Authorization,
    /// The `authorization` header with the scheme `DPoP` (RFC 9449 section 7.1).
    Dpop,
    /// A header that holds a prefix followed by the token.
    Header {
        /// The header's name, in lower case. `authorization` is allowed, for another scheme.
        name: String,
        /// The text before the token, such as `Token `; may be empty. It is compared case-insensitively, like a
        /// scheme. A prefix that ends in a space matches any number of spaces there.
        prefix: String,
    },
    /// A parameter in the query of `:path`.
    Query {
        /// The parameter's name, decoded.
        name: String,
    },
    /// A cookie (RFC 6265 section 4.2).
    Cookie {
        /// The cookie's name, compared case-sensitively.
        name: String,
    },
}

impl TokenSource {
    /// The name of the header that holds the token, in lower case, and the prefix before the token. `None` for
    /// a query parameter.
    pub fn header(&self) -> Option<(&str, &str)> {
        match self {
            Self::Authorization => Some(("authorization", "Bearer ")),
            Self::Dpop => Some(("authorization", "DPoP ")),
            Self::Header { name, prefix } => Some((name, prefix)),
            Self::Cookie { .. } => Some(("cookie", "")),
            Self::Query { .. } => None,
        }
    }

    /// Whether an upstream may take the parameter or cookie of one source for that of the other.
    pub fn may_be_parameter(&self, other: &Self) -> bool {
        let ((Self::Query { name }, Self::Query { name: other })
        | (Self::Cookie { name }, Self::Cookie { name: other })) = (self, other)
        else {
            return false;
        };
        let (name, other) = (name.as_bytes(), other.as_bytes());
        spelling::param_names_match(name, other) || spelling::param_names_match(other, name)
    }
}

/// The credential that was found in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtractedToken<'a> {
    /// No source holds a token: the header is absent, empty, or has another scheme.
    Missing,
    /// The credential is not exactly one token. The answer is 400 (RFC 6750 section 3.1, `invalid_request`).
    Malformed(MalformedCredential),
    /// One token.
    Token {
        /// The token's bytes. They are unverified and may not even have the form of a JWT.
        token: Cow<'a, [u8]>,
        /// The index of the first source that holds the token.
        source: usize,
    },
}

/// Extracts the token of a request. All sources are read, so that a second token is noticed. The same bytes in
/// two sources are one token, because the token that any upstream reads is then the verified one (a gateway may
/// send both a header and a cookie).
pub fn extract<'a>(sources: &[TokenSource], headers: &'a HeaderMap) -> ExtractedToken<'a> {
    let mut extracted = ExtractedToken::Missing;
    for (index, source) in sources.iter().enumerate() {
        let held = match source {
            TokenSource::Authorization => header::token(headers, "authorization", b"Bearer "),
            TokenSource::Dpop => header::token(headers, "authorization", b"DPoP "),
            TokenSource::Header { name, prefix } => header::token(headers, name, prefix.as_bytes()),
            TokenSource::Query { name } => query::token(headers, name.as_bytes()),
            TokenSource::Cookie { name } => {
                cookie::token(headers, name.as_bytes()).map(|token| token.map(Cow::Borrowed))
            }
        };
        match (held, &extracted) {
            (Ok(None), _) => {}
            (Err(malformed), _) => return ExtractedToken::Malformed(malformed),
            (Ok(Some(token)), ExtractedToken::Missing) => {
                extracted = ExtractedToken::Token { token, source: index }
            }
            (Ok(Some(same)), ExtractedToken::Token { token, .. }) if same == *token => {}
            (Ok(Some(_)), _) => return ExtractedToken::Malformed(MalformedCredential::TwoTokens),
        }
    }
    extracted
}

/// The header edits that remove every credential from its source: header name → all values that remain. An
/// empty list removes the header.
///
/// A header is removed if one of its values holds a credential, even a malformed one; a header with only other
/// schemes stays. From a cookie header only the cookie is removed, and from a query only the parameter; the
/// rest keeps its bytes and its order. With `forward_token`, headers and cookies stay, but a token in the query
/// is always removed, because it would end up in the upstream's logs and `Referer` headers. Cookies and
/// parameters that only some upstreams take for the configured one are always removed too: such an upstream
/// would find an unverified token there.
pub fn strip(
    sources: &[TokenSource],
    headers: &HeaderMap,
    forward_token: bool,
) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut edits: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    let mut remove_header = |name: &str, prefix: &[u8]| {
        let known = edits.iter().any(|(edited, _)| edited == name);
        if !forward_token && !known && header::holds_credential(headers, name, prefix) {
            edits.push((name.to_owned(), Vec::new()));
        }
    };
    let (mut cookies, mut parameters) = (Vec::new(), Vec::new());
    for source in sources {
        match source {
            TokenSource::Authorization => remove_header("authorization", b"Bearer "),
            TokenSource::Dpop => remove_header("authorization", b"DPoP "),
            TokenSource::Header { name, prefix } => remove_header(name, prefix.as_bytes()),
            TokenSource::Query { name } => parameters.push(name.as_bytes()),
            TokenSource::Cookie { name } => cookies.push(name.as_bytes()),
        }
    }
    edits.extend(cookie::without(headers, &cookies, forward_token).map(|lines| ("cookie".to_owned(), lines)));
    edits.extend(query::without(headers, &parameters).map(|paths| (":path".to_owned(), paths)));
    edits
}
