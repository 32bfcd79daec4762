//! A claim as a header value, exactly: an upstream that knows the claim's kind gets back what the token said.
//!
//! What a value does not say is its kind. These pairs give one header, by design:
//! - a string and the scalar whose text it has: `"1"` and `1`, `"true"` and `true`, and an object and the string
//!   of its base64url;
//! - a string and a list, where the string has the list's text: `"a"` and `["a"]`, `"a,b"` and `["a","b"]`;
//! - whatever is nothing, and so sets no header: absent, `null`, `""`, `[]` and `[""]`.
//!
//! Within one kind (strings; numbers by their text; objects; lists of strings) two different values never do,
//! `[]` and `[""]` apart. So a claim that may be of several kinds should not decide anything upstream by its
//! header; `requires_claim` is typed, and `$payload` passes the claims themselves.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::jose::json::Json;

/// The value of one claim; `None` where no header is set.
pub(super) fn claim(value: &Json) -> Option<Vec<u8>> {
    let mut text = String::new();
    match value {
        Json::Null => {}
        Json::String(string) => write_scalar(&mut text, string),
        Json::Array(members) => {
            let mut first = true;
            for member in members {
                separate(&mut text, &mut first);
                match member {
                    Json::String(string) => write_member(&mut text, string),
                    other => text.push_str(&plain(other)),
                }
            }
        }
        other => text = plain(other),
    }
    not_empty(text)
}

/// The value of a list of names; `None` where it is empty.
pub(super) fn list(names: &[String]) -> Option<Vec<u8>> {
    let mut text = String::new();
    let mut first = true;
    for name in names {
        separate(&mut text, &mut first);
        write_member(&mut text, name);
    }
    not_empty(text)
}

fn not_empty(text: String) -> Option<Vec<u8>> {
    (!text.is_empty()).then(|| text.into_bytes())
}

fn separate(text: &mut String, first: &mut bool) {
    if !std::mem::take(first) {
        text.push(',');
    }
}

/// Anything but a string, in characters that need no escape. A list within a list is written as an object is.
fn plain(value: &Json) -> String {
    match value {
        Json::Object(_) | Json::Array(_) => URL_SAFE_NO_PAD.encode(value.to_string()),
        other => other.to_string(),
    }
}

/// Spaces are kept inside and escaped at the ends, where HTTP would drop them (RFC 9110 section 5.5).
fn write_scalar(text: &mut String, value: &str) {
    let start = value.len() - value.trim_start_matches(' ').len();
    let end = value.trim_end_matches(' ').len();
    for (index, byte) in value.bytes().enumerate() {
        let at_an_end = index < start || index >= end;
        write_byte(text, byte, byte == b' ' && at_an_end);
    }
}

fn write_member(text: &mut String, value: &str) {
    for byte in value.bytes() {
        write_byte(text, byte, matches!(byte, b',' | b' '));
    }
}

/// A control character would end the header or the request for some parser; `%` is what undoes the escape.
fn write_byte(text: &mut String, byte: u8, escaped: bool) {
    if escaped || byte == b'%' || byte.is_ascii_control() || !byte.is_ascii() {
        text.push('%');
        for digit in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
        }
    } else {
        text.push(byte.into());
    }
}
