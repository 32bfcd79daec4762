//! Why a request is refused before any route is looked up.

/// Why a request has no reading to rely on: it is answered 400.
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
    /// Not UTF-8, as sent or decoded.
    #[error("the path is not UTF-8")]
    Encoding,
    /// Something is left to decode after three rounds.
    #[error("the path is percent-encoded more than three times over")]
    TooManyDecodings,
    /// More than 32 distinct readings.
    #[error("the path can be read in more than 32 ways")]
    TooManyReadings,
    /// A path that has more than one reading and over 8192 bytes, or readings of over 32768 bytes together.
    #[error("the path has more than one reading and over 8192 bytes, or over 32768 in all of them")]
    TooLong,
    /// A host out of which some upstream may read another.
    #[error("the host has a user, is a list, or has something else than a port behind its name")]
    Host,
    /// `:method` or an override is no token, or there are more than eight of them.
    #[error("the method or its override is no method, or there are more than eight")]
    Method,
}
