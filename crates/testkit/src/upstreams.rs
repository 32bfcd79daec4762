//! Simple models of upstream servers: how each normalizes a path before it selects a handler.
//!
//! The models follow the behaviour of the servers and share no code with the filter's normalizations, so that tests
//! detect a missing normalization. `None` means that the upstream answers the path with an error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

/// The path after a server's normalization; `None` if the server answers with an error.
pub type Upstream = fn(&str) -> Option<String>;

/// The upstreams, and whether they compare paths without regard to case.
pub const UPSTREAMS: &[(&str, Upstream, bool)] = &[
    ("as sent", |path| Some(path.to_owned()), false),
    ("nginx", nginx, false),
    ("nginx, merge_slashes off", |path| Some(remove_dot_segments(&decode(path, |_| true)?)), false),
    ("Tomcat", |path| java_normalize(&decode(&strip_parameters(path), |_| true)?), false),
    ("Tomcat, backslash allowed", tomcat_backslash, false),
    ("Tomcat, encoded slash passed through", tomcat_passthrough, false),
    ("Jetty", |path| decode(&java_normalize(&strip_parameters(path))?, |_| true), false),
    ("Jetty, compacting", |path| Some(squeeze(&decode(&strip_parameters(path), |_| true)?)), false),
    (
        "Jetty, parameters after decoding",
        |path| java_normalize(&strip_parameters(&decode(path, |_| true)?)),
        false,
    ),
    ("IIS", |path| windows(&decode(path, |_| true)?), true),
    ("IIS, double escaping allowed", |path| windows(&decode(&decode(path, |_| true)?, |_| true)?), true),
    ("Express", |path| Some(strip_slash(path)), true),
    ("Express, strict and case-sensitive", |path| Some(path.to_owned()), false),
    ("Node static files", |path| posix_clean(&decode(path, |_| true)?), false),
    ("Flask, Django", |path| decode(path, |_| true), false),
    ("Flask, merge_slashes", |path| Some(squeeze(&decode(path, |_| true)?)), false),
    ("Go ServeMux", |path| posix_clean(&decode(path, |_| true)?), false),
    ("Go 1.22 ServeMux", |path| decode(path, |byte| byte != b'/'), false),
    ("Rails", |path| decode(&strip_slash(&squeeze(path)), |byte| byte != b'/'), false),
    ("Spring PathPattern", |path| decode(&strip_parameters(path), |byte| byte != b'/'), false),
    (
        "Spring AntPath, trimming (CVE-2016-5007)",
        |path| Some(trim_tokens(&decode(&strip_parameters(path), |_| true)?)),
        false,
    ),
    ("Java, equalsIgnoreCase", |path| Some(java_fold(&decode(&strip_parameters(path), |_| true)?)), true),
    ("NFKC or best fit after decoding", |path| posix_clean(&best_fit(&decode(path, |_| true)?)), false),
    ("Spring AntPath", |path| Some(squeeze(&decode(&strip_parameters(path), |_| true)?)), false),
    ("WHATWG URL", whatwg, false),
    ("WHATWG URL, relative to a base", whatwg_relative, false),
    ("RFC 3986 normaliser", |path| Some(remove_dot_segments(&decode(path, unreserved)?)), false),
    ("decodes twice", |path| decode(&decode(path, |_| true)?, |_| true), false),
    ("decodes to the end", decode_to_the_end, false),
    ("parses again after decoding", |path| Some(reparse(&decode(path, |_| true)?)), false),
    (
        "Shiro-like: decodes, strips, cleans",
        |path| posix_clean(&strip_parameters(&decode(path, |_| true)?)),
        false,
    ),
    ("Windows files", |path| windows(&decode(path, |_| true)?), false),
    ("Windows files on NTFS", |path| Some(file_of_stream(&windows(&decode(path, |_| true)?)?)), true),
    ("Fastify, useSemicolonDelimiter", |path| decode(path.split([';', '?', '#']).next()?, |_| true), false),
    ("ASP.NET, cookieless", |path| Some(without_tickets(&windows(&decode(path, |_| true)?)?)), true),
    ("PHP, index.php", |path| Some(path_info(&decode(path, |_| true)?)), false),
];

/// The path as it is compared with templates: the escapes that a client must write are decoded, except `%25`.
pub fn as_written(path: &str) -> Option<String> {
    decode(path, |byte| !byte.is_ascii() || b" \"<>^`{|}[]".contains(&byte))
}

