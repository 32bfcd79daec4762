//! The rules that match a request in any of its path variants.

use super::host::{is_unambiguous_host, normalize_host};
use super::letter_case::is_folded;
use super::normalizations::Escapes;
use super::parameters::Parameters;
use super::path_variants::{PathVariant, PathVariants};
use super::request_variant::RequestVariant;
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

/// Every interpretation of a request: each of its methods with each of its path variants.
#[derive(Debug)]
pub struct RequestVariants<'a> {
    pub(super) host: Cow<'a, [u8]>,
    method: Cow<'a, str>,
    other_methods: Vec<(Cow<'a, str>, VariantClass)>,
    path: RequestPath<'a>,
    skipped: SkippedVariants,
}

#[derive(Debug)]
enum RequestPath<'a> {
    /// The request has no path, or `*`, and matches no route.
    Other(&'static str),
    Variants(PathVariants<'a>),
}

/// The distinct rules that match a request. There is at least one, and the request must meet all of them.
#[derive(Debug)]
pub struct RouteMatches<'a, T> {
    first: RouteMatch<'a, T>,
    others: Vec<RouteMatch<'a, T>>,
}

/// A rule that matches, and the path variant that selected it.
#[derive(Debug)]
pub struct RouteMatch<'a, T> {
    /// The route; `None` means that no route matches and the default policy applies.
    pub found: Option<RouteFound<'a, T>>,
    /// The first path variant that selected the route with these parameters.
    pub variant: RequestVariant<'a>,
    /// The parameters, if the rule compares them with claims.
    pub parameters: Option<Box<Parameters<'a>>>,
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

impl<'a> RequestVariants<'a> {
    /// Computes the variants of a request, except those of the skipped classes.
    ///
    /// # Errors
    /// The reason why the request is too ambiguous.
    pub fn of(request_line: &RequestLine<'a>, skipped: SkippedVariants) -> Result<Self, AmbiguousPath> {
        if !is_unambiguous_host(request_line.host) {
            return Err(AmbiguousPath::Host);
        }
        let overrides = if skipped.contains(VariantClass::MethodOverride) {
            &[]
        } else {
            request_line.method_overrides.as_slice()
        };
        let (method, other_methods) = method::variants(request_line.method, overrides)?;
        let path = match request_line.path {
            None => RequestPath::Other(""),
            Some(b"*") => RequestPath::Other("*"),
            Some(path) => RequestPath::Variants(PathVariants::of(path, skipped)?),
        };
        let host = normalize_host(request_line.host);
        Ok(Self { host, method, other_methods, path, skipped })
    }

    /// The methods, each with the class that leads to it; the request's own method comes first.
    fn methods(&self) -> impl Iterator<Item = (&Cow<'a, str>, Option<VariantClass>)> {
        let others = self.other_methods.iter().map(|(method, class)| (method, Some(*class)));
        std::iter::once((&self.method, None)).chain(others)
    }

    /// The paths and the position of each among the other variants; the path as written comes first. A request
    /// without a path has the empty path.
    fn paths(&self) -> impl Iterator<Item = (&str, Option<usize>)> {
        let (first, others) = match &self.path {
            RequestPath::Other(_) => ("", [].as_slice()),
            RequestPath::Variants(path) => (&*path.as_written, path.others.as_slice()),
        };
        let others = others.iter().enumerate().map(|(place, variant)| (variant.path.as_str(), Some(place)));
        std::iter::once((first, None)).chain(others)
    }

    /// Every method with every path, each with its variant. The request as written comes first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, impl Fn() -> RequestVariant<'a>)> {
        self.paths().flat_map(move |(path, place)| {
            self.methods()
                .map(move |(method, class)| (&**method, path, move || self.variant(method, class, place)))
        })
    }

    fn variant(
        &self,
        method: &Cow<'a, str>,
        class: Option<VariantClass>,
        place: Option<usize>,
    ) -> RequestVariant<'a> {
        let (path, normalizations) = match (&self.path, place) {
            (RequestPath::Other(text), _) => (Cow::Borrowed(*text), Vec::new()),
            (RequestPath::Variants(path), None) => (path.as_written.clone(), Vec::new()),
            (RequestPath::Variants(path), Some(place)) => {
                let text = path.others.get(place).map(|variant| variant.path.clone()).unwrap_or_default();
                (Cow::Owned(text), path.classes(place))
            }
        };
        let classes = Option::into_iter(class).chain(normalizations).collect();
        RequestVariant { method: method.clone(), path, classes }
    }

    /// Whether there is one method and one path. This is the case for most requests, so it has a shorter way.
    fn is_one(&self) -> bool {
        self.other_methods.is_empty()
            && matches!(&self.path, RequestPath::Variants(path) if path.others.is_empty())
    }

    fn has_path(&self) -> bool {
        matches!(self.path, RequestPath::Variants(_))
    }

    /// Whether the request's own method is the only variant, regardless of the rules.
    pub fn has_one_method(&self) -> bool {
        self.other_methods.is_empty()
    }

    /// How much the variants of the path differ, regardless of the rules.
    pub fn ambiguity(&self) -> Ambiguity {
        match &self.path {
            RequestPath::Other(_) => Ambiguity::Unambiguous,
            RequestPath::Variants(path) => Ambiguity::of(path, self.skipped),
        }
    }
}

