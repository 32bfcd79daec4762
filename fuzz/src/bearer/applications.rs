//! The tokens that applications find with their own parsers. A token that an application finds and that the filter did
//! not verify would bypass the filter.

use jwt_guard::http::HeaderMap;

use super::{decoded, stripped};

/// The values that applications find under the name of a token source, each with the name of the parser.
pub fn found(request: &HeaderMap) -> Vec<(&'static str, Vec<u8>)> {
    let mut found = Vec::new();
    for (name, value) in request.iter() {
        match name {
            "authorization" => found.extend(behind_scheme(value, "bearer")),
            "x-token" => found.extend(behind_scheme(value, "token")),
            "cookie" => {
                for place in ["t", "a_b"] {
                    found.extend(python_cookies(value, place).map(|token| ("http.cookies", token)));
                    found.extend(asp_net_cookies(value, place).map(|token| ("ASP.NET's cookies", token)));
                    found.extend(php_cookies(value, place).map(|token| ("PHP's cookies", token)));
                    found.extend(rack_cookies(value, place).map(|token| ("Rack's cookies", token)));
                }
            }
            ":path" => {
                for (parser, name, value) in parameters(value) {
                    if ["t", "a_b"].iter().any(|place| parser.1(&name, place.as_bytes())) {
                        found.push((parser.0, value));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// The second word of the value, split as Latin-1 (Python, JavaScript) and as UTF-8 (Go).
fn behind_scheme(value: &[u8], scheme: &str) -> Vec<(&'static str, Vec<u8>)> {
    let latin: Vec<&[u8]> = value
        .split(|byte| matches!(byte, b'\t'..=b'\r' | 0x1C..=b' ' | 0x85 | 0xA0))
        .filter(|word| !word.is_empty())
        .collect();
    let text = String::from_utf8_lossy(value);
    let unicode: Vec<&[u8]> = text.split_whitespace().map(str::as_bytes).collect();
    let second = |words: &[&[u8]]| match words {
        [first, token, ..] if first.eq_ignore_ascii_case(scheme.as_bytes()) => Some(token.to_vec()),
        _ => None,
    };
    let found = [("words of Latin-1", second(&latin)), ("words of UTF-8", second(&unicode))];
    found.into_iter().filter_map(|(parser, token)| Some((parser, token?))).collect()
}

/// `http.cookies.SimpleCookie`: matches its expression repeatedly until a match fails.
fn python_cookies(line: &[u8], name: &str) -> impl Iterator<Item = Vec<u8>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((key, value, end)) = python_match(line, at) {
        if key == name.as_bytes() {
            found.extend(value);
        }
        at = end;
    }
    found.into_iter()
}

fn python_match(line: &[u8], at: usize) -> Option<(Vec<u8>, Option<Vec<u8>>, usize)> {
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"!#%&'~_`><@,:/$*+-.^|)(?}{=".contains(&byte);
    let is_value = |byte: u8| is_key(byte) || matches!(byte, b'[' | b']');
    let spaces = |from: usize| {
        line[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count() + from
    };
    // `\s*(\s+|;|$)`
    let ending = |from: usize| match spaces(from) {
        end if end == line.len() => Some(end),
        end if line[end] == b';' => Some(end + 1),
        end => (end > from).then_some(end),
    };
    let start = spaces(at);
    if start == line.len() {
        return None;
    }
    // `+?`: the shortest key for which the rest matches.
    for end in start + 1..=line.len() {
        if !is_key(line[end - 1]) {
            return None;
        }
        let key = line[start..end].to_vec();
        let equals = spaces(end);
        if line.get(equals) == Some(&b'=') {
            let from = spaces(equals + 1);
            if let Some(closed) = quoted(line, from)
                && let Some(after) = ending(closed)
            {
                return Some((key, Some(line[from + 1..closed - 1].to_vec()), after));
            }
            let word = line[from..].iter().take_while(|byte| is_value(**byte)).count() + from;
            if let Some(after) = ending(word) {
                return Some((key, Some(line[from..word].to_vec()), after));
            }
            if from > equals + 1 {
                return Some((key, Some(vec![]), from));
            }
        }
        if let Some(after) = ending(end) {
            return Some((key, None, after));
        }
    }
    None
}

/// The end of the quoted string that begins at `from`.
fn quoted(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    (line.get(from) == Some(&b'"')).then_some(())?;
    loop {
        match line.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// `CookieHeaderValue` of ASP.NET Core: `,` and `;` are separators. After an invalid pair, parsing continues at the
/// next byte.
fn asp_net_cookies(line: &[u8], name: &str) -> impl Iterator<Item = Vec<u8>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let (start, _) = separated(line, at);
        let pair = asp_net_pair(line, start).map(|(name, value, end)| (name, value, separated(line, end)));
        match pair {
            Some((spelled, value, (next, separator))) if separator || next == line.len() => {
                // Versions before 5 unescape names.
                let names = [spelled.to_vec(), decoded(spelled)];
                if names.iter().any(|spelled| spelled.eq_ignore_ascii_case(name.as_bytes())) {
                    found.push(value.to_vec());
                }
                at = next;
            }
            _ => at += 1,
        }
    }
    found.into_iter()
}

/// The index after spaces and separators, and whether there was a separator.
fn separated(line: &[u8], from: usize) -> (usize, bool) {
    let between = line[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b',' | b';')).count();
    let separator = line[from..from + between].iter().any(|byte| matches!(byte, b',' | b';'));
    (from + between, separator)
}

/// The name, the value and the end of the pair that begins at `from`.
fn asp_net_pair(line: &[u8], from: usize) -> Option<(&[u8], &[u8], usize)> {
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let equals = line[from..].iter().take_while(is_token).count() + from;
    if equals == from || line.get(equals) != Some(&b'=') {
        return None;
    }
    let quote = usize::from(line.get(equals + 1) == Some(&b'"'));
    let start = equals + 1 + quote;
    let is_octet = |byte: &&u8| matches!(byte, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E);
    let end = line[start..].iter().take_while(is_octet).count() + start;
    match (quote, line.get(end)) {
        (1, Some(b'"')) => Some((&line[from..equals], &line[start..end], end + 1)),
        (1, _) => Some((&line[from..equals], &[], end)),
        _ => Some((&line[from..equals], &line[start..end], end)),
    }
}

/// `php_default_treat_data`; PHP before 7.2.34 decodes names.
fn php_cookies(line: &[u8], name: &str) -> impl Iterator<Item = Vec<u8>> {
    line.split(|byte| *byte == b';').filter_map(move |pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
        let start = pair[..at].iter().position(|byte| !space(byte)).unwrap_or(at);
        let spelled = &pair[start..at];
        let is_named = php_name(spelled) == name.as_bytes() || php_name(&decoded(spelled)) == name.as_bytes();
        is_named.then(|| unquoted(super::trimmed(&pair[at + 1..])).to_vec())
    })
}

/// The variable name that `php_register_variable_ex` makes from a cookie or parameter name.
fn php_name(spelled: &[u8]) -> Vec<u8> {
    let spelled = spelled.split(|byte| *byte == 0).next().unwrap_or_default();
    let start = spelled.iter().position(|byte| *byte != b' ').unwrap_or(spelled.len());
    let mut name = Vec::new();
    for (at, byte) in spelled.iter().enumerate().skip(start) {
        match byte {
            b'[' if spelled[at..].contains(&b']') && at > start => return name,
            b' ' | b'.' | b'[' => name.push(b'_'),
            other => name.push(*other),
        }
    }
    name
}

/// `Rack::Utils.parse_cookies_header` before version 2.2.3; without `,` as separator, Django's parser.
fn rack_cookies(line: &[u8], name: &str) -> impl Iterator<Item = Vec<u8>> {
    let pairs = |separators: &'static [u8]| line.split(move |byte| separators.contains(byte));
    pairs(b";").chain(pairs(b";,")).filter_map(move |pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let spelled = stripped(&pair[..at]);
        (spelled == name.as_bytes() || decoded(spelled) == name.as_bytes())
            .then(|| unquoted(super::trimmed(&pair[at + 1..])).to_vec())
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', value @ .., b'"'] => value,
        value => value,
    }
}

type Parser = (&'static str, fn(&[u8], &[u8]) -> bool);

/// Query parsers: whether a parameter with the first name is found under the second name.
const QUERY_PARSERS: [Parser; 5] = [
    ("a form's query", |spelled, name| decoded(spelled) == name),
    ("PHP's query", |spelled, name| php_name(&decoded(spelled)) == name),
    ("ASP.NET's query", |spelled, name| decoded(spelled).eq_ignore_ascii_case(name)),
    ("Rack's query", |spelled, name| {
        // `\A[\[\]]*([^\[\]]+)\]*`
        let bracket = |byte: &u8| matches!(byte, b'[' | b']');
        decoded(spelled).split(bracket).find(|part| !part.is_empty()) == Some(name)
    }),
    ("Express's query", |spelled, name| {
        let spelled = decoded(spelled);
        let mut parts = spelled.split(|byte| *byte == b'[');
        match parts.next().unwrap_or_default() {
            [] => parts.next().and_then(|child| child.strip_suffix(b"]")) == Some(name),
            parent => parent == name,
        }
    }),
];

/// Each parameter of the query, for each parser.
fn parameters(path: &[u8]) -> impl Iterator<Item = (Parser, Vec<u8>, Vec<u8>)> {
    let query = path.iter().position(|byte| *byte == b'?').map_or(&[][..], |at| &path[at + 1..]);
    query.split(|byte| matches!(byte, b'&' | b';')).flat_map(|parameter| {
        let at = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
        let value = decoded(parameter.get(at + 1..).unwrap_or_default());
        QUERY_PARSERS.map(|parser| (parser, parameter[..at].to_vec(), value.clone()))
    })
}
