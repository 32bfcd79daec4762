//! Keys, what they take, and the objects that they stand in.

use serde_json::{Map, Value, json};

/// One key of an object.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it means, as a sentence or two.
    pub means: &'static str,
    /// What holds where it is absent, as JSON text; empty where nothing does.
    pub default: &'static str,
}

/// What a key takes.
#[derive(Debug)]
pub enum Takes {
    /// `true` or `false`
    Flag,
    /// A text that is not blank.
    Text,
    /// A text that may be empty.
    AnyText,
    /// One text or several.
    Texts,
    /// A text that starts like this.
    Matching(&'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// One of these or several.
    SomeOf(&'static [&'static str]),
    /// A whole number within these bounds.
    Whole(u64, u64),
    /// That object.
    Object(&'static str),
    /// One of that object, or several.
    Objects(&'static str),
    /// A list of that object.
    List(&'static str),
    /// An object of that object, with names of the user's own.
    Named(&'static str),
    /// Something of its own: see `own`.
    Own,
}

/// An object of the configuration.
#[derive(Debug)]
pub struct Object {
    /// Its name in `$defs`.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Its keys.
    pub keys: &'static [&'static [Key]],
    /// Keys without which it means nothing.
    pub required: &'static [&'static str],
    /// Keys of which exactly one must be there.
    pub one_of: &'static [&'static str],
}

impl Object {
    /// Its keys, in the order of the table.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().flat_map(|keys| keys.iter())
    }

    /// The schema of its object. `own` has those of the keys that take something of their own.
    pub fn schema(&self, own: fn(&str) -> Value) -> Value {
        let property = |key: &Key| {
            let schema = key.schema(own);
            // `null` is as good as absent, which these keys must not be.
            let schema = if self.required.contains(&key.name) { schema } else { or_null(schema) };
            (key.name.to_owned(), schema)
        };
        let properties: Map<String, Value> = self.keys().map(property).collect();
        let mut schema = json!({
            "title": self.title,
            "type": "object",
            "properties": properties,
            // An object without keys of its own is one that others define.
            "additionalProperties": self.keys.is_empty(),
        });
        if let Value::Object(members) = &mut schema {
            if !self.required.is_empty() {
                members.insert("required".to_owned(), self.required.into());
            }
            if !self.one_of.is_empty() {
                let alternatives: Vec<_> = self.one_of.iter().map(|key| given(key)).collect();
                members.insert("oneOf".to_owned(), alternatives.into());
            }
        }
        schema
    }
}

impl Key {
    fn schema(&self, own: fn(&str) -> Value) -> Value {
        let mut schema = match &self.takes {
            Takes::Own => own(self.name),
            takes => takes.schema(),
        };
        if let Value::Object(members) = &mut schema {
            members.insert("description".to_owned(), self.means.into());
            if let Ok(default) = serde_json::from_str::<Value>(self.default) {
                members.insert("default".to_owned(), default);
            }
        }
        schema
    }
}

impl Takes {
    fn schema(&self) -> Value {
        let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
        match self {
            Self::Flag => json!({ "type": "boolean" }),
            Self::Text => text(),
            Self::AnyText => json!({ "type": "string" }),
            Self::Texts => one_or_many(&text()),
            Self::Matching(pattern) => json!({ "type": "string", "pattern": pattern }),
            Self::OneOf(values) => json!({ "enum": values }),
            Self::SomeOf(values) => one_or_many(&json!({ "enum": values })),
            Self::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Self::Object(name) => reference(name),
            Self::Objects(name) => json!({
                "anyOf": [reference(name), { "type": "array", "items": reference(name), "minItems": 1 }],
            }),
            Self::List(name) => json!({ "type": "array", "items": reference(name) }),
            Self::Named(name) => json!({ "type": "object", "additionalProperties": reference(name) }),
            Self::Own => json!({}),
        }
    }
}

/// That the key is there, and not `null`.
pub fn given(key: &str) -> Value {
    json!({ "required": [key], "properties": { key: { "not": { "type": "null" } } } })
}

/// The same schema, and `null`. What is said of the value stays where editors look for it.
fn or_null(mut schema: Value) -> Value {
    let nothing = json!({ "type": "null" });
    let Value::Object(members) = &mut schema else { return schema };
    if let Some(Value::Array(alternatives)) = members.get_mut("anyOf") {
        alternatives.push(nothing);
    } else if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.push(Value::Null);
    } else if let Some(reference) = members.remove("$ref") {
        members.insert("anyOf".to_owned(), json!([{ "$ref": reference }, nothing]));
    } else if let Some(Value::String(kind)) = members.get("type") {
        let kinds = json!([kind, "null"]);
        members.insert("type".to_owned(), kinds);
    }
    schema
}

/// A text that is not blank.
pub fn text() -> Value {
    json!({ "type": "string", "pattern": "\\S" })
}

/// One of these, or a list in which none stands twice.
pub fn one_or_many(one: &Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "uniqueItems": true }] })
}
