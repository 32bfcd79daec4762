//! The readings of a path: everything that some upstream may take it for.
//!
//! Upstreams decode, merge slashes, resolve dot segments, drop `;parameters` and ignore case, each in an order of
//! its own and sometimes twice. Instead of modelling any of them, every step that one of them takes is applied to
//! every reading there is, until nothing new comes out: whatever a chain of these steps makes of a path, in any
//! order and number, is among the readings. What cannot be read with certainty is refused.

use super::AmbiguousPath;
use super::steps::{Escapes, STEPS, decoded, has_control, hex};

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
    /// The others, each once, in no order that means anything.
    pub others: Vec<String>,
}

impl<'a> Readings<'a> {
    /// The readings of `:path`, which starts with `/`. Its query starts at the first `?`.
    ///
    /// A `#` is not part of a request target (RFC 9112 section 3.2); an upstream that gets one may cut there or go
    /// on reading, so both are readings.
    pub fn of(path: &'a [u8]) -> Result<Self, AmbiguousPath> {
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        if !path.starts_with(b"/") {
            return Err(AmbiguousPath::NotAbsolute);
        }
        let as_sent = std::str::from_utf8(path).map_err(|_| AmbiguousPath::Encoding)?;
        if is_plain(path) {
            return Ok(Self { as_sent, others: Vec::new() });
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
        decodes_in_few_rounds(as_sent)?;
        Ok(Self { as_sent, others: closure(as_sent)? })
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
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => true,
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
    *last != b'/' && *last != b'.' && !path.windows(5).any(|part| part == b".php/")
}

/// A `%` without two hexadecimal digits: decoders differ between keeping it, dropping it and failing.
fn has_broken_escape(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let Some((_, after)) = rest.split_at_checked(at + 1) else { return true };
        match after {
            [high, low, ..] if hex(*high).is_some() && hex(*low).is_some() => rest = after,
            _ => return true,
        }
    }
    false
}

fn decodes_in_few_rounds(path: &str) -> Result<(), AmbiguousPath> {
    let mut reading = decoded(path, Escapes::All)?;
    for _ in 0..MAX_DECODINGS {
        match reading {
            None => return Ok(()),
            Some(text) => reading = decoded(&text, Escapes::All)?,
        }
    }
    if reading.is_none() { Ok(()) } else { Err(AmbiguousPath::TooManyDecodings) }
}

/// Applies every step to every reading until none gives a new one.
fn closure(as_sent: &str) -> Result<Vec<String>, AmbiguousPath> {
    let mut readings: Vec<String> = Vec::new();
    let mut bytes = as_sent.len();
    let mut next = 0;
    let mut current = as_sent.to_owned();
    loop {
        let mut note = |reading: Option<String>| {
            if let Some(reading) = reading
                && reading != as_sent
                && !readings.contains(&reading)
            {
                bytes += reading.len();
                readings.push(reading);
            }
            // At once, not when the round is over: a round alone may bring two dozen.
            match (readings.len() < MAX_READINGS, bytes <= MAX_BYTES_OF_ALL) {
                (true, true) => Ok(()),
                (false, _) => Err(AmbiguousPath::TooManyReadings),
                (true, false) => Err(AmbiguousPath::TooLong),
            }
        };
        for escapes in Escapes::EACH {
            note(decoded(&current, escapes)?)?;
        }
        for step in STEPS {
            note(step(&current))?;
        }
        match readings.get(next) {
            Some(reading) => reading.clone_into(&mut current),
            None => return Ok(readings),
        }
        next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert!(is_plain(path.as_bytes()), "{path}");
            assert_eq!(
                Readings::of(path.as_bytes()),
                Ok(Readings { as_sent: path, others: vec![] }),
                "{path}"
            );
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
                let one_reading = STEPS.iter().all(|step| step(path).is_none())
                    && decoded(path, Escapes::All) == Ok(None)
                    && !path.contains(['%', 'é', ' '])
                    && !path.contains("/(");
                assert_eq!(is_plain(path.as_bytes()), one_reading, "{path:?}");
            }
        }
    }

    #[test]
    fn the_readings_of_a_path() {
        for (path, others) in [
            ("/a/b?c=/D%", &[][..]),
            ("/a/b/", &["/a/b"]),
            ("/A", &["/a"]),
            ("/a.", &["/a"]),
            ("/a ", &["/a"]),
            ("/a%20", &["/a ", "/a"]),
            ("/a%2Fb", &["/a/b", "/a%2fb"]),
            ("/%61%2Fb", &["/a/b", "/a%2Fb", "/%61%2fb", "/a%2fb"]),
            ("/a//b", &["/a/b"]),
            ("/a/../b", &["/b"]),
            ("/a//../b", &["/a/b", "/a/../b", "/b"]),
            ("/a;x/b", &["/a/b", "/a"]),
            ("/a\\b", &["/a/b"]),
            ("/a%3Fb", &["/a?b", "/a%3fb", "/a"]),
            ("/a#b", &["/a"]),
            ("/a%252Fb", &["/a%2Fb", "/a%252fb", "/a/b", "/a%2fb"]),
            ("/100%25", &["/100%"]),
            ("/caf%c3%a9", &["/café"]),
            ("/café", &[]),
            ("/..", &["/"]),
            ("/a/.%20/b", &["/a/. /b", "/a/./b", "/a/b"]),
            ("/a./b", &["/a/b"]),
            ("/a /b./c", &["/a/b./c", "/a/b/c"]),
            ("/a::$DATA", &["/a::$data", "/a"]),
            ("/a:$i30:$index_allocation/b", &["/a/b"]),
            ("/(s(x))/a", &["/a"]),
            ("/a/(a(x)s(y))/b", &["/a/b"]),
            ("/a/(s(x))b", &["/ab"]),
            ("/(s(x))", &["/"]),
            ("/(s(x)", &[]),
            ("/(a)/b", &[]),
            ("/(x(x))/(s(x))/b", &["/(x(x))/b"]),
            ("/index.php/a", &["/a"]),
            ("/a.php/b.php/c", &["/b.php/c", "/c"]),
            ("/É", &["/é"]),
            ("/a¥b", &["/a\\b", "/a/b"]),
        ] {
            let mut readings =
                Readings::of(path.as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}")).others;
            let mut others: Vec<_> = others.iter().map(|reading| (*reading).to_owned()).collect();
            readings.sort();
            others.sort();
            assert_eq!(readings, others, "{path}");
        }
    }

    #[test]
    fn what_cannot_be_read_with_certainty_is_refused() {
        use AmbiguousPath::*;
        let long = format!("/{}/", "a".repeat(8191));
        let of_eight_readings = |length: usize| format!("/{}/A%2FA;", "a".repeat(length));
        let over_the_bound = of_eight_readings(5000);
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
            assert_eq!(Readings::of(path), Err(error), "{}", path.escape_ascii());
        }
        assert!(Readings::of(b"/a%252561").is_ok(), "three rounds");
        assert!(Readings::of(of_eight_readings(1000).as_bytes()).is_ok(), "eight of 1 KiB");
        assert!(Readings::of(format!("/{}A", "a".repeat(8190)).as_bytes()).is_ok(), "two of 8 KiB");
    }
}
