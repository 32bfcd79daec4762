//! JSON Schema (2020-12) of the configuration, for editors and for programs that write configurations. It is generated from
//! the core's table of keys. Only the reader of the core checks rules about more than one key.

mod reference;
mod types;

use serde_json::{Map, Value, json};

use super::tree::Tree;
use jwt_guard::config::keys::{configuration, issuer};
use jwt_guard::config::objects::OBJECTS;
use types::required;

pub use reference::reference;
pub use types::default;

/// The id of the schema. It is a name, and cannot be fetched.
const ID: &str = "urn:jwt-guard:configuration";

/// Generates the schema.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for object in OBJECTS {
        definitions.insert(object.name.to_owned(), types::object(object));
    }
    let mut root = match definitions.remove("configuration") {
        Some(Value::Object(root)) => root,
        _ => Map::new(),
    };
    let one = [required(issuer::ISSUER.as_str()), required(issuer::AUDIENCE.as_str())];
    let several = required(configuration::ISSUERS.as_str());
    root.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("$id".to_owned(), ID.into());
    root.insert(
        "oneOf".to_owned(),
        json!([{ "allOf": one, "not": several }, { "allOf": [several], "not": { "anyOf": one } }]),
    );
    root.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(root)
}

/// Whether an object has a key of the configuration, so that it is probably a configuration.
pub fn is_top_level(tree: &Tree) -> bool {
    let Some(root) = OBJECTS.iter().find(|object| object.name == "configuration") else { return false };
    root.keys().any(|key| tree.get(key.name).is_some())
}
