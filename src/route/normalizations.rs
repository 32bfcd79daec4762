//! The single steps by which upstreams transform a path.

use super::{AmbiguousPath, VariantClass};
use crate::http::{hex_digit, is_unreserved, resolved_dots};

/// The steps besides decoding, each with its class. A step returns `None` if it changes nothing. Letter case is
/// not a step but a kind of comparison: see [`super::letter_case`]. A step that searches for letters ignores
/// their case itself.
pub(super) const NORMALIZATIONS: [(VariantClass, fn(&str) -> Option<String>); 17] = [
    (VariantClass::Backslash, backslashes_as_slashes),
    (VariantClass::NetworkPath, without_authority),
    (VariantClass::PathParameters, without_parameters),
    (VariantClass::PathParameters, |path| cut_at(path, ';')),
    (VariantClass::QueryOrFragment, |path| cut_at(path, '?')),
    (VariantClass::QueryOrFragment, |path| cut_at(path, '#')),
    (VariantClass::NtfsStreams, without_ntfs_streams),
    (VariantClass::AspnetTickets, without_aspnet_tickets),
    (VariantClass::PhpPathInfo, php_path_info),
    (VariantClass::RepeatedSlashes, merged_slashes),
    (VariantClass::DotSegments, resolved_dots),
    (VariantClass::TrailingSlash, |path| trimmed(path, &['/'])),
    (VariantClass::TrailingDotOrSpace, |path| trimmed(path, &['/', ' ', '.'])),
    (VariantClass::TrailingDotOrSpace, trimmed_segments),
    (VariantClass::TrailingDotOrSpace, without_trailing_spaces),
    (VariantClass::LeadingSpace, without_leading_spaces),
    (VariantClass::CompatibilityCharacters, |path| replaced(path, best_fit)),
];

/// The escapes that one round of decoding decodes. Each variant is the behavior of some upstream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Escapes {
    /// All escapes, before the path is split into segments.
    All,
    /// All escapes except slashes: the upstream splits the path first and then decodes each segment. Then
    /// `/a%2Fb/%61dmin` has two segments, the second being `admin`, which does not occur when the whole path is
    /// decoded.
    AllButSlashes,
    /// The escapes of unreserved characters, which a normalizing proxy may decode (RFC 3986 section 6.2.2.2).
    Unreserved,
    /// The escapes of dots, which URL parsers of browsers and their runtimes decode to find dot segments
    /// (WHATWG URL).
    Dots,
    /// The escapes that a client has to write, because the characters are not allowed in a path (RFC 3986
    /// section 3.3): space, non-ASCII characters, and `"<>^`{|}[]`. `%25` is not among them: no template
    /// contains a `%`, and the result of decoding it must stay distinct from the client's other escapes.
    Required,
}

impl Escapes {
    /// The ways in which upstreams decode.
    pub const EACH: [Self; 4] = [Self::All, Self::AllButSlashes, Self::Unreserved, Self::Dots];

    /// Whether the escape of this byte is decoded.
    pub(super) fn takes(self, byte: u8) -> bool {
        match self {
            Self::All => true,
            Self::AllButSlashes => byte != b'/',
            Self::Unreserved => is_unreserved(byte),
            Self::Dots => byte == b'.',
            Self::Required => !byte.is_ascii() || b" \"<>^`{|}[]".contains(&byte),
        }
    }
}

/// One round of percent-decoding (RFC 3986 section 2.1); `None` if it changes nothing. An invalid escape stays.
///
/// This is not `percent_encoding`, which decodes every escape; each of [`Escapes`] decodes only some.
pub(super) fn decoded(path: &str, escapes: Escapes) -> Result<Option<String>, AmbiguousPath> {
    if !path.contains('%') {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let byte = match (first, after) {
            (b'%', [high, low, ..]) => {
                hex_digit(*high).zip(hex_digit(*low)).map(|(high, low)| high * 16 + low)
            }
            _ => None,
        };
        match byte.filter(|byte| escapes.takes(*byte)) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => bytes.push(*first),
        }
    }
    // This also denies overlong forms (`%C0%AF` for a slash), which are not UTF-8.
    let decoded = String::from_utf8(bytes).map_err(|_| AmbiguousPath::Encoding)?;
    if has_control(&decoded) {
        return Err(AmbiguousPath::ControlCharacter);
    }
    if has_utf16_escape(&decoded) {
        return Err(AmbiguousPath::BrokenEscape);
    }
    Ok((decoded != path).then_some(decoded))
}

