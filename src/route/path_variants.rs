//! The readings of a path: everything that some upstream may take it for, but for letter case.
//!
//! Upstreams decode, merge slashes, resolve dot segments and drop `;parameters`, each in an order of its own and
//! sometimes twice. Instead of modelling any of them, every step that one of them takes is applied to every reading
//! there is, until nothing new comes out: whatever a chain of these steps makes of a path, in any order and number,
//! is among the readings. What cannot be read with certainty is refused.
//!
//! The first reading is the path as written: the sent path with the escapes decoded that a client has to write
//! (`/caf%C3%A9`, `/my%20docs`). A template is written decoded, so these escapes are no reading beside it.

use std::borrow::Cow;

use super::normalizations::{Escapes, NORMALIZATIONS, decoded, has_control, script_end};
use super::{AmbiguousPath, SkippedVariants, VariantClass};
use crate::http::hex_digit;

/// Distinct readings that a path may have. Each costs a look-up; a path that needs more is an attack.
const MAX_READINGS: usize = 32;

/// Rounds of percent-decoding after which nothing may be left to decode.
const MAX_DECODINGS: usize = 3;

/// The longest path, in bytes and without its query, that is read in more than one way. Servers rarely take 8 KiB
/// for a whole request line.
const MAX_BYTES: usize = 8192;

/// All readings of a path together, in bytes: this bounds the work that one request can cause, since each step goes
/// over each byte of each reading. So the longest path has four readings, and one of 1 KiB as many as there may be.
const MAX_BYTES_OF_ALL: usize = 4 * MAX_BYTES;

/// All readings of one path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathVariants<'a> {
    /// As it was sent, without the query.
    pub as_sent: &'a str,
    /// As it was written: with the escapes decoded that a client has to write.
    pub as_written: Cow<'a, str>,
    /// The others, each once, the shortest chains of steps first.
    pub others: Vec<PathVariant>,
}

/// A reading that a step made of another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathVariant {
    pub path: String,
    class: VariantClass,
    /// The one that the step was applied to, by its place in [`PathVariants::others`]; `None` for the path as written.
    origin: Option<usize>,
}

impl<'a> PathVariants<'a> {
    /// The readings of `:path`, which starts with `/`. Its query starts at the first `?`.
    ///
    /// A `#` is not part of a request target (RFC 9112 section 3.2); an upstream that gets one may cut there or go
    /// on reading, so both are readings.
    pub fn of(path: &'a [u8], skipped: SkippedVariants) -> Result<Self, AmbiguousPath> {
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        if !path.starts_with(b"/") {
            return Err(AmbiguousPath::NotAbsolute);
        }
        let as_sent = std::str::from_utf8(path).map_err(|_| AmbiguousPath::Encoding)?;
        if is_plain(path) {
            return Ok(Self { as_sent, as_written: Cow::Borrowed(as_sent), others: Vec::new() });
        }
        if path.len() > MAX_BYTES {
            return Err(AmbiguousPath::TooLong);
        }
        if has_control(as_sent) {
            return Err(AmbiguousPath::ControlCharacter);
        }
        if has_broken_escape(path) {
            return Err(AmbiguousPath::BrokenEscape);
        }
        let hides_slashes = decodes_in_few_rounds(as_sent)?;
        let as_written = decoded(as_sent, Escapes::Required)?.map_or(Cow::Borrowed(as_sent), Cow::Owned);
        let others = all_variants(&as_written, hides_slashes, skipped)?;
        Ok(Self { as_sent, as_written, others })
    }

    /// The classes of the steps that led to one of the others, the first step first.
    pub fn classes(&self, mut index: usize) -> Vec<VariantClass> {
        let mut classes = Vec::new();
        while let Some(variant) = self.others.get(index) {
            if classes.last() != Some(&variant.class) {
                classes.push(variant.class);
            }
            match variant.origin {
                Some(origin) => index = origin,
                None => break,
            }
        }
        classes.reverse();
        classes
    }
}

