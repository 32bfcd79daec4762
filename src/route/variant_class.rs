//! Classes of path variants: the reasons why an upstream may interpret a request differently than it was sent.

use std::fmt;

/// The behavior of an upstream that leads to a path variant. The key `skip_readings` and the logs call a path
/// variant a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantClass {
    /// It ignores letter case when it compares paths.
    LetterCase,
    /// It treats an encoded slash (`%2F`) as a segment separator.
    EncodedSlash,
    /// It drops path parameters: `;` and the text after it in a segment or in the path.
    PathParameters,
    /// It treats `\` as `/`.
    Backslash,
    /// It drops trailing dots and spaces of a segment.
    TrailingDotOrSpace,
    /// It replaces characters such as fullwidth letters with the ASCII characters that they resemble.
    CompatibilityCharacters,
    /// It reads the method from `x-http-method-override` or a similar header.
    MethodOverride,
    /// It routes `/index.php/x` as `/x`.
    PhpPathInfo,
    /// It drops the name of an NTFS stream (`::$DATA`).
    NtfsStreams,
    /// It drops ASP.NET's cookieless tickets (`/(S(…))`).
    AspnetTickets,
    /// It decodes percent-escapes that the client did not need to write, or decodes a second time.
    PercentDecoding,
    /// It resolves `.` and `..`.
    DotSegments,
    /// It merges slashes.
    RepeatedSlashes,
    /// It drops a trailing slash.
    TrailingSlash,
    /// It drops leading spaces of a segment.
    LeadingSpace,
    /// It treats `//host/path` as a reference to another host (RFC 3986 section 4.2).
    NetworkPath,
    /// It cuts the path at a decoded `?`, or at a `#`.
    QueryOrFragment,
    /// It converts the method to upper case.
    MethodCase,
}

impl VariantClass {
    /// The classes that `skip_readings` may list, in the order of the documentation. The other classes cannot
    /// be skipped, because every operator has an upstream or a proxy that decodes, merges slashes or resolves
    /// dot segments.
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

    /// The classes that cannot be skipped.
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

    /// The name in logs and the configuration.
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

/// The classes that no upstream of the operator applies (`skip_readings`). None by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SkippedVariants {
    bits: u32,
}

impl SkippedVariants {
    /// Adds a class. A class that is not [skippable](VariantClass::SKIPPABLE) has no effect.
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
