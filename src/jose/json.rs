//! JSON as tokens need it: duplicate names are refused, the depth is limited, and numbers keep their text (RFC 8259,
//! RFC 8725).
//!
//! A general value type merges duplicate names and rounds numbers. With either, two parsers of one token could see two
//! different tokens.

mod error;
mod order;
mod reader;
mod value;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use reader::{JsonReader, are_unique};

pub use error::JsonError;
pub use value::{Json, Number};

impl Json {
    /// Parses one JSON text.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Syntax)?;
        if text.starts_with('{') {
            // serde_json validates the whole text and splits it into members in one pass.
            let raw = unique_members(text)?;
            let mut members = Vec::with_capacity(raw.len());
            for (name, value) in raw {
                members.push((name, JsonReader::new(value.get()).value(1)?));
            }
            return Ok(Self::Object(members));
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| JsonError::Syntax)?;
        JsonReader::new(raw.get()).value(0)
    }

    /// The members of one object, with unique names and unparsed values, for documents whose parts are checked one by
    /// one. `None` if the text is not an object.
    pub(super) fn members(bytes: &[u8]) -> Result<Option<Vec<(String, &RawValue)>>, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Syntax)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| JsonError::Syntax)?;
        if raw.get().starts_with('{') { unique_members(raw.get()).map(Some) } else { Ok(None) }
    }
}

/// The text without one leading byte order mark, which a parser may ignore (RFC 8259 section 8.1). Use it only for
/// documents that an issuer publishes: in a token, a byte order mark would give the same content a second spelling.
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// The members of `text`, which starts with `{`. Refuses a text that is not one valid object with unique names.
fn unique_members(text: &str) -> Result<Vec<(String, &RawValue)>, JsonError> {
    let Members(members) = serde_json::from_str(text).map_err(|_| JsonError::Syntax)?;
    if are_unique(&members) { Ok(members) } else { Err(JsonError::DuplicateName) }
}

/// The initial capacity for members: about as many as the claims of a token usually have.
const TYPICAL_MEMBERS: usize = 12;

/// The members of one object, with unparsed values and possibly with duplicate names.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(TYPICAL_MEMBERS);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::limits::MAX_DEPTH;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            r#"{"a":1,"b":[true,false,null,"x\n\"é"],"c":{"d":-1.50e+10}}"#,
            "[]",
            "{}",
            "123456789012345678901234567890",
            "\"\"",
            r#"["","\"","\\","\\\"","\u0000a","a\\"]"#,
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap().to_string(), text, "{text}");
        }
    }

    #[test]
    fn spaces_stand_between_and_mean_nothing() {
        for (text, compact) in [
            (" [ 1 , [ ] , { } , \"a b\" ] ", r#"[1,[],{},"a b"]"#),
            (
                "{ \"a\" : [ true , null\t] ,\n\"b\"\r:{ \"c\" : -1.5e3 , \"d\":false} }",
                r#"{"a":[true,null],"b":{"c":-1.5e3,"d":false}}"#,
            ),
            ("[[[[ 0 ]]] ,0]", "[[[[0]]],0]"),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap().to_string(), compact);
        }
    }

    fn object_with_a_name_twice(members: usize) -> Vec<u8> {
        let mut names: Vec<_> = (1..members).map(|number| format!("\"n{number}\":{number}")).collect();
        names.push("\"n1\":0".to_owned());
        format!("{{{}}}", names.join(",")).into_bytes()
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let rows: &[(&str, Vec<u8>, JsonError)] = &[
            ("a name twice", br#"{"a":1,"a":1}"#.to_vec(), JsonError::DuplicateName),
            ("a name twice, once escaped", br#"{"a":1,"\u0061":2}"#.to_vec(), JsonError::DuplicateName),
            ("a name twice, last of 16 members", object_with_a_name_twice(16), JsonError::DuplicateName),
            ("a name twice, last of 17 members", object_with_a_name_twice(17), JsonError::DuplicateName),
            ("text after an object", b"{}x".to_vec(), JsonError::Syntax),
            ("an object cut short", br#"{"a":1"#.to_vec(), JsonError::Syntax),
            ("a name twice, nested", br#"{"x":[{"a":1,"a":2}]}"#.to_vec(), JsonError::DuplicateName),
            ("too deep", deep(MAX_DEPTH + 1).into_bytes(), JsonError::TooDeep),
            ("far too deep", deep(100_000).into_bytes(), JsonError::TooDeep),
            ("nothing", vec![], JsonError::Syntax),
            ("two texts", b"{} {}".to_vec(), JsonError::Syntax),
            ("a byte order mark", b"\xEF\xBB\xBF{}".to_vec(), JsonError::Syntax),
            ("not UTF-8", b"\"\xFF\"".to_vec(), JsonError::Syntax),
            ("a lone surrogate", br#""\ud800""#.to_vec(), JsonError::Syntax),
            ("a lone surrogate in a name", br#"{"\ud800":1}"#.to_vec(), JsonError::Syntax),
            ("a raw control character", b"\"\x01\"".to_vec(), JsonError::Syntax),
            ("a raw control character in a member", b"{\"a\":[\"b\x01\"]}".to_vec(), JsonError::Syntax),
            ("a lone surrogate in a member", br#"{"a":["\udc00"]}"#.to_vec(), JsonError::Syntax),
            ("a superfluous quote", br#"{"a":"b""}"#.to_vec(), JsonError::Syntax),
            ("an escape at the end", br#"{"a":"b\"}"#.to_vec(), JsonError::Syntax),
            ("an unknown escape", br#"{"a":"\q"}"#.to_vec(), JsonError::Syntax),
            ("a comment", b"{/**/}".to_vec(), JsonError::Syntax),
            ("a trailing comma", b"[1,]".to_vec(), JsonError::Syntax),
            ("a number with a leading zero", b"01".to_vec(), JsonError::Syntax),
            ("not a number", b"NaN".to_vec(), JsonError::Syntax),
        ];
        for (label, bytes, error) in rows {
            assert_eq!(Json::parse(bytes), Err(*error), "{label}");
        }
        assert!(Json::parse(deep(MAX_DEPTH).as_bytes()).is_ok());
    }

    #[test]
    fn numbers_compare_as_numbers() {
        let number = |text: &str| Json::parse(text.as_bytes()).unwrap();
        assert_eq!(number("1"), number("1.0"));
        assert_eq!(number("10"), number("1e1"));
        assert_eq!(number("0"), number("-0"));
        assert_ne!(number("9007199254740993"), number("9007199254740992"));
        let long = "340282366920938463463374607431768211456";
        assert_eq!(number(long), number(long));
        assert_ne!(number(long), number("340282366920938463463374607431768211457"), "beyond 128 bits");
        assert_ne!(number("1"), number("-1"));
        assert_ne!(number("1"), number("\"1\""));
        assert_ne!(number("1e999"), number("1e999"), "infinity equals nothing");
    }

    #[test]
    fn objects_compare_whatever_the_order_of_their_members() {
        let json = |text: &str| Json::parse(text.as_bytes()).unwrap();
        assert_eq!(json(r#"{"a":1,"b":{"c":2,"d":3}}"#), json(r#"{"b":{"d":3,"c":2},"a":1.0}"#));
        assert_ne!(json(r#"{"a":1}"#), json(r#"{"a":1,"b":2}"#));
        assert_ne!(json(r#"{"a":1,"b":2}"#), json(r#"{"a":1,"c":2}"#));
        assert_ne!(json("[1,2]"), json("[2,1]"));
    }
}
