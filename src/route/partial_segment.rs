//! A segment with one `*`.

use std::fmt;

/// The fixed text of a segment with one `*`; at least one of the two is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialSegment<'t> {
    /// The text before the `*`.
    pub prefix: &'t str,
    /// The text after the `*`.
    pub suffix: &'t str,
}

impl PartialSegment<'_> {
    /// Whether the segment of a path has this start and this end, which do not overlap.
    pub fn matches(&self, segment: &str) -> bool {
        segment.strip_prefix(self.prefix).is_some_and(|rest| rest.ends_with(self.suffix))
    }

    /// The length of the fixed text and of its start: the order of precedence.
    pub(super) fn rank(&self) -> (usize, usize) {
        (self.prefix.len() + self.suffix.len(), self.prefix.len())
    }
}

impl fmt::Display for PartialSegment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}*{}", self.prefix, self.suffix)
    }
}
