//! The schema of each object, key and type in the table of keys.

use serde_json::{Map, Value, json};

use jwt_guard::config::keys::{Bounds, DeclaredKey, DefaultValue, KeyType};
use jwt_guard::config::objects::ObjectKeys;
use jwt_guard::route::VariantClass;

/// Generates the schema of an object.
pub fn object(object: &ObjectKeys) -> Value {
    let property = |described: &DeclaredKey| {
        let schema = key(described);
        // `null` means absent, and these keys are required.
        let schema = if object.required.contains(&described.name) { schema } else { or_null(schema) };
        (described.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = object.keys().map(property).collect();
    let mut schema = json!({
        "title": object.title,
        "type": "object",
        "properties": properties,
        // Another specification defines the keys of an object without key groups.
        "additionalProperties": object.groups.is_empty(),
    });
    if let Value::Object(members) = &mut schema {
        if !object.required.is_empty() {
            members.insert("required".to_owned(), object.required.into());
        }
        if !object.one_of.is_empty() {
            let alternatives: Vec<_> = object.one_of.iter().map(|keys| required_one(keys)).collect();
            members.insert("oneOf".to_owned(), alternatives.into());
        }
    }
    schema
}

fn key(key: &DeclaredKey) -> Value {
    let mut schema = key_type(&key.key_type);
    if let Value::Object(members) = &mut schema {
        members.insert("description".to_owned(), key.description.into());
        if let Some(default) = default(key) {
            members.insert("default".to_owned(), default);
        }
    }
    schema
}

/// The default value of a key, if it has one.
pub fn default(key: &DeclaredKey) -> Option<Value> {
    match key.default {
        DefaultValue::None => None,
        DefaultValue::Flag(flag) => Some(flag.into()),
        DefaultValue::Integer(number) => Some(number.into()),
        DefaultValue::Text(text) => Some(text.into()),
        DefaultValue::Texts(texts) => Some(texts.into()),
        DefaultValue::Json(text) => serde_json::from_str(text).ok(),
    }
}

fn key_type(key_type: &KeyType) -> Value {
    match key_type {
        KeyType::Boolean => json!({ "type": "boolean" }),
        KeyType::True => json!({ "const": true }),
        KeyType::NonBlank => text(),
        KeyType::Texts => one_or_many(&text()),
        KeyType::TextsMatching(pattern) => one_or_many(&json!({ "type": "string", "pattern": pattern })),
        KeyType::TextsUpTo(most) => {
            let list = json!({ "type": "array", "items": text(), "minItems": 1, "maxItems": most, "uniqueItems": true });
            json!({ "anyOf": [text(), list] })
        }
        KeyType::Matching(pattern) => json!({ "type": "string", "pattern": pattern }),
        KeyType::Enum(values) => json!({ "enum": values }),
        KeyType::EnumList(values) => one_or_many(&json!({ "enum": values })),
        KeyType::Number(Bounds { least, greatest, .. }) => {
            json!({ "type": "integer", "minimum": least, "maximum": greatest })
        }
        KeyType::Object(name) => reference(name),
        KeyType::ObjectOrList(name) => json!({
            "anyOf": [reference(name), { "type": "array", "items": reference(name), "minItems": 1 }],
        }),
        KeyType::List(name) => json!({ "type": "array", "items": reference(name) }),
        KeyType::Alternatives(name) => json!({ "type": "array", "items": reference(name), "minItems": 1 }),
        KeyType::Map(name) => json!({ "type": "object", "additionalProperties": reference(name) }),
        KeyType::ClaimHeaders => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$" },
            "additionalProperties": {
                "anyOf": [
                    { "enum": ["$roles", "$groups", "$scopes", "$payload", "$none"] },
                    one_or_many(&json!({ "type": "string", "pattern": "^[^$]" })),
                    reference("header_value"),
                ],
            },
        }),
        KeyType::ClaimSources => {
            let one = json!({ "anyOf": [text(), reference("source")] });
            json!({ "anyOf": [text(), reference("source"), { "type": "array", "items": one }] })
        }
        KeyType::ClaimList => {
            json!({ "anyOf": [text(), { "type": "array", "items": text(), "minItems": 1 }] })
        }
        KeyType::VariantClasses => {
            let class = json!({ "enum": VariantClass::SKIPPABLE.map(VariantClass::name) });
            json!({ "anyOf": [class, { "type": "array", "items": class, "uniqueItems": true }] })
        }
        KeyType::Kids => {
            json!({ "anyOf": [text(), { "type": "array", "items": text(), "uniqueItems": true }] })
        }
        KeyType::Jwks => json!({
            "anyOf": [text(), { "type": "object", "required": ["keys"], "properties": { "keys": { "type": "array" } } }],
        }),
        KeyType::RefusedClaims => json!({
            "type": "object",
            "additionalProperties": { "anyOf": [{ "type": "array", "minItems": 1 }, { "not": { "type": "array" } }] },
        }),
        KeyType::AnyOrAll => json!({ "anyOf": [one_or_many(&text()), reference("all_of_them")] }),
        KeyType::Scopes => {
            let scope = json!({ "type": "string", "pattern": "^[!#-\\[\\]-~]+$" });
            let one = json!({ "type": "array", "items": scope, "minItems": 1, "maxItems": 1 });
            json!({ "anyOf": [scope, one, reference("scopes")] })
        }
        KeyType::Tenants => {
            let tenant = json!({ "type": "string", "pattern": "^[A-Za-z0-9._~-]+$" });
            json!({ "anyOf": [one_or_many(&tenant), reference("any_tenant")] })
        }
        KeyType::WordOrObject(word, name) => json!({ "anyOf": [{ "const": word }, reference(name)] }),
        KeyType::AnyNumber => json!({ "type": "number" }),
        KeyType::Values => {
            let value = json!({ "type": ["string", "number", "boolean", "object"] });
            json!({ "anyOf": [value, { "type": "array", "items": value, "minItems": 1 }] })
        }
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A schema that requires a key with a value other than `null`.
pub fn required(key: &str) -> Value {
    json!({ "required": [key], "properties": { key: { "not": { "type": "null" } } } })
}

/// A schema that requires at least one of the keys.
fn required_one(keys: &[&str]) -> Value {
    match keys {
        [key] => required(key),
        keys => json!({ "anyOf": keys.iter().map(|key| required(key)).collect::<Vec<_>>() }),
    }
}

/// Adds `null` to a schema. The description stays at the top level, where editors look for it.
fn or_null(mut schema: Value) -> Value {
    let null_type = json!({ "type": "null" });
    let Value::Object(members) = &mut schema else { return schema };
    if let Some(Value::Array(alternatives)) = members.get_mut("anyOf") {
        alternatives.push(null_type);
    } else if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.push(Value::Null);
    } else if let Some(reference) = members.remove("$ref") {
        members.insert("anyOf".to_owned(), json!([{ "$ref": reference }, null_type]));
    } else if let Some(Value::String(kind)) = members.get("type") {
        let kinds = json!([kind, "null"]);
        members.insert("type".to_owned(), kinds);
    }
    schema
}

/// The schema of a text that is not blank.
fn text() -> Value {
    json!({ "type": "string", "pattern": "\\S" })
}

/// The schema of one value, or a list of unique values.
fn one_or_many(one: &Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "uniqueItems": true }] })
}
