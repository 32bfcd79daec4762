//! Texts as YAML scalars.

use std::fmt::{Display, Formatter, Result, Write};

/// A text as a YAML scalar for block collections: plain where every YAML reader takes it as the same text, in double
/// quotes elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Scalar<'a>(pub &'a str);

/// The same for flow collections, in which `{` and `,` mean something else.
#[derive(Debug, Clone, Copy)]
pub struct FlowScalar<'a>(pub &'a str);

impl Display for Scalar<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write(formatter, self.0, is_plain(self.0))
    }
}

impl Display for FlowScalar<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write(formatter, self.0, is_plain(self.0) && !self.0.contains(['{', '}']))
    }
}

fn write(formatter: &mut Formatter<'_>, text: &str, is_plain: bool) -> Result {
    if is_plain {
        return formatter.write_str(text);
    }
    formatter.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => formatter.write_str("\\\"")?,
            '\\' => formatter.write_str("\\\\")?,
            other if breaks_lines(other) => write!(formatter, "\\u{:04X}", u32::from(other))?,
            other => formatter.write_char(other)?,
        }
    }
    formatter.write_char('"')
}

/// The words that YAML 1.1 reads as a boolean or as null, in any letter case. Envoy and Kubernetes read YAML 1.1, and Envoy
/// takes `t` and `f` for booleans too.
const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "null"];

/// A text that begins with a letter is no number and no date. Without spaces it contains neither a comment nor a key.
fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || "/_$".contains(first));
    let is_safe = |character: char| character.is_ascii_alphanumeric() || "/._-*+|{}@:$".contains(character);
    begins
        && text.chars().all(is_safe)
        && !text.ends_with(':')
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Control characters, the line separators of Unicode, which YAML 1.1 reads as line breaks, and characters that YAML does
/// not allow in a text. All of them are below U+10000.
pub fn breaks_lines(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_as_scalars() {
        for (text, expected) in [
            ("https://issuer.example", "https://issuer.example"),
            ("outbound|443||issuer.example", "outbound|443||issuer.example"),
            ("/orders/{id}", "/orders/{id}"),
            ("/public/**", "/public/**"),
            ("", r#""""#),
            ("*", r#""*""#),
            ("**/x", r#""**/x""#),
            ("yes", r#""yes""#),
            ("NULL", r#""NULL""#),
            ("t", r#""t""#),
            ("123", r#""123""#),
            ("1e3", r#""1e3""#),
            ("2026-01-01", r#""2026-01-01""#),
            ("a: b", r#""a: b""#),
            ("a:", r#""a:""#),
            ("a #b", r#""a #b""#),
            ("{a}", r#""{a}""#),
            ("| x", r#""| x""#),
            ("~", r#""~""#),
            ("it's", r#""it's""#),
            (r#"say "x" \ y"#, r#""say \"x\" \\ y""#),
            ("a\nb\u{85}\u{2028}", r#""a\u000Ab\u0085\u2028""#),
            ("é 🔑", r#""é 🔑""#),
            ("$payload", "$payload"),
            ("_x", "_x"),
        ] {
            assert_eq!(Scalar(text).to_string(), expected, "{text:?}");
            let in_flow = if text.contains('{') { format!("\"{text}\"") } else { expected.to_owned() };
            assert_eq!(FlowScalar(text).to_string(), in_flow, "{text:?}");
        }
    }
}
