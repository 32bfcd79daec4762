//! Values that a front-end makes. Each has the place of a value of the file.

use crate::inspect::tree::{Tree, TreeValue};

/// An object at the place of another value.
pub fn object(at: &Tree, members: Vec<(&str, Tree)>) -> Tree {
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    placed(at, TreeValue::Object(members))
}

/// An object whose names come from the file.
pub fn map(at: &Tree, members: Vec<(String, Tree)>) -> Tree {
    placed(at, TreeValue::Object(members))
}

/// A list at the place of another value.
pub fn list(at: &Tree, items: Vec<Tree>) -> Tree {
    placed(at, TreeValue::List(items))
}

/// A text at the place of another value.
pub fn text(at: &Tree, text: impl Into<String>) -> Tree {
    placed(at, TreeValue::Text(text.into()))
}

/// A boolean at the place of another value.
pub fn boolean(at: &Tree, value: bool) -> Tree {
    placed(at, TreeValue::Bool(value))
}

/// A whole number at the place of another value.
pub fn number(at: &Tree, value: i64) -> Tree {
    placed(at, TreeValue::Number(value.to_string()))
}

fn placed(at: &Tree, value: TreeValue) -> Tree {
    Tree { line: at.line, source: at.source.clone(), value }
}
