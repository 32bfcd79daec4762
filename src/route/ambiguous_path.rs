//! Why a request is denied before the route look-up.

/// Why a request is too ambiguous to match routes: the response is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousPath {
    /// The path is neither `*` nor starts with `/`.
    #[error("the path does not start with `/`")]
    NotAbsolute,
    /// A control character, as sent or decoded.
    #[error("the path has a control character")]
    ControlCharacter,
    /// `%` without two hexadecimal digits in the path as sent, or `%u0061` once decoded.
    #[error("the path has a `%` without two hexadecimal digits")]
    BrokenEscape,
    /// The path is not UTF-8, as sent or decoded.
    #[error("the path is not UTF-8")]
    Encoding,
    /// An escape is left after three rounds of decoding.
    #[error("the path is percent-encoded more than three times")]
    TooManyDecodings,
    /// The path has more than 32 distinct variants.
    #[error("the path has more than 32 variants")]
    TooManyVariants,
    /// The path has several variants and over 8192 bytes, or its variants have over 32768 bytes together.
    #[error("the path has variants and over 8192 bytes, or its variants have over 32768 bytes together")]
    TooLong,
    /// The host is one in which some upstreams may find another host.
    #[error("the host has a user name, is a list, or has text other than a port after its name")]
    Host,
    /// `:method` or a method override is not a token, or there are more than eight.
    #[error("the method or an override is not a token, or there are more than eight")]
    Method,
}
