//! The rules that match a request in any of its path variants.

use super::host::{is_unambiguous_host, normalize_host};
use super::letter_case::{folded, is_folded};
use super::normalizations::Escapes;
use super::path_variants::PathVariants;
use super::{AmbiguousPath, RouteFound, SkippedVariants, Table, VariantClass, method};
use std::borrow::Cow;

/// The parts of a request that select its route.
#[derive(Debug, Clone)]
pub struct RequestLine<'a> {
    /// `:authority`.
    pub host: &'a [u8],
    /// `:method`.
    pub method: &'a [u8],
    /// `:path` with its query; `None` for a CONNECT request without a path.
    pub path: Option<&'a [u8]>,
    /// The values of the method-override headers ([`METHOD_OVERRIDES`](crate::http::METHOD_OVERRIDES)).
    pub method_overrides: Vec<&'a [u8]>,
}

/// The distinct rules that match a request. There is at least one, and the request must meet all of them.
#[derive(Debug)]
pub struct RouteMatches<'a, T> {
    first: RouteMatch<'a, T>,
    others: Vec<RouteMatch<'a, T>>,
    ambiguity: Ambiguity,
    has_one_method: bool,
}

/// A rule that matches, and the path variant that selected it.
#[derive(Debug)]
pub struct RouteMatch<'a, T> {
    /// The route; `None` means that no route matches and the default policy applies.
    pub found: Option<RouteFound<'a, T>>,
    /// The first path variant that selected the route, for logs.
    pub variant: RequestVariant<'a>,
}

/// One possible interpretation of a request: a method and a path variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestVariant<'a> {
    /// The method.
    pub method: Cow<'a, str>,
    /// The path without its query; empty if the request has no path.
    pub path: Cow<'a, str>,
    /// The behavior of an upstream that leads to this variant, in order; empty for the request as written.
    pub classes: Vec<VariantClass>,
}

/// How much the variants of a path differ. The values are ordered by the size of the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ambiguity {
    /// There is only one variant.
    Unambiguous,
    /// The variants differ only in a trailing slash.
    TrailingSlash,
    /// The path contains an upper-case letter, or another letter that case folding changes.
    LetterCase,
    /// The variants are different paths.
    Segments,
}

impl<T> Table<T> {
    /// Looks up the rules of every path variant with every method variant. Each rule is returned once, and the
    /// rule of the request as written comes first.
    ///
    /// A request without a path and one with `*` (`OPTIONS *`) match no route. A plain path in lower case with
    /// one method needs one look-up, which allocates nothing (two look-ups if some template contains an
    /// upper-case letter).
    pub fn matches<'a>(
        &'a self,
        request_line: &RequestLine<'a>,
    ) -> Result<RouteMatches<'a, T>, AmbiguousPath> {
        if !is_unambiguous_host(request_line.host) {
            return Err(AmbiguousPath::Host);
        }
        let skipped = self.skipped();
        let overrides = if skipped.contains(VariantClass::MethodOverride) {
            &[]
        } else {
            request_line.method_overrides.as_slice()
        };
        let (method, other_methods) = method::variants(request_line.method, overrides)?;
        let path = match request_line.path {
            None => return Ok(RouteMatches::default_only(method, &other_methods, "")),
            Some(b"*") => return Ok(RouteMatches::default_only(method, &other_methods, "*")),
            Some(path) => PathVariants::of(path, skipped)?,
        };
        let host = normalize_host(request_line.host);
        let find = |method: &str, path: &str| self.find(&host, method, path);
        let found = find(&method, &path.as_written);
        let mut matches = RouteMatches {
            first: RouteMatch {
                found,
                variant: RequestVariant {
                    method: method.clone(),
                    path: path.as_written.clone(),
                    classes: Vec::new(),
                },
            },
            others: Vec::new(),
            ambiguity: Ambiguity::of(&path, skipped),
            has_one_method: other_methods.is_empty(),
        };
        let mut add = |found: Option<RouteFound<'a, T>>,
                       (method, class): (&Cow<'a, str>, _),
                       place: Option<usize>| {
            let text = place.and_then(|place| path.others.get(place)).map(|variant| variant.path.as_str());
            let text = text.unwrap_or(&path.as_written);
            let variant = |text: &str, last: Option<VariantClass>| {
                let normalizations = place.map(|place| path.classes(place)).unwrap_or_default();
                let classes = Option::into_iter(class).chain(normalizations).chain(last).collect();
                RequestVariant { method: method.clone(), path: Cow::Owned(text.to_owned()), classes }
            };
            matches.add(found, || variant(text, None));
            for other in self.find_ignoring_case(&host, method, text, found.map(|found| found.index)) {
                matches.add(other, || variant(&folded(text), Some(VariantClass::LetterCase)));
            }
        };
        let methods = || {
            let others = other_methods.iter().map(|(method, class)| (method, Some(*class)));
            std::iter::once((&method, None)).chain(others)
        };
        add(found, (&method, None), None);
        for method in methods().skip(1) {
            add(find(method.0, &path.as_written), method, None);
        }
        for (place, variant) in path.others.iter().enumerate() {
            for method in methods() {
                add(find(method.0, &variant.path), method, Some(place));
            }
        }
        Ok(matches)
    }
}

