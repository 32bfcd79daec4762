//! One possible interpretation of a request.

use std::borrow::Cow;

use super::VariantClass;
use super::letter_case::folded;

/// One possible interpretation of a request: a method and a path variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestVariant<'a> {
    /// The method.
    pub method: Cow<'a, str>,
    /// The path without its query, before letter case is ignored; empty if the request has no path.
    pub path: Cow<'a, str>,
    /// The behavior of an upstream that leads to this variant, in order; empty for the request as written.
    pub classes: Vec<VariantClass>,
}

impl RequestVariant<'_> {
    /// The same variant for an upstream that ignores letter case.
    pub(super) fn ignoring_case(mut self) -> Self {
        self.classes.push(VariantClass::LetterCase);
        self
    }

    /// The path as the upstream compares it: folded, if the upstream ignores letter case.
    pub fn compared_path(&self) -> Cow<'_, str> {
        match self.classes.last() {
            Some(VariantClass::LetterCase) => folded(&self.path),
            _ => Cow::Borrowed(&self.path),
        }
    }
}