/// How upstreams that ignore letter case convert a path before they compare it exactly.
pub const LOWER_CASE: &[(&str, Upstream)] = &[
    ("fold case", |path| Some(java_fold(path))),
    ("lower case", |path| Some(path.to_ascii_lowercase())),
    ("lower case of all letters", |path| Some(path.to_lowercase())),
];

/// Single normalizations of an upstream or of a hop before it; tests combine them at random.
pub const STEPS: &[(&str, Upstream)] = &[
    ("decode", |path| decode(path, |_| true)),
    ("decode segments", |path| decode(path, |byte| byte != b'/')),
    ("decode unreserved", |path| decode(path, unreserved)),
    ("decode to the end", decode_to_the_end),
    ("backslashes", |path| Some(path.replace('\\', "/"))),
    ("parameters", |path| Some(strip_parameters(path))),
    ("cut at ?", |path| Some(path.split('?').next().unwrap().to_owned())),
    ("cut at #", |path| Some(path.split('#').next().unwrap().to_owned())),
    ("reparse", |path| Some(reparse(path))),
    ("squeeze", |path| Some(squeeze(path))),
    ("dot segments", |path| Some(remove_dot_segments(path))),
    ("posix clean", posix_clean),
    ("java normalize", java_normalize),
    ("strip slash", |path| Some(strip_slash(path))),
    ("strip end", |path| Some(format!("/{}", path[1..].trim_end_matches(['/', '.', ' '])))),
    ("windows", windows),
    ("trim tokens", |path| Some(trim_tokens(path))),
    ("best fit", |path| Some(best_fit(path))),
    ("cut at ;", |path| Some(path.split(';').next().unwrap().to_owned())),
    ("file of a stream", |path| Some(file_of_stream(path))),
    ("tickets", |path| Some(without_tickets(path))),
    ("path info", |path| Some(path_info(path))),
    ("WHATWG URL", whatwg),
    ("WHATWG URL, relative to a base", whatwg_relative),
];

