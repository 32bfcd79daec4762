//! JSON Schema (2020-12) of the configuration: for editors that complete and underline, and for whoever generates
//! configurations. The filter's own reader stays the judge; the two are held together by a test.

mod key;
mod keys;

use serde_json::{Map, Value, json};

use super::tree::Tree;
use key::given;

pub use key::{Key, Object, Takes};

/// Every object of the configuration.
pub use keys::OBJECTS;

/// The schema's address: a name, not a place.
const ID: &str = "urn:jwt-guard:configuration";

/// The schema.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for object in OBJECTS {
        definitions.insert(object.name.to_owned(), object.schema(keys::own));
    }
    let mut root = match definitions.remove("configuration") {
        Some(Value::Object(root)) => root,
        _ => Map::new(),
    };
    root.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("$id".to_owned(), ID.into());
    root.insert(
        "oneOf".to_owned(),
        json!([
            { "allOf": [given("issuer"), given("audience")], "not": given("issuers") },
            { "allOf": [given("issuers")], "not": { "anyOf": [given("issuer"), given("audience")] } },
        ]),
    );
    root.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(root)
}

/// Whether an object has a key of the configuration and so may be meant as one.
pub fn is_top_level(tree: &Tree) -> bool {
    let Some(root) = OBJECTS.iter().find(|object| object.name == "configuration") else { return false };
    root.keys().any(|key| tree.get(key.name).is_some())
}