/// Whether no step changes the path: it has only characters that stand for themselves everywhere, its segments are
/// not empty, and none ends in a dot, so that neither is any `.` or `..`.
fn is_plain(path: &[u8]) -> bool {
    let mut previous = b'/';
    let Some((_, [rest @ .., last])) = path.split_first() else {
        return true;
    };
    for byte in rest.iter().chain(std::iter::once(last)) {
        let plain = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => true,
            b'!' | b'&' | b'\'' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => true,
            // The start of a stream's name.
            b'$' => previous != b':',
            // The start of a ticket.
            b'(' => previous != b'/',
            b'/' => previous != b'/' && previous != b'.',
            _ => false,
        };
        if !plain {
            return false;
        }
        previous = *byte;
    }
    *last != b'/' && *last != b'.' && script_end(path).is_none()
}

/// A `%` without two hexadecimal digits: decoders differ between keeping it, dropping it and failing.
fn has_broken_escape(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let Some((_, after)) = rest.split_at_checked(at + 1) else { return true };
        match after {
            [high, low, ..] if hex_digit(*high).is_some() && hex_digit(*low).is_some() => rest = after,
            _ => return true,
        }
    }
    false
}

/// Whether a slash is encoded more than once (`%252F`), or in parts (`%2%32F` is refused, `%25%32F` is not).
///
/// # Errors
/// Something is left to decode after [`MAX_DECODINGS`] rounds, or decoding brings out what no path may have.
fn decodes_in_few_rounds(path: &str) -> Result<bool, AmbiguousPath> {
    let mut variant = decoded(path, Escapes::All)?;
    for _ in 0..MAX_DECODINGS {
        match variant {
            None => break,
            Some(text) => variant = decoded(&text, Escapes::All)?,
        }
    }
    if variant.is_some() {
        return Err(AmbiguousPath::TooManyDecodings);
    }
    let mut segments = Cow::Borrowed(path);
    while let Some(text) = decoded(&segments, Escapes::AllButSlashes)? {
        segments = Cow::Owned(text);
    }
    Ok(encoded_slashes(&segments) > encoded_slashes(path))
}

fn encoded_slashes(path: &str) -> usize {
    path.as_bytes().windows(3).filter(|escape| escape.eq_ignore_ascii_case(b"%2f")).count()
}

/// Applies every step that is not skipped to every reading until none gives a new one.
///
/// `hides_slashes`: a slash is encoded more than once. Then decoding one is no matter of `encoded_slash`, since
/// double decoding cannot be skipped.
fn all_variants(
    as_written: &str,
    hides_slashes: bool,
    skipped: SkippedVariants,
) -> Result<Vec<PathVariant>, AmbiguousPath> {
    let mut path_variants: Vec<PathVariant> = Vec::new();
    let mut bytes = as_written.len();
    let mut origin = None;
    let mut current = as_written.to_owned();
    loop {
        let mut note = |class: VariantClass, variant: Option<String>| {
            if let Some(path) = variant
                && path != as_written
                && !skipped.contains(class)
                && !path_variants.iter().any(|variant| variant.path == path)
            {
                bytes += path.len();
                path_variants.push(PathVariant { path, class, origin });
            }
            // At once, not when the round is over: a round alone may bring two dozen.
            match (path_variants.len() < MAX_READINGS, bytes <= MAX_BYTES_OF_ALL) {
                (true, true) => Ok(()),
                (false, _) => Err(AmbiguousPath::TooManyReadings),
                (true, false) => Err(AmbiguousPath::TooLong),
            }
        };
        for escapes in Escapes::EACH {
            let slash = escapes == Escapes::All && !hides_slashes && encoded_slashes(&current) > 0;
            let class = if slash { VariantClass::EncodedSlash } else { VariantClass::PercentDecoding };
            note(class, decoded(&current, escapes)?)?;
        }
        for (class, step) in NORMALIZATIONS {
            note(class, step(&current))?;
        }
        let next = origin.map_or(0, |origin| origin + 1);
        match path_variants.get(next) {
            Some(variant) => variant.path.clone_into(&mut current),
            None => return Ok(path_variants),
        }
        origin = Some(next);
    }
}

#[cfg(test)]
mod tests;
