//! `google.protobuf.Struct` as the host serialises it, read into the same JSON that a text gives.
//!
//! Envoy's documentation says that a Struct configuration reaches a plugin as JSON. It does not: the filter
//! receives the serialised message. Route metadata comes the same way.

use std::collections::BTreeMap;

use prost::Message;

use crate::jose::json::{Json, Number};
use crate::jose::limits::MAX_DEPTH;

/// `google.protobuf.Struct`
#[derive(Clone, PartialEq, Message)]
pub struct Struct {
    /// Members by name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub fields: BTreeMap<String, Value>,
}

/// `google.protobuf.Value`
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// What kind of value it is.
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

/// The kinds of a `google.protobuf.Value`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Kind {
    /// `null`
    #[prost(int32, tag = "1")]
    Null(i32),
    /// A number: always a double.
    #[prost(double, tag = "2")]
    Number(f64),
    /// A string.
    #[prost(string, tag = "3")]
    String(String),
    /// A Boolean.
    #[prost(bool, tag = "4")]
    Bool(bool),
    /// An object.
    #[prost(message, tag = "5")]
    Struct(Struct),
    /// An array.
    #[prost(message, tag = "6")]
    List(ListValue),
}

/// `google.protobuf.ListValue`
#[derive(Clone, PartialEq, Message)]
pub struct ListValue {
    /// The items.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// Reads a serialised Struct. `None` where the bytes are none, or hold what JSON cannot.
pub fn struct_to_json(bytes: &[u8]) -> Option<Json> {
    object(Struct::decode(bytes).ok()?, 0)
}

pub(super) fn object(message: Struct, depth: usize) -> Option<Json> {
    let members = message.fields.into_iter().map(|(name, member)| Some((name, value(member, depth + 1)?)));
    members.collect::<Option<_>>().map(Json::Object)
}

fn value(message: Value, depth: usize) -> Option<Json> {
    Some(match message.kind? {
        Kind::Null(_) => Json::Null,
        Kind::Number(number) => Json::Number(Number::from_f64(number)?),
        Kind::String(text) => Json::String(text),
        Kind::Bool(flag) => Json::Bool(flag),
        Kind::Struct(_) | Kind::List(_) if depth == MAX_DEPTH => return None,
        Kind::Struct(members) => object(members, depth)?,
        Kind::List(list) => {
            let items = list.values.into_iter().map(|item| value(item, depth + 1));
            Json::Array(items.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind) -> Value {
        Value { kind: Some(kind) }
    }

    fn with(member: Value) -> Vec<u8> {
        Struct { fields: BTreeMap::from([("a".to_owned(), member)]) }.encode_to_vec()
    }

    #[test]
    fn a_struct_becomes_the_json_that_was_written() {
        let rows = [
            (of(Kind::Null(0)), r#"{"a":null}"#),
            (of(Kind::Number(300.0)), r#"{"a":300}"#),
            (of(Kind::Number(300.5)), r#"{"a":300.5}"#),
            (of(Kind::String("x".into())), r#"{"a":"x"}"#),
            (of(Kind::Bool(true)), r#"{"a":true}"#),
            (of(Kind::Struct(Struct::default())), r#"{"a":{}}"#),
            (of(Kind::List(ListValue { values: vec![of(Kind::Bool(false))] })), r#"{"a":[false]}"#),
        ];
        for (member, text) in rows {
            assert_eq!(struct_to_json(&with(member)).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        assert_eq!(struct_to_json(&with(Value { kind: None })), None, "a value without a kind");
        assert_eq!(struct_to_json(&with(of(Kind::Number(f64::NAN)))), None, "not a number");
        assert_eq!(struct_to_json(&with(of(Kind::Number(f64::INFINITY)))), None, "infinity");
        assert_eq!(struct_to_json(b"\xFF\xFF"), None, "not a message");
        let deep =
            (0..40).fold(of(Kind::Bool(true)), |inner, _| of(Kind::List(ListValue { values: vec![inner] })));
        assert_eq!(struct_to_json(&with(deep)), None, "too deep");
    }
}
