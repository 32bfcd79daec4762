//! Converts a serialized `google.protobuf.Struct` into the same JSON value that a JSON text gives.
//!
//! Envoy's documentation says that a Struct configuration reaches a plugin as JSON. In fact the filter receives the
//! serialized message (`docs/host-facts.md`). Route metadata has the same form.

pub mod fields;

use prost::Message;
use prost_types::{Struct, Value, value::Kind};

use crate::jose::json::{Json, Number};
use crate::jose::limits::MAX_DEPTH;

/// Parses a serialized Struct. `None` if the bytes are not a Struct, or contain a value that JSON cannot represent.
pub fn struct_to_json(bytes: &[u8]) -> Option<Json> {
    object(Struct::decode(bytes).ok()?, 0)
}

fn object(message: Struct, depth: usize) -> Option<Json> {
    let members = message.fields.into_iter().map(|(name, member)| Some((name, value(member, depth + 1)?)));
    members.collect::<Option<_>>().map(Json::Object)
}

fn value(message: Value, depth: usize) -> Option<Json> {
    Some(match message.kind? {
        Kind::NullValue(_) => Json::Null,
        Kind::NumberValue(number) => Json::Number(Number::from_f64(number)?),
        Kind::StringValue(text) => Json::String(text),
        Kind::BoolValue(flag) => Json::Bool(flag),
        Kind::StructValue(_) | Kind::ListValue(_) if depth == MAX_DEPTH => return None,
        Kind::StructValue(members) => object(members, depth)?,
        Kind::ListValue(list) => {
            let items = list.values.into_iter().map(|item| value(item, depth + 1));
            Json::Array(items.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost_types::ListValue;

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
            (of(Kind::NullValue(0)), r#"{"a":null}"#),
            (of(Kind::NumberValue(300.0)), r#"{"a":300}"#),
            (of(Kind::NumberValue(300.5)), r#"{"a":300.5}"#),
            (of(Kind::StringValue("x".into())), r#"{"a":"x"}"#),
            (of(Kind::BoolValue(true)), r#"{"a":true}"#),
            (of(Kind::StructValue(Struct::default())), r#"{"a":{}}"#),
            (of(Kind::ListValue(ListValue { values: vec![of(Kind::BoolValue(false))] })), r#"{"a":[false]}"#),
        ];
        for (member, text) in rows {
            assert_eq!(struct_to_json(&with(member)).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        assert_eq!(struct_to_json(&with(Value { kind: None })), None, "a value without a kind");
        assert_eq!(struct_to_json(&with(of(Kind::NumberValue(f64::NAN)))), None, "not a number");
        assert_eq!(struct_to_json(&with(of(Kind::NumberValue(f64::INFINITY)))), None, "infinity");
        assert_eq!(struct_to_json(b"\xFF\xFF"), None, "not a message");
        let deep = (0..40).fold(of(Kind::BoolValue(true)), |inner, _| {
            of(Kind::ListValue(ListValue { values: vec![inner] }))
        });
        assert_eq!(struct_to_json(&with(deep)), None, "too deep");
    }
}
