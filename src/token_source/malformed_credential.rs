//! Why a credential is no single token.

/// What is wrong with the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCredential {
    /// Different tokens in two places, or two in one: the upstream might read the one that was not verified.
    #[error("the request has more than one token")]
    TwoTokens,
    /// A scheme, prefix or parameter without a token.
    #[error("the request names a token but has none")]
    NoToken,
    /// A value with a comma that holds a credential: two headers that some hop has joined.
    #[error("the request has several credentials joined by a comma")]
    CommaJoined,
    /// Something other than spaces between scheme and token (RFC 9110 section 11.4: `1*SP`), or something before the
    /// scheme that some upstream takes for a space.
    #[error("scheme and token are not separated by a space")]
    Separator,
    /// A cookie in which some upstreams find another one, of the token's name.
    #[error("a cookie of the token's name stands within another cookie")]
    NestedCookie,
    /// A query in which `;` decides where the token starts or ends: some upstreams separate parameters there.
    #[error("the token in the query is next to a semicolon")]
    Semicolon,
    /// A token in a place where not every reading of the request looks for one.
    #[error("the token stands where not every reading of the request looks for one")]
    LocationNotAllowed,
}
