//! Text from untrusted parties, escaped for one line of a log.

use std::fmt::{Display, Formatter, Result, Write};

/// The number of characters that are shown.
const SHOWN: usize = 64;

/// The number of characters of a URL that are shown. It is larger because URLs often differ only at the end.
const SHOWN_OF_A_URL: usize = 256;

/// Displays as ASCII in quotes, escaped and cut. A `kid` with a line break must not forge a log line, and a long one
/// must not fill the log.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

/// The same as [`Escaped`], with a longer limit for URLs.
#[derive(Debug, Clone, Copy)]
pub struct EscapedUrl<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        escape(self.0, SHOWN, f)
    }
}

impl Display for EscapedUrl<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        escape(self.0, SHOWN_OF_A_URL, f)
    }
}

fn escape(text: &str, shown: usize, f: &mut Formatter<'_>) -> Result {
    f.write_char('"')?;
    for character in text.chars().take(shown) {
        write!(f, "{}", character.escape_default())?;
    }
    f.write_char('"')?;
    if text.chars().nth(shown).is_some() { f.write_str("...") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_on_its_line() {
        let rows: &[(&str, &str, &str)] = &[
            ("plain", "key-1", "\"key-1\""),
            ("a forged line", "a\n[critical] b", "\"a\\n[critical] b\""),
            ("a quote", "a\"b", "\"a\\\"b\""),
            ("a terminal's escape", "\u{1b}[2J", "\"\\u{1b}[2J\""),
            ("right-to-left", "\u{202e}", "\"\\u{202e}\""),
        ];
        for (label, text, shown) in rows {
            assert_eq!(Escaped(text).to_string(), *shown, "{label}");
        }
        assert_eq!(Escaped(&"a".repeat(64)).to_string().len(), 66);
        assert_eq!(Escaped(&"a".repeat(65)).to_string().len(), 69);
        assert_eq!(EscapedUrl(&"a".repeat(256)).to_string().len(), 258);
        assert_eq!(EscapedUrl(&"a".repeat(257)).to_string().len(), 261);
        assert_eq!(EscapedUrl("https://a/\n").to_string(), "\"https://a/\\n\"");
    }
}