/// Whether there is an escape such as `%u0061`, which is an `a` to IIS, ASP.NET and JavaScript's `unescape`,
/// and plain text to all others.
fn has_utf16_escape(path: &str) -> bool {
    let is_escape = |rest: &str| match rest.as_bytes() {
        [b'u' | b'U', digits @ ..] => {
            digits.len() >= 4 && digits.iter().take(4).all(|digit| hex_digit(*digit).is_some())
        }
        _ => false,
    };
    path.split('%').skip(1).any(is_escape)
}

/// Whether the path has a control character: C0, DEL, or C1 (whose UTF-8 form starts with 0xC2).
pub(super) fn has_control(path: &str) -> bool {
    path.bytes().any(|byte| byte.is_ascii_control()) || !path.is_ascii() && path.contains(char::is_control)
}

/// Replaces `\` with `/`, as Windows does.
fn backslashes_as_slashes(path: &str) -> Option<String> {
    path.contains('\\').then(|| path.replace('\\', "/"))
}

/// Reads `//host/path` as a reference to another host (RFC 3986 section 4.2), as `new URL(request.url, base)`
/// does, and keeps the path. More than two slashes before the host have the same effect (WHATWG URL).
fn without_authority(path: &str) -> Option<String> {
    let authority_and_path = path.strip_prefix("//")?.trim_start_matches('/');
    Some(authority_and_path.find('/').and_then(|at| authority_and_path.get(at..)).unwrap_or("/").to_owned())
}

/// Removes `;` and the text after it from each segment, as servlet containers do for routing.
fn without_parameters(path: &str) -> Option<String> {
    path.contains(';').then(|| by_segment(path, |segment| segment.split(';').next().unwrap_or_default()))
}

/// Cuts the path at the first `mark`. A decoded `?` or `#` is a mark for a second server that parses the
/// decoded text again; some Node.js routers start the query at `;` (find-my-way, used by Fastify and restify).
fn cut_at(path: &str, mark: char) -> Option<String> {
    path.split_once(mark).map(|(before, _)| before.to_owned())
}

/// Removes the name of an NTFS stream from each segment: `x::$DATA` is the file `x`, `x:$I30:$INDEX_ALLOCATION`
/// the folder `x`.
fn without_ntfs_streams(path: &str) -> Option<String> {
    let named = |segment: &str| segment.contains(":$");
    let file = |segment| match segment {
        segment if named(segment) => segment.split(':').next().unwrap_or_default(),
        segment => segment,
    };
    named(path).then(|| by_segment(path, file)).filter(|kept| kept != path)
}

/// Removes `/(S(…))` and similar segments, in which ASP.NET carries sessions and tickets for browsers without
/// cookies. Text that follows a ticket directly is joined with the text before it (CVE-2023-36899).
fn without_aspnet_tickets(path: &str) -> Option<String> {
    let mut kept = String::new();
    let mut rest = path;
    while let Some((before, from)) = rest.find("/(").and_then(|at| rest.split_at_checked(at)) {
        kept.push_str(before);
        rest = match ticket_length(from) {
            0 => {
                kept.push_str("/(");
                from.get(2..).unwrap_or_default()
            }
            length => from.get(length..).unwrap_or_default(),
        };
    }
    kept.push_str(rest);
    if !kept.starts_with('/') {
        kept.insert(0, '/');
    }
    (kept != path).then_some(kept)
}

/// The length in bytes of `/(A(…)S(…)F(…))` with at least one ticket at the start of the path; 0 if there is
/// none.
fn ticket_length(path: &str) -> usize {
    let Some(mut rest) = path.strip_prefix("/(") else { return 0 };
    let mut tickets = 0_usize;
    while let [letter, b'(', ..] = rest.as_bytes()
        && matches!(letter.to_ascii_uppercase(), b'A' | b'F' | b'S')
        && let Some((_, after)) = rest.split_once(')')
    {
        tickets += 1;
        rest = after;
    }
    match rest.strip_prefix(')') {
        Some(rest) if tickets > 0 => path.len() - rest.len(),
        _ => 0,
    }
}

/// The `PATH_INFO` that a PHP script gets: front controllers route `/index.php/admin` as `/admin`.
fn php_path_info(path: &str) -> Option<String> {
    let at = script_end(path.as_bytes())?;
    path.get(at..).map(str::to_owned)
}

/// The position of the slash after the first script's name. Case-insensitive file systems run
/// `/INDEX.PHP/admin` too.
pub(super) fn script_end(path: &[u8]) -> Option<usize> {
    path.windows(SCRIPT.len())
        .position(|part| part.eq_ignore_ascii_case(SCRIPT))
        .map(|at| at + SCRIPT.len() - 1)
}

const SCRIPT: &[u8] = b".php/";

