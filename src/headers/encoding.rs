//! The encoding of a claim as a header value. The encoding is lossless for an upstream that knows the claim's
//! type.
//!
//! The type itself is not encoded. By design, these values share one header value:
//! - a string and the scalar with the same text: `"1"` and `1`, `"true"` and `true`, and an object and the
//!   string of its base64url;
//! - a string and a list, if the string equals the list's text: `"a"` and `["a"]`, `"a,b"` and `["a","b"]`;
//! - all empty values, which set no header: absent, `null`, `""`, `[]` and `[""]`.
//!
//! Within one type (strings; numbers by their text; objects; lists of strings), two different values never
//! share a header value, except `[]` and `[""]`. So an upstream should not base a decision on the header of a
//! claim with several possible types. `requires_claim` compares types, and `$payload` forwards the claims
//! themselves.

use crate::jose::base64url;
use crate::jose::json::Json;

/// The header value of one claim; `None` if no header is set.
pub fn claim(value: &Json) -> Option<Vec<u8>> {
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

/// The header value of a list of names; `None` if the list is empty.
pub(super) fn list(names: &[String]) -> Option<Vec<u8>> {
    let mut text = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
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

/// Any value except a string, in characters that need no escape. A list within a list is encoded like an
/// object.
fn plain(value: &Json) -> String {
    match value {
        Json::Object(_) | Json::Array(_) => base64url::encode(value.to_string().as_bytes()),
        other => other.to_string(),
    }
}

/// Inner spaces are kept. Leading and trailing spaces are escaped, because HTTP parsers strip them (RFC 9110
/// section 5.5).
fn write_scalar(text: &mut String, value: &str) {
    if is_plain(value) && !value.starts_with(' ') && !value.ends_with(' ') {
        return text.push_str(value);
    }
    let start = value.len() - value.trim_start_matches(' ').len();
    let end = value.trim_end_matches(' ').len();
    for (index, byte) in value.bytes().enumerate() {
        let at_an_end = index < start || index >= end;
        write_byte(text, byte, byte == b' ' && at_an_end);
    }
}

fn write_member(text: &mut String, value: &str) {
    if is_plain(value) && !value.bytes().any(|byte| matches!(byte, b',' | b' ')) {
        return text.push_str(value);
    }
    for byte in value.bytes() {
        write_byte(text, byte, matches!(byte, b',' | b' '));
    }
}

/// Whether no byte needs an escape in any position, apart from spaces and commas.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'%')
}

/// Writes one byte, escaped if necessary. Some parsers would end the header or the request at a control
/// character; `%` is escaped because it starts an escape.
///
/// This is not done with `percent_encoding`: with one set for scalars and one for members it makes the module
/// 1.5 kB larger, and a new token takes 5,500 more instructions unless text without escapes is detected first,
/// as here.
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn claims_as_headers() {
        let rows: &[(&str, &str, Option<&str>)] = &[
            ("a string", r#""u1""#, Some("u1")),
            ("spaces inside are kept", r#""Ada  Lovelace""#, Some("Ada  Lovelace")),
            ("spaces at the ends are not", r#""  a b ""#, Some("%20%20a b%20")),
            ("only spaces", r#""  ""#, Some("%20%20")),
            ("a comma in a string", r#""Doe, Jane""#, Some("Doe, Jane")),
            ("a percent sign", r#""100%20""#, Some("100%2520")),
            ("control characters", r#""a\r\nb\u0000\t\u007f""#, Some("a%0D%0Ab%00%09%7F")),
            ("non-ASCII", "\"Zo\u{eb} \u{1f600}\"", Some("Zo%C3%AB %F0%9F%98%80")),
            ("a C1 control and a no-break space", r#""\u0085\u00a0""#, Some("%C2%85%C2%A0")),
            ("quotes and semicolons", r#""a\"b;c\\d""#, Some(r#"a"b;c\d"#)),
            ("a number's own text", "1.50e+10", Some("1.50e+10")),
            ("a number beyond doubles", "123456789012345678901", Some("123456789012345678901")),
            ("booleans", "false", Some("false")),
            ("an object", r#"{"b": 1.0, "a": "é"}"#, Some("eyJiIjoxLjAsImEiOiLDqSJ9")),
            ("a list", r#"["a","b c","d,e","%"]"#, Some("a,b%20c,d%2Ce,%25")),
            ("a list of one", r#"["a"]"#, Some("a")),
            ("a list with an empty string", r#"["","a"]"#, Some(",a")),
            (
                "a list of other values",
                r#"[1.0,true,null,{"a":1},["b"]]"#,
                Some("1.0,true,null,eyJhIjoxfQ,WyJiIl0"),
            ),
            ("null", "null", None),
            ("an empty string", r#""""#, None),
            ("an empty list", "[]", None),
            ("an empty string alone in a list", r#"[""]"#, None),
            ("an empty object", "{}", Some("e30")),
        ];
        for (label, json, expected) in rows {
            let value = claim(&Json::parse(json.as_bytes()).unwrap());
            assert_eq!(value.as_deref(), expected.map(str::as_bytes), "{label}");
        }
    }

    fn unescape(text: &str) -> String {
        let mut bytes = text.bytes();
        let mut unescaped = Vec::new();
        while let Some(byte) = bytes.next() {
            unescaped.push(match byte {
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            });
        }
        String::from_utf8(unescaped).unwrap()
    }

    fn decoded_scalar(value: Option<Vec<u8>>) -> String {
        unescape(&String::from_utf8(value.unwrap_or_default()).unwrap())
    }

    fn decoded_list(value: Option<Vec<u8>>) -> Vec<String> {
        let Some(value) = value else { return Vec::new() };
        String::from_utf8(value).unwrap().split(',').map(unescape).collect()
    }

    /// The characters that are valid in a header value and survive every parser on the way.
    fn travels(value: Option<&[u8]>) -> bool {
        value.is_none_or(|value| {
            value.iter().all(|byte| matches!(byte, b' '..=b'~')) && value.trim_ascii() == value
        })
    }

    /// Texts with many characters that need an escape.
    fn text() -> impl Strategy<Value = String> {
        let special =
            prop::sample::select(vec![' ', ',', '%', '2', '0', 'C', '\r', '\n', '\0', '\u{7f}', 'é']);
        vec(prop_oneof![4 => special, 1 => any::<char>()], 0..12)
            .prop_map(|characters| characters.iter().collect())
    }

    // Decoding restores the original, so no two values of one type share a header value.
    proptest! {
        #[test]
        fn strings_are_undone(text in text()) {
            let value = claim(&Json::String(text.clone()));
            prop_assert!(travels(value.as_deref()), "{value:?}");
            prop_assert_eq!(decoded_scalar(value), text);
        }

        #[test]
        fn lists_of_names_are_undone(names in vec(text().prop_filter("a name", |name| !name.is_empty()), 0..5)) {
            let value = list(&names);
            prop_assert!(travels(value.as_deref()), "{value:?}");
            prop_assert_eq!(decoded_list(value), names);
        }

        #[test]
        fn lists_of_strings_are_undone(texts in vec(text(), 0..5)) {
            prop_assume!(texts != [""]);
            let value = claim(&Json::Array(texts.iter().cloned().map(Json::String).collect()));
            prop_assert!(travels(value.as_deref()), "{value:?}");
            prop_assert_eq!(decoded_list(value), texts);
        }

        #[test]
        fn objects_are_undone(members in prop::collection::btree_map(text(), text(), 0..4)) {
            let members = members.into_iter().map(|(name, value)| (name, Json::String(value)));
            let object = Json::Object(members.collect());
            let value = claim(&object).unwrap();
            prop_assert!(travels(Some(&value)), "{value:?}");
            prop_assert_eq!(Json::parse(&base64url::decode(&value).unwrap()).unwrap(), object);
        }
    }
}
