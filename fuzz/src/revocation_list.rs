//! Every item of a list that was read revokes the token with exactly its members, and stored bytes load as the same
//! list.

use jwt_guard::jose::json::{Json, without_byte_order_mark};
use jwt_guard::revocation::{HashKey, MAX_ITEMS, MAX_LIST_BYTES, RevocationList};
use serde_json::{Map, Value, json};

/// Whether the document was read.
pub fn holds(data: &[u8]) -> bool {
    let list = match RevocationList::parse(data, HashKey::from_bits([1, 2])) {
        Ok(list) => list,
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return false;
        }
    };
    assert!(data.len() <= MAX_LIST_BYTES && list.len() <= MAX_ITEMS);
    assert_eq!(RevocationList::load(list.stored().to_vec()).as_ref(), Some(&list));
    // The tree of serde_json has a limit for the depth, and an unknown member can be deeper.
    let Ok(document) = serde_json::from_slice(without_byte_order_mark(data)) else { return true };
    let items = items(document);
    assert_eq!(items.len(), list.len());
    for item in &items {
        let mut claims: Map<String, Value> = item.clone();
        claims.retain(|name, _| ["jti", "sub", "sid"].contains(&name.as_str()));
        let until = item.get("issued_before").map(|until| until.as_f64().unwrap());
        assert!(!claims.is_empty() || until.is_some(), "an item that names nothing");
        if let Some(until) = until {
            claims.insert("iat".to_owned(), json!(until));
        }
        assert!(revokes(&list, claims), "{item:?}");
    }
    let other = json!({ "jti": "no item has this jti, sub or sid", "iat": 1e300 });
    let names_all = |item: &Map<String, Value>| {
        item.get("issued_before").is_some_and(|until| until.as_f64() >= Some(1e300))
    };
    if let Value::Object(other) = other
        && !items.iter().any(names_all)
    {
        assert!(!revokes(&list, other));
    }
    true
}

/// The items of a document that was read, with `jti` for the entries of an array of texts.
fn items(document: Value) -> Vec<Map<String, Value>> {
    let items = match document {
        Value::Object(mut document) => document.remove("items").unwrap(),
        array => array,
    };
    let Value::Array(items) = items else { panic!("not a list: {items}") };
    items
        .into_iter()
        .map(|item| match item {
            Value::Object(item) => item,
            jti => [("jti".to_owned(), jti)].into_iter().collect(),
        })
        .collect()
}

fn revokes(list: &RevocationList, claims: Map<String, Value>) -> bool {
    list.revokes(&Json::parse(Value::Object(claims).to_string().as_bytes()).unwrap())
}
