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

use super::steps::{Escapes, STEPS, decoded, has_control, script_end};
use super::{AmbiguousPath, ReadingClass, SkippedReadings};
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
pub(super) struct Readings<'a> {
    /// As it was sent, without the query.
    pub as_sent: &'a str,
    /// As it was written: with the escapes decoded that a client has to write.
    pub as_written: Cow<'a, str>,
    /// The others, each once, the shortest chains of steps first.
    pub others: Vec<Variant>,
}

/// A reading that a step made of another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub path: String,
    class: ReadingClass,
    /// The one that the step was applied to, by its place in [`Readings::others`]; `None` for the path as written.
    origin: Option<usize>,
}

impl<'a> Readings<'a> {
    /// The readings of `:path`, which starts with `/`. Its query starts at the first `?`.
    ///
    /// A `#` is not part of a request target (RFC 9112 section 3.2); an upstream that gets one may cut there or go
    /// on reading, so both are readings.
    pub fn of(path: &'a [u8], skipped: SkippedReadings) -> Result<Self, AmbiguousPath> {
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
        let others = closure(&as_written, hides_slashes, skipped)?;
        Ok(Self { as_sent, as_written, others })
    }

    /// The classes of the steps that led to one of the others, the first step first.
    pub fn classes(&self, mut index: usize) -> Vec<ReadingClass> {
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
    let mut reading = decoded(path, Escapes::All)?;
    for _ in 0..MAX_DECODINGS {
        match reading {
            None => break,
            Some(text) => reading = decoded(&text, Escapes::All)?,
        }
    }
    if reading.is_some() {
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
fn closure(
    as_written: &str,
    hides_slashes: bool,
    skipped: SkippedReadings,
) -> Result<Vec<Variant>, AmbiguousPath> {
    let mut readings: Vec<Variant> = Vec::new();
    let mut bytes = as_written.len();
    let mut origin = None;
    let mut current = as_written.to_owned();
    loop {
        let mut note = |class: ReadingClass, reading: Option<String>| {
            if let Some(path) = reading
                && path != as_written
                && !skipped.contains(class)
                && !readings.iter().any(|variant| variant.path == path)
            {
                bytes += path.len();
                readings.push(Variant { path, class, origin });
            }
            // At once, not when the round is over: a round alone may bring two dozen.
            match (readings.len() < MAX_READINGS, bytes <= MAX_BYTES_OF_ALL) {
                (true, true) => Ok(()),
                (false, _) => Err(AmbiguousPath::TooManyReadings),
                (true, false) => Err(AmbiguousPath::TooLong),
            }
        };
        for escapes in Escapes::EACH {
            let slash = escapes == Escapes::All && !hides_slashes && encoded_slashes(&current) > 0;
            let class = if slash { ReadingClass::EncodedSlash } else { ReadingClass::PercentDecoding };
            note(class, decoded(&current, escapes)?)?;
        }
        for (class, step) in STEPS {
            note(class, step(&current))?;
        }
        let next = origin.map_or(0, |origin| origin + 1);
        match readings.get(next) {
            Some(reading) => reading.path.clone_into(&mut current),
            None => return Ok(readings),
        }
        origin = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &[u8]) -> Result<Readings<'_>, AmbiguousPath> {
        Readings::of(path, SkippedReadings::default())
    }

    #[test]
    fn a_plain_path_has_one_reading() {
        for path in [
            "/",
            "/a",
            "/a/v1.2/index.html",
            "/a-b_c~d/1",
            "/.well-known/x",
            "/a/..b",
            "/a/b:c,d=e@f(g)*!$&'+",
            "/grpc.health.v1.Health/Check",
        ] {
            assert!(is_plain(path.as_bytes()), "{path}");
            let expected = Readings { as_sent: path, as_written: Cow::Borrowed(path), others: vec![] };
            assert_eq!(of(path.as_bytes()), Ok(expected), "{path}");
        }
    }

    #[test]
    fn a_path_is_plain_only_if_no_step_changes_it() {
        // Every path of up to four characters over one character of each kind.
        let alphabet = "/.a1A%;\\ #é(:$";
        let mut paths = vec![String::from("/")];
        for _ in 0..4 {
            let longer =
                paths.iter().flat_map(|path| alphabet.chars().map(move |next| format!("{path}{next}")));
            paths = longer.collect();
            for path in &paths {
                let one_reading = STEPS.iter().all(|(_, step)| step(path).is_none())
                    && decoded(path, Escapes::All) == Ok(None)
                    && !path.contains(['%', 'é', ' '])
                    && !path.contains("/(");
                assert_eq!(is_plain(path.as_bytes()), one_reading, "{path:?}");
            }
        }
    }

    #[test]
    fn the_path_as_written_has_the_escapes_decoded_that_a_client_must_write() {
        for (sent, written) in [
            ("/caf%C3%A9/x", "/café/x"),
            ("/caf%c3%a9", "/café"),
            ("/my%20docs/a", "/my docs/a"),
            ("/%22%3C%3E%5E%60%7B%7C%7D%5B%5D", "/\"<>^`{|}[]"),
            ("/100%25", "/100%25"),
            ("/%2561dmin", "/%2561dmin"),
            ("/%61dmin", "/%61dmin"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a%5Cb%3Bc%3Fd%23e%2E", "/a%5Cb%3Bc%3Fd%23e%2E"),
            ("/caf%25C3%25A9", "/caf%25C3%25A9"),
            ("/%C3%A9%2F%20", "/é%2F "),
        ] {
            assert_eq!(of(sent.as_bytes()).unwrap().as_written, written, "{sent}");
        }
    }

    #[test]
    fn the_readings_of_a_path() {
        for (path, others) in [
            ("/a/b?c=/D%", &[][..]),
            ("/a/b/", &["/a/b"]),
            ("/A", &[]),
            ("/a.", &["/a"]),
            ("/a ", &["/a"]),
            ("/a%20", &["/a"]),
            ("/a%2Fb", &["/a/b"]),
            ("/%61%2Fb", &["/a/b", "/a%2Fb"]),
            ("/a//b", &["/a/b"]),
            ("/a/../b", &["/b"]),
            ("/a//../b", &["/a/b", "/a/../b", "/b"]),
            ("/a;x/b", &["/a/b", "/a"]),
            ("/a\\b", &["/a/b"]),
            ("/a%3Fb", &["/a?b", "/a"]),
            ("/a#b", &["/a"]),
            ("/a%252Fb", &["/a%2Fb", "/a/b"]),
            ("/100%25", &["/100%"]),
            ("/caf%c3%a9", &[]),
            ("/café", &[]),
            ("/..", &["/"]),
            ("/a/.%20/b", &["/a/./b", "/a/b"]),
            ("/a./b", &["/a/b"]),
            ("/a /b./c", &["/a/b./c", "/a/b/c"]),
            ("/a::$DATA", &["/a"]),
            ("/a:$i30:$index_allocation/b", &["/a/b"]),
            ("/(s(x))/a", &["/a"]),
            ("/a/(a(x)s(y))/b", &["/a/b"]),
            ("/a/(s(x))b", &["/ab"]),
            ("/(s(x))", &["/"]),
            ("/(s(x)", &[]),
            ("/(a)/b", &[]),
            ("/(x(x))/(s(x))/b", &["/(x(x))/b"]),
            ("/index.php/a", &["/a"]),
            ("/Index.PHP/a", &["/a"]),
            ("/a.php/b.php/c", &["/b.php/c", "/c"]),
            ("/É", &[]),
            ("/a¥b", &["/a\\b", "/a/b"]),
        ] {
            let readings = of(path.as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}")).others;
            let mut readings: Vec<_> = readings.into_iter().map(|variant| variant.path).collect();
            let mut others: Vec<_> = others.iter().map(|reading| (*reading).to_owned()).collect();
            readings.sort();
            others.sort();
            assert_eq!(readings, others, "{path}");
        }
    }

    #[test]
    fn a_reading_has_the_classes_of_the_shortest_way_to_it() {
        use ReadingClass::*;
        for (path, reading, classes) in [
            ("/a%2Fb", "/a/b", &[EncodedSlash][..]),
            ("/%61", "/a", &[PercentDecoding]),
            ("/%2561", "/a", &[PercentDecoding]),
            ("/a%252Fb", "/a/b", &[PercentDecoding]),
            ("/x/..%2Fb", "/b", &[EncodedSlash, DotSegments]),
            ("/a\\b", "/a/b", &[Backslash]),
            ("/a%5cb", "/a/b", &[PercentDecoding, Backslash]),
            ("/a;x/b", "/a/b", &[PathParameters]),
            ("/a/b;x", "/a/b", &[PathParameters]),
            ("/a.", "/a", &[TrailingDotOrSpace]),
            ("/a%20", "/a", &[TrailingDotOrSpace]),
            ("/%20a", "/a", &[LeadingSpace]),
            ("/%EF%BD%81", "/a", &[CompatibilityCharacters]),
            ("/index.php/a", "/a", &[PhpPathInfo]),
            ("/a::$DATA", "/a", &[NtfsStreams]),
            ("/(S(x))/a", "/a", &[AspnetTickets]),
            ("//a", "/a", &[RepeatedSlashes]),
            ("//a/b", "/b", &[NetworkPath]),
            ("/a/", "/a", &[TrailingSlash]),
            ("/a#b", "/a", &[QueryOrFragment]),
        ] {
            let readings = of(path.as_bytes()).unwrap();
            let place = readings.others.iter().position(|variant| variant.path == reading);
            assert_eq!(readings.classes(place.unwrap()), classes, "{path}");
        }
    }

    #[test]
    fn a_skipped_class_makes_no_readings() {
        for class in ReadingClass::SKIPPABLE {
            let skipped = SkippedReadings::default().with(class);
            for path in [
                "/a%2Fb",
                "/a%252Fb",
                "/%61",
                "/x/..%2Fb",
                "/a\\b",
                "/a%5cb",
                "/a;x/b",
                "/a.",
                "/a%20",
                "/%EF%BD%81",
                "/index.php/a",
                "/a::$DATA",
                "/(S(x))/a",
                "//a/../b",
            ] {
                let all = of(path.as_bytes()).unwrap();
                let kept = Readings::of(path.as_bytes(), skipped).unwrap();
                let chains: Vec<_> =
                    (0..all.others.len()).filter(|place| !all.classes(*place).contains(&class)).collect();
                let expected: Vec<_> = chains.iter().map(|place| &all.others[*place].path).collect();
                let found: Vec<_> = kept.others.iter().map(|variant| &variant.path).collect();
                assert_eq!(found, expected, "{path} without {class}");
            }
        }
    }

    #[test]
    fn double_decoding_is_not_skipped_with_encoded_slashes() {
        let skipped = SkippedReadings::default().with(ReadingClass::EncodedSlash);
        let has = |path: &str, reading: &str| {
            let readings = Readings::of(path.as_bytes(), skipped).unwrap().others;
            readings.iter().any(|variant| variant.path == reading)
        };
        for path in ["/files/a%2Fb", "/files/a%2fb", "/%66iles/a%2Fb"] {
            assert!(!has(path, "/files/a/b"), "{path}");
        }
        for path in ["/files/a%252Fb", "/files/a%25%32%46b", "/%2Ffiles/../files/a%252Fb"] {
            assert!(has(path, "/files/a/b"), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_read_with_certainty_is_refused() {
        use AmbiguousPath::*;
        let long = format!("/{}/", "a".repeat(8191));
        let of_six_readings = |length: usize| format!("/{}/%41%2FA;", "a".repeat(length));
        let over_the_bound = of_six_readings(6000);
        for (path, error) in [
            (&b""[..], NotAbsolute),
            (b"a", NotAbsolute),
            (b"?a", NotAbsolute),
            (b"*x", NotAbsolute),
            (b"http://example.com/a", NotAbsolute),
            (b"/a\nb", ControlCharacter),
            (b"/a\x7f", ControlCharacter),
            (b"/a%00", ControlCharacter),
            (b"/a%0d%0a", ControlCharacter),
            (b"/a%2500", ControlCharacter),
            (b"/a%c2%85", ControlCharacter),
            (b"/a%", BrokenEscape),
            (b"/a%2", BrokenEscape),
            (b"/a%g0", BrokenEscape),
            (b"/a%%20", BrokenEscape),
            (b"/a%u0061", BrokenEscape),
            (b"/a\xff", Encoding),
            (b"/a%ff", Encoding),
            (b"/a%c0%af", Encoding),
            (b"/a%e0%80%af", Encoding),
            (b"/a%25c0%25af", Encoding),
            (b"/a%25u0061", BrokenEscape),
            (b"/a%25U0061", BrokenEscape),
            (b"/a%ed%a0%80", Encoding),
            (b"/a%25252561", TooManyDecodings),
            (b"/A/%41;a/..%2f./b./;C/%3f%23/%5c", TooManyReadings),
            (long.as_bytes(), TooLong),
            (over_the_bound.as_bytes(), TooLong),
        ] {
            assert_eq!(of(path), Err(error), "{}", path.escape_ascii());
        }
        assert!(of(b"/a%252561").is_ok(), "three rounds");
        assert!(of(of_six_readings(1000).as_bytes()).is_ok(), "six of 1 KiB");
        assert!(of(format!("/{}%41", "a".repeat(8180)).as_bytes()).is_ok(), "two of 8 KiB");
    }
}
