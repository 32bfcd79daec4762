//! The mistakes in a token source.

/// A mistake in one entry of `token_from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenSourceError {
    /// A token source that is in its list twice.
    #[error("the same token source is in this list twice; remove one")]
    RepeatedPlace,
    /// A name that a header, query parameter or cookie cannot have.
    #[error("a name can contain only letters, digits and !#$%&'*+-.^_`|~")]
    InvalidName,
    /// A prefix that a header value cannot have.
    #[error("expected a prefix of visible ASCII characters and spaces, such as \"Token \"")]
    InvalidPrefix,
    /// `prefix` without `header`.
    #[error("only a header can have a prefix; write header beside it, or remove prefix")]
    PrefixWithoutHeader,
    /// A token source with no name, or with several.
    #[error("expected exactly one of header, query and cookie")]
    NotOnePlace,
}