impl<T> Table<T> {
    /// Looks up the rules of a request; see [`Table::matches_of`].
    ///
    /// # Errors
    /// The reason why the request is too ambiguous.
    pub fn matches<'a>(
        &'a self,
        request_line: &RequestLine<'a>,
    ) -> Result<RouteMatches<'a, T>, AmbiguousPath> {
        Ok(self.matches_of(&RequestVariants::of(request_line, self.skipped())?))
    }

    /// Looks up the rules of every path variant with every method variant. Each rule is returned once for each set of
    /// values of the parameters that it compares, and the rule of the request as written comes first.
    ///
    /// A request without a path and one with `*` (`OPTIONS *`) match no route. A plain path in lower case with
    /// one method needs one look-up, which allocates nothing (two look-ups if some template contains an
    /// upper-case letter).
    pub fn matches_of<'a>(&'a self, variants: &RequestVariants<'a>) -> RouteMatches<'a, T> {
        let find = |method: &str, path: &str| {
            if variants.has_path() { self.find(&variants.host, method, path) } else { None }
        };
        let mut matches = RouteMatches { first: self.as_written(variants, find), others: Vec::new() };
        if !variants.has_path() {
            return matches;
        }
        if variants.is_one() {
            let RouteMatch { variant, .. } = &matches.first;
            let exact = matches.first.index();
            let others = self.find_ignoring_case(&variants.host, &variant.method, &variant.path, exact);
            let others = others.into_iter().map(|found| {
                let variant = variant.clone().ignoring_case();
                RouteMatch { found, parameters: self.parameters(found, &variant), variant }
            });
            matches.others = others.collect();
            return matches;
        }
        for (position, (method, path, variant)) in variants.iter().enumerate() {
            let found = if position == 0 { matches.first.found } else { find(method, path) };
            matches.add(self, found, &variant);
            let exact = found.map(|found| found.index);
            for other in self.find_ignoring_case(&variants.host, method, path, exact) {
                matches.add(self, other, &|| variant().ignoring_case());
            }
        }
        matches
    }

    fn as_written<'a>(
        &'a self,
        variants: &RequestVariants<'a>,
        find: impl Fn(&str, &str) -> Option<RouteFound<'a, T>>,
    ) -> RouteMatch<'a, T> {
        let variant = variants.variant(&variants.method, None, None);
        let found = find(&variant.method, &variant.path);
        RouteMatch { found, parameters: self.parameters(found, &variant), variant }
    }

    fn parameters<'a>(
        &'a self,
        found: Option<RouteFound<'a, T>>,
        variant: &RequestVariant<'a>,
    ) -> Option<Box<Parameters<'a>>> {
        let entry = self.entries().get(found?.index).filter(|entry| entry.compares_parameters)?;
        Some(Box::new(Parameters::new(&entry.template, variant)))
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

/// The classes that lead to a variant with other segments than the path as written, if there is one. Letter case makes
/// no such variant, nor do the escapes that a client has to write, if the client writes them as usual.
pub fn other_segments_than_written(path: &[u8], skipped: SkippedVariants) -> Option<Vec<VariantClass>> {
    let path_variants = PathVariants::of(path, skipped).ok()?;
    let differs =
        |variant: &PathVariant| difference(&path_variants.as_written, &variant.path) == Ambiguity::Segments;
    match path_variants.others.iter().position(differs) {
        Some(place) => Some(path_variants.classes(place)),
        None => path_variants.has_two_spellings().then(|| vec![VariantClass::PercentDecoding]),
    }
}

impl<'a, T> RouteMatches<'a, T> {
    fn add(
        &mut self,
        table: &'a Table<T>,
        found: Option<RouteFound<'a, T>>,
        variant: &dyn Fn() -> RequestVariant<'a>,
    ) {
        let index = found.map(|found| found.index);
        let compares =
            index.and_then(|index| table.entries().get(index)).is_some_and(|entry| entry.compares_parameters);
        if !compares {
            if !self.iter().any(|route_match| route_match.index() == index) {
                self.others.push(RouteMatch { found, variant: variant(), parameters: None });
            }
            return;
        }
        let variant = variant();
        let parameters = table.parameters(found, &variant);
        let is_known = |known: &RouteMatch<'_, T>| match (&known.parameters, &parameters) {
            (Some(known), Some(parameters)) => known.are_equal(parameters),
            _ => false,
        };
        if !self.iter().any(|known| known.index() == index && is_known(known)) {
            self.others.push(RouteMatch { found, variant, parameters });
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
    /// by byte. This is the case for an escape in lower case (`%2f`), which is usually written `%2F` (RFC 3986
    /// section 2.1), and for characters that a client should escape but may send unescaped.
    fn has_two_spellings(&self) -> bool {
        let mut escapes = self.as_sent.split('%').skip(1);
        let is_lower = |escape: &str| escape.bytes().take(2).any(|digit| digit.is_ascii_lowercase());
        escapes.any(is_lower) || self.as_sent.bytes().any(|byte| Escapes::Required.takes(byte))
    }

    /// How much a variant differs from the path as sent. Decoding an escape that a client has to write also
    /// counts as a difference: Envoy compares the escape byte by byte, while `%c3` and `%C3` are the same to an
    /// upstream.
    fn difference(&self, variant: &str) -> Ambiguity {
        difference(self.as_sent, variant)
    }
}

fn difference(path: &str, variant: &str) -> Ambiguity {
    let without_slash = |path: &str| path.strip_suffix('/').unwrap_or(path).len();
    if variant == path {
        Ambiguity::Unambiguous
    } else if variant.get(..without_slash(variant)) == path.get(..without_slash(path)) {
        Ambiguity::TrailingSlash
    } else {
        Ambiguity::Segments
    }
}
