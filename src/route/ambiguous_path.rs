//! Why a request is refused before any route is looked up.

use std::fmt;

/// Why a request has no reading to rely on: it is answered 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmbiguousPath {
    /// The path is neither `*` nor starts with `/`.
    NotAbsolute,
    /// A control character, as sent or decoded.
    ControlCharacter,
    /// `%` without two hexadecimal digits in the path as sent, or `%u0061` once decoded.
    BrokenEscape,
    /// Not UTF-8, as sent or decoded.
    Encoding,
    /// Something is left to decode after three rounds.
    TooManyDecodings,
    /// More than 32 distinct readings.
    TooManyReadings,
    /// A path that has more than one reading and over 8192 bytes, or readings of over 32768 bytes together.
    TooLong,
    /// A host out of which some upstream may read another.
    Host,
    /// `:method` or an override is no token, or there are more than eight of them.
    Method,
}

impl fmt::Display for AmbiguousPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not start with `/`",
            Self::ControlCharacter => "the path has a control character",
            Self::BrokenEscape => "the path has a `%` without two hexadecimal digits",
            Self::Encoding => "the path is not UTF-8",
            Self::TooManyDecodings => "the path is percent-encoded more than three times over",
            Self::TooManyReadings => "the path can be read in more than 32 ways",
            Self::TooLong => {
                "the path has more than one reading and over 8192 bytes, or over 32768 in all of them"
            }
            Self::Host => "the host has a user, is a list, or has something else than a port behind its name",
            Self::Method => "the method or its override is no method, or there are more than eight",
        })
    }
}

impl std::error::Error for AmbiguousPath {}
