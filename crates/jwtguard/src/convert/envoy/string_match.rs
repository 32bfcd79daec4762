//! Envoy's matchers of texts, and the regular expressions among them that are paths or lists of names.

use crate::convert::fields::{boolean, known, required_text, whole_text};
use crate::convert::notes::Fault;
use crate::convert::path_test::{PathTest, Tail};
use crate::convert::template::Segment;
use crate::inspect::tree::Tree;

/// A `StringMatcher`.
#[derive(Debug, Clone, PartialEq)]
pub struct StringMatch {
    /// The text and how it is compared.
    pub pattern: Pattern,
    /// Whether letter case counts.
    pub case: Case,
}

/// Whether letter case counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// It counts.
    Sensitive,
    /// It does not.
    Ignored,
}

/// A text and how it is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// The whole text.
    Exact(String),
    /// The start.
    Prefix(String),
    /// The end.
    Suffix(String),
    /// Some part.
    Contains(String),
    /// A regular expression for the whole text.
    Regex(String),
    /// An extension.
    Custom,
}

const PATTERNS: [&str; 6] = ["exact", "prefix", "suffix", "contains", "safe_regex", "custom"];

impl StringMatch {
    /// Reads a `StringMatcher`.
    ///
    /// # Errors
    /// The value is none.
    pub fn read(tree: &Tree) -> Result<Self, Fault> {
        known(tree, &[&PATTERNS[..], &["ignore_case"]].concat())?;
        let set: Vec<(&str, &Tree)> =
            PATTERNS.iter().filter_map(|name| Some((*name, tree.get(name)?))).collect();
        let [(name, value)] = set.as_slice() else {
            return Err(Fault::at(tree, format!("expected one of {}", PATTERNS.join(", "))));
        };
        let pattern = match *name {
            "safe_regex" => Pattern::Regex(regex(value)?.to_owned()),
            "custom" => Pattern::Custom,
            name => {
                let text = whole_text(value)?.to_owned();
                match name {
                    "exact" => Pattern::Exact(text),
                    "prefix" => Pattern::Prefix(text),
                    "suffix" => Pattern::Suffix(text),
                    _ => Pattern::Contains(text),
                }
            }
        };
        let case = if boolean(tree, "ignore_case")? { Case::Ignored } else { Case::Sensitive };
        Ok(Self { pattern, case })
    }
}

/// The text of a `RegexMatcher`.
///
/// # Errors
/// The value is none.
pub fn regex(tree: &Tree) -> Result<&str, Fault> {
    known(tree, &["google_re2", "regex"])?;
    required_text(tree, "regex")
}

/// The names that a regular expression such as `GET|POST` or `(GET|POST)` lists.
pub fn alternatives(regex: &str) -> Option<Vec<String>> {
    let inner = regex.strip_prefix('^').unwrap_or(regex);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let inner = match inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => inner.strip_prefix("?:").unwrap_or(inner),
        None => inner,
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    inner.split('|').map(|name| is_name(name).then(|| name.to_owned())).collect()
}

/// The test of a path by a regular expression: exact for literal text, `[^/]+` as a whole segment and `.*` at the end;
/// otherwise limited by the literal text at its start.
pub fn path_regex(regex: &str, id: usize) -> PathTest {
    let inner = regex.strip_prefix('^').unwrap_or(regex);
    let inner = inner.strip_suffix('$').filter(|_| !inner.ends_with("\\$")).unwrap_or(inner);
    let (literal, rest) = literal_start(inner);
    match rest {
        "" => return PathTest::Exact(literal),
        ".*" if literal.is_empty() => return PathTest::Prefix("/".to_owned()),
        ".*" => return PathTest::Prefix(literal),
        "(/.*)?" => return PathTest::Separated(literal),
        _ => {}
    }
    let pattern = segments(inner);
    pattern.unwrap_or_else(|| {
        // A quantifier after the literal text can apply to its last character.
        let optional = rest.starts_with(['?', '*', '{']);
        let mut start = literal;
        if optional {
            start.pop();
        }
        let has_choice = inner.contains('|');
        PathTest::Unknown {
            start: if has_choice || !start.starts_with('/') { "/".to_owned() } else { start },
            id,
        }
    })
}

/// The literal text at the start of a regular expression, and the rest.
fn literal_start(regex: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut rest = regex;
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        if character == '\\' {
            let Some(escaped) = after.chars().next().filter(char::is_ascii_punctuation) else { break };
            literal.push(escaped);
            rest = after.get(escaped.len_utf8()..).unwrap_or_default();
        } else if ".[](){}*+?|^$".contains(character) {
            break;
        } else {
            literal.push(character);
            rest = after;
        }
    }
    (literal, rest)
}

