//! The texts of Istio's rules: a whole text, `a*`, `*a`, or `*` for any text that is not empty.

use crate::convert::made::{boolean, object, text};
use crate::inspect::tree::{Tree, TreeValue};

/// Whether letter case counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterCase {
    /// It counts.
    Exact,
    /// It does not.
    Ignored,
}

/// A `StringMatcher` for a value.
pub fn string(place: &Tree, value: &str) -> Tree {
    prefixed_string(place, "", value)
}

/// A `StringMatcher` for a value with a text before it, which `*` alone does not ask for.
pub fn prefixed_string(place: &Tree, before: &str, value: &str) -> Tree {
    match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
        ("*", ..) => regex(place, ".+"),
        (_, Some(end), _) if before.is_empty() => object(place, vec![("suffix", text(place, end))]),
        (_, Some(end), _) => regex(place, &format!("{before}.*{}", literal(end))),
        (_, None, Some(start)) => object(place, vec![("prefix", text(place, format!("{before}{start}")))]),
        (_, None, None) => object(place, vec![("exact", text(place, format!("{before}{value}")))]),
    }
}

/// A `StringMatcher` with a regular expression.
pub fn regex(place: &Tree, regex: &str) -> Tree {
    object(place, vec![("safe_regex", object(place, vec![("regex", text(place, regex))]))])
}

/// A `HeaderMatcher`: here `*` means that the header is present.
pub fn header(place: &Tree, name: &str, value: &str, letter_case: LetterCase) -> Tree {
    let name = text(place, name);
    if value == "*" {
        return object(place, vec![("name", name), ("present_match", boolean(place, true))]);
    }
    let mut matcher = string(place, value);
    if letter_case == LetterCase::Ignored
        && let TreeValue::Object(members) = &mut matcher.value
    {
        members.push(("ignore_case".to_owned(), boolean(place, true)));
    }
    object(place, vec![("name", name), ("string_match", matcher)])
}

/// A text as a regular expression that matches this text only.
pub fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let place = Tree::from_json("{}").unwrap();
        for (before, value, expected) in [
            ("", "a", r#"{"exact":"a"}"#),
            ("", "a*", r#"{"prefix":"a"}"#),
            ("", "*a", r#"{"suffix":"a"}"#),
            ("", "*a*", r#"{"suffix":"a*"}"#),
            ("", "a*b", r#"{"exact":"a*b"}"#),
            ("", "*", r#"{"safe_regex":{"regex":".+"}}"#),
            ("spiffe://", "a", r#"{"exact":"spiffe://a"}"#),
            ("spiffe://", "a*", r#"{"prefix":"spiffe://a"}"#),
            ("spiffe://", "*/sa/a.b", r#"{"safe_regex":{"regex":"spiffe://.*/sa/a\\.b"}}"#),
            ("spiffe://", "*", r#"{"safe_regex":{"regex":".+"}}"#),
        ] {
            assert_eq!(prefixed_string(&place, before, value).to_json(), expected, "{before} {value}");
        }
        let authority = header(&place, ":authority", "*.a.example", LetterCase::Ignored).to_json();
        assert_eq!(
            authority,
            r#"{"name":":authority","string_match":{"suffix":".a.example","ignore_case":true}}"#
        );
        let present = header(&place, "x", "*", LetterCase::Exact).to_json();
        assert_eq!(present, r#"{"name":"x","present_match":true}"#);
    }
}