fn merged_slashes(path: &str) -> Option<String> {
    if !path.contains("//") {
        return None;
    }
    let mut merged = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    Some(merged)
}

/// Removes these characters from the end of the path.
fn trimmed(path: &str, characters: &[char]) -> Option<String> {
    let kept = path.trim_end_matches(characters);
    let kept = if kept.is_empty() { "/" } else { kept };
    (kept != path).then(|| kept.to_owned())
}

/// Removes trailing spaces and dots from each segment, as Windows does for file names. `.` and `..` are kept,
/// even with trailing spaces; a segment of three or more dots becomes empty.
fn trimmed_segments(path: &str) -> Option<String> {
    let ends = |pair: &[u8]| matches!(pair, [b' ' | b'.', b'/']);
    if !path.ends_with([' ', '.']) && !path.as_bytes().windows(2).any(ends) {
        return None;
    }
    let kept = by_segment(path, |segment| match segment.trim_end_matches(' ') {
        dots @ ("." | "..") => dots,
        _ => segment.trim_end_matches([' ', '.']),
    });
    (kept != path).then_some(kept)
}

/// Removes trailing spaces, but not dots, from each segment, for upstreams that trim only spaces. For them, `/a
/// /b./c` is `/a/b./c`; for Windows it is `/a/b/c`.
fn without_trailing_spaces(path: &str) -> Option<String> {
    let ends = path.ends_with(' ') || path.contains(" /");
    ends.then(|| by_segment(path, |segment| segment.trim_end_matches(' ')))
}

/// Removes leading spaces from each segment, as Spring did before it matched tokens (CVE-2016-5007).
fn without_leading_spaces(path: &str) -> Option<String> {
    path.contains("/ ").then(|| by_segment(path, |segment| segment.trim_start_matches(' ')))
}

/// The replacement of a character that looks like ASCII, by Unicode compatibility forms (NFKC) or the best fit
/// of a Windows code page: fullwidth forms, and characters that resemble a slash, a backslash, a dot or a
/// space.
fn best_fit(character: char) -> Option<&'static str> {
    /// The ASCII characters that U+FF01 to U+FF5E stand for, in the same order.
    const VISIBLE: &str =
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            let at = usize::try_from(u32::from(character).checked_sub(0xff01)?).ok()?;
            VISIBLE.get(at..at.checked_add(1)?)
        }
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => Some("/"),
        // Japanese and Korean code pages have the yen and won signs at the position of the backslash in ASCII.
        '\u{2216}' | '\u{29f5}' | '\u{fe68}' | '\u{a5}' | '\u{20a9}' => Some("\\"),
        '\u{2024}' | '\u{fe52}' => Some("."),
        '\u{2025}' | '\u{fe30}' => Some(".."),
        '\u{2026}' | '\u{fe19}' => Some("..."),
        // Canonical composition (NFC) already turns the Greek question mark into a semicolon.
        '\u{37e}' | '\u{fe14}' | '\u{fe54}' => Some(";"),
        '\u{fe16}' | '\u{fe56}' => Some("?"),
        '\u{2047}' => Some("??"),
        '\u{2048}' => Some("?!"),
        '\u{2049}' => Some("!?"),
        '\u{fe5f}' => Some("#"),
        '\u{fe6a}' => Some("%"),
        '\u{fe13}' | '\u{fe55}' => Some(":"),
        '\u{fe69}' => Some("$"),
        '\u{207d}' | '\u{208d}' | '\u{fe35}' | '\u{fe59}' => Some("("),
        '\u{207e}' | '\u{208e}' | '\u{fe36}' | '\u{fe5a}' => Some(")"),
        '\u{2100}' => Some("a/c"),
        '\u{2101}' => Some("a/s"),
        '\u{2105}' => Some("c/o"),
        '\u{2106}' => Some("c/u"),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(" "),
        _ => None,
    }
}

fn replaced(path: &str, by: fn(char) -> Option<&'static str>) -> Option<String> {
    if path.is_ascii() || !path.contains(|character| by(character).is_some()) {
        return None;
    }
    let mut replaced = String::with_capacity(path.len());
    for character in path.chars() {
        match by(character) {
            Some(text) => replaced.push_str(text),
            None => replaced.push(character),
        }
    }
    Some(replaced)
}

fn by_segment<'a>(path: &'a str, change: impl Fn(&'a str) -> &'a str) -> String {
    let mut changed = String::with_capacity(path.len());
    for (position, segment) in path.split('/').enumerate() {
        if position > 0 {
            changed.push('/');
        }
        changed.push_str(change(segment));
    }
    changed
}
