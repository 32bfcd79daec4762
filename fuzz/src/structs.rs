//! JSON in the form in which Envoy passes it: `google.protobuf.Struct`.

use std::collections::BTreeMap;

use jwt_guard::jose::json::Json;
use prost::Message;
use prost_types::{ListValue, Struct, Value, value::Kind};

/// The Struct of a JSON object; `None` for another value, and if a number does not fit into a double.
pub fn of(json: &Json) -> Option<Struct> {
    let Json::Object(members) = json else { return None };
    let fields = members.iter().map(|(name, member)| Some((name.clone(), value(member)?)));
    Some(Struct { fields: fields.collect::<Option<BTreeMap<_, _>>>()? })
}

/// [`of`] in serialized form.
pub fn bytes(json: &Json) -> Option<Vec<u8>> {
    of(json).map(|message| message.encode_to_vec())
}

fn value(json: &Json) -> Option<Value> {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(flag) => Kind::BoolValue(*flag),
        Json::Number(number) => Kind::NumberValue(number.as_f64()?),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => {
            Kind::ListValue(ListValue { values: items.iter().map(value).collect::<Option<Vec<_>>>()? })
        }
        Json::Object(_) => Kind::StructValue(of(json)?),
    };
    Some(Value { kind: Some(kind) })
}
