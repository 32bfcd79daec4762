//! Every rule that governs a request, one for each way to read it.

use super::host::{comparable, is_one};
use super::readings::Readings;
use super::{Found, Table, method};
use std::borrow::Cow;
use std::fmt;

/// What of a request decides on its route.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// `:authority`.
    pub host: &'a [u8],
    /// `:method`.
    pub method: &'a [u8],
    /// `:path` with its query; `None` for a CONNECT without one.
    pub path: Option<&'a [u8]>,
    /// The values of `x-http-method-override`, `x-http-method` and `x-method-override`.
    pub method_overrides: Vec<&'a [u8]>,
}

/// The distinct rules that govern a request: at least one, and each must be met.
#[derive(Debug)]
pub struct Governing<'a, T> {
    first: Demand<'a, T>,
    others: Vec<Demand<'a, T>>,
    spread: Spread,
    has_one_method: bool,
}

/// One rule that governs, and the reading that chose it.
#[derive(Debug)]
pub struct Demand<'a, T> {
    /// The route; `None` is "no route", for which the default policy stands.
    pub found: Option<Found<'a, T>>,
    /// The first reading that chose it, for a log.
    pub reading: Reading<'a>,
}

/// One way to read a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The method.
    pub method: Cow<'a, str>,
    /// The path without its query; empty where the request has none.
    pub path: Cow<'a, str>,
}

/// How far the readings of a path are apart; a later variant includes the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spread {
    /// There is only one.
    One,
    /// They differ in a trailing slash.
    TrailingSlash,
    /// They differ in the case of ASCII letters, too.
    LetterCase,
    /// They are different paths.
    Segments,
}

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

impl<T> Table<T> {
    /// The rules of every reading of the path with every reading of the method, each rule once, that of the request
    /// as sent first.
    ///
    /// No path and `*` (`OPTIONS *`) are under no route. A plain path in lower case, with one method, costs one
    /// look-up (two where some template has an upper-case letter) and allocates nothing.
    pub fn governing<'a>(&'a self, target: &Target<'a>) -> Result<Governing<'a, T>, AmbiguousPath> {
        if !is_one(target.host) {
            return Err(AmbiguousPath::Host);
        }
        let (method, other_methods) = method::readings(target.method, &target.method_overrides)?;
        let path = match target.path {
            None => return Ok(Governing::default_only(method, &other_methods, "")),
            Some(b"*") => return Ok(Governing::default_only(method, &other_methods, "*")),
            Some(path) => Readings::of(path)?,
        };
        let host = comparable(target.host);
        let as_sent = Reading { method, path: Cow::Borrowed(path.as_sent) };
        let mut governing = Governing {
            first: Demand {
                found: self.find(&host, &as_sent.method, &as_sent.path),
                reading: as_sent.clone(),
            },
            others: Vec::new(),
            spread: Spread::of(&path),
            has_one_method: other_methods.is_empty(),
        };
        governing.add_ignoring_case(self, &host, &as_sent);
        let mut add = |method: &Cow<'a, str>, path: &Cow<'a, str>| {
            let reading = Reading { method: method.clone(), path: path.clone() };
            governing.add(self.find(&host, method, path), &reading);
            governing.add_ignoring_case(self, &host, &reading);
        };
        for method in &other_methods {
            add(method, &as_sent.path);
        }
        for path in path.others.into_iter().map(Cow::Owned) {
            for method in std::iter::once(&as_sent.method).chain(&other_methods) {
                add(method, &path);
            }
        }
        Ok(governing)
    }
}

/// Every reading of a `:path`, the path as sent (without its query) first.
///
/// # Errors
/// Why it has none to rely on.
pub fn readings(path: &[u8]) -> Result<Vec<String>, AmbiguousPath> {
    let Readings { as_sent, others } = Readings::of(path)?;
    Ok(std::iter::once(as_sent.to_owned()).chain(others).collect())
}

impl<'a, T> Governing<'a, T> {
    fn default_only(method: Cow<'a, str>, others: &[Cow<'a, str>], path: &'static str) -> Self {
        let reading = Reading { method, path: Cow::Borrowed(path) };
        let has_one_method = others.is_empty();
        Self {
            first: Demand { found: None, reading },
            others: Vec::new(),
            spread: Spread::One,
            has_one_method,
        }
    }

    fn add(&mut self, found: Option<Found<'a, T>>, reading: &Reading<'a>) {
        let index = found.map(|found| found.index);
        if !self.iter().any(|demand| demand.index() == index) {
            self.others.push(Demand { found, reading: reading.clone() });
        }
    }

    /// A template `/Admin` guards `/admin` at an upstream that ignores case. The reading in lower case is among the
    /// readings, so one with an upper-case letter need not be looked at here.
    fn add_ignoring_case(&mut self, table: &'a Table<T>, host: &[u8], reading: &Reading<'a>) {
        if table.has_upper_case() && !reading.path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.add(table.find_ignoring_case(host, &reading.method, &reading.path), reading);
        }
    }

    /// The distinct rules, that of the request as sent first.
    pub fn iter(&self) -> impl Iterator<Item = &Demand<'a, T>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The rule of the request as sent.
    pub fn as_sent(&self) -> &Demand<'a, T> {
        &self.first
    }

    /// Whether the request can be read with no other method than its own, whatever rules that chose.
    pub fn has_one_method(&self) -> bool {
        self.has_one_method
    }

    /// How far the readings of the path are apart, whatever rules they chose.
    pub fn spread(&self) -> Spread {
        self.spread
    }
}

impl<T> Demand<'_, T> {
    /// Where the route stood in the list that the table was built from; `None` for the default policy.
    pub fn index(&self) -> Option<usize> {
        self.found.map(|found| found.index)
    }
}

impl Spread {
    fn of(readings: &Readings<'_>) -> Self {
        let as_sent = readings.as_sent.strip_suffix('/').unwrap_or(readings.as_sent);
        let apart = |reading: &String| {
            let reading = reading.strip_suffix('/').unwrap_or(reading);
            if reading == as_sent {
                Self::TrailingSlash
            } else if reading.eq_ignore_ascii_case(as_sent) {
                Self::LetterCase
            } else {
                Self::Segments
            }
        };
        readings.others.iter().map(apart).max().unwrap_or(Self::One)
    }
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
