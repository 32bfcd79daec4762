//! An answer that is not JSON: the position of the first fault, and the text there. It lets the operator distinguish a
//! login page, a compressed body and a trailing comma.

use std::fmt::{Display, Formatter, Result};

use serde::de::IgnoredAny;

use crate::jose::escaped::Escaped;

/// The number of bytes that are shown from the fault on.
const SHOWN: usize = 32;
/// The number of bytes that are shown if they are not UTF-8.
const SHOWN_AS_NUMBERS: usize = 8;
/// The number of characters of a content type that are shown.
const MAX_CONTENT_TYPE: usize = 128;

/// A body that is not JSON, and its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJson {
    content_type: Option<String>,
    fault: JsonFault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum JsonFault {
    /// The body is empty or has only spaces.
    Empty,
    /// From byte `place` on, the body is not UTF-8.
    NotUtf8 { place: usize, found: Vec<u8> },
    /// The JSON text ends too early.
    CutShort { bytes: usize },
    /// The text is not JSON.
    Syntax { line: usize, column: usize, after_a_comma: bool, found: String },
    /// serde_json accepts the text, but the stricter JSON parser of this crate does not: for example, a string has a
    /// lone surrogate.
    Text,
}

impl NotJson {
    /// Finds the fault in a body that is not JSON.
    pub fn of(content_type: Option<&str>, body: &[u8]) -> Self {
        let content_type = content_type.map(|text| text.chars().take(MAX_CONTENT_TYPE).collect());
        Self { content_type, fault: JsonFault::of(body) }
    }
}

impl JsonFault {
    fn of(body: &[u8]) -> Self {
        if body.trim_ascii().is_empty() {
            return Self::Empty;
        }
        let text = match std::str::from_utf8(body) {
            Ok(text) => text,
            Err(error) => {
                let place = error.valid_up_to();
                let found = body.iter().skip(place).take(SHOWN_AS_NUMBERS).copied().collect();
                return Self::NotUtf8 { place, found };
            }
        };
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Self::Text,
            Err(error) if error.is_eof() => Self::CutShort { bytes: body.len() },
            Err(error) => {
                let (line, column) = (error.line(), error.column().max(1));
                let lines = body.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1));
                let place = lines.map(<[u8]>::len).sum::<usize>() + column - 1;
                let (before, after) = body.split_at_checked(place).unwrap_or((body, b""));
                let after_a_comma =
                    before.trim_ascii_end().ends_with(b",") && matches!(after.first(), Some(b']' | b'}'));
                let found = after.get(..SHOWN).unwrap_or(after);
                Self::Syntax {
                    line,
                    column,
                    after_a_comma,
                    found: String::from_utf8_lossy(found).into_owned(),
                }
            }
        }
    }
}

// Written by hand: derived by thiserror, it makes the wasm module 603 bytes larger.
impl Display for NotJson {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.fault {
            JsonFault::Empty => f.write_str("not valid JSON: the body is empty")?,
            JsonFault::NotUtf8 { place, found } => {
                write!(f, "not valid JSON: byte {place} is not UTF-8; the bytes from there are")?;
                found.iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
            }
            JsonFault::CutShort { bytes } => {
                write!(f, "not valid JSON: the body ends too early, after {bytes} bytes")?;
            }
            JsonFault::Syntax { line, column, after_a_comma, found } => {
                let after = if *after_a_comma { ", after a trailing comma" } else { "" };
                write!(f, "not valid JSON: line {line}, column {column} has {}{after}", Escaped(found))?;
            }
            JsonFault::Text => f.write_str("not valid JSON: a string in it is not valid Unicode")?,
        }
        match &self.content_type {
            Some(content_type) => write!(f, " (content-type {})", Escaped(content_type)),
            None => f.write_str(" (no content-type)"),
        }
    }
}

impl std::error::Error for NotJson {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_place_of_json_is_told() {
        let rows: &[(&str, &[u8], &str)] = &[
            ("nothing", b"", "the body is empty"),
            ("spaces", b" \r\n", "the body is empty"),
            ("an HTML page", b"<html><body>", r#"line 1, column 1 has "<html><body>""#),
            ("an HTML page after empty lines", b"\n\n  <html>", r#"line 3, column 3 has "<html>""#),
            ("a trailing comma", br#"{"keys":[],}"#, r#"line 1, column 12 has "}", after a trailing comma"#),
            (
                "a trailing comma in an array",
                b"{\"keys\":[\n{},\n]}",
                r#"line 3, column 1 has "]}", after a trailing comma"#,
            ),
            ("single quotes", b"{'keys':[]}", r#"line 1, column 2 has "\'keys\':[]}""#),
            ("a second byte order mark", "\u{feff}{}".as_bytes(), r#"line 1, column 1 has "\u{feff}{}""#),
            ("more text after the end", b"{}x", r#"line 1, column 3 has "x""#),
            ("a truncated body", br#"{"keys":[{"kty""#, "the body ends too early, after 15 bytes"),
            (
                "gzip",
                b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
                "byte 1 is not UTF-8; the bytes from there are 8b 08 00 00 00 00 00 00",
            ),
            ("UTF-16", b"\xff\xfe{\0}\0", "byte 0 is not UTF-8; the bytes from there are ff fe 7b 00 7d 00"),
            ("a forged line", b"a\n[critical] b", r#"line 1, column 1 has "a\n[critical] b""#),
        ];
        for (label, body, message) in rows {
            let expected = format!("not valid JSON: {message} (no content-type)");
            assert_eq!(NotJson::of(None, body).to_string(), expected, "{label}");
        }
    }

    #[test]
    fn what_an_issuer_sends_neither_forges_a_line_nor_fills_the_log() {
        let long = "<".repeat(1 << 20);
        let types = ["text/html\n[critical] forged", "\u{1b}[2J", &long];
        for content_type in types {
            for body in [long.as_bytes(), "\u{202e}\n".repeat(1000).as_bytes(), &[0xff; 1000], b"\x1b[2J\n"] {
                let message = NotJson::of(Some(content_type), body).to_string();
                assert!(message.len() < 600, "{} bytes: {message}", message.len());
                assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{message}");
            }
        }
    }
}
