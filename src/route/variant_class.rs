//! Classes of readings: why an upstream may read a request otherwise than it was sent.

use std::fmt;

/// What an upstream does that leads to a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantClass {
    /// It compares paths without regard to letter case.
    LetterCase,
    /// It takes an encoded slash (`%2F`) for one that separates segments.
    EncodedSlash,
    /// It drops path parameters: `;` and what follows in a segment, or in the path.
    PathParameters,
    /// It takes `\` for `/`.
    Backslash,
    /// It drops dots and spaces at the end of a segment.
    TrailingDotOrSpace,
    /// It replaces characters such as fullwidth letters by the ASCII character that they look like.
    CompatibilityCharacters,
    /// It takes the method from `x-http-method-override` or a header like it.
    MethodOverride,
    /// It routes `/index.php/x` as `/x`.
    PhpPathInfo,
    /// It drops the name of an NTFS stream (`::$DATA`).
    NtfsStreams,
    /// It drops ASP.NET's cookieless tickets (`/(S(…))`).
    AspnetTickets,
    /// It decodes percent-escapes that the client did not have to write, or decodes a second time.
    PercentDecoding,
    /// It resolves `.` and `..`.
    DotSegments,
    /// It merges slashes.
    RepeatedSlashes,
    /// It drops a slash at the end.
    TrailingSlash,
    /// It drops spaces at the start of a segment.
    LeadingSpace,
    /// It takes `//host/path` for a reference to another host (RFC 3986 section 4.2).
    NetworkPath,
    /// It cuts the path at a decoded `?`, or at a `#`.
    QueryOrFragment,
    /// It changes the method to upper case.
    MethodCase,
}

impl VariantClass {
    /// Those that `skip_readings` may name, in the order of the documentation. The others stay: every operator has
    /// an upstream, or a proxy before one, that decodes, merges slashes or resolves dot segments.
    pub const SKIPPABLE: [Self; 10] = [
        Self::LetterCase,
        Self::EncodedSlash,
        Self::PathParameters,
        Self::Backslash,
        Self::TrailingDotOrSpace,
        Self::CompatibilityCharacters,
        Self::MethodOverride,
        Self::PhpPathInfo,
        Self::NtfsStreams,
        Self::AspnetTickets,
    ];

    /// Those that cannot be skipped.
    pub const ALWAYS: [Self; 8] = [
        Self::PercentDecoding,
        Self::DotSegments,
        Self::RepeatedSlashes,
        Self::TrailingSlash,
        Self::LeadingSpace,
        Self::NetworkPath,
        Self::QueryOrFragment,
        Self::MethodCase,
    ];

    /// As logs and the configuration name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LetterCase => "letter_case",
            Self::EncodedSlash => "encoded_slash",
            Self::PathParameters => "path_parameters",
            Self::Backslash => "backslash",
            Self::TrailingDotOrSpace => "trailing_dot_or_space",
            Self::CompatibilityCharacters => "compatibility_characters",
            Self::MethodOverride => "method_override",
            Self::PhpPathInfo => "php_path_info",
            Self::NtfsStreams => "ntfs_streams",
            Self::AspnetTickets => "aspnet_tickets",
            Self::PercentDecoding => "percent_decoding",
            Self::DotSegments => "dot_segments",
            Self::RepeatedSlashes => "repeated_slashes",
            Self::TrailingSlash => "trailing_slash",
            Self::LeadingSpace => "leading_space",
            Self::NetworkPath => "network_path",
            Self::QueryOrFragment => "query_or_fragment",
            Self::MethodCase => "method_case",
        }
    }
}

/// The classes that the operator says no upstream applies (`skip_readings`). None by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SkippedVariants {
    bits: u32,
}

impl SkippedVariants {
    /// With this class as well. A class that is not [skippable](ReadingClass::SKIPPABLE) changes nothing.
    #[must_use]
    pub fn with(self, class: VariantClass) -> Self {
        if VariantClass::SKIPPABLE.contains(&class) { Self { bits: self.bits | bit(class) } } else { self }
    }

    /// Whether the class is skipped.
    pub fn contains(self, class: VariantClass) -> bool {
        self.bits & bit(class) != 0
    }

    /// The skipped classes, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = VariantClass> {
        VariantClass::SKIPPABLE.into_iter().filter(move |class| self.contains(*class))
    }
}

fn bit(class: VariantClass) -> u32 {
    1 << class as u32
}

impl fmt::Display for VariantClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_skippable_classes_are_skipped() {
        for class in VariantClass::SKIPPABLE {
            let skipped = SkippedVariants::default().with(class);
            assert!(skipped.iter().eq([class]), "{class}");
            assert!(!SkippedVariants::default().contains(class), "{class}");
        }
        for class in VariantClass::ALWAYS {
            assert!(!SkippedVariants::default().with(class).contains(class), "{class}");
        }
    }
}
