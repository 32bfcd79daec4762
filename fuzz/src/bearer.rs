//! The filter finds at most one token, the token occurs in the request, and after removal it is gone.
//!
//! No application finds another token with its own parser (`applications`).
//!
//! Each line of the input is a header: its first byte selects the name, the other bytes are the value.

mod applications;

use jwt_guard::http::HeaderMap;
use jwt_guard::token_source::{ExtractedToken, TokenSource, extract, strip};

const NAMES: [&str; 8] =
    ["authorization", "x-token", "x-raw", "x-equals", ":path", "cookie", "x-other", ":method"];

/// Whether a token was found.
pub fn holds(data: &[u8]) -> bool {
    let lines = data.split(|byte| *byte == b'\n').filter_map(<[u8]>::split_first);
    let request: HeaderMap =
        lines.map(|(name, value)| (NAMES[usize::from(*name) % NAMES.len()], value)).collect();
    let places = places();
    check_removal(&places, &request);
    let ExtractedToken::Token { token, source: place } = extract(&places, &request) else { return false };
    assert!(!token.is_empty());
    check_found(&places[place], &token, &request);
    // A second, different token from any token source makes the request malformed, before or after the first.
    for second in second_credentials().into_iter().filter(|_| &*token != b"x") {
        let before: HeaderMap = std::iter::once(second).chain(request.iter()).collect();
        let behind: HeaderMap = request.iter().chain([second]).collect();
        for both in [before, behind] {
            assert!(matches!(extract(&places, &both), ExtractedToken::Malformed(_)), "{second:?}");
        }
    }
    let forwarded = edited(&request, &strip(&places, &request, true));
    match places[place] {
        // A token in a query is never forwarded; the same token in a header or a cookie is.
        TokenSource::Query { .. } => match extract(&places, &forwarded) {
            ExtractedToken::Missing => {}
            ExtractedToken::Token { token: kept, source: place } => {
                assert!(kept == token && !matches!(places[place], TokenSource::Query { .. }));
            }
            ExtractedToken::Malformed(malformed) => panic!("forwarded with {malformed}"),
        },
        _ => assert_eq!(extract(&places, &forwarded), extract(&places, &request)),
    }
    check_forwarded(&token, &request, &forwarded);
    true
}

/// In a request that is forwarded with its token, no application finds another token. This holds only for tokens made
/// of token characters: parsers cut other values differently, and such values never pass verification.
fn check_forwarded(token: &[u8], request: &HeaderMap, forwarded: &HeaderMap) {
    for (name, value) in request.iter() {
        let whole = !matches!(name, ":path" | "cookie");
        assert!(!whole || forwarded.iter().any(|kept| kept == (name, value)), "{name} is not forwarded");
    }
    if token.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)) {
        for (parser, found) in applications::found(forwarded) {
            assert!(found.is_empty() || found == token, "{parser} finds {}", found.escape_ascii());
        }
    }
}

fn places() -> Vec<TokenSource> {
    vec![
        TokenSource::Authorization,
        TokenSource::Header { name: "x-token".into(), prefix: "Token ".into() },
        TokenSource::Header { name: "x-raw".into(), prefix: String::new() },
        TokenSource::Header { name: "x-equals".into(), prefix: "jwt=".into() },
        TokenSource::Query { name: "t".into() },
        TokenSource::Query { name: "a_b".into() },
        TokenSource::Cookie { name: "t".into() },
        TokenSource::Cookie { name: "a_b".into() },
    ]
}

/// A token in each token source.
fn second_credentials() -> [(&'static str, &'static [u8]); 6] {
    [
        ("authorization", b"Bearer x"),
        ("x-token", b"Token x"),
        ("x-raw", b"x"),
        ("x-equals", b"jwt=x"),
        (":path", b"/?t=x"),
        ("cookie", b"t=x"),
    ]
}