fn segments(regex: &str) -> Option<PathTest> {
    let mut segments = Vec::new();
    let mut rest = regex.strip_prefix('/')?;
    loop {
        if let Some(after) = rest.strip_prefix("[^/]+") {
            segments.push(Segment::Any);
            rest = after;
        } else if rest == ".*" && !segments.is_empty() {
            return Some(PathTest::Segments { segments, tail: Tail::Below });
        } else {
            let (literal, after) = literal_start(rest);
            let text = literal.split('/').next().filter(|text| !text.is_empty())?.to_owned();
            if text.len() < literal.len() {
                // Literal text holds no escaped characters before this slash, or the rest would be found elsewhere.
                rest = rest.get(text.len()..).filter(|rest| rest.starts_with('/'))?;
            } else {
                rest = after;
            }
            segments.push(Segment::Literal(text));
        }
        match rest {
            "" => return Some(PathTest::Segments { segments, tail: Tail::Nothing }),
            "(/.*)?" => return Some(PathTest::Segments { segments, tail: Tail::Rest }),
            _ => rest = rest.strip_prefix('/')?,
        }
    }
}

/// The test of a path by an URI template of Envoy.
pub fn uri_template(text: &str, id: usize) -> PathTest {
    let start: String = text.chars().take_while(|character| !"{}*".contains(*character)).collect();
    let unknown = || PathTest::Unknown {
        start: if start.starts_with('/') { start.clone() } else { "/".to_owned() },
        id,
    };
    let Some(path) = text.strip_prefix('/') else { return unknown() };
    let mut segments = Vec::new();
    let texts: Vec<&str> = path.split('/').collect();
    for (at, text) in texts.iter().enumerate() {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let pattern = inner.map_or(*text, |inner| inner.split_once('=').map_or("*", |(_, pattern)| pattern));
        match pattern {
            "*" => segments.push(Segment::Any),
            "**" if at + 1 == texts.len() => return PathTest::Segments { segments, tail: Tail::Below },
            text if !text.is_empty() && !text.contains(['*', '{', '}']) && inner.is_none() => {
                segments.push(Segment::Literal(text.to_owned()));
            }
            _ => return unknown(),
        }
    }
    PathTest::Segments { segments, tail: Tail::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    #[test]
    fn regular_expressions_that_are_paths_are_read() {
        let any = || Segment::Any;
        for (regex, expected) in [
            ("/a/b", PathTest::Exact("/a/b".to_owned())),
            ("^/a\\.json$", PathTest::Exact("/a.json".to_owned())),
            ("/a/.*", PathTest::Prefix("/a/".to_owned())),
            ("/a(/.*)?", PathTest::Separated("/a".to_owned())),
            (
                "/a/[^/]+/b",
                PathTest::Segments { segments: vec![literal("a"), any(), literal("b")], tail: Tail::Nothing },
            ),
            ("/a/[^/]+/.*", PathTest::Segments { segments: vec![literal("a"), any()], tail: Tail::Below }),
            ("/a/b?", PathTest::Unknown { start: "/a/".to_owned(), id: 7 }),
            ("/a/v[0-9]+/.*", PathTest::Unknown { start: "/a/v".to_owned(), id: 7 }),
            ("/a|/b", PathTest::Unknown { start: "/".to_owned(), id: 7 }),
            (".*", PathTest::Prefix("/".to_owned())),
            (".*x", PathTest::Unknown { start: "/".to_owned(), id: 7 }),
            ("/a\\d", PathTest::Unknown { start: "/a".to_owned(), id: 7 }),
        ] {
            assert_eq!(path_regex(regex, 7), expected, "{regex}");
        }
    }

    #[test]
    fn uri_templates_are_read() {
        let any = || Segment::Any;
        for (text, expected) in [
            ("/a/{id}", PathTest::Segments { segments: vec![literal("a"), any()], tail: Tail::Nothing }),
            (
                "/a/*/b",
                PathTest::Segments { segments: vec![literal("a"), any(), literal("b")], tail: Tail::Nothing },
            ),
            ("/a/{x=**}", PathTest::Segments { segments: vec![literal("a")], tail: Tail::Below }),
            ("/**", PathTest::Segments { segments: vec![], tail: Tail::Below }),
            ("/a/**/b", PathTest::Unknown { start: "/a/".to_owned(), id: 7 }),
            ("/a/*.json", PathTest::Unknown { start: "/a/".to_owned(), id: 7 }),
        ] {
            assert_eq!(uri_template(text, 7), expected, "{text}");
        }
    }

    #[test]
    fn a_list_of_names_is_read() {
        assert_eq!(alternatives("GET|POST"), Some(vec!["GET".to_owned(), "POST".to_owned()]));
        assert_eq!(alternatives("^(GET|HEAD)$"), Some(vec!["GET".to_owned(), "HEAD".to_owned()]));
        assert_eq!(alternatives("G.*"), None);
        assert_eq!(alternatives(""), None);
    }
}
