//! Why a credential is not exactly one token.

/// The error in the credential of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCredential {
    /// Different tokens in two sources, or two tokens in one: the upstream might read the unverified one.
    #[error("the request has more than one token")]
    TwoTokens,
    /// A scheme, prefix or parameter without a token.
    #[error("the scheme, prefix or parameter of a token is present without a token")]
    NoToken,
    /// A value with a comma that holds a credential: a proxy on the way joined two headers.
    #[error("the request has several credentials joined by a comma")]
    CommaJoined,
    /// A separator other than spaces between scheme and token (RFC 9110 section 11.4: `1*SP`), or characters
    /// before the scheme that some upstreams take for a space.
    #[error("scheme and token are not separated by a space")]
    Separator,
    /// A cookie that some upstreams parse as two, the second with the token's name.
    #[error("another cookie contains a cookie with the token's name")]
    NestedCookie,
    /// A query in which `;` decides where the token starts or ends: some upstreams separate parameters at `;`.
    #[error("the token in the query is next to a semicolon")]
    Semicolon,
    /// A token in a source that not every path variant accepts.
    #[error("the token is in a source that not every path variant accepts")]
    LocationNotAllowed,
    /// One token that is sent as the first token and as a second one, or as two second ones.
    #[error("the same token is sent for two identities")]
    SameToken,
    /// A token in a source that `token_from` of its issuer does not list.
    #[error("the token is in a source that token_from of its issuer does not list")]
    NotFromIssuer,
}
