//! Segments with one `*` in the index of routes and guards.

use super::letter_case::folded;
use super::partial_segment::PartialSegment;

/// The maximum number of partial segments in one place, that is, with the same segments before them. Each is compared
/// with the segment of a request.
pub(super) const MAX_PARTIALS: usize = 64;

/// A place would have more partial segments than the limit of 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {MAX_PARTIALS} templates have a segment with a part such as `x*` after the same segments; write fewer, or a `**`"
)]
pub struct TooManyPartials;

/// The fixed text of a segment with one `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartialPattern {
    prefix: Box<str>,
    suffix: Box<str>,
}

impl PartialPattern {
    pub fn new(partial: PartialSegment<'_>) -> Self {
        Self { prefix: partial.prefix.into(), suffix: partial.suffix.into() }
    }

    /// The pattern for segments that are folded too.
    pub fn folded(&self) -> Self {
        Self { prefix: folded(&self.prefix).into(), suffix: folded(&self.suffix).into() }
    }

    pub fn is(&self, partial: PartialSegment<'_>) -> bool {
        self.segment() == partial
    }

    pub fn matches(&self, segment: &str) -> bool {
        self.segment().matches(segment)
    }

    pub fn rank(&self) -> (usize, usize) {
        self.segment().rank()
    }

    fn segment(&self) -> PartialSegment<'_> {
        PartialSegment { prefix: &self.prefix, suffix: &self.suffix }
    }
}