/// The variants of a `:path`, except those by letter case. The path as written, without its query, comes first.
/// Each variant has the classes that lead to it.
///
/// # Errors
/// The reason why the path is too ambiguous.
pub fn path_variants(
    path: &[u8],
    skipped: SkippedVariants,
) -> Result<Vec<(String, Vec<VariantClass>)>, AmbiguousPath> {
    let path_variants = PathVariants::of(path, skipped)?;
    let others = path_variants.others.iter().enumerate();
    let others = others.map(|(place, variant)| (variant.path.clone(), path_variants.classes(place)));
    Ok(std::iter::once((path_variants.as_written.clone().into_owned(), Vec::new())).chain(others).collect())
}

/// The classes that lead to the variant that differs most from the `:path` as sent, for a message: those of the
/// first variant with that [`Ambiguity`].
pub fn most_different_classes(path: &[u8], skipped: SkippedVariants) -> Vec<VariantClass> {
    let Ok(path_variants) = PathVariants::of(path, skipped) else { return Vec::new() };
    let ambiguity = Ambiguity::of(&path_variants, skipped);
    match path_variants.others.iter().position(|variant| path_variants.difference(&variant.path) == ambiguity)
    {
        Some(place) => path_variants.classes(place),
        None if ambiguity == Ambiguity::Segments => vec![VariantClass::PercentDecoding],
        None => vec![VariantClass::LetterCase],
    }
}

impl<'a, T> RouteMatches<'a, T> {
    fn default_only(
        method: Cow<'a, str>,
        others: &[(Cow<'a, str>, VariantClass)],
        path: &'static str,
    ) -> Self {
        let variant = RequestVariant { method, path: Cow::Borrowed(path), classes: Vec::new() };
        let has_one_method = others.is_empty();
        Self {
            first: RouteMatch { found: None, variant },
            others: Vec::new(),
            ambiguity: Ambiguity::Unambiguous,
            has_one_method,
        }
    }

    fn add(&mut self, found: Option<RouteFound<'a, T>>, variant: impl FnOnce() -> RequestVariant<'a>) {
        let index = found.map(|found| found.index);
        if !self.iter().any(|route_match| route_match.index() == index) {
            self.others.push(RouteMatch { found, variant: variant() });
        }
    }

    /// The distinct rules, with that of the request as written first.
    pub fn iter(&self) -> impl Iterator<Item = &RouteMatch<'a, T>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The rule of the request as written.
    pub fn as_written(&self) -> &RouteMatch<'a, T> {
        &self.first
    }

    /// Whether the request's own method is the only variant, regardless of the rules.
    pub fn has_one_method(&self) -> bool {
        self.has_one_method
    }

    /// How much the variants of the path differ, regardless of the rules.
    pub fn ambiguity(&self) -> Ambiguity {
        self.ambiguity
    }
}

impl<T> RouteMatch<'_, T> {
    /// The index of the route in the list that the table was built from; `None` for the default policy.
    pub fn index(&self) -> Option<usize> {
        self.found.map(|found| found.index)
    }
}

impl Ambiguity {
    fn of(path_variants: &PathVariants<'_>, skipped: SkippedVariants) -> Self {
        // Skip the digits of an escape, which are not letters: the decoded character is another variant anyway.
        let mut parts = path_variants.as_sent.split('%');
        let first = parts.next().is_none_or(is_folded);
        let is_folded = first && parts.all(|part| part.get(2..).is_none_or(is_folded));
        let one_case = is_folded || skipped.contains(VariantClass::LetterCase);
        let letter_case = if one_case { Self::Unambiguous } else { Self::LetterCase };
        let two_spellings =
            if path_variants.has_two_spellings() { Self::Segments } else { Self::Unambiguous };
        let others = path_variants.others.iter().map(|variant| path_variants.difference(&variant.path));
        others
            .chain([path_variants.difference(&path_variants.as_written), letter_case, two_spellings])
            .max()
            .unwrap_or(Self::Unambiguous)
    }
}

impl PathVariants<'_> {
    /// Whether an upstream takes a different spelling of the path for the same path, while Envoy compares byte
    /// by byte. This is the case for `%2f`, which is kept if encoded slashes are skipped and is usually written
    /// `%2F` (RFC 3986 section 2.1), and for characters that a client should escape but may send unescaped.
    fn has_two_spellings(&self) -> bool {
        self.as_sent.contains("%2f") || self.as_sent.bytes().any(|byte| Escapes::Required.takes(byte))
    }

    /// How much a variant differs from the path as sent. Decoding an escape that a client has to write also
    /// counts as a difference: Envoy compares the escape byte by byte, while `%c3` and `%C3` are the same to an
    /// upstream.
    fn difference(&self, variant: &str) -> Ambiguity {
        let without_slash = |path: &str| path.strip_suffix('/').unwrap_or(path).len();
        if variant == self.as_sent {
            Ambiguity::Unambiguous
        } else if variant.get(..without_slash(variant)) == self.as_sent.get(..without_slash(self.as_sent)) {
            Ambiguity::TrailingSlash
        } else {
            Ambiguity::Segments
        }
    }
}
