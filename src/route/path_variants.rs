//! The variants of a path: every interpretation by an upstream, except those by letter case.
//!
//! Upstreams decode, merge slashes, resolve dot segments and drop `;parameters`, in different orders and
//! sometimes twice. Instead of modeling particular upstreams, this module applies each of these steps to every
//! variant until no new one appears. So the variants include the result of every chain of steps, in any order
//! and number. A path that is not valid, or that has
//! too many variants, is denied.
//!
//! The first variant is the path as written: the path as sent, with those escapes decoded that a client has to
//! write (`/caf%C3%A9`, `/my%20docs`). Templates are written decoded, so these escapes do not make another
//! variant.

use std::borrow::Cow;

use super::normalizations::{Escapes, NORMALIZATIONS, decoded, has_control, script_end};
use super::{AmbiguousPath, SkippedVariants, VariantClass};
use crate::http::hex_digit;

/// The maximum number of variants of a path. Each needs a look-up; a path with more is an attack.
const MAX_VARIANTS: usize = 32;

/// The number of percent-decoding rounds after which no escape may be left.
const MAX_DECODINGS: usize = 3;

/// The maximum length of a path with several variants, in bytes, without its query. Servers rarely accept 8 KiB
/// for a whole request line.
const MAX_BYTES: usize = 8192;

/// The maximum length of all variants of a path together, in bytes. It limits the work of one request, because
/// each step processes each byte of each variant. A path of the maximum length can have four variants, and a
/// path of 1 KiB the maximum number.
const MAX_BYTES_OF_ALL: usize = 4 * MAX_BYTES;

/// All variants of one path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathVariants<'a> {
    /// The path as sent, without the query.
    pub as_sent: &'a str,
    /// The path as written: with those escapes decoded that a client has to write.
    pub as_written: Cow<'a, str>,
    /// The other variants, each once, sorted by the number of steps that lead to them.
    pub others: Vec<PathVariant>,
}

/// A variant that a step made from another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathVariant {
    pub path: String,
    class: VariantClass,
    /// The variant that the step was applied to, by its index in [`PathVariants::others`]; `None` for the path as
    /// written.
    origin: Option<usize>,
}

impl<'a> PathVariants<'a> {
    /// Computes the variants of `:path`, which starts with `/`. Its query starts at the first `?`.
    ///
    /// A `#` is not allowed in a request target (RFC 9112 section 3.2). An upstream that receives one may cut
    /// the path there or not, so both are variants.
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
        let hides_slashes = has_nested_encoded_slash(as_sent)?;
        let as_written = decoded(as_sent, Escapes::Required)?.map_or(Cow::Borrowed(as_sent), Cow::Owned);
        let others = all_variants(&as_written, hides_slashes, skipped)?;
        Ok(Self { as_sent, as_written, others })
    }

    /// The classes of the steps that lead to one of the other variants, the first step first.
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

/// Whether no step changes the path. This is so if it contains only characters without a special meaning, has
/// no empty segment, and no segment ends in a dot, which also excludes `.` and `..`.
fn is_plain(path: &[u8]) -> bool {
    let mut previous = b'/';
    let mut has_dot = false;
    let Some((_, rest @ [.., last])) = path.split_first() else {
        return true;
    };
    for byte in rest {
        let plain = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => true,
            b'.' => {
                has_dot = true;
                true
            }
            b'!' | b'&' | b'\'' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => true,
            // Not the start of an NTFS stream's name.
            b'$' => previous != b':',
            // Not the start of an ASP.NET ticket.
            b'(' => previous != b'/',
            b'/' => previous != b'/' && previous != b'.',
            _ => false,
        };
        if !plain {
            return false;
        }
        previous = *byte;
    }
    *last != b'/' && *last != b'.' && (!has_dot || script_end(path).is_none())
}

/// Whether there is a `%` without two hexadecimal digits. Decoders differ: they keep it, drop it or fail.
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

/// Whether a slash is encoded more than once (`%252F`) or in parts (`%25%32F`; a path with `%2%32F` is denied).
///
/// # Errors
/// An escape is left after [`MAX_DECODINGS`] rounds, or decoding produces a character that is invalid in a
/// path.
fn has_nested_encoded_slash(path: &str) -> Result<bool, AmbiguousPath> {
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

/// Applies every step that is not skipped to every variant, until there is no new variant.
///
/// `hides_slashes` means that a slash is encoded more than once. Then its decoding does not belong to the class
/// `encoded_slash`, because double decoding cannot be skipped.
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
            // Check this for each variant instead of each round, because a single round may add two dozen.
            match (path_variants.len() < MAX_VARIANTS, bytes <= MAX_BYTES_OF_ALL) {
                (true, true) => Ok(()),
                (false, _) => Err(AmbiguousPath::TooManyVariants),
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