fn decode(path: &str, takes: fn(u8) -> bool) -> Option<String> {
    let bytes = path.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()) {
            Some(byte) if bytes[at] == b'%' && takes(byte) => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

fn decode_to_the_end(path: &str) -> Option<String> {
    let once = decode(path, |_| true)?;
    if once == path { Some(once) } else { decode_to_the_end(&once) }
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Decodes, merges slashes and resolves dot segments in one pass over the segments.
fn nginx(path: &str) -> Option<String> {
    let decoded = decode(path, |_| true)?;
    let mut kept: Vec<&str> = Vec::new();
    for segment in decoded.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        if segment == ".." {
            kept.pop()?;
        } else {
            kept.push(segment);
        }
    }
    let slash = ["/", "/.", "/.."].iter().any(|end| decoded.ends_with(end)) && !kept.is_empty();
    Some(format!("/{}{}", kept.join("/"), if slash { "/" } else { "" }))
}

/// `path.Clean` of Go, `posixpath.normpath` of Python.
fn posix_clean(path: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    Some(format!("/{}", kept.join("/")))
}

/// Search and replace, as in servlet containers; a path above the root is an error.
fn java_normalize(path: &str) -> Option<String> {
    let mut path = path.to_owned();
    for end in ["/.", "/.."] {
        if path.ends_with(end) {
            path.push('/');
        }
    }
    while path.contains("//") {
        path = path.replacen("//", "/", 1);
    }
    while path.contains("/./") {
        path = path.replacen("/./", "/", 1);
    }
    while let Some(at) = path.find("/../") {
        let parent = path[..at].rfind('/')?;
        path = format!("{}{}", &path[..parent], &path[at + 3..]);
    }
    Some(path)
}

/// RFC 3986 section 5.2.4, with its input and output buffers.
fn remove_dot_segments(path: &str) -> String {
    let mut input = path.to_owned();
    let mut output = String::new();
    while !input.is_empty() {
        if input.starts_with("/./") {
            input.drain(..2);
        } else if input == "/." {
            input = "/".to_owned();
        } else if input.starts_with("/../") || input == "/.." {
            input = if input == "/.." { "/".to_owned() } else { input[3..].to_owned() };
            output.truncate(output.rfind('/').unwrap_or(0));
        } else {
            let end = input[1..].find('/').map_or(input.len(), |at| at + 1);
            output.extend(input.drain(..end));
        }
    }
    output
}

/// The URL parser of a browser: it converts backslashes and resolves dot segments, also encoded ones. It decodes
/// nothing else.
fn whatwg(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let dot = |segment: &str| segment.to_ascii_lowercase().replace("%2e", ".");
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match dot(segment).as_str() {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    Some(format!("/{}", kept.join("/")))
}

/// `new URL(request.url, "http://localhost")`, which is common in Node servers: two slashes begin a host.
fn whatwg_relative(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    if !path.starts_with("//") {
        return whatwg(&path);
    }
    let authority_and_path = path.trim_start_matches('/');
    whatwg(authority_and_path.find('/').map_or("/", |at| &authority_and_path[at..]))
}

fn strip_parameters(path: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for character in path.chars() {
        inside = character != '/' && (inside || character == ';');
        if !inside {
            kept.push(character);
        }
    }
    kept
}

fn squeeze(path: &str) -> String {
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

/// A `StringTokenizer` at slashes, each token trimmed.
fn trim_tokens(path: &str) -> String {
    let tokens = path.split('/').map(|token| token.trim_matches(' ')).filter(|token| !token.is_empty());
    let kept: String = tokens.map(|token| format!("/{token}")).collect();
    if kept.is_empty() || path.ends_with('/') { kept + "/" } else { kept }
}

/// Replaces the characters that `Character.toUpperCase` and `toLowerCase` convert to an ASCII letter.
fn java_fold(path: &str) -> String {
    path.replace(['\u{131}', '\u{130}'], "i").replace('\u{17f}', "s").replace('\u{212a}', "k")
}

/// Converts fullwidth forms and other slashes and dots like NFKC or a Windows code page.
fn best_fit(path: &str) -> String {
    let one = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap(),
        '\u{2215}' | '\u{2044}' => '/',
        '\u{2216}' => '\\',
        '\u{2024}' => '.',
        other => other,
    };
    path.chars().map(one).collect::<String>().replace('\u{2025}', "..")
}

/// Removes the name of the main stream of a file or folder on NTFS.
fn file_of_stream(path: &str) -> String {
    let names = ["::$data", "::$index_allocation", ":$i30:$index_allocation"];
    let file = |segment: &str| {
        let lower = segment.to_ascii_lowercase();
        let name = names.iter().find(|name| lower.ends_with(*name));
        segment[..segment.len() - name.map_or(0, |name| name.len())].to_owned()
    };
    path.split('/').map(file).collect::<Vec<_>>().join("/")
}

/// Removes the tickets of cookieless sessions, one after the other.
fn without_tickets(path: &str) -> String {
    let found = path.match_indices("/(").find_map(|(at, _)| {
        let inside = path[at + 2..].split_once("))")?.0;
        let ticket = |text: &str| {
            let value =
                text.strip_prefix(['S', 's', 'A', 'a', 'F', 'f']).and_then(|rest| rest.strip_prefix('('));
            value.is_some()
        };
        inside.split(')').all(ticket).then_some((at, at + 2 + inside.len() + 2))
    });
    match found {
        None => path.to_owned(),
        Some((start, end)) => {
            let left = format!("{}{}", &path[..start], &path[end..]);
            without_tickets(&if left.starts_with('/') { left } else { format!("/{left}") })
        }
    }
}

/// The path that a PHP front controller routes.
fn path_info(path: &str) -> String {
    match path.strip_prefix("/index.php") {
        Some(info) if info.starts_with('/') => info.to_owned(),
        _ => path.to_owned(),
    }
}

fn strip_slash(path: &str) -> String {
    let kept = path.trim_end_matches('/');
    if kept.is_empty() { "/".to_owned() } else { kept.to_owned() }
}

fn reparse(path: &str) -> String {
    path.split(['?', '#']).next().unwrap().to_owned()
}

fn tomcat_backslash(path: &str) -> Option<String> {
    java_normalize(&decode(&strip_parameters(path), |_| true)?.replace('\\', "/"))
}

fn tomcat_passthrough(path: &str) -> Option<String> {
    java_normalize(&decode(&strip_parameters(path), |byte| byte != b'/')?)
}

/// Converts backslashes, removes empty segments and trailing dots and spaces of segments, resolves dot segments.
fn windows(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment.trim_end_matches(' ') {
            "." => {}
            ".." => drop(kept.pop()),
            segment => match segment.trim_end_matches(['.', ' ']) {
                "" => {}
                segment => kept.push(segment),
            },
        }
    }
    Some(format!("/{}", kept.join("/")))
}
