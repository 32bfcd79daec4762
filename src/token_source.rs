//! Credentials in a request: a token, none, or something malformed (RFC 6750 section 2, RFC 9110 section 11.6.2).
//!
//! Decides where a token stands and how it is taken out again. Whether it is a good one, and whether one is needed,
//! is for others. Everything is bytes: a header value need not be UTF-8, and nothing here refuses to read one.

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

/// A place that a token is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TokenSource {
    /// `authorization`, with the scheme `Bearer`.
    Authorization,
    /// A header whose value is the token after a prefix.
    Header {
        /// In lower case. May be `authorization`, for another scheme.
        name: String,
        /// What stands before the token, such as `Token `; may be empty. Compared without regard to case, like a
        /// scheme. One that ends in a space takes any number of them.
        prefix: String,
    },
    /// A parameter of `:path`'s query.
    Query {
        /// Decoded.
        name: String,
    },
    /// A cookie (RFC 6265 section 4.2).
    Cookie {
        /// Compared with regard to case.
        name: String,
    },
}

impl TokenSource {
    /// The header that it is in, by its name in lower case, and what stands there before the token; `None` for the
    /// query.
    pub fn header(&self) -> Option<(&str, &str)> {
        match self {
            Self::Authorization => Some(("authorization", "Bearer ")),
            Self::Header { name, prefix } => Some((name, prefix)),
            Self::Cookie { .. } => Some(("cookie", "")),
            Self::Query { .. } => None,
        }
    }
}

/// What a request presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtractedToken<'a> {
    /// No place holds a token: the header is absent or empty, or has another scheme.
    Missing,
    /// Something that is no single token. Refused with 400 (RFC 6750 section 3.1, `invalid_request`).
    Malformed(MalformedCredential),
    /// One token.
    Token {
        /// Its bytes, unverified, not even of a token's shape.
        token: Cow<'a, [u8]>,
        /// The index of the first place that held it.
        source: usize,
    },
}

/// Finds the token of a request. Places are all looked at, so that a second token is seen. The same bytes in two
/// places are one token: whichever of them an upstream reads was verified (a gateway may send a header and a cookie).
pub fn extract<'a>(sources: &[TokenSource], headers: &'a HeaderMap) -> ExtractedToken<'a> {
    let mut extracted = ExtractedToken::Missing;
    for (index, source) in sources.iter().enumerate() {
        let held = match source {
            TokenSource::Authorization => header::token(headers, "authorization", b"Bearer "),
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

/// The header edits that take every credential out of its place: name → all values that stay, none to remove it.
///
/// A header goes if one of its values holds a credential, malformed ones included; a value of another scheme alone
/// is not ours, and stays. Of a cookie header only the cookie goes, of a query only the parameter: all else keeps
/// its bytes and its order. With `forward_token` headers and cookies stay, but a query token always goes: it would
/// end up in the upstream's logs and referrers. So does, always, what only some upstream takes for the cookie or the
/// parameter: it would find there a token that nobody has verified.
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
            TokenSource::Header { name, prefix } => remove_header(name, prefix.as_bytes()),
            TokenSource::Query { name } => parameters.push(name.as_bytes()),
            TokenSource::Cookie { name } => cookies.push(name.as_bytes()),
        }
    }
    edits.extend(cookie::without(headers, &cookies, forward_token).map(|lines| ("cookie".to_owned(), lines)));
    edits.extend(query::without(headers, &parameters).map(|paths| (":path".to_owned(), paths)));
    edits
}