/// Checks the found token against the grammar of its token source, starting from the token and checking the text around
/// it.
fn check_found(place: &TokenSource, token: &[u8], request: &HeaderMap) {
    let values = |name: &str| request.get_all(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
    match place {
        TokenSource::Authorization => check_header(&values("authorization"), b"bearer", true, token),
        TokenSource::Dpop => check_header(&values("authorization"), b"dpop", true, token),
        TokenSource::Header { name, prefix } => {
            let scheme = prefix.trim_end().to_ascii_lowercase();
            check_header(&values(name), scheme.as_bytes(), prefix.ends_with(' '), token);
        }
        TokenSource::Query { name } => {
            let mut found = Vec::new();
            for path in values(":path") {
                let query = path.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default().to_vec();
                for parameter in query.split(|byte| matches!(byte, b'&' | b';')) {
                    let mut halves = parameter.splitn(2, |byte| *byte == b'=');
                    if decoded(halves.next().unwrap()) == name.as_bytes() {
                        found.push(decoded(halves.next().unwrap_or_default()));
                    }
                }
            }
            assert_eq!(found, [token]);
        }
        TokenSource::Cookie { name } => {
            let mut found = Vec::new();
            for line in values("cookie") {
                for pair in line.split(|byte| *byte == b';') {
                    let mut halves = pair.splitn(2, |byte| *byte == b'=');
                    if stripped(halves.next().unwrap()) == name.as_bytes() {
                        let value = trimmed(halves.next().unwrap_or_default()).to_vec();
                        found.push(value);
                    }
                }
            }
            let [value] = found.as_slice() else { panic!("{} cookies", found.len()) };
            let quoted = [b"\"", token, b"\""].concat();
            assert!(value == token || *value == quoted);
        }
    }
}

/// The header occurs once; its value is exactly scheme, spaces and token.
fn check_header(values: &[Vec<u8>], scheme: &[u8], spaced: bool, token: &[u8]) {
    let [value] = values else { panic!("{} headers", values.len()) };
    let before = trimmed(value).strip_suffix(token).expect("the token is the end of the value");
    let (start, spaces) = before.split_at(scheme.len());
    assert!(start.eq_ignore_ascii_case(scheme));
    assert!(spaces.iter().all(|byte| *byte == b' ') && spaces.is_empty() != spaced);
    assert!(!value.contains(&b','), "a value with a comma may be two values");
    assert!(!spaced || !token.starts_with(b" "));
}

fn check_removal(places: &[TokenSource], request: &HeaderMap) {
    let edits = strip(places, request, false);
    let left = edited(request, &edits);
    assert_eq!(extract(places, &left), ExtractedToken::Missing);
    assert!(strip(places, &left, false).is_empty(), "a second removal still removes something");
    assert_eq!(applications::found(&left), [], "an application still finds a token after removal");
    assert!(!edits.is_empty() || extract(places, request) == ExtractedToken::Missing);
    let mut names: Vec<_> = edits.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), edits.len(), "a header is edited twice");
    for (name, values) in &edits {
        let whole = !matches!(name.as_str(), ":path" | "cookie");
        assert!(!whole || values.is_empty(), "a part of {name} remains");
        // The rest of a query or of cookies keeps its bytes and their order.
        let joined = |values: &[Vec<u8>]| values.concat();
        let before: Vec<Vec<u8>> = request.get_all(name).map(<[u8]>::to_vec).collect();
        assert!(is_within(&joined(values), &joined(&before)), "{name}: removal added bytes");
    }
}

/// Whether `some` is a subsequence of `all`; `?` may replace another separator.
fn is_within(some: &[u8], all: &[u8]) -> bool {
    let alike = |one: u8, other: u8| one == other || one == b'?' && matches!(other, b'&' | b';');
    let mut all = all.iter();
    some.iter().all(|byte| all.any(|other| alike(*byte, *other)))
}

/// The request after the edits, as the upstream receives it.
fn edited(request: &HeaderMap, edits: &[(String, Vec<Vec<u8>>)]) -> HeaderMap {
    let mut next: Vec<_> = edits.iter().map(|(name, values)| (name, values.iter())).collect();
    let mut left = HeaderMap::new();
    for (name, value) in request.iter() {
        match next.iter_mut().find(|(edited, _)| **edited == *name) {
            None => left.append(name, value),
            Some((_, values)) => left.extend(values.next().map(|value| (name, value.clone()))),
        }
    }
    left
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = bytes.iter().position(|byte| !space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !space(byte)).map_or(start, |at| at + 1);
    &bytes[start..end]
}

/// The bytes without the leading and trailing characters that some cookie parser treats as space, as Latin-1.
fn stripped(bytes: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | 0x1C..=b' ' | 0x85 | 0xA0);
    let start = bytes.iter().position(|byte| !space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !space(byte)).map_or(start, |at| at + 1);
    &bytes[start..end]
}

/// Decodes like a form: percent-escapes and `+` for space.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match (bytes[at], digits) {
            (b'%', Some(digits)) => {
                decoded.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}
