//! JSON as tokens need it: duplicate names refused, depth bounded, numbers kept as written (RFC 8259, 8725).
//!
//! A general value type merges duplicate names and rounds numbers; either would let two readers of one token
//! see two different tokens.

mod valid;

use std::collections::HashSet;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use valid::Valid;

/// The deepest nesting that is read: the design's limit for headers and claims. A flat object has depth 1.
pub const MAX_DEPTH: usize = 32;

/// A JSON value.
#[derive(Debug, Clone)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object in the order it was written, without duplicate names.
    Object(Vec<(String, Json)>),
}

/// A number as it was written. `1`, `1.0` and `1e0` are three texts of one value, and compare as equal.
#[derive(Debug, Clone)]
pub struct Number(Box<str>);

/// Why bytes are not the JSON that is asked for. Never quotes the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// Not one JSON text in UTF-8.
    Syntax,
    /// A name stands twice in one object.
    DuplicateName,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax => f.write_str("not valid JSON"),
            Self::DuplicateName => f.write_str("an object has the same name twice"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH}"),
        }
    }
}

impl Json {
    /// Reads one JSON text.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Syntax)?;
        if text.starts_with('{') {
            // Its members are found while the whole is gone through to see that it is valid.
            let raw = unique_members(text)?;
            let mut members = Vec::with_capacity(raw.len());
            for (name, value) in raw {
                members.push((name, Valid::new(value.get()).value(1)?));
            }
            return Ok(Self::Object(members));
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| JsonError::Syntax)?;
        Valid::new(raw.get()).value(0)
    }

    /// The members of one object, their values unread; names are unique. For documents whose parts are judged one
    /// by one.
    pub(super) fn members(bytes: &[u8]) -> Result<Option<Vec<(String, &RawValue)>>, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Syntax)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| JsonError::Syntax)?;
        if raw.get().starts_with('{') { unique_members(raw.get()).map(Some) } else { Ok(None) }
    }

    /// The member of that name, if this is an object that has one.
    pub fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The memory that it takes beside itself, in bytes, the allocator's own not counted.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(number) => number.0.len(),
            Self::String(text) => text.capacity(),
            Self::Array(items) => {
                items.capacity() * size_of::<Self>() + items.iter().map(Self::heap_bytes).sum::<usize>()
            }
            Self::Object(members) => {
                let below = members.iter().map(|(name, value)| name.capacity() + value.heap_bytes());
                members.capacity() * size_of::<(String, Self)>() + below.sum::<usize>()
            }
        }
    }

    /// The same value with every object's members in the order of their names.
    #[must_use]
    pub fn in_order(&self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.iter().map(Self::in_order).collect()),
            Self::Object(members) => {
                let mut members: Vec<_> =
                    members.iter().map(|(name, value)| (name.clone(), value.in_order())).collect();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                Self::Object(members)
            }
            value => value.clone(),
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Compact JSON text, numbers as they were written.
impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number.text()),
            Self::String(text) => write_string(f, text),
            Self::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_string(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(f: &mut std::fmt::Formatter<'_>, text: &str) -> std::fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| std::fmt::Error)?)
}

impl Number {
    /// The shortest text of a double; `None` where it is not finite.
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self(format!("{value}").into()))
    }

    /// The number's own text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The nearest double, if that is finite.
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse::<f64>().ok().filter(|value| value.is_finite())
    }
}

/// Objects are equal whatever the order of their members (RFC 8259 section 4).
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => left == right,
            (Self::String(left), Self::String(right)) => left == right,
            (Self::Array(left), Self::Array(right)) => left == right,
            (Self::Object(left), Self::Object(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(name, value)| other.member(name) == Some(value))
            }
            _ => false,
        }
    }
}

impl PartialEq for Number {
    /// Integers compare exactly, which have one spelling each in JSON but for zero; anything else as doubles.
    fn eq(&self, other: &Self) -> bool {
        let is_integer = |text: &str| !text.contains(['.', 'e', 'E']);
        let is_zero = |text: &str| matches!(text, "0" | "-0");
        if is_integer(&self.0) && is_integer(&other.0) {
            return self.0 == other.0 || is_zero(&self.0) && is_zero(&other.0);
        }
        self.as_f64().is_some_and(|left| other.as_f64() == Some(left))
    }
}

/// The text behind one byte order mark, which a reader may pass over (RFC 8259 section 8.1). For documents that an issuer
/// publishes; in a token it would be a second spelling.
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// `text` starts with an object's brace. Anything but one valid object is refused.
fn unique_members(text: &str) -> Result<Vec<(String, &RawValue)>, JsonError> {
    let Members(members) = serde_json::from_str(text).map_err(|_| JsonError::Syntax)?;
    if are_unique(&members) { Ok(members) } else { Err(JsonError::DuplicateName) }
}

/// Few names are compared with each other, which costs less than hashing them; an object of many is an attacker's.
fn are_unique<T>(members: &[(String, T)]) -> bool {
    const FEW: usize = 16;
    let mut names = members.iter().map(|(name, _)| name.as_str());
    if members.len() > FEW {
        let mut seen = HashSet::with_capacity(members.len());
        return names.all(|name| seen.insert(name));
    }
    let is_last = |index: usize, name: &str| !members.iter().skip(index + 1).any(|(later, _)| later == name);
    names.enumerate().all(|(index, name)| is_last(index, name))
}

/// Room for as many members as a token's claims usually have.
const USUAL: usize = 12;

/// The members of one object, unread and with duplicates.
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
                let mut members = Vec::with_capacity(USUAL);
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
            ("a name twice, last of few", object_with_a_name_twice(16), JsonError::DuplicateName),
            ("a name twice, last of many", object_with_a_name_twice(17), JsonError::DuplicateName),
            ("an object and more", b"{}x".to_vec(), JsonError::Syntax),
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
            ("a quote too many", br#"{"a":"b""}"#.to_vec(), JsonError::Syntax),
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
